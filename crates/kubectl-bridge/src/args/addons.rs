//! `addons`.

use clap::Args;

use super::{ConfirmArgs, SelectArgs, WaitArgs, WriteArgs};

/// Show or switch the addons of clusters.
///
/// Without --enable, --disable and --toggle it shows: one cluster as a list, several as a matrix. A switch is a label
/// enable_<addon> on the cluster Secret; all switches of one call are one atomic patch of just those labels.
#[derive(Debug, Args)]
#[command(after_help = "\
An addon goes by its name (aws-load-balancer-controller), by its label
(enable_aws_load_balancer_controller) or by an alias (aws-lbc).

Examples:
  kubectl bridge addons
  kubectl bridge addons dev
  kubectl bridge addons dev --enable karpenter,aws-lbc --disable keda --wait
  kubectl bridge addons -l environment=staging --enable cert-manager --dry-run
  kubectl bridge addons --all --disable velero --yes --reason OPS-1234
  kubectl bridge addons dev --toggle enable_my_own_addon=true")]
pub struct AddonsArgs {
    /// Clusters; without any, the whole fleet is shown
    #[arg(value_name = "NAME", add = crate::complete::clusters())]
    pub names: Vec<String>,
    /// Which clusters, other than by name
    #[command(flatten)]
    pub select: SelectArgs,
    /// Addons to switch on
    #[arg(long, value_name = "ADDON", value_delimiter = ',', add = crate::complete::addons(), help_heading = "Switching")]
    pub enable: Vec<String>,
    /// Addons to switch off
    #[arg(long, value_name = "ADDON", value_delimiter = ',', add = crate::complete::addons(), help_heading = "Switching")]
    pub disable: Vec<String>,
    /// A switch outside the catalog
    #[arg(
        long,
        value_name = "LABEL=true|false",
        value_delimiter = ',',
        help_heading = "Switching"
    )]
    pub toggle: Vec<String>,
    /// Refuse if more clusters than this would change
    #[arg(long, value_name = "N", help_heading = "Writing")]
    pub max_clusters: Option<usize>,
    /// Asking
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Writing
    #[command(flatten)]
    pub write: WriteArgs,
    /// Waiting
    #[command(flatten)]
    pub wait: WaitArgs,
}
