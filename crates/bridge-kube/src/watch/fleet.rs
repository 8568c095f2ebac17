//! Follows the cluster Secrets of a live hub.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bridge_core::{
    cluster::Cluster,
    fleet::{Clash, Fleet, Member},
    keys,
};
use kube::Client;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use super::{
    collection::{Change, Collection, Pace, Restarts},
    slim::SlimSecret,
    view::{FleetSource, FleetView, State},
};

/// How long changes are gathered into one new fleet, counted from the first: a burst costs one fleet, and a single
/// change is not kept waiting.
const GATHER: Duration = Duration::from_millis(10);
/// Changes that wait between the connection and the fleet.
const QUEUE: usize = 1024;

/// Follows the cluster Secrets in the namespace of Argo CD.
pub fn follow_fleet(
    client: Client,
    namespace: &str,
    pace: Pace,
) -> (FleetView, Restarts, impl Future<Output = ()> + Send + use<>) {
    let (source, view) = FleetView::new();
    let restarts = Restarts::default();
    let collection = Collection {
        client,
        path: format!("/api/v1/namespaces/{namespace}/secrets"),
        label_selector: Some(keys::CLUSTER_SECRETS),
        what: "cluster Secrets",
        pace,
        restarts: restarts.clone(),
    };
    let (sender, receiver) = mpsc::channel(QUEUE);
    let work = async move {
        tokio::join!(collection.follow::<SlimSecret>(sender), gather(receiver, source));
    };
    (view, restarts, work)
}

/// Turns changes into fleets until there are no more changes.
async fn gather(mut changes: mpsc::Receiver<Change<SlimSecret>>, source: FleetSource) {
    let mut builder = Builder::new(source);
    while let Some(change) = changes.recv().await {
        let mut dirty = builder.take(change);
        let until = Instant::now() + GATHER;
        while dirty {
            tokio::select! {
                change = changes.recv() => match change {
                    Some(change) => { builder.take(change); }
                    None => break,
                },
                () = sleep_until(until) => dirty = false,
            }
        }
        builder.publish();
        if builder.is_closed() {
            return;
        }
    }
}

/// The members as they are now, and the fleet as it was published.
pub(super) struct Builder {
    source: FleetSource,
    members: BTreeMap<String, Arc<Member>>,
    /// Set once the first complete list has been seen.
    synced: bool,
    dirty: bool,
    clashes: Vec<Clash>,
}

impl Builder {
    pub(super) fn new(source: FleetSource) -> Self {
        Self {
            source,
            members: BTreeMap::new(),
            synced: false,
            dirty: false,
            clashes: Vec::new(),
        }
    }

