//! What a test puts there and looks at without going through the API.

use std::collections::BTreeMap;

use super::access::{Access, EksAccessEntry};
use super::call::Caller;
use super::capability::EksCapability;
use super::cluster::EksCluster;
use super::delay::{Delay, Waiting};
use super::eks::policy_arn;
use super::pod_identity::EksPodIdentity;
use super::role::IamRole;
use super::world::{Cluster, World};
use super::{FakeAws, Result};

impl FakeAws {
    /// Adds a cluster, in the place of one with the same name, region and account. If its `created_at` is the same, it is
    /// the same cluster with other facts, and keeps its access entries and whatever else it has; else it is a new one.
    pub fn add_cluster(&self, cluster: EksCluster) {
        let clusters = &mut self.state().world.clusters;
        let arn = cluster.arn();
        let old = clusters.iter_mut().find(|old| old.spec.arn() == arn);
        #[expect(clippy::float_cmp, reason = "the very same value")]
        match old {
            Some(old) if old.spec.created_at == cluster.created_at => old.spec = cluster,
            old => {
                let new = Cluster {
                    spec: cluster,
                    entries: Vec::new(),
                    associations: Vec::new(),
                    capabilities: Vec::new(),
                };
                match old {
                    Some(old) => *old = new,
                    None => clusters.push(new),
                }
            }
        }
    }

    /// Removes the cluster with this ARN, if there is one, with its access entries and whatever else it has.
    pub fn remove_cluster(&self, arn: &str) {
        self.state()
            .world
            .clusters
            .retain(|cluster| cluster.spec.arn() != arn);
    }

    /// Adds a role, known everywhere, and gives its ARN. One with the same ARN is replaced: deleted and made anew.
    pub fn add_role(&self, role: IamRole) -> String {
        let mut role = role;
        if role.trust.is_null() {
            let root = format!("arn:{}:iam::{}:root", role.partition, role.account);
            role = role.trusting_principal(&root, &["sts:AssumeRole"]);
        }
        let arn = role.arn();
        self.remove_role(&arn);
        self.state().world.add_role(role, Delay::None);
        arn
    }

    /// Removes the role with this ARN, if there is one, whatever is attached to it.
    pub fn remove_role(&self, arn: &str) {
        self.state().world.roles.retain(|role| role.spec.arn() != arn);
    }

    /// Deletes the role and makes the same one anew, with another hidden id: access entries for it go stale.
    ///
    /// # Errors
    /// When there is no such role.
    pub fn recreate_role(&self, arn: &str) -> Result<()> {
        let role = self.role(arn).ok_or_else(|| anyhow::anyhow!("no role {arn}"))?;
        self.add_role(IamRole {
            id: String::new(),
            created_at: 0,
            ..role
        });
        Ok(())
    }

    /// The role with this ARN.
    pub fn role(&self, arn: &str) -> Option<IamRole> {
        self.state().world.role(arn).map(|role| role.spec.clone())
    }

    /// Adds an access entry to a cluster, whether or not there is such a principal.
    ///
    /// # Errors
    /// When there is no cluster with this ARN.
    pub fn add_access_entry(&self, cluster_arn: &str, mut entry: EksAccessEntry) -> Result<()> {
        let mut state = self.state();
        let world = &mut state.world;
        let partition = cluster(world, cluster_arn)?.spec.partition.clone();
        let now = world.tick_fraction();
        for policy in &mut entry.policies {
            if !policy.policy_arn.starts_with("arn:") {
                policy.policy_arn = policy_arn(&partition, &policy.policy_arn);
            }
            if policy.associated_at == 0.0 {
                (policy.associated_at, policy.modified_at) = (now, now);
            }
        }
        let id = world.principal_id(&entry.principal_arn);
        let mut entry = world.make_entry(cluster_arn, entry, id);
        entry.settling = Waiting::Over;
        let cluster = cluster(world, cluster_arn)?;
        let principal = entry.spec.principal_arn.clone();
        cluster
            .entries
            .retain(|entry| entry.spec.principal_arn != principal);
        cluster.entries.push(entry);
        Ok(())
    }

