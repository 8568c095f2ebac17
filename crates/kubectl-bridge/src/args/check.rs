//! `check`.

use bridge_aws::AwsOptions;
use bridge_core::{defaults::Pattern, selector::Selector};
use clap::Args;

use super::{AwsArgs, HubAws, HubAwsArgs, SelectArgs};
use crate::select::Which;

/// Find out what is wrong with a hub and its clusters, by cause.
///
/// Writes nothing, so it is what to run first on a hub that one did not build. Without a cluster it looks at the hub only, and asks
/// nothing of AWS. With clusters it asks EKS and IAM too; what they do not answer could not be judged (?), and is no failure.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 1 if anything has failed (×); warnings (‼) are no failure. Of several clusters only what is not well is
listed; -o wide lists all. Each check has a code (KB104) that stays.

Examples:
  kubectl bridge check
  kubectl bridge check dev
  kubectl bridge check --all --assume-role arn:aws:iam::{account}:role/bridge
  kubectl bridge check --hub --hub-aws-cluster-name hub -l environment=prod
  kubectl bridge check --all -o json")]
pub struct CheckArgs {
    /// Clusters
    #[arg(value_name = "NAME", add = crate::complete::clusters())]
    pub names: Vec<String>,
    /// Which clusters, other than by name
    #[command(flatten)]
    pub select: SelectArgs,
    /// The hub too; with --all, and without any cluster, it always is
    #[arg(long)]
    pub hub: bool,
    /// AWS
    #[command(flatten)]
    pub aws: AwsArgs,
    /// The hub in AWS
    #[command(flatten)]
    pub hub_aws: HubAwsArgs,
}

/// `check`, checked.
#[derive(Debug)]
pub struct CheckOptions {
    /// Which clusters; none for the hub only.
    pub which: Option<Which>,
    /// Whether the hub is looked at too.
    pub hub: bool,
    /// Credentials.
    pub aws: AwsOptions,
    /// `--assume-role`.
    pub assume_role: Option<Pattern>,
    /// The hub in AWS.
    pub hub_aws: HubAws,
}

impl CheckArgs {
    /// Checks what the flags say together.
    pub fn resolve(self) -> anyhow::Result<CheckOptions> {
        let Self {
            names,
            select,
            hub,
            aws,
            hub_aws,
        } = self;
        let which = if names.is_empty() && select.is_empty() {
            None
        } else {
            Some(select.resolve(names)?)
        };
        let (aws, assume_role) = aws.resolve()?;
        let all = matches!(&which, Some(Which::Selected(selector)) if *selector == Selector::default());
        Ok(CheckOptions {
            hub: hub || all || which.is_none(),
            which,
            aws,
            assume_role,
            hub_aws: hub_aws.resolve(),
        })
    }
}
