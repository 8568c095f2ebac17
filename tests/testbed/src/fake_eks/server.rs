use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::cluster::DEFAULT_ACCOUNT;
use super::{EksRequest, State, lock};

pub(super) async fn serve(
    listener: std::net::TcpListener,
    state: Arc<Mutex<State>>,
    stopped: oneshot::Receiver<()>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let app = Router::new().fallback(answer).with_state(state);
    // Not a graceful end: a client that keeps its connection open would keep the test from ending.
    tokio::select! {
        _ = axum::serve(listener, app) => {}
        _ = stopped => {}
    }
}

async fn answer(Shared(state): Shared<Arc<Mutex<State>>>, request: Request) -> Response {
    let (access_key, region) = scope(request.headers()).unwrap_or_default();
    let path = request.uri().path().to_owned();
    let mut state = lock(&state);
    state.requests.push(EksRequest {
        method: request.method().to_string(),
        path: request
            .uri()
            .path_and_query()
            .map_or_else(|| path.clone(), ToString::to_string),
        region: region.clone(),
        access_key: access_key.clone(),
        user_agent: header(request.headers(), &USER_AGENT).to_owned(),
    });
    if access_key.is_empty() {
        return error(
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
            json!({}),
        );
    }
    if let Some((code, http)) = state.failures.pop_front() {
        let message = match code.as_str() {
            "ThrottlingException" | "TooManyRequestsException" => "Rate exceeded".to_owned(),
            "AccessDeniedException" => format!(
                "User: arn:aws:iam::{DEFAULT_ACCOUNT}:user/testbed is not authorized to perform: eks:DescribeCluster on \
                 resource: {path}"
            ),
            _ => format!("{code}, as the test asked for"),
        };
        return error(http, &code, &message, json!({}));
    }
    match (request.method(), path.strip_prefix("/clusters/")) {
        (&Method::GET, Some(name)) if !name.is_empty() && !name.contains('/') => {
            describe_cluster(&state, &region, &access_key, name)
        }
        _ => error(404, "UnknownOperationException", "", json!({})),
    }
}

fn describe_cluster(state: &State, region: &str, access_key: &str, name: &str) -> Response {
    let is_account = access_key.len() == 12 && access_key.bytes().all(|byte| byte.is_ascii_digit());
    let account = if is_account { access_key } else { DEFAULT_ACCOUNT };
    let found = state
        .clusters
        .iter()
        .find(|c| c.name == name && c.region == region && c.account == account);
    match found {
        Some(cluster) => response(StatusCode::OK, &cluster.describe()),
        None => error(
            404,
            "ResourceNotFoundException",
            &format!("No cluster found for name: {name}."),
            // EKS names all that an error of this kind can be about, most of it null.
            json!({"clusterName": null, "nodegroupName": null, "fargateProfileName": null, "addonName": null}),
        ),
    }
}

/// Access key and region of a signature: `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/eks/aws4_request, …`.
fn scope(headers: &HeaderMap) -> Option<(String, String)> {
    let (_, credential) = header(headers, &AUTHORIZATION).split_once("Credential=")?;
    let mut parts = credential.split(',').next()?.split('/');
    let access_key = parts.next()?;
    let region = parts.nth(1)?;
    (parts.next() == Some("eks")).then(|| (access_key.to_owned(), region.to_owned()))
}

fn header<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// An error as rest-json services send it: the code in a header, the message in the body.
fn error(http: u16, code: &str, message: &str, mut body: Value) -> Response {
    body["message"] = json!(message);
    let status = StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ([("x-amzn-errortype", code.to_owned())], response(status, &body)).into_response()
}

fn response(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (CONTENT_TYPE.as_str(), "application/json"),
        ("x-amzn-requestid", "00000000-0000-4000-8000-000000000000"),
    ];
    (status, headers, body.to_string()).into_response()
}
