//! A cluster Secret beside what EKS says of the cluster.

use super::Look;
use crate::{
    connection::Connection,
    drift,
    facts::EksFacts,
    finding::{Check, Finding},
    keys,
    secret::ClusterSecret,
};

const EXISTS: Check = Check::new("KB201", "EKS has the cluster");
const STATUS: Check = Check::new("KB202", "the cluster is ACTIVE");
const SAME: Check = Check::new("KB203", "it is the cluster that was registered");
const ENDPOINT: Check = Check::new("KB204", "server is the endpoint of the cluster");
const AUTHORITY: Check = Check::new("KB205", "config holds the certificate authority of the cluster");
const MODE: Check = Check::new("KB206", "the authentication mode lets access entries in");
const REACH: Check = Check::new("KB207", "the endpoint admits the hub");
const METADATA: Check = Check::new("KB208", "metadata is as new as the cluster");

/// What was seen of one cluster.
#[derive(Debug)]
pub struct EksLook<'a> {
    /// Its Secret.
    pub secret: &'a ClusterSecret,
    /// What EKS says; `Absent` where EKS, asked with credentials of the right account, does not know it.
    pub facts: Look<EksFacts>,
    /// VPC of the hub, where it is known.
    pub hub_vpc: Option<String>,
}

/// All findings about one cluster that EKS can answer.
pub fn eks(look: &EksLook<'_>) -> Vec<Finding> {
    let name = &look.secret.cluster.name;
    let found = match &look.facts {
        Look::Unknown(reason) => vec![EXISTS.unknown(reason.clone())],
        Look::Absent => vec![EXISTS.failure(
            "EKS does not know it any more",
            format!("take it off the hub: \"kubectl bridge unregister {name}\""),
        )],
        Look::Seen(facts) => {
            let mut found = vec![EXISTS.ok().on(facts.arn.to_string()), status(facts)];
            if is_there(facts) {
                found.extend(identity(look.secret, facts));
                found.extend(mode(look.secret, facts));
                found.extend(reach(look, facts));
                found.push(metadata(look.secret, facts));
            }
            found
        }
    };
    found.into_iter().map(|finding| finding.of(name)).collect()
}

fn is_there(facts: &EksFacts) -> bool {
    matches!(facts.status.as_str(), "ACTIVE" | "UPDATING")
}

fn status(facts: &EksFacts) -> Finding {
    let status = facts.status.as_str();
    match status {
        "ACTIVE" | "UPDATING" => STATUS.ok(),
        "CREATING" | "PENDING" => STATUS.warning(format!("it is {status}"), "wait until it is ACTIVE"),
        "DELETING" => STATUS.failure(
            "it is DELETING",
            "what Argo CD deployed goes with it; take it off the hub with unregister",
        ),
        _ => STATUS.failure(
            format!("it is {status}"),
            format!(
                "\"aws eks describe-cluster --name {} --query cluster.health\" says why",
                facts.arn.name
            ),
        ),
    }
}

fn identity(secret: &ClusterSecret, facts: &EksFacts) -> Vec<Finding> {
    let name = &secret.cluster.name;
    let accept =
        format!("\"kubectl bridge update {name} --accept-recreated\" once you know that it is the right one");
    let created = secret.cluster.annotations.get(keys::CREATED_AT);
    let now = facts.annotations().get(keys::CREATED_AT).cloned();
    let mut found = Vec::new();
    match (created, now) {
        (Some(was), Some(now)) if *was != now => found.push(SAME.failure(
            format!(
                "a cluster of the same name was created {now}, and the registered one {was}: what was deployed and its access \
                 entries went with the old one"
            ),
            accept.clone(),
        )),
        (Some(_), Some(_)) => found.push(SAME.ok()),
        _ => found.push(SAME.unknown(format!(
            "the Secret does not tell when its cluster was created; \"kubectl bridge update {name}\" writes it down"
        ))),
    }
    let connection = secret.connection();
    if matches!(
        connection,
        Connection::EksDirect { .. } | Connection::EksRole { .. }
    ) {
        found.push(match drift::endpoint_changed(secret, facts) {
            None => ENDPOINT.ok(),
            Some((was, now)) => ENDPOINT.failure(
                format!("the endpoint of the cluster is {now}, and the Secret says {was}"),
                accept.clone(),
            ),
        });
        found.push(if drift::authority_changed(secret, facts) {
            AUTHORITY.failure(
                "EKS gives another certificate authority than the Secret holds: Argo CD refuses the connection",
                accept,
            )
        } else {
            AUTHORITY.ok()
        });
    }
    found
}

fn mode(secret: &ClusterSecret, facts: &EksFacts) -> Option<Finding> {
    let managed = match secret.connection() {
        Connection::ManagedArn => true,
        Connection::EksDirect { .. } | Connection::EksRole { .. } => false,
        _ => return None,
    };
    let change = format!(
        "\"aws eks update-cluster-config --name {} --access-config authenticationMode=API_AND_CONFIG_MAP\" (there is no way back)",
        facts.arn.name
    );
    Some(match facts.authentication_mode.as_deref() {
        None => MODE.unknown("EKS does not tell its authentication mode"),
        Some("CONFIG_MAP") if managed => MODE.failure(
            "it is CONFIG_MAP: access entries do not work there, and the capability has no other way in",
            change,
        ),
        Some("CONFIG_MAP") => MODE.warning(
            "it is CONFIG_MAP: access entries do not work there, and only ConfigMap aws-auth on the cluster can let Argo CD in",
            format!("look at mapRoles in aws-auth, or {change}"),
        ),
        Some(_) => MODE.ok(),
    })
}

/// What the addresses say. Whether the hub gets through is not to be seen from here, and no failure.
fn reach(look: &EksLook<'_>, facts: &EksFacts) -> Option<Finding> {
    if !matches!(
        look.secret.connection(),
        Connection::EksDirect { .. } | Connection::EksRole { .. }
    ) {
        // The capability reaches clusters without their network; others have their own way.
        return None;
    }
    let access = facts.endpoint_access.as_ref()?;
    let in_its_vpc = look.hub_vpc.is_some() && look.hub_vpc == facts.vpc_id;
    if access.private && in_its_vpc {
        return Some(REACH.ok());
    }
    let vpc = facts.vpc_id.as_deref().unwrap_or("its VPC");
    Some(if !access.public {
        REACH.warning(
            format!(
                "not reachable from here: the endpoint is private, and the hub needs a way into {vpc} (peering, transit gateway) \
                 and its DNS"
            ),
            "nothing to do if the hub has it: whether it has cannot be seen from here",
        )
    } else if access.public_cidrs.is_empty() || access.public_cidrs.iter().any(|cidr| cidr == "0.0.0.0/0") {
        REACH.ok()
    } else {
        REACH.warning(
            format!(
                "the public endpoint admits {} only: the hub's way out must be among them",
                access.public_cidrs.join(", ")
            ),
            "nothing to do if it is: from which address the hub comes cannot be seen from here",
        )
    })
}

fn metadata(secret: &ClusterSecret, facts: &EksFacts) -> Finding {
    let old = drift::outdated(secret, facts);
    if old.is_empty() {
        METADATA.ok()
    } else {
        METADATA.warning(
            old.join("; "),
            format!("\"kubectl bridge update {}\"", secret.cluster.name),
        )
    }
}
