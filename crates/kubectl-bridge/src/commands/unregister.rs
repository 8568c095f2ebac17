//! `unregister`: the cluster Secret goes last, and only once nothing needs it any more.

mod access;
mod access_only;
pub(in crate::commands) mod applications;
mod cancel;
mod drain;
mod keep;
pub(in crate::commands) mod operation;
pub(in crate::commands) mod other_argo_cd;
mod plan;
mod whole_hub;

use anyhow::{Context as _, bail};
use bridge_core::{
    access::{Grants, StepView},
    application::Application,
    change::KeyDiff,
    secret::ClusterSecret,
};
use bridge_kube::{DryRun, Hub, HubError, LiveHub, Verb, WriteOptions, Written};
use serde::Serialize;

use crate::{
    args::{Applications, UnregisterArgs, UnregisterOptions},
    context::Context,
    exit::Exit,
    output::cell,
    prompt,
    view::{self, ClusterChange},
};

use access::Access;
use operation::{Kind, Operation};
use other_argo_cd::OtherArgoCds;

/// What `-o json` prints.
#[derive(Serialize)]
struct UnregisterPlan<'a> {
    #[serde(flatten)]
    plan: view::Plan<'a>,
    /// What was done, or would be, in order.
    steps: &'a [String],
    /// What of it is done in AWS.
    #[serde(rename = "awsSteps", skip_serializing_if = "Vec::is_empty")]
    aws_steps: Vec<StepView>,
    /// What nobody looks after any more.
    #[serde(rename = "leftBehind", skip_serializing_if = "<[String]>::is_empty")]
    left_behind: &'a [String],
}

/// One cluster on its way out.
struct Leaving<'a> {
    ctx: &'a Context,
    hub: &'a Hub,
    secret: ClusterSecret,
    options: &'a UnregisterOptions,
    /// Other Argo CDs on the same API server, found so far.
    others: OtherArgoCds,
    /// The note of an unfinished run about a cluster of this name.
    found: Option<Operation>,
    /// What was made for it in AWS.
    access: Access,
}

/// Runs `unregister`.
pub async fn run(ctx: &Context, args: UnregisterArgs) -> anyhow::Result<Exit> {
    if args.hub {
        return whole_hub::run(ctx).await;
    }
    let options = args.resolve()?;
    if ctx.is_folder() {
        if matches!(options.applications, Applications::Drain { .. }) {
            return Err(HubError::FolderCannot("drain a cluster: no Argo CD runs there (--drain)").into());
        }
        if options.applications == Applications::Cancel {
            return Err(HubError::FolderCannot("cancel a drain: none runs there (--cancel)").into());
        }
        if options.write.dry_run == DryRun::Server {
            return Err(HubError::FolderCannot("check a change on a server (--dry-run=server)").into());
        }
    }
    let hub = ctx.hub_to_write().await?;
    if options.access_only {
        return Box::pin(access_only::run(ctx, &hub, &options)).await;
    }
    if let (Applications::Cancel, Hub::Live(live)) = (options.applications, &hub) {
        return cancel::run(ctx, &hub, live, &options).await;
    }
    let secret = match hub.cluster(&options.name).await {
        Ok(secret) => secret,
        Err(HubError::NotFound { .. }) if finish_deleted(ctx, &hub, &options).await? => {
            return Ok(Exit::Success);
        }
        Err(HubError::NotFound { .. }) if options.ignore_not_found => return Ok(Exit::Success),
        Err(error) => return Err(error.into()),
    };
    let found = match &hub {
        Hub::Live(live) => Operation::find(live, crate::select::shown_name(&secret)).await?,
        Hub::Folder(_) => None,
    };
    let grants = grants(&secret, found.as_ref());
    let leaving = Leaving {
        ctx,
        hub: &hub,
        // On the heap: it holds what the AWS SDK needs.
        access: Box::pin(Access::look(ctx, &hub, &options, grants)).await?,
        secret,
        options: &options,
        others: OtherArgoCds::default(),
        found,
    };
    match (options.applications, &hub) {
        (Applications::Drain { .. } | Applications::KeepWorkloads, _) if leaving.access.cluster_is_gone() => {
            ctx.out.note(
                "EKS does not know the cluster any more: nothing is left there to drain, and what is on the hub goes",
            )?;
            leaving.let_go(true).await
        }
        (Applications::KeepWorkloads, _) => leaving.let_go(false).await,
        (Applications::Drain { timeout }, Hub::Live(live)) => drain::run(&leaving, live, timeout).await,
        _ => leaving.refuse_or_remove().await,
    }
}

