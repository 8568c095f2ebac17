//! Which clusters a generator selects, as far as it can be known without asking anything.

use std::borrow::Cow;

use super::{
    doubt::Doubt,
    generator::{Generator, Kind, Source},
};
use crate::{
    cluster::Cluster,
    keys, name,
    selector::{Map, Operator, Requirement},
};

/// Whether an ApplicationSet makes Applications for a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// That depends on something that is not known here: the reason, a clause.
    Unknown(String),
}

/// What a generator yields for one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Parameter sets of this cluster.
    Yes,
    /// None of this cluster.
    No,
    /// Parameter sets whatever the cluster is.
    Anyway,
    Unknown(Doubt),
}

/// A parameter of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lookup<'a> {
    Found(Cow<'a, str>),
    Missing,
    Unknown,
}

impl Source {
    pub fn selects(&self, cluster: &Cluster) -> bool {
        if cluster.is_synthetic() {
            return self.selector.is_empty();
        }
        self.selector.matches(&cluster.labels) && !(self.served && cluster.is_draining())
    }

    /// Whether a key of `labels` or `annotations` is among the parameters, should the cluster have it.
    pub fn gives_key(&self, map: &str, key: &str) -> bool {
        if self.served && (keys::is_own(key) || map == "annotations" && keys::is_unserved_annotation(key)) {
            return false;
        }
        self.fields.as_ref().is_none_or(|fields| {
            let keys = if map == "labels" {
                &fields.labels
            } else {
                &fields.annotations
            };
            keys.contains(key)
        })
    }

    /// Whether `name`, `server` or the like is among the parameters.
    pub fn gives(&self, top: &str) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.has(top))
    }

    fn lookup<'a>(&'a self, cluster: &'a Cluster, key: &str) -> Lookup<'a> {
        if self.flat_list {
            return Lookup::Unknown;
        }
        if let Some(key) = key.strip_prefix("values.") {
            return match self.values.get(key) {
                Some(value) if value.contains("{{") => Lookup::Unknown,
                Some(value) => Lookup::Found(value.into()),
                None => Lookup::Missing,
            };
        }
        if let Some(key) = key.strip_prefix("metadata.labels.") {
            return self.lookup_key("labels", &cluster.labels, key);
        }
        if let Some(key) = key.strip_prefix("metadata.annotations.") {
            // A `Cluster` does not keep this one; a `clusters` generator gives it.
            if key == keys::LAST_APPLIED && !self.served {
                return Lookup::Unknown;
            }
            return self.lookup_key("annotations", &cluster.annotations, key);
        }
        match key {
            _ if !self.gives(key) => Lookup::Missing,
            "name" => Lookup::Found(cluster.name.as_str().into()),
            "nameNormalized" => Lookup::Found(name::sanitize(&cluster.name).into()),
            "server" => Lookup::Found(cluster.server.as_str().into()),
            "project" => Lookup::Found(cluster.project.as_str().into()),
            _ if self.served && key.starts_with("generator") => Lookup::Unknown,
            _ => Lookup::Missing,
        }
    }

    fn lookup_key<'a>(&self, which: &str, map: &'a Map, key: &str) -> Lookup<'a> {
        match map.get(key) {
            Some(value) if self.gives_key(which, key) => Lookup::Found(value.as_str().into()),
            _ => Lookup::Missing,
        }
    }
}

impl Generator {
    /// What comes of this cluster. `go` is the template mode: it decides how merges treat empty values.
    pub fn verdict(&self, cluster: &Cluster, go: bool) -> Verdict {
        let verdict = match &self.kind {
            Kind::Clusters(Ok(source))
            | Kind::Plugin {
                source: Ok(source), ..
            } => {
                if source.selects(cluster) {
                    Verdict::Yes
                } else {
                    Verdict::No
                }
            }
            Kind::Clusters(Err(doubt))
            | Kind::Plugin {
                source: Err(doubt), ..
            } => Verdict::Unknown(*doubt),
            // Override sets that have no base set are dropped (Argo CD `merge.go`).
            Kind::Merge { children, .. } => children[0].verdict(cluster, go),
            Kind::Matrix(children) => matrix(&children[0], &children[1], cluster, go),
            Kind::List(_) => return self.list_verdict(cluster, go),
            Kind::Other(kind) => Verdict::Unknown(Doubt::Elsewhere(kind)),
            Kind::Invalid(why) => Verdict::Unknown(Doubt::Invalid(why)),
        };
        if self.filter.is_empty() || verdict == Verdict::No {
            return verdict;
        }
        match (self.passes(cluster, go, None), verdict) {
            (Some(false), _) => Verdict::No,
            (None, Verdict::Yes | Verdict::Anyway) => Verdict::Unknown(Doubt::Filter),
            (_, verdict) => verdict,
        }
    }

    fn list_verdict(&self, cluster: &Cluster, go: bool) -> Verdict {
        if self.picks(cluster, go).next().is_some() {
            Verdict::Anyway
        } else {
            Verdict::No
        }
    }

    /// The elements of a list that its filter lets pass, or may let pass.
    pub fn picks<'a>(&'a self, cluster: &'a Cluster, go: bool) -> impl Iterator<Item = usize> + 'a {
        let count = match &self.kind {
            Kind::List(elements) => elements.len(),
            _ => 0,
        };
        (0..count).filter(move |pick| self.passes(cluster, go, Some(*pick)) != Some(false))
    }

