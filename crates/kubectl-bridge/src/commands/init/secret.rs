//! The hub's own cluster Secret.

use anyhow::bail;
use bridge_core::{
    access::IdentityKind,
    defaults::Defaults,
    effect::Effect,
    facts::EksArn,
    registration::{Access, Plan, Registration},
    secret::ClusterSecret,
    selector::Map,
};
use bridge_kube::{Hub, HubError, WriteOptions, Written};

use super::{aws::Found, beside};
use crate::{
    args::InitOptions,
    context::Context,
    edit::diff_line,
    output::{cell, diff_style},
    surroundings::Surroundings,
};

/// Name and environment of a hub that nobody named, as the pattern has it.
const CONTROL_PLANE: &str = "control-plane";

/// Works it out.
pub async fn plan(
    hub: &Hub,
    options: &InitOptions,
    defaults: &Defaults,
    found: &Found,
    clusters: &[ClusterSecret],
) -> anyhow::Result<Plan> {
    let managed = found
        .identity
        .as_ref()
        .is_some_and(|identity| identity.kind == IdentityKind::Capability);
    let arn = found.facts.as_ref().map(|facts| &facts.arn);
    let arn = arn.or(defaults.hub_cluster_arn.as_ref());
    let current = clusters.iter().find(|secret| is_hub(secret, arn));
    let name = match (current, &options.name) {
        (Some(current), Some(said)) if current.cluster.name != *said => bail!(
            "the hub is registered as \"{}\" already (Secret {}): a second Secret for one server breaks Argo CD without a word; leave \
             NAME out, or unregister that first",
            current.cluster.name,
            current.cluster.secret_name
        ),
        (Some(current), _) => current.cluster.name.clone(),
        (None, said) => said.clone().unwrap_or_else(|| CONTROL_PLANE.to_owned()),
    };
    let mut annotations = Map::from([("argocd_namespace".to_owned(), hub.namespace().to_owned())]);
    for (key, value) in &defaults.repositories {
        // A hub that is registered keeps what it has, but for what is said now.
        if current.is_none() || options.changes.contains_key(key) {
            annotations.insert(key.clone(), value.clone());
        }
    }
    let registration = Registration {
        name,
        access: match (managed, current) {
            (true, _) => Access::Capability,
            // AWS was not asked: as it is.
            (false, Some(_)) if found.facts.is_none() => Access::Keep,
            (false, _) => Access::InCluster,
        },
        kubernetes_version: version(hub, found).await,
        facts: found.facts.clone(),
        grants: None,
        environment: current.is_none().then(|| CONTROL_PLANE.to_owned()),
        labels: Map::new(),
        annotations,
        project: None,
        shard: None,
        namespaces: None,
        cluster_resources: None,
        proxy_url: None,
        tls_server_name: None,
    };
    Ok(registration.plan(clusters)?)
}

/// Whether a Secret registers the hub itself, as seen from inside or, on a managed hub, by its ARN.
pub fn is_hub(secret: &ClusterSecret, arn: Option<&EksArn>) -> bool {
    let server = &secret.cluster.server;
    secret.cluster.is_in_cluster() || arn.is_some_and(|arn| *server == arn.to_string())
}

/// The hub says it itself where EKS does not. Only good to have.
async fn version(hub: &Hub, found: &Found) -> Option<String> {
    let Hub::Live(live) = hub else { return None };
    if found.facts.is_some() {
        return None;
    }
    let info = live.client().apiserver_version().await.ok()?;
    let minor: String = info.minor.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("{}.{minor}", info.major))
}

/// What changes and what comes of it.
pub fn show(
    ctx: &Context,
    options: &InitOptions,
    surroundings: &Surroundings,
    plan: &Plan,
) -> anyhow::Result<Option<Effect>> {
    for warning in &plan.warnings {
        ctx.out.warn(cell(warning))?;
    }
    if plan.diffs.is_empty() {
        return Ok(None);
    }
    for diff in &plan.diffs {
        let (sign, text) = diff_line(diff);
        let style = diff_style(sign);
        beside(ctx, options, format_args!("  {style}{sign} {text}{style:#}"))?;
    }
    let before = plan.current.as_ref().map(|current| &current.cluster);
    let effect = surroundings.effect(before, Some(&plan.after));
    for line in surroundings.lines(effect.as_ref()) {
        beside(ctx, options, format_args!("  {line}"))?;
    }
    for blind in surroundings.blind_spots() {
        ctx.out.warn(blind)?;
    }
    Ok(effect)
}

/// Writes it: made whole, or its fixed keys applied and the others patched.
pub async fn write(hub: &Hub, plan: &Plan, write: &WriteOptions) -> Result<Written, HubError> {
    let Some(current) = &plan.current else {
        return hub.create(&plan.secret, write).await;
    };
    let mut written = hub.apply(current, &plan.secret, write).await?;
    if !plan.changes.is_empty() {
        let changed = hub
            .change(&current.cluster.secret_name, &plan.changes, write)
            .await?;
        if written.diffs.is_empty() {
            written.verb = changed.verb;
        }
        written.after = changed.after;
        written.diffs.extend(changed.diffs);
        written.warnings.extend(changed.warnings);
    }
    Ok(written)
}

/// The Secret as it was, or as it is made.
pub fn before(plan: Plan) -> ClusterSecret {
    plan.current
        .unwrap_or_else(|| ClusterSecret::from_secret(plan.secret))
}
