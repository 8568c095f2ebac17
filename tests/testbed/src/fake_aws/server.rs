use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::HeaderName;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::Value;
use tokio::sync::oneshot;

use super::call::{Call, Caller, Scope, Service, header};
use super::faults::{Harm, asked_for, not_authorized};
use super::record::{AwsCall, EksRequest};
use super::reply::{Answer, Refusal, render};
use super::{State, eks, iam, lock, percent, sts};

const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

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
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let (response, latency) = {
        let mut state = lock(&state);
        (respond(&mut state, &parts, &body), state.latency)
    };
    if latency > Duration::ZERO {
        tokio::time::sleep(latency).await;
    }
    match response {
        Some(response) => response,
        None => std::future::pending().await,
    }
}

/// The answer; `None` for one that never comes.
fn respond(state: &mut State, parts: &Parts, body: &[u8]) -> Option<Response> {
    let scope = Scope::of(&parts.headers);
    remember(state, parts, scope.as_ref());
    let number = state.requests.len() + state.calls.len();
    let Some(scope) = scope else {
        let (service, code) = if parts.uri.path() == "/" {
            (Service::Iam, "MissingAuthenticationToken")
        } else {
            (Service::Eks, "MissingAuthenticationTokenException")
        };
        let refusal = Refusal::new(403, code, "Missing Authentication Token");
        return Some(render(service, "", number, &Err(refusal)));
    };
    let call = match read(state, parts, body, &scope) {
        Ok(call) => call,
        Err(refusal) => return Some(render(scope.service, "", number, &Err(refusal))),
    };
    let at = state.calls.len();
    state.calls.push(AwsCall::of(&call));
    let harm = state.faults.take(&call);
    let answer = match &harm {
        Some(Harm::Refuse(None)) => Some(Err(Refusal::throttled(call.service))),
        Some(Harm::Refuse(Some((code, http)))) => Some(Err(asked_for(&call, code, *http))),
        Some(Harm::LoseAnswer(code, http)) => {
            drop(run(state, &call));
            Some(Err(asked_for(&call, code, *http)))
        }
        Some(Harm::HangBefore) => None,
        Some(Harm::HangAfter) => {
            drop(run(state, &call));
            None
        }
        None => Some(run(state, &call)),
    };
    let record = &mut state.calls[at];
    record.injected = harm.is_some();
    let Some(answer) = answer else {
        record.error = Some("(no answer)".to_owned());
        state.hanging += 1;
        return None;
    };
    record.error = answer.as_ref().err().map(|refusal| refusal.code.clone());
    Some(render(call.service, call.operation.name, number, &answer))
}

/// The requests for EKS, and those without a signature.
fn remember(state: &mut State, parts: &Parts, scope: Option<&Scope>) {
    if scope.is_some_and(|scope| scope.service != Service::Eks) {
        return;
    }
    let text = |part: fn(&Scope) -> &String| scope.map(|scope| part(scope).clone()).unwrap_or_default();
    state.requests.push(EksRequest {
        method: parts.method.to_string(),
        path: parts
            .uri
            .path_and_query()
            .map_or_else(|| parts.uri.path().to_owned(), ToString::to_string),
        region: text(|scope| &scope.region),
        access_key: text(|scope| &scope.access_key),
        user_agent: header(&parts.headers, &USER_AGENT).to_owned(),
    });
}

/// What a request asks for, and who asks.
fn read(state: &State, parts: &Parts, body: &[u8], scope: &Scope) -> Result<Call, Refusal> {
    let token = header(&parts.headers, &SECURITY_TOKEN);
    let caller: Caller = state.world.caller(&scope.access_key, token).map_err(|message| {
        let code = match scope.service {
            Service::Eks => "UnrecognizedClientException",
            Service::Iam | Service::Sts => "InvalidClientTokenId",
        };
        Refusal::new(403, code, message)
    })?;
    let body = String::from_utf8_lossy(body);
    let call = |operation, path, parameters, body| Call {
        service: scope.service,
        operation,
        region: scope.region.clone(),
        caller,
        path,
        parameters,
        body,
    };
    if scope.service == Service::Eks {
        let (operation, path) = eks::route(parts.method.as_str(), parts.uri.path())
            .ok_or_else(|| Refusal::new(404, "UnknownOperationException", ""))?;
        let parameters = percent::pairs(parts.uri.query().unwrap_or_default());
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&body)
                .map_err(|error| Refusal::new(400, "SerializationException", error.to_string()))?
        };
        return Ok(call(operation, path, parameters, body));
    }
    let form = percent::pairs(&body);
    let text = |name: &str| {
        form.iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
            .unwrap_or_default()
    };
    let (action, version) = (text("Action"), text("Version"));
    let operation = match scope.service {
        Service::Iam => iam::route(action),
        _ => sts::route(action),
    };
    let operation = operation.ok_or_else(|| {
        let message = format!("Could not find operation {action} for version {version}");
        Refusal::new(400, "InvalidAction", message)
    })?;
    Ok(call(
        operation,
        std::collections::BTreeMap::new(),
        form,
        Value::Null,
    ))
}

/// Does it, if the caller may.
fn run(state: &mut State, call: &Call) -> Answer {
    let refused = call
        .actions()
        .into_iter()
        .find(|action| !state.permissions.allow(call.account(), action));
    match refused {
        // Everyone may ask who they are.
        Some(action) if call.operation.name != "GetCallerIdentity" => {
            Err(Refusal::denied(call.service, not_authorized(call, &action)))
        }
        _ => (call.operation.run)(&mut state.world, call),
    }
}
