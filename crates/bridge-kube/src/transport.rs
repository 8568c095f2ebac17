//! One request and its answer: deadline, server warnings, errors in kubectl's words.

use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, header::RETRY_AFTER};
use kube::{
    Client,
    client::Body,
    core::{params::ListParams, request},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    error::{Cause, HubError},
    failure::{self, Ask, Parties},
};

/// Objects a page. client-go's pager asks for as many.
const PAGE: u32 = 500;
/// How often a list begins anew because its continue token expired.
const LIST_ATTEMPTS: u32 = 3;
/// client-go's limit of `Retry-After` answers that it obeys (`rest/with_retry.go`).
const RETRIES: u32 = 10;
/// Longest `Retry-After` that is obeyed.
const RETRY_CAP: Duration = Duration::from_secs(30);

/// Sends requests. Unlike `kube::Api` it never logs a body that it cannot read: that body may be a Secret.
#[derive(Clone)]
pub(crate) struct Transport {
    pub client: Client,
    /// Deadline of each request.
    pub timeout: Option<Duration>,
    pub parties: Parties,
}

/// An answer and the server's `Warning` headers.
pub(crate) struct Answer<T> {
    pub value: T,
    pub warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(default)]
    items: Option<Vec<serde_json::Value>>,
}

#[derive(Deserialize, Default)]
struct PageMeta {
    #[serde(default, rename = "continue")]
    next: String,
}

impl Transport {
    /// Sends a request and reads the JSON that comes back.
    pub async fn send<T: DeserializeOwned>(
        &self,
        request: Result<Request<Vec<u8>>, request::Error>,
        ask: Ask<'_>,
    ) -> Result<Answer<T>, HubError> {
        let request = request.map_err(|error| HubError::Malformed {
            what: format!("the request to {} {}", ask.verb, ask.resource),
            cause: Cause::new(error.to_string()),
        })?;
        let exchange = self.exchange(request);
        let (status, headers, body) = match self.timeout.filter(|timeout| !timeout.is_zero()) {
            Some(limit) => tokio::time::timeout(limit, exchange)
                .await
                .map_err(|_| HubError::Timeout {
                    host: self.parties.host.clone(),
                    after: limit,
                })??,
            None => exchange.await?,
        };
        if !status.is_success() {
            return Err(failure::refusal(status.as_u16(), &body, ask, &self.parties));
        }
        let value = serde_json::from_slice(&body).map_err(|error| HubError::Malformed {
            what: format!(
                "the answer of {} to {} {}",
                self.parties.host, ask.verb, ask.resource
            ),
            cause: failure::json_cause(&error),
        })?;
        Ok(Answer {
            value,
            warnings: warnings(&headers),
        })
    }

    /// Every object of a list, page by page, each as `read` takes it: objects as they are sent are many times larger, and
    /// a hub may have tens of thousands.
    pub async fn list<T>(
        &self,
        path: &str,
        labels: Option<&str>,
        ask: Ask<'_>,
        read: impl Fn(serde_json::Value) -> Result<T, HubError>,
    ) -> Result<Vec<T>, HubError> {
        let mut attempt = 1;
        loop {
            // The last attempt asks for all at once: no token, nothing to expire.
            let page = (attempt < LIST_ATTEMPTS).then_some(PAGE);
            match self.list_pages(path, labels, page, ask, &read).await {
                Err(HubError::Api { code: 410, .. }) if attempt < LIST_ATTEMPTS => attempt += 1,
                other => return other,
            }
        }
    }

    async fn list_pages<T>(
        &self,
        path: &str,
        labels: Option<&str>,
        limit: Option<u32>,
        ask: Ask<'_>,
        read: impl Fn(serde_json::Value) -> Result<T, HubError>,
    ) -> Result<Vec<T>, HubError> {
        let mut params = ListParams {
            label_selector: labels.map(str::to_owned),
            limit,
            ..ListParams::default()
        };
        let mut all = Vec::new();
        loop {
            let request = kube::core::Request::new(path).list(&params);
            let page: Page = self.send(request, ask).await?.value;
            for item in page.items.into_iter().flatten() {
                all.push(read(item)?);
            }
            if page.metadata.next.is_empty() {
                return Ok(all);
            }
            params.continue_token = Some(page.metadata.next);
        }
    }

    /// Asks until the server no longer says when to ask again.
    async fn exchange(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), HubError> {
        let (parts, body) = request.into_parts();
        let mut tries = 0;
        loop {
            let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
            let response = self
                .client
                .send(request)
                .await
                .map_err(|error| failure::no_answer(&error, &self.parties))?;
            let status = response.status();
            if let Some(pause) = retry_after(status, response.headers()).filter(|_| tries < RETRIES) {
                tries += 1;
                tokio::time::sleep(pause).await;
                continue;
            }
            let headers = response.headers().clone();
            let bytes = response
                .into_body()
                .collect_bytes()
                .await
                .map_err(|error| failure::no_answer(&error, &self.parties))?;
            return Ok((status, headers, bytes.to_vec()));
        }
    }
}

/// An object of a list as a type of ours, without its `managedFields` being lost.
pub(crate) fn typed<T: DeserializeOwned>(value: serde_json::Value, kind: &str) -> Result<T, HubError> {
    let name = object_name(&value);
    serde_json::from_value(value).map_err(|error| HubError::Malformed {
        what: format!("{kind} \"{name}\""),
        cause: failure::json_cause(&error),
    })
}

/// `namespace/name` of an object, for a message.
pub(crate) fn object_name(value: &serde_json::Value) -> String {
    let text = |pointer: &str| value.pointer(pointer).and_then(serde_json::Value::as_str);
    let name = text("/metadata/name").unwrap_or_default();
    match text("/metadata/namespace") {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

/// 429 and 5xx with a `Retry-After` in seconds, as client-go has it.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
        return None;
    }
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_CAP))
}

/// `299 - "text"` (RFC 7234 5.5), as the API server sends them.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all("warning")
        .iter()
        .filter_map(|value| {
            let text = value.to_str().ok()?;
            let quoted = text.split_once('"')?.1.rsplit_once('"')?.0;
            Some(quoted.replace("\\\"", "\"").replace("\\\\", "\\"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_and_pauses_are_read_from_headers() {
        let mut headers = HeaderMap::new();
        headers.append("warning", "299 - \"old \\\"thing\\\"\"".parse().unwrap());
        headers.append("warning", "nothing".parse().unwrap());
        headers.insert(RETRY_AFTER, "3".parse().unwrap());
        assert_eq!(warnings(&headers), ["old \"thing\""]);
        assert_eq!(
            retry_after(StatusCode::TOO_MANY_REQUESTS, &headers),
            Some(Duration::from_secs(3))
        );
        assert_eq!(retry_after(StatusCode::CONFLICT, &headers), None);
    }
}
