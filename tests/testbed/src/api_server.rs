use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use tokio::time::{Instant, sleep, timeout};

use crate::audit::{self, AuditEvent};
use crate::binaries::Binaries;
use crate::component::{Component, Launch};
use crate::kubeconfig::{self, Entry, User};
use crate::kubectl::Kubectl;
use crate::pki::Pki;
use crate::ports;
use crate::scratch::Scratch;

/// How often a start is tried again with other ports, when another process was faster to take one.
const TRIES: u32 = 5;
const AUDIT_LOG: &str = "audit.log";
const WEBHOOK: &str = "token-webhook.yaml";
const READY_WITHIN: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(25);

/// etcd and a kube-apiserver with TLS and RBAC, in a temporary folder.
#[derive(Debug)]
pub(crate) struct ApiServer {
    // Dropped in this order: whoever writes into the folder goes before the folder.
    server: Component,
    etcd: Component,
    pub(crate) binaries: Binaries,
    pub(crate) pki: Pki,
    pub(crate) port: u16,
    /// Whom it asks about tokens that it does not know.
    webhook: Option<String>,
    pub(crate) scratch: Scratch,
}

impl ApiServer {
    /// Starts one and waits until it is ready, 2 to 3 seconds.
    pub(crate) async fn start(purpose: &str) -> Result<Self> {
        Self::start_with(purpose, None).await
    }

    /// [`ApiServer::start`] of one that asks a webhook about tokens that it does not know.
    pub(crate) async fn start_with(purpose: &str, webhook: Option<&str>) -> Result<Self> {
        let binaries = Binaries::locate()?;
        let mut tries = 0;
        loop {
            tries += 1;
            let started = Self::launch(binaries.clone(), purpose, webhook)?;
            match started.wait_until_ready().await {
                Ok(()) => return Ok(started),
                Err(error) if tries == TRIES || !started.lost_a_port() => return Err(error),
                Err(_) => {}
            }
        }
    }

    fn launch(binaries: Binaries, purpose: &str, webhook: Option<&str>) -> Result<Self> {
        let scratch = Scratch::create(purpose)?;
        let pki = Pki::generate()?;
        scratch.write("ca.crt", &pki.authority)?;
        scratch.write("server.crt", &pki.server.certificate)?;
        scratch.write("server.key", &pki.server.key)?;
        scratch.write("service-account.key", &pki.service_account_key)?;
        scratch.write("service-account.pub", &pki.service_account_public_key)?;
        scratch.write("audit-policy.yaml", audit::POLICY)?;
        if let Some(url) = webhook {
            scratch.write(WEBHOOK, &format!(
                "{{apiVersion: v1, kind: Config, current-context: x, clusters: [{{name: x, cluster: {{server: '{url}'}}}}], users: \
                 [{{name: x}}], contexts: [{{name: x, context: {{cluster: x, user: x}}}}]}}\n"
            ))?;
        }
        let port = ports::free()?;
        let etcd = Component::start(scratch.path(), &etcd(&binaries))?;
        let server = Component::start(scratch.path(), &kube_apiserver(&binaries, port, webhook))?;
        Ok(Self {
            server,
            etcd,
            binaries,
            pki,
            port,
            webhook: webhook.map(str::to_owned),
            scratch,
        })
    }

