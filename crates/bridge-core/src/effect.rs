//! What a change of one cluster makes of the Applications: what appears, changes, vanishes, and what stays running.

use serde::Serialize;

use crate::{
    application::Application,
    applicationset::{ApplicationSet, Membership},
    cluster::{Cluster, IN_CLUSTER_SERVER},
    keys,
    selector::Map,
};

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
    (changed.server == IN_CLUSTER_SERVER).then(|| Cluster {
        name: "in-cluster".to_owned(),
        server: IN_CLUSTER_SERVER.to_owned(),
        ..Cluster::default()
    })
}

struct Work<'a> {
    old: Option<&'a Cluster>,
    new: Option<&'a Cluster>,
    secret_goes: bool,
    applications: &'a [Application],
}

impl Work<'_> {
    fn on(&self, set: &ApplicationSet, effect: &mut Effect) {
        if set.lists_clusters() {
            return self.on_list(set, effect);
        }
        match (membership(set, self.old), membership(set, self.new)) {
            (Membership::No, Membership::No) => {}
            (Membership::Yes | Membership::Unknown(_), Membership::No) => effect.ends.push(self.end(set)),
            (Membership::No, Membership::Yes) => effect.begins.push(self.begin(set)),
            (Membership::No | Membership::Yes, Membership::Unknown(reason)) => {
                effect.unknown.push(unknown(set, reason));
            }
            (Membership::Unknown(_), Membership::Unknown(reason)) if self.may_reselect(set) => {
                effect.unknown.push(unknown(set, reason));
            }
            (Membership::Unknown(_) | Membership::Yes, _) => self.still(set, effect),
        }
    }

    /// A set that asks for no clusters may name this one all the same.
    fn on_registration(&self, set: &ApplicationSet, effect: &mut Effect) {
        match membership(set, self.new) {
            Membership::Yes => effect.begins.push(self.begin(set)),
            Membership::Unknown(reason) => effect.unknown.push(unknown(set, reason)),
            Membership::No => {}
        }
    }

    /// A set that puts all its clusters into one parameter set keeps its Applications.
    fn on_list(&self, set: &ApplicationSet, effect: &mut Effect) {
        let keys = match (self.old, self.new) {
            (Some(old), Some(new)) if old.name == new.name => {
                if membership(set, self.old) == Membership::No && membership(set, self.new) == Membership::No
                {
                    return;
                }
                read_changes(set, old, new)
            }
            _ if membership(set, self.old) == membership(set, self.new) => return,
            _ => vec!["the list of clusters".to_owned()],
        };
        let all = self
            .applications
            .iter()
            .filter(|application| is_of(application, set));
        effect.changes.extend(change(set, keys, all));
    }

    /// Whether a label differs that a selector may look at which another generator fills in.
    fn may_reselect(&self, set: &ApplicationSet) -> bool {
        match (self.old, self.new) {
            (Some(old), Some(new)) => differing(&old.labels, &new.labels).any(|key| set.may_select_by(key)),
            _ => true,
        }
    }

    fn begin(&self, set: &ApplicationSet) -> Begin {
        Begin {
            application_set: set.name.clone(),
            namespace: set.namespace.clone(),
            applications: self.new.and_then(|cluster| set.application_names(cluster)),
            error: error(set),
        }
    }

    fn end(&self, set: &ApplicationSet) -> End {
        End {
            application_set: set.name.clone(),
            namespace: set.namespace.clone(),
            applications: self
                .live(set)
                .map(|application| self.fate(set, application))
                .collect(),
            error: error(set),
        }
    }

    fn still(&self, set: &ApplicationSet, effect: &mut Effect) {
        let (Some(old), Some(new)) = (self.old, self.new) else {
            return;
        };
        if old.name != new.name {
            effect.ends.push(self.end(set));
            effect.begins.push(self.begin(set));
            return;
        }
        effect
            .changes
            .extend(change(set, read_changes(set, old, new), self.live(set)));
    }

    /// Live Applications of the set for this cluster: by destination, or by the name that the set gives them.
    fn live(&self, set: &ApplicationSet) -> impl Iterator<Item = &Application> {
        let names = self
            .old
            .and_then(|cluster| set.application_names(cluster))
            .unwrap_or_default();
        self.applications.iter().filter(move |application| {
            is_of(application, set)
                && (self.old.is_some_and(|cluster| application.targets(cluster))
                    || names.contains(&application.name))
        })
    }

    fn fate(&self, set: &ApplicationSet, application: &Application) -> Fate {
        let (vanishes, resources_stay, because) = if !set.policy.deletes() {
            (
                false,
                true,
                format!("applicationsSync is {}", set.policy.as_str()),
            )
        } else if self.secret_goes && self.old.is_some_and(|cluster| application.targets(cluster)) {
            // The controller takes the finalizer off where the destination is unknown.
            (true, true, "Argo CD no longer knows the cluster".to_owned())
        } else if application.cascades() {
            (true, false, String::new())
        } else if set.preserves_resources {
            (true, true, "the ApplicationSet preserves resources".to_owned())
        } else {
            (
                true,
                true,
                "the Application has no resources finalizer".to_owned(),
            )
        };
        Fate {
            application: application.name.clone(),
            vanishes,
            resources_stay,
            because,
        }
    }
}

fn membership(set: &ApplicationSet, cluster: Option<&Cluster>) -> Membership {
    cluster.map_or(Membership::No, |cluster| set.selects(cluster))
}

