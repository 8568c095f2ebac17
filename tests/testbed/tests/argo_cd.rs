//! Argo CD's components do on a testbed what they do in a cluster.

use std::time::Duration;

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use testbed::{ArgoCd, GitRepo, Hub, Spoke, eventually};

#[tokio::test]
async fn the_applicationset_controller_makes_and_removes_applications() {
    let hub = Hub::shared().await.unwrap();
    let argo_cd = ArgoCd::applicationsets(&hub).await.unwrap();
    hub.apply(
        "apiVersion: v1
kind: Secret
metadata:
  name: dev
  labels: {argocd.argoproj.io/secret-type: cluster, enable_ingress: 'true'}
stringData: {name: dev, server: 'https://dev.example.com', config: '{}'}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: ingress
spec:
  goTemplate: true
  generators: [{clusters: {selector: {matchLabels: {enable_ingress: 'true'}}}}]
  # Else the Application gets a finalizer, and nobody is here to carry it out.
  syncPolicy: {preserveResourcesOnDeletion: true}
  template:
    metadata: {name: 'ingress-{{.name}}'}
    spec:
      project: default
      source: {repoURL: 'https://example.com/addons.git', path: ingress, targetRevision: main}
      destination: {name: '{{.name}}', namespace: ingress}
",
    )
    .await
    .unwrap();
    let applications = async || {
        let output = hub
            .kubectl(&["get", "applications", "-o", "name"])
            .await?
            .success()?;
        anyhow::Ok(output.trim().to_owned())
    };
    let limit = Duration::from_secs(30);
    eventually("the Application", limit, async || {
        Ok((applications().await? == "application.argoproj.io/ingress-dev").then_some(()))
    })
    .await
    .unwrap();
    let reconciles = format!(
        r#"argocd_appset_reconcile_count{{name="ingress",namespace="{}"}}"#,
        hub.namespace()
    );
    eventually("the reconcile to be counted", limit, async || {
        Ok(argo_cd.metrics().await?.contains(&reconciles).then_some(()))
    })
    .await
    .unwrap();
    assert!(
        argo_cd.log().unwrap().contains("ingress-dev"),
        "{}",
        argo_cd.log_tail()
    );
    assert!(argo_cd.cpu_seconds().unwrap() > 0.0);
    assert_eq!(argo_cd.pids().unwrap().len(), 1);

    hub.kubectl(&["label", "secret", "dev", "enable_ingress=false", "--overwrite"])
        .await
        .unwrap()
        .success()
        .unwrap();
    eventually("the Application to go", limit, async || {
        Ok(applications().await?.is_empty().then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn all_of_argo_cd_deploys_from_a_git_repository_to_a_spoke_and_takes_it_away_again() {
    let (hub, spoke) = tokio::try_join!(Hub::start(), Spoke::start()).unwrap();
    let argo_cd = ArgoCd::full(&hub).await.unwrap();
    let repo = GitRepo::create().unwrap();
    repo.write(
        "plain/map.yaml",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: plain}, data: {text: first}}",
    )
    .unwrap();
    repo.write(
        "chart/Chart.yaml",
        "{apiVersion: v2, name: chart, version: 1.0.0}",
    )
    .unwrap();
    repo.write(
        "chart/templates/map.yaml",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Release.Name }}'}}",
    )
    .unwrap();
    repo.commit("A folder of manifests and a chart").unwrap();

    hub.apply(&cluster_secret(&spoke).await.unwrap()).await.unwrap();
    hub.apply(&application_per_folder(&repo)).await.unwrap();

    let limit = Duration::from_mins(1);
    let get = [
        "get",
        "applications",
        "-o",
        "jsonpath={range .items[*]}{.metadata.name} {.status.sync.status} {.status.health.status};{end}",
    ];
    eventually("both Applications to be healthy", limit, async || {
        let states = hub.kubectl(&get).await?.success()?;
        anyhow::ensure!(
            states == "chart Synced Healthy;plain Synced Healthy;",
            "they are: {states}"
        );
        Ok(Some(()))
    })
    .await
    .unwrap();
    let text = [
        "get",
        "configmap",
        "plain",
        "-n",
        "demo",
        "-o",
        "jsonpath={.data.text}",
    ];
    assert_eq!(spoke.kubectl(&text).await.unwrap().success().unwrap(), "first");
    assert!(
        spoke
            .kubectl(&["get", "configmap", "chart", "-n", "demo"])
            .await
            .unwrap()
            .status
            .success()
    );
    assert_eq!(argo_cd.pids().unwrap().len(), 5);

    // Foreground deletion: what is deployed goes first, which takes a garbage collector on the spoke.
    let delete = ["delete", "applicationset", "folders", "--wait=false"];
    hub.kubectl(&delete).await.unwrap().success().unwrap();
    eventually("all to go", limit, async || {
        let left = hub
            .kubectl(&["get", "applications", "-o", "name"])
            .await?
            .success()?;
        anyhow::ensure!(left.is_empty(), "left on the hub: {left}");
        let left = spoke
            .kubectl(&["get", "configmaps", "-n", "demo", "-o", "name"])
            .await?
            .success()?;
        anyhow::ensure!(
            !left.contains("/plain") && !left.contains("/chart"),
            "left on the spoke: {left}"
        );
        Ok(Some(()))
    })
    .await
    .unwrap();
}

async fn cluster_secret(spoke: &Spoke) -> Result<String> {
    let ca = BASE64_STANDARD.encode(std::fs::read(spoke.ca_file())?);
    let (server, token) = (spoke.server(), spoke.token().await?);
    Ok(format!(
        r#"apiVersion: v1
kind: Secret
metadata:
  name: spoke
  labels: {{argocd.argoproj.io/secret-type: cluster}}
stringData:
  name: spoke
  server: {server}
  config: '{{"bearerToken":"{token}","tlsClientConfig":{{"caData":"{ca}"}}}}'
"#
    ))
}

/// With a git generator, which also proves that the applicationset-controller reaches the repo-server.
fn application_per_folder(repo: &GitRepo) -> String {
    let url = repo.url();
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: folders
spec:
  goTemplate: true
  generators: [{{git: {{repoURL: '{url}', revision: main, directories: [{{path: '*'}}]}}}}]
  template:
    metadata:
      name: '{{{{.path.basename}}}}'
      finalizers: [resources-finalizer.argocd.argoproj.io]
    spec:
      project: default
      source: {{repoURL: '{url}', path: '{{{{.path.path}}}}', targetRevision: main}}
      destination: {{name: spoke, namespace: demo}}
      syncPolicy: {{automated: {{prune: true}}, syncOptions: [CreateNamespace=true]}}
"
    )
}