    /// Removes an access entry, if there is one for this principal.
    pub fn remove_access_entry(&self, cluster_arn: &str, principal_arn: &str) {
        if let Some(cluster) = self.state().world.cluster_by_arn(cluster_arn) {
            cluster
                .entries
                .retain(|entry| entry.spec.principal_arn != principal_arn);
        }
    }

    /// The access entries of a cluster, oldest first; none for a cluster that is not there.
    pub fn access_entries(&self, cluster_arn: &str) -> Vec<EksAccessEntry> {
        let mut state = self.state();
        let entries = state
            .world
            .cluster_by_arn(cluster_arn)
            .map(|cluster| &cluster.entries);
        entries
            .into_iter()
            .flatten()
            .map(|entry| entry.spec.clone())
            .collect()
    }

    /// What a principal can do on a cluster now.
    pub fn access(&self, cluster_arn: &str, principal_arn: &str) -> Access {
        let mut state = self.state();
        let id = state.world.principal_id(principal_arn);
        let entry = state
            .world
            .cluster_by_arn(cluster_arn)
            .and_then(|cluster| cluster.entry(principal_arn));
        match (entry, id) {
            (Some(entry), Some(id)) if entry.principal_id.as_ref() == Some(&id) => {
                let policies: BTreeMap<String, Vec<String>> = entry
                    .spec
                    .policies
                    .iter()
                    .map(|policy| {
                        let name = policy.policy_arn.rsplit('/').next().unwrap_or_default();
                        (name.to_owned(), policy.namespaces.clone())
                    })
                    .collect();
                Access::Granted {
                    groups: entry.spec.groups.clone(),
                    policies,
                }
            }
            (Some(_), Some(_)) => Access::Stale,
            _ => Access::None,
        }
    }

    /// Adds a pod identity association to a cluster, whether or not there is such a role.
    ///
    /// # Errors
    /// When there is no cluster with this ARN.
    pub fn add_pod_identity(&self, cluster_arn: &str, association: EksPodIdentity) -> Result<()> {
        let mut state = self.state();
        let association = state.world.make_association(cluster_arn, association);
        cluster(&mut state.world, cluster_arn)?
            .associations
            .push(association);
        Ok(())
    }

    /// The pod identity associations of a cluster, oldest first; none for a cluster that is not there.
    pub fn pod_identities(&self, cluster_arn: &str) -> Vec<EksPodIdentity> {
        let mut state = self.state();
        let cluster = state.world.cluster_by_arn(cluster_arn);
        cluster
            .into_iter()
            .flat_map(|cluster| &cluster.associations)
            .map(|association| association.spec.clone())
            .collect()
    }

    /// Adds a capability to a cluster. As EKS does, it gives the capability's role an access entry on this cluster.
    ///
    /// # Errors
    /// When there is no cluster with this ARN.
    pub fn add_capability(&self, cluster_arn: &str, capability: EksCapability) -> Result<()> {
        let entry = EksAccessEntry::of(&capability.role_arn);
        {
            let mut state = self.state();
            let cluster = cluster(&mut state.world, cluster_arn)?;
            cluster.capabilities.push(capability);
        }
        self.add_access_entry(cluster_arn, entry)
    }

    /// Whether pods with the role `caller_arn`, and nothing else, may do these actions (`sts:AssumeRole`,
    /// `sts:TagSession`) on the role `role_arn`.
    pub fn may_assume(&self, caller_arn: &str, role_arn: &str, actions: &[&str]) -> bool {
        let state = self.state();
        let Some(role) = state.world.role(caller_arn) else {
            return false;
        };
        let IamRole {
            name,
            account,
            partition,
            id,
            ..
        } = &role.spec;
        let caller = Caller {
            account: account.clone(),
            arn: format!("arn:{partition}:sts::{account}:assumed-role/{name}/pod"),
            user_id: format!("{id}:pod"),
            role: Some(caller_arn.to_owned()),
        };
        actions
            .iter()
            .all(|action| state.world.may_assume(&caller, role_arn, action, None))
    }
}

fn cluster<'a>(world: &'a mut World, arn: &str) -> Result<&'a mut Cluster> {
    world
        .cluster_by_arn(arn)
        .ok_or_else(|| anyhow::anyhow!("no cluster {arn}"))
}
