//! The hub of a GitOps Bridge: a live Kubernetes API or a folder of manifests.

pub mod watch;
