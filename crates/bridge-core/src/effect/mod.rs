//! What a change of one cluster makes of the Applications: what appears, changes, vanishes, and what stays running.

mod lines;
mod work;

use serde::Serialize;

use crate::{
    application::Application,
    applicationset::ApplicationSet,
    cluster::{Cluster, IN_CLUSTER_SERVER},
};
use work::{Work, is_of, unknown};

/// The effect of a change on the Applications of a hub.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// Name of the cluster.
    pub cluster: String,
    /// ApplicationSets that begin to select it.
    pub begins: Vec<Begin>,
    /// ApplicationSets that no longer select it.
    pub ends: Vec<End>,
    /// ApplicationSets that still select it and read something that changes.
    pub changes: Vec<Change>,
    /// ApplicationSets of which it cannot be said.
    pub unknown: Vec<Unknown>,
    /// Applications that stay and lose their cluster, because its Secret goes and no selection made them.
    pub stranded: Vec<String>,
}

/// An ApplicationSet begins to select the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Begin {
    /// The ApplicationSet.
    pub application_set: String,
    /// Its namespace.
    pub namespace: String,
    /// Applications that it will make, where their names can be told.
    pub applications: Option<Vec<String>>,
    /// The error it is in now, in which it may do nothing.
    pub error: Option<String>,
}

/// An ApplicationSet no longer selects the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// The ApplicationSet.
    pub application_set: String,
    /// Its namespace.
    pub namespace: String,
    /// Its live Applications for this cluster.
    pub applications: Vec<Fate>,
    /// The error it is in now, in which it may do nothing.
    pub error: Option<String>,
}

/// What becomes of an Application that is no longer wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fate {
    /// The Application.
    pub application: String,
    /// Whether it is deleted.
    pub vanishes: bool,
    /// Whether what it deployed stays running.
    pub resources_stay: bool,
    /// Why something stays; empty if nothing does.
    pub because: String,
}

/// An ApplicationSet that still selects the cluster reads something that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The ApplicationSet.
    pub application_set: String,
    /// Its namespace.
    pub namespace: String,
    /// What it reads that changes: `label KEY`, `annotation KEY`, `server`, `project`.
    pub keys: Vec<String>,
    /// Its live Applications for this cluster, which may change.
    pub applications: Vec<String>,
    /// Why they will not, where that is known.
    pub unless: Option<String>,
}

/// An ApplicationSet of which the effect cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    /// The ApplicationSet.
    pub application_set: String,
    /// Its namespace.
    pub namespace: String,
    /// Why.
    pub reason: String,
}

/// Works out what a change of one cluster does: `before` is `None` for a registration, `after` for a removal of its Secret.
/// `applications` are those that live on the hub now.
pub fn effect(
    before: Option<&Cluster>,
    after: Option<&Cluster>,
    sets: &[ApplicationSet],
    applications: &[Application],
) -> Effect {
    let mut effect = Effect {
        cluster: after
            .or(before)
            .map(|cluster| cluster.name.clone())
            .unwrap_or_default(),
        ..Effect::default()
    };
    let entry = hub_entry(before, after);
    let work = Work {
        old: before.or(entry.as_ref()),
        new: after.or(entry.as_ref()),
        secret_goes: after.is_none(),
        applications,
    };
    for set in sets {
        if set.reads_fleet() {
            work.on(set, &mut effect);
        } else if before.is_none() {
            work.on_registration(set, &mut effect);
        } else if after.is_none() && set.follows_decisions() {
            let reason = "what it makes depends on a clusterDecisionResource generator";
            effect.unknown.push(unknown(set, reason.to_owned()));
        }
    }
    if let (Some(cluster), None) = (before, after) {
        effect.stranded = stranded(cluster, applications, sets, &effect);
    }
    effect
}

/// Argo CD has an entry of its own for a hub while no Secret has its server (`applicationset/generators/cluster.go`).
fn hub_entry(before: Option<&Cluster>, after: Option<&Cluster>) -> Option<Cluster> {
    let ((Some(changed), None) | (None, Some(changed))) = (before, after) else {
        return None;
    };
    (changed.server == IN_CLUSTER_SERVER).then(Cluster::synthetic)
}

/// Applications that point at a cluster whose Secret goes, and that no ApplicationSet takes away for it.
fn stranded(
    cluster: &Cluster,
    applications: &[Application],
    sets: &[ApplicationSet],
    effect: &Effect,
) -> Vec<String> {
    let told = |application: &Application| {
        effect.ends.iter().any(|end| {
            application.owner.as_deref() == Some(&end.application_set)
                && (end.namespace == application.namespace || end.namespace.is_empty())
        })
    };
    let owned_and_deciding = |application: &Application| {
        sets.iter().any(|set| {
            is_of(application, set) && effect.unknown.iter().any(|one| one.application_set == set.name)
        })
    };
    applications
        .iter()
        .filter(|application| {
            application.targets(cluster) && !told(application) && !owned_and_deciding(application)
        })
        .map(|application| application.name.clone())
        .collect()
}
