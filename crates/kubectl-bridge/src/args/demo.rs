//! `demo`.

use std::path::PathBuf;

use clap::Args;

/// Try it all on a folder, without a cluster and without AWS.
///
/// Makes a sample hub of four clusters in a folder, switches an addon, shows the fleet, and asks the service on loopback as
/// Argo CD would.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl bridge demo
  kubectl bridge demo --keep ./hub")]
pub struct DemoArgs {
    /// Keep the sample hub in this folder, which must be empty or not there
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub keep: Option<PathBuf>,
}
