//! Looking: a list for each account and region, a description for each cluster; ceil(N / 100) + N requests for N clusters.

use bridge_aws::{AwsError, Eks};
use bridge_core::{
    drift::{Listed, Scan},
    facts::EksArn,
};
use futures::{StreamExt as _, stream};

use super::places::{Closed, Place};
use crate::aws::words;

/// Account-regions that are listed at once.
const LISTED_AT_ONCE: usize = 32;

/// What was found, and what could not be looked at.
#[derive(Default)]
pub struct Scanned {
    /// What was found.
    pub scan: Scan,
    /// Why some of it could not be looked at, a sentence each.
    pub troubles: Vec<String>,
    /// Account-regions that were looked at.
    pub places: usize,
    /// Regions that the account has not switched on.
    pub off: usize,
}

/// Looks everywhere. What fails does not keep the rest from being looked at.
pub async fn scan((places, closed): (Vec<Place>, Vec<Closed>), concurrency: usize) -> Scanned {
    let mut scanned = Scanned::default();
    for Closed { places, reason } in closed {
        scanned.scan.failed.extend(places);
        scanned.troubles.push(reason);
    }
    let mut lists = stream::iter(places)
        .map(|place| {
            Box::pin(async move {
                let eks = place.session.eks();
                let names = eks.list().await;
                (place, eks, names)
            })
        })
        .buffered(LISTED_AT_ONCE);
    let (mut clusters, mut off) = (Vec::new(), Vec::new());
    while let Some((place, eks, names)) = lists.next().await {
        match names {
            Ok(names) => {
                scanned.places += 1;
                let at = |name: String| EksArn {
                    partition: place.partition.clone(),
                    region: place.at.region.clone(),
                    account: place.at.account.clone(),
                    name,
                };
                clusters.extend(names.into_iter().map(|name| (eks.clone(), at(name))));
                scanned.scan.whole.insert(place.at);
            }
            // What AWS answers where a region is not switched on, and an endpoint that does not exist.
            Err(error) if place.may_be_off && is_off(&error) => off.push((place.at, words(error))),
            Err(error) => {
                scanned.scan.failed.insert(place.at);
                scanned.troubles.push(words(error));
            }
        }
    }
    drop(lists);
    scanned.off = off.len();
    if scanned.places == 0 && !off.is_empty() {
        // Not one region lets anybody in: that is no matter of regions.
        let (places, mut reasons): (Vec<_>, Vec<_>) = off.into_iter().unzip();
        scanned.scan.failed.extend(places);
        scanned.troubles.push(reasons.swap_remove(0));
    }
    scanned.scan.clusters = stream::iter(clusters)
        .map(|(eks, arn)| Box::pin(describe(eks, arn)))
        .buffer_unordered(concurrency)
        .filter_map(|listed| async { listed })
        .collect()
        .await;
    scanned
        .troubles
        .extend(scanned.scan.clusters.iter().filter_map(|listed| {
            let reason = listed.facts.as_ref().err()?;
            Some(format!("{}: {reason}", listed.arn))
        }));
    scanned
}

fn is_off(error: &AwsError) -> bool {
    matches!(
        error,
        AwsError::CredentialsRefused { .. } | AwsError::Unreachable { .. }
    )
}

/// `None` for one that went between the list and now.
async fn describe(eks: Eks, arn: EksArn) -> Option<Listed> {
    let facts = match eks.describe_cluster(&arn.name).await {
        Err(error) if error.is_absent() => return None,
        other => other.map_err(words),
    };
    Some(Listed { arn, facts })
}
