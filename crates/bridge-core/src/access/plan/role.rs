//! The role between the hub's and the spoke.

use super::{AccessError, Do, Draft, Owner, RoleWanted, Seen, Side, account, hub_policy_name};
use crate::access::{
    observed::{NewRole, Role},
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
        self.right_of_hub(wanted)?;
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

    /// In one account the trust policy that names the hub's role is enough; between two the hub's role needs the right as well.
    fn right_of_hub(&mut self, wanted: &RoleWanted) -> Result<(), AccessError> {
        let hub = &self.wanted.hub;
        if account(&hub.role) == account(&wanted.arn) {
            return Ok(());
        }
        let policy = assume_policy(&wanted.arn, hub.kind);
        if !wanted.create {
            return match self.observed.hub_may_assume {
                Some(true) => Ok(()),
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
                    Ok(())
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
                self.plan.grants.hub_policy = Some(name.clone());
                let does = Do::PutHubPolicy {
                    hub_role: hub.role.clone(),
                    name,
                    role: wanted.arn.clone(),
                    policy,
                };
                self.step(Side::Hub, account(&hub.role), does);
            }
        }
        Ok(())
    }
}
