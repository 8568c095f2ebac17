//! `Cluster`, `ClusterList`.

use bridge_core::{
    catalog::Catalog, change::LastChange, cluster::Cluster, connection::Connection, keys,
    secret::ClusterSecret, selector::Map,
};
use serde::Serialize;

use super::API_VERSION;

/// A registered cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    api_version: &'static str,
    kind: &'static str,
    /// Name, labels, annotations.
    pub metadata: Metadata,
    /// Address of its API server, or its ARN on a managed hub.
    pub server: String,
    /// `environment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Kubernetes version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// Argo CD project that alone may use it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub project: String,
    /// The Secret that registers it.
    pub secret_name: String,
    /// How Argo CD gets in.
    pub access: Access,
    /// Its toggles.
    pub addons: Addons,
    /// The only namespaces Argo CD manages there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Cluster-scoped objects as well, where `namespaces` is set.
    #[serde(skip_serializing_if = "is_false")]
    pub cluster_resources: bool,
    /// Shard of the application controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Whether it is being taken out of the fleet.
    #[serde(skip_serializing_if = "is_false")]
    pub draining: bool,
    /// The last change made by this program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_change: Option<LastChange>,
}

/// Identity, in the shape that kubectl's users expect.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Name of the cluster (not of the Secret).
    pub name: String,
    /// Argo CD's namespace.
    pub namespace: String,
    /// When the Secret was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub labels: Map,
    /// Annotations, without our own note of the last change, which is `lastChange`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub annotations: Map,
}

/// How Argo CD gets in, without the credential.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// One word, as in [`Connection::word`].
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// EKS name of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_cluster_name: Option<String>,
    /// Role that Argo CD assumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// User name of basic authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Command of a credential plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What is wrong with `config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Toggles by addon name.
#[derive(Debug, Serialize)]
pub struct Addons {
    /// Switched on.
    pub enabled: Vec<String>,
    /// Switched off by a label that says so.
    pub disabled: Vec<String>,
}

/// Several clusters.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterList {
    api_version: &'static str,
    kind: &'static str,
    /// The clusters.
    pub items: Vec<ClusterView>,
}

impl ClusterList {
    /// A list of these.
    pub fn new(items: Vec<ClusterView>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "ClusterList",
            items,
        }
    }
}

impl ClusterView {
    /// What may be shown of a cluster Secret.
    pub fn new(secret: &ClusterSecret, namespace: &str) -> Self {
        let cluster = &secret.cluster;
        let mut annotations = cluster.annotations.clone();
        let note = annotations.get(keys::LAST_CHANGE).cloned();
        let last_change = note.and_then(|note| serde_json::from_str(&note).ok());
        if last_change.is_some() {
            annotations.remove(keys::LAST_CHANGE);
        }
        Self {
            api_version: API_VERSION,
            kind: "Cluster",
            metadata: Metadata {
                name: crate::select::shown_name(secret).to_owned(),
                namespace: namespace.to_owned(),
                creation_timestamp: secret.created.map(|created| created.to_string()),
                labels: cluster.labels.clone(),
                annotations,
            },
            server: cluster.server.clone(),
            environment: cluster.environment().map(str::to_owned),
            kubernetes_version: cluster.kubernetes_version().map(str::to_owned),
            project: cluster.project.clone(),
            secret_name: cluster.secret_name.clone(),
            access: Access::new(&secret.connection()),
            addons: Addons::new(cluster),
            namespaces: secret.namespaces.clone(),
            cluster_resources: secret.cluster_resources,
            shard: secret.shard.clone(),
            draining: cluster.is_draining(),
            last_change,
        }
    }

    /// Its line of `-o name`.
    pub fn line(&self) -> String {
        line(&self.metadata.name)
    }
}

/// `cluster/NAME`.
pub(crate) fn line(name: &str) -> String {
    format!("cluster/{}", crate::output::cell(name))
}

impl Access {
    fn new(connection: &Connection) -> Self {
        let mut access = Self {
            kind: connection.word(),
            aws_cluster_name: None,
            role_arn: None,
            username: None,
            command: None,
            problem: None,
        };
        match connection {
            Connection::EksRole {
                cluster_name,
                role_arn,
            } => {
                access.aws_cluster_name = Some(cluster_name.clone());
                access.role_arn = Some(role_arn.clone());
            }
            Connection::EksDirect { cluster_name } => access.aws_cluster_name = Some(cluster_name.clone()),
            Connection::Basic { username } => access.username = Some(username.clone()),
            Connection::Exec { command } => access.command = Some(command.clone()),
            Connection::Malformed(error) => access.problem = Some(error.to_string()),
            Connection::InCluster
            | Connection::ManagedArn
            | Connection::Token
            | Connection::ClientCertificate
            | Connection::Anonymous => {}
        }
        access
    }
}

impl Addons {
    fn new(cluster: &Cluster) -> Self {
        let names = |wanted: bool| {
            let mut names: Vec<String> = cluster
                .toggles()
                .filter(|(_, on)| *on == wanted)
                .map(|(label, _)| Catalog::name_of(label))
                .collect();
            names.sort_unstable();
            names
        };
        Self {
            enabled: names(true),
            disabled: names(false),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}
