//! Names of the Applications that ApplicationSets make of the clusters.

use std::collections::BTreeMap;

use super::{Look, hub::HubLook};
use crate::{
    applicationset::ApplicationSet,
    cluster::Cluster,
    finding::{Check, Finding, or_ok},
};

const LENGTHS: Check = Check::new("KB108", "Application names have 63 characters at most");
const CLASHES: Check = Check::new(
    "KB109",
    "no ApplicationSet gives two clusters one Application name",
);

/// Longest name that fits the label by which Argo CD tracks what it deployed (`app.kubernetes.io/instance`).
pub const MAX_APPLICATION_NAME: usize = 63;
/// What to do about names that are too long.
pub const LONG_NAME_HINT: &str =
    "register the cluster under a shorter name, or set resourceTrackingMethod: annotation in argocd-cm";

/// Applications of this cluster whose names are too long for a label, longest first, with their ApplicationSets.
pub fn long_application_names<'a>(
    cluster: &Cluster,
    sets: &'a [ApplicationSet],
) -> Vec<(&'a ApplicationSet, String)> {
    let mut long: Vec<_> = sets
        .iter()
        .flat_map(|set| {
            let names = set.application_names(cluster).unwrap_or_default();
            names.into_iter().map(move |name| (set, name))
        })
        .filter(|(_, name)| name.len() > MAX_APPLICATION_NAME)
        .collect();
    long.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
    long
}

pub(super) fn names(look: &HubLook<'_>) -> Vec<Finding> {
    let sets = match &look.sets {
        Look::Absent => return Vec::new(),
        Look::Unknown(reason) => {
            return [LENGTHS, CLASHES]
                .map(|check| check.unknown(reason.clone()))
                .into();
        }
        Look::Seen(sets) => sets,
    };
    let mut findings = or_ok(LENGTHS, lengths(look, sets));
    findings.extend(or_ok(CLASHES, clashes(look, sets)));
    findings
}

/// What is wrong with the names that the Applications of this cluster get, if they are too long.
pub fn long_name_words(cluster: &Cluster, sets: &[ApplicationSet]) -> Option<String> {
    let long = long_application_names(cluster, sets);
    let (set, longest) = long.first()?;
    let more = match long.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!(
        "ApplicationSet {} names its Application {longest}, {} characters{more}: Argo CD cannot track by label what such an \
         Application deploys",
        set.name,
        longest.len()
    ))
}

fn lengths(look: &HubLook<'_>, sets: &[ApplicationSet]) -> Vec<Finding> {
    look.clusters
        .iter()
        .filter_map(|secret| {
            let cluster = &secret.cluster;
            let words = long_name_words(cluster, sets)?;
            Some(
                LENGTHS
                    .warning(words, LONG_NAME_HINT)
                    .on(look.object(secret))
                    .of(&cluster.name),
            )
        })
        .collect()
}

fn clashes(look: &HubLook<'_>, sets: &[ApplicationSet]) -> Vec<Finding> {
    let mut found = Vec::new();
    for set in sets {
        let mut holders: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for secret in look.clusters {
            for name in set.application_names(&secret.cluster).unwrap_or_default() {
                holders.entry(name).or_default().push(&secret.cluster.name);
            }
        }
        for (name, mut clusters) in holders.into_iter().filter(|(_, clusters)| clusters.len() > 1) {
            let count = clusters.len();
            clusters.truncate(3);
            let more = if count > 3 { ", …" } else { "" };
            found.push(
                CLASHES
                    .failure(
                        format!(
                            "it names the Application {name} for {count} clusters ({}{more}): Argo CD then makes and updates none of \
                             them",
                            clusters.join(", ")
                        ),
                        "put {{.name}} into the name in its template, or let its selector take one cluster only",
                    )
                    .on(format!("ApplicationSet {}/{}", set.namespace, set.name)),
            );
        }
    }
    found
}
