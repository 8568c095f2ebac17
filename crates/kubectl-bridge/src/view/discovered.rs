//! `DiscoveredClusterList`.

use bridge_core::drift::Discovered;
use serde::Serialize;

use super::API_VERSION;

/// Clusters in EKS, on the hub, or both.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveredList<'a> {
    api_version: &'static str,
    kind: &'static str,
    hub: String,
    /// Whether the hub and EKS disagree about any of them.
    drift: bool,
    items: &'a [Discovered],
}

impl<'a> DiscoveredList<'a> {
    /// A list of these, beside this hub.
    pub fn new(hub: String, items: &'a [Discovered]) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "DiscoveredClusterList",
            hub,
            drift: items.iter().any(|one| one.state.is_drift()),
            items,
        }
    }
}
