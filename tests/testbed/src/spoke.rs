use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tokio::sync::OnceCell;

use crate::api_server::ApiServer;
use crate::eks_auth::{EksAuth, POLICY_GROUP};
use crate::kubectl::{Kubectl, Output};
use crate::service::Service;
use crate::{controller_manager, kubeconfig, token};

/// Gives [`Spoke::token`] its rights. Not `argocd-manager`: that name belongs to the program under test.
const ADMINISTRATOR: &str = "testbed-argocd";

/// A cluster to deploy to: an API server of its own, with garbage collection. It has no nodes, so Deployments stay
/// Progressing and Jobs never run; everything else works.
#[derive(Debug)]
pub struct Spoke {
    _controller_manager: Service,
    kubectl: Kubectl,
    context: String,
    kubeconfig: PathBuf,
    ca_file: PathBuf,
    token: OnceCell<String>,
    server: ApiServer,
}

impl Spoke {
    /// Boots one, in some seconds.
    ///
    /// # Errors
    /// When the control plane is not built or does not become ready; the end of its log is in the message.
    pub async fn start() -> Result<Self> {
        Self::on(ApiServer::start("spoke").await?).await
    }

    /// Boots one that takes tokens of AWS as the EKS cluster with this ARN does. Whoever has the access policy
    /// `AmazonEKSClusterAdminPolicy` is an administrator.
    ///
    /// # Errors
    /// As [`Spoke::start`].
    pub async fn in_eks(auth: &EksAuth, cluster_arn: &str) -> Result<Self> {
        let webhook = auth.webhook(cluster_arn);
        let spoke = Self::on(ApiServer::start_with("spoke", Some(&webhook)).await?).await?;
        let binding = format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: testbed-access-policy}},
              roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}},
              subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: Group, name: '{POLICY_GROUP}AmazonEKSClusterAdminPolicy'}}]}}"
        );
        spoke.kubectl.feed(&["create"], &binding).await?;
        Ok(spoke)
    }

    async fn on(server: ApiServer) -> Result<Self> {
        let kubeconfig = server.scratch.path().join("kubeconfig");
        let context = format!("spoke-{}", server.port);
        server.write_admin_kubeconfig(&kubeconfig, &context, "default")?;
        Ok(Self {
            _controller_manager: controller_manager::start(
                &server.binaries,
                server.scratch.path(),
                &kubeconfig,
            )
            .await?,
            kubectl: server.kubectl(&kubeconfig)?,
            context,
            kubeconfig,
            ca_file: server.ca_file(),
            token: OnceCell::new(),
            server,
        })
    }

    /// The URL of the API server.
    pub fn server(&self) -> String {
        self.server.url()
    }

    /// The API server's certificate authority, PEM.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// An administrator's kubeconfig; its only context is [`Spoke::context`].
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The name of the kubeconfig's context, different for each spoke, so that kubeconfigs can be merged.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// An administrator's client.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    pub async fn client(&self) -> Result<kube::Client> {
        kubeconfig::client(&self.kubeconfig).await
    }

    /// A token with all rights, for Argo CD to use.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn token(&self) -> Result<String> {
        let token = self.token.get_or_try_init(async || {
            let binding = format!(
                "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: {ADMINISTRATOR}}},
                  roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}},
                  subjects: [{{kind: ServiceAccount, name: {ADMINISTRATOR}, namespace: default}}]}}"
            );
            self.kubectl.feed(&["apply", "--server-side"], &binding).await?;
            token::token(self.client().await?, "default", ADMINISTRATOR)
                .await
                .context("cannot get a token for Argo CD on the spoke")
        });
        Ok(token.await?.clone())
    }

    /// Runs the real kubectl as an administrator. That it fails is no error here: look at the status.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<Output> {
        self.kubectl.run(arguments, "").await
    }
}
