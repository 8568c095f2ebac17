//! The door that Argo CD knocks on.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::post,
};
use bridge_core::{parameters, request::Request as Question};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    refusal::{Refusal, json_response},
    service::Service,
};

/// The path of the protocol (Argo CD `applicationset/services/plugin/plugin_service.go`).
pub const PATH: &str = "/api/v1/getparams.execute";
/// An ApplicationSet, the largest thing that a body can quote, is no larger in etcd.
const BODY_LIMIT: usize = 1024 * 1024;
/// Argo CD itself waits 30 s for the whole of a call.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// What Argo CD sends; later versions may send more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    #[serde(default)]
    application_set_name: String,
    #[serde(default)]
    input: Input,
}

#[derive(Deserialize, Default)]
struct Input {
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
}

/// The name of the ApplicationSet that asked, on the way to the metrics. Only of callers that showed a token.
#[derive(Clone)]
struct AskedBy(String);

/// The whole service as one router: `POST /api/v1/getparams.execute` and clear refusals for all else.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(PATH, post(getparams))
        .method_not_allowed_fallback(async || Refusal::WrongMethod)
        .fallback(async || Refusal::UnknownPath)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), measure))
        .with_state(service)
}

/// Counts each request, and times it.
async fn measure(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let response = next.run(request).await;
    let asked_by = response.extensions().get::<AskedBy>();
    // Names of what does not exist would let a caller grow the metrics without limit.
    let name = asked_by.map(|AskedBy(name)| name.as_str());
    let name = name
        .filter(|name| service.answered.knows(name))
        .unwrap_or("other");
    service.metrics.request(response.status(), name, start.elapsed());
    response
}

async fn getparams(State(service): State<Arc<Service>>, request: Request) -> Response {
    if let Err(refusal) = authenticate(&service, request.headers()) {
        return refusal.into_response();
    }
    let call = match call(request).await {
        Ok(call) => call,
        Err(refusal) => return refusal.into_response(),
    };
    let mut response = match answer(&service, &call) {
        Ok(body) => json_response(StatusCode::OK, body),
        Err(refusal) => {
            tracing::debug!(
                applicationset = call.application_set_name,
                refusal = refusal.message(),
                "refused"
            );
            refusal.into_response()
        }
    };
    response
        .extensions_mut()
        .insert(AskedBy(call.application_set_name));
    response
}

fn authenticate(service: &Service, headers: &HeaderMap) -> Result<(), Refusal> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or(Refusal::UnknownToken)?;
    if service.tokens.admit(token) {
        service.unresolved(false);
        Ok(())
    } else if token.starts_with('$') {
        if service.unresolved(true) {
            tracing::warn!(
                "a bearer token starts with $: the key is missing in the Secret that the plugin's ConfigMap names"
            );
        }
        Err(Refusal::UnresolvedToken)
    } else {
        Err(Refusal::UnknownToken)
    }
}

async fn call(request: Request) -> Result<Call, Refusal> {
    let body = body(request).await?;
    serde_json::from_slice(&body).map_err(|_| Refusal::NotJson)
}

async fn body(request: Request) -> Result<Bytes, Refusal> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > BODY_LIMIT) {
        return Err(Refusal::TooLarge);
    }
    let body = Bytes::from_request(request, &());
    match tokio::time::timeout(BODY_WITHIN, body).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Refusal::TooLarge),
        Ok(Err(_)) => Err(Refusal::Incomplete),
        Err(_) => Err(Refusal::Late),
    }
}

fn answer(service: &Service, call: &Call) -> Result<String, Refusal> {
    let none = Map::new();
    let question = Question::parse(call.input.parameters.as_ref().unwrap_or(&none))?;
    let fleet = service.answered.note(&call.application_set_name, || {
        service.view.fleet(service.max_staleness)
    })?;
    Ok(parameters::answer(&fleet, &question))
}
