//! `init`.

use std::collections::BTreeMap;

use bridge_aws::AwsOptions;
use bridge_core::access::policy_arn;
use bridge_kube::WriteOptions;
use clap::{Args, builder::PossibleValuesParser};

use super::{HubAws, HubAwsArgs, WriteArgs};
use crate::usage::usage;

/// Prepare a hub: its own cluster Secret, and the team's defaults for "register".
///
/// The defaults are a ConfigMap, kubectl-bridge-defaults, in Argo CD's namespace: where spokes are, how Argo CD gets in, which
/// names they have, where addons and workloads come from. What is learned of the hub in AWS is kept there too, so that later calls
/// need not touch its account. Run again, it changes what it is told and keeps the rest.
#[derive(Debug, Args)]
#[command(after_help = "\
Names and ARNs may hold {name}, {account}, {region}, {environment} and {tag:KEY}. An empty value takes a default away.

Examples:
  kubectl bridge init --hub-aws-cluster-name hub --region eu-west-1 --access-policy cluster-admin
  kubectl bridge init --aws-cluster-name spoke-{name} --assume-role arn:aws:iam::{account}:role/bridge
  kubectl bridge init --addons-repo-url https://github.com/acme/addons --addons-repo-path bootstrap --dry-run
  kubectl bridge init --hub-aws-cluster-name hub --pod-identity-role arn:aws:iam::111122223333:role/argocd
  kubectl bridge init --access-policy ''")]
pub struct InitArgs {
    /// Short name of the hub [default: as it is registered with itself, else control-plane]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Write no cluster Secret for the hub
    #[arg(long, conflicts_with = "name")]
    pub no_hub_secret: bool,
    /// The hub in AWS
    #[command(flatten)]
    pub hub_aws: HubAwsArgs,
    /// Give the service accounts of Argo CD this role by pod identity, where they have none
    #[arg(long, value_name = "ARN", help_heading = "The hub in AWS")]
    pub pod_identity_role: Option<String>,
    /// The defaults
    #[command(flatten)]
    pub defaults: DefaultsArgs,
    /// Repositories
    #[command(flatten)]
    pub repositories: RepositoryArgs,
    /// Writing
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Defaults of the team.
#[derive(Debug, Args)]
#[command(next_help_heading = "Defaults of the team")]
pub struct DefaultsArgs {
    /// AWS region of spokes
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// How Argo CD gets in: direct, role or capability [default: capability where the hub has it]
    #[arg(long, value_name = "HOW", value_parser = PossibleValuesParser::new(["direct", "role", "capability", ""]),
          hide_possible_values = true)]
    access: Option<String>,
    /// What Argo CD may do on spokes: cluster-admin, admin, edit, view, or the name or ARN of an EKS access policy
    #[arg(long, value_name = "POLICY")]
    access_policy: Option<String>,
    /// The only namespaces it may do it in, comma-separated
    #[arg(long, value_name = "NAMESPACES")]
    access_namespaces: Option<String>,
    /// Argo CD project of spokes
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Name of a spoke in EKS: spoke-{name}
    #[arg(long, value_name = "PATTERN")]
    aws_cluster_name: Option<String>,
    /// Name on the hub of a spoke that "register --discovered" finds: {name}-{region}
    #[arg(long, value_name = "PATTERN")]
    name_pattern: Option<String>,
    /// Role that Argo CD assumes to get into a spoke
    #[arg(long, value_name = "PATTERN")]
    aws_role_arn: Option<String>,
    /// Role that this tool assumes in the account of a spoke
    #[arg(long, value_name = "PATTERN")]
    assume_role: Option<String>,
}

