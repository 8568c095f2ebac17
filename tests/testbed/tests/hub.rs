//! A hub comes up with what Argo CD needs, and goes without a trace.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like the tests themselves"
)]

use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ListParams;
use testbed::{Hub, eventually};

/// What is left of a hub when it is gone.
struct Traces {
    folder: PathBuf,
    port: u16,
}

impl Traces {
    fn of(hub: &Hub) -> Self {
        let folder = hub.ca_file().parent().unwrap().to_owned();
        let port = hub.server().rsplit_once(':').unwrap().1.parse().unwrap();
        let traces = Self { folder, port };
        assert!(traces.folder.is_dir() && traces.port_is_open(), "the hub is up");
        traces
    }

    fn port_is_open(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    fn assert_gone(&self) {
        assert!(!self.folder.exists(), "{} is still there", self.folder.display());
        assert!(
            !self.port_is_open(),
            "something still listens on port {}",
            self.port
        );
    }
}

#[tokio::test]
async fn has_the_objects_of_an_argo_cd_install() {
    let hub = Hub::start().await.unwrap();
    assert_eq!(hub.namespace(), "argocd");
    let names = hub
        .kubectl(&["get", "configmaps,secrets,appprojects", "-o", "name"])
        .await
        .unwrap()
        .success()
        .unwrap();
    for name in [
        "configmap/argocd-cm",
        "secret/argocd-secret",
        "appproject.argoproj.io/default",
    ] {
        assert!(
            names.lines().any(|line| line == name),
            "{name} is missing in:\n{names}"
        );
    }
    for kind in ["applications", "applicationsets"] {
        assert!(
            hub.kubectl(&["get", kind]).await.unwrap().status.success(),
            "{kind} are not served"
        );
    }
    let traces = Traces::of(&hub);
    drop(hub);
    traces.assert_gone();
}

#[tokio::test]
async fn goes_when_the_test_panics() {
    let hub = Hub::start().await.unwrap();
    let traces = Traces::of(&hub);
    let panic = catch_unwind(AssertUnwindSafe(move || {
        let _hub = hub;
        panic!("on purpose: the logs that follow are part of the test");
    }));
    assert!(panic.is_err());
    traces.assert_gone();
}

#[tokio::test]
async fn keeps_its_objects_and_its_port_over_a_restart_of_the_api_server() {
    let mut hub = Hub::start().await.unwrap();
    hub.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: kept}, data: {key: value}}")
        .await
        .unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(hub.client().await.unwrap());
    let server = hub.server();

    hub.stop_api_server().unwrap();
    assert!(
        maps.get("kept").await.is_err(),
        "the API server answers although it was stopped"
    );
    hub.restart_api_server().await.unwrap();
    assert_eq!(hub.server(), server);
    assert_eq!(maps.get("kept").await.unwrap().data.unwrap()["key"], "value");

    hub.freeze_api_server().unwrap();
    let frozen = tokio::time::timeout(Duration::from_secs(1), maps.get("kept")).await;
    assert!(frozen.is_err(), "the API server answers although it is frozen");
    hub.thaw_api_server().unwrap();
    maps.get("kept").await.unwrap();
    // A frozen server goes like any other.
    hub.freeze_api_server().unwrap();
    let traces = Traces::of(&hub);
    drop(hub);
    traces.assert_gone();
}

#[tokio::test]
async fn shared_hubs_have_a_namespace_each_on_one_server() {
    let (mut first, second) = tokio::try_join!(Hub::shared(), Hub::shared()).unwrap();
    assert_eq!(first.server(), second.server());
    assert_ne!(first.namespace(), second.namespace());
    first
        .create("{apiVersion: v1, kind: ConfigMap, metadata: {name: mine}}")
        .await
        .unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(second.client().await.unwrap());
    let names: Vec<String> = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .into_iter()
        .filter_map(|map| map.metadata.name)
        .collect();
    assert!(names.contains(&"argocd-cm".to_owned()), "{names:?}");
    assert!(!names.contains(&"mine".to_owned()), "{names:?}");

    let refused = first.stop_api_server().unwrap_err().to_string();
    assert!(refused.contains("Hub::start"), "{refused}");
    drop(first);
    maps.get("argocd-cm").await.unwrap();
}

#[tokio::test]
async fn a_service_account_has_the_rights_that_were_granted_and_no_others() {
    let hub = Hub::shared().await.unwrap();
    hub.apply(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader},
          rules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: reader},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader},
 subjects: [{kind: ServiceAccount, name: reader}]}",
    )
    .await
    .unwrap();
    let kubeconfig = hub.kubeconfig_for("reader").await.unwrap();
    let kubeconfig = kubeconfig.to_str().unwrap();
    let as_reader =
        async |resource| -> Result<_> { hub.kubectl(&["--kubeconfig", kubeconfig, "get", resource]).await };
    // Role bindings reach the authorizer through a watch.
    eventually("the role to be in force", Duration::from_secs(10), async || {
        as_reader("configmap/argocd-cm").await?.success().map(Some)
    })
    .await
    .unwrap();
    let refused = as_reader("secret/argocd-secret").await.unwrap();
    assert!(!refused.status.success());
    assert!(refused.stderr.contains("forbidden"), "{}", refused.stderr);
}

#[tokio::test]
async fn eventually_says_what_it_waited_for_and_the_last_state() {
    let short = Duration::from_millis(120);
    let error = eventually::<(), _>("the moon", short, async || anyhow::bail!("it is half full"))
        .await
        .unwrap_err();
    let chain = format!("{error:#}");
    assert!(
        chain.contains("waited for the moon") && chain.ends_with("it is half full"),
        "{chain}"
    );

    let mut looks = 0;
    let found = eventually("the third look", Duration::from_secs(5), async || {
        looks += 1;
        Ok((looks == 3).then_some(looks))
    });
    assert_eq!(found.await.unwrap(), 3);
}