    /// Nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.source.is_closed()
    }

    /// Takes a change in; says whether the fleet is another one now.
    fn take(&mut self, change: Change<SlimSecret>) -> bool {
        match change {
            Change::Reset(secrets) => self.reset(secrets.into_iter().map(SlimSecret::into_cluster)),
            Change::Set(secret) => self.set(secret.into_cluster()),
            Change::Gone(secret) => {
                self.dirty |= self.members.remove(&secret.into_cluster().secret_name).is_some();
            }
            Change::Alive => {}
        }
        self.dirty
    }

    /// The complete list.
    pub(super) fn reset(&mut self, clusters: impl Iterator<Item = Cluster>) {
        let mut before = std::mem::take(&mut self.members);
        for cluster in clusters {
            let kept = before
                .remove(&cluster.secret_name)
                .filter(|member| *member.cluster() == cluster);
            self.dirty |= kept.is_none();
            let name = cluster.secret_name.clone();
            let member = kept.unwrap_or_else(|| Arc::new(Member::new(cluster)));
            self.members.insert(name, member);
        }
        self.dirty |= !before.is_empty() || !self.synced;
        self.synced = true;
    }

    fn set(&mut self, cluster: Cluster) {
        if cluster.name.is_empty() || cluster.server.is_empty() {
            warn!(
                secret = cluster.secret_name,
                "the cluster Secret has no name or no server"
            );
        }
        let known = self.members.get(&cluster.secret_name);
        // Argo CD and others write to these Secrets without a change that anybody could see here.
        if known.is_some_and(|member| *member.cluster() == cluster) {
            return;
        }
        let name = cluster.secret_name.clone();
        self.members.insert(name, Arc::new(Member::new(cluster)));
        self.dirty = true;
    }

    /// Publishes what changed, and that the hub lives.
    pub(super) fn publish(&mut self) {
        if self.dirty && self.synced {
            self.dirty = false;
            let state = self.state();
            self.source.publish(state);
        }
        self.source.alive();
    }

    fn state(&mut self) -> State {
        let Ok(fleet) = Fleet::new(self.members.values().cloned()) else {
            warn!("no cluster Secret in the Argo CD namespace: nothing is answered until there is one");
            return State::Empty;
        };
        if fleet.clashes() != self.clashes {
            for clash in fleet.clashes() {
                warn!(
                    name = clash.name,
                    served = clash.served,
                    left_out = clash.left_out.join(","),
                    "several cluster Secrets share one name"
                );
            }
            self.clashes = fleet.clashes().to_vec();
        }
        info!(clusters = fleet.members().len(), "new fleet");
        State::Ready(Arc::new(fleet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_core::selector::Map;
    use std::time::Duration;

    fn secret(name: &str, environment: &str) -> SlimSecret {
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": name, "labels": {"environment": environment}},
            "data": {"name": "ZGV2", "server": "aHR0cHM6Ly9kZXY="},
        }))
        .unwrap()
    }

    fn names(view: &FleetView) -> Vec<(String, Option<String>)> {
        let label = |labels: &Map| labels.get("environment").cloned();
        view.fleet(Duration::from_mins(1))
            .unwrap()
            .members()
            .iter()
            .map(|member| {
                (
                    member.cluster().secret_name.clone(),
                    label(&member.cluster().labels),
                )
            })
            .collect()
    }

    #[tokio::test]
    async fn a_burst_is_one_fleet_and_members_that_stay_are_the_same() {
        let (source, mut view) = FleetView::new();
        let (sender, receiver) = mpsc::channel(100);
        let work = tokio::spawn(gather(receiver, source));
        sender
            .send(Change::Reset(vec![secret("a", "dev")]))
            .await
            .unwrap();
        assert!(matches!(view.changed().await, Some(State::Ready(_))));
        let before = view.fleet(Duration::from_mins(1)).unwrap();
        for round in 0..50 {
            sender
                .send(Change::Set(secret("a", &round.to_string())))
                .await
                .unwrap();
        }
        sender.send(Change::Set(secret("a", "dev"))).await.unwrap();
        view.changed().await.unwrap();
        assert_eq!(names(&view), [("a".to_owned(), Some("dev".to_owned()))]);
        sender
            .send(Change::Reset(vec![secret("a", "dev")]))
            .await
            .unwrap();
        sender.send(Change::Gone(secret("a", "dev"))).await.unwrap();
        assert!(matches!(view.changed().await, Some(State::Empty)));
        assert_eq!(before.members().len(), 1);
        drop(sender);
        work.await.unwrap();
    }

    #[tokio::test]
    async fn writes_that_change_nothing_make_no_fleet() {
        let (source, mut view) = FleetView::new();
        let mut builder = Builder::new(source);
        builder.take(Change::Reset(vec![secret("a", "dev")]));
        builder.publish();
        view.changed().await.unwrap();
        let first = view.fleet(Duration::from_mins(1)).unwrap();
        assert!(!builder.take(Change::Set(secret("a", "dev"))));
        builder.publish();
        let second = view.fleet(Duration::from_mins(1)).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        builder.take(Change::Reset(vec![secret("a", "dev"), secret("b", "prod")]));
        builder.publish();
        let third = view.fleet(Duration::from_mins(1)).unwrap();
        assert!(Arc::ptr_eq(&first.members()[0], &third.members()[0]));
    }
}
