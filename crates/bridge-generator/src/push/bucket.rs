//! How many pushes a second, over all ApplicationSets.

use std::time::{Duration, Instant};

/// A token bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens: f64,
    filled: Option<Instant>,
}

/// All sets of a large hub at once; then no more than the controller's ten workers can take.
const SIZE: f64 = 40.0;
const A_SECOND: f64 = 20.0;

impl Default for Bucket {
    fn default() -> Self {
        Self {
            tokens: SIZE,
            filled: None,
        }
    }
}

impl Bucket {
    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = self
            .filled
            .map_or(Duration::ZERO, |filled| now.saturating_duration_since(filled));
        self.filled = Some(now);
        self.tokens = (self.tokens + passed.as_secs_f64() * A_SECOND).min(SIZE);
        let some = self.tokens >= 1.0;
        if some {
            self.tokens -= 1.0;
        }
        some
    }

    /// How long until there is one, after none was there.
    pub(super) fn pause() -> Duration {
        Duration::from_secs_f64(1.0 / A_SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_steady_rate() {
        let mut bucket = Bucket::default();
        let start = Instant::now();
        let taken = (0..1000).filter(|_| bucket.take(start)).count();
        assert_eq!(taken, 40);
        let later = start + Duration::from_secs(1);
        let taken = (0..1000).filter(|_| bucket.take(later)).count();
        assert_eq!(taken, 20);
        assert!(bucket.take(later + Bucket::pause() + Duration::from_millis(1)));
    }
}
