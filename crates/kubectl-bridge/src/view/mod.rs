//! Machine output: kinds of our own, `kubectl-bridge/v1alpha1`. Never a Secret, never a credential.

mod change;
mod cluster;
mod discovered;
mod finding;

pub use change::{ClusterChange, Plan};
pub(crate) use cluster::line;
pub use cluster::{Access, ClusterList, ClusterView};
pub use discovered::DiscoveredList;
pub use finding::FindingList;

/// `apiVersion` of all kinds.
pub const API_VERSION: &str = "kubectl-bridge/v1alpha1";
