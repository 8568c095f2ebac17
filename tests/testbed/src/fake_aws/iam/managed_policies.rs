use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::super::call::Call;
use super::super::managed_policy::ManagedPolicy;
use super::super::policy;
use super::super::reply::{Answer, Refusal};
use super::super::world::World;
use super::roles::check_path;
use super::{quotas, tags};

pub(super) fn create(world: &mut World, call: &Call) -> Answer {
    let name = call.required("PolicyName")?.to_owned();
    let path = call.parameter("Path").unwrap_or("/").to_owned();
    check_path(&path)?;
    let document = policy::parse_identity(call.required("PolicyDocument")?)?;
    quotas::managed(&document)?;
    let tags = call.tags();
    tags::check(&tags)?;
    let arn = format!(
        "arn:{}:iam::{}:policy{path}{name}",
        call.partition(),
        call.account()
    );
    if world.policy(&arn).is_some() {
        return Err(Refusal::new(
            409,
            "EntityAlreadyExists",
            format!("A policy called {name} already exists. Duplicate names are not allowed."),
        ));
    }
    let policy = ManagedPolicy {
        name,
        path,
        arn,
        id: world.unique("ANPA", 17, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
        document,
        tags,
        created_at: world.tick(),
    };
    let output = json!({"Policy": shown(world, &policy)});
    world.policies.push(policy);
    Ok(output)
}

pub(super) fn get(world: &mut World, call: &Call) -> Answer {
    let policy = find(world, call)?;
    Ok(json!({"Policy": shown(world, policy)}))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Answer {
    let arn = find(world, call)?.arn.clone();
    if users(world, &arn) > 0 {
        return Err(Refusal::new(
            409,
            "DeleteConflict",
            "Cannot delete a policy attached to entities.",
        ));
    }
    world.policies.retain(|policy| policy.arn != arn);
    Ok(Value::Null)
}

pub(super) fn missing(arn: &str) -> Refusal {
    Refusal::new(
        404,
        "NoSuchEntity",
        format!("Policy {arn} does not exist or is not attachable."),
    )
}

fn find<'a>(world: &'a World, call: &Call) -> Result<&'a ManagedPolicy, Refusal> {
    let arn = call.required("PolicyArn")?;
    let own = format!(":iam::{}:", call.account());
    world
        .policy(arn)
        .filter(|policy| policy.arn.contains(&own))
        .ok_or_else(|| missing(arn))
}

fn users(world: &World, arn: &str) -> usize {
    let roles = world.roles.iter();
    roles
        .filter(|role| role.spec.attached.iter().any(|attached| attached == arn))
        .count()
}

fn shown(world: &World, policy: &ManagedPolicy) -> Value {
    let created = Timestamp::from_second(policy.created_at)
        .unwrap_or_default()
        .to_string();
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": "v1",
        "AttachmentCount": users(world, &policy.arn),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": true,
        "CreateDate": created,
        "UpdateDate": created,
        "Tags": tags::shown(&policy.tags),
    })
}
