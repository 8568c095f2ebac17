//! `discover`: EKS clusters of many accounts and regions beside those of the hub. Writes nothing.

mod name;
mod places;
mod regions;
mod scan;
mod show;
mod whose;

use std::collections::BTreeMap;

use bridge_core::{
    access::Seen,
    defaults::Defaults,
    drift::{self, Discovered, Listed, State},
    facts::EksArn,
    secret::ClusterSecret,
};

use super::register::team;
use crate::{
    args::{DiscoverArgs, DiscoverOptions},
    context::Context,
    exit::Exit,
    grant,
    output::cell,
    view::{DiscoveredList, line},
};

pub use name::name;
pub use places::Place;
pub use scan::Scanned;
pub use show::summary;
pub use whose::Entries;

/// What was looked at, and how it stands against the hub.
pub struct Looked {
    /// What was looked at.
    pub scanned: Scanned,
    /// Each cluster, in EKS or on the hub or both.
    pub found: Vec<Discovered>,
    /// Access entries of what was missing.
    pub entries: Entries,
    /// Why it was not looked whether another hub has them, and how many clusters that is.
    pub unlooked: BTreeMap<String, usize>,
    /// ARN of the hub, if it is known.
    pub hub: Option<String>,
}

impl Looked {
    /// Whether it is the hub itself.
    pub fn is_hub(&self, one: &Discovered) -> bool {
        self.hub.is_some() && self.hub == one.arn
    }
}

/// Runs `discover`.
pub async fn run(ctx: &Context, args: DiscoverArgs) -> anyhow::Result<Exit> {
    let options = args.resolve()?;
    let hub = ctx.hub().await?;
    ctx.out.note(format_args!("hub: {hub}"))?;
    let clusters = hub.clusters().await?;
    let defaults = team::defaults(ctx, &hub).await?;
    let hub_arn = grant::hub_arn(&defaults, &clusters);
    let looked = look(ctx, &options, &defaults, &clusters, hub_arn.as_deref()).await?;
    tell(ctx, &looked)?;
    let undescribed = looked.scanned.undescribed();
    for trouble in &undescribed {
        ctx.out.warn(cell(trouble))?;
    }
    let names: Vec<String> = looked
        .found
        .iter()
        .map(|one| line(one.cluster.as_deref().unwrap_or(&one.aws_cluster_name)))
        .collect();
    if !ctx
        .out
        .object(&DiscoveredList::new(hub.to_string(), &looked.found), names)?
    {
        let name = |one: &Discovered| {
            let arn = one.arn.as_deref().and_then(|arn| EksArn::parse(arn).ok());
            let name = arn.and_then(|arn| name(&arn, looked.scanned.facts(one), &defaults, None, None).ok());
            name.unwrap_or_else(|| one.aws_cluster_name.clone())
        };
        ctx.out.table(&show::table(&looked.found, name))?;
        summary(ctx, &looked)?;
    }
    let drifted = looked.found.iter().any(|one| one.state.is_drift());
    let whole = looked.scanned.troubles.is_empty() && undescribed.is_empty();
    Ok(if !whole || (options.check && drifted) {
        Exit::Failure
    } else {
        Exit::Success
    })
}

/// Looks everywhere, and then for whose the missing clusters are. `hub`: ARN of this one, if it is known.
pub async fn look(
    ctx: &Context,
    options: &DiscoverOptions,
    defaults: &Defaults,
    clusters: &[ClusterSecret],
    hub: Option<&str>,
) -> std::io::Result<Looked> {
    let mut waiting = ctx.out.waiting();
    waiting.at("opening the accounts")?;
    let places = places::find(options, defaults).await;
    let mut scanned = scan::scan(places, options.concurrency, &mut waiting).await?;
    let mut found = drift::compare(clusters, &scanned.scan, |listed| wanted(listed, options));
    let entries = whose::settle(&mut found, &mut scanned, hub, options.concurrency, &mut waiting).await?;
    let missing = found.iter_mut().filter(|one| one.state == State::Missing);
    for one in missing.filter(|one| hub.is_some() && one.arn.as_deref() == hub) {
        one.details
            .push("it is the hub itself, which \"kubectl bridge init\" registers".to_owned());
    }
    let mut unlooked = BTreeMap::new();
    for seen in entries.values() {
        if let Seen::Not(why) = seen {
            *unlooked.entry(why.clone()).or_default() += 1;
        }
    }
    Ok(Looked {
        scanned,
        found,
        entries,
        unlooked,
        hub: hub.map(str::to_owned),
    })
}

/// Says what could not be looked at, but for single clusters.
pub fn tell(ctx: &Context, looked: &Looked) -> std::io::Result<()> {
    for trouble in &looked.scanned.troubles {
        ctx.out.warn(cell(trouble))?;
    }
    Ok(())
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
