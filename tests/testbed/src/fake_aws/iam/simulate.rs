//! What IAM says that a role may do, from its own policies alone: whether the other side trusts it is not looked at.

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::page;
use super::super::reply::{Answer, Refusal};
use super::super::rights::Right;
use super::super::role::Role;
use super::super::world::World;

pub(super) fn principal(world: &mut World, call: &Call) -> Answer {
    let source = call.required("PolicySourceArn")?;
    let actions = call.strings("ActionNames");
    if actions.is_empty() {
        call.required("ActionNames")?;
    }
    let resources = match call.strings("ResourceArns") {
        none if none.is_empty() => vec!["*".to_owned()],
        resources => resources,
    };
    let role = world
        .role(source)
        .filter(|role| role.spec.account == call.account())
        .ok_or_else(|| {
            let name = source.rsplit('/').next().unwrap_or(source);
            Refusal::new(
                404,
                "NoSuchEntity",
                format!("The role with name {name} cannot be found."),
            )
        })?;
    let mut results = Vec::new();
    for resource in &resources {
        for action in &actions {
            results.push(result(world, role, action, resource));
        }
    }
    page::iam(call, world.page_size, "EvaluationResults", results)
}

fn result(world: &World, role: &Role, action: &str, resource: &str) -> Value {
    let (decision, effect) = match world.right(role, action, resource) {
        Right::No => ("implicitDeny", None),
        Right::Denied => ("explicitDeny", Some("Deny")),
        Right::Allowed => ("allowed", Some("Allow")),
    };
    let sources = world.sources(role);
    let matched: Vec<Value> = sources
        .iter()
        .filter(|source| effect.is_some_and(|effect| source.hits(effect, action, resource)))
        .map(|source| json!({"SourcePolicyId": source.name, "SourcePolicyType": "IAM Policy"}))
        .collect();
    json!({
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": decision,
        "MatchedStatements": matched,
        "MissingContextValues": [],
    })
}
