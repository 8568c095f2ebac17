//! Where the Applications of a generator go, and what they are called.

use serde_json::Value;

use super::{
    Entry,
    doubt::Doubt,
    generator::{Generator, Kind, Source},
    membership::{Lookup, Verdict},
    placeholder,
};
use crate::cluster::{Cluster, same_server};

/// Name and destination of a template, as templates.
#[derive(Debug, Clone, Default)]
pub(super) struct Target {
    name: String,
    destination_name: String,
    destination_server: String,
    /// Whether a template patch may change any of them.
    patched: bool,
}

impl Target {
    /// The generator's own template first, then that of the set (mergo fills what is empty).
    pub fn of(entry: &Value, spec: &Value) -> Self {
        let own = entry
            .as_object()
            .into_iter()
            .flat_map(|entry| entry.values())
            .find_map(|generator| generator.get("template"));
        let text = |pointer: &str| {
            [own, spec.get("template")]
                .into_iter()
                .flatten()
                .filter_map(|template| template.pointer(pointer).and_then(Value::as_str))
                .find(|text| !text.is_empty())
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            name: text("/metadata/name"),
            destination_name: text("/spec/destination/name"),
            destination_server: text("/spec/destination/server"),
            patched: spec
                .get("templatePatch")
                .and_then(Value::as_str)
                .is_some_and(|patch| patch.contains("destination") || patch.contains("name:")),
        }
    }
}

impl Entry {
    /// What comes of this cluster, with those generators in mind that do not ask for clusters but may name one.
    pub fn verdict(&self, cluster: &Cluster, go: bool) -> Verdict {
        let verdict = self.generator.verdict(cluster, go);
        if self.generator.reads_fleet() && verdict != Verdict::Anyway {
            return verdict;
        }
        let doubt = match verdict {
            Verdict::No => return Verdict::No,
            Verdict::Unknown(doubt) => doubt,
            Verdict::Yes | Verdict::Anyway => Doubt::Destination,
        };
        match self.goes_to(cluster, go) {
            Some(true) if matches!(verdict, Verdict::Unknown(_)) => Verdict::Unknown(doubt),
            Some(true) => Verdict::Yes,
            Some(false) => Verdict::No,
            None => Verdict::Unknown(doubt),
        }
    }

    /// Whether an Application without parameters of a cluster goes to this one.
    fn goes_to(&self, cluster: &Cluster, go: bool) -> Option<bool> {
        if self.target.patched {
            return None;
        }
        let Target {
            destination_name: name,
            destination_server: server,
            ..
        } = &self.target;
        if name.is_empty() && server.is_empty() {
            return None;
        }
        let here = |name: &str, server: &str| {
            (!name.is_empty() && name == cluster.name)
                || (!server.is_empty() && same_server(server, &cluster.server))
        };
        if !name.contains("{{") && !server.contains("{{") {
            return Some(here(name, server));
        }
        let Kind::List(_) = self.generator.kind else {
            return None;
        };
        let mut any = false;
        for pick in self.generator.picks(cluster, go) {
            let fill = |template: &str| self.fill(template, cluster, go, Some(pick));
            any |= here(&fill(name)?, &fill(server)?);
        }
        Some(any)
    }

    /// Whether its Applications for a cluster go to that very cluster, where it can be told.
    pub fn returns_to(&self, cluster: &Cluster, go: bool) -> Option<bool> {
        if self.target.patched {
            return None;
        }
        let name = self.fill(&self.target.destination_name, cluster, go, None)?;
        let server = self.fill(&self.target.destination_server, cluster, go, None)?;
        Some(name == cluster.name || (!server.is_empty() && same_server(&server, &cluster.server)))
    }

    /// Names of its Applications for this cluster.
    pub fn names(&self, cluster: &Cluster, go: bool) -> Option<Vec<String>> {
        if self.target.patched || self.target.name.is_empty() {
            return None;
        }
        let mut lists = Vec::new();
        self.generator.each(&mut |generator| {
            if matches!(generator.kind, Kind::List(_)) {
                lists.push(generator);
            }
        });
        let name = |pick| self.fill(&self.target.name, cluster, go, pick);
        match lists[..] {
            [] => Some(vec![name(None)?]),
            [list] => list.picks(cluster, go).map(|pick| name(Some(pick))).collect(),
            _ => None,
        }
    }

    fn fill(&self, template: &str, cluster: &Cluster, go: bool, pick: Option<usize>) -> Option<String> {
        placeholder::fill(template, go, |parameter| {
            match self.generator.lookup(cluster, parameter, go, pick) {
                Lookup::Found(value) => Some(value),
                // A missing parameter stays in the text, or becomes `<no value>`: no name.
                Lookup::Missing | Lookup::Unknown => None,
            }
        })
    }
}

impl Generator {
    /// The sources that decide whether a cluster is selected at all: of a merge the base.
    pub fn deciding<'a>(&'a self, visit: &mut impl FnMut(&'a Source)) {
        match &self.kind {
            Kind::Merge { children, .. } => children[0].deciding(visit),
            Kind::Matrix(children) => children.iter().for_each(|child| child.deciding(visit)),
            _ => {
                if let Some(Ok(source)) = self.source() {
                    visit(source);
                }
            }
        }
    }
}
