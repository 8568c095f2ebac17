//! What EKS and IAM hold about access, as plain values.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// Tags or other string pairs.
pub type Tags = BTreeMap<String, String>;

/// An access entry: who may get into an EKS cluster (`DescribeAccessEntry`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessEntry {
    /// ARN of the role or user, path included.
    pub principal: String,
    /// Kubernetes groups.
    pub groups: Vec<String>,
    /// User name in Kubernetes; EKS makes one up where none is given.
    pub username: String,
    /// `STANDARD`, `EC2_LINUX`, …: cannot be changed.
    pub kind: String,
    /// ARN of the entry itself.
    pub arn: String,
    /// When it was made: a role made later is another one, which the entry does not let in.
    pub created_at: Option<Timestamp>,
    /// Tags.
    pub tags: Tags,
}

/// Where an access policy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In the whole cluster.
    Cluster,
    /// In these namespaces; wildcards may occur.
    Namespaces(Vec<String>),
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cluster => f.write_str("the whole cluster"),
            Self::Namespaces(names) if names.len() == 1 => write!(f, "namespace {}", names[0]),
            Self::Namespaces(names) => write!(f, "namespaces {}", names.join(", ")),
        }
    }
}

/// An access policy associated with an entry (`ListAssociatedAccessPolicies`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociatedPolicy {
    /// ARN of the policy.
    pub policy_arn: String,
    /// Where it holds.
    pub scope: Scope,
}

/// A pod identity association (`DescribePodIdentityAssociation`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodIdentity {
    /// Namespace of the ServiceAccount.
    pub namespace: String,
    /// The ServiceAccount.
    pub service_account: String,
    /// Role that its pods get.
    pub role_arn: String,
    /// Role that they get through it, of any account.
    pub target_role_arn: Option<String>,
    /// Id of the association.
    pub id: String,
}

impl PodIdentity {
    /// The role that a pod ends up with.
    pub fn effective_role(&self) -> &str {
        self.target_role_arn.as_deref().unwrap_or(&self.role_arn)
    }
}

/// An EKS capability (`DescribeCapability`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capability {
    /// Its name.
    pub name: String,
    /// `ARGOCD`, `ACK`, `KRO`.
    pub kind: String,
    /// `ACTIVE`, `CREATING`, `DEGRADED`, …
    pub status: String,
    /// Role that it works with; only for `ARGOCD`.
    pub role_arn: Option<String>,
    /// Namespace of Argo CD; only for `ARGOCD`.
    pub argo_cd_namespace: Option<String>,
}

/// An IAM role (`GetRole`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// ARN, path included.
    pub arn: String,
    /// Name, without path.
    pub name: String,
    /// Path, `/` or `/x/`.
    pub path: String,
    /// Unique id: a role made anew under its name has another.
    pub id: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// Trust policy: who may assume it.
    pub trust: Value,
    /// Tags.
    pub tags: Tags,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
}

/// Whether a role was made after an access entry for its ARN, so that the entry lets only an earlier role in. By whole seconds:
/// not every AWS service tells more, and a fraction that one leaves out must not make the other look later.
pub fn made_after(role: Timestamp, entry: Timestamp) -> bool {
    role.as_second() > entry.as_second()
}

/// A role to make (`CreateRole`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRole {
    /// Name, up to 64 characters.
    pub name: String,
    /// Path, `/` or `/x/`.
    pub path: String,
    /// Description.
    pub description: String,
    /// Trust policy.
    pub trust: Value,
    /// Tags.
    pub tags: Tags,
    /// ARN of a permissions boundary.
    pub boundary: Option<String>,
}
