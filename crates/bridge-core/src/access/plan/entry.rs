//! The access entry and its policy.

use super::{AccessError, Do, Draft, Owner};
use crate::access::{
    observed::{AccessEntry, AssociatedPolicy, made_after},
    policy::policy_name,
};

impl Draft<'_> {
    /// Steps for entry and policy; `fresh`: the principal is a role that is made in this run.
    pub(super) fn entry(&mut self, fresh: bool) -> Result<(), AccessError> {
        let before = self.plan.steps.len();
        match &self.observed.entry {
            None => self.new_entry()?,
            Some(entry) => self.existing_entry(entry, fresh)?,
        }
        if self.plan.steps.len() > before {
            let policy_arn = self.wanted.policy.as_ref().map(|(arn, _)| arn.clone());
            self.eks(Do::WaitForEntry {
                principal: self.principal(),
                policy_arn,
            });
        }
        Ok(())
    }

    fn principal(&self) -> String {
        self.wanted.principal().to_owned()
    }

    fn cluster(&self) -> String {
        self.wanted.spoke.name.clone()
    }

    fn new_entry(&mut self) -> Result<(), AccessError> {
        if self.wanted.policy.is_none() && self.wanted.groups.as_ref().is_none_or(Vec::is_empty) {
            return Err(AccessError::NoPolicy {
                cluster: self.cluster(),
            });
        }
        self.create(self.wanted.groups.clone().unwrap_or_default());
        self.associate_wanted();
        Ok(())
    }

    fn create(&mut self, groups: Vec<String>) {
        self.plan.grants.entry = true;
        let does = Do::CreateEntry {
            principal: self.principal(),
            groups,
            tags: self.marks(),
        };
        self.eks(does);
    }

    fn associate_wanted(&mut self) {
        if let Some((policy_arn, scope)) = self.wanted.policy.clone() {
            self.eks(Do::Associate {
                principal: self.principal(),
                policy_arn,
                scope,
            });
        }
    }

    fn existing_entry(&mut self, entry: &AccessEntry, fresh: bool) -> Result<(), AccessError> {
        if entry.kind != "STANDARD" {
            return Err(AccessError::EntryKind {
                cluster: self.cluster(),
                principal: entry.principal.clone(),
                kind: entry.kind.clone(),
            });
        }
        let ours = match self.owner(&entry.tags) {
            Owner::Ours => true,
            Owner::OtherHub(hub) if !self.wanted.adopt => {
                return Err(AccessError::OtherHub {
                    what: format!(
                        "the access entry of {} on \"{}\"",
                        entry.principal,
                        self.cluster()
                    ),
                    hub,
                });
            }
            _ => false,
        };
        let mine = ours || self.wanted.adopt;
        if self.is_stale(entry, fresh) {
            if !mine {
                return Err(AccessError::StaleEntry {
                    cluster: self.cluster(),
                    principal: entry.principal.clone(),
                });
            }
            self.make_anew(entry);
            return Ok(());
        }
        let said = self.wanted.policy.is_some()
            || self
                .wanted
                .groups
                .as_ref()
                .is_some_and(|groups| !groups.is_empty());
        if !said && self.observed.policies.is_empty() && entry.groups.is_empty() {
            return Err(AccessError::NoPolicy {
                cluster: self.cluster(),
            });
        }
        if mine {
            self.plan.grants.entry = true;
            if !ours {
                let does = Do::TagEntry {
                    entry: entry.clone(),
                    tags: self.marks(),
                };
                self.eks(does);
            }
            self.make_equal(entry);
            return Ok(());
        }
        let differences = self.differences(entry);
        if !differences.is_empty() {
            return Err(AccessError::EntryDiffers {
                cluster: self.cluster(),
                principal: entry.principal.clone(),
                differences,
            });
        }
        self.plan.notes.push(format!(
            "the access entry of {} on {} is used as it is ({}): it was not made by this tool and will not be removed by it",
            entry.principal,
            self.cluster(),
            self.has(entry)
        ));
        Ok(())
    }

    /// EKS keeps the id of the principal, which an entry does not show: a role made later is another one.
    fn is_stale(&self, entry: &AccessEntry, fresh: bool) -> bool {
        let created = match (&self.wanted.role, &self.observed.role) {
            (Some(_), super::Seen::Is(Some(role))) => role.created_at,
            (Some(_), _) => None,
            (None, _) => self.observed.hub_role_created,
        };
        fresh || matches!((created, entry.created_at), (Some(role), Some(entry)) if made_after(role, entry))
    }

    fn make_anew(&mut self, entry: &AccessEntry) {
        self.plan.warnings.push(format!(
            "the access entry of {} is older than that role and lets nobody in: it is made anew",
            entry.principal
        ));
        self.eks(Do::DeleteEntry {
            principal: entry.principal.clone(),
        });
        self.create(self.wanted.groups.clone().unwrap_or_else(|| entry.groups.clone()));
        if self.wanted.policy.is_some() {
            self.associate_wanted();
            return;
        }
        for AssociatedPolicy { policy_arn, scope } in self.observed.policies.clone() {
            self.eks(Do::Associate {
                principal: entry.principal.clone(),
                policy_arn,
                scope,
            });
        }
    }

    fn make_equal(&mut self, entry: &AccessEntry) {
        if let Some(groups) = &self.wanted.groups
            && sorted(groups) != sorted(&entry.groups)
        {
            let does = Do::UpdateEntry {
                principal: entry.principal.clone(),
                groups: groups.clone(),
            };
            self.eks(does);
        }
        let Some((wanted, scope)) = &self.wanted.policy else {
            return;
        };
        let has = self
            .observed
            .policies
            .iter()
            .any(|one| one.policy_arn == *wanted && one.scope == *scope);
        if !has {
            self.associate_wanted();
        }
        for other in &self.observed.policies {
            if other.policy_arn != *wanted {
                self.eks(Do::Disassociate {
                    principal: entry.principal.clone(),
                    policy_arn: other.policy_arn.clone(),
                });
            }
        }
    }

    fn differences(&self, entry: &AccessEntry) -> Vec<String> {
        let mut differences = Vec::new();
        if let Some((wanted, scope)) = &self.wanted.policy {
            let mut seen = false;
            for AssociatedPolicy {
                policy_arn,
                scope: where_,
            } in &self.observed.policies
            {
                if policy_arn != wanted {
                    differences.push(format!("it also has {} for {where_}", policy_name(policy_arn)));
                } else if where_ == scope {
                    seen = true;
                } else {
                    seen = true;
                    differences.push(format!(
                        "it has {} for {where_}, not for {scope}",
                        policy_name(policy_arn)
                    ));
                }
            }
            if !seen {
                differences.push(format!("it has no {}", policy_name(wanted)));
            }
        }
        if let Some(groups) = &self.wanted.groups
            && sorted(groups) != sorted(&entry.groups)
        {
            differences.push(format!(
                "it is in groups ({}), not ({})",
                entry.groups.join(", "),
                groups.join(", ")
            ));
        }
        differences
    }

    fn has(&self, entry: &AccessEntry) -> String {
        let mut parts: Vec<String> = self
            .observed
            .policies
            .iter()
            .map(|one| format!("{} for {}", policy_name(&one.policy_arn), one.scope))
            .collect();
        if !entry.groups.is_empty() {
            parts.push(format!("groups {}", entry.groups.join(", ")));
        }
        parts.join("; ")
    }
}

fn sorted(groups: &[String]) -> Vec<&String> {
    let mut groups: Vec<&String> = groups.iter().collect();
    groups.sort();
    groups
}