/// What was made in AWS for a cluster: as its Secret says, and as a run that was not finished says.
fn grants(secret: &ClusterSecret, found: Option<&Operation>) -> Vec<Grants> {
    let mut all: Vec<Grants> = Grants::of(&secret.cluster).into_iter().collect();
    for one in found.iter().flat_map(|found| &found.access) {
        if !all.iter().any(|known| known.principal == one.principal) {
            all.push(one.clone());
        }
    }
    all
}

/// A run that was ended between the removal of the Secret and that of its own note: only the note is left.
async fn finish_deleted(ctx: &Context, hub: &Hub, options: &UnregisterOptions) -> anyhow::Result<bool> {
    let Hub::Live(live) = hub else { return Ok(false) };
    let Some(found) = Operation::find(live, &options.name).await? else {
        return Ok(false);
    };
    let access = Box::pin(Access::look(ctx, hub, options, found.access.clone())).await?;
    let given_up = options.applications == Applications::KeepWorkloads || access.cluster_is_gone();
    if let Some(lost) = found.lost().filter(|_| !given_up) {
        bail!(lost);
    }
    ctx.out.note(if found.kind == Kind::Register {
        "the registration was not finished, there is no cluster Secret: what it made in AWS is taken back"
    } else {
        "the cluster Secret is gone already: what is left of the unfinished run goes too"
    })?;
    let left_behind: Vec<String> = found
        .unfinished()
        .filter(|_| !access.cluster_is_gone())
        .map(|taken| keep::deployed(&taken.namespace, &taken.name))
        .collect();
    if options.write.dry_run == DryRun::None {
        access.take_back(ctx).await?;
        found.delete(live).await?;
    } else if !ctx.out.is_machine() {
        for step in access.steps() {
            ctx.out.line(step)?;
        }
    }
    if !ctx.out.is_machine() {
        let suffix = suffix(options.write.dry_run);
        ctx.out
            .line(format_args!("{} deleted{suffix}", view::line(&options.name)))?;
    }
    keep::tell(&ctx.out, &left_behind)?;
    Ok(true)
}

