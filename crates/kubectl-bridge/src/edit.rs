//! Changing keys of clusters: what `label`, `annotate` and `addons` have in common. Look, show, ask, write, wait.

mod plan;
mod words;

use std::collections::BTreeMap;

use anyhow::bail;
use bridge_core::{
    change::{ChangeError, KeyChanges},
    keys,
};
use bridge_kube::{DryRun, Hub, HubError, Verb, WriteOptions};

use crate::{
    args::WaitOptions,
    context::Context,
    exit::Exit,
    output::{cell, diff_style},
    prompt, report,
    select::{Found, Which, shown_name},
    surroundings::Surroundings,
    view::{ClusterChange, Plan},
    waiting,
};

pub(crate) use plan::diff_line;
pub use words::Words;

/// Keys to set (`Some`) or remove (`None`).
pub type Changes = BTreeMap<String, Option<String>>;

/// The changes that also apply to the other side: the pattern keeps these keys as label and annotation, and a cluster
/// whose two sides disagree is in two environments at once.
pub fn twins(changes: &Changes) -> Changes {
    changes
        .iter()
        .filter(|(key, _)| [keys::ENVIRONMENT, keys::CLUSTER_NAME].contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What is being changed: decides words only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Labels.
    Label,
    /// Annotations.
    Annotation,
    /// Toggles.
    Addons,
}

/// How to go about a change.
#[derive(Debug)]
pub struct Rules {
    /// What is being changed.
    pub kind: Kind,
    /// Whether a key that is there may get another value.
    pub overwrite: bool,
    /// More clusters than this must not change.
    pub max_clusters: Option<usize>,
    /// Do not ask.
    pub yes: bool,
    /// How to write.
    pub write: WriteOptions,
    /// Wait for Applications afterwards.
    pub wait: Option<WaitOptions>,
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Label | Self::Addons => "label",
            Self::Annotation => "annotation",
        }
    }

    /// kubectl's word for what happened.
    fn done(self, verb: Verb) -> String {
        match (self, verb) {
            (Self::Label, Verb::Configured) => "labeled".into(),
            (Self::Label, Verb::Unchanged) => "not labeled".into(),
            (Self::Annotation, Verb::Configured) => "annotated".into(),
            (Self::Annotation, Verb::Unchanged) => "not annotated".into(),
            (_, verb) => verb.to_string(),
        }
    }
}

/// Changes the keys of all these clusters.
pub async fn run(ctx: &Context, which: &Which, changes: &KeyChanges, rules: Rules) -> anyhow::Result<Exit> {
    changes
        .check()
        .map_err(|error: ChangeError| HubError::from(error))?;
    if ctx.is_folder() && rules.write.dry_run == DryRun::Server {
        return Err(HubError::FolderCannot("check a change on a server (--dry-run=server)").into());
    }
    let hub = ctx.hub_to_write().await?;
    let Found { clusters, mut exit } = which.find(&hub, false).await?;
    if clusters.is_empty() {
        if exit == Exit::Success {
            nothing_selected(ctx, &hub, which)?;
        }
        return Ok(exit);
    }
    let surroundings = Surroundings::look(&hub).await?;
    let mut items = Vec::new();
    for secret in clusters {
        match plan::item(secret, changes, &rules, &surroundings) {
            Ok(item) => {
                for key in &item.not_there {
                    ctx.out
                        .note(format_args!("{} \"{key}\" not found.", rules.kind.noun()))?;
                }
                items.push(item);
            }
            Err(error) => exit = report::failure(&error),
        }
    }
    show(ctx, &items, &surroundings, rules.write.dry_run)?;
    if !agreed(ctx, &items, &rules)? {
        ctx.out.note("Nothing was changed.")?;
        return Ok(Exit::Failure);
    }
    let (written, failed) = write(ctx, &hub, items, changes, &rules).await?;
    if failed {
        exit = Exit::Failure;
    }
    let plan = Plan::new(&hub, rules.write.dry_run, &written);
    let lines = written
        .iter()
        .map(|item| crate::view::line(shown_name(&item.secret)));
    ctx.out.object(&plan, lines)?;
    if let Some(wait) = rules.wait.filter(|_| rules.write.dry_run == DryRun::None) {
        waiting::wait(ctx, &hub, wait, &waiting::goals(&written, changes, &surroundings)).await?;
    }
    Ok(exit)
}

