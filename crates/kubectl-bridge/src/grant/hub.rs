//! Which EKS cluster the hub is, and as whom its Argo CD comes to spokes.

use anyhow::{Context as _, bail};
use bridge_aws::{AwsOptions, Session};
use bridge_core::{
    access::{Grants, HubIdentity, IdentityKind, argo_cd_capability, hub_role},
    defaults::Defaults,
    facts::EksArn,
    keys,
    secret::ClusterSecret,
};
use bridge_kube::{Hub, HubError};

use super::sides::{hub_options, open_hub};
use crate::{args::HubAws, context::Context};

/// What is known of the hub in AWS.
#[derive(Debug)]
pub struct Known {
    /// Cluster, role and how it got it.
    pub identity: HubIdentity,
    /// In words, if AWS was asked.
    pub step: Option<String>,
}

/// Where the hub's ARN or name comes from.
enum Source {
    Said(String),
    Registered(String),
    Kubeconfig { arn: String, server: String },
}

/// Finds out: said, stored by `init`, kept from an earlier registration, else asked for in AWS. `None`: nothing says which EKS
/// cluster the hub is.
pub async fn find(
    ctx: &Context,
    hub: &Hub,
    aws: &AwsOptions,
    hub_aws: &HubAws,
    defaults: &Defaults,
    clusters: &[ClusterSecret],
    current: Option<&ClusterSecret>,
) -> anyhow::Result<Option<Known>> {
    let source = if let Some(word) = &hub_aws.cluster {
        Source::Said(word.clone())
    } else if let Some(identity) = stored(defaults).or_else(|| kept(current)) {
        return Ok(Some(Known { identity, step: None }));
    } else if let Some(arn) = &defaults.hub_cluster_arn {
        Source::Said(arn.to_string())
    } else if let Some(arn) = registered(clusters) {
        Source::Registered(arn)
    } else if let Some(source) = from_kubeconfig(hub) {
        source
    } else {
        return Ok(None);
    };
    let known = ask(ctx, hub, aws, hub_aws, &source).await.with_context(|| {
        let (Source::Said(word) | Source::Registered(word) | Source::Kubeconfig { arn: word, .. }) = &source;
        format!(
            "cannot find out as whom Argo CD on hub {word} comes to its spokes (--skip-access writes the Secret only)"
        )
    })?;
    Ok(Some(known))
}

/// ARN of the hub's EKS cluster as far as the hub itself tells it; AWS is not asked.
pub fn arn(defaults: &Defaults, clusters: &[ClusterSecret]) -> Option<String> {
    let stored = defaults.hub_cluster_arn.as_ref().map(ToString::to_string);
    stored.or_else(|| registered(clusters))
}

fn stored(defaults: &Defaults) -> Option<HubIdentity> {
    let kind = match defaults.hub_identity.as_deref()? {
        "pod-identity" => IdentityKind::PodIdentity,
        "irsa" => IdentityKind::Irsa,
        "capability" => IdentityKind::Capability,
        _ => return None,
    };
    Some(HubIdentity {
        arn: defaults.hub_cluster_arn.as_ref()?.to_string(),
        role: defaults.hub_role_arn.clone()?,
        kind,
    })
}

fn kept(current: Option<&ClusterSecret>) -> Option<HubIdentity> {
    Some(Grants::of(&current?.cluster)?.hub)
}

fn registered(clusters: &[ClusterSecret]) -> Option<String> {
    clusters
        .iter()
        .find(|secret| secret.cluster.is_in_cluster())?
        .cluster
        .annotations
        .get(keys::CLUSTER_ARN)
        .cloned()
}

/// `aws eks update-kubeconfig` names clusters by their ARN. A name proves nothing: the address has to be that of the cluster.
fn from_kubeconfig(hub: &Hub) -> Option<Source> {
    let Hub::Live(live) = hub else { return None };
    let target = live.target();
    EksArn::parse(&target.cluster).ok()?;
    Some(Source::Kubeconfig {
        arn: target.cluster.clone(),
        server: target.server.clone(),
    })
}

async fn ask(
    ctx: &Context,
    hub: &Hub,
    aws: &AwsOptions,
    hub_aws: &HubAws,
    source: &Source,
) -> anyhow::Result<Known> {
    let (Source::Said(word) | Source::Registered(word) | Source::Kubeconfig { arn: word, .. }) = source;
    let arn = word.starts_with("arn:").then_some(word.as_str());
    if let Some(arn) = arn {
        EksArn::parse(arn)?;
    }
    let session = open_hub(&hub_options(aws, hub_aws, arn), arn).await?;
    let name = word.rsplit('/').next().unwrap_or(word);
    let facts = Box::pin(session.eks().describe_cluster(name)).await?;
    if let Source::Kubeconfig { server, .. } = source {
        let endpoint = facts.endpoint.as_deref().unwrap_or_default();
        if !bridge_core::cluster::same_server(endpoint, server) {
            bail!(
                "the kubeconfig calls the hub {word}, and EKS has that at {endpoint}, not at {server}: say which it is with \
                 --hub-aws-cluster-name"
            );
        }
    }
    identity(ctx, hub, &session, &facts.arn).await
}

async fn identity(ctx: &Context, hub: &Hub, session: &Session, arn: &EksArn) -> anyhow::Result<Known> {
    let eks = session.eks();
    let namespace = hub.namespace();
    let capabilities = Box::pin(eks.capabilities(&arn.name)).await?;
    if let Some(capability) = argo_cd_capability(&capabilities) {
        let there = capability.argo_cd_namespace.as_deref().unwrap_or(namespace);
        if there == namespace {
            let Some(role) = capability.role_arn.clone() else {
                bail!("EKS describes capability {} without its role", capability.name);
            };
            return Ok(known(arn, role, IdentityKind::Capability));
        }
        ctx.out.note(format_args!(
            "the Argo CD of EKS capability {} works in namespace {there}; this is about the one in {namespace}",
            capability.name
        ))?;
    }
    let associations = Box::pin(eks.pod_identities(&arn.name, Some(namespace))).await?;
    let annotations = match hub {
        Hub::Folder(_) => None,
        Hub::Live(live) => match live.service_account_roles().await {
            Ok(roles) => Some(roles),
            // Good to have: pod identity may say it all.
            Err(HubError::Forbidden(_)) => None,
            Err(error) => return Err(error.into()),
        },
    };
    let found = hub_role(&arn.name, namespace, &associations, annotations.as_ref())?;
    if !found.without.is_empty() {
        ctx.out.warn(format_args!(
            "ServiceAccount {} of Argo CD on the hub has no AWS role, the others have {}",
            found.without.join(", "),
            found.role
        ))?;
    }
    Ok(known(arn, found.role, found.kind))
}

fn known(arn: &EksArn, role: String, kind: IdentityKind) -> Known {
    Known {
        step: Some(format!("hub in AWS: {arn}, Argo CD is {role} {}", kind.words())),
        identity: HubIdentity {
            arn: arn.to_string(),
            role,
            kind,
        },
    }
}
