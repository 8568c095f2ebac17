//! What is counted. The registry is a value: two services in one process do not meet.

use std::{
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use bridge_kube::watch::{FleetView, Restarts, State};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

/// From 100 µs for a small fleet to the 10 s that a body may take.
const LATENCIES: [f64; 12] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0,
];

/// The status codes that a caller with a token may get, and so be counted by name.
const CODES: [StatusCode; 3] = [
    StatusCode::OK,
    StatusCode::BAD_REQUEST,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// The counters of one service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    start: Instant,
    requests: Family<RequestLabels, Counter>,
    latency: Histogram,
    clusters: Gauge,
    draining: Gauge,
    clashes: Gauge,
    synced: Gauge,
    age: Gauge<f64, AtomicU64>,
    restarts: Family<WatchLabels, Gauge>,
    pushes: Family<PushLabels, Counter>,
    waiting: Gauge,
    /// Times the token file went bad.
    pub token_failures: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    code: u16,
    applicationset: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchLabels {
    watch: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PushLabels {
    outcome: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("bridge_generator"),
            start: Instant::now(),
            requests: Family::default(),
            latency: Histogram::new(LATENCIES),
            clusters: Gauge::default(),
            draining: Gauge::default(),
            clashes: Gauge::default(),
            synced: Gauge::default(),
            age: Gauge::default(),
            restarts: Family::default(),
            pushes: Family::default(),
            waiting: Gauge::default(),
            token_failures: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        let registry = &mut self.registry;
        registry.register("build", "Build of the service", build);
        registry.register(
            "requests",
            "Requests by status code and ApplicationSet (other: one that does not exist, or no token)",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Time to answer a request",
            Unit::Seconds,
            self.latency.clone(),
        );
        registry.register("clusters", "Clusters in the fleet", self.clusters.clone());
        registry.register(
            "clusters_draining",
            "Clusters that are being drained and left out of answers",
            self.draining.clone(),
        );
        registry.register(
            "name_clashes",
            "Names that several cluster Secrets share",
            self.clashes.clone(),
        );
        registry.register(
            "synced",
            "1 once a complete, non-empty fleet is known",
            self.synced.clone(),
        );
        registry.register_with_unit(
            "view_age",
            "Time since the hub last showed that it lives, or since the start",
            Unit::Seconds,
            self.age.clone(),
        );
        registry.register(
            "watch_restarts",
            "Watches begun anew because something failed",
            self.restarts.clone(),
        );
        registry.register(
            "pushes",
            "Refreshes of ApplicationSets by outcome",
            self.pushes.clone(),
        );
        registry.register(
            "pushes_waiting",
            "ApplicationSets that have not taken a change yet",
            self.waiting.clone(),
        );
        registry.register(
            "token_reload_failures",
            "Times the token file became empty or unreadable",
            self.token_failures.clone(),
        );
    }

    /// Counts a request.
    pub fn request(&self, code: StatusCode, applicationset: &str, took: Duration) {
        let labels = RequestLabels {
            code: code.as_u16(),
            applicationset: applicationset.to_owned(),
        };
        self.requests.get_or_create(&labels).inc();
        self.latency.observe(took.as_secs_f64());
    }

    /// An ApplicationSet is gone, and with it what was counted of it: names would pile up where they are made for each
    /// pull request.
    pub fn forget(&self, applicationset: &str) {
        for code in CODES {
            self.requests.remove(&RequestLabels {
                code: code.as_u16(),
                applicationset: applicationset.to_owned(),
            });
        }
    }

    /// Counts a push.
    pub fn push(&self, outcome: &'static str) {
        self.pushes.get_or_create(&PushLabels { outcome }).inc();
    }

    /// How many ApplicationSets have not taken a change yet.
    pub fn waiting(&self, sets: usize) {
        self.waiting.set(i64::try_from(sets).unwrap_or(i64::MAX));
    }

    /// The text of `/metrics`.
    pub fn text(
        &self,
        view: &FleetView,
        restarts: &[(&'static str, Restarts)],
    ) -> Result<String, std::fmt::Error> {
        self.look_at(view);
        for (watch, restarts) in restarts {
            let count = i64::try_from(restarts.count()).unwrap_or(i64::MAX);
            self.restarts.get_or_create(&WatchLabels { watch }).set(count);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn look_at(&self, view: &FleetView) {
        let age = view.age().unwrap_or_else(|| self.start.elapsed());
        self.age.set(age.as_secs_f64());
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let (clusters, draining, clashes, synced) = match view.state() {
            State::Ready(fleet) => {
                let draining = fleet
                    .members()
                    .iter()
                    .filter(|member| member.cluster().is_draining());
                (fleet.members().len(), draining.count(), fleet.clashes().len(), 1)
            }
            State::Syncing | State::Empty => (0, 0, 0, 0),
        };
        self.clusters.set(count(clusters));
        self.draining.set(count(draining));
        self.clashes.set(count(clashes));
        self.synced.set(synced);
    }
}
