//! The role between the hub's and the spoke.

use serde_json::Value;

use super::{AccessError, Do, Draft, Owner, RoleWanted, Seen, Side, account, hub_policy_name};
use crate::access::{
    observed::{NewRole, Role},
    room::{INLINE_POLICIES, policy_size, way_out},
    trust::{Trust, assume_policy, same_policy, trust_policy, trusts},
};

impl Draft<'_> {
    /// Steps for the role, if one is wanted; whether it is made anew.
    pub(super) fn role(&mut self) -> Result<bool, AccessError> {
        let Some(wanted) = &self.wanted.role else {
            return Ok(false);
        };
        let fresh = if wanted.create {
            self.role_to_make(wanted)?
        } else {
            self.role_as_it_is(wanted)?;
            false
        };
        if let Some(does) = self.right_of_hub(wanted)? {
            self.step(Side::Hub, account(&self.wanted.hub.role), does);
            // First of all: it needs no role to be there, AWS takes a while to know it everywhere, and where there is no room
            // for it nothing else has been written.
            self.plan.steps.rotate_right(1);
        }
        Ok(fresh)
    }

    fn role_to_make(&mut self, wanted: &RoleWanted) -> Result<bool, AccessError> {
        let hub = &self.wanted.hub;
        let role = match &self.observed.role {
            Seen::Not(why) => {
                return Err(AccessError::RoleUnseen {
                    role: wanted.arn.clone(),
                    why: why.clone(),
                });
            }
            Seen::Is(None) => {
                let does = Do::CreateRole(self.new_role(wanted));
                self.plan.grants.role = Some(wanted.arn.clone());
                self.step(Side::Spoke, account(&wanted.arn), does);
                return Ok(true);
            }
            Seen::Is(Some(role)) => role,
        };
        if role.arn != wanted.arn {
            return Err(AccessError::RolePath {
                found: role.arn.clone(),
                wanted: wanted.arn.clone(),
            });
        }
        let take_over = match self.owner(&role.tags) {
            Owner::Ours => false,
            Owner::OtherSpoke(spoke) => {
                return Err(AccessError::RoleOfOtherSpoke {
                    role: role.arn.clone(),
                    spoke,
                });
            }
            _ if self.wanted.adopt => true,
            Owner::OtherHub(hub) => {
                return Err(AccessError::OtherHub {
                    what: format!("IAM role {}", role.arn),
                    hub,
                });
            }
            Owner::Nobody => return Err(AccessError::RoleExists(role.arn.clone())),
        };
        self.plan.grants.role = Some(role.arn.clone());
        if take_over {
            let does = Do::TagRole {
                role: role.arn.clone(),
                tags: self.marks(),
            };
            self.step(Side::Spoke, account(&role.arn), does);
        }
        if trusts(&role.trust, &hub.role, hub.kind) != Trust::Yes {
            let does = Do::UpdateTrust {
                role: role.arn.clone(),
                trust: trust_policy(&hub.role, hub.kind),
            };
            self.step(Side::Spoke, account(&role.arn), does);
        }
        self.boundary(wanted, role);
        Ok(false)
    }

    fn boundary(&mut self, wanted: &RoleWanted, role: &Role) {
        if wanted.boundary.is_some() && wanted.boundary != role.boundary {
            self.plan.warnings.push(format!(
                "IAM role {} has {} for permissions boundary, which a role keeps: change it with \"aws iam \
                 put-role-permissions-boundary\"",
                role.arn,
                role.boundary.as_deref().unwrap_or("none")
            ));
        }
    }

    fn new_role(&self, wanted: &RoleWanted) -> NewRole {
        let resource = wanted
            .arn
            .split_once(":role")
            .map_or(wanted.arn.as_str(), |(_, resource)| resource);
        let (path, name) = resource.rsplit_once('/').unwrap_or(("", resource));
        NewRole {
            name: name.to_owned(),
            path: format!("{path}/"),
            description: format!("Argo CD on {}", self.wanted.spoke.name),
            trust: trust_policy(&self.wanted.hub.role, self.wanted.hub.kind),
            tags: self.marks(),
            boundary: wanted.boundary.clone(),
        }
    }

    /// A role that somebody else looks after, or that was made earlier: it is only checked.
    fn role_as_it_is(&mut self, wanted: &RoleWanted) -> Result<(), AccessError> {
        let hub = &self.wanted.hub;
        let role = match &self.observed.role {
            Seen::Not(why) => {
                self.plan.warnings.push(format!(
                    "whether {} may assume {} was not checked: {why}",
                    hub.role, wanted.arn
                ));
                return Ok(());
            }
            Seen::Is(None) => return Err(AccessError::RoleMissing(wanted.arn.clone())),
            Seen::Is(Some(role)) => role,
        };
        if role.arn != wanted.arn {
            return Err(AccessError::RoleMissing(wanted.arn.clone()));
        }
        match trusts(&role.trust, &hub.role, hub.kind) {
            Trust::Yes => self
                .plan
                .notes
                .push(format!("IAM role {} trusts {}", role.arn, hub.role)),
            Trust::Unknown(why) => self.plan.warnings.push(format!(
                "whether {} may assume {} cannot be told: {why}",
                hub.role, role.arn
            )),
            Trust::No(why) => {
                return Err(AccessError::NoTrust {
                    role: role.arn.clone(),
                    why,
                    policy: Box::new(trust_policy(&hub.role, hub.kind)),
                });
            }
        }
        Ok(())
    }

    /// In one account the trust policy that names the hub's role is enough; between two the hub's role needs the right as well:
    /// what is to be written for it, if anything is.
    fn right_of_hub(&mut self, wanted: &RoleWanted) -> Result<Option<Do>, AccessError> {
        let hub = &self.wanted.hub;
        if account(&hub.role) == account(&wanted.arn) {
            return Ok(None);
        }
        let policy = assume_policy(&wanted.arn, hub.kind);
        if !wanted.create {
            return match self.observed.hub_may_assume {
                Some(true) => Ok(None),
                Some(false) => Err(AccessError::NoRight {
                    hub_role: hub.role.clone(),
                    role: wanted.arn.clone(),
                    policy: Box::new(policy),
                }),
                None => {
                    self.plan.warnings.push(format!(
                        "{} is in another account, and whether {} has the right to assume it was not checked",
                        wanted.arn, hub.role
                    ));
                    Ok(None)
                }
            };
        }
        let name = hub_policy_name(&wanted.arn);
        match &self.observed.hub_policy {
            Some(there) if same_policy(there, &policy) => self.plan.grants.hub_policy = Some(name),
            None if self.observed.hub_may_assume == Some(true) => {
                self.plan
                    .notes
                    .push(format!("{} may assume it already", hub.role));
            }
            _ => {
                self.room(&wanted.arn, &policy)?;
                self.plan.grants.hub_policy = Some(name.clone());
                return Ok(Some(Do::PutHubPolicy {
                    hub_role: hub.role.clone(),
                    name,
                    role: wanted.arn.clone(),
                    policy,
                }));
            }
        }
        Ok(None)
    }

    /// IAM would refuse it; said before anything is written.
    fn room(&self, role: &str, policy: &Value) -> Result<(), AccessError> {
        let hub = &self.wanted.hub;
        let needed = policy_size(policy);
        match self.observed.hub_inline {
            Some(used) if used + needed > INLINE_POLICIES => Err(AccessError::NoRoom {
                hub_role: hub.role.clone(),
                role: role.to_owned(),
                used,
                needed,
                way_out: way_out(&hub.role, role, policy),
            }),
            // Where it could not be looked at, the first step tells.
            _ => Ok(()),
        }
    }
}
