//! `register`.

mod grant;
mod many;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::bail;
use bridge_aws::AwsOptions;
use bridge_core::{catalog::Catalog, selector::Map};
use bridge_kube::WriteOptions;
use clap::{ArgAction, ArgGroup, Args, builder::PossibleValuesParser};

pub use grant::{GrantArgs, GrantOptions, HubAws, HubAwsArgs};
pub use many::{ManyArgs, ManyOptions};

use super::WriteArgs;
use crate::usage::{UsageError, usage};

/// Register a cluster with the hub, or update it.
///
/// Makes access for Argo CD in AWS, then writes the cluster Secret of the GitOps Bridge pattern: what EKS knows as annotations,
/// environment and addons as labels, and how Argo CD gets in. Run again, it updates what it owns and keeps what it is not told.
/// A run that was ended half-way is finished by running it again.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("way").args(["spoke_context", "endpoint", "in_cluster"]),
    after_help = "\
Without --spoke-context, --endpoint and --in-cluster the cluster is one of EKS: NAME there, or
--aws-cluster-name. Its environment, if not said, is what it was, else the EKS tag \"environment\", else NAME
if that is dev, staging, prod or control-plane.

Access in AWS is made where it is known which EKS cluster the hub is: an access entry for Argo CD's role (or
for that of the EKS capability, or for a role between them: --create-role), with the policy that
--access-policy or the team's defaults name. Where it is not known, or with --skip-access, only the Secret is
written. What was made by somebody else is used where it is enough, and never changed without --adopt.

With --discovered all that is missing on the hub is shown, with what comes of it, and registered once you
agree; a failure does not keep the others from being registered. Left out are the hub itself, clusters that
are not ACTIVE, and those that another hub has marked, also with --adopt. Run it again to go on.

Examples:
  kubectl bridge register dev --region eu-west-1 --enable metrics-server,cert-manager
  kubectl bridge register dev --hub-aws-cluster-name hub --access-policy cluster-admin --dry-run
  kubectl bridge register dev --create-role --assume-role arn:aws:iam::444455556666:role/platform \\
    --access-policy edit --access-namespaces team-a,team-b
  kubectl bridge register prod --aws-cluster-name acme-prod --aws-role-arn arn:aws:iam::111122223333:role/argocd
  terraform output -json | kubectl bridge register staging --metadata-file -
  kubectl bridge register control-plane --in-cluster
  kubectl bridge register edge --environment prod --spoke-context kind-edge
  kubectl bridge register dev --endpoint https://10.0.0.5:6443 --ca-file ca.crt --token-file token
  kubectl bridge register dev --dry-run
  kubectl bridge register --discovered --region eu-west-1,us-east-1 --tag team=payments --dry-run
  kubectl bridge register --discovered --accounts 111122223333,444455556666 \\
    --assume-role arn:aws:iam::{account}:role/bridge --name-pattern {name}-{region} --max-clusters 50"
)]
#[expect(clippy::struct_excessive_bools, reason = "flags are what they are")]
pub struct RegisterArgs {
    /// Short name of the cluster
    #[arg(value_name = "NAME", required_unless_present = "discovered")]
    pub name: Option<String>,

