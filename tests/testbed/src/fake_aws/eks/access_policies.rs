use serde_json::{Value, json};

use super::super::access::EksAccessPolicy;
use super::super::call::Call;
use super::super::page;
use super::super::reply::{Answer, Refusal};
use super::super::world::World;
use super::access_entries::{entry, missing, not_standard, open};
use super::{empty, strings};

/// The access policies that EKS has; the list is AWS's and grows.
const POLICIES: &[&str] = &[
    "AmazonEKSACKPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSArgoCDClusterPolicy",
    "AmazonEKSArgoCDPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSBlockStorageClusterPolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSClusterInsightsPolicy",
    "AmazonEKSComputeClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSHybridPolicy",
    "AmazonEKSKROPolicy",
    "AmazonEKSLoadBalancingClusterPolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingClusterPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
];

/// The ARN of an access policy.
pub(in super::super) fn policy_arn(partition: &str, name: &str) -> String {
    format!("arn:{partition}:eks::aws:cluster-access-policy/{name}")
}

pub(super) fn list(world: &mut World, call: &Call) -> Answer {
    let policies = POLICIES
        .iter()
        .map(|name| json!({"name": name, "arn": policy_arn(call.partition(), name)}));
    page::eks(call, world.page_size, "accessPolicies", policies.collect())
}

pub(super) fn associate(world: &mut World, call: &Call) -> Answer {
    let now = world.tick_fraction();
    let policy = call.required_text("policyArn")?.to_owned();
    let namespaces = scope(&call.body["accessScope"])?;
    let entry = entry(open(world, call)?, call)?;
    if !entry.settling.is_over() {
        return Err(missing());
    }
    if entry.spec.kind != "STANDARD" {
        return Err(not_standard());
    }
    // EKS's own words for this are not known.
    if !POLICIES
        .iter()
        .any(|name| policy == policy_arn(call.partition(), name))
    {
        return Err(Refusal::parameter(
            "The specified policyArn is invalid: invalid policy.",
        ));
    }
    let policies = &mut entry.spec.policies;
    let at = policies.iter().position(|had| had.policy_arn == policy);
    let associated_at = at.map_or(now, |at| policies[at].associated_at);
    let associated = EksAccessPolicy {
        policy_arn: policy,
        namespaces,
        associated_at,
        modified_at: now,
    };
    let output = json!({
        "clusterName": call.segment("name"),
        "principalArn": call.segment("principalArn"),
        "associatedAccessPolicy": shown(&associated),
    });
    match at {
        Some(at) => policies[at] = associated,
        None => policies.push(associated),
    }
    Ok(output)
}

pub(super) fn disassociate(world: &mut World, call: &Call) -> Answer {
    let entry = entry(open(world, call)?, call)?;
    let policy = call.segment("policyArn");
    let before = entry.spec.policies.len();
    entry.spec.policies.retain(|had| had.policy_arn != policy);
    if entry.spec.policies.len() == before {
        // EKS's own words for this are not known.
        return Err(Refusal::not_found(
            "The specified policyArn is not associated with the access entry.",
        ));
    }
    Ok(empty())
}

pub(super) fn list_associated(world: &mut World, call: &Call) -> Answer {
    let limit = world.page_size;
    let entry = entry(open(world, call)?, call)?;
    let policies = entry.spec.policies.iter().map(shown).collect();
    let mut output = page::eks(call, limit, "associatedAccessPolicies", policies)?;
    output["clusterName"] = call.segment("name").into();
    output["principalArn"] = call.segment("principalArn").into();
    Ok(output)
}

/// The namespaces of a scope; none for the whole cluster.
fn scope(scope: &Value) -> Result<Vec<String>, Refusal> {
    let namespaces = strings(&scope["namespaces"]);
    match (scope["type"].as_str(), namespaces.is_empty()) {
        (Some("cluster"), true) | (Some("namespace"), false) => Ok(namespaces),
        (Some("cluster"), false) => Err(Refusal::parameter(
            "The accessScope of type cluster cannot have namespaces.",
        )),
        (Some("namespace"), true) => Err(Refusal::parameter(
            "The accessScope of type namespace must have at least one namespace.",
        )),
        _ => Err(Refusal::parameter(
            "The accessScope type must be cluster or namespace.",
        )),
    }
}

fn shown(policy: &EksAccessPolicy) -> Value {
    let kind = if policy.namespaces.is_empty() {
        "cluster"
    } else {
        "namespace"
    };
    json!({
        "policyArn": policy.policy_arn,
        "accessScope": {"type": kind, "namespaces": policy.namespaces},
        "associatedAt": policy.associated_at,
        "modifiedAt": policy.modified_at,
    })
}
