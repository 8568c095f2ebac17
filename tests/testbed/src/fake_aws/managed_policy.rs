use std::collections::BTreeMap;

use serde_json::Value;

use super::world::World;

/// A policy of an account, that can be attached to its roles.
#[derive(Clone, Debug)]
pub(super) struct ManagedPolicy {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) arn: String,
    pub(super) id: String,
    pub(super) document: Value,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created_at: i64,
}

impl World {
    /// The managed policy with this ARN, if an account has made one.
    pub(super) fn policy(&self, arn: &str) -> Option<&ManagedPolicy> {
        self.policies.iter().find(|policy| policy.arn == arn)
    }
}
