//! `discover`: EKS clusters of many accounts and regions beside those of the hub. Writes nothing.

mod places;
mod regions;
mod scan;
mod show;

use bridge_core::drift::{self, Discovered, Listed, State};

use crate::{
    args::{DiscoverArgs, DiscoverOptions},
    context::Context,
    exit::Exit,
    view::{DiscoveredList, line},
};

/// Runs `discover`.
pub async fn run(ctx: &Context, args: DiscoverArgs) -> anyhow::Result<Exit> {
    let options = args.resolve()?;
    let hub = ctx.hub().await?;
    ctx.out.note(format_args!("hub: {hub}"))?;
    let clusters = hub.clusters().await?;
    let defaults = hub.defaults().await?.unwrap_or_default();
    let places = places::find(&options, &defaults).await;
    let scanned = scan::scan(places, options.concurrency).await;
    for trouble in &scanned.troubles {
        ctx.out.warn(crate::output::cell(trouble))?;
    }
    let found = drift::compare(&clusters, &scanned.scan, |listed| wanted(listed, &options));
    let names: Vec<String> = found
        .iter()
        .map(|one| line(one.cluster.as_deref().unwrap_or(&one.aws_cluster_name)))
        .collect();
    if !ctx
        .out
        .object(&DiscoveredList::new(hub.to_string(), &found), names)?
    {
        ctx.out.table(&show::table(&found, &defaults))?;
        show::summary(ctx, &found, &scanned)?;
    }
    let drifted = found.iter().any(|one: &Discovered| one.state.is_drift());
    Ok(if !scanned.troubles.is_empty() || (options.check && drifted) {
        Exit::Failure
    } else {
        Exit::Success
    })
}

/// Whether a cluster has all the tags. One that EKS does not describe is shown: nobody knows its tags.
fn wanted(listed: &Listed, options: &DiscoverOptions) -> bool {
    let Ok(facts) = &listed.facts else { return true };
    options.tags.iter().all(|(key, value)| {
        facts
            .tags
            .get(key)
            .is_some_and(|has| value.as_ref().is_none_or(|value| value == has))
    })
}

/// How many are in a state.
fn count(found: &[Discovered], state: State) -> usize {
    found.iter().filter(|one| one.state == state).count()
}
