//! A cluster Secret read whole, for the plugin: what may be shown, and what a write must keep.

use jiff::Timestamp;
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry};

use crate::{
    cluster::Cluster,
    connection::{Config, ConfigError, Connection},
    keys,
};

/// A cluster Secret.
#[derive(Debug, Clone)]
pub struct ClusterSecret {
    /// Identity, labels, annotations.
    pub cluster: Cluster,
    /// `data.config`. Holds credentials; show [`ClusterSecret::connection`].
    pub config: Result<Option<Config>, ConfigError>,
    /// `data.namespaces`: the only ones Argo CD manages there; empty means all.
    pub namespaces: Vec<String>,
    /// `data.clusterResources`: cluster-scoped objects as well, where `namespaces` is set.
    pub cluster_resources: bool,
    /// `data.shard`, as it stands.
    pub shard: Option<String>,
    /// When the Secret was made; a folder does not know.
    pub created: Option<Timestamp>,
    /// UID; a folder has none.
    pub uid: Option<String>,
    /// Resource version; a folder has none.
    pub resource_version: Option<String>,
    /// Who owns which field; empty for a folder.
    pub managers: Vec<ManagedFieldsEntry>,
}

impl ClusterSecret {
    /// Takes a Secret apart. Any Secret is read: one that lacks `name` or `server` has them empty.
    pub fn from_secret(secret: Secret) -> Self {
        let data = secret.data.unwrap_or_default();
        let strings = secret.string_data.unwrap_or_default();
        let bytes = |key: &str| {
            strings
                .get(key)
                .map(String::as_bytes)
                .or_else(|| data.get(key).map(|value| value.0.as_slice()))
        };
        let text = |key: &str| bytes(key).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let metadata = secret.metadata;
        let mut annotations = metadata.annotations.unwrap_or_default();
        annotations.remove(keys::LAST_APPLIED);
        Self {
            cluster: Cluster {
                secret_name: metadata.name.unwrap_or_default(),
                name: text("name").unwrap_or_default(),
                server: text("server").unwrap_or_default(),
                project: text("project").unwrap_or_default(),
                labels: metadata.labels.unwrap_or_default(),
                annotations,
            },
            config: Config::parse(bytes("config").unwrap_or_default()),
            namespaces: text("namespaces")
                .map(|list| comma_list(&list))
                .unwrap_or_default(),
            cluster_resources: text("clusterResources").is_some_and(|value| value == "true"),
            shard: text("shard").filter(|shard| !shard.is_empty()),
            created: metadata.creation_timestamp.map(|time| time.0),
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            managers: metadata.managed_fields.unwrap_or_default(),
        }
    }

    /// How Argo CD gets in, without its secrets.
    pub fn connection(&self) -> Connection {
        Connection::read(&self.cluster.server, &self.config)
    }
}

/// `a, b,,c` as Argo CD reads it: trimmed, empties dropped.
pub(crate) fn comma_list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}
