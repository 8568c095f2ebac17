//! `register --discovered`: every EKS cluster that is missing on the hub.

mod choose;
mod grouped;
mod list;
mod outcome;
mod prepare;

use std::collections::BTreeSet;

use anyhow::bail;
use bridge_core::{defaults::Defaults, effect::Effect, selector::Map};
use bridge_kube::{DryRun, Hub, HubError};
use futures::{StreamExt as _, stream};
use serde::Serialize;

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
    output::{cell, stderr_line},
    prompt, report,
    surroundings::Surroundings,
    view,
};

use choose::{Candidate, Chosen, Failed, LeftOut, choose};
use grouped::{blanked, grouped};
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
    let mut looked = discover::look(&many.discover, defaults, &clusters, hub_arn.as_deref()).await;
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
    let concurrency = many.discover.concurrency;
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
    let looks: Vec<_> = stream::iter(candidates)
        .map(|candidate| {
            let (given, to) = (&given, to.as_ref());
            Box::pin(async move {
                let prepared = prepare(base, given, to, &candidate).await;
                (candidate, prepared)
            })
        })
        .buffered(concurrency)
        .collect()
        .await;
    let mut ready = Vec::new();
    for (candidate, prepared) in looks {
        match prepared {
            Ok(prepared) => ready.push((candidate, prepared)),
            Err(error) => failed.push(Failed::of(&candidate, error)),
        }
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

    /// Says what is left out, what was found out, what to know, and what cannot be registered.
    fn tell(
        &self,
        ready: &[(Candidate, Prepared)],
        left_out: &[LeftOut],
        failed: &[Failed],
    ) -> anyhow::Result<()> {
        let out = &self.ctx.out;
        for line in grouped(left_out.iter().map(|one| (&one.subject, one.why.as_str()))) {
            out.note(format_args!("left out: {}", cell(&line)))?;
        }
        let notes = ready.iter().flat_map(|(candidate, prepared)| {
            prepared
                .notes()
                .iter()
                .map(|note| (&candidate.subject, note.as_str()))
        });
        for line in grouped(notes) {
            out.note(cell(&line))?;
        }
        let mut warnings = Vec::new();
        for (candidate, prepared) in ready {
            let texts = prepared.warnings().iter().cloned();
            let long = self
                .surroundings
                .as_ref()
                .and_then(|surroundings| prepared.long_name(surroundings));
            warnings.extend(texts.chain(long).map(|text| (&candidate.subject, text)));
        }
        for line in grouped(warnings.iter().map(|(subject, text)| (*subject, text.as_str()))) {
            out.warn(cell(&line))?;
        }
        for line in failures(failed) {
            stderr_line(&format!("error: {}", cell(&line)));
        }
        Ok(())
    }

    /// Shows what will be done and what comes of it; of each what that is.
    fn show(&self, ready: &[(Candidate, Prepared)]) -> anyhow::Result<Vec<Option<Effect>>> {
        let Some(surroundings) = &self.surroundings else {
            return Ok(Vec::new());
        };
        let effects: Vec<Option<Effect>> = ready
            .iter()
            .map(|(_, prepared)| prepared.effect(surroundings))
            .collect();
        let out = &self.ctx.out;
        if ready.is_empty() || out.is_machine() {
            return Ok(effects);
        }
        if self.acts() {
            out.note(list::table(ready).render(true).trim_end())?;
        }
        for line in list::in_aws(ready) {
            out.note(cell(&line))?;
        }
        if !self.options.grant.only {
            for line in list::effects(&effects, surroundings) {
                out.note(line)?;
            }
            for blind in surroundings.blind_spots() {
                out.warn(blind)?;
            }
        }
        Ok(effects)
    }

    /// Whether to go on.
    fn agreed(&self, count: usize, effects: &[Option<Effect>]) -> anyhow::Result<bool> {
        if !self.acts() {
            return Ok(true);
        }
        let unknown = effects
            .iter()
            .filter(|effect| effect.as_ref().is_none_or(|effect| !effect.unknown.is_empty()))
            .count();
        let doubt = match unknown {
            0 => String::new(),
            unknown => format!(" What comes of it is not known for {unknown} of them."),
        };
        let question = match count {
            1 => format!("Register 1 cluster?{doubt}"),
            count => format!("Register {count} clusters?{doubt}"),
        };
        prompt::confirm(&self.ctx.out, &question, self.many.yes)
    }

    /// Registers all of them, some at once. A failure does not keep the others from their turn, but one of the hub itself does.
    async fn all(
        &self,
        ready: Vec<(Candidate, Prepared)>,
        effects: Vec<Option<Effect>>,
    ) -> anyhow::Result<Vec<Outcome>> {
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
        }
        drop(running);
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

    /// Sums it up.
    fn end(
        &self,
        outcomes: Vec<Outcome>,
        failed: Vec<Failed>,
        left_out: &[LeftOut],
        whole: bool,
    ) -> anyhow::Result<Exit> {
        let ran = !outcomes.is_empty();
        let outcomes: Vec<Outcome> = outcomes
            .into_iter()
            .chain(failed.into_iter().map(Outcome::failed))
            .collect();
        let out = &self.ctx.out;
        let items: Vec<_> = outcomes.iter().map(Outcome::item).collect();
        let done = outcomes.iter().filter(|one| one.is_done());
        let names: Vec<String> = done.map(Outcome::line).collect();
        let count = names.len();
        let object = ManyPlan {
            plan: view::Plan::new(self.base.hub, self.dry_run(), &items),
            left_out: left_out.iter().map(LeftOut::view).collect(),
        };
        out.object(&object, names)?;

        let untried: Vec<&str> = outcomes.iter().filter_map(Outcome::untried).collect();
        let failures: Vec<_> = outcomes
            .iter()
            .filter_map(|one| Some((one.subject(), reason(one.error()?))))
            .collect();
        let mut parts = vec![if outcomes.is_empty() {
            "nothing to register".to_owned()
        } else {
            format!("{count} {}", self.done_word())
        }];
        for (count, word) in [
            (failures.len(), "failed"),
            (untried.len(), "not tried"),
            (left_out.len(), "left out"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        let colon = if ran && !failures.is_empty() { ":" } else { "" };
        out.note(format_args!("{}{colon}", parts.join(", ")))?;
        if ran {
            let texts = failures.iter().map(|(subject, text)| (*subject, text.as_str()));
            for line in grouped(texts) {
                out.note(format_args!("  {}", cell(&line)))?;
            }
        }
        if failures.is_empty() && untried.is_empty() {
            return Ok(if whole { Exit::Success } else { Exit::Failure });
        }
        if self.acts() && ran {
            out.note("Run the same command again to go on: what is registered stays as it is.")?;
        }
        Ok(Exit::Failure)
    }

    fn done_word(&self) -> &'static str {
        match (self.options.grant.only, self.acts()) {
            (false, true) => "registered",
            (false, false) => "would be registered",
            (true, true) => "given access",
            (true, false) => "would be given access",
        }
    }
}

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManyPlan<'a> {
    #[serde(flatten)]
    plan: view::Plan<'a, outcome::Item<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<choose::LeftOutView<'a>>,
}

/// An error with its causes, and what to do next where that is known.
fn reason(error: &anyhow::Error) -> String {
    let hint = report::hint(error).map(|hint| format!("; {hint}"));
    format!("{}{}", report::chain(error), hint.unwrap_or_default())
}

fn failures(failed: &[Failed]) -> Vec<String> {
    let texts: Vec<String> = failed.iter().map(|one| reason(&one.error)).collect();
    grouped(
        failed
            .iter()
            .zip(&texts)
            .map(|(one, text)| (&one.subject, text.as_str())),
    )
}

fn is_fatal(error: &anyhow::Error) -> bool {
    error.downcast_ref::<HubError>().is_some_and(HubError::is_fatal)
}
