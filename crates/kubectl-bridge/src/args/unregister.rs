//! `unregister`.

use std::time::Duration;

use bridge_aws::AwsOptions;
use bridge_kube::WriteOptions;
use clap::Args;

use super::{ConfirmArgs, HubAws, HubAwsArgs, WriteArgs, duration};

/// Take a cluster off the hub.
///
/// Removes the cluster Secret, then what "register" made for it in AWS: its access entry, then its role. As long as
/// Applications point at the cluster it refuses: without the Secret they lose their finalizers and whatever they deployed stays
/// behind. --drain takes them away first, with all they deployed.
#[derive(Debug, Args)]
#[command(after_help = "\
A run that was ended half-way is finished by running it again. In AWS only what carries the mark of this hub is
removed. Of a cluster that EKS does not know any more nothing is left to drain: --drain then takes it off the hub.
--keep-workloads takes off any other that is gone for good. Both list what is left behind. A drain that was begun by
mistake is taken back with --cancel; what is gone by then is deployed again by the ApplicationSets.

Examples:
  kubectl bridge unregister dev
  kubectl bridge unregister dev --drain --dry-run
  kubectl bridge unregister dev --drain --yes --timeout 10m
  kubectl bridge unregister dev --keep-workloads --yes
  kubectl bridge unregister dev --cancel
  kubectl bridge unregister --hub")]
#[expect(clippy::struct_excessive_bools, reason = "flags are what they are")]
pub struct UnregisterArgs {
    /// The cluster
    #[arg(value_name = "NAME", required_unless_present = "hub", add = crate::complete::clusters())]
    pub name: Option<String>,
    /// Change nothing, and list what depends on the hub itself and in which order to go
    #[arg(long, conflicts_with_all = ["name", "drain", "keep_workloads", "cancel", "access_only", "skip_access"])]
    pub hub: bool,
    /// Take the cluster's Applications away first, and all they deployed there
    #[arg(long, conflicts_with = "keep_workloads")]
    pub drain: bool,
    /// Leave what Applications deployed running on the cluster, on its own from then on
    #[arg(long)]
    pub keep_workloads: bool,
    /// Take back a drain that has not come to its end: the cluster is in the fleet again, with the toggles it had
    #[arg(long, conflicts_with_all = ["drain", "keep_workloads", "access_only", "skip_access", "ignore_not_found"])]
    pub cancel: bool,
    /// How long to wait for Applications to go [default: 10m]
    #[arg(long, value_name = "DURATION", requires = "drain")]
    pub timeout: Option<String>,
    /// No error if there is no such cluster
    #[arg(long)]
    pub ignore_not_found: bool,
    /// Leave in AWS what "register" made there
    #[arg(long, help_heading = "AWS")]
    pub skip_access: bool,
    /// Remove what was made in AWS only, by its marks, where the Secret is somebody else's
    #[arg(long, conflicts_with_all = ["skip_access", "drain", "keep_workloads"], help_heading = "AWS")]
    pub access_only: bool,
    /// Name of the cluster in EKS, or its ARN [default: NAME]
    #[arg(long, value_name = "NAME", requires = "access_only", help_heading = "AWS")]
    pub aws_cluster_name: Option<String>,
    /// AWS region
    #[arg(long, value_name = "REGION", requires = "access_only", help_heading = "AWS")]
    pub region: Option<String>,
    /// AWS profile
    #[arg(long, value_name = "PROFILE", alias = "aws-profile", help_heading = "AWS")]
    pub profile: Option<String>,
    /// A role to assume first, in the account of the cluster
    #[arg(long, value_name = "ARN", help_heading = "AWS")]
    pub assume_role: Option<String>,
    /// The hub in AWS
    #[command(flatten)]
    pub hub_aws: HubAwsArgs,
    /// Asking
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Writing
    #[command(flatten)]
    pub write: WriteArgs,
}

/// What becomes of the Applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applications {
    /// There must be none.
    Refuse,
    /// They are taken away first.
    Drain {
        /// How long it may take.
        timeout: Duration,
    },
    /// What they deployed stays.
    KeepWorkloads,
    /// A drain is taken back.
    Cancel,
}

/// `unregister`, checked.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each flag stands for itself")]
pub struct UnregisterOptions {
    /// NAME.
    pub name: String,
    /// What becomes of the Applications.
    pub applications: Applications,
    /// No error if there is no such cluster.
    pub ignore_not_found: bool,
    /// Leave AWS as it is.
    pub skip_access: bool,
    /// Leave the hub as it is.
    pub access_only: bool,
    /// Name in EKS, if said.
    pub aws_cluster_name: Option<String>,
    /// Credentials for the account of the cluster.
    pub aws: AwsOptions,
    /// Credentials for the account of the hub.
    pub hub_aws: HubAws,
    /// Do not ask.
    pub yes: bool,
    /// How to write.
    pub write: WriteOptions,
}

impl UnregisterArgs {
    /// Checks what the flags say together.
    pub fn resolve(self) -> anyhow::Result<UnregisterOptions> {
        let Self {
            name,
            hub: _,
            drain,
            keep_workloads,
            cancel,
            timeout,
            ignore_not_found,
            skip_access,
            access_only,
            aws_cluster_name,
            region,
            profile,
            assume_role,
            hub_aws,
            confirm,
            write,
        } = self;
        let timeout = duration("--timeout", timeout.as_deref().unwrap_or("10m"))?;
        Ok(UnregisterOptions {
            name: name.unwrap_or_default(),
            applications: match (drain, keep_workloads, cancel) {
                (true, _, _) => Applications::Drain { timeout },
                (_, true, _) => Applications::KeepWorkloads,
                (_, _, true) => Applications::Cancel,
                (false, false, false) => Applications::Refuse,
            },
            ignore_not_found,
            skip_access,
            access_only,
            aws_cluster_name,
            aws: AwsOptions {
                region,
                profile,
                assume_role,
            },
            hub_aws: hub_aws.resolve(),
            yes: confirm.yes,
            write: write.resolve()?,
        })
    }
}
