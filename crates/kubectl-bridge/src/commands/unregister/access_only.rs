//! `unregister --access-only`: what was made in AWS for a cluster whose Secret is somebody else's, found by its marks.

use anyhow::{Context as _, bail};
use bridge_aws::Session;
use bridge_core::{
    access::{Grants, Owner, account, hub_policy_name, owner},
    facts::EksArn,
};
use bridge_kube::{DryRun, Hub, HubError};

use super::{UnregisterPlan, access::Access, suffix};
use crate::{args::UnregisterOptions, context::Context, exit::Exit, grant::find_hub, usage::usage, view};

/// Runs `unregister --access-only`.
pub async fn run(ctx: &Context, hub: &Hub, options: &UnregisterOptions) -> anyhow::Result<Exit> {
    match hub.cluster(&options.name).await {
        Ok(secret) => bail!(
            "Argo CD still knows {}: without access it can neither update nor delete what it deployed there; Secret {} goes first \
             (unregister --skip-access)",
            view::line(&options.name),
            secret.cluster.secret_name
        ),
        Err(HubError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let grants = Box::pin(find(ctx, hub, options)).await?;
    let nothing = grants.is_empty();
    let access = Box::pin(Access::look(ctx, hub, options, grants)).await?;
    let steps = access.steps();
    let dry_run = options.write.dry_run;
    if dry_run == DryRun::None {
        access.take_back(ctx).await?;
    } else if !ctx.out.is_machine() {
        for step in &steps {
            ctx.out.line(step)?;
        }
    }
    let line = view::line(&options.name);
    if !ctx.out.is_machine() {
        let verb = if nothing {
            "access unchanged"
        } else {
            "access removed"
        };
        ctx.out.line(format_args!("{line} {verb}{}", suffix(dry_run)))?;
    }
    let object = UnregisterPlan {
        plan: view::Plan::new(hub, dry_run, &[]),
        steps: &steps,
        aws_steps: access.views(),
        left_behind: &[],
    };
    ctx.out.object(&object, [line])?;
    Ok(Exit::Success)
}

/// Every access entry with our mark, with the role that carries it too.
async fn find(ctx: &Context, hub: &Hub, options: &UnregisterOptions) -> anyhow::Result<Vec<Grants>> {
    let defaults = hub.defaults().await?.unwrap_or_default();
    let clusters = hub.clusters().await?;
    let known = find_hub(
        ctx,
        hub,
        &options.aws,
        &options.hub_aws,
        &defaults,
        &clusters,
        None,
    )
    .await?;
    let Some(known) = known else {
        return usage(
            "which EKS cluster the hub is is not known, and so not its mark: say --hub-aws-cluster-name",
        );
    };
    let word = options.aws_cluster_name.as_ref().unwrap_or(&options.name);
    let arn = word
        .starts_with("arn:")
        .then(|| EksArn::parse(word))
        .transpose()?;
    let mut aws = options.aws.clone();
    if let Some(arn) = &arn {
        aws = aws.in_region_of(arn);
    }
    let session = Session::open(&aws).await?;
    let eks = session.eks();
    let name = arn.as_ref().map_or(word.as_str(), |arn| arn.name.as_str());
    let spoke = eks
        .describe_cluster(name)
        .await
        .with_context(|| format!("cannot look up \"{}\" in EKS", options.name))?
        .arn;
    let spoke = spoke.to_string();
    let mut found = Vec::new();
    for principal in eks.access_entries(name).await? {
        let Some(entry) = eks.access_entry(name, &principal).await? else {
            continue;
        };
        if owner(&entry.tags, &known.identity.arn, &spoke) != Owner::Ours {
            continue;
        }
        let is_hubs = principal == known.identity.role;
        let role = (!is_hubs && account(&principal) == account(&spoke)).then(|| principal.clone());
        found.push(Grants {
            hub: known.identity.clone(),
            hub_policy: role
                .as_deref()
                .filter(|role| account(role) != account(&known.identity.role))
                .map(hub_policy_name),
            spoke: spoke.clone(),
            entry: true,
            role,
            principal,
        });
    }
    Ok(found)
}
