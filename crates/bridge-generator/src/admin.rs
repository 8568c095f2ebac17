//! The port for the kubelet and for Prometheus.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use bridge_kube::watch::Restarts;

use crate::service::Service;

/// The Content-Type of what `prometheus-client` writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone)]
struct Admin {
    service: Arc<Service>,
    restarts: Arc<[(&'static str, Restarts)]>,
}

/// `/livez`, `/readyz` and `/metrics`. No token: none of them tells anything about a cluster but how many there are.
pub fn router(service: Arc<Service>, restarts: Vec<(&'static str, Restarts)>) -> Router {
    let admin = Admin {
        service,
        restarts: restarts.into(),
    };
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .layer(middleware::map_response(close))
        .with_state(admin)
}

/// Anybody may ask here, and none may keep a connection that the kubelet needs.
async fn close(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

async fn readyz(State(admin): State<Admin>) -> Response {
    match admin.service.readiness() {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match admin.service.metrics.text(&admin.service.view, &admin.restarts) {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
