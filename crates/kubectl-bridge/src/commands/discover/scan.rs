//! Looking: a list for each account and region, a description for each cluster; ceil(N / 100) + N requests for N clusters.

use std::collections::{BTreeMap, HashMap};

use bridge_aws::{AwsError, Eks};
use bridge_core::{
    drift::{AccountRegion, Discovered, Listed, Scan},
    facts::{EksArn, EksFacts},
};
use futures::{StreamExt as _, stream};

use super::places::{Closed, Place};
use crate::{aws::words, output::Waiting};

/// Account-regions that are listed at once.
const LISTED_AT_ONCE: usize = 32;

/// What was found, and what could not be looked at.
#[derive(Default)]
pub struct Scanned {
    /// What was found.
    pub scan: Scan,
    /// Why some of it could not be looked at, a sentence each; [`Scanned::undescribed`] beside.
    pub troubles: Vec<String>,
    /// Account-regions that were looked at, and the way there.
    pub places: BTreeMap<AccountRegion, Place>,
    /// Regions that the account has not switched on.
    pub off: usize,
    /// Of all regions, those that may not be looked at.
    pub denied: Vec<AccountRegion>,
    /// Where in the scan each ARN is.
    at: HashMap<String, usize>,
}

impl Scanned {
    /// Why clusters are not described, a sentence each.
    pub fn undescribed(&self) -> Vec<String> {
        let listed = self.scan.clusters.iter();
        listed
            .filter_map(|listed| Some(format!("{}: {}", listed.arn, listed.facts.as_ref().err()?)))
            .collect()
    }

    /// What EKS says of a cluster.
    pub fn facts(&self, one: &Discovered) -> Option<&EksFacts> {
        let at = *self.at.get(one.arn.as_ref()?)?;
        self.scan.clusters.get(at)?.facts.as_ref().ok()
    }

    /// Where a cluster is.
    pub fn place_of(&self, arn: &EksArn) -> Option<&Place> {
        self.places.get(&AccountRegion {
            account: arn.account.clone(),
            region: arn.region.clone(),
        })
    }
}

/// Looks everywhere. What fails does not keep the rest from being looked at.
pub async fn scan(
    (places, closed): (Vec<Place>, Vec<Closed>),
    concurrency: usize,
    waiting: &mut Waiting<'_>,
) -> std::io::Result<Scanned> {
    let mut scanned = Scanned::default();
    for Closed { places, reason } in closed {
        scanned.scan.failed.extend(places);
        scanned.troubles.push(reason);
    }
    waiting.at(format_args!("looking into {} account-regions", places.len()))?;
    let mut lists = stream::iter(places)
        .map(|place| {
            Box::pin(async move {
                let eks = place.session.eks();
                let names = eks.list().await;
                (place, eks, names)
            })
        })
        .buffered(LISTED_AT_ONCE);
    let (mut clusters, mut off, mut denied) = (Vec::new(), Vec::new(), Vec::new());
    while let Some((place, eks, names)) = lists.next().await {
        match names {
            Ok(names) => {
                let at = |name: String| EksArn {
                    partition: place.partition.clone(),
                    region: place.at.region.clone(),
                    account: place.at.account.clone(),
                    name,
                };
                clusters.extend(names.into_iter().map(|name| (eks.clone(), at(name))));
                scanned.scan.whole.insert(place.at.clone());
                scanned.places.insert(place.at.clone(), place);
            }
            // What AWS answers where a region is not switched on, and an endpoint that does not exist.
            Err(error) if place.may_be_off && is_off(&error) => off.push((place.at, words(error))),
            // Organizations often close regions that they do not use.
            Err(error @ AwsError::AccessDenied { .. }) if place.may_be_off => {
                denied.push((place.at, words(error)));
            }
            Err(error) => {
                scanned.scan.failed.insert(place.at);
                scanned.troubles.push(words(error));
            }
        }
    }
    drop(lists);
    scanned.off = off.len();
    scanned.denied = denied.iter().map(|(at, _)| at.clone()).collect();
    // Nothing is known of what is there.
    scanned.scan.failed.extend(scanned.denied.iter().cloned());
    let shut = denied.into_iter().chain(off).next();
    if let Some((at, reason)) = shut.filter(|_| scanned.places.is_empty()) {
        // Not one region lets anybody in: that is no matter of regions.
        scanned.scan.failed.insert(at);
        scanned.troubles.push(reason);
    }
    let count = clusters.len();
    let mut looks = stream::iter(clusters)
        .map(|(eks, arn)| Box::pin(describe(eks, arn)))
        .buffer_unordered(concurrency);
    let mut done = 0;
    while let Some(listed) = looks.next().await {
        done += 1;
        waiting.at(format_args!("asking for {count} clusters, {done} are there"))?;
        scanned.scan.clusters.extend(listed);
    }
    drop(looks);
    let numbered = scanned.scan.clusters.iter().enumerate();
    scanned.at = numbered
        .map(|(at, listed)| (listed.arn.to_string(), at))
        .collect();
    Ok(scanned)
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
