//! Tells Argo CD to ask again. It does not by itself when a cluster Secret changes: only polling would.
//!
//! For each ApplicationSet that uses this service, a fingerprint of all that it reads of the fleet is kept. When a new
//! fleet changes it, the refresh annotation is written with a value never used before: `<fingerprint>.<attempt>`. The
//! patch carries the resource version, so that of several replicas one gets through, and the others see that it did.
//!
//! `plan` decides, without any I/O; `patch` writes; this module lets the two and the watches meet.

mod bucket;
mod mark;
mod patch;
mod plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use bridge_core::fleet::Fleet;
use bridge_kube::watch::{FleetView, SeenSet, SetEvent, State};
use kube::Client;
use tokio::{
    sync::mpsc,
    task::{JoinSet, spawn_blocking},
};
use tracing::{error, info, warn};

use crate::{answered::Answered, metrics::Metrics, service::Service};
use plan::{Outcome, Plan};

/// Patches in flight at one time.
const IN_FLIGHT: usize = 8;
/// How long to sleep at most: that a view is old, or fresh again, is told by nobody.
const LOOK: Duration = Duration::from_secs(5);
/// How long ago an answer may have been the one to what is seen only now.
const RECENT: Duration = Duration::from_secs(10);

/// An ApplicationSet by namespace and name.
pub(crate) type Key = (String, String);

/// What is needed to push.
pub(crate) struct Pusher {
    client: Client,
    config_map: String,
    view: FleetView,
    metrics: Arc<Metrics>,
    answered: Arc<Answered>,
    enabled: bool,
    max_staleness: Duration,
    fleet: Option<Arc<Fleet>>,
    /// Whether a question would be answered, when last looked.
    answers: bool,
    sets: BTreeMap<Key, SeenSet>,
    plan: Plan,
    in_flight: JoinSet<(Key, Outcome)>,
    /// A refusal is said once, not with every try.
    refused: bool,
}

impl Pusher {
    /// A pusher for the ApplicationSets that name this ConfigMap. Not `enabled`, it only keeps the list of those that
    /// exist.
    pub(crate) fn new(client: Client, config_map: String, service: &Service, enabled: bool) -> Self {
        Self {
            client,
            config_map,
            view: service.view.clone(),
            metrics: Arc::clone(&service.metrics),
            answered: Arc::clone(&service.answered),
            enabled,
            max_staleness: service.max_staleness,
            fleet: None,
            answers: false,
            sets: BTreeMap::new(),
            plan: Plan::default(),
            in_flight: JoinSet::new(),
            refused: false,
        }
    }

