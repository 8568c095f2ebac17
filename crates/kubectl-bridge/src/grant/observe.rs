//! What is there of a spoke's access.

use bridge_aws::{AccessEntry, AwsError, Eks, Iam};
use bridge_core::access::{
    INLINE_POLICIES, Observed, Owner, Role, Seen, Side, Wanted, account, assume_actions, assume_policy,
    hub_policy_name, is_hub_policy, owner, policy_size,
};

use super::sides::Sides;

/// Beginning of the path of roles that AWS services have for themselves.
const SERVICE_ROLE: &str = ":role/aws-service-role/";

/// Looks at everything that the plan depends on. `is_new`: the spoke is not registered yet, so that another hub may have it;
/// `entries`: its access entries, where they were looked at already.
pub async fn observe(
    sides: &Sides,
    wanted: &Wanted,
    is_new: bool,
    entries: Option<Seen<Vec<AccessEntry>>>,
) -> anyhow::Result<Observed> {
    let mut observed = Observed {
        entry: None,
        policies: Vec::new(),
        role: Seen::Is(None),
        hub_role_created: None,
        hub_policy: None,
        hub_inline: None,
        hub_may_assume: None,
        other_hubs: Seen::Is(Vec::new()),
    };
    if wanted.authentication_mode.as_deref() == Some("CONFIG_MAP") {
        // EKS refuses every look at access entries; the plan says so better.
        return Ok(observed);
    }
    let cluster = &wanted.spoke.name;
    let principal = wanted.principal();
    let eks = sides.eks();
    let entries = match entries {
        None if is_new => Some(Box::pin(all_entries(&eks, cluster)).await?),
        known => known,
    };
    observed.entry = match &entries {
        Some(Seen::Is(all)) => all.iter().find(|entry| entry.principal == principal).cloned(),
        _ => Box::pin(eks.access_entry(cluster, principal)).await?,
    };
    if observed.entry.is_some() {
        observed.policies = Box::pin(eks.access_policies(cluster, principal)).await?;
    }
    observed.other_hubs = match entries {
        Some(Seen::Is(all)) => Seen::Is(other_hubs(wanted, &all)),
        Some(Seen::Not(why)) => Seen::Not(why),
        None => Seen::Is(Vec::new()),
    };
    match &wanted.role {
        // Only that of an entry that is there matters: it may be older than the role.
        None if observed.entry.is_some() => {
            observed.hub_role_created = created(sides, &wanted.hub.role).await;
        }
        None => {}
        Some(role) => {
            observed.role = Box::pin(look_at_role(sides, &role.arn)).await?;
            if account(&role.arn) != account(&wanted.hub.role) {
                Box::pin(right_of_hub(sides, wanted, &role.arn, role.create, &mut observed)).await?;
            }
        }
    }
    Ok(observed)
}

/// All access entries of a cluster but those of AWS services, or what of it is not allowed: a call, and one for each entry.
pub async fn all_entries(eks: &Eks, cluster: &str) -> Result<Seen<Vec<AccessEntry>>, AwsError> {
    let denied = |action: &str| Ok(Seen::Not(format!("{action} is not allowed")));
    let principals = match eks.access_entries(cluster).await {
        Err(AwsError::AccessDenied { action, .. }) => return denied(action),
        principals => principals?,
    };
    let mut entries = Vec::new();
    for principal in principals.iter().filter(|one| !one.contains(SERVICE_ROLE)) {
        match eks.access_entry(cluster, principal).await {
            Err(AwsError::AccessDenied { action, .. }) => return denied(action),
            entry => entries.extend(entry?),
        }
    }
    Ok(Seen::Is(entries))
}

async fn look_at_role(sides: &Sides, arn: &str) -> anyhow::Result<Seen<Option<Role>>> {
    let Some(side) = sides.of_account(account(arn)) else {
        return Ok(Seen::Not(format!(
            "it is in account {}, which is neither the cluster's nor the hub's",
            account(arn)
        )));
    };
    match Box::pin(sides.iam(side).await?.role(arn)).await {
        Ok(role) => Ok(Seen::Is(role)),
        Err(AwsError::AccessDenied { .. }) => Ok(Seen::Not("iam:GetRole is not allowed".into())),
        Err(error) => Err(error.into()),
    }
}

/// When the hub's role was made, where that can be seen without other credentials.
async fn created(sides: &Sides, arn: &str) -> Option<jiff::Timestamp> {
    if sides.of_account(account(arn)) != Some(Side::Spoke) {
        return None;
    }
    let iam = sides.iam(Side::Spoke).await.ok()?;
    // Only good to have: who may make access entries need not be allowed to look at roles.
    Box::pin(iam.role(arn)).await.ok()??.created_at
}

async fn right_of_hub(
    sides: &Sides,
    wanted: &Wanted,
    role: &str,
    create: bool,
    observed: &mut Observed,
) -> anyhow::Result<()> {
    let hub_role = &wanted.hub.role;
    let iam = match sides.iam(Side::Hub).await {
        Ok(iam) => iam,
        // To make a right one has to get there; to check one need not.
        Err(error) if create => return Err(error),
        Err(_) => return Ok(()),
    };
    if create {
        observed.hub_policy = Box::pin(iam.inline_policy(hub_role, &hub_policy_name(role))).await?;
    }
    // Not everybody may simulate; then it is not known.
    observed.hub_may_assume = Box::pin(iam.may(hub_role, assume_actions(wanted.hub.kind), role))
        .await
        .ok();
    if create && observed.hub_may_assume != Some(true) {
        observed.hub_inline = Box::pin(inline_policies(&iam, wanted, role)).await;
    }
    Ok(())
}

/// Characters of the inline policies of the hub's role but that for this role; `None` where they may not be looked at.
async fn inline_policies(iam: &Iam, wanted: &Wanted, role: &str) -> Option<usize> {
    let hub_role = &wanted.hub.role;
    let own = hub_policy_name(role);
    let names = iam.inline_policies(hub_role).await.ok()?.into_iter();
    let (ours, others): (Vec<String>, Vec<String>) = names
        .filter(|name| *name != own)
        .partition(|name| is_hub_policy(name));
    let others = sizes(iam, hub_role, &others).await?;
    // Ours are about as long as the one to come: each is looked at only where that would be too much.
    let one = policy_size(&assume_policy(role, wanted.hub.kind));
    let about = others + ours.len() * one;
    if about + one <= INLINE_POLICIES {
        return Some(about);
    }
    Some(others + sizes(iam, hub_role, &ours).await?)
}

async fn sizes(iam: &Iam, role: &str, names: &[String]) -> Option<usize> {
    let looks = names.iter().map(|name| iam.inline_policy(role, name));
    let policies = futures::future::try_join_all(looks).await.ok()?;
    Some(policies.iter().flatten().map(policy_size).sum())
}

/// Entries that another hub made there, for principals other than ours.
fn other_hubs(wanted: &Wanted, entries: &[AccessEntry]) -> Vec<(String, String)> {
    let spoke = wanted.spoke.to_string();
    entries
        .iter()
        .filter(|entry| entry.principal != wanted.principal())
        .filter_map(|entry| match owner(&entry.tags, &wanted.hub.arn, &spoke) {
            Owner::OtherHub(hub) => Some((entry.principal.clone(), hub)),
            _ => None,
        })
        .collect()
}
