//! `update`: what EKS says today, into the cluster Secrets.

use anyhow::{Context as _, anyhow};
use bridge_core::{
    drift::{self, Refresh, Target},
    secret::ClusterSecret,
};
use bridge_kube::{DryRun, Hub, HubError, Verb, Written};
use futures::{StreamExt as _, stream};

use crate::{
    args::{UpdateArgs, UpdateOptions},
    aws::{CONCURRENCY, Sessions, words},
    context::Context,
    edit::diff_line,
    exit::Exit,
    output::{cell, diff_style},
    report,
    select::{Found, shown_name},
    surroundings::Surroundings,
    view::{self, ClusterChange, Plan},
};

/// Secrets written at once: enough to hide the way to the hub, little enough for its API server.
const WRITERS: usize = 8;

/// What comes of one cluster.
enum Outcome {
    /// It was brought up to date, or is.
    Written(Box<Written>, Vec<String>),
    /// It is in no EKS.
    NotEks,
    /// It failed.
    Failed(anyhow::Error),
}

/// Runs `update`.
pub async fn run(ctx: &Context, args: UpdateArgs) -> anyhow::Result<Exit> {
    let options = args.resolve()?;
    if ctx.is_folder() && options.write.dry_run == DryRun::Server {
        return Err(HubError::FolderCannot("check a change on a server (--dry-run=server)").into());
    }
    let hub = ctx.hub_to_write().await?;
    let Found { clusters, mut exit } = options.which.find(&hub, false).await?;
    if clusters.is_empty() {
        if exit == Exit::Success {
            ctx.note_no_clusters(&hub)?;
        }
        return Ok(exit);
    }
    let defaults = hub.defaults().await?.unwrap_or_default();
    let assume_role = options.assume_role.clone().or(defaults.assume_role);
    let sessions = Sessions::new(options.aws.clone(), assume_role);
    let surroundings = Surroundings::look(&hub).await?;
    let looks = stream::iter(clusters)
        .map(|secret| {
            let (sessions, options) = (&sessions, &options);
            // On the heap: it holds what the AWS SDK needs.
            Box::pin(async move {
                let planned = plan(&secret, sessions, options).await;
                (secret, planned)
            })
        })
        .buffered(CONCURRENCY);
    let mut outcomes = looks
        .map(|(secret, planned)| {
            let (hub, options) = (&hub, &options);
            async move {
                let outcome = write(hub, &secret, planned, options).await;
                (secret, outcome)
            }
        })
        .buffered(WRITERS);
    let mut changes = Vec::new();
    while let Some((secret, outcome)) = outcomes.next().await {
        if let Some(change) = tell(ctx, &options, &surroundings, secret, outcome)? {
            if change.is_failure() {
                exit = Exit::Failure;
            }
            changes.push(change);
        }
    }
    let lines = changes
        .iter()
        .map(|change| view::line(shown_name(&change.secret)));
    ctx.out
        .object(&Plan::new(&hub, options.write.dry_run, &changes), lines)?;
    if changes.len() > 1 {
        summary(ctx, &changes)?;
    }
    Ok(exit)
}

/// What to write, or `None` for a cluster that is not in EKS.
async fn plan(
    secret: &ClusterSecret,
    sessions: &Sessions,
    options: &UpdateOptions,
) -> anyhow::Result<Option<Refresh>> {
    let Some(target) = Target::of(secret) else {
        return Ok(None);
    };
    let place = sessions.to(&target).await.map_err(|error| anyhow!(error))?;
    let facts = place.describe(&target.name).await.map_err(|error| {
        let gone = error.is_absent() && place.account.is_ok() && target.account.is_some();
        let hint = if gone {
            "; if it is gone for good, take it off the hub with unregister"
        } else {
            ""
        };
        anyhow!("{}{hint}", words(error))
    })?;
    let refresh = drift::refresh(secret, &facts, &options.tags, options.accept_recreated)?;
    Ok(Some(refresh))
}

async fn write(
    hub: &Hub,
    secret: &ClusterSecret,
    planned: anyhow::Result<Option<Refresh>>,
    options: &UpdateOptions,
) -> Outcome {
    let refresh = match planned {
        Ok(Some(refresh)) => refresh,
        Ok(None) => return Outcome::NotEks,
        Err(error) => return Outcome::Failed(error),
    };
    match hub.apply(secret, &refresh.secret, &options.write).await {
        Ok(written) => Outcome::Written(Box::new(written), refresh.warnings),
        Err(error) => Outcome::Failed(error.into()),
    }
}

/// Tells what came of one cluster.
fn tell(
    ctx: &Context,
    options: &UpdateOptions,
    surroundings: &Surroundings,
    secret: ClusterSecret,
    outcome: Outcome,
) -> anyhow::Result<Option<ClusterChange>> {
    let line = view::line(shown_name(&secret));
    match outcome {
        Outcome::NotEks => {
            ctx.out
                .note(format_args!("{line} is not in EKS: nothing to update"))?;
            Ok(None)
        }
        Outcome::Failed(error) => {
            let error = Err::<(), _>(error).context(format!("{line} is not updated"));
            let Err(error) = error else { return Ok(None) };
            report::failure(&error);
            Ok(Some(ClusterChange::failed(secret, report::chain(&error))))
        }
        Outcome::Written(written, warnings) => {
            for warning in warnings.iter().chain(&written.warnings) {
                ctx.out.warn(format_args!("{line}: {}", cell(warning)))?;
            }
            let effect = match (&written.before, &written.after, written.verb) {
                (_, _, Verb::Unchanged) => None,
                (before, after, _) => surroundings.effect(
                    before.as_ref().map(|before| &before.cluster),
                    after.as_ref().map(|after| &after.cluster),
                ),
            };
            if !ctx.out.is_machine() {
                show(ctx, options, surroundings, &written, effect.as_ref())?;
                let suffix = match options.write.dry_run {
                    DryRun::None => "",
                    DryRun::Client => " (dry run)",
                    DryRun::Server => " (server dry run)",
                };
                ctx.out.line(format_args!("{line} {}{suffix}", written.verb))?;
            }
            Ok(Some(ClusterChange::written(secret, *written, effect)))
        }
    }
}

/// What changed and what comes of it: the answer of a dry run, else beside the answer.
fn show(
    ctx: &Context,
    options: &UpdateOptions,
    surroundings: &Surroundings,
    written: &Written,
    effect: Option<&bridge_core::effect::Effect>,
) -> anyhow::Result<()> {
    let print = |text: std::fmt::Arguments<'_>| {
        if options.write.dry_run == DryRun::None {
            ctx.out.note(text)
        } else {
            ctx.out.line(text)
        }
    };
    for diff in &written.diffs {
        let (sign, text) = diff_line(diff);
        let style = diff_style(sign);
        print(format_args!("  {style}{sign} {text}{style:#}"))?;
    }
    if effect.is_some_and(|effect| !effect.is_empty()) {
        for line in surroundings.lines(effect) {
            print(format_args!("  {line}"))?;
        }
    }
    Ok(())
}

fn summary(ctx: &Context, changes: &[ClusterChange]) -> std::io::Result<()> {
    let count = |word: &str| changes.iter().filter(|change| change.result() == word).count();
    ctx.out.note(format_args!(
        "{} clusters: {} configured, {} unchanged, {} failed",
        changes.len(),
        count("configured"),
        count("unchanged"),
        count("failed")
    ))
}
