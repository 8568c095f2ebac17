//! Tags of anything that has an ARN. These three operations have error names of their own.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::call::Call;
use super::super::reply::{Answer, Refusal};
use super::super::world::World;
use super::{capabilities, empty, tags_of};

pub(super) fn list(world: &mut World, call: &Call) -> Answer {
    Ok(json!({"tags": tags(world, call)?}))
}

pub(super) fn tag(world: &mut World, call: &Call) -> Answer {
    let new =
        tags_of(&call.body).map_err(|refusal| Refusal::new(400, "BadRequestException", refusal.message))?;
    let tags = tags(world, call)?;
    let count = tags
        .keys()
        .chain(new.keys().filter(|key| !tags.contains_key(*key)))
        .count();
    if count > 50 {
        return Err(Refusal::new(
            400,
            "BadRequestException",
            "A resource can have at most 50 tags.",
        ));
    }
    tags.extend(new);
    Ok(empty())
}

pub(super) fn untag(world: &mut World, call: &Call) -> Answer {
    let tags = tags(world, call)?;
    for (name, key) in &call.parameters {
        if name == "tagKeys" {
            tags.remove(key);
        }
    }
    Ok(empty())
}

/// The tags of the resource that a call names: a cluster, an access entry, a pod identity association, a capability.
fn tags<'a>(world: &'a mut World, call: &Call) -> Result<&'a mut BTreeMap<String, String>, Refusal> {
    let arn = call.segment("resourceArn");
    if !arn.starts_with("arn:") {
        return Err(Refusal::new(
            400,
            "BadRequestException",
            format!("Invalid ARN: {arn}"),
        ));
    }
    for cluster in &mut world.clusters {
        if cluster.spec.region != call.region || cluster.spec.account != call.account() {
            continue;
        }
        if cluster.spec.arn() == arn {
            return Ok(&mut cluster.spec.tags);
        }
        if let Some(at) = cluster.entries.iter().position(|entry| entry.arn == arn) {
            return Ok(&mut cluster.entries[at].spec.tags);
        }
        if let Some(at) = cluster.associations.iter().position(|had| had.arn == arn) {
            return Ok(&mut cluster.associations[at].spec.tags);
        }
        let capability = cluster
            .capabilities
            .iter()
            .position(|capability| capabilities::arn(cluster, capability) == arn);
        if let Some(at) = capability {
            return Ok(&mut cluster.capabilities[at].tags);
        }
    }
    Err(Refusal::new(
        404,
        "NotFoundException",
        format!("Resource not found: {arn}"),
    ))
}