    fn lost_a_port(&self) -> bool {
        self.server.lost_its_port() || self.etcd.lost_its_port()
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let admin = self.scratch.path().join("admin.kubeconfig");
        self.write_admin_kubeconfig(&admin, "admin", "default")?;
        let client = kubeconfig::client(&admin).await?;
        let start = Instant::now();
        loop {
            self.etcd.check_alive()?;
            self.server.check_alive()?;
            // The namespace comes a moment after /readyz turns good, and much needs it.
            let look = async {
                client
                    .request_text(http::Request::get("/readyz").body(Vec::new())?)
                    .await?;
                Api::<Namespace>::all(client.clone()).get("default").await?;
                anyhow::Ok(())
            };
            let state = match timeout(Duration::from_secs(5), look).await {
                Ok(Ok(())) => return self.server.check_alive(),
                Ok(Err(error)) => error,
                Err(_) => anyhow!("/readyz gives no answer"),
            };
            if start.elapsed() > READY_WITHIN {
                return Err(state.context(format!(
                    "kube-apiserver is not ready after {} s; its log ends with:\n{}",
                    READY_WITHIN.as_secs(),
                    self.server.log_tail()
                )));
            }
            sleep(POLL).await;
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Writes a kubeconfig for an administrator, with one context.
    pub(crate) fn write_admin_kubeconfig(&self, path: &Path, context: &str, namespace: &str) -> Result<()> {
        let entry = Entry {
            context,
            server: &self.url(),
            authority: &self.pki.authority,
            user: User::Certificate(&self.pki.admin),
            namespace,
        };
        entry.write(path)
    }

    /// kubectl with a kubeconfig for this API server.
    pub(crate) fn kubectl(&self, kubeconfig: &Path) -> Result<Kubectl> {
        Ok(Kubectl {
            binaries: self.binaries.clone(),
            kubeconfig: kubeconfig.to_owned(),
            home: self.scratch.subfolder("home")?,
        })
    }

    /// Ends kube-apiserver; etcd and all it holds stay.
    pub(crate) fn stop_server(&mut self) {
        self.server.stop();
    }

    /// Starts kube-apiserver again, on the port that it had.
    pub(crate) async fn restart_server(&mut self) -> Result<()> {
        self.server.stop();
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            self.server = Component::start(
                self.scratch.path(),
                &kube_apiserver(&self.binaries, self.port, self.webhook.as_deref()),
            )?;
            match self.wait_until_ready().await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline || !self.server.lost_its_port() => return Err(error),
                Err(_) => sleep(POLL).await,
            }
        }
    }

    pub(crate) fn server(&self) -> &Component {
        &self.server
    }

    pub(crate) fn etcd(&self) -> &Component {
        &self.etcd
    }

    /// What a ServiceAccount asked for, in order.
    pub(crate) fn audit(&self, namespace: &str, service_account: &str) -> Result<Vec<AuditEvent>> {
        let user = format!("system:serviceaccount:{namespace}:{service_account}");
        audit::read(&self.scratch.path().join(AUDIT_LOG), &user)
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.scratch.path().join("ca.crt")
    }

    pub(crate) fn show_logs_if_failing(&self) {
        self.etcd.show_log_if_failing();
        self.server.show_log_if_failing();
    }
}

/// etcd listens on sockets in its folder, not on ports: no other kube-apiserver can end up on it.
fn etcd(binaries: &Binaries) -> Launch {
    Launch::new("etcd", binaries.path("etcd"))
        .flag("--data-dir", "etcd")
        .flag("--listen-client-urls", "unix://etcd.sock:0")
        .flag("--advertise-client-urls", "unix://etcd.sock:0")
        .flag("--listen-peer-urls", "unix://peer.sock:0")
        .flag("--initial-advertise-peer-urls", "unix://peer.sock:0")
        .flag("--initial-cluster", "default=unix://peer.sock:0")
        .flag("--log-level", "error")
        .arg("--unsafe-no-fsync")
}

fn kube_apiserver(binaries: &Binaries, port: u16, webhook: Option<&str>) -> Launch {
    let launch = Launch::new("kube-apiserver", binaries.path("kube-apiserver"))
        .flag("--etcd-servers", "unix://etcd.sock:0")
        .flag("--bind-address", "127.0.0.1")
        // Else it looks for the machine's default route, and fails where there is none.
        .flag("--advertise-address", "127.0.0.1")
        .flag("--secure-port", port.to_string())
        .flag("--tls-cert-file", "server.crt")
        .flag("--tls-private-key-file", "server.key")
        .flag("--client-ca-file", "ca.crt")
        .flag("--service-account-key-file", "service-account.pub")
        .flag("--service-account-signing-key-file", "service-account.key")
        .flag("--service-account-issuer", "https://kubernetes.default.svc")
        .flag("--authorization-mode", "RBAC")
        .flag("--audit-policy-file", "audit-policy.yaml")
        .flag("--audit-log-path", AUDIT_LOG)
        .flag("--audit-log-mode", "blocking")
        .flag("--disable-admission-plugins", "ServiceAccount")
        .flag("--service-cluster-ip-range", "10.0.0.0/24")
        .flag("--endpoint-reconciler-type", "none");
    if webhook.is_none() {
        return launch;
    }
    launch
        .flag("--authentication-token-webhook-config-file", WEBHOOK)
        .flag("--authentication-token-webhook-version", "v1")
        // Whose access is taken away is kept out from then on.
        .flag("--authentication-token-webhook-cache-ttl", "0s")
}
