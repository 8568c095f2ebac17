use serde_json::{Value, json};

use super::super::call::Call;
use super::super::page;
use super::super::percent;
use super::super::policy;
use super::super::reply::{Answer, Refusal};
use super::super::world::World;
use super::tags::check_policy_arn;
use super::{managed_policies, quotas};

pub(super) fn put(world: &mut World, call: &Call) -> Answer {
    let name = call.required("PolicyName")?.to_owned();
    let document = call.required("PolicyDocument")?;
    let document = policy::parse_identity(document)?;
    let role = world.role_of(call)?;
    quotas::inline(&role.spec, &name, &document)?;
    role.spec.inline.insert(name, document);
    Ok(Value::Null)
}

pub(super) fn get(world: &mut World, call: &Call) -> Answer {
    let name = call.required("PolicyName")?;
    let role = world.role_of(call)?;
    let document = role.spec.inline.get(name).ok_or_else(|| no_policy(name))?;
    Ok(json!({
        "RoleName": role.spec.name,
        "PolicyName": name,
        "PolicyDocument": percent::encode(&document.to_string()),
    }))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Answer {
    let name = call.required("PolicyName")?;
    let role = world.role_of(call)?;
    role.spec.inline.remove(name).ok_or_else(|| no_policy(name))?;
    Ok(Value::Null)
}

pub(super) fn list(world: &mut World, call: &Call) -> Answer {
    let limit = world.page_size;
    let names = world.role_of(call)?.spec.inline.keys();
    let names = names.map(|name| name.clone().into()).collect();
    page::iam(call, limit, "PolicyNames", names)
}

pub(super) fn attach(world: &mut World, call: &Call) -> Answer {
    let arn = call.required("PolicyArn")?.to_owned();
    check_policy_arn(&arn)?;
    world.role_of(call)?;
    if !arn.contains(":iam::aws:policy/") && world.policy(&arn).is_none() {
        return Err(managed_policies::missing(&arn));
    }
    let role = world.role_of(call)?;
    if !role.spec.attached.contains(&arn) {
        quotas::attached(&role.spec)?;
        role.spec.attached.push(arn);
    }
    Ok(Value::Null)
}

pub(super) fn detach(world: &mut World, call: &Call) -> Answer {
    let arn = call.required("PolicyArn")?;
    let attached = &mut world.role_of(call)?.spec.attached;
    let before = attached.len();
    attached.retain(|had| had != arn);
    if attached.len() == before {
        return Err(Refusal::new(
            404,
            "NoSuchEntity",
            format!("Policy {arn} was not found."),
        ));
    }
    Ok(Value::Null)
}

pub(super) fn list_attached(world: &mut World, call: &Call) -> Answer {
    let limit = world.page_size;
    let attached = world.role_of(call)?.spec.attached.iter();
    let attached = attached
        .map(|arn| json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn}))
        .collect();
    page::iam(call, limit, "AttachedPolicies", attached)
}

fn no_policy(name: &str) -> Refusal {
    Refusal::new(
        404,
        "NoSuchEntity",
        format!("The role policy with name {name} cannot be found."),
    )
}
