//! What is answered when there is no answer.
//!
//! Everything here is a non-2xx: an empty 2xx would delete every Application of the ApplicationSet. The texts are short
//! and constant for one input, because Argo CD writes them into the status of the ApplicationSet, where each new text is
//! a write.

use std::error::Error as _;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bridge_core::request::RequestError;
use bridge_kube::watch::NoFleet;
use serde_json::json;

/// Why a request gets no parameters.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Some other path.
    #[error(
        "unknown path; this service answers POST /api/v1/getparams.execute (check baseUrl in the plugin's ConfigMap)"
    )]
    UnknownPath,
    /// Some other method.
    #[error("method not allowed; this path answers POST")]
    WrongMethod,
    /// No token, or one that is not known.
    #[error("the bearer token is missing or unknown")]
    UnknownToken,
    /// Argo CD sends the reference itself when the Secret lacks the key (Argo CD `util/settings`).
    #[error(
        "the bearer token is a reference that Argo CD could not resolve: the key it names is missing in the Secret (see token in the plugin's ConfigMap)"
    )]
    UnresolvedToken,
    /// More than any ApplicationSet can hold.
    #[error("the request body is larger than 1 MiB")]
    TooLarge,
    /// The body took too long.
    #[error("the request body did not arrive in time")]
    Late,
    /// The connection broke in the body.
    #[error("the request body is incomplete")]
    Incomplete,
    /// Not what Argo CD sends.
    #[error(
        "the request body is not the JSON of a plugin generator: {{\"applicationSetName\":…,\"input\":{{\"parameters\":{{…}}}}}}"
    )]
    NotJson,
    /// A question that cannot be answered.
    #[error(transparent)]
    Input(#[from] RequestError),
    /// Nothing to answer from.
    #[error(transparent)]
    NoFleet(#[from] NoFleet),
}

impl Refusal {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnknownToken | Self::UnresolvedToken => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
            Self::Incomplete | Self::NotJson | Self::Input(_) => StatusCode::BAD_REQUEST,
            Self::NoFleet(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What Argo CD shows.
    pub fn message(&self) -> String {
        match self {
            Self::Input(input) => match input.source() {
                Some(cause) => format!("{input}: {cause}"),
                None => input.to_string(),
            },
            other => other.to_string(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = json_response(self.status(), json!({ "message": self.message() }).to_string());
        let headers = response.headers_mut();
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        // The rest of a body is not read, and who has no token gets no connection to keep.
        if !matches!(self, Self::NotJson | Self::Input(_) | Self::NoFleet(_)) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A JSON response. Always with Content-Length: Argo CD takes a body that is cut off for an empty list unless it knows
/// how long it should have been.
pub(crate) fn json_response(status: StatusCode, body: String) -> Response {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, length);
    response
}
