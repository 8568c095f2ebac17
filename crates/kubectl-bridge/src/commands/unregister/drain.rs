//! `--drain`: everything off the spoke, in an order that can be ended anywhere and taken up again.
//!
//! Note, label, Applications gone, what they left behind gone, cluster Secret, note. Each step finds out for itself whether
//! it is done already.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, bail};
use bridge_core::{application::Application, applicationset::ApplicationSet};
use bridge_kube::{DryRun, HubError, LiveHub, WriteOptions};
use tokio::time::{Instant, sleep};

use super::{
    Leaving,
    applications::{self, Raw},
    operation::{Kind, Operation, Taken},
    plan::{By, DrainPlan},
};
use crate::{exit::Exit, output::cell, surroundings::application_line};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// A drain under way.
struct Drain<'a> {
    leaving: &'a Leaving<'a>,
    live: &'a LiveHub,
    sets: Vec<ApplicationSet>,
    operation: Operation,
    /// Applications of ApplicationSets that this program has to delete, by namespace and name.
    ours: BTreeSet<(String, String)>,
    deadline: Instant,
    timeout: Duration,
}

/// Runs `unregister --drain`.
pub async fn run(leaving: &Leaving<'_>, live: &LiveHub, timeout: Duration) -> anyhow::Result<Exit> {
    let secret = &leaving.secret;
    let out = &leaving.ctx.out;
    let write = &leaving.options.write;
    let found = leaving.found.clone();
    let applications = leaving.applications().await?;
    let sets = leaving.hub.applicationsets().await.with_context(|| {
        format!(
            "{} stays: cannot tell which ApplicationSets select it",
            leaving.line()
        )
    })?;
    let raws = raws(live, &applications).await?;
    let mut plan = DrainPlan::new(&secret.cluster, &sets, &raws);
    let ours = found.as_ref().map_or(&[][..], |old| old.toggles.as_slice());
    plan.doubt_the_past(&secret.cluster, &sets, ours);
    for doubt in &plan.doubts {
        out.warn(cell(doubt))?;
    }
    if !plan.obstacles.is_empty() {
        bail!(
            "{} cannot be drained yet, nothing was changed:\n* {}",
            leaving.line(),
            plan.obstacles.join("\n* ")
        );
    }
    refuse_used_hub(leaving).await?;
    let operation = merge(leaving, &plan, found.as_ref())?;
    let steps = plan.steps(
        live.namespace(),
        &operation.secret_name(),
        &secret.cluster.secret_name,
        leaving.access.steps(),
    );
    leaving.tell(&steps)?;
    // Conflicts are found before anything is written.
    let look = WriteOptions {
        dry_run: match write.dry_run {
            DryRun::None => DryRun::Client,
            other => other,
        },
        ..write.clone()
    };
    let name = &secret.cluster.secret_name;
    let written = leaving.hub.change(name, &plan.changes, &look).await?;
    if write.dry_run != DryRun::None {
        leaving.delete_secret(write).await?;
        return leaving.report(&steps, written.diffs, &[]);
    }
    if !plan.going.is_empty() && !leaving.agreed("with everything that Argo CD deployed there")? {
        return Ok(Exit::Failure);
    }

    match found {
        Some(old) if old != operation => operation.save(live).await?,
        Some(_) => {}
        None => operation.create(live).await?,
    }
    let written = leaving.hub.change(name, &plan.changes, write).await?;
    for warning in &written.warnings {
        out.warn(cell(warning))?;
    }
    out.note(format_args!("{} is out of the fleet", leaving.line()))?;
    let mut drain = Drain {
        leaving,
        live,
        sets,
        operation,
        ours: BTreeSet::new(),
        deadline: Instant::now() + timeout,
        timeout,
    };
    drain.remember(&plan);
    drain.until_gone().await?;
    drain.remove_leftovers().await?;
    drain.finish().await?;
    leaving.report(&steps, written.diffs, &[])
}

