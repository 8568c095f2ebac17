//! `update`.

use bridge_aws::AwsOptions;
use bridge_core::{defaults::Pattern, drift::TagLabel};
use bridge_kube::WriteOptions;
use clap::Args;

use super::{AwsArgs, SelectArgs, WriteArgs};
use crate::{select::Which, usage::UsageError};

/// Bring what the hub knows of its EKS clusters up to date.
///
/// Asks EKS about each cluster and writes what has changed: version, platform version, VPC, OIDC issuer, Auto Mode and the other
/// facts. Where nothing has changed nothing is written: each write wakes every ApplicationSet with a clusters generator.
#[derive(Debug, Args)]
#[command(after_help = "\
A cluster that was made anew under its old name (another creation time, endpoint or certificate authority) is not
touched: say --accept-recreated once you know that it is the right one.

Examples:
  kubectl bridge update dev
  kubectl bridge update --all --dry-run
  kubectl bridge update -l environment=prod --tag-labels team,CostCenter=cost-center
  kubectl bridge update --all --assume-role arn:aws:iam::{account}:role/bridge
  kubectl bridge update dev --accept-recreated")]
pub struct UpdateArgs {
    /// Clusters
    #[arg(value_name = "NAME", add = crate::complete::clusters())]
    pub names: Vec<String>,
    /// Which clusters, other than by name
    #[command(flatten)]
    pub select: SelectArgs,
    /// Tags in EKS that become labels, under their own name or another
    #[arg(
        long,
        value_name = "TAG[=LABEL]",
        value_delimiter = ',',
        help_heading = "What is written"
    )]
    pub tag_labels: Vec<String>,
    /// Also take the endpoint and certificate authority of a cluster that was made anew under its old name
    #[arg(long, help_heading = "What is written")]
    pub accept_recreated: bool,
    /// AWS
    #[command(flatten)]
    pub aws: AwsArgs,
    /// Writing
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `update`, checked.
#[derive(Debug)]
pub struct UpdateOptions {
    /// Which clusters.
    pub which: Which,
    /// `--tag-labels`.
    pub tags: Vec<TagLabel>,
    /// `--accept-recreated`.
    pub accept_recreated: bool,
    /// Credentials.
    pub aws: AwsOptions,
    /// `--assume-role`.
    pub assume_role: Option<Pattern>,
    /// How to write.
    pub write: WriteOptions,
}

impl UpdateArgs {
    /// Checks what the flags say together.
    pub fn resolve(self) -> anyhow::Result<UpdateOptions> {
        let Self {
            names,
            select,
            tag_labels,
            accept_recreated,
            aws,
            write,
        } = self;
        let tags = tag_labels
            .iter()
            .map(|text| {
                TagLabel::parse(text).map_err(|error| UsageError::new(format!("--tag-labels: {error}")))
            })
            .collect::<Result<_, _>>()?;
        let (aws, assume_role) = aws.resolve()?;
        Ok(UpdateOptions {
            which: select.resolve(names)?,
            tags,
            accept_recreated,
            aws,
            assume_role,
            write: write.resolve()?,
        })
    }
}
