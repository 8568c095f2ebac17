//! How much IAM takes ("IAM and AWS STS quotas" of its user guide), with its messages.

use serde_json::Value;

use super::super::policy;
use super::super::reply::Refusal;
use super::super::role::IamRole;

/// Characters of all inline policies of a role together. It cannot be raised.
const INLINE: usize = 10_240;
/// Characters of a managed policy. It cannot be raised.
const MANAGED: usize = 6_144;
/// Characters of a trust policy, unless it was raised.
const TRUST: usize = 2_048;
/// Managed policies of a role, unless it was raised.
const ATTACHED: usize = 10;

/// With this inline policy in the place of one of that name, if there is one.
pub(super) fn inline(role: &IamRole, name: &str, document: &Value) -> Result<(), Refusal> {
    let others = role.inline.iter().filter(|(other, _)| *other != name);
    let others: usize = others.map(|(_, document)| policy::size(document)).sum();
    if others + policy::size(document) > INLINE {
        return Err(exceeded(format!(
            "Maximum policy size of {INLINE} bytes exceeded for role {}",
            role.name
        )));
    }
    Ok(())
}

pub(super) fn managed(document: &Value) -> Result<(), Refusal> {
    limit("PolicySize", MANAGED, policy::size(document))
}

pub(super) fn trust(document: &Value) -> Result<(), Refusal> {
    limit("ACLSizePerRole", TRUST, policy::size(document))
}

/// With one more.
pub(super) fn attached(role: &IamRole) -> Result<(), Refusal> {
    limit("PoliciesPerRole", ATTACHED, role.attached.len() + 1)
}

fn limit(quota: &str, most: usize, have: usize) -> Result<(), Refusal> {
    if have > most {
        return Err(exceeded(format!("Cannot exceed quota for {quota}: {most}")));
    }
    Ok(())
}

fn exceeded(message: String) -> Refusal {
    Refusal::new(409, "LimitExceeded", message)
}
