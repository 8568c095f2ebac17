//! What EKS does for its clusters besides answering an API: it gives pods the credentials of a role, and tells a cluster's API
//! server who a token of AWS is and what access entries let him do.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::fake_aws::{Access, FakeAws};
use crate::presigned::Presigned;

/// What groups are called that stand for access policies.
pub(crate) const POLICY_GROUP: &str = "testbed:access-policy:";

/// Pod identity and authentication for the EKS clusters of a [`FakeAws`].
///
/// A token is that of a presigned request to STS, made by any client of AWS; its signature is verified, with the name of the
/// cluster in it, as STS does for EKS. Whether and as whom it is let in is what the access entries of the [`FakeAws`] say at
/// that moment. Runs on a thread of its own.
#[derive(Debug)]
pub struct EksAuth {
    port: u16,
    aws: Arc<FakeAws>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Clone, Debug)]
struct Served {
    aws: Arc<FakeAws>,
    /// The role of the pods.
    role: String,
}

impl EksAuth {
    /// Starts it. `role`: the ARN of the role whose credentials pods get.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(aws: &Arc<FakeAws>, role: &str) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")
            .context("no loopback port for the authentication of EKS")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let served = Served {
            aws: Arc::clone(aws),
            role: role.to_owned(),
        };
        let router = Router::new()
            .route("/credentials", get(credentials))
            .route("/clusters/{arn}", post(review))
            .with_state(served);
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("eks-auth".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                        return;
                    };
                    tokio::select! {
                        _ = axum::serve(listener, router) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            port,
            aws: Arc::clone(aws),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The environment of a pod with that role, for any client of AWS.
    pub fn env(&self) -> Vec<(String, String)> {
        let mut env = self.aws.env();
        env.retain(|(name, _)| !name.contains("ACCESS_KEY"));
        env.push((
            "AWS_CONTAINER_CREDENTIALS_FULL_URI".to_owned(),
            format!("http://127.0.0.1:{}/credentials", self.port),
        ));
        env
    }

    /// Where the API server of the cluster with this ARN asks.
    pub(crate) fn webhook(&self, cluster_arn: &str) -> String {
        let arn = BASE64_URL_SAFE_NO_PAD.encode(cluster_arn);
        format!("http://127.0.0.1:{}/clusters/{arn}", self.port)
    }
}

impl Drop for EksAuth {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// As the agent of pod identity answers (the container credentials provider of the SDKs).
async fn credentials(State(served): State<Served>) -> Result<Json<Value>, StatusCode> {
    let mut credentials = served
        .aws
        .pod_credentials(&served.role)
        .ok_or(StatusCode::NOT_FOUND)?;
    credentials["Token"] = credentials["SessionToken"].take();
    Ok(Json(credentials))
}

/// Answers a `TokenReview`.
async fn review(
    State(served): State<Served>,
    Path(arn): Path<String>,
    Json(asked): Json<Value>,
) -> Json<Value> {
    let token = asked["spec"]["token"].as_str().unwrap_or_default();
    let status = match user(&served.aws, &arn, token) {
        Ok(user) => json!({"authenticated": true, "user": user}),
        Err(error) => json!({"authenticated": false, "error": format!("{error:#}")}),
    };
    Json(json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}))
}

fn user(aws: &FakeAws, arn: &str, token: &str) -> Result<Value> {
    let arn = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(arn)?)?;
    let name = arn.rsplit('/').next().unwrap_or_default();
    let presigned = Presigned::of(token)?;
    let signer = aws
        .signer(&presigned.access_key()?, &presigned.session_token())
        .context("nobody has that key")?;
    presigned.verify(&signer.secret, name)?;
    let principal = signer.role.as_deref().unwrap_or(&signer.arn);
    let Access::Granted { groups, policies } = aws.access(&arn, principal) else {
        anyhow::bail!("{principal} has no access entry that is any good on {arn}");
    };
    let everywhere = policies.iter().filter(|(_, namespaces)| namespaces.is_empty());
    let groups: Vec<String> = everywhere
        .map(|(policy, _)| format!("{POLICY_GROUP}{policy}"))
        .chain(groups)
        .collect();
    Ok(json!({"username": signer.arn, "uid": principal, "groups": groups}))
}
