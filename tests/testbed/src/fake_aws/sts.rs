//! STS (2011-06-15).

use std::time::{Duration, SystemTime};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::call::{Call, Caller, Operation, Service};
use super::faults::not_authorized;
use super::policy::{self, Asker, Trust};
use super::reply::{Answer, Refusal};
use super::rights::Right;
use super::world::{Session, World};

/// The operation that a form names.
pub(super) fn route(action: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == action)
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "GetCallerIdentity",
        route: "",
        changes: false,
        run: get_caller_identity,
    },
    // It changes nothing that lasts.
    Operation {
        name: "AssumeRole",
        route: "",
        changes: false,
        run: assume_role,
    },
];

#[expect(clippy::unnecessary_wraps, reason = "a handler like the others")]
fn get_caller_identity(_: &mut World, call: &Call) -> Answer {
    Ok(json!({
        "UserId": call.caller.user_id,
        "Account": call.caller.account,
        "Arn": call.caller.arn,
    }))
}

fn assume_role(world: &mut World, call: &Call) -> Answer {
    let arn = call.required("RoleArn")?.to_owned();
    let name = call.required("RoleSessionName")?;
    if !(2..=64).contains(&name.len())
        || !name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter))
    {
        return Err(Refusal::validation(format!(
            "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\w+=,.@-]*"
        )));
    }
    let refusal = || Refusal::denied(Service::Sts, not_authorized(call, "sts:AssumeRole"));
    world.settled_principal_id(&arn).ok_or_else(refusal)?;
    for action in call.actions() {
        if !world.may_assume(&call.caller, &arn, &action, call.parameter("ExternalId")) {
            return Err(Refusal::denied(Service::Sts, not_authorized(call, &action)));
        }
    }
    let role = world.role(&arn).ok_or_else(refusal)?;
    let lasts = duration(call, role.spec.max_session)?;
    let (account, partition) = (role.spec.account.clone(), role.spec.partition.clone());
    let (role_name, user_id) = (role.spec.name.clone(), format!("{}:{name}", role.spec.id));
    let caller = Caller {
        arn: format!("arn:{partition}:sts::{account}:assumed-role/{role_name}/{name}"),
        account,
        user_id: user_id.clone(),
        role: Some(arn),
    };
    let output_user = json!({"AssumedRoleId": user_id, "Arn": caller.arn});
    let credentials = credentials(world, caller, lasts);
    Ok(json!({"Credentials": credentials, "AssumedRoleUser": output_user}))
}

fn duration(call: &Call, max: u64) -> Result<u64, Refusal> {
    let asked = match call.parameter("DurationSeconds").map(str::parse::<u64>) {
        None => 3600,
        Some(Ok(asked @ 900..=43200)) => asked,
        Some(_) => {
            return Err(Refusal::validation(
                "1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint: Member must be \
                 between 900 and 43200",
            ));
        }
    };
    if call.caller.role.is_some() && asked > 3600 {
        return Err(Refusal::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    if asked > max {
        return Err(Refusal::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(asked)
}

pub(super) fn credentials(world: &mut World, caller: Caller, lasts: u64) -> Value {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let key = world.unique("ASIA", 16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    let secret = world.unique("", 40, letters);
    let token = world.unique("IQoJb3JpZ2luX2Vj", 64, letters);
    // The client compares this with its own clock, so it is of the real time.
    let end = Timestamp::try_from(SystemTime::now() + Duration::from_secs(lasts)).unwrap_or(Timestamp::MAX);
    let credentials = json!({
        "AccessKeyId": key,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Expiration": format!("{}", end.strftime("%Y-%m-%dT%H:%M:%SZ")),
    });
    world.sessions.insert(
        key,
        Session {
            caller,
            secret,
            token,
        },
    );
    credentials
}

impl World {
    /// Whether a caller may assume a role: in the same account the trust policy may name it, or trust the account and
    /// leave it to the caller's policies; across accounts both sides must allow it. Users are administrators.
    pub(super) fn may_assume(
        &self,
        caller: &Caller,
        role_arn: &str,
        action: &str,
        external_id: Option<&str>,
    ) -> bool {
        let Some(role) = self.role(role_arn) else {
            return false;
        };
        let asker = Asker {
            account: &caller.account,
            arns: caller
                .role
                .as_deref()
                .into_iter()
                .chain([caller.arn.as_str()])
                .collect(),
            external_id,
        };
        let trust = policy::trusts(&self.shown_trust(role), &asker, action);
        let right = match &caller.role {
            None => Right::Allowed,
            Some(own) => self
                .role(own)
                .map_or(Right::No, |own| self.right(own, action, role_arn)),
        };
        let allowed = right == Right::Allowed;
        match trust {
            _ if right == Right::Denied => false,
            Trust::No => false,
            Trust::Account => allowed,
            Trust::Principal => allowed || caller.account == role.spec.account,
        }
    }
}
