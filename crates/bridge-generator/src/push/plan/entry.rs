//! One ApplicationSet on its way to a reconcile that has read the newest fleet.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bridge_core::applicationset::ApplicationSet;

use super::{super::mark::Mark, Outcome};

/// Two pushes of one ApplicationSet are at least this far apart: changes that come faster are one push.
const APART: Duration = Duration::from_millis(250);
/// An annotation that is still there after this long was not taken. Doubles with each try, and is longer from the start
/// where the controller reports an error that another try will hardly end.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);
const TAKEN_WITHIN_ON_ERROR: Duration = Duration::from_mins(1);
const TAKEN_LONGEST: Duration = Duration::from_mins(10);
/// The controller's own view of the clusters lags behind by milliseconds, seldom more. Doubles with each try.
const LAG: Duration = Duration::from_secs(1);
/// After this many tries the cluster is not late but missing.
const LAG_TRIES: u32 = 6;
/// The watch tells what came between sooner than this, or it tells nothing.
const CONFLICT: Duration = Duration::from_secs(1);
/// Pause after a patch that failed. Doubles with each try.
const FAILED: Duration = Duration::from_millis(500);
const FAILED_LONGEST: Duration = Duration::from_secs(30);
/// Pause after a refusal: whoever grants the right does not want to restart anything. Doubles with each try. For each
/// ApplicationSet by itself: the right may be missing in one namespace, or one object be such that every patch of it is
/// refused.
const REFUSED: Duration = Duration::from_secs(30);
const REFUSED_LONGEST: Duration = Duration::from_mins(10);
/// How much earlier another replica may have seen a change than this one.
const REPLICA_LAG: Duration = Duration::from_millis(300);
/// For how long a push by another replica for a change not seen here yet is remembered.
const AHEAD: Duration = Duration::from_secs(30);
/// What Argo CD says of a cluster it does not know (Argo CD `util/argo`).
const UNKNOWN_CLUSTER: &str = "there are no clusters with this name";
/// What Argo CD says when a plugin gave no answer: a refusal, or nobody there (Argo CD
/// `applicationset/services/plugin`).
const NO_ANSWER: &str = "error get api";

/// An ApplicationSet and what it waits for.
#[derive(Debug)]
pub(super) struct Entry {
    set: Arc<ApplicationSet>,
    /// Fingerprint on the newest fleet; `None` before there was one.
    target: Option<String>,
    /// The target before: a mark for it comes from a replica that is behind, not ahead.
    previous: Option<String>,
    phase: Phase,
    /// The highest attempt seen or written for the target; zero is none yet.
    attempt: u32,
    /// Somebody was answered from the fleet before, maybe because of another replica's push: that push does not count.
    own_push_needed: bool,
    /// Another replica's push for a state of the fleet that has not arrived here.
    ahead: Option<(Mark, Instant)>,
    untaken: u32,
    lagged: u32,
    /// Patches that were refused or failed, since the last that was written.
    failures: u32,
    /// No push before this, after one that failed.
    not_before: Option<Instant>,
    last_push: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// The newest fleet has been read, or will be without our doing.
    Settled,
    /// To be pushed. `lag`: only because the controller did not know a cluster.
    Due { at: Instant, lag: bool },
    /// The patch is on its way.
    Sending(Sending),
    /// Somebody else has changed it; the watch will tell what.
    Behind { tried: Option<String>, since: Instant },
    /// The annotation is there, and has not been taken yet.
    Sent { at: Instant },
}

/// What happened while a patch is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sending {
    tried: Option<String>,
    /// The target has moved on.
    again: bool,
    /// A mark for the target was seen: ours, or another replica's.
    marked: bool,
    /// And it was taken.
    taken: bool,
}

impl Entry {
    /// The first sight: Argo CD reconciles a new ApplicationSet by itself, and what happened while nobody was here is
    /// for its polling.
    pub(super) fn new(set: Arc<ApplicationSet>, target: Option<String>, now: Instant) -> Self {
        let mut entry = Self {
            set,
            target,
            previous: None,
            phase: Phase::Settled,
            attempt: 0,
            own_push_needed: false,
            ahead: None,
            untaken: 0,
            lagged: 0,
            failures: 0,
            not_before: None,
            last_push: None,
        };
        entry.look_at_mark(now);
        entry
    }

