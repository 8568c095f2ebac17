use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::page;
use super::super::reply::{Answer, Refusal};
use super::super::world::World;

pub(super) fn tag(world: &mut World, call: &Call) -> Answer {
    let role = world.role_of(call)?;
    let mut tags = role.spec.tags.clone();
    tags.extend(call.tags());
    check(&tags)?;
    role.spec.tags = tags;
    Ok(Value::Null)
}

pub(super) fn untag(world: &mut World, call: &Call) -> Answer {
    let role = world.role_of(call)?;
    for key in call.strings("TagKeys") {
        role.spec.tags.remove(&key);
    }
    Ok(Value::Null)
}

pub(super) fn list(world: &mut World, call: &Call) -> Answer {
    let limit = world.page_size;
    let tags = shown(&world.role_of(call)?.spec.tags);
    page::iam(call, limit, "Tags", tags)
}

pub(super) fn shown(tags: &BTreeMap<String, String>) -> Vec<Value> {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

/// What IAM says to tags: fewer characters than EKS, which takes any.
pub(super) fn check(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.len() > 50 {
        return Err(Refusal::new(
            409,
            "LimitExceeded",
            "The number of tags has reached the maximum limit.",
        ));
    }
    let fine = |text: &str| {
        text.chars()
            .all(|letter| letter.is_alphanumeric() || letter == ' ' || "_.:/=+-@".contains(letter))
    };
    for (key, value) in tags {
        if !(1..=128).contains(&key.chars().count())
            || value.chars().count() > 256
            || !fine(key)
            || !fine(value)
        {
            return Err(Refusal::validation(format!(
                "1 validation error detected: Value '{key}={value}' at 'tags' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]+"
            )));
        }
    }
    Ok(())
}

pub(super) fn check_policy_arn(arn: &str) -> Result<(), Refusal> {
    if arn.starts_with("arn:") && arn.contains(":policy/") {
        return Ok(());
    }
    Err(Refusal::validation(format!("ARN {arn} is not valid.")))
}
