//! Flags of commands that look at clusters in AWS.

use bridge_aws::AwsOptions;
use bridge_core::defaults::Pattern;
use clap::Args;

use crate::usage::UsageError;

/// Flags of commands that look at clusters in AWS.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS")]
pub struct AwsArgs {
    /// AWS profile
    #[arg(long, value_name = "PROFILE", alias = "aws-profile")]
    profile: Option<String>,
    /// Role to assume first; {account} stands for the account of the cluster
    #[arg(long, value_name = "ARN")]
    assume_role: Option<String>,
}

impl AwsArgs {
    /// Credentials, and the pattern of the role if one is named.
    pub fn resolve(self) -> anyhow::Result<(AwsOptions, Option<Pattern>)> {
        let Self { profile, assume_role } = self;
        let pattern = assume_role
            .map(|text| Pattern::parse(&text))
            .transpose()
            .map_err(|error| UsageError::new(format!("--assume-role: {error}")))?;
        let options = AwsOptions {
            profile,
            ..AwsOptions::default()
        };
        Ok((options, pattern))
    }
}
