use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use crate::component::Launch;
use crate::http_get::http_get;
use crate::hub::Hub;
use crate::ports;
use crate::scratch::Scratch;
use crate::service::{self, Ready, Service};

/// The ConfigMap and the Secret that make the service a plugin of Argo CD, as `plugin-manifests` names them.
const CONFIG_MAP: &str = "bridge-generator";
const TOKEN_SECRET: &str = "bridge-generator-token";
const TOKEN: &str = "a-token-for-tests-only";

/// The real `bridge-generator` on loopback, serving one hub, whose Argo CD is told how to reach it. It is killed on
/// drop; drop it before the hub.
#[derive(Debug)]
pub struct Generator {
    service: Service,
    port: u16,
    scratch: Scratch,
}

impl Generator {
    /// Starts `program` with a hub's administrator's kubeconfig, and waits until it serves a complete fleet or says
    /// that there is none. `flags` are added to those.
    ///
    /// # Errors
    /// When it does not become ready; the end of its log is in the message.
    pub async fn start(program: &Path, hub: &Hub, flags: &[&str]) -> Result<Self> {
        let scratch = Scratch::create("generator")?;
        let tokens = scratch.write("tokens", &format!("{TOKEN}\n"))?;
        let port = std::cell::Cell::new(0);
        let service = service::start(scratch.path(), || {
            let admin = ports::free()?;
            port.set(ports::free()?);
            let launch = Launch::new("bridge-generator", program.to_owned())
                .flag("--kubeconfig", hub.kubeconfig())
                .flag("--namespace", hub.namespace())
                .flag("--config-map", CONFIG_MAP)
                .flag("--listen", format!("127.0.0.1:{}", port.get()))
                .flag("--admin-listen", format!("127.0.0.1:{admin}"))
                .flag("--token-file", &tokens)
                .flag("--log-format", "text");
            let launch = flags.iter().fold(launch, |launch, flag| launch.arg(*flag));
            Ok((launch, Ready::Metrics(admin)))
        })
        .await?;
        let generator = Self {
            service,
            port: port.get(),
            scratch,
        };
        hub.apply(&generator.wiring().to_string()).await?;
        Ok(generator)
    }

    /// The base URL that Argo CD asks.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The bearer token that Argo CD sends.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// The file with the tokens that it accepts, one a line.
    pub fn token_file(&self) -> PathBuf {
        self.scratch.path().join("tokens")
    }

    /// A page of its admin port, for example `/metrics`.
    ///
    /// # Errors
    /// When it does not answer with 200.
    pub async fn admin(&self, path: &str) -> Result<String> {
        http_get(self.service.port, path).await
    }

    /// All that it has logged so far.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        self.service.component.log()
    }

    /// Fails, with the end of its log, when it has ended by itself.
    ///
    /// # Errors
    /// As said.
    pub fn check_alive(&self) -> Result<()> {
        self.service.component.check_alive()
    }

    fn wiring(&self) -> serde_json::Value {
        let labels = json!({"app.kubernetes.io/part-of": "argocd"});
        json!({"apiVersion": "v1", "kind": "List", "items": [
            {
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG_MAP, "labels": labels},
                "data": {"baseUrl": self.url(), "token": format!("${TOKEN_SECRET}:token")},
            },
            {
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": TOKEN_SECRET, "labels": labels},
                "stringData": {"token": TOKEN},
            },
        ]})
    }
}
