//! `annotate`.

use std::path::PathBuf;

use clap::Args;

use super::{ConfirmArgs, SelectArgs, WriteArgs};

/// Set or remove metadata (annotations) of clusters, as kubectl annotate does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl bridge annotate dev workload_repo_revision=v2 --overwrite
  kubectl bridge annotate dev old_key-
  terraform output -json | kubectl bridge annotate dev --metadata-file - --overwrite
  kubectl bridge annotate dev --list")]
pub struct AnnotateArgs {
    /// Clusters, then KEY=VALUE to set and KEY- to remove
    #[arg(value_name = "NAME | KEY=VALUE | KEY-", add = crate::complete::clusters())]
    pub words: Vec<String>,
    /// Which clusters, other than by name
    #[command(flatten)]
    pub select: SelectArgs,
    /// Metadata from a file, or - for stdin: terraform output -json, or a flat JSON or YAML map
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub metadata_file: Option<PathBuf>,
    /// Terraform output to read instead of all whose name begins with `gitops_metadata`
    #[arg(long, value_name = "KEY", requires = "metadata_file")]
    pub metadata_key: Option<String>,
    /// Change annotations that are there with another value
    #[arg(long)]
    pub overwrite: bool,
    /// Show the annotations
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
