use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    fleet,
    support::{cluster_secret::secret_name, controller::at_rest, side::Side},
    watch::Watch,
};

/// One toggle of one cluster.
#[derive(Clone, Copy)]
pub struct Flip<'a> {
    pub addon: &'a str,
    pub cluster: &'a str,
    pub on: bool,
}

/// What a change of a cluster Secret cost until the controller was at rest again.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From the patch of the label until the Application was there, or gone.
    pub latency: Option<Duration>,
    pub reconciles: u64,
    /// Refreshes that the service wrote; none where there is no service.
    pub pushes: u64,
    pub cpu_seconds: f64,
}

/// A side under measurement. Every reconcile counts towards some cost: those of late ones towards the next.
pub struct Bench {
    watch: Watch,
    secrets: Api<Secret>,
    reconciles: u64,
    pushes: u64,
    cpu_seconds: f64,
    side: Side,
}

impl Bench {
    pub async fn new(side: Side) -> Result<Self> {
        Ok(Self {
            watch: Watch::start(side.api("Application")).await?,
            secrets: Api::namespaced(side.client.clone(), side.hub.namespace()),
            reconciles: at_rest(&side.argo_cd).await?,
            pushes: pushes(&side).await?,
            cpu_seconds: side.argo_cd.cpu_seconds()?,
            side,
        })
    }

    pub fn applications(&self) -> usize {
        self.watch.len()
    }

    /// Flips a toggle and waits for the Application.
    pub async fn flip(&mut self, flip: &Flip<'_>) -> Result<Cost> {
        let labels = json!({"labels": {fleet::toggle(flip.addon): flip.on.to_string()}});
        let start = Instant::now();
        self.patch(flip.cluster, labels).await?;
        let application = fleet::application(flip.addon, flip.cluster);
        let end = self.watch.until(&application, flip.on).await?;
        self.cost(Some(end - start)).await
    }

    /// Changes an annotation that no template reads.
    pub async fn annotate(&mut self, cluster: usize) -> Result<Cost> {
        let annotations = json!({"annotations": {"owner": format!("team-{}", self.reconciles)}});
        self.patch(&fleet::cluster_name(cluster), annotations).await?;
        self.cost(None).await
    }

    async fn patch(&self, cluster: &str, metadata: Value) -> Result<()> {
        let patch = Patch::Merge(json!({"metadata": metadata}));
        self.secrets
            .patch(&secret_name(cluster), &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }

    async fn cost(&mut self, latency: Option<Duration>) -> Result<Cost> {
        let reconciles = at_rest(&self.side.argo_cd).await?;
        let pushes = pushes(&self.side).await?;
        let cpu_seconds = self.side.argo_cd.cpu_seconds()?;
        let cost = Cost {
            latency,
            reconciles: reconciles - self.reconciles,
            pushes: pushes - self.pushes,
            cpu_seconds: cpu_seconds - self.cpu_seconds,
        };
        (self.reconciles, self.pushes, self.cpu_seconds) = (reconciles, pushes, cpu_seconds);
        Ok(cost)
    }
}

/// How many refreshes of ApplicationSets the service has written since its start.
async fn pushes(side: &Side) -> Result<u64> {
    let Some(generator) = &side.generator else {
        return Ok(0);
    };
    let metrics = generator.admin("/metrics").await?;
    let counts = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(r#"bridge_generator_pushes_total{outcome="written"} "#));
    Ok(counts.map(str::parse::<u64>).sum::<Result<_, _>>()?)
}
