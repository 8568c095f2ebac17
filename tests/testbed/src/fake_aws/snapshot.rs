use serde_json::{Map, Value, json};

use super::FakeAws;

impl FakeAws {
    /// All that exists, without what differs from one run to the next (ids and times): equal snapshots are equal ends.
    /// An access entry that is stale, and a trust policy that names a role that is gone, show it.
    pub fn snapshot(&self) -> Value {
        let state = self.state();
        let world = &state.world;
        let mut clusters = Map::new();
        for cluster in &world.clusters {
            let mut entries = Map::new();
            for entry in &cluster.entries {
                let spec = &entry.spec;
                let mut policies = Map::new();
                for policy in &spec.policies {
                    policies.insert(policy.policy_arn.clone(), json!(policy.namespaces));
                }
                let current = world.principal_id(&spec.principal_arn);
                let shown = json!({
                    "groups": spec.groups,
                    "username": spec.username,
                    "type": spec.kind,
                    "tags": spec.tags,
                    "policies": policies,
                    "stale": current.is_none() || current != entry.principal_id,
                });
                entries.insert(spec.principal_arn.clone(), shown);
            }
            let mut associations = Map::new();
            for association in &cluster.associations {
                let spec = &association.spec;
                let shown = json!({
                    "role": spec.role_arn,
                    "targetRole": spec.target_role_arn,
                    "tags": spec.tags,
                });
                associations.insert(format!("{}/{}", spec.namespace, spec.service_account), shown);
            }
            let capabilities: Vec<&String> = cluster
                .capabilities
                .iter()
                .map(|capability| &capability.name)
                .collect();
            let shown = json!({
                "tags": cluster.spec.tags,
                "accessEntries": entries,
                "podIdentities": associations,
                "capabilities": capabilities,
            });
            clusters.insert(cluster.spec.arn(), shown);
        }
        let mut roles = Map::new();
        for role in &world.roles {
            let spec = &role.spec;
            // The id of a role that is gone differs from run to run.
            let shown = super::policy::map_aws_principals(&spec.trust, |arn| match role.pins.get(arn) {
                Some(id) if world.principal_id(arn).as_ref() != Some(id) => format!("(gone) {arn}"),
                _ => arn.to_owned(),
            });
            let shown = json!({
                "trust": shown,
                "inline": spec.inline,
                "attached": spec.attached,
                "tags": spec.tags,
                "boundary": spec.boundary,
                "description": spec.description,
                "maxSession": spec.max_session,
            });
            roles.insert(spec.arn(), shown);
        }
        json!({"clusters": clusters, "roles": roles})
    }
}
