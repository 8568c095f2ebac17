//! Taking back what was made for a spoke: only what carries our mark.

use serde_json::Value;

use super::{
    mark::{Grants, Owner, owner},
    observed::{AccessEntry, Role},
    plan::account,
    step::{Do, Side, Step},
};

/// What is still there of what was made.
#[derive(Debug, Clone, Default)]
pub struct Remains {
    /// Whether EKS still knows the cluster.
    pub cluster_exists: bool,
    /// Access entry of the principal.
    pub entry: Option<AccessEntry>,
    /// The spoke's role.
    pub role: Option<Role>,
    /// Names of the inline policies of that role and ARNs of the managed ones: somebody gave them to it, this tool gives none.
    pub role_policies: Vec<String>,
    /// The inline policy of the hub's role.
    pub hub_policy: Option<Value>,
}

/// What to take back.
#[derive(Debug, Clone, Default)]
pub struct Undo {
    /// In order: entry, role, the hub's right to assume it.
    pub steps: Vec<Step>,
    /// What stays, and why.
    pub left: Vec<String>,
}

impl Grants {
    /// Works out what to take back.
    pub fn undo(&self, remains: &Remains) -> Undo {
        let mut undo = Undo::default();
        let cluster = self.cluster_name();
        let mut step = |side, arn: &str, does| {
            undo.steps.push(Step {
                does,
                cluster: cluster.to_owned(),
                account: account(arn).to_owned(),
                side,
            });
        };
        let mine = |tags| owner(tags, &self.hub.arn, &self.spoke) == Owner::Ours;
        let mut left = Vec::new();
        match &remains.entry {
            Some(entry) if self.entry && mine(&entry.tags) => step(
                Side::Spoke,
                &self.spoke,
                Do::DeleteEntry {
                    principal: self.principal.clone(),
                },
            ),
            Some(entry) => left.push(format!(
                "the access entry of {} on {cluster}: it was not made by this hub",
                entry.principal
            )),
            None => {}
        }
        if let Some(role) = &remains.role {
            if self.role.is_none() || !mine(&role.tags) {
                left.push(format!("IAM role {}: it was not made by this hub", role.arn));
            } else if !remains.role_policies.is_empty() {
                left.push(with_policies(role, &remains.role_policies));
            } else {
                step(
                    Side::Spoke,
                    &role.arn,
                    Do::DeleteRole {
                        role: role.arn.clone(),
                    },
                );
            }
        }
        if let (Some(name), Some(_)) = (&self.hub_policy, &remains.hub_policy) {
            step(
                Side::Hub,
                &self.hub.role,
                Do::DeleteHubPolicy {
                    hub_role: self.hub.role.clone(),
                    name: name.clone(),
                },
            );
        }
        undo.left = left;
        undo
    }

    /// Name of the EKS cluster.
    pub fn cluster_name(&self) -> &str {
        self.spoke.rsplit('/').next().unwrap_or(&self.spoke)
    }
}

/// IAM deletes no role with policies, and to take off what others gave it would be to undo their work.
fn with_policies(role: &Role, policies: &[String]) -> String {
    let name = &role.name;
    let commands = policies.iter().map(|policy| {
        if policy.starts_with("arn:") {
            format!("aws iam detach-role-policy --role-name {name} --policy-arn {policy}")
        } else {
            format!("aws iam delete-role-policy --role-name {name} --policy-name {policy}")
        }
    });
    let commands: Vec<String> = commands
        .chain([format!("aws iam delete-role --role-name {name}")])
        .collect();
    format!(
        "IAM role {}: somebody gave it policies ({}), and they may need it; once nobody does: {}",
        role.arn,
        policies.join(", "),
        commands.join("; ")
    )
}
