//! Whether Argo CD is let into a cluster: access entry, policy, role.

use super::Look;
use crate::{
    access::{
        AccessEntry, AssociatedPolicy, IdentityKind, Role, Scope, Trust, assume_actions, made_after, trusts,
    },
    connection::Connection,
    finding::{Check, Finding},
    secret::ClusterSecret,
};

const PRINCIPAL: Check = Check::new("KB301", "it is known as whom Argo CD comes");
const ENTRY: Check = Check::new("KB302", "Argo CD's role has an access entry");
const STALE: Check = Check::new("KB303", "the access entry is as new as the role");
const POLICY: Check = Check::new("KB304", "the access entry has a policy");
const SCOPE: Check = Check::new("KB305", "the policy reaches as far as Argo CD looks");
const ASSUME: Check = Check::new("KB306", "Argo CD may assume the role");
const ITSELF: Check = Check::new("KB307", "Argo CD does not assume its own role");

/// What was seen of the access to one cluster.
#[derive(Debug)]
pub struct AccessLook<'a> {
    /// Its Secret.
    pub secret: &'a ClusterSecret,
    /// Role that Argo CD itself has: on a managed hub that of the capability.
    pub hub_role: Look<String>,
    /// How it got that role: what it must be allowed where it assumes another. Unknown, the least is asked for.
    pub hub_kind: Option<IdentityKind>,
    /// `authenticationMode` of the cluster: with `CONFIG_MAP` there are no entries to look for.
    pub mode: Option<String>,
    /// Access entry of [`principal`].
    pub entry: Look<AccessEntry>,
    /// Policies of that entry.
    pub policies: Look<Vec<AssociatedPolicy>>,
    /// Principals of all entries there, where that entry is missing.
    pub others: Look<Vec<String>>,
    /// The role of [`principal`] in IAM.
    pub role: Look<Role>,
}

/// As whom Argo CD comes to the cluster; `None` where IAM has nothing to do with it.
pub fn principal(secret: &ClusterSecret, hub_role: &Look<String>) -> Option<Look<String>> {
    match secret.connection() {
        Connection::EksRole { role_arn, .. } => Some(Look::Seen(role_arn)),
        Connection::EksDirect { .. } | Connection::ManagedArn => Some(hub_role.clone()),
        _ => None,
    }
}

/// All findings about access that EKS and IAM can answer.
pub fn access(look: &AccessLook<'_>) -> Vec<Finding> {
    let name = &look.secret.cluster.name;
    let Some(principal) = principal(look.secret, &look.hub_role) else {
        return Vec::new();
    };
    let mut found = match &principal {
        Look::Seen(arn) => {
            let mut found = vec![PRINCIPAL.ok().on(arn.clone())];
            if look.mode.as_deref() != Some("CONFIG_MAP") {
                found.extend(entry(look, arn));
            }
            found
        }
        Look::Unknown(reason) => vec![PRINCIPAL.unknown(reason.clone())],
        Look::Absent => vec![PRINCIPAL.unknown(
            "nothing tells the role of Argo CD: name the hub with --hub-aws-cluster-name, or its role with \"kubectl bridge init\"",
        )],
    };
    if let Connection::EksRole { role_arn, .. } = look.secret.connection() {
        found.extend(assumed(look, &role_arn));
    }
    found.into_iter().map(|finding| finding.of(name)).collect()
}

fn entry(look: &AccessLook<'_>, arn: &str) -> Vec<Finding> {
    let name = &look.secret.cluster.name;
    match &look.entry {
        Look::Unknown(reason) => vec![ENTRY.unknown(reason.clone())],
        Look::Absent => vec![missing(look, arn, name)],
        Look::Seen(entry) => {
            let mut found = vec![ENTRY.ok().on(entry.arn.clone()), stale(look, entry, name)];
            found.extend(policies(look, entry, name));
            found
        }
    }
}

fn missing(look: &AccessLook<'_>, arn: &str, name: &str) -> Finding {
    let hint = format!("\"kubectl bridge register {name}\" makes one");
    let others = look.others.seen().map(Vec::as_slice).unwrap_or_default();
    // The same role with another path, or the spoke's role where the hub's or the capability's comes: looks right and is not.
    let short = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let namesake = others.iter().find(|other| short(other) == short(arn));
    let argo = others
        .iter()
        .find(|other| other.contains(":role/") && other.to_lowercase().contains("argocd"));
    let cause = match namesake.or(argo) {
        Some(other) => {
            format!("there is none for {arn}; there is one for {other}, which is not whom Argo CD comes as")
        }
        None => format!("there is none for {arn}: Argo CD gets a 401 from the cluster"),
    };
    ENTRY.failure(cause, hint)
}

