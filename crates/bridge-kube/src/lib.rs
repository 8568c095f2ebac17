//! The hub of a GitOps Bridge: a live Kubernetes API or a folder of manifests.

mod connect;
mod context;
mod defaults;
mod error;
mod failure;
mod flags;
mod folder;
mod hub;
mod kubeconfig;
mod live;
mod ownership;
mod proxy;
mod transport;
pub mod watch;
mod write;
mod yaml_edit;

pub use connect::{Target, connect};
pub use defaults::DefaultsChange;
pub use error::{Cause, Forbidden, HubError};
pub use flags::{ConnectionFlags, user_agent};
pub use folder::FolderHub;
pub use hub::Hub;
pub use live::LiveHub;
pub use ownership::Owned;
pub use write::{DryRun, Verb, WriteOptions, Written};
