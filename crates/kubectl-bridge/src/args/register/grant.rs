//! Flags about what is made in AWS.

use std::time::Duration;

use clap::Args;

use crate::{args::duration, usage::usage};

/// Whose credentials the hub's account needs, and which EKS cluster it is.
#[derive(Debug, Args)]
#[command(next_help_heading = "The hub in AWS")]
pub struct HubAwsArgs {
    /// Name of the hub in EKS, or its ARN [default: as "init" stored it, as an --in-cluster registration or the kubeconfig tells]
    #[arg(long, value_name = "NAME")]
    pub hub_aws_cluster_name: Option<String>,
    /// AWS region of the hub
    #[arg(long, value_name = "REGION")]
    pub hub_region: Option<String>,
    /// AWS profile for the account of the hub [default: --profile, without --assume-role]
    #[arg(long, value_name = "PROFILE")]
    pub hub_profile: Option<String>,
}

/// The hub in AWS, as far as flags say it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HubAws {
    /// `--hub-aws-cluster-name`.
    pub cluster: Option<String>,
    /// `--hub-region`.
    pub region: Option<String>,
    /// `--hub-profile`.
    pub profile: Option<String>,
}

impl HubAwsArgs {
    /// Plain values.
    pub fn resolve(self) -> HubAws {
        let Self {
            hub_aws_cluster_name,
            hub_region,
            hub_profile,
        } = self;
        HubAws {
            cluster: hub_aws_cluster_name,
            region: hub_region,
            profile: hub_profile,
        }
    }
}

/// What is made in AWS so that Argo CD gets in.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access in AWS")]
#[expect(clippy::struct_excessive_bools, reason = "flags are what they are")]
pub struct GrantArgs {
    /// What Argo CD may do there: cluster-admin, admin, edit, view, or the name or ARN of an EKS access policy
    #[arg(long, value_name = "POLICY", conflicts_with = "way")]
    pub access_policy: Option<String>,
    /// The only namespaces it may do it in; also --namespaces, without cluster-scoped objects; empty means everywhere
    #[arg(
        long,
        value_name = "NAMESPACE",
        value_delimiter = ',',
        conflicts_with_all = ["way", "namespaces"]
    )]
    pub access_namespaces: Option<Vec<String>>,
    /// Kubernetes groups of its access entry, for RBAC of your own
    #[arg(long, value_name = "GROUP", value_delimiter = ',', conflicts_with = "way")]
    pub access_groups: Option<Vec<String>>,
    /// Make the role that Argo CD assumes, in the account of the cluster
    #[arg(long, conflicts_with_all = ["way", "aws_role_arn"])]
    pub create_role: bool,
    /// Name of that role [default: argocd-spoke-REGION-CLUSTER]
    #[arg(long, value_name = "NAME", requires = "create_role")]
    pub role_name: Option<String>,
    /// Path of that role
    #[arg(long, value_name = "PATH", requires = "create_role")]
    pub role_path: Option<String>,
    /// Permissions boundary of that role
    #[arg(long, value_name = "ARN", requires = "create_role")]
    pub permissions_boundary: Option<String>,
    /// Take over what was made by hand or by another hub: "unregister" removes it then
    #[arg(long, conflicts_with = "way")]
    pub adopt: bool,
    /// Write the Secret only, and leave AWS to somebody else
    #[arg(long, conflicts_with_all = ["way", "access_only", "access_policy", "access_namespaces", "access_groups", "create_role",
          "adopt"])]
    pub skip_access: bool,
    /// Make access in AWS only, and leave the Secret to somebody else
    #[arg(long, conflicts_with = "way")]
    pub access_only: bool,
    /// How long to wait where AWS takes its time [default: 2m]
    #[arg(long, value_name = "DURATION")]
    pub access_timeout: Option<String>,
}

/// [`GrantArgs`], checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each flag stands for itself")]
pub struct GrantOptions {
    /// `--access-policy`.
    pub policy: Option<String>,
    /// `--access-namespaces`.
    pub namespaces: Option<Vec<String>>,
    /// `--access-groups`.
    pub groups: Option<Vec<String>>,
    /// `--create-role`.
    pub create_role: bool,
    /// `--role-name`.
    pub role_name: Option<String>,
    /// `--role-path`.
    pub role_path: Option<String>,
    /// `--permissions-boundary`.
    pub boundary: Option<String>,
    /// `--adopt`.
    pub adopt: bool,
    /// `--skip-access`.
    pub skip: bool,
    /// `--access-only`.
    pub only: bool,
    /// `--access-timeout`.
    pub timeout: Duration,
}

impl GrantOptions {
    /// Whether any flag asks for something to be made.
    pub fn is_asked(&self) -> bool {
        self.policy.is_some()
            || self.namespaces.is_some()
            || self.groups.is_some()
            || self.create_role
            || self.adopt
            || self.only
    }
}

impl GrantArgs {
    /// Checks what the flags say.
    pub fn resolve(self) -> anyhow::Result<GrantOptions> {
        let Self {
            access_policy,
            access_namespaces,
            access_groups,
            create_role,
            role_name,
            role_path,
            permissions_boundary,
            adopt,
            skip_access,
            access_only,
            access_timeout,
        } = self;
        if let Some(pattern) = access_namespaces
            .iter()
            .flatten()
            .find(|name| name.contains(['*', '?']))
        {
            return usage(format!(
                "--access-namespaces \"{pattern}\": EKS knows wildcards, but Argo CD has to be told each namespace"
            ));
        }
        let named = |list: Option<Vec<String>>| {
            list.map(|list| {
                list.into_iter()
                    .map(|one| one.trim().to_owned())
                    .filter(|one| !one.is_empty())
                    .collect()
            })
        };
        Ok(GrantOptions {
            policy: access_policy,
            namespaces: named(access_namespaces),
            groups: named(access_groups),
            create_role,
            role_name,
            role_path,
            boundary: permissions_boundary,
            adopt,
            skip: skip_access,
            only: access_only,
            timeout: duration("--access-timeout", access_timeout.as_deref().unwrap_or("2m"))?,
        })
    }
}