    /// Whether the flattened parameters pass the filter; `None` if that cannot be known.
    fn passes(&self, cluster: &Cluster, go: bool, pick: Option<usize>) -> Option<bool> {
        let mut known = true;
        for requirement in &self.filter {
            if requirement.is_template() {
                known = false;
                continue;
            }
            match holds(requirement, &self.lookup(cluster, &requirement.key, go, pick)) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => known = false,
            }
        }
        known.then_some(true)
    }

    /// Whether no element of a list has this key.
    fn never_gives(&self, key: &str) -> bool {
        matches!(&self.kind, Kind::List(elements) if elements.iter().all(|element| !element.contains_key(key)))
    }

    /// A parameter by its flattened name, as it is after merging; `pick` chooses the element of a list.
    pub fn lookup<'a>(
        &'a self,
        cluster: &'a Cluster,
        key: &str,
        go: bool,
        pick: Option<usize>,
    ) -> Lookup<'a> {
        match &self.kind {
            Kind::Clusters(Ok(source))
            | Kind::Plugin {
                source: Ok(source), ..
            } => source.lookup(cluster, key),
            Kind::List(elements) => match pick.and_then(|pick| elements.get(pick)).or_else(|| {
                // Without a choice only a single element can speak for the list.
                (elements.len() == 1).then(|| &elements[0])
            }) {
                Some(element) => match element.get(key) {
                    Some(value) if value.contains("{{") => Lookup::Unknown,
                    Some(value) => Lookup::Found(value.into()),
                    None => Lookup::Missing,
                },
                None => Lookup::Unknown,
            },
            Kind::Merge { keys, children } if identifies(keys) => {
                merged(children, keys, cluster, key, go, pick)
            }
            Kind::Matrix(children) => product(&children[0], &children[1], cluster, key, go, pick),
            _ => Lookup::Unknown,
        }
    }
}

/// Whether equal values of these merge keys mean one cluster.
pub(super) fn identifies(keys: &[String]) -> bool {
    keys.iter().any(|key| key == "name" || key == "server")
}

/// The last child that has the key decides; in goTemplate an empty value does not override (mergo `WithOverride`).
fn merged<'a>(
    children: &'a [Generator],
    keys: &[String],
    cluster: &'a Cluster,
    key: &str,
    go: bool,
    pick: Option<usize>,
) -> Lookup<'a> {
    // Merge keys are equal in all children that take part.
    let overrides = if keys.iter().any(|merge_key| merge_key == key) {
        &[]
    } else {
        &children[1..]
    };
    for child in overrides.iter().rev() {
        match child.verdict(cluster, go) {
            Verdict::No => continue,
            Verdict::Yes => {}
            Verdict::Anyway | Verdict::Unknown(_) if child.never_gives(key) => continue,
            Verdict::Anyway | Verdict::Unknown(_) => return Lookup::Unknown,
        }
        match child.lookup(cluster, key, go, pick) {
            Lookup::Missing => {}
            Lookup::Found(value) if go && value.is_empty() => {}
            other => return other,
        }
    }
    children[0].lookup(cluster, key, go, pick)
}

/// In goTemplate the first child wins unless it is empty; flat parameters must agree.
fn product<'a>(
    first: &'a Generator,
    second: &'a Generator,
    cluster: &'a Cluster,
    key: &str,
    go: bool,
    pick: Option<usize>,
) -> Lookup<'a> {
    let of_first = first.lookup(cluster, key, go, pick);
    match of_first {
        Lookup::Found(ref value) if !(go && value.is_empty()) => of_first,
        Lookup::Unknown if go => Lookup::Unknown,
        Lookup::Unknown => match second.lookup(cluster, key, go, pick) {
            Lookup::Found(value) => Lookup::Found(value),
            _ => Lookup::Unknown,
        },
        _ => match second.lookup(cluster, key, go, pick) {
            Lookup::Missing => of_first,
            other => other,
        },
    }
}

fn matrix(first: &Generator, second: &Generator, cluster: &Cluster, go: bool) -> Verdict {
    let verdicts = (first.verdict(cluster, go), second.verdict(cluster, go));
    if first.reads_fleet() && second.reads_fleet() {
        // Name and server are the first one's; what the second selects for other clusters counts as well.
        return match verdicts {
            (Verdict::No, _) => Verdict::No,
            (Verdict::Yes, Verdict::Yes) => Verdict::Yes,
            (Verdict::Unknown(doubt), _) | (_, Verdict::Unknown(doubt)) => Verdict::Unknown(doubt),
            _ => Verdict::Unknown(Doubt::Pairs),
        };
    }
    match verdicts {
        (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
        (Verdict::Unknown(doubt), _) | (_, Verdict::Unknown(doubt)) => Verdict::Unknown(doubt),
        (Verdict::Anyway, Verdict::Anyway) => Verdict::Anyway,
        _ => Verdict::Yes,
    }
}

fn holds(requirement: &Requirement, value: &Lookup<'_>) -> Option<bool> {
    match (value, &requirement.operator) {
        (Lookup::Unknown, _) => None,
        (Lookup::Found(value), Operator::In(values)) => Some(values.iter().any(|one| one == value)),
        (Lookup::Found(value), Operator::NotIn(values)) => Some(values.iter().all(|one| one != value)),
        (Lookup::Found(_), Operator::Exists)
        | (Lookup::Missing, Operator::DoesNotExist | Operator::NotIn(_)) => Some(true),
        (Lookup::Found(_), Operator::DoesNotExist)
        | (Lookup::Missing, Operator::Exists | Operator::In(_)) => Some(false),
    }
}
