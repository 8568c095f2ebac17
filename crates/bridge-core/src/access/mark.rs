//! Marks of ownership: only what carries this hub's mark is changed or removed.

use serde::{Deserialize, Serialize};

use super::{hub::HubIdentity, observed::Tags};
use crate::{cluster::Cluster, keys};

/// Tag in AWS: ARN of the hub for which it was made.
pub const HUB_TAG: &str = "kubectl-bridge/hub";
/// Tag in AWS: ARN of the EKS cluster for which it was made.
pub const SPOKE_TAG: &str = "kubectl-bridge/spoke";

/// Whose something in AWS is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Made for this hub and this spoke.
    Ours,
    /// Made for this hub and another spoke, with its ARN.
    OtherSpoke(String),
    /// Made for another hub, with its ARN.
    OtherHub(String),
    /// Made by hand or by another tool.
    Nobody,
}

/// The marks on what is made.
pub fn marks(hub: &str, spoke: &str) -> Tags {
    [(HUB_TAG, hub), (SPOKE_TAG, spoke)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// Reads the marks.
pub fn owner(tags: &Tags, hub: &str, spoke: &str) -> Owner {
    match (tags.get(HUB_TAG), tags.get(SPOKE_TAG)) {
        (None, _) => Owner::Nobody,
        (Some(other), _) if other != hub => Owner::OtherHub(other.clone()),
        (_, Some(other)) if other != spoke => Owner::OtherSpoke(other.clone()),
        _ => Owner::Ours,
    }
}

/// What was made for a cluster, as the cluster Secret keeps it ([`keys::GRANTS`]): where to look when it is taken out. What is
/// removed then is decided by the marks in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grants {
    /// The hub, as it was then.
    pub hub: HubIdentity,
    /// ARN of the EKS cluster.
    pub spoke: String,
    /// Principal of the access entry.
    pub principal: String,
    /// Whether the access entry is ours.
    pub entry: bool,
    /// The role of the spoke, if it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The inline policy of the hub's role, if there is one for this spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_policy: Option<String>,
}

impl Grants {
    /// Those of a registered cluster; `None` if nothing was made for it, or nothing that can be read.
    pub fn of(cluster: &Cluster) -> Option<Self> {
        serde_json::from_str(cluster.annotations.get(keys::GRANTS)?).ok()
    }

    /// As the annotation holds it.
    pub fn to_annotation(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether anything in AWS is ours.
    pub fn anything(&self) -> bool {
        self.entry || self.role.is_some() || self.hub_policy.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::hub::IdentityKind;

    #[test]
    fn whose_it_is() {
        let (hub, spoke) = ("arn:hub", "arn:spoke");
        assert_eq!(owner(&marks(hub, spoke), hub, spoke), Owner::Ours);
        assert_eq!(owner(&Tags::new(), hub, spoke), Owner::Nobody);
        assert_eq!(
            owner(&marks("arn:b", spoke), hub, spoke),
            Owner::OtherHub("arn:b".into())
        );
        assert_eq!(
            owner(&marks(hub, "arn:c"), hub, spoke),
            Owner::OtherSpoke("arn:c".into())
        );
    }

    #[test]
    fn grants_there_and_back() {
        let grants = Grants {
            hub: HubIdentity {
                arn: "arn:hub".into(),
                role: "arn:role".into(),
                kind: IdentityKind::PodIdentity,
            },
            spoke: "arn:spoke".into(),
            principal: "arn:role".into(),
            entry: true,
            role: None,
            hub_policy: None,
        };
        let mut cluster = Cluster::default();
        assert_eq!(Grants::of(&cluster), None);
        cluster
            .annotations
            .insert(keys::GRANTS.into(), grants.to_annotation());
        assert_eq!(Grants::of(&cluster), Some(grants));
        cluster.annotations.insert(keys::GRANTS.into(), "{".into());
        assert_eq!(Grants::of(&cluster), None);
    }
}
