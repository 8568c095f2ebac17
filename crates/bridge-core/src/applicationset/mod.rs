//! What an ApplicationSet selects, reads and keeps.

mod doubt;
mod fingerprint;
mod generator;
mod go_lexer;
mod go_template;
mod membership;
mod placeholder;
mod reads;
mod target;

use serde_json::{Map, Value};

use crate::{cluster::Cluster, fleet::Fleet, keys};
use doubt::Doubt;
use generator::{Generator, Kind};
pub use membership::Membership;
use membership::Verdict;
pub use reads::Reads;
use target::Target;

/// An ApplicationSet, as far as clusters matter to it.
#[derive(Debug, Clone)]
pub struct ApplicationSet {
    /// Its namespace: that of its Applications as well.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// UID; a folder has none.
    pub uid: Option<String>,
    /// Resource version; a folder has none.
    pub resource_version: Option<String>,
    /// Value of the refresh annotation while it is there: the controller takes it off after a successful reconcile.
    pub refresh: Option<String>,
    /// `syncPolicy.preserveResourcesOnDeletion`: what its Applications deployed stays when they go.
    pub preserves_resources: bool,
    /// `syncPolicy.applicationsSync`.
    pub policy: Policy,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
    go_template: bool,
    entries: Vec<Entry>,
    reads: Reads,
}

/// A generator of the top level with the template that its Applications are made from.
#[derive(Debug, Clone)]
struct Entry {
    generator: Generator,
    target: Target,
}

/// What the controller may do with Applications (Argo CD `ApplicationsSyncPolicy`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// Create, update and delete them.
    #[default]
    Sync,
    /// Only create.
    CreateOnly,
    /// Create and update.
    CreateUpdate,
    /// Create and delete.
    CreateDelete,
}

/// An entry of `status.conditions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `ErrorOccurred`, `ParametersGenerated`, `ResourcesUpToDate`, …
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

impl Condition {
    /// Whether an Application was not made because Argo CD does not know its cluster (`validateGeneratedApplications`).
    pub fn is_unknown_destination(&self) -> bool {
        self.reason == "ApplicationValidationError"
            && self
                .message
                .starts_with("application destination spec is invalid")
    }
}

/// An object that is not an ApplicationSet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplicationSetError {
    /// No `metadata.name`.
    #[error("an ApplicationSet without metadata.name")]
    NoName,
    /// Another kind of object.
    #[error("\"{name}\" is a {kind}, not an ApplicationSet")]
    Kind {
        /// Its name.
        name: String,
        /// Its kind.
        kind: String,
    },
    /// `spec.generators` is not a list.
    #[error("ApplicationSet {0}: spec.generators is not a list")]
    Generators(String),
}

impl Policy {
    /// Whether Applications that are no longer wanted are deleted.
    pub fn deletes(self) -> bool {
        matches!(self, Self::Sync | Self::CreateDelete)
    }

    /// Whether Applications that differ are updated.
    pub fn updates(self) -> bool {
        matches!(self, Self::Sync | Self::CreateUpdate)
    }

    /// As `applicationsSync` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::CreateOnly => "create-only",
            Self::CreateUpdate => "create-update",
            Self::CreateDelete => "create-delete",
        }
    }

    fn parse(text: &str) -> Self {
        [Self::CreateOnly, Self::CreateUpdate, Self::CreateDelete]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .unwrap_or_default()
    }
}

