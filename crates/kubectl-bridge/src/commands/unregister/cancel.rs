//! `--cancel`: the way back from a drain that was begun and has not come to its end.
//!
//! The label goes and the toggles come back in one change, then the note goes: ended in between, the next run does the rest.

use anyhow::bail;
use bridge_core::{access::Grants, change::KeyChanges, keys, secret::ClusterSecret};
use bridge_kube::{DryRun, Hub, HubError, LiveHub};

use super::{
    UnregisterPlan, applications,
    operation::{Kind, Operation},
    suffix,
};
use crate::{
    args::UnregisterOptions, context::Context, exit::Exit, output::cell, select::shown_name,
    surroundings::Surroundings, view,
};

/// Runs `unregister --cancel`.
pub async fn run(
    ctx: &Context,
    hub: &Hub,
    live: &LiveHub,
    options: &UnregisterOptions,
) -> anyhow::Result<Exit> {
    let secret = match hub.cluster(&options.name).await {
        Ok(secret) => secret,
        Err(error @ HubError::NotFound { .. }) => {
            if Operation::find(live, &options.name).await?.is_some() {
                bail!(
                    "the cluster Secret of \"{}\" is gone: there is nothing to go back to; what is left of the run goes with \
                     unregister {}",
                    options.name,
                    options.name
                );
            }
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    let found = Operation::find(live, shown_name(&secret))
        .await?
        .filter(|found| found.kind == Kind::Drain && found.is_of(&secret));
    let shown = view::line(shown_name(&secret));
    if found.is_none() && !secret.cluster.labels.contains_key(keys::DRAIN) {
        bail!("{shown} is not being drained: there is nothing to cancel");
    }
    if found.is_none() {
        ctx.out.warn(
            "no note tells which addons were switched off for the drain: switch on what is missing (addons --enable)",
        )?;
    }
    refuse_removals(live, found.as_ref()).await?;
    let changes = changes(found.as_ref());
    let steps = steps(live, &secret, found.as_ref(), &changes).await?;
    let surroundings = Surroundings::look(hub).await?;
    let after = changes.applied_to(&secret.cluster);
    let effect = surroundings.effect(Some(&secret.cluster), Some(&after));
    show(ctx, options, &steps, &surroundings.lines(effect.as_ref()))?;
    let name = &secret.cluster.secret_name;
    let written = hub.change(name, &changes, &options.write).await?;
    for warning in &written.warnings {
        ctx.out.warn(cell(warning))?;
    }
    if let Some(found) = found.filter(|_| options.write.dry_run == DryRun::None) {
        strike_out(live, &secret, found).await?;
    }
    let dry_run = options.write.dry_run;
    if !ctx.out.is_machine() {
        ctx.out
            .line(format_args!("{shown} in the fleet again{}", suffix(dry_run)))?;
    }
    let items = [view::ClusterChange::written(secret.clone(), written, effect)];
    let object = UnregisterPlan {
        plan: view::Plan::new(hub, dry_run, &items),
        steps: &steps,
        aws_steps: Vec::new(),
        left_behind: &[],
    };
    ctx.out.object(&object, [shown])?;
    Ok(Exit::Success)
}

/// The label off, and on again what the drain switched off.
fn changes(found: Option<&Operation>) -> KeyChanges {
    let mut changes = KeyChanges::default();
    changes.labels.insert(keys::DRAIN.into(), None);
    for toggle in found.iter().flat_map(|found| &found.toggles) {
        changes.labels.insert(toggle.clone(), Some("true".into()));
    }
    changes
}

/// What an ApplicationSet made anew while Argo CD deletes its namesake's resources would be deleted with them.
async fn refuse_removals(live: &LiveHub, found: Option<&Operation>) -> anyhow::Result<()> {
    for taken in found.iter().flat_map(|found| &found.applications) {
        let raw = applications::get(live, &taken.namespace, &taken.name).await?;
        if raw.is_some_and(|raw| applications::is_removal(&raw)) {
            bail!(
                "Argo CD is deleting what Application {}/{} left behind: run this again once it is gone; nothing was changed",
                taken.namespace,
                taken.name
            );
        }
    }
    Ok(())
}

async fn steps(
    live: &LiveHub,
    secret: &ClusterSecret,
    found: Option<&Operation>,
    changes: &KeyChanges,
) -> anyhow::Result<Vec<String>> {
    let mut labels = vec![format!("{}-", keys::DRAIN)];
    let back = changes.labels.iter().filter(|(_, value)| value.is_some());
    labels.extend(back.map(|(label, _)| format!("{label}=true")));
    let mut steps = vec![format!(
        "label cluster Secret {}: {}",
        secret.cluster.secret_name,
        labels.join(" ")
    )];
    let Some(found) = found else { return Ok(steps) };
    steps.push(format!(
        "delete the note of the drain, Secret {}/{}",
        live.namespace(),
        found.secret_name()
    ));
    for taken in &found.applications {
        let raw = applications::get(live, &taken.namespace, &taken.name).await?;
        if raw.is_some_and(|raw| !raw.application.deleting) {
            continue;
        }
        let whereto = match &taken.owner {
            Some(owner) => format!("is gone, and made again by ApplicationSet {owner}"),
            None => "is gone with what it deployed, and nothing makes it again".to_owned(),
        };
        steps.push(format!(
            "Application {}/{}: {whereto}",
            taken.namespace, taken.name
        ));
    }
    Ok(steps)
}

fn show(
    ctx: &Context,
    options: &UnregisterOptions,
    steps: &[String],
    effect: &[String],
) -> anyhow::Result<()> {
    if ctx.out.is_machine() {
        return Ok(());
    }
    let lines = steps
        .iter()
        .cloned()
        .chain(effect.iter().map(|line| format!("  {line}")));
    for line in lines {
        if options.write.dry_run == DryRun::None {
            ctx.out.note(cell(&line))?;
        } else {
            ctx.out.line(cell(&line))?;
        }
    }
    Ok(())
}

/// Takes the note away, but for what it says of AWS and the cluster Secret does not.
async fn strike_out(live: &LiveHub, secret: &ClusterSecret, mut found: Operation) -> anyhow::Result<()> {
    let known = Grants::of(&secret.cluster);
    found.access.retain(|grants| Some(grants) != known.as_ref());
    if found.access.is_empty() {
        return found.delete(live).await;
    }
    found.give_up();
    found.save(live).await
}
