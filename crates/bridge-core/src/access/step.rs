//! One thing to do in AWS.

use serde::Serialize;
use serde_json::Value;

use super::{
    observed::{AccessEntry, NewRole, Scope, Tags},
    policy::policy_name,
};

/// Whose credentials a step needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The account of the spoke.
    Spoke,
    /// The account of the hub.
    Hub,
}

/// One request that changes something, or a wait.
#[derive(Debug, Clone, PartialEq)]
pub enum Do {
    /// Make a role.
    CreateRole(NewRole),
    /// Set who may assume a role.
    UpdateTrust {
        /// ARN.
        role: String,
        /// Trust policy.
        trust: Value,
    },
    /// Mark a role as ours.
    TagRole {
        /// ARN.
        role: String,
        /// The marks.
        tags: Tags,
    },
    /// Allow the hub's role to assume the spoke's.
    PutHubPolicy {
        /// ARN of the hub's role.
        hub_role: String,
        /// Name of the inline policy.
        name: String,
        /// ARN of the spoke's role.
        role: String,
        /// The policy.
        policy: Value,
    },
    /// Make an access entry.
    CreateEntry {
        /// Its principal.
        principal: String,
        /// Kubernetes groups.
        groups: Vec<String>,
        /// The marks.
        tags: Tags,
    },
    /// Mark an access entry as ours.
    TagEntry {
        /// It.
        entry: AccessEntry,
        /// The marks.
        tags: Tags,
    },
    /// Give an access entry other groups.
    UpdateEntry {
        /// Its principal.
        principal: String,
        /// Kubernetes groups.
        groups: Vec<String>,
    },
    /// Associate a policy, or change its scope.
    Associate {
        /// Principal of the entry.
        principal: String,
        /// Policy.
        policy_arn: String,
        /// Where it holds.
        scope: Scope,
    },
    /// Take a policy off.
    Disassociate {
        /// Principal of the entry.
        principal: String,
        /// Policy.
        policy_arn: String,
    },
    /// Wait until EKS shows the entry and its policy: what was written counts everywhere only seconds later.
    WaitForEntry {
        /// Principal of the entry.
        principal: String,
        /// Policy that must be there.
        policy_arn: Option<String>,
    },
    /// Delete an access entry with what is associated.
    DeleteEntry {
        /// Its principal.
        principal: String,
    },
    /// Delete a role without policies.
    DeleteRole {
        /// ARN.
        role: String,
    },
    /// Take the right to assume a spoke's role away from the hub's.
    DeleteHubPolicy {
        /// ARN of the hub's role.
        hub_role: String,
        /// Name of the inline policy.
        name: String,
    },
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to do.
    pub does: Do,
    /// The EKS cluster that it is about.
    pub cluster: String,
    /// Account in which it is done.
    pub account: String,
    /// Whose credentials it needs.
    pub side: Side,
}

/// A step, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepView {
    /// In words.
    pub step: String,
    /// IAM action.
    pub action: &'static str,
    /// Account.
    pub account: String,
}

impl Step {
    /// IAM action that it needs.
    pub fn action(&self) -> &'static str {
        match &self.does {
            Do::CreateRole(_) => "iam:CreateRole",
            Do::UpdateTrust { .. } => "iam:UpdateAssumeRolePolicy",
            Do::TagRole { .. } => "iam:TagRole",
            Do::PutHubPolicy { .. } => "iam:PutRolePolicy",
            Do::CreateEntry { .. } => "eks:CreateAccessEntry",
            Do::TagEntry { .. } => "eks:TagResource",
            Do::UpdateEntry { .. } => "eks:UpdateAccessEntry",
            Do::Associate { .. } => "eks:AssociateAccessPolicy",
            Do::Disassociate { .. } => "eks:DisassociateAccessPolicy",
            Do::WaitForEntry { .. } => "eks:DescribeAccessEntry",
            Do::DeleteEntry { .. } => "eks:DeleteAccessEntry",
            Do::DeleteRole { .. } => "iam:DeleteRole",
            Do::DeleteHubPolicy { .. } => "iam:DeleteRolePolicy",
        }
    }

    /// In words, as something to be done.
    pub fn words(&self) -> String {
        let cluster = &self.cluster;
        match &self.does {
            Do::CreateRole(role) => format!(
                "create IAM role {}{}",
                role.path.trim_start_matches('/'),
                role.name
            ),
            Do::UpdateTrust { role, .. } => format!("let Argo CD's role assume IAM role {role}"),
            Do::TagRole { role, .. } => format!("take over IAM role {role}"),
            Do::PutHubPolicy { hub_role, role, .. } => format!("allow {hub_role} to assume {role}"),
            Do::CreateEntry {
                principal, groups, ..
            } if groups.is_empty() => {
                format!("create the access entry of {principal} on {cluster}")
            }
            Do::CreateEntry {
                principal, groups, ..
            } => format!(
                "create the access entry of {principal} on {cluster}, in groups {}",
                groups.join(", ")
            ),
            Do::TagEntry { entry, .. } => {
                format!("take over the access entry of {} on {cluster}", entry.principal)
            }
            Do::UpdateEntry { principal, groups } => format!(
                "put {principal} on {cluster} into groups {}",
                if groups.is_empty() {
                    "(none)".to_owned()
                } else {
                    groups.join(", ")
                }
            ),
            Do::Associate {
                policy_arn, scope, ..
            } => format!(
                "associate access policy {} on {cluster}, for {scope}",
                policy_name(policy_arn)
            ),
            Do::Disassociate { policy_arn, .. } => {
                format!("take access policy {} off on {cluster}", policy_name(policy_arn))
            }
            Do::WaitForEntry { .. } => format!("wait until EKS shows the access on {cluster}"),
            Do::DeleteEntry { principal } => {
                format!("delete the access entry of {principal} on {cluster}")
            }
            Do::DeleteRole { role } => format!("delete IAM role {role}"),
            Do::DeleteHubPolicy { hub_role, name } => {
                format!("delete policy {name} of IAM role {hub_role}")
            }
        }
    }

    /// For programs.
    pub fn view(&self) -> StepView {
        StepView {
            step: self.words(),
            action: self.action(),
            account: self.account.clone(),
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "AWS: {} ({}, account {})",
            self.words(),
            self.action(),
            self.account
        )
    }
}
