//! A way to a hub on which a write can be held up: to kill a program at that moment.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kube::Client;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::hub::Hub;
use crate::scratch::Scratch;

/// Larger than anything that an API server takes.
const LARGEST: usize = 16 << 20;

/// Passes requests on to a hub's API server as an administrator, and holds up one write if told to.
#[derive(Debug)]
pub struct Gate {
    shared: Arc<Shared>,
    kubeconfig: PathBuf,
    server: JoinHandle<()>,
    _scratch: Scratch,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<Passed>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Passed {
    /// `POST /api/v1/namespaces/argocd/secrets`: all writes that came, in order.
    writes: Vec<String>,
    /// From which write on none is answered, and whether that one is carried out.
    hold: Option<(At, bool)>,
    holds: bool,
}

/// A write.
#[derive(Debug)]
enum At {
    /// Counted from 1.
    Number(usize),
    /// As it is noted down.
    Words(String),
}

impl Gate {
    /// Opens one, on a port of its own.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn open(hub: &Hub) -> Result<Self> {
        let scratch = Scratch::create("gate")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let server = format!("http://{}", listener.local_addr()?);
        let namespace = hub.namespace();
        let kubeconfig = scratch.write(
            "kubeconfig",
            &format!(
                "{{apiVersion: v1, kind: Config, current-context: hub, clusters: [{{name: hub, cluster: {{server: '{server}'}}}}], \
                 users: [{{name: hub, user: {{}}}}], contexts: [{{name: hub, context: {{cluster: hub, user: hub, namespace: \
                 {namespace}}}}}]}}\n"
            ),
        )?;
        let shared = Arc::new(Shared::default());
        let state = (Arc::clone(&shared), hub.client().await?);
        let router = axum::Router::new().fallback(pass).with_state(state);
        let server = tokio::spawn(async move {
            drop(axum::serve(listener, router).await);
        });
        Ok(Self {
            shared,
            kubeconfig,
            server,
            _scratch: scratch,
        })
    }

    /// A kubeconfig whose only context, `hub`, goes through it.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The writes since the last [`Gate::clear`], dry runs not counted.
    pub fn writes(&self) -> Vec<String> {
        self.shared.lock().writes.clone()
    }

    /// Forgets all writes, and lets all through.
    pub fn clear(&self) {
        *self.shared.lock() = Passed::default();
    }

    /// Forgets all writes and answers none from the `n`th on, counted from 1; `done`: that one is carried out all the same.
    pub fn hold_at(&self, n: usize, done: bool) {
        *self.shared.lock() = Passed {
            hold: Some((At::Number(n), done)),
            ..Passed::default()
        };
    }

    /// Forgets all writes and answers none from this one on, such as `DELETE /api/v1/namespaces/argocd/secrets/dev`, which is
    /// not carried out.
    pub fn hold_before(&self, write: &str) {
        *self.shared.lock() = Passed {
            hold: Some((At::Words(write.to_owned()), false)),
            ..Passed::default()
        };
    }

    /// Waits until it holds a write up, and until that is carried out where it is to be. `false`: no such write came.
    pub fn wait_until_holding(&self, limit: Duration) -> bool {
        let (passed, _) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), limit, |passed| !passed.holds)
            .unwrap_or_else(PoisonError::into_inner);
        passed.holds
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Passed> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a write down. `Some`: it is not answered; whether it is carried out.
    fn note(&self, write: String) -> Option<bool> {
        let mut passed = self.lock();
        passed.writes.push(write);
        let (at, done) = passed.hold.as_ref()?;
        let first = match at {
            At::Number(n) => *n,
            At::Words(words) => passed.writes.iter().position(|write| write == words)? + 1,
        };
        let now = passed.writes.len();
        (now >= first).then_some(now == first && *done)
    }

    fn hold(&self) {
        self.lock().holds = true;
        self.changed.notify_all();
    }
}

async fn pass(State((shared, client)): State<(Arc<Shared>, Client)>, request: Request) -> Response {
    let held = write(&request).and_then(|write| shared.note(write));
    if held == Some(false) {
        shared.hold();
        return std::future::pending().await;
    }
    let answer = forward(&client, request).await;
    if held == Some(true) {
        shared.hold();
        return std::future::pending().await;
    }
    answer.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response())
}

/// A request that changes something, in words. Reviews change nothing.
fn write(request: &Request) -> Option<String> {
    let (method, uri) = (request.method(), request.uri());
    let reads = [Method::GET, Method::HEAD].contains(method);
    let tries = uri.query().is_some_and(|query| query.contains("dryRun="));
    let asks = uri.path().starts_with("/apis/authentication.k8s.io/");
    (!reads && !tries && !asks).then(|| format!("{method} {}", uri.path()))
}

async fn forward(client: &Client, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.context("reading a request")?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut onward = http::Request::builder().method(parts.method).uri(path);
    for (name, value) in &parts.headers {
        if ![header::HOST, header::CONTENT_LENGTH, header::CONNECTION].contains(name) {
            onward = onward.header(name, value);
        }
    }
    let answer = client.send(onward.body(body.to_vec().into())?).await?;
    Ok(answer.map(Body::new))
}