/// Where addons and workloads come from: annotations of every cluster that is registered.
#[derive(Debug, Args)]
#[command(next_help_heading = "Repositories")]
pub struct RepositoryArgs {
    /// Repository of the addons
    #[arg(long, value_name = "URL")]
    addons_repo_url: Option<String>,
    /// Its base path
    #[arg(long, value_name = "PATH")]
    addons_repo_basepath: Option<String>,
    /// Path in it
    #[arg(long, value_name = "PATH")]
    addons_repo_path: Option<String>,
    /// Revision of it
    #[arg(long, value_name = "REVISION")]
    addons_repo_revision: Option<String>,
    /// Repository of the workloads
    #[arg(long, value_name = "URL")]
    workload_repo_url: Option<String>,
    /// Its base path
    #[arg(long, value_name = "PATH")]
    workload_repo_basepath: Option<String>,
    /// Path in it
    #[arg(long, value_name = "PATH")]
    workload_repo_path: Option<String>,
    /// Revision of it
    #[arg(long, value_name = "REVISION")]
    workload_repo_revision: Option<String>,
}

/// `init`, checked.
#[derive(Debug)]
pub struct InitOptions {
    /// NAME.
    pub name: Option<String>,
    /// Whether the hub gets a Secret.
    pub hub_secret: bool,
    /// The hub in AWS.
    pub hub_aws: HubAws,
    /// Credentials for it.
    pub aws: AwsOptions,
    /// `--pod-identity-role`.
    pub pod_identity_role: Option<String>,
    /// Defaults to set (`Some`) and to take away (`None`), as the ConfigMap names them.
    pub changes: BTreeMap<String, Option<String>>,
    /// How to write.
    pub write: WriteOptions,
}

impl InitArgs {
    /// Checks what the flags say together.
    pub fn resolve(self) -> anyhow::Result<InitOptions> {
        let Self {
            name,
            no_hub_secret,
            hub_aws,
            pod_identity_role,
            defaults,
            repositories,
            write,
        } = self;
        if let Some(role) = pod_identity_role
            .as_ref()
            .filter(|role| !(role.starts_with("arn:") && role.contains(":role/")))
        {
            return usage(format!(
                "--pod-identity-role \"{role}\" is not the ARN of an IAM role"
            ));
        }
        let policy = defaults
            .access_policy
            .as_ref()
            .filter(|policy| !policy.is_empty());
        if let Some(Err(error)) = policy.map(|policy| policy_arn(policy, "aws")) {
            return usage(format!("--access-policy: {error}"));
        }
        let changes = defaults
            .pairs()
            .into_iter()
            .chain(repositories.pairs())
            .filter_map(|(key, value)| {
                let value = value?;
                Some((key.to_owned(), Some(value).filter(|value| !value.is_empty())))
            })
            .collect();
        Ok(InitOptions {
            name,
            hub_secret: !no_hub_secret,
            hub_aws: hub_aws.resolve(),
            aws: AwsOptions::default(),
            pod_identity_role,
            changes,
            write: write.resolve()?,
        })
    }
}

impl DefaultsArgs {
    fn pairs(self) -> [(&'static str, Option<String>); 9] {
        let Self {
            region,
            access,
            access_policy,
            access_namespaces,
            project,
            aws_cluster_name,
            name_pattern,
            aws_role_arn,
            assume_role,
        } = self;
        [
            ("region", region),
            ("access", access),
            ("access-policy", access_policy),
            ("access-namespaces", access_namespaces),
            ("project", project),
            ("aws-cluster-name", aws_cluster_name),
            ("name-pattern", name_pattern),
            ("aws-role-arn", aws_role_arn),
            ("assume-role", assume_role),
        ]
    }
}

impl RepositoryArgs {
    fn pairs(self) -> [(&'static str, Option<String>); 8] {
        let Self {
            addons_repo_url,
            addons_repo_basepath,
            addons_repo_path,
            addons_repo_revision,
            workload_repo_url,
            workload_repo_basepath,
            workload_repo_path,
            workload_repo_revision,
        } = self;
        [
            ("addons_repo_url", addons_repo_url),
            ("addons_repo_basepath", addons_repo_basepath),
            ("addons_repo_path", addons_repo_path),
            ("addons_repo_revision", addons_repo_revision),
            ("workload_repo_url", workload_repo_url),
            ("workload_repo_basepath", workload_repo_basepath),
            ("workload_repo_path", workload_repo_path),
            ("workload_repo_revision", workload_repo_revision),
        ]
    }
}