    /// The newest fleet gives this fingerprint.
    pub(super) fn aim(&mut self, fingerprint: String, now: Instant, answered: Option<Instant>) {
        if self.target.as_ref() == Some(&fingerprint) {
            return;
        }
        let first = self.target.is_none();
        self.retarget(fingerprint);
        if first {
            self.look_at_mark(now);
            return;
        }
        let answered_since =
            |from: Option<Instant>| answered.is_some_and(|at| from.is_none_or(|from| at >= from));
        self.own_push_needed = answered_since(now.checked_sub(REPLICA_LAG));
        let ahead = self.ahead.take();
        if let Some((mark, at)) = ahead.filter(|(mark, at)| self.is_target(mark) && now < *at + AHEAD) {
            self.attempt = self.attempt.max(mark.attempt);
            let untouched = !matches!(self.phase, Phase::Sending(_));
            if untouched && !answered_since(at.checked_sub(REPLICA_LAG)) {
                self.adopt(at);
                return;
            }
        }
        self.push_again(now);
    }

    /// It was seen, as new as it gets. `fingerprint`: on the newest fleet, if it has another spec.
    pub(super) fn seen(&mut self, set: Arc<ApplicationSet>, fingerprint: Option<String>, now: Instant) {
        let before = std::mem::replace(&mut self.set, set);
        if let Some(fingerprint) = fingerprint
            && self.target.as_ref() != Some(&fingerprint)
        {
            // Another spec: Argo CD reconciles by itself. A push that was due anyway stays due.
            self.retarget(fingerprint);
        }
        if self.set.refresh != before.refresh {
            self.look_at_mark(now);
        }
        let lags = self.lags();
        let marked = self.mark().is_some_and(|mark| self.is_target(&mark));
        match &mut self.phase {
            Phase::Sent { .. } if self.set.refresh.is_none() => self.settle(),
            Phase::Sending(sending) => {
                sending.marked |= marked;
                sending.taken |= sending.marked && self.set.refresh.is_none();
            }
            Phase::Behind { tried, .. } if *tried != self.set.resource_version => self.push_again(now),
            Phase::Due { lag: true, .. } if !lags => self.settle(),
            _ => {}
        }
        self.look_for_lag(now);
    }

    /// The controller could not ask while there was no fleet.
    pub(super) fn revive(&mut self, now: Instant) {
        if self.was_refused() && matches!(self.phase, Phase::Settled | Phase::Sent { .. }) {
            self.push_again(now);
        }
    }

    /// The last thing that the controller says is that it got no answer.
    pub(super) fn was_refused(&self) -> bool {
        self.set
            .error()
            .is_some_and(|error| error.message.contains(NO_ANSWER))
    }

    /// An answer went out that the newest fleet has overtaken.
    pub(super) fn overtaken(&mut self, now: Instant) {
        if self.phase == Phase::Settled {
            self.push_again(now);
        }
    }

    /// The patch went out, and this came back.
    pub(super) fn sent(&mut self, outcome: &Outcome, now: Instant) {
        let Phase::Sending(sending) = std::mem::replace(&mut self.phase, Phase::Settled) else {
            return;
        };
        match outcome {
            Outcome::Written => {
                (self.failures, self.not_before) = (0, None);
                if sending.again {
                    self.push_again(now);
                } else {
                    self.own_push_needed = false;
                    self.written(&sending, now);
                }
            }
            Outcome::Conflict if sending.marked && !sending.again && !self.own_push_needed => {
                self.written(&sending, now);
            }
            Outcome::Conflict if sending.tried == self.set.resource_version => {
                self.phase = Phase::Behind {
                    tried: sending.tried,
                    since: now,
                };
            }
            Outcome::Conflict => self.push_again(now),
            Outcome::Gone => {}
            Outcome::Refused(_) => self.failed(REFUSED, REFUSED_LONGEST, now),
            Outcome::Failed(_) => self.failed(FAILED, FAILED_LONGEST, now),
        }
    }

    fn failed(&mut self, first: Duration, longest: Duration, now: Instant) {
        self.not_before = Some(now + doubled(first, self.failures, longest));
        self.failures = self.failures.saturating_add(1);
        self.push_again(now);
    }

    /// What time alone decides.
    pub(super) fn tick(&mut self, now: Instant) {
        let over = self.wake_at().is_some_and(|at| at <= now);
        match self.phase {
            Phase::Behind { .. } if over => self.push_again(now),
            Phase::Sent { .. } if over => {
                self.untaken = self.untaken.saturating_add(1);
                self.push_again(now);
            }
            _ => {}
        }
    }

