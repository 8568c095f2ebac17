//! What an ApplicationSet reads of a fleet, as a hash.
//!
//! Hashed is, for each plugin generator, which clusters it selects and of each what the set reads. Clusters that cannot
//! come through the generators around it are left out: override sets without a base set, and what filters drop.

use std::{collections::HashSet, fmt::Write as _};

use sha2::{Digest, Sha256};

use super::{
    ApplicationSet,
    doubt::Doubt,
    generator::{Generator, Kind, Source},
    membership::{Verdict, identifies},
    reads::{Keys, Reads},
};
use crate::{
    cluster::{Cluster, IN_CLUSTER_SERVER},
    fleet::Fleet,
    selector::Map,
};

pub(super) fn fingerprint(set: &ApplicationSet, config_map: &str, fleet: &Fleet) -> String {
    let in_cluster = synthetic(fleet);
    let clusters: Vec<&Cluster> = fleet
        .members()
        .iter()
        .map(|member| member.cluster())
        .chain(in_cluster.as_ref())
        .collect();
    let mut walk = Walk {
        reads: &set.reads,
        go: set.go_template,
        config_map,
        fleet,
        clusters: &clusters,
        unique_servers: None,
        hash: Sha256::new(),
        buffer: Vec::new(),
    };
    let all: Vec<usize> = (0..clusters.len()).collect();
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

/// Argo CD's entry for a hub without a Secret, if this fleet has none.
fn synthetic(fleet: &Fleet) -> Option<Cluster> {
    let secret = |cluster: &Cluster| cluster.server == IN_CLUSTER_SERVER;
    let missing = !fleet.members().iter().any(|member| secret(member.cluster()));
    missing.then(|| Cluster {
        name: "in-cluster".to_owned(),
        server: IN_CLUSTER_SERVER.to_owned(),
        ..Cluster::default()
    })
}

struct Walk<'a> {
    reads: &'a Reads,
    go: bool,
    config_map: &'a str,
    fleet: &'a Fleet,
    clusters: &'a [&'a Cluster],
    unique_servers: Option<bool>,
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

    /// Whether the sets of one cluster are merged with sets of that cluster only, so that the base decides for all.
    fn merges_clusters(&mut self, keys: &[String], children: &[Generator]) -> bool {
        // Two clusters with one server make Argo CD refuse the whole set, wherever in the merge they are.
        let key = if keys.iter().any(|key| key == "name") {
            "name"
        } else if keys.iter().any(|key| key == "server") && self.servers_are_unique() {
            "server"
        } else {
            return false;
        };
        by_cluster(&children[0], key)
            && children
                .iter()
                .filter(|child| child.uses_plugin(self.config_map))
                .all(|child| by_cluster(child, key))
    }

    fn servers_are_unique(&mut self) -> bool {
        let clusters = self.clusters;
        *self.unique_servers.get_or_insert_with(|| {
            let mut seen = HashSet::with_capacity(clusters.len());
            clusters.iter().all(|cluster| seen.insert(&cluster.server))
        })
    }

    fn plugin(&mut self, source: &Result<Source, Doubt>, selected: &[usize]) {
        self.hash.update(b"generator");
        match source {
            Ok(source) => {
                for at in selected {
                    self.cluster(source, self.clusters[*at]);
                }
            }
            Err(Doubt::Templated) => self.whole_fleet(),
            // The question is refused, whatever the fleet is.
            Err(_) => {}
        }
    }

    fn whole_fleet(&mut self) {
        for member in self.fleet.members() {
            if !member.cluster().is_draining() {
                self.hash.update(member.json().as_bytes());
                self.hash.update(b"\n");
            }
        }
    }

    fn cluster(&mut self, source: &Source, cluster: &Cluster) {
        let reads = self.reads;
        let mut out = std::mem::take(&mut self.buffer);
        out.clear();
        put(&mut out, Some(&cluster.name));
        out.push(u8::from(cluster.is_synthetic()));
        if reads.server {
            put(&mut out, source.gives("server").then_some(&cluster.server));
        }
        if reads.project {
            put(&mut out, source.gives("project").then_some(&cluster.project));
        }
        for (name, read, map) in [
            ("labels", &reads.labels, &cluster.labels),
            ("annotations", &reads.annotations, &cluster.annotations),
        ] {
            self.map(&mut out, source, name, read, map);
        }
        self.hash
            .update(u64::try_from(out.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.hash.update(&out);
        self.buffer = out;
    }

    fn map(&self, out: &mut Vec<u8>, source: &Source, name: &str, read: &Keys, map: &Map) {
        match read {
            Keys::All => {
                for (key, value) in map.iter().filter(|(key, _)| source.gives_key(name, key)) {
                    put(out, Some(key));
                    put(out, Some(value));
                }
                out.push(b'.');
            }
            Keys::Some(read) => {
                // Indexing a map that is not there is an error in goTemplate; indexing an empty one is not.
                if !read.is_empty() {
                    out.push(u8::from(map.is_empty()));
                }
                for key in read.iter().filter(|key| source.gives_key(name, key)) {
                    put(out, map.get(key));
                }
                // A Go template that looks into a map that is not there at all fails.
                if self.go && !read.is_empty() {
                    out.push(u8::from(map.keys().any(|key| source.gives_key(name, key))));
                }
            }
        }
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
