use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::super::call::Call;
use super::super::page;
use super::super::percent;
use super::super::policy;
use super::super::reply::{Answer, Refusal};
use super::super::role::{IamRole, Role};
use super::super::world::World;
use super::{quotas, tags};

pub(super) fn get(world: &mut World, call: &Call) -> Answer {
    let arn = world.role_of(call)?.spec.arn();
    let role = world.role(&arn).map(|role| shown(world, role, true));
    Ok(json!({"Role": role}))
}

pub(super) fn list(world: &mut World, call: &Call) -> Answer {
    let prefix = call.parameter("PathPrefix").unwrap_or("/");
    let mut roles: Vec<&Role> = world
        .roles
        .iter()
        .filter(|role| role.spec.account == call.account() && role.spec.path.starts_with(prefix))
        .collect();
    roles.sort_by(|one, other| one.spec.name.cmp(&other.spec.name));
    // A list leaves out tags and the permissions boundary.
    let roles = roles.into_iter().map(|role| shown(world, role, false)).collect();
    page::iam(call, world.page_size, "Roles", roles)
}

pub(super) fn create(world: &mut World, call: &Call) -> Answer {
    let name = call.required("RoleName")?;
    check_name(name)?;
    let path = call.parameter("Path").unwrap_or("/");
    check_path(path)?;
    let trust = trust(world, call.required("AssumeRolePolicyDocument")?)?;
    if world.role_of(call).is_ok() {
        return Err(Refusal::new(
            409,
            "EntityAlreadyExists",
            format!("Role with name {name} already exists."),
        ));
    }
    let tags = call.tags();
    tags::check(&tags)?;
    let boundary = call.parameter("PermissionsBoundary").map(str::to_owned);
    if let Some(boundary) = &boundary {
        tags::check_policy_arn(boundary)?;
    }
    let spec = IamRole {
        name: name.to_owned(),
        path: path.to_owned(),
        account: call.account().to_owned(),
        partition: call.partition().to_owned(),
        trust,
        description: call.parameter("Description").unwrap_or("").to_owned(),
        max_session: session(call)?.unwrap_or(3600),
        boundary,
        tags,
        ..IamRole::default()
    };
    let arn = spec.arn();
    let delay = world.role_delay;
    world.add_role(spec, delay);
    let role = world.role(&arn).map(|role| shown(world, role, true));
    Ok(json!({"Role": role}))
}

pub(super) fn update(world: &mut World, call: &Call) -> Answer {
    let session = session(call)?;
    let role = world.role_of(call)?;
    if let Some(description) = call.parameter("Description") {
        description.clone_into(&mut role.spec.description);
    }
    if let Some(session) = session {
        role.spec.max_session = session;
    }
    Ok(json!({}))
}

pub(super) fn update_trust(world: &mut World, call: &Call) -> Answer {
    world.role_of(call)?;
    let trust = trust(world, call.required("PolicyDocument")?)?;
    let pins = world.pins(&trust);
    let role = world.role_of(call)?;
    role.spec.trust = trust;
    role.pins = pins;
    Ok(Value::Null)
}

pub(super) fn delete(world: &mut World, call: &Call) -> Answer {
    let role = world.role_of(call)?;
    let in_the_way = if !role.spec.attached.is_empty() {
        Some("Cannot delete entity, must detach all policies first.")
    } else if role.spec.inline.is_empty() {
        None
    } else {
        Some("Cannot delete entity, must delete policies first.")
    };
    if let Some(message) = in_the_way {
        return Err(Refusal::new(409, "DeleteConflict", message));
    }
    let arn = role.spec.arn();
    world.roles.retain(|role| role.spec.arn() != arn);
    Ok(Value::Null)
}

/// A trust policy, if IAM takes it: the roles that it names must exist and be known.
fn trust(world: &mut World, text: &str) -> Result<Value, Refusal> {
    let document = policy::parse_trust(text)?;
    quotas::trust(&document)?;
    for name in policy::aws_principals(&document) {
        let account =
            name == "*" || name.ends_with(":root") || name.bytes().all(|byte| byte.is_ascii_digit());
        // The session of a role stands or falls with the role.
        let is_session = name.contains(":assumed-role/");
        if !account && !is_session && world.settled_principal_id(&name).is_none() {
            return Err(policy::malformed(format!(
                "Invalid principal in policy: \"AWS\":\"{name}\""
            )));
        }
    }
    Ok(document)
}

fn session(call: &Call) -> Result<Option<u64>, Refusal> {
    match call.parameter("MaxSessionDuration").map(str::parse::<u64>) {
        None => Ok(None),
        Some(Ok(seconds @ 3600..=43200)) => Ok(Some(seconds)),
        Some(_) => Err(Refusal::validation(
            "1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must be \
             between 3600 and 43200",
        )),
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let constraint = if name.is_empty() {
        "Member must have length greater than or equal to 1"
    } else if name.chars().count() > 64 {
        "Member must have length less than or equal to 64"
    } else if !name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter))
    {
        "Member must satisfy regular expression pattern: [\\w+=,.@-]+"
    } else {
        return Ok(());
    };
    Err(Refusal::validation(format!(
        "1 validation error detected: Value '{name}' at 'roleName' failed to satisfy constraint: {constraint}"
    )))
}

pub(super) fn check_path(path: &str) -> Result<(), Refusal> {
    let fine = path == "/"
        || (path.len() <= 512
            && path.len() > 2
            && path.starts_with('/')
            && path.ends_with('/')
            && path.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
    if fine {
        return Ok(());
    }
    Err(Refusal::validation(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters \
         and/or / characters.",
    ))
}

fn shown(world: &World, role: &Role, whole: bool) -> Value {
    let spec = &role.spec;
    let mut shown = json!({
        "Path": spec.path,
        "RoleName": spec.name,
        "RoleId": spec.id,
        "Arn": spec.arn(),
        "CreateDate": Timestamp::from_second(spec.created_at).unwrap_or_default().to_string(),
        "AssumeRolePolicyDocument": percent::encode(&world.shown_trust(role).to_string()),
        "MaxSessionDuration": spec.max_session,
    });
    if !spec.description.is_empty() {
        shown["Description"] = json!(spec.description);
    }
    if !whole {
        return shown;
    }
    shown["RoleLastUsed"] = json!({});
    if let Some(boundary) = &spec.boundary {
        shown["PermissionsBoundary"] = json!({
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": boundary,
        });
    }
    if !spec.tags.is_empty() {
        shown["Tags"] = tags::shown(&spec.tags).into();
    }
    shown
}
