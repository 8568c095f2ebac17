use serde_json::{Value, json};

use super::super::access::{EksAccessEntry, Entry, default_username};
use super::super::call::Call;
use super::super::delay::Waiting;
use super::super::page;
use super::super::reply::{Answer, Refusal};
use super::super::world::{Cluster, World};
use super::{empty, strings, tags_of};

const TYPES: [&str; 7] = [
    "STANDARD",
    "EC2_LINUX",
    "EC2_WINDOWS",
    "EC2",
    "FARGATE_LINUX",
    "HYBRID_LINUX",
    "HYPERPOD_LINUX",
];

/// The cluster of a call, if it has access entries at all.
pub(super) fn open<'a>(world: &'a mut World, call: &Call) -> Result<&'a mut Cluster, Refusal> {
    let cluster = world.cluster(call)?;
    if cluster.spec.authentication_mode == "CONFIG_MAP" {
        return Err(Refusal::new(
            400,
            "InvalidRequestException",
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this \
             operation.",
        ));
    }
    Ok(cluster)
}

/// The entry of a call.
pub(super) fn entry<'a>(cluster: &'a mut Cluster, call: &Call) -> Result<&'a mut Entry, Refusal> {
    cluster.entry(call.segment("principalArn")).ok_or_else(missing)
}

pub(super) fn missing() -> Refusal {
    Refusal::not_found(
        "The specified principalArn could not be found. You can view your available access entries with \
         'list-access-entries'.",
    )
}

pub(super) fn create(world: &mut World, call: &Call) -> Answer {
    let wanted = wanted(call)?;
    let token = call.text("clientRequestToken").map(str::to_owned);
    let delay = world.entry_delay;
    let cluster = open(world, call)?;
    if let Some(entry) = cluster.entry(&wanted.principal_arn) {
        // The same request once more, because its answer was lost.
        if token.is_some() && entry.token == token {
            return Ok(json!({"accessEntry": shown(call.segment("name"), entry)}));
        }
        return Err(Refusal::in_use(
            "The specified access entry resource is already in use on this cluster.",
        ));
    }
    let Some(id) = world.settled_principal_id(&wanted.principal_arn) else {
        return Err(invalid_principal());
    };
    let mut entry = made(world, call, wanted, Some(id))?;
    entry.token = token;
    entry.settling = Waiting::begin(delay);
    let output = json!({"accessEntry": shown(call.segment("name"), &entry)});
    open(world, call)?.entries.push(entry);
    Ok(output)
}

pub(super) fn describe(world: &mut World, call: &Call) -> Answer {
    let entry = entry(open(world, call)?, call)?;
    Ok(json!({"accessEntry": shown(call.segment("name"), entry)}))
}