    /// Pushes until there are no more events.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<SetEvent>) {
        if let State::Ready(fleet) = self.view.state() {
            self.new_fleet(Some(fleet)).await;
        }
        loop {
            let idle = !self.enabled || self.in_flight.len() >= IN_FLIGHT;
            let wake = if idle {
                None
            } else {
                self.plan.wake(Instant::now())
            };
            let wake = wake.map_or(LOOK, |wake| wake.min(LOOK));
            tokio::select! {
                // In this order: an ApplicationSet that asked before the fleet changed is to be known by then.
                biased;
                Some(sent) = self.in_flight.join_next() => self.sent(sent),
                event = events.recv() => match event {
                    Some(event) => self.event(event).await,
                    None => return,
                },
                state = self.view.changed() => match state {
                    Some(State::Ready(fleet)) => self.new_fleet(Some(fleet)).await,
                    Some(State::Syncing | State::Empty) => self.new_fleet(None).await,
                    None => return,
                },
                () = tokio::time::sleep(wake) => {}
            }
            if self.enabled {
                self.revive();
                self.push();
            }
        }
    }

    async fn new_fleet(&mut self, fleet: Option<Arc<Fleet>>) {
        self.fleet = fleet;
        let all = self
            .sets
            .iter()
            .map(|(key, seen)| (key.clone(), seen.clone()))
            .collect();
        let fingerprints = self.fingerprints(all).await;
        let now = Instant::now();
        for (key, fingerprint) in fingerprints {
            let answered = self.answered_before(&key.1);
            self.plan.aim(&key, fingerprint, now, answered);
        }
    }

    /// Looks whether there is an answer after there was none.
    fn revive(&mut self) {
        let answers = self.fleet.is_some() && self.view.fleet(self.max_staleness).is_ok();
        if answers && !self.answers {
            self.plan.revive(Instant::now());
        }
        self.answers = answers;
    }

    async fn event(&mut self, event: SetEvent) {
        match event {
            SetEvent::Changed(seen) => self.changed(vec![seen]).await,
            SetEvent::Gone { namespace, name } => self.forget(&(namespace, name)),
            SetEvent::Listed { namespace, sets } => {
                let listed: BTreeSet<Key> = sets.iter().map(key).collect();
                let in_scope = |key: &Key| namespace.as_ref().is_none_or(|namespace| *namespace == key.0);
                let gone: Vec<Key> = self
                    .sets
                    .keys()
                    .filter(|key| in_scope(key) && !listed.contains(key))
                    .cloned()
                    .collect();
                for key in &gone {
                    self.forget(key);
                }
                self.changed(sets).await;
            }
        }
        let names = self.sets.keys().map(|(_, name)| name.clone()).collect();
        for gone in self.answered.exist(names) {
            self.metrics.forget(&gone);
        }
        self.metrics.waiting(self.plan.waiting());
    }

    async fn changed(&mut self, seen: Vec<SeenSet>) {
        let mut respecified = Vec::new();
        let mut ours = Vec::new();
        for seen in seen {
            let key = key(&seen);
            if !seen.set.uses_plugin(&self.config_map) {
                self.forget(&key);
                continue;
            }
            let before = self.sets.insert(key.clone(), seen.clone());
            let same_spec = before
                .is_some_and(|before| before.generation == seen.generation && before.set.uid == seen.set.uid);
            if !same_spec || seen.generation.is_none() {
                respecified.push((key.clone(), seen.clone()));
            }
            ours.push((key, seen));
        }
        let fingerprints: BTreeMap<Key, String> = self.fingerprints(respecified).await.into_iter().collect();
        let now = Instant::now();
        for (key, seen) in ours {
            let fingerprint = fingerprints.get(&key).cloned();
            let before = self.answered_before(&key.1).filter(|at| now < *at + RECENT);
            let overtaken = fingerprint.is_some() && before.is_some();
            self.plan.seen(&key, seen.set, fingerprint, now);
            if overtaken {
                self.plan.overtaken(&key, now);
            }
        }
    }

    /// When it was last answered, if not from the newest fleet.
    fn answered_before(&self, name: &str) -> Option<Instant> {
        self.answered.before(name, self.fleet.as_ref()?)
    }

    fn forget(&mut self, key: &Key) {
        self.sets.remove(key);
        self.plan.forget(key);
    }

    /// Fingerprints on the newest fleet; none without a fleet. Off the threads that answer: with many clusters this takes
    /// a while.
    async fn fingerprints(&self, sets: Vec<(Key, SeenSet)>) -> Vec<(Key, String)> {
        let (Some(fleet), true) = (self.fleet.clone(), self.enabled && !sets.is_empty()) else {
            return Vec::new();
        };
        let config_map = self.config_map.clone();
        let work = spawn_blocking(move || {
            sets.into_iter()
                .map(|(key, seen)| (key, seen.set.fingerprint(&config_map, &fleet)))
                .collect()
        });
        work.await.unwrap_or_else(|error| {
            error!(%error, "cannot tell what ApplicationSets read; they see changes when they next poll");
            Vec::new()
        })
    }

    fn push(&mut self) {
        let room = IN_FLIGHT.saturating_sub(self.in_flight.len());
        for push in self.plan.due(Instant::now(), room) {
            let client = self.client.clone();
            self.in_flight.spawn(async move {
                let outcome = patch::refresh(&client, &push).await;
                if matches!(outcome, Outcome::Written) {
                    let (namespace, applicationset) = &push.key;
                    info!(namespace, applicationset, mark = %push.mark, "refreshed");
                }
                (push.key, outcome)
            });
        }
        self.metrics.waiting(self.plan.waiting());
    }

    fn sent(&mut self, sent: Result<(Key, Outcome), tokio::task::JoinError>) {
        let (key, outcome) = match sent {
            Ok(sent) => sent,
            Err(error) => {
                error!(%error, "a push broke");
                return;
            }
        };
        self.metrics.push(outcome.label());
        let applicationset = &key.1;
        match &outcome {
            Outcome::Written => self.refused = false,
            Outcome::Refused(why) if !self.refused => {
                self.refused = true;
                warn!(
                    namespace = key.0,
                    applicationset,
                    why,
                    "not allowed to refresh ApplicationSets; trying again slowly (grant patch on applicationsets, or start with --no-push)"
                );
            }
            Outcome::Failed(why) => warn!(
                namespace = key.0,
                applicationset, why, "cannot refresh, trying again"
            ),
            Outcome::Refused(_) | Outcome::Conflict | Outcome::Gone => {}
        }
        self.plan.sent(&key, &outcome, Instant::now());
    }
}

