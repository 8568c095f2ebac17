//! What a change of one cluster does to one ApplicationSet.

use super::{Begin, Change, Effect, End, Fate, Unknown};
use crate::{
    application::Application,
    applicationset::{ApplicationSet, Membership},
    cluster::Cluster,
    keys,
    selector::Map,
};

/// The change, and the Applications that live now.
pub(super) struct Work<'a> {
    pub old: Option<&'a Cluster>,
    pub new: Option<&'a Cluster>,
    pub secret_goes: bool,
    pub applications: &'a [Application],
}

impl Work<'_> {
    pub fn on(&self, set: &ApplicationSet, effect: &mut Effect) {
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
    pub fn on_registration(&self, set: &ApplicationSet, effect: &mut Effect) {
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
        let mut gone = Vec::new();
        match (set.application_names(old), set.application_names(new)) {
            (Some(was), Some(is)) => {
                let appear: Vec<String> = is.iter().filter(|name| !was.contains(name)).cloned().collect();
                gone.extend(was.into_iter().filter(|name| !is.contains(name)));
                effect.ends.extend(self.end_of(set, &gone));
                if !appear.is_empty() {
                    let applications = Some(appear);
                    effect.begins.push(Begin {
                        applications,
                        ..self.begin(set)
                    });
                }
            }
            _ if old.name != new.name => {
                effect.ends.push(self.end(set));
                effect.begins.push(self.begin(set));
                return;
            }
            _ => {}
        }
        let keys = read_changes(set, old, new);
        if keys.is_empty() {
            // Most sets read nothing of a change; a hub has too many Applications to look through for each of them.
            return;
        }
        let kept: Vec<&Application> = self.live(set).filter(|one| !gone.contains(&one.name)).collect();
        if gone.is_empty() || !kept.is_empty() {
            effect.changes.extend(change(set, keys, kept.into_iter()));
        }
    }

    /// The end of these Applications only, if any of them lives.
    fn end_of(&self, set: &ApplicationSet, names: &[String]) -> Option<End> {
        let mut end = self.end(set);
        end.applications.retain(|fate| names.contains(&fate.application));
        (!end.applications.is_empty()).then_some(end)
    }

    /// Live Applications of the set for this cluster: by destination, or by the name that the set gives them where it
    /// sends them elsewhere.
    fn live(&self, set: &ApplicationSet) -> impl Iterator<Item = &Application> {
        let names = self
            .old
            .filter(|cluster| !set.deploys_to_selected(cluster))
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

pub(super) fn unknown(set: &ApplicationSet, reason: String) -> Unknown {
    Unknown {
        application_set: set.name.clone(),
        namespace: set.namespace.clone(),
        reason,
    }
}

fn error(set: &ApplicationSet) -> Option<String> {
    set.error().map(|condition| condition.message.clone())
}

pub(super) fn is_of(application: &Application, set: &ApplicationSet) -> bool {
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