    /// Name of the cluster in EKS, or its ARN [default: as registered, else NAME]
    #[arg(long, value_name = "NAME", help_heading = "EKS")]
    pub aws_cluster_name: Option<String>,
    /// AWS region [default: as registered, else as the aws CLI finds it]; with --discovered also several, or all
    #[arg(long, value_name = "REGION", help_heading = "EKS")]
    pub region: Vec<String>,
    /// AWS profile; with --discovered also several
    #[arg(long, value_name = "PROFILE", alias = "aws-profile", help_heading = "EKS")]
    pub profile: Vec<String>,
    /// A role to assume first, in the account of the cluster; with --discovered {account} stands for that
    #[arg(long, value_name = "ARN", help_heading = "EKS")]
    pub assume_role: Option<String>,
    /// How Argo CD gets in: direct (its own role has an access entry), role (it assumes --aws-role-arn), capability (Argo CD
    /// is an EKS capability) [default: as registered, else role with --aws-role-arn, else what the hub is]
    #[arg(long, value_name = "HOW", value_parser = PossibleValuesParser::new(["direct", "role", "capability"]),
          hide_possible_values = true, conflicts_with = "way", help_heading = "EKS")]
    pub access: Option<String>,
    /// Role that Argo CD assumes to get in
    #[arg(long, value_name = "ARN", conflicts_with = "way", help_heading = "EKS")]
    pub aws_role_arn: Option<String>,

    /// Many clusters
    #[command(flatten)]
    pub many: ManyArgs,
    /// Access in AWS
    #[command(flatten)]
    pub grant: GrantArgs,
    /// The hub in AWS
    #[command(flatten)]
    pub hub_aws: HubAwsArgs,

    /// A context of the kubeconfig: makes the account argocd-manager there, as "argocd cluster add" does
    #[arg(long, value_name = "CONTEXT", help_heading = "Other clusters")]
    pub spoke_context: Option<String>,
    /// The kubeconfig of --spoke-context [default: that of the hub]
    #[arg(long, value_name = "FILE", requires = "spoke_context", value_hint = clap::ValueHint::FilePath,
          help_heading = "Other clusters")]
    pub spoke_kubeconfig: Option<PathBuf>,
    /// Make nothing there: take the token or client certificate that the context has
    #[arg(long, requires = "spoke_context", help_heading = "Other clusters")]
    pub copy_credentials: bool,
    /// URL of the API server
    #[arg(
        long,
        value_name = "URL",
        requires = "token_file",
        help_heading = "Other clusters"
    )]
    pub endpoint: Option<String>,
    /// Its certificate authority, PEM
    #[arg(long, value_name = "FILE", requires = "endpoint", value_hint = clap::ValueHint::FilePath,
          help_heading = "Other clusters")]
    pub ca_file: Option<PathBuf>,
    /// A bearer token for it
    #[arg(long, value_name = "FILE", requires = "endpoint", value_hint = clap::ValueHint::FilePath,
          help_heading = "Other clusters")]
    pub token_file: Option<PathBuf>,
    /// The hub itself
    #[arg(long, help_heading = "Other clusters")]
    pub in_cluster: bool,

    /// Environment: dev, staging, prod, control-plane or any other
    #[arg(long, value_name = "NAME", help_heading = "What it carries")]
    pub environment: Option<String>,
    /// Addons to switch on
    #[arg(long, value_name = "ADDON", value_delimiter = ',', add = crate::complete::addons(), help_heading = "What it carries")]
    pub enable: Vec<String>,
    /// A label; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", help_heading = "What it carries")]
    pub labels: Vec<String>,
    /// An annotation; may be given several times
    #[arg(
        long = "annotation",
        value_name = "KEY=VALUE",
        help_heading = "What it carries"
    )]
    pub annotations: Vec<String>,
    /// Annotations from a file, or - for stdin: terraform output -json, or a flat JSON or YAML map
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "What it carries")]
    pub metadata_file: Option<PathBuf>,
    /// Terraform output to read instead of all whose name begins with `gitops_metadata`
    #[arg(
        long,
        value_name = "KEY",
        requires = "metadata_file",
        help_heading = "What it carries"
    )]
    pub metadata_key: Option<String>,

    /// Argo CD project that alone may use the cluster
    #[arg(long, value_name = "PROJECT", help_heading = "Argo CD")]
    pub project: Option<String>,
    /// Leave out the roles that known addons have on the cluster by pod identity
    #[arg(long, help_heading = "What it carries")]
    pub no_discover_roles: bool,
    /// Shard of the application controller
    #[arg(long, value_name = "N", help_heading = "Argo CD")]
    pub shard: Option<u32>,
    /// The only namespaces that Argo CD manages there; an empty list means all
    #[arg(
        long,
        value_name = "NAMESPACE",
        value_delimiter = ',',
        help_heading = "Argo CD"
    )]
    pub namespaces: Option<Vec<String>>,
    /// Cluster-scoped objects as well, where --namespaces is set
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          action = ArgAction::Set, help_heading = "Argo CD")]
    pub cluster_resources: Option<bool>,
    /// Proxy on Argo CD's way to the cluster (http, https, socks5)
    #[arg(long, value_name = "URL", help_heading = "Argo CD")]
    pub proxy_url: Option<String>,

    /// Write a token or key into the files of a folder hub, which may end up in Git
    #[arg(long, help_heading = "Writing")]
    pub allow_credentials_in_folder: bool,
    /// Writing
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Where the cluster is and how Argo CD gets in, as far as the flags say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Not said: as registered, else EKS.
    Unsaid,
    /// EKS, with this access.
    Eks(EksAccess),
    /// A context of a kubeconfig.
    Context {
        /// Name of the context.
        context: String,
        /// Its kubeconfig, if not the hub's.
        kubeconfig: Option<PathBuf>,
        /// Take the context's own credentials.
        copy: bool,
    },
    /// An API server with a token.
    Endpoint {
        /// URL.
        server: String,
        /// Certificate authority, PEM.
        ca_file: Option<PathBuf>,
        /// Bearer token.
        token_file: PathBuf,
    },
    /// The hub itself.
    InCluster,
}

