//! What an ApplicationSet reads of a fleet, as a hash.
//!
//! Hashed is, for each plugin generator, which clusters it selects and of each what the set reads. Clusters that cannot
//! come through the generators around it are left out: override sets without a base set, and what filters drop.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{
    ApplicationSet,
    doubt::Doubt,
    generator::{Generator, Kind, Source},
    membership::{Verdict, identifies},
    reads::Reads,
};
use crate::{
    cluster::Cluster,
    fleet::{Fleet, Member},
    request::Keys,
    selector::Map,
};

pub(super) fn fingerprint(set: &ApplicationSet, config_map: &str, fleet: &Fleet) -> String {
    let clusters: Vec<&Cluster> = fleet
        .members()
        .iter()
        .map(AsRef::as_ref)
        .chain(fleet.in_cluster())
        .map(Member::cluster)
        .collect();
    let mut walk = Walk {
        reads: &set.reads,
        go: set.go_template,
        config_map,
        fleet,
        told: vec![false; clusters.len()],
        clusters: &clusters,
        hash: Sha256::new(),
        buffer: Vec::new(),
    };
    let all = walk.everyone();
    for generator in set.generators() {
        walk.generator(generator, &all);
    }
    walk.hash
        .finalize()
        .iter()
        .take(8)
        .fold(String::with_capacity(16), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

struct Walk<'a> {
    reads: &'a Reads,
    go: bool,
    config_map: &'a str,
    fleet: &'a Fleet,
    clusters: &'a [&'a Cluster],
    /// Clusters whose values are in the hash already.
    told: Vec<bool>,
    hash: Sha256,
    buffer: Vec<u8>,
}

impl Walk<'_> {
    /// Hashes the plugin generators here and below; `scope` is the clusters whose parameters can still come out.
    fn generator(&mut self, generator: &Generator, scope: &[usize]) {
        if !generator.uses_plugin(self.config_map) {
            return;
        }
        let selected: Vec<usize> = scope
            .iter()
            .copied()
            .filter(|at| generator.verdict(self.clusters[*at], self.go) != Verdict::No)
            .collect();
        match &generator.kind {
            Kind::Plugin { source, .. } => self.plugin(source, &selected),
            Kind::Merge { keys, children } => {
                let scope = if self.merges_clusters(keys, children) {
                    selected
                } else {
                    self.everyone()
                };
                for child in children {
                    self.generator(child, &scope);
                }
            }
            Kind::Matrix(children) => {
                let pairs = children.iter().filter(|child| child.reads_fleet()).count() > 1;
                let scope = if pairs { self.everyone() } else { selected };
                for child in children {
                    self.generator(child, &scope);
                }
            }
            Kind::Clusters(_) | Kind::List(_) | Kind::Other(_) | Kind::Invalid(_) => {}
        }
    }

    fn everyone(&self) -> Vec<usize> {
        (0..self.clusters.len()).collect()
    }

    /// Whether the sets of one cluster are merged with sets of that cluster only, so that the base decides for all. Where
    /// two clusters have the same key, Argo CD refuses the whole set, wherever in the merge they are.
    fn merges_clusters(&self, keys: &[String], children: &[Generator]) -> bool {
        let unique = |key: &&String| self.fleet.tells_apart(key);
        keys.iter().find(unique).is_some_and(|key| {
            by_cluster(&children[0], key)
                && children
                    .iter()
                    .filter(|child| child.uses_plugin(self.config_map))
                    .all(|child| by_cluster(child, key))
        })
    }

    fn plugin(&mut self, source: &Result<Source, Doubt>, selected: &[usize]) {
        self.hash.update(b"generator");
        match source {
            Ok(source) => {
                let read = Read::of(self.reads, source);
                for at in selected {
                    self.cluster(source, &read, *at);
                }
            }
            Err(Doubt::Templated) => self.whole_fleet(),
            // The question is refused, whatever the fleet is.
            Err(_) => {}
        }
    }

    fn whole_fleet(&mut self) {
        let members = self.fleet.members().iter().map(AsRef::as_ref);
        for member in members.chain(self.fleet.in_cluster()) {
            if !member.cluster().is_draining() {
                self.hash.update(member.json().as_bytes());
                self.hash.update(b"\n");
            }
        }
    }

    fn cluster(&mut self, source: &Source, read: &Read<'_>, at: usize) {
        let cluster = self.clusters[at];
        let out = &mut self.buffer;
        out.clear();
        put(out, Some(&cluster.name));
        out.push(u8::from(cluster.is_synthetic()));
        // Generators that give all of a cluster give the same: once is enough.
        let again = source.fields.is_none() && std::mem::replace(&mut self.told[at], true);
        if !again {
            put(out, read.server.then_some(&cluster.server));
            put(out, read.project.then_some(&cluster.project));
            read.labels.put(&cluster.labels, self.go, out);
            read.annotations.put(&cluster.annotations, self.go, out);
        }
        self.hash
            .update(u64::try_from(out.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.hash.update(out);
    }
}

/// What is read of each cluster of one generator, as far as that gives it.
struct Read<'a> {
    server: bool,
    project: bool,
    labels: ReadMap<'a>,
    annotations: ReadMap<'a>,
}

/// What is read of a map.
struct ReadMap<'a> {
    name: &'static str,
    source: &'a Source,
    /// `None` for all of it.
    keys: Option<Vec<&'a str>>,
    /// Not even whether it is there.
    nothing: bool,
}

impl<'a> Read<'a> {
    fn of(reads: &'a Reads, source: &'a Source) -> Self {
        let map = |name: &'static str, keys: &'a Keys| ReadMap {
            name,
            source,
            keys: match keys {
                Keys::All => None,
                Keys::Some(keys) => {
                    let keys = keys.iter().map(String::as_str);
                    Some(keys.filter(|key| source.gives_key(name, key)).collect())
                }
            },
            nothing: keys.is_empty(),
        };
        Self {
            server: reads.server && source.gives("server"),
            project: reads.project && source.gives("project"),
            labels: map("labels", &reads.labels),
            annotations: map("annotations", &reads.annotations),
        }
    }
}

impl ReadMap<'_> {
    fn put(&self, map: &Map, go: bool, out: &mut Vec<u8>) {
        if self.nothing {
            return;
        }
        if go {
            // A goTemplate that looks into a map that is not there fails; an empty one may be looked into.
            out.push(u8::from(map.is_empty()));
        }
        if let Some(keys) = &self.keys {
            for key in keys {
                put(out, map.get(*key));
            }
            return;
        }
        let given = |(key, _): &(&String, &String)| self.source.gives_key(self.name, key);
        for (key, value) in map.iter().filter(given) {
            put(out, Some(key));
            put(out, Some(value));
        }
        out.push(b'.');
    }
}

/// Whether each parameter set is that of one cluster, and tells which by this key.
fn by_cluster(generator: &Generator, key: &str) -> bool {
    match &generator.kind {
        Kind::Clusters(Ok(source))
        | Kind::Plugin {
            source: Ok(source), ..
        } => !source.flat_list && source.gives(key),
        Kind::Merge { keys, children } => identifies(keys) && by_cluster(&children[0], key),
        _ => false,
    }
}

/// A string with its length before it, or the mark of a missing one.
fn put(out: &mut Vec<u8>, text: Option<&String>) {
    match text {
        Some(text) => {
            out.push(1);
            out.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        None => out.push(0),
    }
}
