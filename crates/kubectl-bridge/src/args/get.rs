//! `get`.

use clap::Args;

/// List registered clusters.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl bridge get
  kubectl bridge get dev staging -o wide
  kubectl bridge get -l environment=prod,enable_karpenter=true
  kubectl bridge get -o jsonpath='{range .items[*]}{.metadata.name}{\"\\t\"}{.server}{\"\\n\"}{end}'")]
pub struct GetArgs {
    /// Only these clusters
    #[arg(value_name = "NAME", add = crate::complete::clusters())]
    pub names: Vec<String>,
    /// Only clusters with these labels: a=b,c!=d,e in (x,y),!f
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "names")]
    pub selector: Option<String>,
    /// Add a column with all labels
    #[arg(long)]
    pub show_labels: bool,
    /// Add a column with the value of this label or annotation; may be given several times
    #[arg(short = 'L', long, value_name = "KEY", value_delimiter = ',')]
    pub label_columns: Vec<String>,
    /// Succeed without a cluster that was named and is not there
    #[arg(long)]
    pub ignore_not_found: bool,
}
