use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};
use testbed::{ArgoCd, Generator, Hub, eventually};

use super::controller::at_rest;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bridge-generator");

/// An Argo CD namespace with cluster Secrets and an applicationset-controller of its own.
pub struct Side {
    pub argo_cd: ArgoCd,
    /// There is one where the ApplicationSets use the plugin generator.
    pub generator: Option<Generator>,
    pub client: Client,
    // Dropped last: the others look at it.
    pub hub: Hub,
}

impl Side {
    /// With Argo CD alone, for ApplicationSets on `clusters` generators.
    pub async fn with_clusters(secrets: &[Secret]) -> Result<Self> {
        let hub = hub_with(secrets).await?;
        Self::new(hub, None).await
    }

    /// With the service beside it, for ApplicationSets on plugin generators.
    pub async fn with_plugin(secrets: &[Secret]) -> Result<Self> {
        let hub = hub_with(secrets).await?;
        let generator = Generator::start(Path::new(PROGRAM), &hub, &[]).await?;
        Self::new(hub, Some(generator)).await
    }

    async fn new(hub: Hub, generator: Option<Generator>) -> Result<Self> {
        Ok(Self {
            argo_cd: ArgoCd::applicationsets(&hub).await?,
            generator,
            client: hub.client().await?,
            hub,
        })
    }

    /// Applies ApplicationSets and waits until the controller has said about each whether it worked, and is done.
    pub async fn apply(&self, sets: impl IntoIterator<Item = Value>) -> Result<()> {
        let sets: Vec<Value> = sets.into_iter().map(without_namespace).collect();
        let count = sets.len();
        self.hub.apply(&list(&sets)?).await?;
        let api = self.api("ApplicationSet");
        eventually(
            "each ApplicationSet to be reconciled",
            Duration::from_secs(90),
            async || {
                let found = api.list(&ListParams::default()).await?.items;
                match found.iter().find(|set| !is_reconciled(set)) {
                    Some(set) => bail!("{} is not reconciled: {}", name(set), set.data["status"]),
                    None => Ok((found.len() >= count).then_some(())),
                }
            },
        )
        .await?;
        at_rest(&self.argo_cd).await?;
        Ok(())
    }

    /// Argo CD's objects of a kind in this namespace.
    pub fn api(&self, kind: &str) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", kind);
        Api::namespaced_with(
            self.client.clone(),
            self.hub.namespace(),
            &ApiResource::from_gvk(&kind),
        )
    }
}

async fn hub_with(secrets: &[Secret]) -> Result<Hub> {
    let hub = Hub::shared().await?;
    let api = Api::namespaced(hub.client().await?, hub.namespace());
    for secret in secrets {
        api.create(&PostParams::default(), secret).await?;
    }
    Ok(hub)
}

/// kubectl reads JSON too.
fn list(items: &[Value]) -> Result<String> {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    serde_json::to_string(&list).context("cannot write a list of objects")
}

/// Hubs that share an API server have namespaces of their own.
fn without_namespace(mut set: Value) -> Value {
    if let Some(metadata) = set["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    set
}

fn name(object: &DynamicObject) -> String {
    object.metadata.name.clone().unwrap_or_default()
}

fn is_reconciled(set: &DynamicObject) -> bool {
    let conditions = set.data["status"]["conditions"].as_array();
    conditions.is_some_and(|conditions| {
        conditions
            .iter()
            .filter(|condition| condition["status"] == "True")
            .any(|condition| condition["type"] == "ResourcesUpToDate" || condition["type"] == "ErrorOccurred")
    })
}
