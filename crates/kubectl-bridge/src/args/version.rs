//! `version`.

use clap::Args;

/// Show the version.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl bridge version
  kubectl bridge version -o json")]
pub struct VersionArgs {}
