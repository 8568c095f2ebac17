//! From what is there to what is wanted.

mod entry;
mod role;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    error::AccessError,
    hub::HubIdentity,
    mark::{Grants, Owner, marks, owner},
    observed::{AccessEntry, AssociatedPolicy, Role, Scope, Tags},
    step::{Do, Side, Step},
};
use crate::facts::EksArn;

/// Beginning of the names of the inline policies that the hub's role gets.
const HUB_POLICY: &str = "kubectl-bridge-";

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The hub and its role.
    pub hub: HubIdentity,
    /// The spoke.
    pub spoke: EksArn,
    /// Its authentication mode.
    pub authentication_mode: Option<String>,
    /// A role between the hub's and the spoke.
    pub role: Option<RoleWanted>,
    /// Access policy and where it holds; `None`: as it is.
    pub policy: Option<(String, Scope)>,
    /// Kubernetes groups; `None`: as they are.
    pub groups: Option<Vec<String>>,
    /// Take over what was made by hand or by another hub.
    pub adopt: bool,
}

/// The role that the hub's role assumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleWanted {
    /// ARN.
    pub arn: String,
    /// Make it, and keep it as it should be.
    pub create: bool,
    /// ARN of a permissions boundary.
    pub boundary: Option<String>,
}

/// Something that was looked at, or why it could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// It was.
    Is(T),
    /// It was not, and why.
    Not(String),
}

/// What is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Access entry of the principal.
    pub entry: Option<AccessEntry>,
    /// Its policies.
    pub policies: Vec<AssociatedPolicy>,
    /// The role of [`Wanted::role`].
    pub role: Seen<Option<Role>>,
    /// When the hub's role was made, where that could be seen.
    pub hub_role_created: Option<Timestamp>,
    /// The inline policy of the hub's role for this spoke.
    pub hub_policy: Option<Value>,
    /// Characters of the other inline policies of the hub's role, where they were looked at.
    pub hub_inline: Option<usize>,
    /// Whether the hub's role may assume the spoke's, as IAM simulates it.
    pub hub_may_assume: Option<bool>,
    /// Access entries that other hubs made: principal and ARN of the hub.
    pub other_hubs: Seen<Vec<(String, String)>>,
}

/// What to do.
#[derive(Debug, Clone)]
pub struct AccessPlan {
    /// In order.
    pub steps: Vec<Step>,
    /// What is as it should be.
    pub notes: Vec<String>,
    /// What to know.
    pub warnings: Vec<String>,
    /// What will be there.
    pub grants: Grants,
    /// [`Observed::hub_inline`].
    pub hub_inline: Option<usize>,
}

impl Wanted {
    /// Who gets the access entry.
    pub fn principal(&self) -> &str {
        self.role.as_ref().map_or(&self.hub.role, |role| &role.arn)
    }

    /// What may be there once the plan was run, before it is known what is: enough to find it again.
    pub fn grants(&self) -> Grants {
        let created = self.role.as_ref().filter(|role| role.create);
        Grants {
            hub: self.hub.clone(),
            spoke: self.spoke.to_string(),
            principal: self.principal().to_owned(),
            entry: true,
            role: created.map(|role| role.arn.clone()),
            hub_policy: created
                .filter(|role| account(&role.arn) != account(&self.hub.role))
                .map(|role| hub_policy_name(&role.arn)),
        }
    }

    /// Works out the steps.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing has been written then.
    pub fn plan(&self, observed: &Observed) -> Result<AccessPlan, AccessError> {
        if self.authentication_mode.as_deref() == Some("CONFIG_MAP") {
            return Err(AccessError::ConfigMapMode {
                cluster: self.spoke.name.clone(),
                principal: self.principal().to_owned(),
            });
        }
        if let Some(group) = self
            .groups
            .iter()
            .flatten()
            .find(|group| group.starts_with("system:"))
        {
            return Err(AccessError::SystemGroup(group.clone()));
        }
        let mut notes = Vec::new();
        match &observed.other_hubs {
            Seen::Is(others) => {
                if let Some((principal, hub)) = others.first().filter(|_| !self.adopt) {
                    return Err(AccessError::OtherHub {
                        what: format!("the access entry of {principal} on \"{}\"", self.spoke.name),
                        hub: hub.clone(),
                    });
                }
            }
            Seen::Not(why) => notes.push(format!(
                "whether another hub has \"{}\" already was not looked at: {why}",
                self.spoke.name
            )),
        }
        let mut draft = Draft {
            wanted: self,
            observed,
            plan: AccessPlan {
                hub_inline: observed.hub_inline,
                steps: Vec::new(),
                notes,
                warnings: Vec::new(),
                grants: Grants {
                    entry: false,
                    role: None,
                    hub_policy: None,
                    ..self.grants()
                },
            },
        };
        let fresh = draft.role()?;
        draft.entry(fresh)?;
        Ok(draft.plan)
    }
}

/// A plan in the making.
struct Draft<'a> {
    wanted: &'a Wanted,
    observed: &'a Observed,
    plan: AccessPlan,
}

impl Draft<'_> {
    fn step(&mut self, side: Side, account: &str, does: Do) {
        self.plan.steps.push(Step {
            does,
            cluster: self.wanted.spoke.name.clone(),
            account: account.to_owned(),
            side,
        });
    }

    /// A step in EKS of the spoke.
    fn eks(&mut self, does: Do) {
        let account = self.wanted.spoke.account.clone();
        self.step(Side::Spoke, &account, does);
    }

    fn marks(&self) -> Tags {
        marks(&self.wanted.hub.arn, &self.wanted.spoke.to_string())
    }

    fn owner(&self, tags: &Tags) -> Owner {
        owner(tags, &self.wanted.hub.arn, &self.wanted.spoke.to_string())
    }
}

/// The account in an ARN.
pub fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// Name of the inline policy by which the hub's role may assume a role: unique among the accounts of the spokes.
pub fn hub_policy_name(role_arn: &str) -> String {
    let name = role_arn.rsplit('/').next().unwrap_or(role_arn);
    format!("{HUB_POLICY}{}-{name}", account(role_arn))
}

/// Whether an inline policy of the hub's role is one of those.
pub fn is_hub_policy(name: &str) -> bool {
    name.starts_with(HUB_POLICY)
}
