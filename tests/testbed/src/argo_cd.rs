use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::component::{Component, Launch};
use crate::http_get::http_get;
use crate::hub::Hub;
use crate::scratch::Scratch;
use crate::service::{self, Ready, Service};
use crate::{controller_manager, ports};

/// The components of Argo CD, running on a [`Hub`] and looking at its namespace. They are killed on drop; drop them
/// before the hub.
#[derive(Debug)]
pub struct ArgoCd {
    applicationset_controller: Service,
    /// Kept for their life only.
    others: Vec<Service>,
    _scratch: Scratch,
}

impl ArgoCd {
    /// The applicationset-controller alone. It makes Applications and nothing syncs them; git generators do not work.
    ///
    /// # Errors
    /// When it does not become ready; the end of its log is in the message.
    pub async fn applicationsets(hub: &Hub) -> Result<Self> {
        let scratch = Scratch::create("argo-cd")?;
        // Nobody asks a repo-server until a git generator does.
        let repo_server = ports::free()?;
        let applicationset_controller = applicationset_controller(hub, &scratch, repo_server).await?;
        Ok(Self {
            applicationset_controller,
            others: Vec::new(),
            _scratch: scratch,
        })
    }

    /// All that it takes to deploy: applicationset-controller, application-controller, repo-server and redis, and
    /// kube-controller-manager on the hub itself, for what is deployed there to be deleted again.
    ///
    /// # Errors
    /// When one of them does not become ready; the end of its log is in the message.
    pub async fn full(hub: &Hub) -> Result<Self> {
        Self::full_with(hub, &[]).await
    }

    /// [`ArgoCd::full`] with more in the environment of its components, such as credentials of AWS: clusters of EKS are
    /// reached with tokens that Argo CD's own `argocd-k8s-auth` makes of them.
    ///
    /// # Errors
    /// As [`ArgoCd::full`].
    pub async fn full_with(hub: &Hub, env: &[(String, String)]) -> Result<Self> {
        let scratch = Scratch::create("argo-cd")?;
        let garbage_collector = controller_manager::start(hub.binaries(), scratch.path(), hub.kubeconfig());
        let redis = redis(hub, &scratch).await?;
        let repo_server = repo_server(hub, &scratch, redis.port).await?;
        let (garbage_collector, application_controller, applicationset_controller) = futures::try_join!(
            garbage_collector,
            application_controller(hub, &scratch, redis.port, repo_server.port, env),
            applicationset_controller(hub, &scratch, repo_server.port),
        )?;
        let others = vec![application_controller, repo_server, redis, garbage_collector];
        Ok(Self {
            applicationset_controller,
            others,
            _scratch: scratch,
        })
    }

    /// The metrics page of the applicationset-controller.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metrics(&self) -> Result<String> {
        http_get(self.applicationset_controller.port, "/metrics").await
    }

    /// All that the applicationset-controller has logged so far: JSON, one object a line.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        self.applicationset_controller.component.log()
    }

    /// The last lines of the applicationset-controller's log.
    pub fn log_tail(&self) -> String {
        self.applicationset_controller.component.log_tail()
    }

    /// The CPU time that the applicationset-controller has used since its start, in seconds.
    ///
    /// # Errors
    /// When it is not running.
    pub fn cpu_seconds(&self) -> Result<f64> {
        self.applicationset_controller.component.cpu_seconds()
    }

    /// The process ids of all components, the applicationset-controller's first.
    ///
    /// # Errors
    /// When one of them is not running.
    pub fn pids(&self) -> Result<Vec<u32>> {
        std::iter::once(&self.applicationset_controller)
            .chain(&self.others)
            .map(|s| pid(&s.component))
            .collect()
    }
}

fn pid(component: &Component) -> Result<u32> {
    component.check_alive()?;
    component.pid()
}

async fn applicationset_controller(hub: &Hub, scratch: &Scratch, repo_server: u16) -> Result<Service> {
    service::start(scratch.path(), || {
        let metrics = ports::free()?;
        let launch = part("argocd-applicationset-controller", hub, scratch.path())?
            .flag("--namespace", hub.namespace())
            .flag("--metrics-addr", loopback(metrics))
            .flag("--probe-addr", loopback(ports::free()?))
            .flag("--webhook-addr", loopback(ports::free()?))
            .flag("--argocd-repo-server", loopback(repo_server))
            .arg("--repo-server-plaintext");
        Ok((launch, Ready::Metrics(metrics)))
    })
    .await
}

