//! How long to wait after a failure.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Doubling pauses with jitter, from 100 ms to 5 s.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause before the next try.
    pub(super) fn next(&mut self) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        jitter(pause)
    }

    /// It worked.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Between half of the pause and all of it, so that replicas do not come back in step.
fn jitter(pause: Duration) -> Duration {
    // Each RandomState has new keys: randomness enough, without a crate for it.
    let random = RandomState::new().hash_one(0) % 1000;
    pause / 2 + pause / 2 * u32::try_from(random).unwrap_or(0) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_start_again() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..10).map(|_| backoff.next()).collect();
        assert!(pauses[0] >= FIRST / 2 && pauses[0] <= FIRST, "{pauses:?}");
        assert!(pauses[9] >= LONGEST / 2 && pauses[9] <= LONGEST, "{pauses:?}");
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
