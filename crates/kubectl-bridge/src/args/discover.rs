//! `discover`.

use bridge_core::defaults::Pattern;
use clap::Args;

use crate::usage::{UsageError, usage};

/// Find EKS clusters, and how they stand against the hub.
///
/// Lists the clusters of any number of accounts and regions, and those of the hub that belong there. Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
States: registered (as it is in EKS), missing (not on the hub), changed (the hub has other facts, or the
cluster was made anew), gone (on the hub, and no longer in EKS), elsewhere (another hub's, or on this one in
an account or region that was not looked at), unknown. Missing, changed and gone are drift.

Another hub's is a cluster that is missing here and has an access entry with that hub's mark, the tag
kubectl-bridge/hub. To find it EKS is asked for the access entries of missing clusters, and of those only: one
call for the list, and one for each entry. Without eks:ListAccessEntries and eks:DescribeAccessEntry nobody
looks, and that is said. What is missing is registered with register --discovered.

Examples:
  kubectl bridge discover
  kubectl bridge discover --region eu-west-1,us-east-1 --tag team=payments
  kubectl bridge discover --region all --profile dev,prod --check
  kubectl bridge discover --accounts 111122223333,444455556666 --assume-role arn:aws:iam::{account}:role/bridge
  kubectl bridge discover -o json")]
pub struct DiscoverArgs {
    /// Regions; "all" are those that EKS had when this was built, less those that the account has not switched on or may not
    /// use [default: as "init" stored it, else as the aws CLI finds it]
    #[arg(
        long,
        value_name = "REGION",
        value_delimiter = ',',
        help_heading = "Where to look"
    )]
    pub region: Vec<String>,
    /// AWS profiles, one for each account
    #[arg(
        long,
        value_name = "PROFILE",
        value_delimiter = ',',
        alias = "aws-profile",
        help_heading = "Where to look"
    )]
    pub profile: Vec<String>,
    /// Role to assume in each of --accounts; {account} stands for it [default: as "init" stored it]
    #[arg(long, value_name = "ARN", help_heading = "Where to look")]
    pub assume_role: Option<String>,
    /// Accounts to look at, with --assume-role
    #[arg(
        long,
        value_name = "ACCOUNT",
        value_delimiter = ',',
        help_heading = "Where to look"
    )]
    pub accounts: Vec<String>,
    /// Only clusters with this tag; given several times, with all of them
    #[arg(long = "tag", value_name = "KEY[=VALUE]", help_heading = "What to show")]
    pub tags: Vec<String>,
    /// Exit with 1 if there is drift
    #[arg(long, help_heading = "What to show")]
    pub check: bool,
    /// Clusters that are described at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
}

/// `discover`, checked.
#[derive(Debug, Clone)]
pub struct DiscoverOptions {
    /// `--region`; empty for the default.
    pub regions: Vec<String>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// `--assume-role`.
    pub assume_role: Option<Pattern>,
    /// `--accounts`.
    pub accounts: Vec<String>,
    /// `--tag`: key, and value if it matters.
    pub tags: Vec<(String, Option<String>)>,
    /// `--check`.
    pub check: bool,
    /// `--concurrency`.
    pub concurrency: usize,
}

impl DiscoverArgs {
    /// Checks what the flags say together.
    pub fn resolve(self) -> anyhow::Result<DiscoverOptions> {
        let Self {
            region,
            profile,
            assume_role,
            accounts,
            tags,
            check,
            concurrency,
        } = self;
        let places = Places {
            regions: region,
            profiles: profile,
            assume_role,
            accounts,
        };
        Ok(DiscoverOptions {
            check,
            ..places.resolve(tags, concurrency)?
        })
    }
}

/// Where to look, as flags say it.
#[derive(Debug)]
pub struct Places {
    /// `--region`.
    pub regions: Vec<String>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// `--assume-role`.
    pub assume_role: Option<String>,
    /// `--accounts`.
    pub accounts: Vec<String>,
}

impl Places {
    /// Checks what the flags say together.
    pub fn resolve(self, tags: Vec<String>, concurrency: u16) -> anyhow::Result<DiscoverOptions> {
        let Self {
            regions,
            profiles,
            assume_role,
            accounts,
        } = self;
        if regions.len() > 1 && regions.iter().any(|region| region == "all") {
            return usage("--region: all, or a list of regions");
        }
        for account in &accounts {
            if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
                return usage(format!(
                    "--accounts: \"{account}\" is not an AWS account (twelve digits)"
                ));
            }
        }
        if !accounts.is_empty() && profiles.len() > 1 {
            return usage("--accounts: one profile at most assumes the role in each of them");
        }
        let assume_role = assume_role
            .map(|text| Pattern::parse(&text))
            .transpose()
            .map_err(|error| UsageError::new(format!("--assume-role: {error}")))?;
        let tags = tags
            .into_iter()
            .map(|text| match text.split_once('=') {
                Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
                None => (text, None),
            })
            .collect();
        Ok(DiscoverOptions {
            regions,
            profiles,
            assume_role,
            accounts,
            tags,
            check: false,
            concurrency: concurrency.into(),
        })
    }
}
