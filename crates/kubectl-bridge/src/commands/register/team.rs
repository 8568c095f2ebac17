//! The team's defaults, where flags say nothing.

use anyhow::Context as _;
use bridge_core::{
    defaults::{Defaults, Values},
    facts::{EksArn, EksFacts},
    keys,
    secret::ClusterSecret,
};
use bridge_kube::{Hub, HubError};

use crate::{
    args::{EksAccess, RegisterOptions, Way},
    context::Context,
};

/// Reads them. Who may not look at the ConfigMap has none, and is told.
pub async fn defaults(ctx: &Context, hub: &Hub) -> anyhow::Result<Defaults> {
    match hub.defaults().await {
        Ok(found) => Ok(found.unwrap_or_default()),
        Err(HubError::Forbidden(_)) => {
            ctx.out
                .note("the team's defaults are left out: not allowed to read their ConfigMap")?;
            Ok(Defaults::default())
        }
        Err(error) => Err(error.into()),
    }
}

/// The options with the defaults filled in. A cluster that is registered already stays as it is; defaults are for new ones.
pub fn apply(
    options: &RegisterOptions,
    defaults: &Defaults,
    current: Option<&ClusterSecret>,
) -> anyhow::Result<RegisterOptions> {
    let mut options = fill(options, defaults, current)?;
    if matches!(options.way, Way::Unsaid | Way::Eks(_))
        && options.aws.profile.is_none()
        && options.aws.assume_role.is_none()
        && let Some(pattern) = &defaults.assume_role
    {
        let role = pattern
            .fill(&place(&options, current))
            .context("the team's defaults name a role to assume")?;
        options.aws.assume_role = Some(role);
    }
    Ok(options)
}

/// The same without the role that this tool assumes.
pub fn fill(
    options: &RegisterOptions,
    defaults: &Defaults,
    current: Option<&ClusterSecret>,
) -> anyhow::Result<RegisterOptions> {
    let mut options = options.clone();
    let is_eks = matches!(options.way, Way::Unsaid | Way::Eks(_));
    let is_new = current.is_none();
    if is_new {
        options.project = options.project.or_else(|| defaults.project.clone());
        for (key, value) in &defaults.repositories {
            options
                .annotations
                .entry(key.clone())
                .or_insert_with(|| value.clone());
        }
    }
    if is_new && is_eks {
        if let (Way::Unsaid, Some(access)) = (&options.way, &defaults.access) {
            options.way = Way::Eks(match access.as_str() {
                "capability" => EksAccess::Capability,
                "role" => EksAccess::Role(None),
                _ => EksAccess::Direct,
            });
        }
        let arn = options
            .aws_cluster_name
            .as_deref()
            .and_then(|word| EksArn::parse(word).ok());
        if arn.is_none() {
            options.aws.region = options.aws.region.or_else(|| defaults.region.clone());
        }
        if let (None, Some(pattern)) = (&options.aws_cluster_name, &defaults.aws_cluster_name) {
            let values = Values {
                name: Some(options.name.clone()),
                region: options.aws.region.clone(),
                ..Values::default()
            };
            options.aws_cluster_name = Some(pattern.fill(&values)?);
        }
    }
    Ok(options)
}

/// What is known of the cluster before EKS is asked.
fn place(options: &RegisterOptions, current: Option<&ClusterSecret>) -> Values {
    let registered = |key: &str| {
        current
            .and_then(|current| current.cluster.annotations.get(key))
            .cloned()
    };
    let arn = options
        .aws_cluster_name
        .as_deref()
        .and_then(|word| EksArn::parse(word).ok());
    Values {
        name: Some(options.name.clone()),
        account: arn
            .as_ref()
            .map(|arn| arn.account.clone())
            .or_else(|| registered(keys::AWS_ACCOUNT_ID)),
        region: arn
            .map(|arn| arn.region)
            .or_else(|| options.aws.region.clone())
            .or_else(|| registered(keys::AWS_REGION)),
        environment: options.environment.clone(),
        ..Values::default()
    }
}

/// The role that the team's pattern names for a cluster.
pub fn role_arn(
    options: &RegisterOptions,
    defaults: &Defaults,
    facts: &EksFacts,
) -> anyhow::Result<Option<String>> {
    let Some(pattern) = &defaults.aws_role_arn else {
        return Ok(None);
    };
    let tag = facts.environment_tag().map(|(_, value)| value.to_owned());
    let values = Values {
        name: Some(options.name.clone()),
        account: Some(facts.arn.account.clone()),
        region: Some(facts.arn.region.clone()),
        environment: options.environment.clone().or(tag),
        tags: facts.tags.clone(),
    };
    Ok(Some(pattern.fill(&values)?))
}
