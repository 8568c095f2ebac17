//! Pages: never more than the stand-in's page size, whatever the caller asks for.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::call::Call;
use super::reply::{Answer, Refusal};

/// The output of an EKS list: `member` with this page, and `nextToken` if there is more.
pub(super) fn eks(call: &Call, limit: usize, member: &str, all: Vec<Value>) -> Answer {
    let asked = match call.parameter("maxResults").map(str::parse::<usize>) {
        None => 100,
        Some(Ok(asked @ 1..=100)) => asked,
        Some(_) => return Err(Refusal::parameter("maxResults must be between 1 and 100")),
    };
    let (items, next) = cut(call, "nextToken", asked.min(limit), all)
        .ok_or_else(|| Refusal::parameter("The nextToken parameter is invalid."))?;
    let mut output = serde_json::Map::new();
    output.insert(member.to_owned(), items.into());
    if let Some(next) = next {
        output.insert("nextToken".to_owned(), next.into());
    }
    Ok(output.into())
}

/// The output of an IAM list: `member` with this page, `IsTruncated`, and `Marker` if there is more.
pub(super) fn iam(call: &Call, limit: usize, member: &str, all: Vec<Value>) -> Answer {
    let asked = match call.parameter("MaxItems").map(str::parse::<usize>) {
        None => 100,
        Some(Ok(asked @ 1..=1000)) => asked,
        Some(_) => return Err(Refusal::validation("MaxItems must be between 1 and 1000")),
    };
    let (items, next) =
        cut(call, "Marker", asked.min(limit), all).ok_or_else(|| Refusal::validation("Invalid Marker"))?;
    let mut output = serde_json::Map::new();
    output.insert(member.to_owned(), items.into());
    output.insert("IsTruncated".to_owned(), next.is_some().into());
    if let Some(next) = next {
        output.insert("Marker".to_owned(), next.into());
    }
    Ok(output.into())
}

/// A token is good for its operation and object only, and says nothing to a reader.
fn cut(call: &Call, token: &str, limit: usize, all: Vec<Value>) -> Option<(Vec<Value>, Option<String>)> {
    let mark = format!("{}/{}/", call.operation.name, call.object());
    let from = match call.parameter(token) {
        None => 0,
        Some(token) => {
            let text = String::from_utf8(BASE64_STANDARD.decode(token).ok()?).ok()?;
            text.strip_prefix(&mark)?.parse::<usize>().ok()?
        }
    };
    let until = from.saturating_add(limit.max(1));
    let next = (until < all.len()).then(|| BASE64_STANDARD.encode(format!("{mark}{until}")));
    let items = all.into_iter().skip(from).take(until - from).collect();
    Some((items, next))
}
