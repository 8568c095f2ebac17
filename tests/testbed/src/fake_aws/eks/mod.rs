//! EKS (service model `eks` 2017-11-01).

mod access_entries;
mod access_policies;
mod capabilities;
mod clusters;
mod pod_identities;
mod tags;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::Operation;
use super::percent;
use super::reply::Refusal;

pub(super) use access_policies::policy_arn;

/// The operation of a request, and the named segments of its path.
pub(super) fn route(
    method: &str,
    path: &str,
) -> Option<(&'static Operation, BTreeMap<&'static str, String>)> {
    OPERATIONS
        .iter()
        .find_map(|operation| Some((operation, fits(operation.route, method, path)?)))
}

fn fits(route: &'static str, method: &str, path: &str) -> Option<BTreeMap<&'static str, String>> {
    let wanted = route.strip_prefix(method)?.strip_prefix(' ')?.split('/');
    let had: Vec<&str> = path.split('/').collect();
    let wanted: Vec<&'static str> = wanted.collect();
    if wanted.len() != had.len() {
        return None;
    }
    let mut named = BTreeMap::new();
    for (wanted, had) in wanted.into_iter().zip(had) {
        let had = percent::decode(had);
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if !had.is_empty() => drop(named.insert(name, had)),
            None if wanted == had => {}
            _ => return None,
        }
    }
    Some(named)
}

macro_rules! operation {
    ($name:literal, reads $route:literal, $run:path) => {
        Operation {
            name: $name,
            route: $route,
            changes: false,
            run: $run,
        }
    };
    ($name:literal, changes $route:literal, $run:path) => {
        Operation {
            name: $name,
            route: $route,
            changes: true,
            run: $run,
        }
    };
}

pub(super) const OPERATIONS: &[Operation] = &[
    operation!("CreateCluster", changes "POST /clusters", clusters::create),
    operation!("DeleteCluster", changes "DELETE /clusters/{name}", clusters::delete),
    operation!("ListClusters", reads "GET /clusters", clusters::list),
    operation!("DescribeCluster", reads "GET /clusters/{name}", clusters::describe),
    operation!("CreateAccessEntry", changes "POST /clusters/{name}/access-entries", access_entries::create),
    operation!("ListAccessEntries", reads "GET /clusters/{name}/access-entries", access_entries::list),
    operation!("DescribeAccessEntry", reads "GET /clusters/{name}/access-entries/{principalArn}", access_entries::describe),
    operation!("UpdateAccessEntry", changes "POST /clusters/{name}/access-entries/{principalArn}", access_entries::update),
    operation!("DeleteAccessEntry", changes "DELETE /clusters/{name}/access-entries/{principalArn}", access_entries::delete),
    operation!(
        "AssociateAccessPolicy",
        changes "POST /clusters/{name}/access-entries/{principalArn}/access-policies",
        access_policies::associate
    ),
    operation!(
        "DisassociateAccessPolicy",
        changes "DELETE /clusters/{name}/access-entries/{principalArn}/access-policies/{policyArn}",
        access_policies::disassociate
    ),
    operation!(
        "ListAssociatedAccessPolicies",
        reads "GET /clusters/{name}/access-entries/{principalArn}/access-policies",
        access_policies::list_associated
    ),
    operation!("ListAccessPolicies", reads "GET /access-policies", access_policies::list),
    operation!(
        "CreatePodIdentityAssociation",
        changes "POST /clusters/{name}/pod-identity-associations",
        pod_identities::create
    ),
    operation!(
        "ListPodIdentityAssociations",
        reads "GET /clusters/{name}/pod-identity-associations",
        pod_identities::list
    ),
    operation!(
        "DescribePodIdentityAssociation",
        reads "GET /clusters/{name}/pod-identity-associations/{associationId}",
        pod_identities::describe
    ),
    operation!(
        "UpdatePodIdentityAssociation",
        changes "POST /clusters/{name}/pod-identity-associations/{associationId}",
        pod_identities::update
    ),
    operation!(
        "DeletePodIdentityAssociation",
        changes "DELETE /clusters/{name}/pod-identity-associations/{associationId}",
        pod_identities::delete
    ),
    operation!("ListCapabilities", reads "GET /clusters/{name}/capabilities", capabilities::list),
    operation!(
        "DescribeCapability",
        reads "GET /clusters/{name}/capabilities/{capabilityName}",
        capabilities::describe
    ),
    operation!("ListTagsForResource", reads "GET /tags/{resourceArn}", tags::list),
    operation!("TagResource", changes "POST /tags/{resourceArn}", tags::tag),
    operation!("UntagResource", changes "DELETE /tags/{resourceArn}", tags::untag),
];

/// The strings of a list in a body; none for a list that is not there.
fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    items
        .iter()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// The tags of a body.
fn tags_of(body: &Value) -> Result<BTreeMap<String, String>, Refusal> {
    let tags: BTreeMap<String, String> = match &body["tags"] {
        Value::Null => BTreeMap::new(),
        tags => serde_json::from_value(tags.clone())
            .map_err(|_| Refusal::new(400, "SerializationException", "tags is no map of strings"))?,
    };
    if tags.len() > 50 || tags.iter().any(|(key, value)| !fits_tag(key, value)) {
        return Err(Refusal::parameter(
            "Tags: at most 50, keys of 1 to 128 characters, values of up to 256",
        ));
    }
    Ok(tags)
}

fn fits_tag(key: &str, value: &str) -> bool {
    (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256 && !key.starts_with("aws:")
}

fn empty() -> Value {
    json!({})
}