/// `None` if nothing that the set reads changes.
fn change<'a>(
    set: &ApplicationSet,
    keys: Vec<String>,
    applications: impl Iterator<Item = &'a Application>,
) -> Option<Change> {
    let unless = if set.policy.updates() {
        error(set).map(|error| format!("the ApplicationSet is in error: {error}"))
    } else {
        Some(format!("applicationsSync is {}", set.policy.as_str()))
    };
    (!keys.is_empty()).then(|| Change {
        application_set: set.name.clone(),
        namespace: set.namespace.clone(),
        keys,
        applications: applications.map(|application| application.name.clone()).collect(),
        unless,
    })
}

fn unknown(set: &ApplicationSet, reason: String) -> Unknown {
    Unknown {
        application_set: set.name.clone(),
        namespace: set.namespace.clone(),
        reason,
    }
}

fn error(set: &ApplicationSet) -> Option<String> {
    set.error().map(|condition| condition.message.clone())
}

fn is_of(application: &Application, set: &ApplicationSet) -> bool {
    application.owner.as_deref() == Some(set.name.as_str())
        && (application.namespace == set.namespace || set.namespace.is_empty())
}

/// What the set reads, or selects by somewhere in it, that differs.
fn read_changes(set: &ApplicationSet, old: &Cluster, new: &Cluster) -> Vec<String> {
    let reads = set.reads();
    let mut selecting: Vec<&str> = Vec::new();
    for ((was, by), (is, _)) in set.selected_by(old).into_iter().zip(set.selected_by(new)) {
        if was != is {
            selecting.extend(by);
        }
    }
    let mut changed = Vec::new();
    if reads.server && old.server != new.server {
        changed.push("server".to_owned());
    }
    if reads.project && old.project != new.project {
        changed.push("project".to_owned());
    }
    changed.extend(
        differing(&old.labels, &new.labels)
            .filter(|key| selecting.contains(key) || reads.labels.contains(key) && !keys::is_own(key))
            .map(|key| format!("label {key}")),
    );
    changed.extend(
        differing(&old.annotations, &new.annotations)
            .filter(|key| reads.annotations.contains(key) && !keys::is_own(key))
            .map(|key| format!("annotation {key}")),
    );
    changed
}

fn differing<'a>(old: &'a Map, new: &'a Map) -> impl Iterator<Item = &'a str> {
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    new.iter()
        .filter(|(key, value)| old.get(*key) != Some(value))
        .map(|(key, _)| key)
        .chain(gone)
        .map(String::as_str)
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

impl Effect {
    /// Whether nothing happens, as far as can be known, and everything can be known.
    pub fn is_empty(&self) -> bool {
        self.begins.is_empty()
            && self.ends.is_empty()
            && self.changes.is_empty()
            && self.unknown.is_empty()
            && self.stranded.is_empty()
    }

    /// The effect in plain words, a line for each thing.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for begin in &self.begins {
            lines.extend(self.begin_lines(begin));
        }
        for end in &self.ends {
            lines.extend(self.end_lines(end));
        }
        for change in &self.changes {
            lines.push(self.change_line(change));
        }
        for Unknown {
            application_set,
            reason,
            ..
        } in &self.unknown
        {
            lines.push(format!("{application_set}: unknown: {reason}"));
        }
        for application in &self.stranded {
            lines.push(format!(
                "Application {application} stays and loses its cluster {}",
                self.cluster
            ));
        }
        lines
    }

    fn begin_lines(&self, begin: &Begin) -> Vec<String> {
        let Begin {
            application_set: set,
            applications,
            error,
            ..
        } = begin;
        let tail = in_error(error.as_deref());
        match applications.as_deref() {
            None | Some([]) => vec![format!("{set}: begins to select {}{tail}", self.cluster)],
            Some(names) => names
                .iter()
                .map(|name| format!("{set}: Application {name} will appear on {}{tail}", self.cluster))
                .collect(),
        }
    }

    fn end_lines(&self, end: &End) -> Vec<String> {
        let cluster = &self.cluster;
        let set = &end.application_set;
        let tail = in_error(end.error.as_deref());
        if end.applications.is_empty() {
            return vec![format!(
                "{set}: no longer selects {cluster}; it has no Application there{tail}"
            )];
        }
        end.applications
            .iter()
            .map(|fate| {
                let Fate {
                    application,
                    because,
                    ..
                } = fate;
                match (fate.vanishes, fate.resources_stay) {
                    (false, _) => format!("{set}: Application {application} stays ({because}){tail}"),
                    (true, true) => format!(
                        "{set}: Application {application} will vanish; its resources stay running on {cluster} ({because}){tail}"
                    ),
                    (true, false) => format!(
                        "{set}: Application {application} will vanish, and its resources on {cluster} with it{tail}"
                    ),
                }
            })
            .collect()
    }

    fn change_line(&self, change: &Change) -> String {
        let what = match change.applications.as_slice() {
            [] => format!("Applications for {}", self.cluster),
            [one] => format!("Application {one}"),
            many => format!("Applications {}", many.join(", ")),
        };
        let unless = change
            .unless
            .as_ref()
            .map(|reason| format!("; not while {reason}"))
            .unwrap_or_default();
        format!(
            "{}: {what} may change (reads {}){unless}",
            change.application_set,
            change.keys.join(", ")
        )
    }
}

fn in_error(error: Option<&str>) -> String {
    error
        .map(|error| format!("; but the ApplicationSet is in error and may do nothing: {error}"))
        .unwrap_or_default()
}