/// `--access` and `--aws-role-arn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EksAccess {
    /// `direct`.
    Direct,
    /// `role`; without an ARN the one that is registered, or that is made.
    Role(Option<String>),
    /// `capability`.
    Capability,
}

/// `register`, checked.
#[derive(Debug, Clone)]
pub struct RegisterOptions {
    /// NAME; empty with `--discovered`.
    pub name: String,
    /// `--discovered`.
    pub many: Option<ManyOptions>,
    /// How Argo CD gets in.
    pub way: Way,
    /// Name in EKS, if said.
    pub aws_cluster_name: Option<String>,
    /// Region, profile and role to assume.
    pub aws: AwsOptions,
    /// What is made in AWS.
    pub grant: GrantOptions,
    /// The hub in AWS.
    pub hub_aws: HubAws,
    /// `--environment`.
    pub environment: Option<String>,
    /// Labels and toggles.
    pub labels: Map,
    /// Annotations, without those of the metadata file.
    pub annotations: Map,
    /// Without `--no-discover-roles`.
    pub discover_roles: bool,
    /// `--metadata-file` and `--metadata-key`.
    pub metadata: Option<(PathBuf, Option<String>)>,
    /// `--project`.
    pub project: Option<String>,
    /// `--shard`.
    pub shard: Option<u32>,
    /// `--namespaces`.
    pub namespaces: Option<Vec<String>>,
    /// `--cluster-resources`.
    pub cluster_resources: Option<bool>,
    /// `--proxy-url`.
    pub proxy_url: Option<String>,
    /// `--allow-credentials-in-folder`.
    pub credentials_in_folder: bool,
    /// How to write.
    pub write: WriteOptions,
}

