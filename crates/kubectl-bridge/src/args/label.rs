//! `label`.

use clap::Args;

use super::{ConfirmArgs, SelectArgs, WriteArgs};

/// Set or remove labels of clusters, as kubectl label does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl bridge label dev team=payments
  kubectl bridge label dev staging tier=gold --overwrite
  kubectl bridge label -l environment=dev team-
  kubectl bridge label dev --list")]
pub struct LabelArgs {
    /// Clusters, then KEY=VALUE to set and KEY- to remove
    #[arg(value_name = "NAME | KEY=VALUE | KEY-", add = crate::complete::clusters())]
    pub words: Vec<String>,
    /// Which clusters, other than by name
    #[command(flatten)]
    pub select: SelectArgs,
    /// Change labels that are there with another value
    #[arg(long)]
    pub overwrite: bool,
    /// Show the labels
    #[arg(long)]
    pub list: bool,
    /// Refuse if more clusters than this would change
    #[arg(long, value_name = "N", help_heading = "Writing")]
    pub max_clusters: Option<usize>,
    /// Asking
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Writing
    #[command(flatten)]
    pub write: WriteArgs,
}