impl ApplicationSet {
    /// Reads an ApplicationSet. A generator that is not understood is no error: it makes the membership unknown.
    pub fn from_json(value: &Value) -> Result<Self, ApplicationSetError> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let name = text("/metadata/name")
            .filter(|name| !name.is_empty())
            .ok_or(ApplicationSetError::NoName)?;
        if let Some(kind) = text("/kind").filter(|kind| kind != "ApplicationSet") {
            return Err(ApplicationSetError::Kind { name, kind });
        }
        let spec = value.get("spec").unwrap_or(&Value::Null);
        let entries = match spec.get("generators") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(entries)) => entries.iter().flat_map(|entry| entries_of(entry, spec)).collect(),
            Some(_) => return Err(ApplicationSetError::Generators(name)),
        };
        let go_template = flag(spec, "/goTemplate");
        let reads = Reads::of(
            spec,
            entries.iter().map(|entry: &Entry| &entry.generator),
            go_template,
        );
        Ok(Self {
            namespace: text("/metadata/namespace").unwrap_or_default(),
            name,
            uid: text("/metadata/uid"),
            resource_version: text("/metadata/resourceVersion"),
            refresh: value
                .pointer("/metadata/annotations")
                .and_then(|annotations| annotations.get(keys::REFRESH))
                .and_then(Value::as_str)
                .map(str::to_owned),
            preserves_resources: flag(spec, "/syncPolicy/preserveResourcesOnDeletion"),
            policy: text("/spec/syncPolicy/applicationsSync")
                .map(|policy| Policy::parse(&policy))
                .unwrap_or_default(),
            conditions: conditions(value),
            go_template,
            entries,
            reads,
        })
    }

    /// Whether a `clusters` generator is in it, at the top level or nested: any change of any cluster Secret makes the
    /// controller reconcile it.
    pub fn uses_clusters(&self) -> bool {
        self.generators()
            .any(|generator| generator.any(&|one| matches!(one.kind, Kind::Clusters(_))))
    }

    /// Whether a plugin generator with this ConfigMap is in it, at the top level or nested.
    pub fn uses_plugin(&self, config_map: &str) -> bool {
        self.generators()
            .any(|generator| generator.uses_plugin(config_map))
    }

    /// `input.parameters` of each plugin generator in order: of those with this ConfigMap, or of all.
    pub fn plugin_inputs(&self, config_map: Option<&str>) -> Vec<Map<String, Value>> {
        let mut inputs = Vec::new();
        for generator in self.generators() {
            generator.each(&mut |generator| {
                if let Kind::Plugin {
                    config_map: name,
                    parameters,
                    ..
                } = &generator.kind
                    && config_map.is_none_or(|wanted| wanted == name)
                {
                    inputs.push(parameters.clone());
                }
            });
        }
        inputs
    }

    /// What its templates read of a cluster.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Whether it makes Applications for this cluster: by `clusters` generators, and by plugin generators whose input asks
    /// `bridge-generator` for clusters, alone or nested. A cluster without `secret_name` at Argo CD's own server is its
    /// entry for a hub that has no Secret.
    pub fn selects(&self, cluster: &Cluster) -> Membership {
        match self.verdict(cluster) {
            Verdict::Yes => Membership::Yes,
            Verdict::No | Verdict::Anyway => Membership::No,
            Verdict::Unknown(doubt) => Membership::Unknown(doubt.to_string()),
        }
    }

    /// The cluster selectors by which it selects this cluster, as `-l` text; `(all clusters)` for an empty one.
    pub fn selectors(&self, cluster: &Cluster) -> Vec<String> {
        let mut all = Vec::new();
        for generator in self.generators() {
            if generator.verdict(cluster, self.go_template) == Verdict::No {
                continue;
            }
            generator.deciding(&mut |source| {
                if source.selects(cluster) {
                    all.push(if source.selector.is_empty() {
                        "(all clusters)".to_owned()
                    } else {
                        source.selector.to_string()
                    });
                }
            });
        }
        all
    }

    /// Hash, as 16 hex digits, of all that this set reads of the fleet through plugin generators with that ConfigMap: equal
    /// hashes mean that a refresh would change nothing.
    pub fn fingerprint(&self, config_map: &str, fleet: &Fleet) -> String {
        fingerprint::fingerprint(self, config_map, fleet)
    }

    /// The error that the controller reports on it, if `ErrorOccurred` is `True`: it may then do nothing at all.
    pub fn error(&self) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == "ErrorOccurred" && condition.status == "True")
    }

    /// Names of the Applications that it makes for this cluster, where they can be told beforehand. `None`: not, or not
    /// all of them.
    pub fn application_names(&self, cluster: &Cluster) -> Option<Vec<String>> {
        let mut names = Vec::new();
        for entry in &self.entries {
            match entry.verdict(cluster, self.go_template) {
                Verdict::No | Verdict::Anyway => {}
                Verdict::Yes => names.extend(entry.names(cluster, self.go_template)?),
                Verdict::Unknown(_) => return None,
            }
        }
        names.sort();
        names.dedup();
        Some(names)
    }

    /// Whether the Applications that it makes for this cluster also go there, as far as it can be told.
    pub(crate) fn deploys_to_selected(&self, cluster: &Cluster) -> bool {
        self.entries
            .iter()
            .filter(|entry| entry.verdict(cluster, self.go_template) == Verdict::Yes)
            .all(|entry| entry.returns_to(cluster, self.go_template) == Some(true))
    }

    /// Whether any generator's result depends on the clusters of the hub.
    pub(crate) fn reads_fleet(&self) -> bool {
        self.generators().any(Generator::reads_fleet)
    }

    /// Whether a generator in it follows the decisions of another controller about clusters.
    pub(crate) fn follows_decisions(&self) -> bool {
        self.generators()
            .any(|generator| generator.any(&|one| matches!(one.kind, Kind::Other("clusterDecisionResource"))))
    }

    /// Whether all its clusters come as one parameter set.
    pub(crate) fn lists_clusters(&self) -> bool {
        let mut sources = Vec::new();
        for generator in self.generators() {
            generator.deciding(&mut |source| sources.push(source.flat_list));
        }
        !sources.is_empty() && sources.into_iter().all(|flat_list| flat_list)
    }

    /// Whether a selector in it that another generator fills in may look at this label.
    pub(crate) fn may_select_by(&self, label: &str) -> bool {
        self.generators()
            .any(|generator| generator.any(&|one| one.may_select_by(label)))
    }

    /// For each generator of clusters in it, whether it selects this cluster, and the label keys by which.
    pub(crate) fn selected_by(&self, cluster: &Cluster) -> Vec<(bool, Vec<&str>)> {
        let mut all = Vec::new();
        for generator in self.generators() {
            generator.each(&mut |generator| {
                if let Some(Ok(source)) = generator.source() {
                    let mut keys: Vec<&str> = source
                        .selector
                        .requirements()
                        .iter()
                        .map(|requirement| requirement.key.as_str())
                        .collect();
                    if source.served {
                        keys.push(keys::DRAIN);
                    }
                    all.push((source.selects(cluster), keys));
                }
            });
        }
        all
    }

    fn verdict(&self, cluster: &Cluster) -> Verdict {
        let mut doubt: Option<Doubt> = None;
        for entry in &self.entries {
            match entry.verdict(cluster, self.go_template) {
                Verdict::Yes => return Verdict::Yes,
                Verdict::Unknown(reason) => doubt = doubt.or(Some(reason)),
                Verdict::No | Verdict::Anyway => {}
            }
        }
        doubt.map_or(Verdict::No, Verdict::Unknown)
    }

    fn generators(&self) -> impl Iterator<Item = &Generator> {
        self.entries.iter().map(|entry| &entry.generator)
    }
}

fn entries_of(entry: &Value, spec: &Value) -> Vec<Entry> {
    generator::parse_entry(entry)
        .into_iter()
        .map(|generator| Entry {
            target: Target::of(entry, spec),
            generator,
        })
        .collect()
}

fn flag(value: &Value, pointer: &str) -> bool {
    value
        .pointer(pointer)
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

fn conditions(value: &Value) -> Vec<Condition> {
    let conditions = value.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .map(|condition| {
            let text = |key: &str| {
                condition
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            Condition {
                kind: text("type"),
                status: text("status"),
                reason: text("reason"),
                message: text("message"),
            }
        })
        .collect()
}
