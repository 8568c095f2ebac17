//! `register`: look at AWS and the hub, work out the Secret, make an account on the spoke where one is needed, write.

mod access;
mod api;
mod grant;
mod kubeconfig;
mod lost;
mod note;
mod roles;
mod spoke;
mod team;
mod write;

use anyhow::bail;
use bridge_core::{
    access::{Grants, StepView},
    defaults::Defaults,
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

use grant::{Given, Granting};
use note::Note;

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
    let options = &team::apply(options, defaults, current)?;
    let mut steps = Vec::new();
    let mut found = access::find(ctx, hub, options, current, &mut steps).await?;
    let given = Given {
        hub,
        options,
        defaults,
        clusters: &clusters,
        current,
    };
    let granting = Box::pin(grant::look(ctx, &given, &mut found, &mut steps)).await?;
    if options.grant.only {
        return access_only(ctx, hub, options, granting.as_ref(), &steps).await;
    }
    let spoke = found.spoke.take();
    let roles = roles::find(ctx, options, current, &found).await?;
    let mut registration = registration(options, metadata, found, granting.as_ref());
    for (key, value) in roles {
        registration.annotations.entry(key).or_insert(value);
    }
    let mut plan = registration.plan(&clusters)?;
    refuse_credentials_in_folder(hub, options, &registration.access)?;
    for warning in &plan.warnings {
        ctx.out.warn(cell(warning))?;
    }
    let surroundings = Surroundings::look(hub).await?;
    let before = current.map(|secret| &secret.cluster);
    let effect = surroundings.effect(before, Some(&plan.after));
    if !plan.diffs.is_empty() || spoke.is_some() {
        steps.push(hub_step(hub, &plan));
    }
    show(ctx, options, &plan, &steps, &surroundings.lines(effect.as_ref()))?;
    for blind in surroundings.blind_spots() {
        ctx.out.warn(blind)?;
    }

    let acts = options.write.dry_run == DryRun::None;
    if acts && (spoke.is_some() || granting.is_some()) {
        // Now, and not later: a refusal of the hub's must leave nothing behind elsewhere.
        write::check(hub, &plan, &options.write).await?;
    }
    let mut note = None;
    if let Some(granting) = granting.as_ref().filter(|_| acts) {
        let was = before.and_then(Grants::of);
        let has_steps = !granting.plan.steps.is_empty();
        let secret_name = &plan.after.secret_name;
        note = Note::begin(hub, &options.name, secret_name, &granting.begun, was, has_steps).await?;
        // Before the Secret, as the account of a spoke below: Argo CD must find the door open when the Secret tells it of the
        // cluster.
        granting.run(ctx, options).await?;
    }
    if let Some(spoke) = spoke.filter(|_| acts) {
        registration.access = spoke.make_account(ctx).await?;
        plan = registration.plan(&clusters)?;
    }
    let written = write::write(hub, &plan, &options.write).await?;
    if let (Some(note), Some(granting)) = (note, &granting) {
        note.finish(ctx, options, &granting.plan.grants).await?;
    }
    if acts {
        lost::compare_again(ctx, hub, &plan.after, surroundings.applications()).await?;
        lost::generate_again(ctx, hub, effect.as_ref()).await?;
    }
    let done = Done {
        plan,
        steps,
        aws_steps: granting.as_ref().map(Granting::views).unwrap_or_default(),
        written,
        effect,
    };
    finish(ctx, hub, options, done)
}

fn registration(
    options: &RegisterOptions,
    metadata: &Map,
    found: access::Found,
    granting: Option<&Granting>,
) -> Registration {
    let mut annotations = metadata.clone();
    annotations.extend(options.annotations.clone());
    let granted = granting.and_then(|granting| granting.namespaces.clone());
    Registration {
        name: options.name.clone(),
        access: found.access,
        facts: found.facts,
        grants: granting.map(|granting| granting.plan.grants.clone()),
        kubernetes_version: found.kubernetes_version,
        environment: options.environment.clone(),
        labels: options.labels.clone(),
        annotations,
        project: options.project.clone(),
        shard: options.shard,
        // With rights in some namespaces only, Argo CD has to be told: it lists cluster-wide otherwise.
        cluster_resources: options
            .cluster_resources
            .or_else(|| granted.as_ref().filter(|names| !names.is_empty()).map(|_| false)),
        namespaces: options.namespaces.clone().or(granted),
        proxy_url: options.proxy_url.clone(),
        tls_server_name: found.tls_server_name,
    }
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

/// What was done, or would be.
struct Done {
    plan: Plan,
    steps: Vec<String>,
    aws_steps: Vec<StepView>,
    written: bridge_kube::Written,
    effect: Option<bridge_core::effect::Effect>,
}

fn finish(ctx: &Context, hub: &Hub, options: &RegisterOptions, done: Done) -> anyhow::Result<Exit> {
    let Done {
        plan,
        steps,
        aws_steps,
        written,
        effect,
    } = done;
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
        steps: &steps,
        aws_steps,
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
