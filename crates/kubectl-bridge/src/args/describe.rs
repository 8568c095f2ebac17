//! `describe`.

use clap::Args;

/// Show all that is known of clusters; credentials never.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl bridge describe dev
  kubectl bridge describe -l environment=prod")]
pub struct DescribeArgs {
    /// Clusters to describe
    #[arg(value_name = "NAME", add = crate::complete::clusters(), required_unless_present = "selector")]
    pub names: Vec<String>,
    /// Clusters with these labels: a=b,c!=d,e in (x,y),!f
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "names")]
    pub selector: Option<String>,
}