/// Shows labels or annotations, one `key=value` a line.
pub async fn list(ctx: &Context, which: &Which, kind: Kind) -> anyhow::Result<Exit> {
    let hub = ctx.hub().await?;
    let Found { clusters, exit } = which.find(&hub, false).await?;
    let views: Vec<_> = clusters
        .iter()
        .map(|secret| crate::view::ClusterView::new(secret, hub.namespace()))
        .collect();
    let names: Vec<_> = views.iter().map(crate::view::ClusterView::line).collect();
    if ctx.out.is_machine() {
        ctx.out.object(&crate::view::ClusterList::new(views), names)?;
        return Ok(exit);
    }
    if clusters.is_empty() && exit == Exit::Success {
        nothing_selected(ctx, &hub, which)?;
    }
    for view in &views {
        if views.len() > 1 {
            ctx.out
                .line(format_args!("Listing {}s for {}:", kind.noun(), view.line()))?;
        }
        let map = match kind {
            Kind::Annotation => &view.metadata.annotations,
            Kind::Label | Kind::Addons => &view.metadata.labels,
        };
        let indent = if views.len() > 1 { " " } else { "" };
        for (key, value) in map {
            ctx.out.line(format_args!("{indent}{key}={}", cell(value)))?;
        }
    }
    Ok(exit)
}

fn nothing_selected(ctx: &Context, hub: &Hub, which: &Which) -> std::io::Result<()> {
    match which {
        Which::Selected(selector) if !selector.is_empty() => ctx.out.note(format_args!(
            "No clusters in {hub} have the labels {selector}: nothing to change."
        )),
        _ => ctx.note_no_clusters(hub),
    }
}

/// Shows what will change and what comes of it: the answer of a dry run, else beside the answer.
fn show(
    ctx: &Context,
    items: &[plan::Item],
    surroundings: &Surroundings,
    dry_run: DryRun,
) -> anyhow::Result<()> {
    if ctx.out.is_machine() {
        return Ok(());
    }
    let print = |text: std::fmt::Arguments<'_>| {
        if dry_run == DryRun::None {
            ctx.out.note(text)
        } else {
            ctx.out.line(text)
        }
    };
    for item in items.iter().filter(|item| !item.diffs.is_empty()) {
        print(format_args!("{}", crate::view::line(shown_name(&item.secret))))?;
        for diff in &item.diffs {
            let (sign, text) = plan::diff_line(diff);
            let style = diff_style(sign);
            print(format_args!("  {style}{sign} {text}{style:#}"))?;
        }
        for line in surroundings.lines(item.effect.as_ref()) {
            print(format_args!("  {line}"))?;
        }
    }
    if items.iter().any(|item| !item.diffs.is_empty()) {
        for warning in surroundings.blind_spots() {
            ctx.out.warn(warning)?;
        }
    }
    Ok(())
}

/// Whether to go on: asks where more than one cluster changes.
fn agreed(ctx: &Context, items: &[plan::Item], rules: &Rules) -> anyhow::Result<bool> {
    let changing = items.iter().filter(|item| !item.diffs.is_empty()).count();
    if let Some(limit) = rules.max_clusters.filter(|limit| changing > *limit) {
        bail!("{changing} clusters would change, more than --max-clusters {limit}: nothing was changed");
    }
    if changing < 2 || rules.write.dry_run != DryRun::None {
        return Ok(true);
    }
    prompt::confirm(&ctx.out, &format!("Change {changing} clusters?"), rules.yes)
}

/// Writes one cluster after the other; a failure is reported and the others still get their turn.
async fn write(
    ctx: &Context,
    hub: &Hub,
    items: Vec<plan::Item>,
    changes: &KeyChanges,
    rules: &Rules,
) -> anyhow::Result<(Vec<ClusterChange>, bool)> {
    let (mut done, mut failed) = (Vec::new(), false);
    let mut rest = items.into_iter();
    while let Some(item) = rest.next() {
        let plan::Item { secret, effect, .. } = item;
        let shown = crate::view::line(shown_name(&secret));
        match hub
            .change(&secret.cluster.secret_name, changes, &rules.write)
            .await
        {
            Ok(written) => {
                for warning in &written.warnings {
                    ctx.out.warn(format_args!("{shown}: {}", cell(warning)))?;
                }
                if !ctx.out.is_machine() {
                    let word = rules.kind.done(written.verb);
                    ctx.out
                        .line(format_args!("{shown} {word}{}", suffix(rules.write.dry_run)))?;
                }
                done.push(ClusterChange::written(secret, written, effect));
            }
            Err(error) => {
                failed = true;
                let fatal = error.is_fatal();
                let error = anyhow::Error::new(error).context(format!("{shown} is not changed"));
                done.push(ClusterChange::failed(secret, report::chain(&error)));
                report::failure(&error);
                if fatal {
                    let skipped: Vec<String> = rest
                        .map(|item| crate::view::line(shown_name(&item.secret)))
                        .collect();
                    if !skipped.is_empty() {
                        ctx.out.note(format_args!("not tried: {}", skipped.join(", ")))?;
                    }
                    break;
                }
            }
        }
    }
    Ok((done, failed))
}

fn suffix(dry_run: DryRun) -> &'static str {
    match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    }
}
