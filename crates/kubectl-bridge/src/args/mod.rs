//! The command line: clap structs that hold text. Each command resolves its own into typed options.

mod addons;
mod annotate;
mod aws;
mod check;
mod completion;
mod confirm;
mod demo;
mod describe;
mod discover;
mod get;
mod global;
mod init;
mod label;
mod params;
mod register;
mod select;
mod unregister;
mod update;
mod version;
mod wait;
mod write;

use clap::{Parser, Subcommand};

pub use addons::AddonsArgs;
pub use annotate::AnnotateArgs;
pub use aws::AwsArgs;
pub use check::{CheckArgs, CheckOptions};
pub use completion::CompletionArgs;
pub use confirm::ConfirmArgs;
pub use demo::DemoArgs;
pub use describe::DescribeArgs;
pub use discover::{DiscoverArgs, DiscoverOptions};
pub use get::GetArgs;
pub use global::{GlobalArgs, GlobalOptions, HubOptions};
pub(crate) use global::{platform, user_agent};
pub use init::{InitArgs, InitOptions};
pub use label::LabelArgs;
pub use params::ParamsArgs;
pub use register::{
    EksAccess, GrantOptions, HubAws, HubAwsArgs, ManyOptions, RegisterArgs, RegisterOptions, Way,
};
pub use select::SelectArgs;
pub(crate) use select::parse_selector;
pub use unregister::{Applications, UnregisterArgs, UnregisterOptions};
pub use update::{UpdateArgs, UpdateOptions};
pub use version::VersionArgs;
pub use wait::{WaitArgs, WaitFor, WaitOptions};
pub use write::WriteArgs;
pub(crate) use write::duration;

use crate::{commands, context::Context, exit::Exit};

/// Register clusters with an Argo CD hub, switch their addons, see what ApplicationSets get to know.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-bridge",
    bin_name = crate::BIN_NAME,
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 110,
    infer_subcommands = false,
    after_help = AFTER_HELP,
)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  kubectl bridge get
  kubectl bridge addons dev --enable karpenter --dry-run
  kubectl bridge register dev --aws-cluster-name my-dev --access role --aws-role-arn arn:aws:iam::111122223333:role/hub

Exit codes: 0 done, 1 failed, 2 usage error, 130 interrupted.";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List registered clusters
    #[command(visible_alias = "list")]
    Get(GetArgs),
    /// Show all that is known of a cluster
    Describe(DescribeArgs),
    /// Show or switch the addons of clusters
    #[command(alias = "addon")]
    Addons(AddonsArgs),
    /// Set or remove labels of clusters
    Label(LabelArgs),
    /// Set or remove metadata (annotations) of clusters
    Annotate(AnnotateArgs),
    /// Prepare a hub: its own cluster Secret, and defaults for register
    Init(Box<InitArgs>),
    /// Register a cluster with the hub, or update it; or all that are missing
    Register(Box<RegisterArgs>),
    /// Bring what is known of EKS clusters up to date
    Update(UpdateArgs),
    /// Find EKS clusters, and how they stand against the hub
    Discover(DiscoverArgs),
    /// Find out what is wrong with a hub and its clusters
    Check(CheckArgs),
    /// Take a cluster off the hub
    Unregister(UnregisterArgs),
    /// Show what the generator answers an ApplicationSet
    Params(ParamsArgs),
    /// Try it all on a folder, without a cluster
    Demo(DemoArgs),
    /// Show the version
    Version(VersionArgs),
    /// Set up shell completion
    Completion(CompletionArgs),
}

impl Command {
    /// Runs the command.
    pub async fn run(self, ctx: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Get(args) => commands::get::run(ctx, args).await,
            Self::Describe(args) => commands::describe::run(ctx, args).await,
            Self::Addons(args) => commands::addons::run(ctx, args).await,
            Self::Label(args) => commands::label::run(ctx, args).await,
            Self::Annotate(args) => commands::annotate::run(ctx, args).await,
            // The longest story of all: on the heap, so that the others stay small.
            Self::Register(args) => Box::pin(commands::register::run(ctx, *args)).await,
            Self::Init(args) => Box::pin(commands::init::run(ctx, *args)).await,
            Self::Update(args) => Box::pin(commands::update::run(ctx, args)).await,
            Self::Discover(args) => Box::pin(commands::discover::run(ctx, args)).await,
            Self::Check(args) => Box::pin(commands::check::run(ctx, args)).await,
            Self::Unregister(args) => commands::unregister::run(ctx, args).await,
            Self::Params(args) => commands::params::run(ctx, args).await,
            Self::Demo(args) => commands::demo::run(ctx, args).await,
            Self::Version(args) => commands::version::run(ctx, &args),
            Self::Completion(args) => commands::completion::run(ctx, args),
        }
    }
}
