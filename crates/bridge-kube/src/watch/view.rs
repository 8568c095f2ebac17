//! What is known of a fleet, and how fresh that is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bridge_core::fleet::Fleet;
use tokio::sync::watch;

/// What is known of the fleet.
#[derive(Debug, Clone, Default)]
pub enum State {
    /// No complete list has been seen yet.
    #[default]
    Syncing,
    /// A complete list held no cluster Secret. Whatever was there before is served no more: an answer from it would be
    /// a guess.
    Empty,
    /// A complete fleet.
    Ready(Arc<Fleet>),
}

/// Why there is no fleet to answer from. The texts are constant: they end up in the status of ApplicationSets, where
/// each new text is a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoFleet {
    /// No complete list yet.
    #[error("the fleet is not synced yet")]
    Syncing,
    /// No cluster Secret at all.
    #[error("the fleet is empty: no cluster Secret in the Argo CD namespace")]
    Empty,
    /// The last proof of life is too old.
    #[error("the fleet is stale: the hub has shown no sign of life for too long")]
    Stale,
}

/// The reading half: cheap to clone, never blocks.
#[derive(Debug, Clone)]
pub struct FleetView {
    states: watch::Receiver<State>,
    life: Arc<Life>,
}

/// The writing half. There is one.
#[derive(Debug)]
pub(super) struct FleetSource {
    states: watch::Sender<State>,
    life: Arc<Life>,
}

/// When the hub last showed that it lives, on two clocks, in milliseconds. One stands still while the machine sleeps,
/// the other may be set back: the older age counts. One that is set forward costs answers until the next proof.
#[derive(Debug)]
struct Life {
    start: Instant,
    /// Since `start`, plus one; zero is never.
    last: AtomicU64,
    /// Since 1970.
    wall: AtomicU64,
}

impl FleetView {
    pub(super) fn new() -> (FleetSource, Self) {
        let (sender, receiver) = watch::channel(State::Syncing);
        let life = Arc::new(Life {
            start: Instant::now(),
            last: AtomicU64::new(0),
            wall: AtomicU64::new(0),
        });
        let source = FleetSource {
            states: sender,
            life: Arc::clone(&life),
        };
        (
            source,
            Self {
                states: receiver,
                life,
            },
        )
    }

    /// A view of a fleet that never changes and never ages, for tests of what is built on a view.
    pub fn fixed(state: State) -> Self {
        let (source, view) = Self::new();
        source.publish(state);
        view.life.wall.store(u64::MAX, Ordering::Release);
        view.life.last.store(u64::MAX, Ordering::Release);
        view
    }

    /// What is known, however old.
    pub fn state(&self) -> State {
        self.states.borrow().clone()
    }

    /// Time since the last proof of life: a list, an event, a folder that could be read.
    pub fn age(&self) -> Option<Duration> {
        let last = self.life.last.load(Ordering::Acquire).checked_sub(1)?;
        let wall = self.life.wall.load(Ordering::Acquire);
        let age = self
            .life
            .now()
            .saturating_sub(last)
            .max(wall_now().saturating_sub(wall));
        Some(Duration::from_millis(age))
    }

    /// The fleet, if it is complete, not empty, and its last proof of life is at most `max_staleness` old.
    pub fn fleet(&self, max_staleness: Duration) -> Result<Arc<Fleet>, NoFleet> {
        // The age first: it is then never younger than the state that it vouches for.
        let age = self.age().ok_or(NoFleet::Syncing)?;
        match self.state() {
            State::Syncing => Err(NoFleet::Syncing),
            _ if age > max_staleness => Err(NoFleet::Stale),
            State::Empty => Err(NoFleet::Empty),
            State::Ready(fleet) => Ok(fleet),
        }
    }

    /// Waits for the next state that was not seen through this value yet. `None` when nobody follows the hub any more.
    pub async fn changed(&mut self) -> Option<State> {
        self.states.changed().await.ok()?;
        Some(self.states.borrow_and_update().clone())
    }
}

impl FleetSource {
    pub(super) fn publish(&self, state: State) {
        self.states.send_replace(state);
    }

    /// The hub lives, and what has been published is what it holds.
    pub(super) fn alive(&self) {
        self.life.wall.store(wall_now(), Ordering::Release);
        self.life.last.store(self.life.now() + 1, Ordering::Release);
    }

    /// Nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.states.is_closed()
    }
}

impl Life {
    fn now(&self) -> u64 {
        milliseconds(self.start.elapsed())
    }
}

fn wall_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, milliseconds)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_core::{cluster::Cluster, fleet::Member};

    fn ready() -> State {
        State::Ready(Arc::new(
            Fleet::new([Arc::new(Member::new(Cluster::default()))]).unwrap(),
        ))
    }

    #[test]
    fn no_answer_before_the_first_proof_nor_after_the_last() {
        let (source, view) = FleetView::new();
        let long = Duration::from_mins(1);
        assert_eq!(view.fleet(long).unwrap_err(), NoFleet::Syncing);
        source.publish(ready());
        assert_eq!(view.fleet(long).unwrap_err(), NoFleet::Syncing);
        source.alive();
        assert!(view.fleet(long).is_ok());
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(view.fleet(Duration::from_millis(5)).unwrap_err(), NoFleet::Stale);
        source.alive();
        assert!(view.fleet(Duration::from_millis(500)).is_ok());
    }

    #[test]
    fn a_machine_that_slept_has_an_old_view() {
        let (source, view) = FleetView::new();
        source.publish(ready());
        source.alive();
        // The other clock does not know of the night.
        view.life.wall.fetch_sub(8 * 3600 * 1000, Ordering::AcqRel);
        assert_eq!(view.fleet(Duration::from_mins(2)).unwrap_err(), NoFleet::Stale);
        source.alive();
        assert!(view.fleet(Duration::from_mins(2)).is_ok());
        // A clock that is set back makes nothing younger, and nothing fail.
        view.life.wall.store(u64::MAX, Ordering::Release);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(view.fleet(Duration::from_millis(5)).unwrap_err(), NoFleet::Stale);
    }

    #[test]
    fn an_empty_list_ends_an_existing_view() {
        let (source, view) = FleetView::new();
        source.publish(ready());
        source.alive();
        source.publish(State::Empty);
        assert_eq!(view.fleet(Duration::from_mins(1)).unwrap_err(), NoFleet::Empty);
    }
}
