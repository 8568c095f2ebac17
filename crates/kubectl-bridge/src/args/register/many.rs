//! Flags of `register --discovered`.

use bridge_core::defaults::Pattern;
use clap::Args;

use crate::{
    args::{DiscoverOptions, discover::Places},
    usage::{UsageError, usage},
};

/// Registering what `discover` finds.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many clusters")]
pub struct ManyArgs {
    /// Instead of NAME: every cluster that "discover" finds missing, with the same --region, --profile, --assume-role, --accounts
    /// and --tag
    #[arg(long, conflicts_with_all = ["name", "way", "aws_cluster_name", "role_name"])]
    pub discovered: bool,
    /// Accounts to look at, with --assume-role
    #[arg(
        long,
        value_name = "ACCOUNT",
        value_delimiter = ',',
        requires = "discovered",
        conflicts_with = "name"
    )]
    pub accounts: Vec<String>,
    /// Only clusters with this tag; given several times, with all of them
    #[arg(
        long = "tag",
        value_name = "KEY[=VALUE]",
        requires = "discovered",
        conflicts_with = "name"
    )]
    pub tags: Vec<String>,
    /// NAME of each, such as {name}-{region}: {name} is its name in EKS, or what the team's pattern for that makes of it
    /// [default: as "init" stored it, else {name}]
    #[arg(
        long,
        value_name = "PATTERN",
        requires = "discovered",
        conflicts_with = "name"
    )]
    pub name_pattern: Option<String>,
    /// Refuse if more clusters than this would be registered
    #[arg(long, value_name = "N", requires = "discovered", conflicts_with = "name")]
    pub max_clusters: Option<usize>,
    /// Clusters that are worked on at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256),
          requires = "discovered", conflicts_with = "name")]
    pub concurrency: u16,
    /// Do not ask
    #[arg(short, long, requires = "discovered", conflicts_with = "name")]
    pub yes: bool,
}

/// `register --discovered`, checked.
#[derive(Debug, Clone)]
pub struct ManyOptions {
    /// Where to look, and for what.
    pub discover: DiscoverOptions,
    /// `--name-pattern`.
    pub name_pattern: Option<Pattern>,
    /// `--max-clusters`.
    pub max_clusters: Option<usize>,
    /// `--yes`.
    pub yes: bool,
}

impl ManyArgs {
    /// Checks what the flags say together; `None` without `--discovered`.
    pub fn resolve(
        self,
        regions: &[String],
        profiles: &[String],
        assume_role: Option<&str>,
    ) -> anyhow::Result<Option<ManyOptions>> {
        let Self {
            discovered,
            accounts,
            tags,
            name_pattern,
            max_clusters,
            concurrency,
            yes,
        } = self;
        if !discovered {
            for (flag, words) in [("--region", regions), ("--profile", profiles)] {
                if words.len() > 1 {
                    return usage(format!("{flag} is given twice; several are for --discovered"));
                }
            }
            return Ok(None);
        }
        let split = |words: &[String]| {
            words
                .iter()
                .flat_map(|word| word.split(','))
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let places = Places {
            regions: split(regions),
            profiles: split(profiles),
            assume_role: assume_role.map(str::to_owned),
            accounts,
        };
        let name_pattern = name_pattern
            .map(|text| Pattern::parse(&text))
            .transpose()
            .map_err(|error| UsageError::new(format!("--name-pattern: {error}")))?;
        Ok(Some(ManyOptions {
            discover: places.resolve(tags, concurrency)?,
            name_pattern,
            max_clusters,
            yes,
        }))
    }
}
