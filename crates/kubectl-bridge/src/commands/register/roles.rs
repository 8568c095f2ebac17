//! Roles of addons as metadata, from the pod identity associations of the spoke.

use anyhow::Context as _;
use bridge_aws::AwsError;
use bridge_core::{access::addon_roles, secret::ClusterSecret, selector::Map};

use super::access::Found;
use crate::args::RegisterOptions;

/// Annotations that the cluster does not have yet; what it has may come from elsewhere, and stays. What could not be looked at is
/// noted.
pub async fn find(
    options: &RegisterOptions,
    current: Option<&ClusterSecret>,
    found: &Found,
    notes: &mut Vec<String>,
) -> anyhow::Result<Map> {
    let (Some(session), Some(facts), true) = (&found.session, &found.facts, options.discover_roles) else {
        return Ok(Map::new());
    };
    let associations = match Box::pin(session.eks().pod_identities(&facts.arn.name, None)).await {
        Ok(associations) => associations,
        // Good to have, and nothing that a registration needs.
        Err(AwsError::AccessDenied { action, .. }) => {
            notes.push(format!(
                "the roles of addons are left out: {action} is not allowed (--no-discover-roles does not look)"
            ));
            return Ok(Map::new());
        }
        Err(error) => {
            return Err(error)
                .context("looking for the roles of addons (--no-discover-roles leaves them out)");
        }
    };
    let mut roles = addon_roles(&associations);
    if let Some(current) = current {
        roles.retain(|key, _| !current.cluster.annotations.contains_key(key));
    }
    Ok(roles)
}
