//! `init`: look at the hub and at AWS, work it out, show it; then pod identities, defaults, and the hub's Secret last.

mod aws;
mod secret;

use bridge_core::{
    access::{IdentityKind, policy_arn},
    change::KeyDiff,
    defaults::Defaults,
};
use bridge_kube::{DryRun, HubError, WriteOptions};
use serde::Serialize;

use crate::{
    args::{InitArgs, InitOptions},
    context::Context,
    edit::diff_line,
    exit::Exit,
    output::{cell, diff_style},
    prompt,
    surroundings::Surroundings,
    view::{self, ClusterChange},
};

/// What `-o json` prints.
#[derive(Serialize)]
struct InitPlan<'a> {
    #[serde(flatten)]
    plan: view::Plan<'a>,
    /// What became of the defaults, or would.
    defaults: DefaultsView<'a>,
    /// What was done in AWS, or would be.
    steps: &'a [String],
}

#[derive(Serialize)]
struct DefaultsView<'a> {
    result: String,
    keys: &'a [KeyDiff],
}

/// Runs `init`.
pub async fn run(ctx: &Context, args: InitArgs) -> anyhow::Result<Exit> {
    let mut options = args.resolve()?;
    if ctx.is_folder() && options.write.dry_run == DryRun::Server {
        return Err(HubError::FolderCannot("check a change on a server (--dry-run=server)").into());
    }
    let hub = ctx.hub_to_write().await?;
    let clusters = hub.clusters().await?;
    let stored = hub.defaults().await?.unwrap_or_default();
    let found = Box::pin(aws::look(ctx, &hub, &options, &stored, &clusters)).await?;
    keep(&mut options, &stored, &found);
    ask_for_policy(ctx, &mut options, &stored)?;

    let looked = WriteOptions {
        dry_run: DryRun::Client,
        ..options.write.clone()
    };
    let defaults = hub.set_defaults(&options.changes, &looked).await?;
    let after = Defaults::from_data(&defaults.after)?;
    let secret = if options.hub_secret {
        Some(secret::plan(&hub, &options, &after, &found, &clusters).await?)
    } else {
        None
    };
    show(ctx, &options, &defaults.diffs)?;
    let surroundings = Surroundings::look(&hub).await?;
    let effect = secret
        .as_ref()
        .and_then(|plan| secret::show(ctx, &options, &surroundings, plan).transpose())
        .transpose()?;
    if let Some(plan) = &secret {
        // Before anything is written: a refusal of the hub's must leave nothing behind in AWS.
        secret::write(&hub, plan, &looked).await?;
    }

    found.make(ctx, &options).await?;
    let changed = hub.set_defaults(&options.changes, &options.write).await?;
    say(ctx, &options, format_args!("defaults {}", changed.verb))?;
    let mut items = Vec::new();
    if let Some(plan) = secret {
        let written = secret::write(&hub, &plan, &options.write).await?;
        for warning in &written.warnings {
            ctx.out.warn(cell(warning))?;
        }
        say(
            ctx,
            &options,
            format_args!("{} {}", view::line(&plan.after.name), written.verb),
        )?;
        items.push(ClusterChange::written(secret::before(plan), written, effect));
    }
    let lines = items
        .iter()
        .map(|item| view::line(crate::select::shown_name(&item.secret)));
    let object = InitPlan {
        plan: view::Plan::new(&hub, options.write.dry_run, &items),
        defaults: DefaultsView {
            result: changed.verb.to_string(),
            keys: &changed.diffs,
        },
        steps: &found.steps,
    };
    ctx.out.object(&object, lines)?;
    Ok(Exit::Success)
}

/// What was learned of the hub is kept, so that later calls need not ask its account.
fn keep(options: &mut InitOptions, stored: &Defaults, found: &aws::Found) {
    let mut set = |key: &str, value: String| {
        options.changes.insert(key.to_owned(), Some(value));
    };
    if let Some(facts) = &found.facts {
        set("hub-cluster-arn", facts.arn.to_string());
    }
    let Some(identity) = &found.identity else { return };
    set("hub-cluster-arn", identity.arn.clone());
    set("hub-role-arn", identity.role.clone());
    let kind = match identity.kind {
        IdentityKind::PodIdentity => "pod-identity",
        IdentityKind::Irsa => "irsa",
        IdentityKind::Capability => "capability",
    };
    set("hub-identity", kind.to_owned());
    if identity.kind == IdentityKind::Capability && stored.access.is_none() {
        options
            .changes
            .entry("access".to_owned())
            .or_insert_with(|| Some("capability".to_owned()));
    }
}

/// Cluster-wide admin is never silent: a team says once what Argo CD may do.
fn ask_for_policy(ctx: &Context, options: &mut InitOptions, stored: &Defaults) -> anyhow::Result<()> {
    const KEY: &str = "access-policy";
    if stored.access_policy.is_some() || options.changes.contains_key(KEY) {
        return Ok(());
    }
    let question = "What may Argo CD do on spokes: cluster-admin, admin, edit, view or an EKS access policy (empty: say it at each \
                    registration)?";
    let answer = prompt::ask(&ctx.out, question)?;
    match answer.filter(|answer| !answer.is_empty()) {
        Some(answer) => {
            policy_arn(&answer, "aws")?;
            options.changes.insert(KEY.to_owned(), Some(answer));
        }
        None => ctx.out.note(
            "no default access policy: each registration in EKS has to say --access-policy (init --access-policy sets one)",
        )?,
    }
    Ok(())
}

/// The defaults that change: the answer of a dry run, else beside the answer.
fn show(ctx: &Context, options: &InitOptions, diffs: &[KeyDiff]) -> anyhow::Result<()> {
    for diff in diffs {
        let (sign, text) = diff_line(diff);
        let style = diff_style(sign);
        beside(ctx, options, format_args!("  {style}{sign} {text}{style:#}"))?;
    }
    Ok(())
}

/// A line of the answer of a dry run; beside the answer of a real one.
fn beside(ctx: &Context, options: &InitOptions, text: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    if ctx.out.is_machine() {
        return Ok(());
    }
    if options.write.dry_run == DryRun::None {
        ctx.out.note(text)?;
    } else {
        ctx.out.line(text)?;
    }
    Ok(())
}

/// A line of the answer.
fn say(ctx: &Context, options: &InitOptions, text: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    let suffix = match options.write.dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    if !ctx.out.is_machine() {
        ctx.out.line(format_args!("{text}{suffix}"))?;
    }
    Ok(())
}
