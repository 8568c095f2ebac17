//! `unregister --hub`: what depends on a hub, and in which order to go. It changes nothing.

use bridge_core::{access::Grants, application::Application, cluster::Cluster, secret::ClusterSecret};
use bridge_kube::{DryRun, Hub};
use serde::Serialize;

use crate::{
    context::Context, exit::Exit, output::cell, select::shown_name, surroundings::Surroundings, view,
};

/// What `-o json` prints.
#[derive(Serialize)]
struct HubPlan<'a> {
    #[serde(flatten)]
    plan: view::Plan<'a>,
    /// What to do, in order.
    steps: &'a [String],
}

/// Runs `unregister --hub`.
pub async fn run(ctx: &Context) -> anyhow::Result<Exit> {
    let hub = ctx.hub().await?;
    let clusters = hub.clusters().await?;
    let surroundings = Surroundings::look(&hub).await?;
    let steps = steps(&clusters, &surroundings);
    for blind in surroundings.blind_spots() {
        ctx.out.warn(blind)?;
    }
    print(ctx, &hub, &steps)?;
    Ok(Exit::Success)
}

fn print(ctx: &Context, hub: &Hub, steps: &[String]) -> anyhow::Result<()> {
    let object = HubPlan {
        plan: view::Plan::new(hub, DryRun::Client, &[]),
        steps,
    };
    if ctx.out.object(&object, steps.iter().cloned())? {
        return Ok(());
    }
    if steps.is_empty() {
        ctx.out.note(format_args!("Nothing depends on {hub}."))?;
        return Ok(());
    }
    for (number, step) in steps.iter().enumerate() {
        ctx.out.line(format_args!("{}. {}", number + 1, cell(step)))?;
    }
    ctx.out.note("Nothing was changed.")?;
    Ok(())
}

/// Spokes first, the hub's own cluster after them: what is deployed there makes the Applications of all. What nobody looks after
/// any more comes last.
fn steps(clusters: &[ClusterSecret], surroundings: &Surroundings) -> Vec<String> {
    let (own, spokes): (Vec<_>, Vec<_>) = clusters.iter().partition(|secret| secret.cluster.is_in_cluster());
    let mut steps: Vec<String> = spokes
        .into_iter()
        .chain(own)
        .map(|secret| cluster_step(secret, surroundings.applications()))
        .collect();
    let elsewhere: Vec<String> = surroundings
        .applications()
        .iter()
        .filter(|application| !clusters.iter().any(|secret| application.targets(&secret.cluster)))
        .map(|application| format!("{}/{}", application.namespace, application.name))
        .collect();
    if !elsewhere.is_empty() {
        steps.push(format!(
            "delete the Applications that point at no registered cluster: {}",
            elsewhere.join(", ")
        ));
    }
    let sets: Vec<String> = surroundings
        .sets()
        .iter()
        .map(|set| format!("{}/{}", set.namespace, set.name))
        .collect();
    if !sets.is_empty() {
        steps.push(format!(
            "delete the ApplicationSets, which then have nothing left: {}",
            sets.join(", ")
        ));
    }
    if !clusters.is_empty() {
        steps.push(
            "take away what was made for the hub itself: its pod identity associations, Argo CD's role, the service".into(),
        );
    }
    steps
}

fn cluster_step(secret: &ClusterSecret, applications: &[Application]) -> String {
    let name = shown_name(secret);
    let count = applications
        .iter()
        .filter(|application| application.targets(&secret.cluster))
        .count();
    let drain = if count > 0 { " --drain" } else { "" };
    let noun = if count == 1 { "Application" } else { "Applications" };
    format!(
        "kubectl bridge unregister {name}{drain} ({count} {noun}{}{})",
        own(&secret.cluster),
        if Grants::of(&secret.cluster).is_some_and(|grants| grants.anything()) {
            "; access in AWS goes with it"
        } else {
            ""
        }
    )
}

fn own(cluster: &Cluster) -> &'static str {
    if cluster.is_in_cluster() {
        "; the hub itself, after all others"
    } else {
        ""
    }
}
