//! What the parts of the service share.

use std::{
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bridge_kube::watch::{FleetView, NoFleet};

use crate::{answered::Answered, metrics::Metrics, tokens::Tokens};

/// What the parts of the service share.
#[derive(Debug)]
pub struct Service {
    /// The fleet.
    pub view: FleetView,
    /// Who may ask.
    pub tokens: Arc<Tokens>,
    /// No answer from a fleet whose last proof of life is older.
    pub max_staleness: Duration,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Which ApplicationSets are known, and when each was last answered.
    pub answered: Arc<Answered>,
    ending: AtomicBool,
    /// A reference in place of a token is said once in the log until somebody shows a token: who has none could fill it.
    unresolved: AtomicBool,
}

impl Service {
    /// A service on a view.
    pub fn new(view: FleetView, tokens: Arc<Tokens>, max_staleness: Duration) -> Self {
        Self {
            view,
            tokens,
            max_staleness,
            metrics: Arc::new(Metrics::new()),
            answered: Arc::default(),
            ending: AtomicBool::new(false),
            unresolved: AtomicBool::new(false),
        }
    }

    /// Notes whether a caller showed a token, or a reference to one; says whether that is news.
    pub(crate) fn unresolved(&self, unresolved: bool) -> bool {
        self.unresolved.swap(unresolved, Ordering::Relaxed) != unresolved
    }

    /// From now on the service is not ready, though it still answers.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Whether it is about to end.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Whether the hub is known, even if it is known to be empty: then the refusal says so, which a connection that is
    /// refused would not.
    pub fn readiness(&self) -> Result<(), &'static str> {
        if self.is_ending() {
            return Err("the service is ending");
        }
        match self.view.fleet(self.max_staleness) {
            Ok(_) | Err(NoFleet::Empty) => Ok(()),
            Err(NoFleet::Syncing) => Err("the fleet is not synced yet"),
            Err(NoFleet::Stale) => Err("the fleet is stale"),
        }
    }
}
