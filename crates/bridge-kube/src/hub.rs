//! A hub of either kind.

use std::{fmt, path::Path};

use bridge_core::{
    application::Application, applicationset::ApplicationSet, change::KeyChanges, secret::ClusterSecret,
};
use k8s_openapi::api::core::v1::Secret;

use crate::{
    error::HubError,
    flags::ConnectionFlags,
    folder::FolderHub,
    live::LiveHub,
    write::{WriteOptions, Written},
};

/// Where the cluster Secrets are: a live Kubernetes API or a folder of manifests.
#[derive(Debug, Clone)]
pub enum Hub {
    /// A live Kubernetes API.
    Live(Box<LiveHub>),
    /// A folder.
    Folder(FolderHub),
}

/// `context dev-hub (https://…), namespace argocd`, or `folder ./hub`.
impl fmt::Display for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(hub) => hub.fmt(f),
            Self::Folder(hub) => hub.fmt(f),
        }
    }
}

impl Hub {
    /// Connects as the flags say; nothing is asked yet, but a credential plugin may run.
    pub async fn connect(flags: &ConnectionFlags) -> Result<Self, HubError> {
        LiveHub::connect(flags).await.map(Box::new).map(Self::Live)
    }

    /// Takes a folder that is there.
    pub fn folder(dir: &Path) -> Result<Self, HubError> {
        FolderHub::open(dir).map(Self::Folder)
    }

    /// Argo CD's namespace.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Live(hub) => hub.namespace(),
            Self::Folder(hub) => hub.namespace(),
        }
    }

    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// The live hub, or an error that names what a folder cannot do: `wait for Applications`.
    pub fn live(&self, cannot: &'static str) -> Result<&LiveHub, HubError> {
        match self {
            Self::Live(hub) => Ok(hub),
            Self::Folder(_) => Err(HubError::FolderCannot(cannot)),
        }
    }

    /// All cluster Secrets, sorted by name. A part of them is never an answer.
    pub async fn clusters(&self) -> Result<Vec<ClusterSecret>, HubError> {
        match self {
            Self::Live(hub) => hub.clusters().await,
            Self::Folder(hub) => hub.clusters(),
        }
    }

    /// A cluster by `data.name`, or else by the name of its Secret.
    pub async fn cluster(&self, name: &str) -> Result<ClusterSecret, HubError> {
        match self {
            Self::Live(hub) => hub.cluster(name).await,
            Self::Folder(hub) => hub.cluster(name),
        }
    }

    /// The ApplicationSets of all namespaces, or of Argo CD's own where only that may be read.
    pub async fn applicationsets(&self) -> Result<Vec<ApplicationSet>, HubError> {
        match self {
            Self::Live(hub) => hub.applicationsets().await,
            Self::Folder(hub) => hub.applicationsets(),
        }
    }

    /// The Applications of all namespaces, or an error. A folder has none: nothing runs there.
    pub async fn applications(&self) -> Result<Vec<Application>, HubError> {
        match self {
            Self::Live(hub) => hub.applications().await,
            Self::Folder(_) => Ok(Vec::new()),
        }
    }

    /// Creates a cluster Secret; of two that race for a name, one fails.
    pub async fn create(&self, secret: &Secret, write: &WriteOptions) -> Result<Written, HubError> {
        match self {
            Self::Live(hub) => hub.create(secret, write).await,
            Self::Folder(hub) => hub.create(secret, write).await,
        }
    }

    /// Sets the fixed keys of a registration; keys that `secret` does not hold stay.
    pub async fn apply(
        &self,
        current: &ClusterSecret,
        secret: &Secret,
        write: &WriteOptions,
    ) -> Result<Written, HubError> {
        match self {
            Self::Live(hub) => hub.apply(current, secret, write).await,
            Self::Folder(hub) => hub.apply(current, secret, write).await,
        }
    }

    /// Changes just the named labels and annotations, in one step.
    pub async fn change(
        &self,
        secret_name: &str,
        changes: &KeyChanges,
        write: &WriteOptions,
    ) -> Result<Written, HubError> {
        match self {
            Self::Live(hub) => hub.change(secret_name, changes, write).await,
            Self::Folder(hub) => hub.change(secret_name, changes, write).await,
        }
    }

    /// Deletes exactly the cluster Secret that was read.
    pub async fn delete(&self, current: &ClusterSecret, write: &WriteOptions) -> Result<(), HubError> {
        match self {
            Self::Live(hub) => hub.delete(current, write).await,
            Self::Folder(hub) => hub.delete(current, write).await,
        }
    }
}
