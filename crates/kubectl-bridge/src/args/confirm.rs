//! Flags of commands that may ask first.

use clap::Args;

/// Flags of commands that may ask first.
#[derive(Debug, Args)]
#[command(next_help_heading = "Writing")]
pub struct ConfirmArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
