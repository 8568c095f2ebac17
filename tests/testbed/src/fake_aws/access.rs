use std::collections::BTreeMap;

use super::delay::Waiting;

/// An access entry of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EksAccessEntry {
    /// The ARN of the IAM role that it is for.
    pub principal_arn: String,
    /// Its Kubernetes groups.
    pub groups: Vec<String>,
    /// Its Kubernetes user name. Empty when adding one: EKS makes it.
    pub username: String,
    /// `STANDARD`, `EC2_LINUX`, …; empty when adding one for `STANDARD`.
    pub kind: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The access policies associated with it.
    pub policies: Vec<EksAccessPolicy>,
    /// When it was created, in seconds since 1970. 0 when adding one: now.
    pub created_at: f64,
}

impl EksAccessEntry {
    /// One of type `STANDARD` for this principal, that gives nothing.
    pub fn of(principal_arn: &str) -> Self {
        Self {
            principal_arn: principal_arn.to_owned(),
            ..Self::default()
        }
    }

    /// The same with this access policy (`AmazonEKSClusterAdminPolicy`, …), in these namespaces or, with none, in the
    /// whole cluster.
    #[must_use]
    pub fn with_policy(mut self, policy: &str, namespaces: &[&str]) -> Self {
        self.policies.push(EksAccessPolicy {
            policy_arn: policy.to_owned(),
            namespaces: namespaces.iter().map(|&namespace| namespace.to_owned()).collect(),
            ..EksAccessPolicy::default()
        });
        self
    }

    /// The same with this tag.
    #[must_use]
    pub fn with_tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }
}

/// An access policy associated with an entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EksAccessPolicy {
    /// The ARN of the policy. When adding one, its name is enough.
    pub policy_arn: String,
    /// Where it holds; empty for the whole cluster.
    pub namespaces: Vec<String>,
    /// When it was associated, in seconds since 1970. 0 when adding one: now.
    pub associated_at: f64,
    /// When its scope was last set.
    pub modified_at: f64,
}

/// What a principal can do on a cluster by its access entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// The cluster has no entry for it, or there is no such principal.
    None,
    /// There is an entry, made for another role that had the same ARN: every request is answered 401.
    Stale,
    /// It gets in.
    Granted {
        /// Its Kubernetes groups.
        groups: Vec<String>,
        /// The names of its access policies, each with its namespaces (none: the whole cluster), in order.
        policies: BTreeMap<String, Vec<String>>,
    },
}

/// An access entry as EKS keeps it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) spec: EksAccessEntry,
    pub(super) arn: String,
    pub(super) modified_at: f64,
    /// The hidden id of the principal; `None` where there was none when a test added the entry.
    pub(super) principal_id: Option<String>,
    /// The `clientRequestToken` that made it.
    pub(super) token: Option<String>,
    /// Until `AssociateAccessPolicy` knows it.
    pub(super) settling: Waiting,
}

/// The user name that EKS makes: that of a role names sessions, and leaves out the role's path.
pub(super) fn default_username(principal_arn: &str) -> String {
    let mut parts = principal_arn.splitn(6, ':');
    let (partition, account) = (parts.nth(1).unwrap_or("aws"), parts.nth(2).unwrap_or(""));
    match parts.next().and_then(|resource| resource.strip_prefix("role/")) {
        Some(role) => {
            let name = role.rsplit('/').next().unwrap_or(role);
            format!("arn:{partition}:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}")
        }
        None => principal_arn.to_owned(),
    }
}
