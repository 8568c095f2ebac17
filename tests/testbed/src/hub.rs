use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::sync::OnceCell;

use crate::api_server::ApiServer;
use crate::audit::AuditEvent;
use crate::binaries::Binaries;
use crate::eventually::eventually;
use crate::kubeconfig::{self, Entry, User};
use crate::kubectl::{Kubectl, Output};
use crate::{objects, token};

/// The context of a hub's kubeconfig.
const CONTEXT: &str = "hub";

/// A hub: an API server with Argo CD's CRDs, and a namespace in it with the objects that Argo CD expects.
///
/// Everything is gone when it is dropped, except that the API server behind [`Hub::shared`] lives as long as the
/// process.
#[derive(Debug)]
pub struct Hub {
    server: Server,
    namespace: String,
    kubeconfig: PathBuf,
    kubectl: Kubectl,
    /// Where this hub's own files go.
    folder: PathBuf,
}

#[derive(Debug)]
enum Server {
    Own(Box<ApiServer>),
    Shared(&'static ApiServer),
}

impl Server {
    fn get(&self) -> &ApiServer {
        match self {
            Self::Own(server) => server,
            Self::Shared(server) => server,
        }
    }
}

impl Hub {
    /// Boots an API server of its own, with Argo CD's namespace `argocd`. Takes some seconds.
    ///
    /// # Errors
    /// When the control plane is not built or does not become ready; the end of its log is in the message.
    pub async fn start() -> Result<Self> {
        let server = start_with_crds().await?;
        Self::in_namespace(Server::Own(Box::new(server)), "argocd").await
    }

    /// A fresh Argo CD namespace, with a name of its own, on an API server that all tests of this process share.
    /// Quick, and easy on the processor: what most tests want. Objects without a namespace are shared too, so give
    /// them names that hold [`Hub::namespace`].
    ///
    /// # Errors
    /// As [`Hub::start`].
    pub async fn shared() -> Result<Self> {
        static SHARED: OnceCell<ApiServer> = OnceCell::const_new();
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let server = SHARED.get_or_try_init(start_with_crds).await?;
        let namespace = format!("argocd-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Self::in_namespace(Server::Shared(server), &namespace).await
    }

    async fn in_namespace(server: Server, namespace: &str) -> Result<Self> {
        let api = server.get();
        let folder = api.scratch.subfolder(namespace)?;
        let kubeconfig = folder.join("kubeconfig");
        api.write_admin_kubeconfig(&kubeconfig, CONTEXT, namespace)?;
        let kubectl = api.kubectl(&kubeconfig)?;
        let hub = Self {
            namespace: namespace.to_owned(),
            kubeconfig,
            kubectl,
            folder,
            server,
        };
        let secret_key =
            BASE64_STANDARD.encode(BASE64_STANDARD.encode(format!("{namespace} {}", hub.server())));
        let manifests = objects::argo_cd_namespace(namespace, &secret_key);
        // For a moment after its CRD was accepted, the kind AppProject may not be served yet.
        eventually(
            "Argo CD's objects to be accepted",
            Duration::from_secs(90),
            async || hub.apply(&manifests).await.map(Some),
        )
        .await?;
        Ok(hub)
    }

    /// The namespace of Argo CD: `argocd`, or a name of its own on a shared server.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The URL of the API server.
    pub fn server(&self) -> String {
        self.server.get().url()
    }

    /// An administrator's kubeconfig; its only context is named `hub` and is in [`Hub::namespace`].
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's certificate authority, PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.server.get().ca_file()
    }

    /// A kubeconfig with a token of a ServiceAccount in [`Hub::namespace`]; the account is created if it is missing.
    /// So a program can be run with exactly the rights that a manifest grants to it.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn kubeconfig_for(&self, service_account: &str) -> Result<PathBuf> {
        let token = token::token(self.client().await?, &self.namespace, service_account)
            .await
            .with_context(|| format!("cannot get a token for the ServiceAccount {service_account}"))?;
        let path = self.folder.join(format!("{service_account}.kubeconfig"));
        let entry = Entry {
            context: CONTEXT,
            server: &self.server(),
            authority: &self.server.get().pki.authority,
            user: User::Token(&token),
            namespace: &self.namespace,
        };
        entry.write(&path)?;
        Ok(path)
    }

