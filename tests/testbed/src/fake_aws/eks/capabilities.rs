use serde_json::{Value, json};

use super::super::call::Call;
use super::super::capability::EksCapability;
use super::super::page;
use super::super::reply::{Answer, Refusal};
use super::super::world::{Cluster, World};

pub(super) fn list(world: &mut World, call: &Call) -> Answer {
    let limit = world.page_size;
    let cluster = world.cluster(call)?;
    let summaries = cluster
        .capabilities
        .iter()
        .map(|capability| summary(cluster, capability))
        .collect();
    page::eks(call, limit, "capabilities", summaries)
}

pub(super) fn describe(world: &mut World, call: &Call) -> Answer {
    let name = call.segment("capabilityName");
    let cluster = world.cluster(call)?;
    let capability = cluster
        .capabilities
        .iter()
        .find(|capability| capability.name == name)
        // EKS's own words for this are not known.
        .ok_or_else(|| Refusal::not_found(format!("No capability found for name: {name}.")))?;
    let mut shown = summary(cluster, capability);
    shown["clusterName"] = json!(cluster.spec.name);
    shown["roleArn"] = json!(capability.role_arn);
    shown["tags"] = json!(capability.tags);
    shown["health"] = json!({"issues": []});
    shown["deletePropagationPolicy"] = json!("RETAIN");
    if !capability.configuration.is_null() {
        shown["configuration"] = capability.configuration.clone();
    }
    Ok(json!({"capability": shown}))
}

/// What a list shows: neither role nor configuration.
fn summary(cluster: &Cluster, capability: &EksCapability) -> Value {
    json!({
        "capabilityName": capability.name,
        "arn": arn(cluster, capability),
        "type": capability.kind,
        "status": capability.status,
        "version": capability.version,
        "createdAt": capability.created_at,
        "modifiedAt": capability.created_at,
    })
}

pub(super) fn arn(cluster: &Cluster, capability: &EksCapability) -> String {
    let kind = capability.kind.to_lowercase();
    cluster.part_arn("capability", &format!("{kind}/{}", capability.name))
}