/// What is deployed on the hub makes the Applications of all clusters: with its ApplicationSets theirs would go.
async fn refuse_used_hub(leaving: &Leaving<'_>) -> anyhow::Result<()> {
    if !leaving.secret.cluster.is_in_cluster() {
        return Ok(());
    }
    let clusters = leaving.hub.clusters().await?;
    let others: Vec<&str> = clusters
        .iter()
        .filter(|other| other.uid != leaving.secret.uid)
        .map(crate::select::shown_name)
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    bail!(
        "{} is the hub itself: what is deployed there (its ApplicationSets) serves {} as well; unregister them first",
        leaving.line(),
        others.join(", ")
    )
}

/// The note of this run: of an earlier one about this very Secret it keeps all; of one about a Secret that was deleted too
/// early, what is still left behind on the spoke.
fn merge(leaving: &Leaving<'_>, plan: &DrainPlan, found: Option<&Operation>) -> anyhow::Result<Operation> {
    let mut operation = merge_applications(leaving, plan, found)?;
    for grants in &leaving.access.grants {
        operation.add_grants(grants.clone());
    }
    Ok(operation)
}

fn merge_applications(
    leaving: &Leaving<'_>,
    plan: &DrainPlan,
    found: Option<&Operation>,
) -> anyhow::Result<Operation> {
    let out = &leaving.ctx.out;
    let new = || {
        Operation::new(
            leaving.name(),
            &leaving.secret,
            plan.toggles.clone(),
            plan.taken(),
        )
    };
    Ok(match found {
        None => new(),
        // Its registration, or a removal that needed no drain, was not finished; what that says of AWS is kept.
        Some(old) if old.kind != Kind::Drain => new(),
        Some(old) if old.is_of(&leaving.secret) => {
            out.note(format_args!("taking up the run that began at {}", old.started))?;
            let mut operation = old.clone();
            operation.add(plan.taken());
            operation.toggles.extend(plan.toggles.iter().cloned());
            operation
        }
        Some(old) => {
            out.note(format_args!(
                "a run that began at {} was about a cluster Secret that is gone: what it left behind is taken over",
                old.started
            ))?;
            let mut operation = new();
            operation.add(old.unfinished().cloned().map(|taken| Taken {
                leaves_resources: true,
                ..taken
            }));
            operation
        }
    })
}

/// The objects themselves, without those made only to delete what is left behind.
async fn raws(live: &LiveHub, applications: &[Application]) -> anyhow::Result<Vec<Raw>> {
    let mut raws = Vec::new();
    for application in applications {
        if let Some(raw) = applications::get(live, &application.namespace, &application.name).await?
            && !applications::is_removal(&raw)
        {
            raws.push(raw);
        }
    }
    Ok(raws)
}

