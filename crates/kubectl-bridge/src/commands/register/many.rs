//! `register --discovered`: every EKS cluster that is missing on the hub.

mod choose;
mod end;
mod grouped;
mod list;
mod outcome;
mod prepare;
mod tell;

use std::collections::BTreeSet;

use anyhow::bail;
use bridge_core::{access::no_room_for_all, defaults::Defaults, effect::Effect, selector::Map};
use bridge_kube::{DryRun, Hub, HubError};
use futures::{StreamExt as _, stream};

use super::{
    grant::{self, Given},
    lost,
    registering::Base,
};
use crate::{
    args::{ManyOptions, RegisterOptions},
    commands::discover,
    context::Context,
    exit::Exit,
    output::stderr_line,
    report,
    surroundings::Surroundings,
    view,
};

use choose::{Candidate, Chosen, Failed, choose};
use grouped::blanked;
use outcome::Outcome;
use prepare::{Prepared, prepare};

/// Runs `register --discovered`.
pub async fn run(
    ctx: &Context,
    hub: &Hub,
    options: &RegisterOptions,
    many: &ManyOptions,
    defaults: &Defaults,
    metadata: &Map,
) -> anyhow::Result<Exit> {
    let clusters = hub.clusters().await?;
    let given = Given {
        hub,
        options,
        defaults,
        clusters: &clusters,
        current: None,
    };
    let to = if options.grant.skip {
        None
    } else {
        Box::pin(grant::let_in(ctx, &given, &mut Vec::new())).await?
    };
    let hub_arn = match &to {
        Some(to) => Some(to.hub_arn().to_owned()),
        None => crate::grant::hub_arn(defaults, &clusters),
    };
    let mut looked = discover::look(ctx, &many.discover, defaults, &clusters, hub_arn.as_deref()).await?;
    discover::tell(ctx, &looked)?;
    discover::summary(ctx, &looked)?;
    let whole = looked.scanned.troubles.is_empty();
    let Chosen {
        candidates,
        left_out,
        mut failed,
    } = choose(hub, &mut looked, &given, many).await?;
    if let Some(limit) = many.max_clusters.filter(|limit| candidates.len() > *limit) {
        bail!(
            "{} clusters would be registered, more than --max-clusters {limit}: nothing was changed",
            candidates.len()
        );
    }
    let base = Base {
        hub,
        clusters: &clusters,
        metadata,
    };
    let surroundings = if candidates.is_empty() {
        None
    } else {
        Some(Surroundings::look(hub).await?)
    };
    let count = candidates.len();
    let mut waiting = ctx.out.waiting();
    if count > 1 {
        waiting.on(format_args!("looking at the access of {count} clusters"))?;
    }
    let mut looks = stream::iter(candidates)
        .map(|candidate| {
            let (given, to) = (&given, to.as_ref());
            Box::pin(async move {
                let prepared = prepare(base, given, to, &candidate).await;
                (candidate, prepared)
            })
        })
        .buffered(many.discover.concurrency);
    let mut ready = Vec::new();
    while let Some((candidate, prepared)) = looks.next().await {
        match prepared {
            Ok(prepared) => ready.push((candidate, prepared)),
            Err(error) => failed.push(Failed::of(&candidate, error)),
        }
        let done = ready.len() + failed.len();
        waiting.at(format_args!(
            "looking at the access of {count} clusters, {done} done"
        ))?;
    }
    drop(looks);
    drop(waiting);
    if let Some(why) = no_room_for_all(ready.iter().filter_map(|(_, prepared)| prepared.access())) {
        bail!(why);
    }
    let run = Run {
        ctx,
        base,
        options,
        many,
        surroundings,
    };
    run.tell(&ready, &left_out, &failed)?;
    let effects = run.show(&ready)?;
    if ready.is_empty() {
        return run.end(Vec::new(), failed, &left_out, whole);
    }
    if !run.agreed(ready.len(), &effects)? {
        ctx.out.note("Nothing was changed.")?;
        return Ok(Exit::Failure);
    }
    let outcomes = run.all(ready, effects).await?;
    run.end(outcomes, failed, &left_out, whole)
}

/// One run.
struct Run<'a> {
    ctx: &'a Context,
    base: Base<'a>,
    options: &'a RegisterOptions,
    many: &'a ManyOptions,
    /// `None` without any candidate.
    surroundings: Option<Surroundings>,
}

impl Run<'_> {
    fn dry_run(&self) -> DryRun {
        self.options.write.dry_run
    }

    fn acts(&self) -> bool {
        self.dry_run() == DryRun::None
    }

    /// Registers all of them, some at once. A failure does not keep the others from their turn, but one of the hub itself does.
    async fn all(
        &self,
        ready: Vec<(Candidate, Prepared)>,
        effects: Vec<Option<Effect>>,
    ) -> anyhow::Result<Vec<Outcome>> {
        let count = ready.len();
        let stopped = std::cell::Cell::new(false);
        let mut running = stream::iter(ready.into_iter().zip(effects).enumerate())
            .map(|(at, ((candidate, prepared), effect))| {
                let stopped = &stopped;
                // On the heap: it holds what the AWS SDK needs.
                Box::pin(async move {
                    if stopped.get() {
                        return (at, Outcome::not_tried(candidate));
                    }
                    let about = self.ctx.about(view::line(&candidate.subject.name));
                    let done = prepared.run(&about, self.base).await;
                    (at, Outcome::of(candidate, done, effect))
                })
            })
            .buffer_unordered(self.many.discover.concurrency);
        let mut waiting = self.ctx.out.waiting();
        let mut outcomes = Vec::new();
        let (mut last, mut told) = (None, BTreeSet::new());
        while let Some((at, outcome)) = running.next().await {
            if outcome.error().is_some_and(is_fatal) {
                stopped.set(true);
            }
            match outcome.error() {
                None => outcome.tell(self.ctx, self.surroundings.as_ref(), self.dry_run())?,
                Some(error) => {
                    let line = outcome.line();
                    // At the end all of them are told again.
                    if told.insert(blanked(&report::chain(error), outcome.subject())) {
                        report::failed(&format!("{line} is not registered"), error);
                    } else {
                        stderr_line(&format!("error: {line} is not registered, for the same reason"));
                    }
                }
            }
            last = outcome.effect().cloned().or(last);
            outcomes.push((at, outcome));
            let done = outcomes.len();
            waiting.at(format_args!("registering {count} clusters, {done} done"))?;
        }
        drop(running);
        drop(waiting);
        outcomes.sort_by_key(|(at, _)| *at);
        let outcomes: Vec<Outcome> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        if self.acts() {
            self.look_again(&outcomes, last.as_ref()).await?;
        }
        Ok(outcomes)
    }

    /// Has Argo CD look again at what it looked at too early. Every Secret makes it look, so only the last one may have been missed.
    async fn look_again(&self, outcomes: &[Outcome], last: Option<&Effect>) -> anyhow::Result<()> {
        let hub = self.base.hub;
        if let Some(surroundings) = &self.surroundings {
            let applications = surroundings.applications();
            if applications
                .iter()
                .any(|one| one.sync.as_deref() == Some("Unknown"))
            {
                for cluster in outcomes.iter().filter_map(Outcome::after) {
                    lost::compare_again(self.ctx, hub, cluster, applications).await?;
                }
            }
        }
        lost::generate_again(self.ctx, hub, last).await
    }
}

fn is_fatal(error: &anyhow::Error) -> bool {
    error.downcast_ref::<HubError>().is_some_and(HubError::is_fatal)
}
