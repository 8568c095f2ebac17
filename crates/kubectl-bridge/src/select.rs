//! Finding the clusters that are meant.

use bridge_core::{secret::ClusterSecret, selector::Selector};
use bridge_kube::{Hub, HubError};

use crate::{exit::Exit, report, usage::usage};

/// The clusters that are meant.
#[derive(Debug)]
pub enum Which {
    /// Those with these names, in this order.
    Names(Vec<String>),
    /// Those that the selector selects.
    Selected(Selector),
}

/// Clusters found, and whether each one that was named is among them.
#[derive(Debug)]
pub struct Found {
    /// In the order named, or by name.
    pub clusters: Vec<ClusterSecret>,
    /// [`Exit::Failure`] if one that was named is not there; that has been reported.
    pub exit: Exit,
}

impl Which {
    /// Looks them up. One that is not there is reported, unless `missing_is_fine`, and the others are still found; a hub
    /// that cannot be used at all is an error.
    pub async fn find(&self, hub: &Hub, missing_is_fine: bool) -> anyhow::Result<Found> {
        let mut found = Found {
            clusters: Vec::new(),
            exit: Exit::Success,
        };
        match self {
            Self::Selected(selector) => {
                found.clusters = hub.clusters().await?;
                found
                    .clusters
                    .retain(|secret| selector.matches(&secret.cluster.labels));
            }
            Self::Names(names) => {
                if names.iter().any(String::is_empty) {
                    return usage("the name of a cluster is empty (a variable that is not set?)");
                }
                for name in names {
                    match hub.cluster(name).await {
                        Ok(secret) if found.has(&secret) => {}
                        Ok(secret) => found.clusters.push(secret),
                        Err(HubError::NotFound { .. }) if missing_is_fine => {}
                        Err(error) if error.is_fatal() => return Err(error.into()),
                        Err(error) => found.exit = report::failure(&error.into()),
                    }
                }
            }
        }
        Ok(found)
    }
}

impl Found {
    fn has(&self, other: &ClusterSecret) -> bool {
        self.clusters
            .iter()
            .any(|secret| secret.cluster.secret_name == other.cluster.secret_name)
    }
}

/// The name to show: `data.name`, or the Secret's where a malformed one has none.
pub fn shown_name(secret: &ClusterSecret) -> &str {
    if secret.cluster.name.is_empty() {
        &secret.cluster.secret_name
    } else {
        &secret.cluster.name
    }
}
