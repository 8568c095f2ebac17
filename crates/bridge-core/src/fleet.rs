//! The fleet: all clusters of a hub at one moment, complete.

use std::{collections::HashSet, sync::Arc};

use crate::{
    cluster::{Cluster, IN_CLUSTER_SERVER},
    parameters,
    selector::Selector,
};

/// All clusters of a hub at one moment. Exists only with at least one cluster Secret in it: an empty answer with a 2xx
/// deletes every Application of an ApplicationSet, so no fleet means no answer.
#[derive(Debug, Clone)]
pub struct Fleet {
    members: Vec<Arc<Member>>,
    clashes: Vec<Clash>,
    /// Argo CD's own entry for the hub: only if no Secret has that very server.
    in_cluster: Option<Arc<Member>>,
    servers_are_unique: bool,
}

/// A cluster with its parameters, rendered once.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    cluster: Cluster,
    json: String,
}

/// Several Secrets with one `data.name`. Argo CD's cluster generator keeps a random one of them; the fleet the first by
/// name of the Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The name they share.
    pub name: String,
    /// Secret that is served.
    pub served: String,
    /// Secrets that are left out.
    pub left_out: Vec<String>,
}

/// No cluster Secret at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no cluster Secret in the Argo CD namespace")]
pub struct EmptyFleet;

impl Member {
    /// Renders the parameters of a cluster.
    pub fn new(cluster: Cluster) -> Self {
        let json = parameters::render(&cluster);
        Self { cluster, json }
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Its full parameter set, a JSON object.
    pub fn json(&self) -> &str {
        &self.json
    }
}

impl Fleet {
    /// A fleet of a complete list of clusters, in any order.
    pub fn new(clusters: impl IntoIterator<Item = Arc<Member>>) -> Result<Self, EmptyFleet> {
        let mut members: Vec<Arc<Member>> = clusters.into_iter().collect();
        if members.is_empty() {
            return Err(EmptyFleet);
        }
        members.sort_by(|a, b| key(a).cmp(&key(b)));
        let clashes = clashes(&members);
        members.dedup_by(|later, earlier| later.cluster.name == earlier.cluster.name);
        let servers: HashSet<&str> = members.iter().map(|member| &*member.cluster.server).collect();
        let servers_are_unique = servers.len() == members.len();
        let in_cluster =
            (!servers.contains(IN_CLUSTER_SERVER)).then(|| Arc::new(Member::new(Cluster::synthetic())));
        Ok(Self {
            members,
            clashes,
            in_cluster,
            servers_are_unique,
        })
    }

    /// The clusters, sorted by name, names unique; those being drained included.
    pub fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// The clusters that an answer may hold: selected, and not being drained.
    pub fn select<'a>(&'a self, selector: &'a Selector) -> impl Iterator<Item = &'a Member> {
        self.members
            .iter()
            .map(AsRef::as_ref)
            .filter(|member| !member.cluster.is_draining() && selector.matches(&member.cluster.labels))
    }

    /// Argo CD's own entry for a hub that no Secret has the very server of (`applicationset/generators/cluster.go`). A hub
    /// that is being drained has its Secret. Only a selector without any condition selects it.
    pub(crate) fn in_cluster(&self) -> Option<&Member> {
        self.in_cluster.as_deref()
    }

    /// Whether no two of the clusters that can be served have the same `name`, or `server`.
    pub(crate) fn tells_apart(&self, by: &str) -> bool {
        match by {
            "server" => self.servers_are_unique,
            "name" => self.in_cluster.as_ref().is_none_or(|entry| {
                let name = &entry.cluster.name;
                self.members
                    .binary_search_by(|member| member.cluster.name.cmp(name))
                    .is_err()
            }),
            _ => false,
        }
    }

    /// Names that several Secrets share.
    pub fn clashes(&self) -> &[Clash] {
        &self.clashes
    }
}

fn key(member: &Member) -> (&str, &str) {
    (&member.cluster.name, &member.cluster.secret_name)
}

fn clashes(sorted: &[Arc<Member>]) -> Vec<Clash> {
    sorted
        .chunk_by(|a, b| a.cluster.name == b.cluster.name)
        .filter(|same| same.len() > 1)
        .map(|same| Clash {
            name: same[0].cluster.name.clone(),
            served: same[0].cluster.secret_name.clone(),
            left_out: same[1..]
                .iter()
                .map(|member| member.cluster.secret_name.clone())
                .collect(),
        })
        .collect()
}
