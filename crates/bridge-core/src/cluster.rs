//! What a cluster is: identity, labels and annotations of its Secret. No credential ever gets in here.

use crate::{keys, selector::Map};

/// Server of the hub seen from Argo CD itself (Argo CD `KubernetesInternalAPIServerAddr`).
pub const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";
/// Name of Argo CD's own entry for the hub (Argo CD `KubernetesInClusterName`).
pub(crate) const IN_CLUSTER_NAME: &str = "in-cluster";

/// A cluster as its Secret on the hub names and describes it, without `config`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// `metadata.name` of the Secret.
    pub secret_name: String,
    /// `data.name`, as it stands.
    pub name: String,
    /// `data.server`, as it stands: a trailing `/` is kept, as Argo CD's cluster generator keeps it.
    pub server: String,
    /// `data.project`, or empty.
    pub project: String,
    /// Labels of the Secret.
    pub labels: Map,
    /// Annotations of the Secret, without [`keys::LAST_APPLIED`] or at least without what is in it.
    pub annotations: Map,
}

impl Cluster {
    /// Argo CD's own entry for a hub without a Secret (`applicationset/generators/cluster.go`).
    pub(crate) fn synthetic() -> Self {
        Self {
            name: IN_CLUSTER_NAME.to_owned(),
            server: IN_CLUSTER_SERVER.to_owned(),
            ..Self::default()
        }
    }

    /// Whether this is Argo CD's own entry for a hub without a Secret, which has neither labels nor annotations.
    pub(crate) fn is_synthetic(&self) -> bool {
        self.secret_name.is_empty() && self.server == IN_CLUSTER_SERVER
    }

    /// The environment, from the label or else the annotation.
    pub fn environment(&self) -> Option<&str> {
        self.either(keys::ENVIRONMENT)
    }

    /// The Kubernetes version, from the pattern's label or else the annotation.
    pub fn kubernetes_version(&self) -> Option<&str> {
        self.either(keys::KUBERNETES_VERSION)
    }

    /// A value that the pattern keeps as label, annotation or both.
    pub fn either(&self, key: &str) -> Option<&str> {
        self.labels
            .get(key)
            .or_else(|| self.annotations.get(key))
            .map(String::as_str)
    }

    /// Toggle labels with whether they are on: only `"true"` is.
    pub fn toggles(&self) -> impl Iterator<Item = (&str, bool)> {
        self.labels
            .iter()
            .filter(|(key, _)| keys::toggle_addon(key).is_some())
            .map(|(key, value)| (key.as_str(), value == "true"))
    }

    /// How many toggles are on.
    pub fn enabled_addons(&self) -> usize {
        self.toggles().filter(|(_, on)| *on).count()
    }

    /// Whether the cluster is being taken out of the fleet.
    pub fn is_draining(&self) -> bool {
        self.labels.get(keys::DRAIN).is_some_and(|value| value == "true")
    }

    /// Whether this is the hub itself, as Argo CD sees it from inside.
    pub fn is_in_cluster(&self) -> bool {
        same_server(&self.server, IN_CLUSTER_SERVER)
    }
}

/// Whether two servers are one to Argo CD, which trims trailing slashes (`util/db/cluster.go`).
pub fn same_server(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}
