use serde_json::{Value, json};

use super::super::access::{EksAccessEntry, EksAccessPolicy};
use super::super::call::Call;
use super::super::cluster::EksCluster;
use super::super::page;
use super::super::reply::{Answer, Refusal};
use super::super::world::{Cluster, World};
use super::{policy_arn, tags_of};

pub(super) fn create(world: &mut World, call: &Call) -> Answer {
    let spec = wanted(world, call)?;
    let name = &spec.name;
    if world
        .clusters
        .iter()
        .any(|cluster| cluster.spec.arn() == spec.arn())
    {
        return Err(Refusal::in_use(format!(
            "Cluster already exists with name: {name}"
        )));
    }
    let creator = creator(world, call, &spec);
    world.clusters.push(Cluster {
        spec: spec.clone(),
        entries: creator.into_iter().collect(),
        associations: Vec::new(),
        capabilities: Vec::new(),
    });
    // It takes minutes; who asks again here finds it done.
    let creating = EksCluster {
        status: "CREATING".to_owned(),
        ..spec
    };
    Ok(creating.describe())
}

pub(super) fn delete(world: &mut World, call: &Call) -> Answer {
    let mut spec = world.cluster(call)?.spec.clone();
    let arn = spec.arn();
    world.clusters.retain(|cluster| cluster.spec.arn() != arn);
    "DELETING".clone_into(&mut spec.status);
    Ok(spec.describe())
}

pub(super) fn list(world: &mut World, call: &Call) -> Answer {
    let mut names: Vec<String> = world
        .clusters
        .iter()
        .map(|cluster| &cluster.spec)
        .filter(|spec| spec.region == call.region && spec.account == call.account())
        .map(|spec| spec.name.clone())
        .collect();
    names.sort();
    let names = names.into_iter().map(Into::into).collect();
    page::eks(call, world.page_size, "clusters", names)
}

pub(super) fn describe(world: &mut World, call: &Call) -> Answer {
    Ok(world.cluster(call)?.spec.describe())
}

/// The cluster that a request asks for.
fn wanted(world: &mut World, call: &Call) -> Result<EksCluster, Refusal> {
    let name = call.required_text("name")?.to_owned();
    let role = call.required_text("roleArn")?.to_owned();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.len() > 100 || !name.as_bytes()[0].is_ascii_alphanumeric() || !name.bytes().all(fits) {
        return Err(Refusal::parameter(format!(
            "The cluster name {name} doesn't match the pattern ^[0-9A-Za-z][A-Za-z0-9\\-_]*"
        )));
    }
    if world.settled_principal_id(&role).is_none() {
        return Err(Refusal::parameter(format!(
            "Role with arn: {role}, could not be assumed because it does not exist or the trusted entity is not correct"
        )));
    }
    let network = &call.body["resourcesVpcConfig"];
    if !network.is_object() {
        return Err(Refusal::parameter("resourcesVpcConfig can't be null or empty"));
    }
    let defaults = EksCluster::default();
    let text = |pointer: &str| {
        call.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    Ok(EksCluster {
        name,
        region: call.region.clone(),
        account: call.account().to_owned(),
        partition: call.partition().to_owned(),
        version: text("/version").unwrap_or(defaults.version),
        // What EKS takes where the API is not told.
        authentication_mode: text("/accessConfig/authenticationMode")
            .unwrap_or_else(|| "CONFIG_MAP".to_owned()),
        tags: tags_of(&call.body)?,
        created_at: world.tick_fraction(),
        extra: json!({"roleArn": role, "resourcesVpcConfig": network}),
        ..EksCluster::default()
    })
}

/// EKS makes who creates a cluster its administrator, unless it is told not to.
fn creator(world: &mut World, call: &Call, spec: &EksCluster) -> Option<super::super::access::Entry> {
    let declined = call
        .body
        .pointer("/accessConfig/bootstrapClusterCreatorAdminPermissions");
    if spec.authentication_mode == "CONFIG_MAP" || declined == Some(&Value::Bool(false)) {
        return None;
    }
    let principal = call
        .caller
        .role
        .clone()
        .unwrap_or_else(|| call.caller.arn.clone());
    let entry = EksAccessEntry {
        policies: vec![EksAccessPolicy {
            policy_arn: policy_arn(&spec.partition, "AmazonEKSClusterAdminPolicy"),
            associated_at: spec.created_at,
            modified_at: spec.created_at,
            ..EksAccessPolicy::default()
        }],
        ..EksAccessEntry::of(&principal)
    };
    let id = world.principal_id(&principal);
    Some(world.make_entry(&spec.arn(), entry, id))
}
