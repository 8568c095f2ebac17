//! When to push what: pure decisions on what was seen.

mod entry;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bridge_core::applicationset::ApplicationSet;

use super::{Key, bucket::Bucket, mark::Mark};
use entry::Entry;

/// What the controller says of a refusal reaches this service later than the end of what caused it, by milliseconds.
const REVIVED: Duration = Duration::from_secs(10);

/// All ApplicationSets that use this service, and how far each is.
#[derive(Debug, Default)]
pub(super) struct Plan {
    entries: BTreeMap<Key, Entry>,
    bucket: Bucket,
    /// No push before this: the bucket is empty.
    blocked: Option<Instant>,
    /// When answers became possible again.
    revived: Option<Instant>,
}

/// A patch to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Push {
    pub(super) key: Key,
    /// Only if it is still this version.
    pub(super) version: Option<String>,
    pub(super) mark: Mark,
}

/// What became of a patch.
#[derive(Debug)]
pub(super) enum Outcome {
    Written,
    /// The ApplicationSet is not the version any more that was seen.
    Conflict,
    Gone,
    /// Not allowed.
    Refused(String),
    Failed(String),
}

impl Outcome {
    /// For the metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }
}

impl Plan {
    /// The newest fleet gives this fingerprint. `answered`: when this service last answered the ApplicationSet, if not
    /// from that fleet.
    pub(super) fn aim(&mut self, key: &Key, fingerprint: String, now: Instant, answered: Option<Instant>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.aim(fingerprint, now, answered);
        }
    }

    /// An ApplicationSet was seen. `fingerprint`: on the newest fleet, if it is new or has another spec.
    pub(super) fn seen(
        &mut self,
        key: &Key,
        set: Arc<ApplicationSet>,
        fingerprint: Option<String>,
        now: Instant,
    ) {
        if let Some(entry) = self.entries.get_mut(key) {
            let known = entry.was_refused();
            entry.seen(set, fingerprint, now);
            if !known && self.revived.is_some_and(|at| now < at + REVIVED) {
                entry.revive(now);
            }
            return;
        }
        let can_be_answered = fingerprint.is_some();
        let mut entry = Entry::new(set, fingerprint, now);
        if can_be_answered {
            entry.revive(now);
        }
        self.entries.insert(key.clone(), entry);
    }

    /// It is gone, or uses this service no more.
    pub(super) fn forget(&mut self, key: &Key) {
        self.entries.remove(key);
    }

    /// It was answered from an older fleet before this service knew of it, or of its new spec.
    pub(super) fn overtaken(&mut self, key: &Key, now: Instant) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.overtaken(now);
        }
    }

    /// There is an answer after there was none: whoever was refused meanwhile need not wait for the controller's next
    /// try, which is three minutes away.
    pub(super) fn revive(&mut self, now: Instant) {
        self.revived = Some(now);
        self.entries.values_mut().for_each(|entry| entry.revive(now));
    }

    /// A patch was sent.
    pub(super) fn sent(&mut self, key: &Key, outcome: &Outcome, now: Instant) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.sent(outcome, now);
        }
    }

    /// What is to be sent now, at most `room` patches.
    pub(super) fn due(&mut self, now: Instant, room: usize) -> Vec<Push> {
        let mut pushes = Vec::new();
        self.entries.values_mut().for_each(|entry| entry.tick(now));
        if self.blocked.is_some_and(|until| now < until) {
            return pushes;
        }
        self.blocked = None;
        let mut due: Vec<(&Key, &mut Entry)> = self
            .entries
            .iter_mut()
            .filter(|(_, entry)| entry.due_at().is_some_and(|at| at <= now))
            .collect();
        due.sort_by_key(|(_, entry)| entry.due_at());
        for (key, entry) in due.into_iter().take(room) {
            if !self.bucket.take(now) {
                self.blocked = Some(now + Bucket::pause());
                break;
            }
            let (version, mark) = entry.send(now);
            let key = key.clone();
            pushes.push(Push { key, version, mark });
        }
        pushes
    }

    /// How long until something is due, if anything is planned.
    pub(super) fn wake(&self, now: Instant) -> Option<Duration> {
        let next = self.entries.values().filter_map(Entry::wake_at).min()?;
        let next = self.blocked.map_or(next, |until| next.max(until));
        Some(next.saturating_duration_since(now))
    }

    /// How many have not taken a change yet.
    pub(super) fn waiting(&self) -> usize {
        self.entries.values().filter(|entry| entry.is_waiting()).count()
    }
}
