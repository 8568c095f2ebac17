//! `unregister --cancel`: the way back.

use std::process::Stdio;

use serde_json::Value;
use testbed::{Hub, eventually};

use super::{LIMIT, Stage, secret};
use crate::run::Bridge;

#[tokio::test(flavor = "multi_thread")]
async fn begun_by_mistake() {
    let stage = Stage::set().await;
    stage.deploy().await;
    let Stage { bridge, hub, .. } = &stage;
    bridge.line("unregister edge --cancel").fails(
        1,
        &["cluster/edge is not being drained: there is nothing to cancel"],
    );
    let mut child = bridge
        .command(&["unregister", "edge", "--drain", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the workload's Application to go", LIMIT, async || {
        let names = stage.names("applications").await;
        anyhow::ensure!(!names.contains("workload-edge"), "there are {names}");
        Ok(Some(()))
    })
    .await
    .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // Not while Argo CD deletes what an Application left behind: one made anew would be taken for that.
    let ran = eventually("the way back to be free", LIMIT, async || {
        let before = secret(hub).await;
        let ran = bridge.line("unregister edge --cancel");
        if ran.code == 0 {
            return Ok(Some(ran));
        }
        assert_eq!(secret(hub).await, before);
        anyhow::ensure!(ran.stderr.contains("Argo CD is deleting what"), "{}", ran.stderr);
        anyhow::bail!("{}", ran.stderr)
    })
    .await
    .unwrap();
    for part in [
        "label cluster Secret edge: kubectl-bridge/drain- enable_keda=true\n",
        "workload-edge: is gone, and made again by ApplicationSet workload\n",
    ] {
        assert!(ran.stderr.contains(part), "no {part:?}: {}", ran.stderr);
    }
    assert_eq!(ran.fine(), "cluster/edge in the fleet again\n");
    let secrets = stage.names("secrets").await;
    assert!(!secrets.contains("kubectl-bridge-op"), "{secrets}");
    let yaml = secret(hub).await;
    assert!(!yaml.contains("kubectl-bridge/drain: "), "{yaml}");
    assert!(yaml.contains("enable_keda: \"true\""), "{yaml}");
    // What the ApplicationSets make is deployed again; the one made by hand went in the meantime, or did not.
    eventually("addon and workload on the spoke", LIMIT, async || {
        let maps = stage.maps().await?;
        let both = ["configmap/addon", "configmap/workload"];
        anyhow::ensure!(
            both.iter().all(|map| maps.iter().any(|one| one == map)),
            "there are {maps:?}"
        );
        Ok(Some(()))
    })
    .await
    .unwrap();
    assert_eq!(
        bridge.line("unregister edge --drain --yes").fine(),
        "cluster/edge deleted\n"
    );
    stage.nothing_is_left().await;
}

const CLUSTER: &str = "{apiVersion: v1, kind: Secret, metadata: {name: b, labels: {argocd.argoproj.io/secret-type: cluster, \
                       enable_keda: 'true', enable_vpa: 'false'}}, stringData: {name: b, server: 'https://b.example.com', config: \
                       '{}'}}\n---\n{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: stuck}, spec: {project: \
                       default, source: {repoURL: 'https://example.com/x.git', path: .}, destination: {name: b, namespace: x}}}\n";

async fn labels(hub: &Hub) -> Value {
    let words = ["get", "secret", "b", "-o", "jsonpath={.metadata.labels}"];
    let text = hub.kubectl(&words).await.unwrap().success().unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_and_what_is_not() {
    let hub = Hub::shared().await.unwrap();
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    hub.create(CLUSTER).await.unwrap();
    let before = labels(&hub).await;
    // No Argo CD runs here: the Application stays.
    bridge.line("unregister b --drain --yes --timeout 1s").fails(
        1,
        &["--cancel takes the drain back", "--keep-workloads lets go of"],
    );
    let draining = labels(&hub).await;
    assert_eq!(
        (&draining["kubectl-bridge/drain"], &draining["enable_keda"]),
        (&"true".into(), &"false".into())
    );
    bridge.line("unregister b").fails(1, &["--cancel"]);
    let dry = bridge.line("unregister b --cancel --dry-run").fine();
    for part in [
        "label cluster Secret b: kubectl-bridge/drain- enable_keda=true\n",
        &format!(
            "delete the note of the drain, Secret {}/kubectl-bridge-op-b\n",
            hub.namespace()
        ),
        "stuck: is gone with what it deployed, and nothing makes it again\n",
        "  effect: ",
        "cluster/b in the fleet again (dry run)\n",
    ] {
        assert!(dry.contains(part), "no {part:?}: {dry}");
    }
    assert_eq!(labels(&hub).await, draining);
    let plan = bridge.line("unregister b --cancel -o json").fine();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(
        (&plan["kind"], plan["steps"].as_array().unwrap().len()),
        (&"Plan".into(), 3)
    );
    assert_eq!(labels(&hub).await, before);
    let nothing = "cluster/b is not being drained: there is nothing to cancel";
    bridge.line("unregister b --cancel").fails(1, &[nothing]);
    // The label alone, set by hand.
    let words = ["label", "secret", "b", "kubectl-bridge/drain=true"];
    hub.kubectl(&words).await.unwrap().success().unwrap();
    let ran = bridge.line("unregister b --cancel");
    assert!(
        ran.stderr.contains("warning: no note tells which addons"),
        "{}",
        ran.stderr
    );
    ran.fine();
    assert_eq!(labels(&hub).await, before);
    bridge
        .line("unregister c --cancel")
        .fails(1, &["cluster \"c\" not found"]);
    bridge
        .line("unregister b --cancel --drain")
        .fails(2, &["--drain"]);
}
