//! What is to be made in AWS for a registration.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use bridge_core::{
    access::{
        AccessEntry, AccessPlan, Grants, HubIdentity, IdentityKind, RoleWanted, Scope, Seen, StepView,
        Wanted, policy_arn, role_arn,
    },
    defaults::Defaults,
    registration::Access,
    secret::ClusterSecret,
};
use bridge_kube::Hub;

use super::{access::Found, team};
use crate::{
    args::{RegisterOptions, Way},
    context::Context,
    grant::{HubSide, Known, Sides, find_hub, observe, run},
    usage::usage,
};

/// Access to be made, and the way to make it.
pub struct Granting {
    sides: Sides,
    /// What to do.
    pub plan: AccessPlan,
    /// What may be there once it was begun.
    pub begun: Grants,
    /// Namespaces that Argo CD is kept to, if that is said.
    pub namespaces: Option<Vec<String>>,
}

impl Granting {
    /// Makes it.
    pub async fn run(&self, ctx: &Context, options: &RegisterOptions) -> anyhow::Result<()> {
        run(&ctx.out, &self.sides, &self.plan.steps, options.grant.timeout).await
    }

    /// What will be done, for programs.
    pub fn views(&self) -> Vec<StepView> {
        self.plan
            .steps
            .iter()
            .map(bridge_core::access::Step::view)
            .collect()
    }
}

/// What the looks start from.
pub struct Given<'a> {
    pub hub: &'a Hub,
    pub options: &'a RegisterOptions,
    pub defaults: &'a Defaults,
    pub clusters: &'a [ClusterSecret],
    pub current: Option<&'a ClusterSecret>,
}

/// For whom access is made: one hub for all registrations of a run.
pub struct LetIn {
    identity: HubIdentity,
    side: Arc<HubSide>,
}

impl LetIn {
    /// ARN of the hub's EKS cluster.
    pub fn hub_arn(&self) -> &str {
        &self.identity.arn
    }
}

/// Finds out what is to be made; settles how Argo CD gets in where that follows from the hub. `None`: nothing is made.
pub async fn look(
    ctx: &Context,
    given: &Given<'_>,
    found: &mut Found,
    steps: &mut Vec<String>,
) -> anyhow::Result<Option<Granting>> {
    if !wants_access(given, found)? {
        return Ok(None);
    }
    let Some(to) = let_in(ctx, given, steps).await? else {
        return Ok(None);
    };
    look_for(given, found, &to, None, steps).await
}

/// The same where it is known already for whom access is made, if for anybody; `entries`: the access entries of the spoke, where
/// they were looked at.
pub async fn look_again(
    given: &Given<'_>,
    found: &mut Found,
    to: Option<&LetIn>,
    entries: Option<Seen<Vec<AccessEntry>>>,
    steps: &mut Vec<String>,
) -> anyhow::Result<Option<Granting>> {
    match to {
        Some(to) if wants_access(given, found)? => look_for(given, found, to, entries, steps).await,
        // It settles the role all the same.
        None => wants_access(given, found).map(|_| None),
        _ => Ok(None),
    }
}

/// Whether access may be made at all; names the role that Argo CD assumes, where there is one.
fn wants_access(given: &Given<'_>, found: &mut Found) -> anyhow::Result<bool> {
    let Given {
        options, defaults, ..
    } = *given;
    let is_eks = matches!(
        found.access,
        Access::Direct | Access::Role { .. } | Access::Capability
    );
    let (Some(facts), true) = (&found.facts, is_eks) else {
        if options.grant.is_asked() {
            return usage(format!(
                "\"{}\" does not get in by a role of AWS: flags about access in AWS have no effect there",
                options.name
            ));
        }
        return Ok(false);
    };
    if let Access::Role { role_arn } = &mut found.access
        && role_arn.is_empty()
    {
        *role_arn = role_to_use(options, defaults, facts)?;
    }
    Ok(!options.grant.skip)
}