async fn application_controller(
    hub: &Hub,
    scratch: &Scratch,
    redis: u16,
    repo_server: u16,
    env: &[(String, String)],
) -> Result<Service> {
    let path = with_k8s_auth(hub, scratch)?;
    service::start(scratch.path(), || {
        let metrics = ports::free()?;
        let launch = part("argocd-application-controller", hub, scratch.path())?
            .env("PATH", &path)
            .flag("--namespace", hub.namespace())
            .flag("--redis", loopback(redis))
            .flag("--repo-server", loopback(repo_server))
            .arg("--repo-server-plaintext")
            .flag("--metrics-port", metrics.to_string())
            // An Application that could not be compared has its next turn within two of these, and not within 3 minutes.
            .flag("--app-resync", "30")
            .flag("--app-resync-jitter", "0");
        let launch = env
            .iter()
            .fold(launch, |launch, (name, value)| launch.env(name, value));
        Ok((launch, Ready::Metrics(metrics)))
    })
    .await
}

async fn repo_server(hub: &Hub, scratch: &Scratch, redis: u16) -> Result<Service> {
    service::start(scratch.path(), || {
        let port = ports::free()?;
        let launch = part("argocd-repo-server", hub, scratch.path())?
            .flag("--address", "127.0.0.1")
            .flag("--port", port.to_string())
            .flag("--metrics-address", "127.0.0.1")
            .flag("--metrics-port", ports::free()?.to_string())
            .flag("--redis", loopback(redis))
            .arg("--disable-tls")
            // It looks for a client CA by default and refuses to start when it finds one while TLS is off.
            .flag("--client-ca-path", "");
        Ok((launch, Ready::Listening(port)))
    })
    .await
}

async fn redis(hub: &Hub, scratch: &Scratch) -> Result<Service> {
    service::start(scratch.path(), || {
        let port = ports::free()?;
        let launch = Launch::new("redis", hub.binaries().path("redis")).flag("--addr", loopback(port));
        Ok((launch, Ready::Listening(port)))
    })
    .await
}

/// A `PATH` with `argocd-k8s-auth`, which Argo CD runs for a token of EKS: the same program by another name. As a program of its
/// own, because the name that it is told in its environment is that of the component which runs it.
fn with_k8s_auth(hub: &Hub, scratch: &Scratch) -> Result<OsString> {
    use std::os::unix::fs::PermissionsExt as _;
    let name = "argocd-k8s-auth";
    let folder = scratch.subfolder("bin")?;
    let script = folder.join(name);
    let program = hub.binaries().path("argocd");
    let text = format!(
        "#!/bin/sh\nARGOCD_BINARY_NAME={name} exec '{}' \"$@\"\n",
        program.display()
    );
    std::fs::write(&script, text).with_context(|| format!("cannot write {}", script.display()))?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    let mut path = folder.into_os_string();
    path.push(":");
    path.push(hub.binaries().search_path());
    Ok(path)
}

fn loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// One part of Argo CD, which is a single program that goes by many names.
fn part(name: &'static str, hub: &Hub, folder: &Path) -> Result<Launch> {
    let home = folder.join(name);
    let data = |name: &str| -> Result<OsString> {
        let path = home.join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path.into_os_string())
    };
    Ok(Launch::new(name, hub.binaries().path("argocd"))
        .flag("--logformat", "json")
        .env("ARGOCD_BINARY_NAME", name)
        .env("KUBECONFIG", hub.kubeconfig())
        // The cluster named "in-cluster" is then the one of KUBECONFIG.
        .env("ARGOCD_FAKE_IN_CLUSTER", "true")
        .env("ARGOCD_GPG_ENABLED", "false")
        .env("ARGOCD_TLS_DATA_PATH", data("tls")?)
        .env("ARGOCD_SSH_DATA_PATH", data("ssh")?)
        .env("ARGOCD_GPG_DATA_PATH", data("gpg")?)
        .env("ARGOCD_GNUPGHOME", data("gnupg")?)
        .env("ARGOCD_PLUGINSOCKFILEPATH", data("plugins")?)
        .env("HOME", data("home")?)
        .env("TMPDIR", data("tmp")?)
        .env("PATH", hub.binaries().search_path()))
}
