//! Whose a cluster is that is not on the hub: the marks on its access entries.

use std::collections::BTreeMap;

use bridge_aws::{AccessEntry, AwsError};
use bridge_core::{
    access::Seen,
    drift::{Discovered, State},
    facts::EksFacts,
};
use futures::{StreamExt as _, stream};

use super::scan::Scanned;
use crate::{aws::words, grant::all_entries, output::Waiting};

/// Access entries by the ARN of their cluster.
pub type Entries = BTreeMap<String, Seen<Vec<AccessEntry>>>;

/// Asks for the access entries of missing clusters, and settles by them whose these are. `hub`: ARN of this one, if it is known.
pub async fn settle(
    found: &mut [Discovered],
    scanned: &mut Scanned,
    hub: Option<&str>,
    concurrency: usize,
    waiting: &mut Waiting<'_>,
) -> std::io::Result<Entries> {
    let asked: Vec<_> = found
        .iter()
        .filter(|one| one.state == State::Missing)
        .filter_map(|one| scanned.facts(one))
        .filter(|facts| has_entries(facts))
        .filter_map(|facts| Some((facts.arn.clone(), scanned.place_of(&facts.arn)?.session.eks())))
        .collect();
    let count = asked.len();
    let mut looks = stream::iter(asked)
        .map(|(arn, eks)| {
            Box::pin(async move {
                let entries = all_entries(&eks, &arn.name).await;
                (arn.to_string(), entries)
            })
        })
        .buffer_unordered(concurrency);
    let (mut all, mut done) = (Entries::new(), 0);
    while let Some((arn, entries)) = looks.next().await {
        done += 1;
        waiting.at(format_args!(
            "asking whose {count} missing clusters are, {done} answers"
        ))?;
        match entries {
            Ok(entries) => {
                all.insert(arn, entries);
            }
            // It went while it was looked at.
            Err(AwsError::NotFound { .. }) => {}
            Err(error) => scanned.troubles.push(format!("{arn}: {}", words(error))),
        }
    }
    drop(looks);
    for one in found.iter_mut().filter(|one| one.state == State::Missing) {
        if let Some(Seen::Is(entries)) = one.arn.as_ref().and_then(|arn| all.get(arn)) {
            one.settle(entries, hub);
        }
    }
    Ok(all)
}

/// Whether EKS lets anybody look at access entries there.
fn has_entries(facts: &EksFacts) -> bool {
    matches!(facts.status.as_str(), "ACTIVE" | "UPDATING")
        && facts.authentication_mode.as_deref() != Some("CONFIG_MAP")
}