async fn look_for(
    given: &Given<'_>,
    found: &mut Found,
    to: &LetIn,
    entries: Option<Seen<Vec<AccessEntry>>>,
    steps: &mut Vec<String>,
) -> anyhow::Result<Option<Granting>> {
    let Given {
        options,
        defaults,
        current,
        ..
    } = *given;
    settle(given, found, to.identity.kind)?;
    let (Some(session), Some(facts)) = (found.session.clone(), found.facts.clone()) else {
        return Ok(None);
    };
    let namespaces = options.grant.namespaces.clone().or_else(|| {
        (current.is_none() && !defaults.access_namespaces.is_empty())
            .then(|| defaults.access_namespaces.clone())
    });
    let policy = policy(given, &facts.arn.partition, namespaces.as_deref())?;
    let kept = current.and_then(|current| Grants::of(&current.cluster));
    let role = match &found.access {
        Access::Role { role_arn } => Some(RoleWanted {
            arn: role_arn.clone(),
            create: options.grant.create_role
                || kept.is_some_and(|kept| kept.role.as_ref() == Some(role_arn)),
            boundary: options.grant.boundary.clone(),
        }),
        _ => None,
    };
    let sides = Sides::new(session, &facts.arn.account, Arc::clone(&to.side));
    let wanted = Wanted {
        spoke: facts.arn,
        authentication_mode: facts.authentication_mode,
        role,
        policy,
        groups: options.grant.groups.clone(),
        adopt: options.grant.adopt,
        hub: to.identity.clone(),
    };
    let observed = Box::pin(observe(&sides, &wanted, current.is_none(), entries))
        .await
        .with_context(|| {
            format!(
                "cannot look at the access of Argo CD to \"{}\" (--skip-access writes the Secret only)",
                options.name
            )
        })?;
    let plan = wanted.plan(&observed)?;
    steps.extend(plan.steps.iter().map(ToString::to_string));
    Ok(Some(Granting {
        sides,
        plan,
        begun: wanted.grants(),
        namespaces,
    }))
}

/// As whom Argo CD of the hub comes; `None`: it is not known which EKS cluster that is, and nobody asks for access.
pub async fn let_in(
    ctx: &Context,
    given: &Given<'_>,
    steps: &mut Vec<String>,
) -> anyhow::Result<Option<LetIn>> {
    let options = given.options;
    let known = find_hub(
        ctx,
        given.hub,
        &options.aws,
        &options.hub_aws,
        given.defaults,
        given.clusters,
        given.current,
    )
    .await?;
    let Some(Known { identity, step }) = known else {
        if options.grant.is_asked() {
            return usage(
                "which EKS cluster the hub is is not known, and so not whom to give access: say --hub-aws-cluster-name",
            );
        }
        ctx.out.note(
            "access in AWS is left to you: which EKS cluster the hub is is not known (--hub-aws-cluster-name)",
        )?;
        return Ok(None);
    };
    if let Some(step) = step {
        ctx.out.note(&step)?;
        steps.push(step);
    }
    let side = HubSide::new(&options.aws, &options.hub_aws, &identity.arn);
    Ok(Some(LetIn { identity, side }))
}

/// The role where none is named: to be made, or the team's.
fn role_to_use(
    options: &RegisterOptions,
    defaults: &Defaults,
    facts: &bridge_core::facts::EksFacts,
) -> anyhow::Result<String> {
    let grant = &options.grant;
    if grant.create_role && grant.role_name.is_none() && grant.role_path.is_none() {
        if let Some(arn) = team::role_arn(options, defaults, facts)? {
            return Ok(arn);
        }
    } else if !grant.create_role {
        return match team::role_arn(options, defaults, facts)? {
            Some(arn) => Ok(arn),
            None => usage(
                "--access role needs the role that Argo CD assumes: --aws-role-arn ARN, or --create-role to make one",
            ),
        };
    }
    Ok(role_arn(
        &facts.arn,
        grant.role_name.as_deref(),
        grant.role_path.as_deref(),
    )?)
}

/// The way in must be one that the hub knows; where nothing was said it is the one that the hub has.
fn settle(given: &Given<'_>, found: &mut Found, kind: IdentityKind) -> anyhow::Result<()> {
    let managed = kind == IdentityKind::Capability;
    let fits = managed == (found.access == Access::Capability);
    if fits {
        return Ok(());
    }
    let namespace = given.hub.namespace();
    if given.options.way == Way::Unsaid && given.current.is_none() {
        found.access = if managed {
            Access::Capability
        } else {
            Access::Direct
        };
        return Ok(());
    }
    if managed {
        bail!(
            "Argo CD in namespace {namespace} of the hub is an EKS capability, which knows clusters by their ARN only: register \"{}\" with \
             --access capability",
            given.options.name
        );
    }
    bail!(
        "Argo CD in namespace {namespace} of the hub is no EKS capability, and cannot reach a cluster by its ARN: register \"{}\" with \
         --access direct or role",
        given.options.name
    );
}

/// How much access: said, else the team's for a new cluster, else as it is.
fn policy(
    given: &Given<'_>,
    partition: &str,
    namespaces: Option<&[String]>,
) -> anyhow::Result<Option<(String, Scope)>> {
    let said = given.options.grant.policy.clone();
    let team = || {
        given
            .defaults
            .access_policy
            .clone()
            .filter(|_| given.current.is_none() && given.options.grant.groups.is_none())
    };
    let Some(word) = said.or_else(team) else {
        if given.options.grant.namespaces.is_some() {
            return usage("--access-namespaces needs to know what Argo CD may do there: --access-policy");
        }
        return Ok(None);
    };
    let scope = match namespaces {
        Some(names) if !names.is_empty() => Scope::Namespaces(names.to_vec()),
        _ => Scope::Cluster,
    };
    Ok(Some((policy_arn(&word, partition)?, scope)))
}
