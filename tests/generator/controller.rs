//! Objects on a hub, and what the controller makes of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testbed::{ArgoCd, Hub, eventually};

/// The ConfigMap that names the service.
pub(crate) const CONFIG_MAP: &str = "bridge-generator";

/// A cluster Secret.
pub(crate) fn secret(name: &str, labels: &[(&str, &str)], config: &str) -> String {
    let mut all: BTreeMap<&str, &str> = labels.iter().copied().collect();
    all.insert("argocd.argoproj.io/secret-type", "cluster");
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "labels": all, "annotations": {"aws_region": "eu-west-1"}},
        "stringData": {"name": name, "server": format!("https://{name}.example"), "config": config},
    })
    .to_string()
}

/// A cluster Secret whose `config` can be read and says nothing.
pub(crate) fn cluster(name: &str, labels: &[(&str, &str)]) -> String {
    secret(name, labels, "{\"tlsClientConfig\":{\"insecure\":false}}")
}

/// How Argo CD finds the service.
pub(crate) fn wiring(url: &str, token: &str) -> String {
    let labels = json!({"app.kubernetes.io/part-of": "argocd"});
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG_MAP, "labels": labels},
         "data": {"baseUrl": url, "token": "$generator-token:token"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "generator-token", "labels": labels},
         "stringData": {"token": token}},
    ]})
    .to_string()
}

/// An ApplicationSet in the shape of the pattern's: clusters that have the addon on, merged with the version of their
/// environment. Its Applications read the region.
pub(crate) fn addon(name: &str) -> String {
    let plugin = |selector: Value, values: Value| {
        json!({"plugin": {
            "configMapRef": {"name": CONFIG_MAP}, "requeueAfterSeconds": 3600, "values": values,
            "input": {"parameters": {"generate": "clusters", "selector": selector}},
        }})
    };
    let environment = |name: &str, version: &str| {
        plugin(
            json!({"matchLabels": {"environment": name}}),
            json!({"version": version}),
        )
    };
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": {"name": format!("addon-{name}")},
        "spec": {
            "goTemplate": true, "goTemplateOptions": ["missingkey=error"],
            "syncPolicy": {"preserveResourcesOnDeletion": true},
            "generators": [{"merge": {"mergeKeys": ["server"], "generators": [
                plugin(json!({"matchLabels": {format!("enable_{name}"): "true"}}), json!({"version": "1"})),
                environment("staging", "2"),
                environment("prod", "3"),
            ]}}],
            "template": {
                "metadata": {"name": format!("{name}-{{{{.nameNormalized}}}}")},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": "https://git.example/addons", "targetRevision": "{{.values.version}}",
                        "path": "{{index .metadata.annotations \"aws_region\"}}"},
                    "destination": {"name": "{{.name}}", "namespace": "addons"},
                },
            },
        },
    })
    .to_string()
}

/// Names of the Applications.
pub(crate) async fn applications(hub: &Hub) -> Result<BTreeSet<String>> {
    let names = hub
        .kubectl(&["get", "applications", "-o", "jsonpath={.items[*].metadata.name}"])
        .await?
        .success()?;
    Ok(names.split_whitespace().map(str::to_owned).collect())
}

/// UIDs of the Applications: a deletion shows even if they were made again.
pub(crate) async fn uids(hub: &Hub) -> Result<BTreeSet<String>> {
    let uids = hub
        .kubectl(&["get", "applications", "-o", "jsonpath={.items[*].metadata.uid}"])
        .await?
        .success()?;
    Ok(uids.split_whitespace().map(str::to_owned).collect())
}

/// Waits until there are exactly these Applications.
pub(crate) async fn wait_for(hub: &Hub, wanted: &[&str]) -> Result<()> {
    let wanted: BTreeSet<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
    eventually(
        &format!("the Applications {wanted:?}"),
        Duration::from_secs(30),
        async || {
            let have = applications(hub).await?;
            if have == wanted {
                Ok(Some(()))
            } else {
                Err(anyhow::anyhow!("there are {have:?}"))
            }
        },
    )
    .await
}

/// How often each ApplicationSet has been reconciled.
pub(crate) async fn reconciles(argo_cd: &ArgoCd, hub: &Hub) -> Result<BTreeMap<String, u64>> {
    let metrics = argo_cd.metrics().await?;
    let mut counts = BTreeMap::new();
    for line in metrics.lines() {
        let Some(rest) = line.strip_prefix("argocd_appset_reconcile_count{") else {
            continue;
        };
        let (labels, count) = rest.split_once("} ").context("a metric without a value")?;
        let label = |key: &str| {
            let (_, value) = labels.split_once(&format!("{key}=\""))?;
            value.split('"').next()
        };
        if label("namespace") == Some(hub.namespace()) {
            let name = label("name").context("a reconcile without a name")?;
            counts.insert(name.to_owned(), count.parse()?);
        }
    }
    Ok(counts)
}

/// Waits until the controller has nothing to do for a second, and gives the reconciles up to there.
pub(crate) async fn calm(argo_cd: &ArgoCd, hub: &Hub) -> Result<BTreeMap<String, u64>> {
    let mut before = reconciles(argo_cd, hub).await?;
    loop {
        tokio::time::sleep(Duration::from_millis(1200)).await;
        let now = reconciles(argo_cd, hub).await?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
}

/// What the conditions of an ApplicationSet say.
pub(crate) async fn conditions(hub: &Hub, name: &str) -> Result<String> {
    let path = "jsonpath={.status.conditions[*].message}";
    hub.kubectl(&["get", "applicationset", name, "-o", path])
        .await?
        .success()
}
