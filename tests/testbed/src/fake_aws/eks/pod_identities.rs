use serde_json::{Value, json};

use super::super::call::Call;
use super::super::page;
use super::super::pod_identity::{Association, EksPodIdentity};
use super::super::reply::{Answer, Refusal};
use super::super::world::{Cluster, World};
use super::tags_of;

pub(super) fn create(world: &mut World, call: &Call) -> Answer {
    let spec = EksPodIdentity {
        namespace: call.required_text("namespace")?.to_owned(),
        service_account: call.required_text("serviceAccount")?.to_owned(),
        role_arn: call.required_text("roleArn")?.to_owned(),
        target_role_arn: call.text("targetRoleArn").map(str::to_owned),
        disable_session_tags: call.body["disableSessionTags"] == true,
        tags: tags_of(&call.body)?,
        ..EksPodIdentity::default()
    };
    let token = call.text("clientRequestToken").map(str::to_owned);
    let cluster = world.cluster(call)?;
    let cluster_arn = cluster.spec.arn();
    let had = cluster
        .associations
        .iter()
        .find(|had| had.spec.namespace == spec.namespace && had.spec.service_account == spec.service_account);
    if let Some(had) = had {
        // The same request once more, because its answer was lost.
        if token.is_some() && had.token == token {
            return Ok(json!({"association": shown(call.segment("name"), had)}));
        }
        return Err(Refusal::in_use(format!(
            "Association already exists: {}",
            had.spec.id
        )));
    }
    check_role(world, call, &spec.role_arn)?;
    let mut association = world.make_association(&cluster_arn, spec);
    association.token = token;
    let output = json!({"association": shown(call.segment("name"), &association)});
    world.cluster(call)?.associations.push(association);
    Ok(output)
}

pub(super) fn list(world: &mut World, call: &Call) -> Answer {
    let limit = world.page_size;
    let fits = |filter: &str, had: &str| call.parameter(filter).is_none_or(|wanted| wanted == had);
    let associations = &world.cluster(call)?.associations;
    let summaries = associations
        .iter()
        .filter(|had| {
            fits("namespace", &had.spec.namespace) && fits("serviceAccount", &had.spec.service_account)
        })
        .map(|had| summary(call.segment("name"), had));
    page::eks(call, limit, "associations", summaries.collect())
}

pub(super) fn describe(world: &mut World, call: &Call) -> Answer {
    let association = find(world.cluster(call)?, call)?;
    Ok(json!({"association": shown(call.segment("name"), association)}))
}

pub(super) fn update(world: &mut World, call: &Call) -> Answer {
    let now = world.tick_fraction();
    find(world.cluster(call)?, call)?;
    if let Some(role) = call.text("roleArn") {
        check_role(world, call, role)?;
    }
    let association = find(world.cluster(call)?, call)?;
    if let Some(role) = call.text("roleArn") {
        role.clone_into(&mut association.spec.role_arn);
    }
    if let Some(role) = call.text("targetRoleArn") {
        association.spec.target_role_arn = (!role.is_empty()).then(|| role.to_owned());
    }
    if let Some(disable) = call.body["disableSessionTags"].as_bool() {
        association.spec.disable_session_tags = disable;
    }
    association.modified_at = now;
    Ok(json!({"association": shown(call.segment("name"), association)}))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Answer {
    let cluster = world.cluster(call)?;
    let output = json!({"association": shown(call.segment("name"), find(cluster, call)?)});
    let id = call.segment("associationId");
    cluster.associations.retain(|had| had.spec.id != id);
    Ok(output)
}

/// The role must be in the cluster's account, and known.
fn check_role(world: &mut World, call: &Call, role_arn: &str) -> Result<(), Refusal> {
    let own = format!(":iam::{}:role/", call.account());
    if role_arn.contains(&own) && world.settled_principal_id(role_arn).is_some() {
        return Ok(());
    }
    // EKS's own words for this are not known.
    Err(Refusal::parameter(format!(
        "Role provided in the request does not exist: {role_arn}"
    )))
}

fn find<'a>(cluster: &'a mut Cluster, call: &Call) -> Result<&'a mut Association, Refusal> {
    let id = call.segment("associationId");
    cluster
        .associations
        .iter_mut()
        .find(|had| had.spec.id == id)
        .ok_or_else(|| Refusal::not_found(format!("Association does not exist: {id}")))
}

/// What a list shows: neither role.
fn summary(cluster: &str, association: &Association) -> Value {
    let mut summary = json!({
        "clusterName": cluster,
        "namespace": association.spec.namespace,
        "serviceAccount": association.spec.service_account,
        "associationArn": association.arn,
        "associationId": association.spec.id,
    });
    if let Some(owner) = &association.spec.owner_arn {
        summary["ownerArn"] = json!(owner);
    }
    summary
}

fn shown(cluster: &str, association: &Association) -> Value {
    let mut shown = summary(cluster, association);
    shown["roleArn"] = json!(association.spec.role_arn);
    shown["tags"] = json!(association.spec.tags);
    shown["createdAt"] = json!(association.spec.created_at);
    shown["modifiedAt"] = json!(association.modified_at);
    shown["disableSessionTags"] = json!(association.spec.disable_session_tags);
    if let Some(target) = &association.spec.target_role_arn {
        shown["targetRoleArn"] = json!(target);
        shown["externalId"] = json!(format!("external-id-of-{}", association.spec.id));
    }
    shown
}

impl World {
    /// A pod identity association of a cluster, with all that EKS gives it; not added yet.
    pub(in super::super) fn make_association(
        &mut self,
        cluster_arn: &str,
        mut spec: EksPodIdentity,
    ) -> Association {
        if spec.created_at == 0.0 {
            spec.created_at = self.tick_fraction();
        }
        if spec.id.is_empty() {
            spec.id = self.unique("a-", 17, b"abcdefghijklmnopqrstuvwxyz0123456789");
        }
        let arn = cluster_arn.replacen(":cluster/", ":podidentityassociation/", 1);
        Association {
            arn: format!("{arn}/{}", spec.id),
            modified_at: spec.created_at,
            token: None,
            spec,
        }
    }
}