impl RegisterArgs {
    /// Checks what the flags say together.
    pub fn resolve(self) -> anyhow::Result<RegisterOptions> {
        let Self {
            name,
            aws_cluster_name,
            region,
            profile,
            assume_role,
            access,
            aws_role_arn,
            many,
            grant,
            hub_aws,
            spoke_context,
            spoke_kubeconfig,
            copy_credentials,
            endpoint,
            ca_file,
            token_file,
            in_cluster,
            environment,
            enable,
            labels,
            annotations,
            metadata_file,
            metadata_key,
            no_discover_roles,
            project,
            shard,
            namespaces,
            cluster_resources,
            proxy_url,
            allow_credentials_in_folder,
            write,
        } = self;
        let many = many.resolve(&region, &profile, assume_role.as_deref())?;
        // Of many each has its own; the first profile may be that of the hub.
        let first = |words: Vec<String>| words.into_iter().next();
        let aws = match &many {
            None => AwsOptions {
                region: first(region),
                profile: first(profile),
                assume_role,
            },
            Some(many) => AwsOptions {
                profile: many.discover.profiles.first().cloned(),
                ..AwsOptions::default()
            },
        };
        let way = match (spoke_context, endpoint, token_file, in_cluster) {
            (Some(context), ..) => Way::Context {
                context,
                kubeconfig: spoke_kubeconfig,
                copy: copy_credentials,
            },
            (_, Some(server), Some(token_file), _) => Way::Endpoint {
                server,
                ca_file,
                token_file,
            },
            (.., true) => Way::InCluster,
            _ => eks_way(access.as_deref(), aws_role_arn, grant.create_role)?,
        };
        let asks_aws = aws_cluster_name.is_some() || matches!(way, Way::Unsaid | Way::Eks(_));
        if !asks_aws && aws != AwsOptions::default() {
            return usage(
                "--region, --profile and --assume-role are for EKS: add --aws-cluster-name NAME to take its facts from there",
            );
        }
        Ok(RegisterOptions {
            name: name.unwrap_or_default(),
            many,
            way,
            aws_cluster_name,
            aws,
            grant: grant.resolve()?,
            hub_aws: hub_aws.resolve(),
            environment,
            labels: labels_and_toggles(labels, &enable)?,
            annotations: pairs("--annotation", annotations)?,
            discover_roles: !no_discover_roles,
            metadata: metadata_file.map(|file| (file, metadata_key)),
            project,
            shard,
            namespaces: namespaces
                .map(|list| list.into_iter().filter(|one| !one.trim().is_empty()).collect()),
            cluster_resources,
            proxy_url,
            credentials_in_folder: allow_credentials_in_folder,
            write: write.resolve()?,
        })
    }
}

/// `--label` and `--enable`.
fn labels_and_toggles(words: Vec<String>, enable: &[String]) -> anyhow::Result<Map> {
    let mut labels = pairs("--label", words)?;
    let catalog = Catalog::builtin();
    for word in enable {
        let label = catalog
            .resolve(word)
            .map_err(|error| {
                // The way out that the catalog names is one of "addons".
                UsageError::new(
                    error
                        .to_string()
                        .replace("--toggle LABEL=true|false", "--label LABEL=true"),
                )
            })?
            .label();
        if labels.get(&label).is_some_and(|value| value != "true") {
            return usage(format!("--label {label} contradicts --enable {word}"));
        }
        labels.insert(label, "true".into());
    }
    Ok(labels)
}

fn eks_way(access: Option<&str>, role_arn: Option<String>, create_role: bool) -> anyhow::Result<Way> {
    if let (true, Some(other @ ("direct" | "capability"))) = (create_role, access) {
        return usage(format!(
            "--create-role makes a role between Argo CD and the cluster, and --access {other} has none"
        ));
    }
    Ok(match (access, role_arn) {
        (None, None) if create_role => Way::Eks(EksAccess::Role(None)),
        (None, None) => Way::Unsaid,
        (None | Some("role"), Some(arn)) => Way::Eks(EksAccess::Role(Some(arn))),
        (Some("role"), None) => Way::Eks(EksAccess::Role(None)),
        (Some("direct"), None) => Way::Eks(EksAccess::Direct),
        (Some("capability"), None) => Way::Eks(EksAccess::Capability),
        (Some("capability"), Some(_)) => {
            return usage(
                "--aws-role-arn has no place with --access capability: the server is then the cluster's ARN and there is no \
                 config to keep a role in; the capability's own role gets in",
            );
        }
        (Some("direct"), Some(_)) => {
            return usage(
                "--access direct uses Argo CD's own role: leave --aws-role-arn out, or say --access role",
            );
        }
        (Some(other), _) => bail!("--access {other} is not known"),
    })
}

fn pairs(flag: &str, words: Vec<String>) -> anyhow::Result<Map> {
    let mut map = Map::new();
    for word in words {
        let Some((key, value)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return usage(format!("{flag} \"{word}\": write KEY=VALUE"));
        };
        if let Some(before) = map.insert(key.to_owned(), value.to_owned())
            && before != value
        {
            return usage(format!("{flag} {key} is given twice, differently"));
        }
    }
    Ok(map)
}