impl Drain<'_> {
    /// Takes down which Applications this program deletes.
    fn remember(&mut self, plan: &DrainPlan) {
        for going in plan.going.iter().filter(|going| going.by == By::Us) {
            self.ours
                .insert((going.taken.namespace.clone(), going.taken.name.clone()));
        }
    }

    /// Waits until no Application points at the cluster, and deletes those that nobody else would.
    async fn until_gone(&mut self) -> anyhow::Result<()> {
        let mut waiting = self.leaving.ctx.out.waiting();
        loop {
            let left = self.leaving.applications().await?;
            if left.is_empty() {
                return Ok(());
            }
            self.take_newcomers(&left).await?;
            for application in left.iter().filter(|one| !one.deleting && self.is_ours(one)) {
                if application.owner.is_none() && !application.cascades() {
                    applications::let_cascade(self.live, application).await?;
                }
                applications::delete(self.live, &application.namespace, &application.name).await?;
            }
            let names: Vec<&str> = left.iter().map(|one| one.name.as_str()).collect();
            waiting.on(format_args!("waiting for {}", applications::listed(&names)))?;
            self.pause(&left).await?;
        }
    }

    fn is_ours(&self, application: &Application) -> bool {
        application.owner.is_none()
            || self
                .ours
                .contains(&(application.namespace.clone(), application.name.clone()))
    }

    /// Applications that came in between are remembered before they go as well.
    async fn take_newcomers(&mut self, left: &[Application]) -> anyhow::Result<()> {
        let news: Vec<Application> = left
            .iter()
            .filter(|one| !self.operation.knows(&one.namespace, &one.name))
            .cloned()
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        let raws = raws(self.live, &news).await?;
        let plan = DrainPlan::new(&self.leaving.secret.cluster, &self.sets, &raws);
        self.remember(&plan);
        if self.operation.add(plan.taken()) {
            self.operation.save(self.live).await?;
        }
        Ok(())
    }

    /// Has Argo CD delete what Applications without a finalizer left behind.
    async fn remove_leftovers(&mut self) -> anyhow::Result<()> {
        let leftovers: Vec<Taken> = self.operation.left_behind().cloned().collect();
        for taken in &leftovers {
            let Taken { namespace, name, .. } = taken;
            match applications::get(self.live, namespace, name).await? {
                None => applications::make_to_remove(self.live, taken).await?,
                Some(raw) if applications::is_removal(&raw) => {}
                Some(_) => bail!(
                    "Application {namespace}/{name} came back: something still generates it; find out what, then run the \
                     command again"
                ),
            }
            applications::delete(self.live, namespace, name).await?;
            self.leaving.ctx.out.note(format_args!(
                "Application {namespace}/{name} left its resources behind: Argo CD deletes them now"
            ))?;
        }
        let mut waiting = self.leaving.ctx.out.waiting();
        loop {
            let mut left = Vec::new();
            for taken in &leftovers {
                if let Some(raw) = applications::get(self.live, &taken.namespace, &taken.name).await? {
                    left.push(raw.application);
                }
            }
            if left.is_empty() {
                break;
            }
            let names: Vec<&str> = left.iter().map(|one| one.name.as_str()).collect();
            waiting.on(format_args!(
                "waiting for the resources of {}",
                applications::listed(&names)
            ))?;
            self.pause(&left).await?;
        }
        drop(waiting);
        self.still_reachable().await?;
        // Before the cluster Secret goes: from then on what is not noted as removed counts as left behind.
        if self.operation.unfinished().next().is_some() {
            for taken in &mut self.operation.applications {
                taken.removed = true;
            }
            self.operation.save(self.live).await?;
        }
        Ok(())
    }

    /// Fails if somebody took the cluster Secret away: then Argo CD let Applications go without what they deployed.
    async fn still_reachable(&self) -> anyhow::Result<()> {
        let uid = &self.leaving.secret.uid;
        let clusters = self.leaving.hub.clusters().await?;
        match self.operation.lost() {
            Some(lost) if !clusters.iter().any(|secret| secret.uid == *uid) => bail!(lost),
            _ => Ok(()),
        }
    }

    /// The Secret, what was made in AWS, then the note.
    async fn finish(&mut self) -> anyhow::Result<()> {
        // While leftovers were removed something may have come back.
        let left = self.leaving.applications().await?;
        if let Some(first) = left.first() {
            bail!(
                "Application {}/{} came back while the cluster was drained: something still generates it; find out what, then \
                 run the command again",
                first.namespace,
                first.name
            );
        }
        match self.leaving.delete_secret(&self.leaving.options.write).await {
            // Somebody else took it away: what was wanted.
            Ok(()) | Err(HubError::Replaced { how: "removed", .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.leaving.access.take_back(self.leaving.ctx).await?;
        self.operation.delete(self.live).await
    }

    /// Waits a little, or fails with what is left once the time is up.
    async fn pause(&self, left: &[Application]) -> anyhow::Result<()> {
        let now = Instant::now();
        if now < self.deadline {
            sleep(PAUSE.min(self.deadline - now)).await;
            return Ok(());
        }
        let mut text = format!("{} is not empty after {:?}:", self.leaving.line(), self.timeout);
        for application in left {
            text.push_str("\n* ");
            text.push_str(&application_line(application));
        }
        text.push_str(
            "\nThe cluster Secret stays until they are gone. Where nothing moves: is the cluster reachable, do \
             argocd-application-controller and argocd-applicationset-controller run? Run the command again to go on. --cancel takes \
             the drain back; --keep-workloads lets go of a cluster that is gone for good, and says what it leaves behind",
        );
        bail!(text)
    }
}