    /// When something is to be done, unless something happens before.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Settled | Phase::Sending(_) => None,
            Phase::Due { at, .. } => Some(*at),
            Phase::Behind { since, .. } => Some(*since + CONFLICT),
            Phase::Sent { at } => Some(*at + self.patience()),
        }
    }

    /// When it is to be pushed, if it is.
    pub(super) fn due_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Due { at, .. } => Some(at),
            _ => None,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.phase != Phase::Settled
    }

    /// What to send: the version that it must still have, and the mark.
    pub(super) fn send(&mut self, now: Instant) -> (Option<String>, Mark) {
        self.attempt = self.attempt.saturating_add(1);
        self.last_push = Some(now);
        let version = self.set.resource_version.clone();
        self.phase = Phase::Sending(Sending {
            tried: version.clone(),
            again: false,
            marked: false,
            taken: false,
        });
        let mark = Mark {
            fingerprint: self.target.clone().unwrap_or_default(),
            attempt: self.attempt,
        };
        (version, mark)
    }

    fn retarget(&mut self, fingerprint: String) {
        self.previous = self.target.replace(fingerprint);
        (self.untaken, self.lagged) = (0, 0);
        // The value that is there may be one for this very target: another one is needed then.
        let there = self.mark().filter(|mark| self.is_target(mark));
        self.attempt = there.map_or(0, |mark| mark.attempt);
    }

    /// A mark was seen that was not there before.
    fn look_at_mark(&mut self, now: Instant) {
        let Some(mark) = self.mark() else { return };
        if !self.is_target(&mark) {
            if self.previous.as_ref() != Some(&mark.fingerprint) {
                self.ahead = Some((mark, now));
            }
            return;
        }
        let newer = mark.attempt > self.attempt;
        self.attempt = self.attempt.max(mark.attempt);
        match self.phase {
            Phase::Settled => self.phase = Phase::Sent { at: now },
            Phase::Sent { .. } if newer => self.phase = Phase::Sent { at: now },
            Phase::Due { .. } | Phase::Behind { .. } if !self.own_push_needed => {
                self.phase = Phase::Sent { at: now };
            }
            _ => {}
        }
    }

    /// Another replica has pushed this.
    fn adopt(&mut self, at: Instant) {
        self.phase = if self.mark().is_some_and(|mark| self.is_target(&mark)) {
            Phase::Sent { at }
        } else {
            Phase::Settled
        };
    }

    /// The mark is in place, whoever wrote it.
    fn written(&mut self, sending: &Sending, now: Instant) {
        if sending.taken {
            self.settle();
            self.look_for_lag(now);
        } else {
            self.phase = Phase::Sent { at: now };
        }
    }

    fn settle(&mut self) {
        self.phase = Phase::Settled;
        self.untaken = 0;
    }

    fn push_again(&mut self, now: Instant) {
        if let Phase::Sending(sending) = &mut self.phase {
            sending.again = true;
            return;
        }
        let apart = self.last_push.map(|last| last + APART);
        let at = [apart, self.not_before]
            .into_iter()
            .flatten()
            .fold(now, Instant::max);
        self.phase = Phase::Due { at, lag: false };
    }

    /// The controller took our push, but did not know a cluster yet.
    fn look_for_lag(&mut self, now: Instant) {
        let taken = self.phase == Phase::Settled && self.attempt > 0 && self.set.refresh.is_none();
        if taken && self.lagged < LAG_TRIES && self.lags() {
            let at = now + doubled(LAG, self.lagged, FAILED_LONGEST);
            self.lagged += 1;
            self.phase = Phase::Due { at, lag: true };
        }
    }

    fn lags(&self) -> bool {
        self.set
            .error()
            .is_some_and(|error| error.message.contains(UNKNOWN_CLUSTER))
    }

    fn mark(&self) -> Option<Mark> {
        self.set.refresh.as_deref().and_then(Mark::parse)
    }

    fn is_target(&self, mark: &Mark) -> bool {
        self.target.as_ref() == Some(&mark.fingerprint)
    }

    fn patience(&self) -> Duration {
        let first = if self.set.error().is_some() {
            TAKEN_WITHIN_ON_ERROR
        } else {
            TAKEN_WITHIN
        };
        doubled(first, self.untaken, TAKEN_LONGEST)
    }
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(longest)
}