impl Leaving<'_> {
    fn name(&self) -> &str {
        crate::select::shown_name(&self.secret)
    }

    fn line(&self) -> String {
        view::line(self.name())
    }

    /// Applications that deploy there. That they cannot be listed is a reason to stop: there may be any number.
    async fn applications(&self) -> anyhow::Result<Vec<Application>> {
        let all = self.hub.applications().await.with_context(|| {
            format!(
                "{} stays: cannot tell whether Applications still point at it",
                self.line()
            )
        })?;
        let mut pointing: Vec<Application> = all
            .into_iter()
            .filter(|application| application.targets(&self.secret.cluster))
            .collect();
        if let Hub::Live(live) = self.hub {
            self.others.leave_out(self.ctx, live, &mut pointing).await?;
        }
        Ok(pointing)
    }

    async fn refuse_or_remove(&self) -> anyhow::Result<Exit> {
        if let Some(operation) = &self.found
            && operation.kind == Kind::Drain
            && operation.is_of(&self.secret)
        {
            bail!(
                "{} is being drained since {}, and that is not finished: run it again with --drain, or take the drain back with \
                 --cancel",
                self.line(),
                operation.started
            );
        }
        let applications = self.applications().await?;
        if !applications.is_empty() {
            bail!(keep::refusal(&self.line(), &applications));
        }
        self.warn_of_folder()?;
        self.remove(Vec::new(), &[]).await
    }

    fn warn_of_folder(&self) -> std::io::Result<()> {
        if !self.hub.is_folder() {
            return Ok(());
        }
        self.ctx.out.warn(
            "a folder does not know Applications: if any still point at the cluster when this reaches the hub, what they \
             deployed stays there (drain it on the live hub first)",
        )
    }

    /// Asks, unless it is a dry run.
    fn agreed(&self, how: &str) -> anyhow::Result<bool> {
        if self.options.write.dry_run != DryRun::None {
            return Ok(true);
        }
        let question = format!("Unregister {}, {how}?", self.line());
        let agreed = prompt::confirm(&self.ctx.out, &question, self.options.yes)?;
        if !agreed {
            self.ctx.out.note("Nothing was changed.")?;
        }
        Ok(agreed)
    }

    /// Steps to come: the answer of a dry run, else beside the answer.
    fn tell(&self, steps: &[String]) -> anyhow::Result<()> {
        let out = &self.ctx.out;
        if out.is_machine() {
            return Ok(());
        }
        for step in steps {
            if self.options.write.dry_run == DryRun::None {
                out.note(cell(step))?;
            } else {
                out.line(cell(step))?;
            }
        }
        Ok(())
    }

    /// Deletes exactly the Secret that was looked at, then what was made in AWS, and says so.
    async fn remove(&self, mut steps: Vec<String>, left_behind: &[String]) -> anyhow::Result<Exit> {
        let aws = self.access.steps();
        if !aws.is_empty() {
            let secret = format!("delete cluster Secret {}", self.secret.cluster.secret_name);
            let rest: Vec<String> = std::iter::once(secret).chain(aws).collect();
            if self.options.write.dry_run != DryRun::None {
                self.tell(&rest)?;
            }
            steps.extend(rest);
        }
        let Hub::Live(live) = self.hub else {
            self.delete_secret(&self.options.write).await?;
            return self.report(&steps, Vec::new(), left_behind);
        };
        let acts = self.options.write.dry_run == DryRun::None;
        let drains = self
            .found
            .as_ref()
            .is_some_and(|found| found.kind == Kind::Drain && found.is_of(&self.secret));
        if acts && (drains || !self.access.grants.is_empty()) {
            self.write_down(live).await?;
        }
        self.delete_secret(&self.options.write).await?;
        if acts {
            self.access.take_back(self.ctx).await?;
            self.strike_out(live).await?;
        }
        self.report(&steps, Vec::new(), left_behind)
    }

    /// Once the Secret is gone, only a note knows what is still to be taken back in AWS. A drain of this Secret is given up.
    async fn write_down(&self, live: &LiveHub) -> anyhow::Result<()> {
        let secret_name = &self.secret.cluster.secret_name;
        let exists = self.found.is_some();
        let mut note = self
            .found
            .clone()
            .unwrap_or_else(|| Operation::of_access(Kind::Unregister, self.name(), secret_name));
        if note.is_of(&self.secret) {
            note.give_up();
        }
        for grants in &self.access.grants {
            note.add_grants(grants.clone());
        }
        if !exists {
            note.create(live).await
        } else if Some(&note) == self.found.as_ref() {
            Ok(())
        } else {
            note.save(live).await
        }
    }

    /// Takes the note away, unless it is about what a drain of another Secret left behind.
    async fn strike_out(&self, live: &LiveHub) -> anyhow::Result<()> {
        match &self.found {
            Some(found) if !found.is_settled() && !found.is_of(&self.secret) => Ok(()),
            Some(found) => found.delete(live).await,
            None if self.access.grants.is_empty() => Ok(()),
            None => {
                let secret_name = &self.secret.cluster.secret_name;
                Operation::of_access(Kind::Unregister, self.name(), secret_name)
                    .delete(live)
                    .await
            }
        }
    }

    async fn delete_secret(&self, write: &WriteOptions) -> Result<(), HubError> {
        self.hub.delete(&self.secret, write).await
    }

    fn report(&self, steps: &[String], diffs: Vec<KeyDiff>, left_behind: &[String]) -> anyhow::Result<Exit> {
        let dry_run = self.options.write.dry_run;
        if !self.ctx.out.is_machine() {
            self.ctx
                .out
                .line(format_args!("{} deleted{}", self.line(), suffix(dry_run)))?;
        }
        let written = Written {
            before: Some(self.secret.clone()),
            after: None,
            diffs,
            warnings: Vec::new(),
            verb: Verb::Deleted,
        };
        let changes = [ClusterChange::written(self.secret.clone(), written, None)];
        let object = UnregisterPlan {
            plan: view::Plan::new(self.hub, dry_run, &changes),
            steps,
            aws_steps: self.access.views(),
            left_behind,
        };
        if !self.ctx.out.object(&object, [self.line()])? {
            keep::tell(&self.ctx.out, left_behind)?;
        }
        Ok(Exit::Success)
    }
}

fn suffix(dry_run: DryRun) -> &'static str {
    match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    }
}
