//! A scripted API server: each test says which requests it expects and what comes back.

use std::collections::VecDeque;

use http::{Request, Response};
use kube::{Client, client::Body};
use serde_json::Value;

use super::LiveHub;
use crate::{
    connect::{Connected, Target},
    failure::Parties,
};

/// One expected request and its answer.
pub(super) struct Exchange {
    pub method: &'static str,
    /// Path and query, as a whole.
    pub uri: &'static str,
    pub status: u16,
    pub answer: Value,
}

/// What was sent, for assertions.
pub(super) struct Sent {
    pub content_type: String,
    pub body: Value,
}

pub(super) fn exchange(method: &'static str, uri: &'static str, status: u16, answer: Value) -> Exchange {
    Exchange {
        method,
        uri,
        status,
        answer,
    }
}

/// A hub whose API server answers by the script, and what it was sent in the end. A request that the script does not
/// expect fails the test.
pub(super) fn hub(script: Vec<Exchange>) -> (LiveHub, tokio::task::JoinHandle<Vec<Sent>>) {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let mut script = VecDeque::from(script);
    let server = tokio::spawn(async move {
        let mut sent = Vec::new();
        while let Some((request, respond)) = handle.next_request().await {
            let (parts, body) = request.into_parts();
            let uri = parts.uri.to_string();
            let expected = script
                .pop_front()
                .unwrap_or_else(|| panic!("unexpected {} {uri}", parts.method));
            assert_eq!(
                (parts.method.as_str(), uri.as_str()),
                (expected.method, expected.uri)
            );
            let bytes = body.collect_bytes().await.unwrap();
            sent.push(Sent {
                content_type: parts
                    .headers
                    .get("content-type")
                    .map(|value| value.to_str().unwrap().to_owned())
                    .unwrap_or_default(),
                body: serde_json::from_slice(&bytes).unwrap_or_default(),
            });
            let answer = Body::from(expected.answer.to_string().into_bytes());
            respond.send_response(Response::builder().status(expected.status).body(answer).unwrap());
        }
        assert!(script.is_empty(), "{} expected requests never came", script.len());
        sent
    });
    let connected = Connected {
        client: Client::new(service, "argocd"),
        target: Target {
            context: "dev-hub".into(),
            cluster: "dev-hub".into(),
            server: "https://hub".into(),
            user: "kubeconfig-user".into(),
        },
        parties: Parties {
            host: "hub".into(),
            user: "kubeconfig-user".into(),
            credential_command: None,
        },
    };
    (LiveHub::new(connected, "argocd".into(), None), server)
}