    /// What a ServiceAccount of [`Hub::namespace`] has asked of the API server so far, in order, whatever came of it.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn audit(&self, service_account: &str) -> Result<Vec<AuditEvent>> {
        self.server.get().audit(&self.namespace, service_account)
    }

    /// An administrator's client, whose default namespace is [`Hub::namespace`].
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    pub async fn client(&self) -> Result<kube::Client> {
        kubeconfig::client(&self.kubeconfig).await
    }

    /// Applies one or more YAML documents with `kubectl apply --server-side --force-conflicts`; what names no
    /// namespace goes into [`Hub::namespace`]. The fields belong to the field manager `kubectl` (an Apply entry).
    ///
    /// # Errors
    /// What kubectl says.
    pub async fn apply(&self, manifests: &str) -> Result<()> {
        self.kubectl
            .feed(&["apply", "--server-side", "--force-conflicts"], manifests)
            .await
    }

    /// Creates the objects of one or more YAML documents with `kubectl create`. Nobody has applied their fields then:
    /// they belong to the field manager `kubectl-create` (an Update entry).
    ///
    /// # Errors
    /// What kubectl says.
    pub async fn create(&self, manifests: &str) -> Result<()> {
        self.kubectl.feed(&["create"], manifests).await
    }

    /// Runs the real kubectl as an administrator. That it fails is no error here: look at the status.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<Output> {
        self.kubectl.run(arguments, "").await
    }

    /// Kills kube-apiserver. What etcd holds stays.
    ///
    /// # Errors
    /// On a shared server.
    pub fn stop_api_server(&mut self) -> Result<()> {
        self.own("stop")?.stop_server();
        Ok(())
    }

    /// Starts kube-apiserver again, on the same port, and waits until it is ready.
    ///
    /// # Errors
    /// On a shared server, or when it does not become ready.
    pub async fn restart_api_server(&mut self) -> Result<()> {
        self.own("restart")?.restart_server().await
    }

    /// Stops the API server from running (SIGSTOP): connections stay open and nothing is answered.
    ///
    /// # Errors
    /// On a shared server, or when it is not running.
    pub fn freeze_api_server(&mut self) -> Result<()> {
        self.own("freeze")?.server().freeze()
    }

    /// Lets a frozen API server run again (SIGCONT).
    ///
    /// # Errors
    /// On a shared server, or when it is not running.
    pub fn thaw_api_server(&mut self) -> Result<()> {
        self.own("thaw")?.server().thaw()
    }

    /// Stops etcd from running (SIGSTOP): the API server lives, and answers what it has in memory.
    ///
    /// # Errors
    /// On a shared server, or when it is not running.
    pub fn freeze_etcd(&mut self) -> Result<()> {
        self.own("freeze etcd behind")?.etcd().freeze()
    }

    /// Lets a frozen etcd run again (SIGCONT).
    ///
    /// # Errors
    /// On a shared server, or when it is not running.
    pub fn thaw_etcd(&mut self) -> Result<()> {
        self.own("thaw etcd behind")?.etcd().thaw()
    }

    fn own(&mut self, verb: &str) -> Result<&mut ApiServer> {
        match &mut self.server {
            Server::Own(server) => Ok(server),
            Server::Shared(_) => {
                bail!("cannot {verb} the API server of a shared hub: start the test with Hub::start")
            }
        }
    }

    pub(crate) fn binaries(&self) -> &Binaries {
        &self.server.get().binaries
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // An API server of our own shows its log when it is dropped itself.
        if let Server::Shared(server) = self.server {
            server.show_logs_if_failing();
        }
    }
}

async fn start_with_crds() -> Result<ApiServer> {
    let server = ApiServer::start("hub").await?;
    let kubeconfig = server.scratch.path().join("admin.kubeconfig");
    let crds = server.binaries.crds();
    let folder = crds.to_string_lossy();
    // They are large: creating them unvalidated takes a third less time than applying them server-side.
    let arguments = ["create", "--validate=false", "-f", &folder];
    server
        .kubectl(&kubeconfig)?
        .run(&arguments, "")
        .await?
        .success()
        .context("cannot create Argo CD's CRDs")?;
    Ok(server)
}
