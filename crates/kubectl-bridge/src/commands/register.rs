//! `register`: look at AWS and the hub, work out the Secret, make an account on the spoke where one is needed, write.

mod access;
mod api;
mod kubeconfig;
mod spoke;
mod write;

use anyhow::bail;
use bridge_core::{
    registration::{Access, Plan, Registration},
    secret::ClusterSecret,
    selector::Map,
};
use bridge_kube::{DryRun, Hub, HubError};
use serde::Serialize;

use super::annotate;
use crate::{
    args::{RegisterArgs, RegisterOptions},
    context::Context,
    exit::Exit,
    output::{cell, diff_style},
    surroundings::Surroundings,
    view::{self, ClusterChange},
};

pub(in crate::commands) use api::failed;

/// How often to start over when somebody changes the Secret between the look and the write.
const ATTEMPTS: u32 = 3;

/// How the step on the hub begins.
const HUB_STEP: &str = "hub: ";
/// How the look at EKS begins.
const EKS_STEP: &str = "EKS: ";

/// What `-o json` prints.
#[derive(Serialize)]
struct RegisterPlan<'a> {
    #[serde(flatten)]
    plan: view::Plan<'a>,
    /// What was done, or would be, in order.
    steps: &'a [String],
}

/// Runs `register`.
pub async fn run(ctx: &Context, args: RegisterArgs) -> anyhow::Result<Exit> {
    let options = args.resolve()?;
    let metadata = match &options.metadata {
        Some((file, key)) => annotate::read_metadata(file, key.as_deref())?,
        None => Map::new(),
    };
    if ctx.is_folder() && options.write.dry_run == DryRun::Server {
        return Err(HubError::FolderCannot("check a change on a server (--dry-run=server)").into());
    }
    let hub = ctx.hub_to_write().await?;
    let mut attempt = 1;
    loop {
        // On the heap: it holds what the AWS SDK needs.
        match Box::pin(once(ctx, &hub, &options, &metadata)).await {
            Err(error) if attempt < ATTEMPTS && was_overtaken(&error) => attempt += 1,
            done => return done,
        }
    }
}

fn was_overtaken(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(HubError::Replaced { how: "changed", .. })
    )
}

async fn once(ctx: &Context, hub: &Hub, options: &RegisterOptions, metadata: &Map) -> anyhow::Result<Exit> {
    let clusters = hub.clusters().await?;
    let current = clusters.iter().find(|secret| secret.cluster.name == options.name);
    let mut steps = Vec::new();
    let found = access::find(ctx, hub, options, current, &mut steps).await?;
    let mut annotations = metadata.clone();
    annotations.extend(options.annotations.clone());
    let mut registration = Registration {
        name: options.name.clone(),
        access: found.access,
        facts: found.facts,
        kubernetes_version: found.kubernetes_version,
        environment: options.environment.clone(),
        labels: options.labels.clone(),
        annotations,
        project: options.project.clone(),
        shard: options.shard,
        namespaces: options.namespaces.clone(),
        cluster_resources: options.cluster_resources,
        proxy_url: options.proxy_url.clone(),
        tls_server_name: found.tls_server_name,
    };
    let mut plan = registration.plan(&clusters)?;
    refuse_credentials_in_folder(hub, options, &registration.access)?;
    for warning in &plan.warnings {
        ctx.out.warn(cell(warning))?;
    }
    let surroundings = Surroundings::look(hub).await?;
    let before = current.map(|secret| &secret.cluster);
    let effect = surroundings.effect(before, Some(&plan.after));
    steps.push(hub_step(hub, &plan));
    if plan.diffs.is_empty() && found.spoke.is_none() {
        steps.pop();
    }
    show(ctx, options, &plan, &steps, &surroundings.lines(effect.as_ref()))?;
    for blind in surroundings.blind_spots() {
        ctx.out.warn(blind)?;
    }

    if let Some(spoke) = found.spoke
        && options.write.dry_run == DryRun::None
    {
        // Only now: a refusal of the hub's must leave nothing behind on the spoke. And before the Secret: Argo CD must find
        // the account when the Secret tells it of the cluster.
        write::check(hub, &plan, &options.write).await?;
        registration.access = spoke.make_account(ctx).await?;
        plan = registration.plan(&clusters)?;
    }
    let written = write::write(hub, &plan, &options.write).await?;
    finish(ctx, hub, options, plan, &steps, written, effect)
}

fn finish(
    ctx: &Context,
    hub: &Hub,
    options: &RegisterOptions,
    plan: Plan,
    steps: &[String],
    written: bridge_kube::Written,
    effect: Option<bridge_core::effect::Effect>,
) -> anyhow::Result<Exit> {
    for warning in &written.warnings {
        ctx.out.warn(cell(warning))?;
    }
    let line = view::line(&options.name);
    let suffix = match options.write.dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    if !ctx.out.is_machine() {
        ctx.out.line(format_args!("{line} {}{suffix}", written.verb))?;
    }
    let planned = plan
        .current
        .unwrap_or_else(|| ClusterSecret::from_secret(plan.secret));
    let changes = [ClusterChange::written(planned, written, effect)];
    let object = RegisterPlan {
        plan: view::Plan::new(hub, options.write.dry_run, &changes),
        steps,
    };
    ctx.out.object(&object, [line])?;
    Ok(Exit::Success)
}

fn refuse_credentials_in_folder(hub: &Hub, options: &RegisterOptions, access: &Access) -> anyhow::Result<()> {
    if !hub.is_folder() || options.credentials_in_folder || !access.holds_credential() {
        return Ok(());
    }
    bail!(
        "a {} would be written into the files of {hub}, and a folder of manifests is made to be committed: \
         whoever reads it gets into \"{}\"; register EKS clusters without credentials (--access direct or role), \
         or say --allow-credentials-in-folder if the folder stays where it is",
        match access {
            Access::Certificate { .. } => "private key",
            _ => "bearer token",
        },
        options.name
    );
}

fn hub_step(hub: &Hub, plan: &Plan) -> String {
    let verb = if plan.current.is_some() {
        "update"
    } else {
        "create"
    };
    let name = &plan.after.secret_name;
    if hub.is_folder() {
        format!("{HUB_STEP}{verb} clusters/{name} in {hub}")
    } else {
        format!("{HUB_STEP}{verb} Secret {}/{name}", hub.namespace())
    }
}

/// What will change and what comes of it: the answer of a dry run, else beside the answer.
fn show(
    ctx: &Context,
    options: &RegisterOptions,
    plan: &Plan,
    steps: &[String],
    effect: &[String],
) -> anyhow::Result<()> {
    let dry = options.write.dry_run != DryRun::None;
    if ctx.out.is_machine() {
        return Ok(());
    }
    let print = |text: std::fmt::Arguments<'_>| {
        if dry {
            ctx.out.line(text)
        } else {
            ctx.out.note(text)
        }
    };
    for step in steps {
        // What EKS was asked was said as it happened.
        if dry || !step.starts_with(EKS_STEP) {
            print(format_args!("{step}"))?;
        }
    }
    // A new Secret is all new.
    let diffs = if dry || plan.current.is_some() {
        plan.diffs.as_slice()
    } else {
        &[]
    };
    for diff in diffs {
        let (sign, text) = crate::edit::diff_line(diff);
        let style = diff_style(sign);
        print(format_args!("  {style}{sign} {text}{style:#}"))?;
    }
    if !plan.diffs.is_empty() {
        for line in effect {
            print(format_args!("  {line}"))?;
        }
    }
    Ok(())
}
