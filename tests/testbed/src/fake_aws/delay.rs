use std::time::{Duration, Instant};

/// How long AWS takes until a change shows everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delay {
    /// At once.
    #[default]
    None,
    /// After so many calls that need it have been refused.
    Calls(u32),
    /// After this time.
    Time(Duration),
}

/// A delay that runs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waiting {
    Over,
    Calls(u32),
    Until(Instant),
}

impl Waiting {
    pub(super) fn begin(delay: Delay) -> Self {
        match delay {
            Delay::None => Self::Over,
            Delay::Calls(calls) => Self::Calls(calls),
            Delay::Time(time) => Self::Until(Instant::now() + time),
        }
    }

    /// Whether it is over. Each "no" counts as a call.
    pub(super) fn is_over(&mut self) -> bool {
        match self {
            Self::Over | Self::Calls(0) => true,
            Self::Calls(left) => {
                *left -= 1;
                false
            }
            Self::Until(end) => *end <= Instant::now(),
        }
    }
}
