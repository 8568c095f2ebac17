//! What AWS tells of one cluster.

use bridge_aws::{AwsError, Eks};
use bridge_core::{
    access::Role,
    check::{self, AccessLook, EksLook, Look},
    drift::Target,
    finding::Finding,
    secret::ClusterSecret,
};

use super::HubRoleLook;
use crate::aws::{Place, Sessions, words};

/// All findings about one cluster that AWS can answer; none where it is not in EKS.
pub async fn findings(
    secret: &ClusterSecret,
    sessions: &Sessions,
    hub: &HubRoleLook,
    hub_vpc: Option<String>,
) -> Vec<Finding> {
    let Some(target) = Target::of(secret) else {
        return Vec::new();
    };
    let place = sessions.to(&target).await;
    let facts = match &place {
        Err(reason) => Look::Unknown(reason.clone()),
        Ok(place) => match place.describe(&target.name).await {
            Ok(facts) if !target.is(&facts.arn) => Look::Unknown(format!(
                "EKS describes {}, another cluster of that name: other credentials are needed",
                facts.arn
            )),
            Ok(facts) => Look::Seen(facts),
            // In which account it was looked for must be known: in another one it is no wonder.
            Err(error) if error.is_absent() && place.account.is_ok() && target.account.is_some() => {
                Look::Absent
            }
            Err(error) => Look::Unknown(words(error)),
        },
    };
    let mode = facts.seen().and_then(|facts| facts.authentication_mode.clone());
    let is_there = facts.seen().is_some();
    let mut found = check::eks(&EksLook {
        secret,
        facts,
        hub_vpc,
    });
    if let (Ok(place), true) = (&place, is_there) {
        found.extend(access(secret, &target, place, hub, mode).await);
    }
    found
}

async fn access(
    secret: &ClusterSecret,
    target: &Target,
    place: &Place,
    hub: &HubRoleLook,
    mode: Option<String>,
) -> Vec<Finding> {
    let Some(principal) = check::principal(secret, &hub.role) else {
        return Vec::new();
    };
    let mut look = AccessLook {
        secret,
        hub_role: hub.role.clone(),
        hub_kind: hub.kind,
        mode,
        entry: Look::Absent,
        policies: Look::Absent,
        others: Look::Absent,
        role: Look::Absent,
    };
    if let Look::Seen(arn) = &principal {
        let cluster = &target.name;
        if look.mode.as_deref() != Some("CONFIG_MAP") {
            look.entry = seen(place.eks.access_entry(cluster, arn).await);
            match &look.entry {
                Look::Seen(_) => {
                    look.policies = seen(place.eks.access_policies(cluster, arn).await.map(Some));
                }
                Look::Absent => look.others = others(&place.eks, cluster).await,
                Look::Unknown(_) => {}
            }
        }
        look.role = role(place, arn).await;
    }
    check::access(&look)
}

async fn others(eks: &Eks, cluster: &str) -> Look<Vec<String>> {
    seen(eks.access_entries(cluster).await.map(Some))
}

/// A role is only to be had with credentials of its own account.
async fn role(place: &Place, arn: &str) -> Look<Role> {
    let account = arn.split(':').nth(4).unwrap_or_default();
    match &place.account {
        Ok(have) if have == account => seen(place.iam.role(arn).await),
        Ok(have) => Look::Unknown(format!(
            "the role {arn} is in account {account}, and the credentials are of {have}"
        )),
        Err(reason) => Look::Unknown(reason.clone()),
    }
}

fn seen<T>(result: Result<Option<T>, AwsError>) -> Look<T> {
    match result {
        Ok(Some(seen)) => Look::Seen(seen),
        Ok(None) => Look::Absent,
        Err(error) => Look::Unknown(words(error)),
    }
}
