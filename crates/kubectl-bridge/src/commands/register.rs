//! `register`: look at AWS and the hub, work out the Secret, make an account on the spoke where one is needed, write.

mod access;
mod api;
mod grant;
mod kubeconfig;
mod lost;
mod many;
mod note;
mod registering;
mod roles;
mod spoke;
pub mod team;
mod write;

use anyhow::bail;
use bridge_core::{access::StepView, defaults::Defaults, effect::Effect, selector::Map};
use bridge_kube::{DryRun, Hub, HubError, Written};
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

use grant::{Given, Granting};
use registering::{Base, Registering};

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
    /// What of it is done in AWS.
    #[serde(rename = "awsSteps", skip_serializing_if = "Vec::is_empty")]
    aws_steps: Vec<StepView>,
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
    let defaults = team::defaults(ctx, &hub).await?;
    if let Some(many) = &options.many {
        return Box::pin(many::run(ctx, &hub, &options, many, &defaults, &metadata)).await;
    }
    let mut attempt = 1;
    loop {
        // On the heap: it holds what the AWS SDK needs.
        match Box::pin(once(ctx, &hub, &options, &defaults, &metadata)).await {
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

async fn once(
    ctx: &Context,
    hub: &Hub,
    options: &RegisterOptions,
    defaults: &Defaults,
    metadata: &Map,
) -> anyhow::Result<Exit> {
    let clusters = hub.clusters().await?;
    let current = clusters.iter().find(|secret| secret.cluster.name == options.name);
    let options = team::apply(options, defaults, current)?;
    let mut steps = Vec::new();
    let mut found = access::find(ctx, hub, &options, current, &mut steps).await?;
    let given = Given {
        hub,
        options: &options,
        defaults,
        clusters: &clusters,
        current,
    };
    let granting = Box::pin(grant::look(ctx, &given, &mut found, &mut steps)).await?;
    if options.grant.only {
        return access_only(ctx, hub, &options, granting.as_ref(), &steps).await;
    }
    let base = Base {
        hub,
        clusters: &clusters,
        metadata,
    };
    let mut registering =
        Registering::work_out(base, options.clone(), current, found, granting, steps).await?;
    tell(ctx, &registering.notes, &registering.warnings)?;
    let surroundings = Surroundings::look(hub).await?;
    if let Some(words) = registering.long_name(&surroundings) {
        ctx.out.warn(cell(&words))?;
    }
    let effect = registering.effect(&surroundings);
    show(ctx, &options, &registering, &surroundings.lines(effect.as_ref()))?;
    for blind in surroundings.blind_spots() {
        ctx.out.warn(blind)?;
    }
    let written = registering.run(ctx, base).await?;
    if options.write.dry_run == DryRun::None {
        lost::compare_again(ctx, hub, &registering.plan.after, surroundings.applications()).await?;
        lost::generate_again(ctx, hub, effect.as_ref()).await?;
    }
    finish(ctx, hub, &options, registering, written, effect)
}

/// Says what was found out.
fn tell(ctx: &Context, notes: &[String], warnings: &[String]) -> std::io::Result<()> {
    for note in notes {
        ctx.out.note(cell(note))?;
    }
    for warning in warnings {
        ctx.out.warn(cell(warning))?;
    }
    Ok(())
}

/// `--access-only`: AWS, and no Secret.
async fn access_only(
    ctx: &Context,
    hub: &Hub,
    options: &RegisterOptions,
    granting: Option<&Granting>,
    steps: &[String],
) -> anyhow::Result<Exit> {
    let Some(granting) = granting else {
        bail!("there is no access in AWS to be made for \"{}\"", options.name);
    };
    tell(ctx, &granting.plan.notes, &granting.plan.warnings)?;
    let dry = options.write.dry_run != DryRun::None;
    if dry && !ctx.out.is_machine() {
        for step in steps {
            ctx.out.line(step)?;
        }
    }
    if !dry {
        granting.run(ctx, options).await?;
    }
    let line = view::line(&options.name);
    if !ctx.out.is_machine() {
        let verb = if granting.plan.steps.is_empty() {
            "access unchanged"
        } else {
            "access granted"
        };
        let suffix = if dry { " (dry run)" } else { "" };
        ctx.out.line(format_args!("{line} {verb}{suffix}"))?;
    }
    let object = RegisterPlan {
        plan: view::Plan::new(hub, options.write.dry_run, &[]),
        steps,
        aws_steps: granting.views(),
    };
    ctx.out.object(&object, [line])?;
    Ok(Exit::Success)
}

fn finish(
    ctx: &Context,
    hub: &Hub,
    options: &RegisterOptions,
    registering: Registering,
    written: Written,
    effect: Option<Effect>,
) -> anyhow::Result<Exit> {
    for warning in &written.warnings {
        ctx.out.warn(cell(warning))?;
    }
    let line = view::line(&options.name);
    let suffix = suffix(options.write.dry_run);
    if !ctx.out.is_machine() {
        ctx.out.line(format_args!("{line} {}{suffix}", written.verb))?;
    }
    let aws_steps = registering.aws_views();
    let (planned, steps) = registering.planned();
    let changes = [ClusterChange::written(planned, written, effect)];
    let object = RegisterPlan {
        plan: view::Plan::new(hub, options.write.dry_run, &changes),
        steps: &steps,
        aws_steps,
    };
    ctx.out.object(&object, [line])?;
    Ok(Exit::Success)
}

fn suffix(dry_run: DryRun) -> &'static str {
    match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    }
}

/// What will change and what comes of it: the answer of a dry run, else beside the answer.
fn show(
    ctx: &Context,
    options: &RegisterOptions,
    registering: &Registering,
    effect: &[String],
) -> anyhow::Result<()> {
    let Registering { plan, steps, .. } = registering;
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