/// EKS keeps the id of the role, not its name: a role made anew is a stranger, and nothing in the entry shows it.
fn stale(look: &AccessLook<'_>, entry: &AccessEntry, name: &str) -> Finding {
    match &look.role {
        Look::Unknown(reason) => STALE.unknown(reason.clone()),
        Look::Absent => STALE.failure(
            format!("the role {} is no longer there", entry.principal),
            format!(
                "make it again, then delete the access entry and let \"kubectl bridge register {name}\" make it anew"
            ),
        ),
        Look::Seen(role) => match (role.created_at, entry.created_at) {
            (Some(role_at), Some(entry_at)) if made_after(role_at, entry_at) => STALE.failure(
                format!(
                    "the role {} was made anew at {role_at:.0}, after its access entry ({entry_at:.0}): the entry still lets only \
                     the old one in, and Argo CD gets a 401",
                    role.arn
                ),
                format!(
                    "\"aws eks delete-access-entry --principal-arn {}\", then \"kubectl bridge register {name}\"",
                    role.arn
                ),
            ),
            (Some(_), Some(_)) => STALE.ok(),
            _ => STALE.unknown("AWS does not tell when role and entry were made"),
        },
    }
}

fn policies(look: &AccessLook<'_>, entry: &AccessEntry, name: &str) -> Vec<Finding> {
    let policies = match &look.policies {
        Look::Unknown(reason) => return vec![POLICY.unknown(reason.clone())],
        Look::Absent => &[][..],
        Look::Seen(policies) => policies,
    };
    if policies.is_empty() {
        let hint = format!("\"kubectl bridge register {name} --access-policy POLICY\"");
        return vec![if entry.groups.is_empty() {
            POLICY.failure(
                "no access policy is associated with it, and it has no groups: Argo CD gets in and may do nothing",
                format!("{hint}, unless RBAC on the cluster names eks-access-entry:{}", entry.principal),
            )
        } else {
            POLICY.warning(
                format!(
                    "no access policy is associated with it: all depends on what RBAC gives to {}",
                    entry.groups.join(", ")
                ),
                hint,
            )
        }];
    }
    let narrow = policies.iter().all(|policy| policy.scope != Scope::Cluster);
    let scope = if narrow && look.secret.namespaces.is_empty() {
        let scopes: Vec<String> = policies.iter().map(|policy| policy.scope.to_string()).collect();
        SCOPE.failure(
            format!(
                "it holds in {} only, and the Secret names no namespaces: Argo CD lists the whole cluster and is refused",
                scopes.join(", ")
            ),
            format!("\"kubectl bridge register {name} --namespaces …\" with the same namespaces"),
        )
    } else {
        SCOPE.ok()
    };
    vec![POLICY.ok(), scope]
}

/// A role in `config`, which Argo CD assumes first.
fn assumed(look: &AccessLook<'_>, role_arn: &str) -> Vec<Finding> {
    let hub_role = match &look.hub_role {
        Look::Seen(arn) => arn,
        Look::Unknown(reason) => return vec![ASSUME.unknown(reason.clone())],
        Look::Absent => return vec![ASSUME.unknown("nothing tells the role of Argo CD")],
    };
    if hub_role == role_arn {
        return vec![ITSELF.failure(
            "config names Argo CD's own role as the one to assume: unless its trust policy lets it assume itself, that is refused",
            format!(
                "\"kubectl bridge register {} --access direct\" leaves roleARN out",
                look.secret.cluster.name
            ),
        )];
    }
    let finding = match &look.role {
        Look::Unknown(reason) => ASSUME.unknown(reason.clone()),
        Look::Absent => ASSUME.failure(
            format!("the role {role_arn} is not there"),
            "make it, or register the cluster with another one",
        ),
        Look::Seen(role) => {
            let kind = look.hub_kind.unwrap_or(IdentityKind::Irsa);
            match trusts(&role.trust, hub_role, kind) {
                Trust::Yes => ASSUME.ok(),
                Trust::No(why) => ASSUME.failure(
                    format!("{role_arn}: {why}"),
                    format!(
                        "allow {hub_role} {} in its trust policy",
                        assume_actions(kind).join(" and ")
                    ),
                ),
                Trust::Unknown(why) => ASSUME.unknown(format!("{role_arn}: {why}")),
            }
        }
    };
    vec![finding, ITSELF.ok()]
}