pub(super) fn update(world: &mut World, call: &Call) -> Answer {
    let now = world.tick_fraction();
    let entry = entry(open(world, call)?, call)?;
    let standard = entry.spec.kind == "STANDARD";
    if !call.body["kubernetesGroups"].is_null() {
        let groups = strings(&call.body["kubernetesGroups"]);
        check_groups(&groups, standard)?;
        entry.spec.groups = groups;
    }
    if let Some(username) = call.text("username") {
        check_username(username)?;
        username.clone_into(&mut entry.spec.username);
    }
    entry.modified_at = now;
    Ok(json!({"accessEntry": shown(call.segment("name"), entry)}))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Answer {
    let cluster = open(world, call)?;
    entry(cluster, call)?;
    let principal = call.segment("principalArn");
    cluster
        .entries
        .retain(|entry| entry.spec.principal_arn != principal);
    Ok(empty())
}

pub(super) fn list(world: &mut World, call: &Call) -> Answer {
    let limit = world.page_size;
    let policy = call.parameter("associatedPolicyArn");
    let has_policy = |entry: &&Entry| {
        policy.is_none_or(|policy| entry.spec.policies.iter().any(|had| had.policy_arn == policy))
    };
    let entries = &open(world, call)?.entries;
    let principals = entries
        .iter()
        .filter(has_policy)
        .map(|entry| entry.spec.principal_arn.clone().into());
    page::eks(call, limit, "accessEntries", principals.collect())
}

/// The entry that a request asks for, as far as the request alone can be judged.
fn wanted(call: &Call) -> Result<EksAccessEntry, Refusal> {
    let principal_arn = call.required_text("principalArn")?.to_owned();
    let kind = call.text("type").unwrap_or("STANDARD");
    if !TYPES.contains(&kind) {
        return Err(Refusal::parameter(format!(
            "The specified type is invalid: {kind}. It must be one of {TYPES:?}"
        )));
    }
    let groups = strings(&call.body["kubernetesGroups"]);
    check_groups(&groups, kind == "STANDARD")?;
    let username = call.text("username").unwrap_or("");
    check_username(username)?;
    let own = format!(":iam::{}:", call.account());
    if kind != "STANDARD" && !principal_arn.contains(&own) {
        return Err(invalid_principal());
    }
    Ok(EksAccessEntry {
        principal_arn,
        groups,
        username: username.to_owned(),
        kind: kind.to_owned(),
        tags: tags_of(&call.body)?,
        ..EksAccessEntry::default()
    })
}

/// An entry with all that EKS gives it.
fn made(world: &mut World, call: &Call, spec: EksAccessEntry, id: Option<String>) -> Result<Entry, Refusal> {
    let arn = world.cluster(call)?.spec.arn();
    Ok(world.make_entry(&arn, spec, id))
}

fn check_groups(groups: &[String], standard: bool) -> Result<(), Refusal> {
    if let Some(group) = groups.iter().find(|group| group.starts_with("system:")) {
        return Err(Refusal::parameter(format!(
            "The kubernetes group name {group} is invalid, it cannot start with system:"
        )));
    }
    if !standard && !groups.is_empty() {
        return Err(not_standard());
    }
    Ok(())
}

fn check_username(username: &str) -> Result<(), Refusal> {
    match ["system:", "eks:", "aws:", "amazon:", "iam:"]
        .into_iter()
        .find(|start| username.starts_with(start))
    {
        Some(start) => Err(Refusal::parameter(format!(
            "The username {username} is invalid, it cannot start with {start}"
        ))),
        None => Ok(()),
    }
}

pub(super) fn not_standard() -> Refusal {
    Refusal::parameter("This operation can only be performed on Access Entries with a type of \"STANDARD\".")
}

pub(super) fn invalid_principal() -> Refusal {
    Refusal::parameter("The specified principalArn is invalid: invalid principal.")
}

fn shown(cluster: &str, entry: &Entry) -> Value {
    json!({
        "clusterName": cluster,
        "principalArn": entry.spec.principal_arn,
        "kubernetesGroups": entry.spec.groups,
        "accessEntryArn": entry.arn,
        "createdAt": entry.spec.created_at,
        "modifiedAt": entry.modified_at,
        "tags": entry.spec.tags,
        "username": entry.spec.username,
        "type": entry.spec.kind,
    })
}

impl World {
    /// An access entry of a cluster, with all that EKS gives it; not added yet.
    pub(in super::super) fn make_entry(
        &mut self,
        cluster_arn: &str,
        mut spec: EksAccessEntry,
        principal_id: Option<String>,
    ) -> Entry {
        if spec.created_at == 0.0 {
            spec.created_at = self.tick_fraction();
        }
        if spec.username.is_empty() {
            spec.username = default_username(&spec.principal_arn);
        }
        if spec.kind.is_empty() {
            "STANDARD".clone_into(&mut spec.kind);
        }
        let id = self.unique("", 32, b"0123456789abcdef");
        let id = format!(
            "{}-{}-{}-{}-{}",
            &id[..8],
            &id[8..12],
            &id[12..16],
            &id[16..20],
            &id[20..]
        );
        // arn:aws:iam::<account>:role/<path>/<name>
        let account = spec.principal_arn.split(':').nth(4).unwrap_or_default();
        let resource = spec.principal_arn.rsplit(':').next().unwrap_or_default();
        let (kind, path) = resource.split_once('/').unwrap_or((resource, ""));
        let name = path.rsplit('/').next().unwrap_or_default();
        let rest = format!("{kind}/{account}/{name}/{id}");
        let arn = cluster_arn.replacen(":cluster/", ":access-entry/", 1);
        Entry {
            arn: format!("{arn}/{rest}"),
            modified_at: spec.created_at,
            principal_id,
            token: None,
            settling: Waiting::Over,
            spec,
        }
    }
}
