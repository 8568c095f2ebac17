use std::collections::BTreeMap;

/// A pod identity association of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EksPodIdentity {
    /// The namespace of the service account.
    pub namespace: String,
    /// The name of the service account.
    pub service_account: String,
    /// The role that its pods get.
    pub role_arn: String,
    /// The role that is assumed with that one, if any.
    pub target_role_arn: Option<String>,
    /// Whether sessions come without tags.
    pub disable_session_tags: bool,
    /// The ARN of the EKS addon that owns it, if one does.
    pub owner_arn: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its id, `a-…`. Empty when adding one: EKS makes it.
    pub id: String,
    /// When it was created, in seconds since 1970. 0 when adding one: now.
    pub created_at: f64,
}

impl EksPodIdentity {
    /// The role of a service account.
    pub fn of(namespace: &str, service_account: &str, role_arn: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            service_account: service_account.to_owned(),
            role_arn: role_arn.to_owned(),
            ..Self::default()
        }
    }
}

/// An association as EKS keeps it.
#[derive(Clone, Debug)]
pub(super) struct Association {
    pub(super) spec: EksPodIdentity,
    pub(super) arn: String,
    pub(super) modified_at: f64,
    /// The `clientRequestToken` that made it.
    pub(super) token: Option<String>,
}
