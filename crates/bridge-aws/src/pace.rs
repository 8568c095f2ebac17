//! Many requests to one account and region, as many at once as AWS takes.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::error::AwsError;

/// Attempts of one request, where nobody says how many. With a twentieth of them throttled, one in 10^13 needs more.
const ATTEMPTS: u32 = 10;
/// Attempts at an address that does not answer: most often it is a wrong one.
const ATTEMPTS_TO_REACH: u32 = 3;
/// Longest first pause, on average half of it; it doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Throttled answers within this time come from one and the same overload.
const ONE_OVERLOAD: Duration = Duration::from_millis(500);

/// How many requests are under way at once: halved when AWS throttles, one more after each round that it did not (as TCP does it).
///
/// It stands in the place of the SDK's adaptive mode, which is for one client with an even load: that gives a whole region half a
/// request a second after a throttled answer in its first second, and ten seconds to each retry then.
#[derive(Debug)]
pub(crate) struct Pace {
    state: Mutex<State>,
    freed: Notify,
    most: f64,
    attempts: u32,
}

#[derive(Debug)]
struct State {
    running: usize,
    limit: f64,
    eased: Option<Instant>,
}

impl Pace {
    /// So many at once at first and at most, and so many attempts of each.
    pub fn new(most: u16, attempts: Option<u32>) -> Self {
        Self {
            attempts: attempts.unwrap_or(ATTEMPTS).max(1),
            state: Mutex::new(State {
                running: 0,
                limit: f64::from(most.max(1)),
                eased: None,
            }),
            freed: Notify::new(),
            most: f64::from(most.max(1)),
        }
    }

    /// Sends a request when it is its turn, and again where AWS throttles it or has trouble.
    ///
    /// # Errors
    /// Those of the request; throttling, trouble and silence after the last attempt only.
    pub async fn run<T>(&self, request: impl AsyncFn() -> Result<T, AwsError>) -> Result<T, AwsError> {
        let mut attempt = 1;
        loop {
            let turn = self.turn().await;
            // On the heap: it holds what the SDK needs.
            let answer = Box::pin(request()).await;
            let attempts = match &answer {
                Ok(_) => {
                    self.quicken();
                    1
                }
                Err(AwsError::Throttled { .. }) => {
                    self.ease();
                    self.attempts
                }
                Err(AwsError::Unavailable { .. }) => self.attempts,
                Err(AwsError::Unreachable { .. }) => self.attempts.min(ATTEMPTS_TO_REACH),
                Err(_) => 1,
            };
            drop(turn);
            if attempt >= attempts {
                return answer;
            }
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    async fn turn(&self) -> Turn<'_> {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.state();
                // Whole requests only; at least one always may.
                #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
                if (state.running as f64) + 1.0 <= state.limit {
                    state.running += 1;
                    return Turn(self);
                }
            }
            freed.await;
        }
    }

    fn ease(&self) {
        let mut state = self.state();
        let now = Instant::now();
        if state
            .eased
            .is_none_or(|eased| now.duration_since(eased) >= ONE_OVERLOAD)
        {
            state.eased = Some(now);
            state.limit = (state.limit / 2.0).max(1.0);
        }
    }

    fn quicken(&self) {
        let mut state = self.state();
        state.limit = (state.limit + 1.0 / state.limit).min(self.most);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request's turn, until it is dropped.
struct Turn<'a>(&'a Pace);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        // All who wait look again: the limit may have grown by more than this turn.
        self.0.freed.notify_waiters();
    }
}

/// Anything between nothing and the pause of this attempt, so that requests that were throttled together come apart.
fn pause(attempt: u32) -> Duration {
    let longest = FIRST_PAUSE
        .saturating_mul(1 << (attempt - 1).min(12))
        .min(LONGEST_PAUSE);
    let bits = RandomState::new().hash_one(attempt);
    longest.mul_f64(f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::Place;

    fn throttled() -> AwsError {
        AwsError::Throttled {
            service: "EKS",
            code: "ThrottlingException".into(),
            place: Box::new(Place {
                region: "eu-west-1".into(),
                profile: None,
                account: None,
                role: None,
            }),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slows_down_when_throttled_and_recovers() {
        let pace = Pace::new(16, None);
        let sent = AtomicUsize::new(0);
        let answer = pace
            .run(async || match sent.fetch_add(1, Ordering::Relaxed) {
                0..3 => Err(throttled()),
                _ => Ok(()),
            })
            .await;
        assert!(answer.is_ok());
        assert_eq!(sent.load(Ordering::Relaxed), 4);
        let after = pace.state().limit;
        assert!((2.0..=9.0).contains(&after), "{after}");
        for _ in 0..400 {
            pace.run(async || Ok(())).await.unwrap();
        }
        let recovered = pace.state().limit;
        assert!((15.5..=16.0).contains(&recovered), "{recovered}");
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_in_the_end_and_keeps_to_its_limit() {
        let pace = Pace::new(4, None);
        let sent = AtomicUsize::new(0);
        let answer: Result<(), _> = pace
            .run(async || {
                sent.fetch_add(1, Ordering::Relaxed);
                Err(throttled())
            })
            .await;
        assert!(matches!(answer, Err(AwsError::Throttled { .. })));
        assert_eq!(sent.load(Ordering::Relaxed), 10);
        let answer: Result<(), _> = Pace::new(4, Some(2))
            .run(async || {
                sent.fetch_add(1, Ordering::Relaxed);
                Err(throttled())
            })
            .await;
        assert!(answer.is_err());
        assert_eq!(sent.load(Ordering::Relaxed), 12);

        let pace = Pace::new(4, None);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let request = async || {
            let running = now.fetch_add(1, Ordering::Relaxed) + 1;
            most.fetch_max(running, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
            now.fetch_sub(1, Ordering::Relaxed);
            Ok(())
        };
        let all = (0..40).map(|_| pace.run(request));
        let mut tasks: Vec<_> = all.map(Box::pin).collect();
        std::future::poll_fn(|context| {
            tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
            if tasks.is_empty() {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        assert_eq!(most.load(Ordering::Relaxed), 4);
    }
}
