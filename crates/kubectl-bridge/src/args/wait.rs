//! `--wait` and `--timeout`.

use std::time::Duration;

use clap::{Args, builder::PossibleValuesParser};

use super::write::duration;

/// Waiting for Applications.
#[derive(Debug, Args)]
#[command(next_help_heading = "Waiting")]
pub struct WaitArgs {
    /// Wait for the Applications that begin or end: until they exist, are synced, or are healthy (the default)
    #[arg(long, value_name = "STATE", num_args = 0..=1, require_equals = true, default_missing_value = "healthy",
          value_parser = PossibleValuesParser::new(["exists", "synced", "healthy"]), hide_possible_values = true)]
    wait: Option<String>,
    /// How long to wait [default: 5m]
    #[arg(long, value_name = "DURATION", requires = "wait")]
    timeout: Option<String>,
}

/// How far an Application must have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitFor {
    /// It is there.
    Exists,
    /// Synced.
    Synced,
    /// Synced and healthy, where health can be known.
    Healthy,
}

/// `--wait`, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitOptions {
    /// Until when.
    pub until: WaitFor,
    /// How long at most.
    pub timeout: Duration,
}

impl WaitArgs {
    /// What to wait for, if at all.
    pub fn resolve(self) -> anyhow::Result<Option<WaitOptions>> {
        let Self { wait, timeout } = self;
        let timeout = duration("--timeout", timeout.as_deref().unwrap_or("5m"))?;
        Ok(wait.map(|state| WaitOptions {
            until: match state.as_str() {
                "exists" => WaitFor::Exists,
                "synced" => WaitFor::Synced,
                _ => WaitFor::Healthy,
            },
            timeout,
        }))
    }
}
