//! Flags of commands that write.

use std::time::Duration;

use bridge_kube::{DryRun, WriteOptions};
use clap::Args;

use crate::usage::usage;

/// How long a write may go on looking again after somebody else's write came first.
const WRITE_DEADLINE: Duration = Duration::from_mins(1);

/// Flags of commands that write.
#[derive(Debug, Args)]
#[command(next_help_heading = "Writing")]
pub struct WriteArgs {
    /// Show what would happen: client (also with no value) writes nothing, server lets the hub check it, none writes
    #[arg(long, value_name = "MODE", num_args = 0..=1, require_equals = true, default_value = "none",
          default_missing_value = "client", hide_default_value = true,
          value_parser = clap::builder::PossibleValuesParser::new(["none", "client", "server"]), hide_possible_values = true)]
    dry_run: String,
    /// Also take over keys that another tool keeps
    #[arg(long)]
    force_conflicts: bool,
    /// Why, kept on the cluster Secret with who and when
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl WriteArgs {
    /// What the hub is to be told.
    pub fn resolve(self) -> anyhow::Result<WriteOptions> {
        let Self {
            dry_run,
            force_conflicts,
            reason,
        } = self;
        let dry_run = match dry_run.as_str() {
            "client" => DryRun::Client,
            "server" => DryRun::Server,
            _ => DryRun::None,
        };
        if reason.as_deref().is_some_and(|reason| reason.len() > 500) {
            return usage("--reason is longer than 500 bytes: say it shorter, or point to a ticket");
        }
        Ok(WriteOptions {
            dry_run,
            force_conflicts,
            reason: reason.filter(|reason| !reason.trim().is_empty()),
            deadline: WRITE_DEADLINE,
        })
    }
}

/// A duration as kubectl takes it: `0`, or numbers with units (`90s`, `1m30s`, `500ms`).
pub(crate) fn duration(flag: &str, text: &str) -> anyhow::Result<Duration> {
    let wrong = || {
        usage(format!(
            "{flag} \"{text}\" is not a duration (30s, 5m, 1h30m, or 0)"
        ))
    };
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut total) = (text, Duration::ZERO);
    if rest.is_empty() {
        return wrong();
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let Ok(number) = number.parse::<u32>() else {
            return wrong();
        };
        let part = match unit {
            "ms" => Duration::from_millis(number.into()),
            "s" => Duration::from_secs(number.into()),
            "m" => Duration::from_secs(u64::from(number) * 60),
            "h" => Duration::from_secs(u64::from(number) * 3600),
            _ => return wrong(),
        };
        total += part;
        rest = after;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_units() {
        for (text, expected) in [("0", 0), ("90s", 90_000), ("1h1m1s", 3_661_000), ("500ms", 500)] {
            assert_eq!(
                duration("--timeout", text).unwrap().as_millis(),
                expected,
                "{text}"
            );
        }
        for bad in ["", "5", "s", "5d", "-1s", "1.5s", "5s3"] {
            let text = duration("--timeout", bad).unwrap_err().to_string();
            assert!(text.contains("--timeout"), "{text}");
        }
    }
}