fn key(seen: &SeenSet) -> Key {
    (seen.set.namespace.clone(), seen.set.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_core::{applicationset::ApplicationSet, cluster::Cluster, fleet::Member};
    use serde_json::json;

    fn fleet(environment: &str) -> State {
        let cluster = Cluster {
            secret_name: "dev".to_owned(),
            name: "dev".to_owned(),
            labels: [("environment".to_owned(), environment.to_owned())].into(),
            ..Cluster::default()
        };
        State::Ready(Arc::new(Fleet::new([Arc::new(Member::new(cluster))]).unwrap()))
    }

    fn seen(uid: &str, environment: &str, error: Option<&str>) -> SeenSet {
        let input =
            json!({"generate": "clusters", "selector": {"matchLabels": {"environment": environment}}});
        let plugin = json!({"configMapRef": {"name": "bridge-generator"}, "input": {"parameters": input}});
        let error = error
            .map(|error| json!({"type": "ErrorOccurred", "status": "True", "reason": "x", "message": error}));
        let set = json!({
            "metadata": {"namespace": "argocd", "name": "addons", "uid": uid, "generation": 1},
            "spec": {"generators": [{"plugin": plugin}], "template": {"metadata": {"name": "{{name}}"}}},
            "status": {"conditions": error.into_iter().collect::<Vec<_>>()},
        });
        SeenSet {
            set: Arc::new(ApplicationSet::from_json(&set).unwrap()),
            generation: Some(1),
        }
    }

    fn pusher() -> Pusher {
        let hub = tower::service_fn(async |_: http::Request<kube::client::Body>| {
            Err::<http::Response<kube::client::Body>, _>(std::io::Error::other("no hub here"))
        });
        let view = FleetView::fixed(fleet("dev"));
        let tokens = Arc::new(crate::tokens::Tokens::single("right"));
        let service = Service::new(view, tokens, Duration::from_mins(1));
        Pusher::new(
            Client::new(hub, "argocd"),
            "bridge-generator".to_owned(),
            &service,
            true,
        )
    }

    async fn takes(pusher: &mut Pusher, state: State) {
        let State::Ready(fleet) = state else { return };
        pusher.new_fleet(Some(fleet)).await;
    }

    fn answers(pusher: &Pusher) {
        let fleet = pusher.fleet.clone().ok_or(());
        pusher.answered.note("addons", || fleet).unwrap();
    }

    #[tokio::test]
    async fn a_set_that_asked_before_it_was_known_is_told_of_the_fleet_that_came_in_between() {
        for (asked_before, pushes) in [(true, 1), (false, 0)] {
            let mut pusher = pusher();
            takes(&mut pusher, fleet("dev")).await;
            if asked_before {
                answers(&pusher);
            }
            takes(&mut pusher, fleet("prod")).await;
            if !asked_before {
                answers(&pusher);
            }
            pusher.event(SetEvent::Changed(seen("1", "dev", None))).await;
            assert_eq!(pusher.plan.due(Instant::now(), 10).len(), pushes);
        }
    }

    #[tokio::test]
    async fn a_set_made_anew_while_nobody_looked_is_another_one() {
        let mut pusher = pusher();
        takes(&mut pusher, fleet("dev")).await;
        pusher.event(SetEvent::Changed(seen("1", "staging", None))).await;
        pusher
            .event(SetEvent::Listed {
                namespace: None,
                sets: vec![seen("2", "dev", None)],
            })
            .await;
        // It selects no cluster before and after this; the one before it did.
        takes(&mut pusher, fleet("dev")).await;
        assert_eq!(pusher.plan.due(Instant::now(), 10), []);
        takes(&mut pusher, fleet("prod")).await;
        assert_eq!(pusher.plan.due(Instant::now(), 10).len(), 1);
    }

    #[tokio::test]
    async fn whoever_was_refused_is_woken_when_there_are_answers_again() {
        let mut pusher = pusher();
        takes(&mut pusher, fleet("dev")).await;
        let refused = "error get api 'x': API error with status code 503: the fleet is stale";
        pusher.answers = true;
        pusher.event(SetEvent::Changed(seen("1", "dev", None))).await;
        pusher
            .event(SetEvent::Changed(seen("1", "dev", Some(refused))))
            .await;
        pusher.revive();
        assert_eq!(pusher.plan.due(Instant::now(), 10), []);
        // The same fleet, but too old for a while.
        pusher.answers = false;
        pusher.revive();
        assert_eq!(pusher.plan.due(Instant::now(), 10).len(), 1);
    }
}
