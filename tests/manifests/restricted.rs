//! The Pod of the Deployment passes the strictest of the Pod Security Standards.

use serde_json::{Value, json};
use testbed::Hub;

use crate::hub::{get, hub, ok};

const NAMESPACE: &str = "restricted";

async fn try_pod(hub: &Hub, name: &str, spec: &Value) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pod.json");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec});
    std::fs::write(&file, pod.to_string()).unwrap();
    let output = hub
        .kubectl(&["create", "--dry-run=server", "-f", file.to_str().unwrap()])
        .await
        .unwrap();
    if output.status.success() {
        Ok(())
    } else {
        Err(output.stderr)
    }
}

#[tokio::test]
async fn the_pod_is_admitted_where_only_restricted_pods_are() {
    let hub = hub().await;
    ok(hub, &["create", "namespace", NAMESPACE]).await;
    ok(
        hub,
        &[
            "label",
            "namespace",
            NAMESPACE,
            "pod-security.kubernetes.io/enforce=restricted",
        ],
    )
    .await;
    let spec = get(hub, "deployment", "bridge-generator").await["spec"]["template"]["spec"].take();
    try_pod(hub, "as-written", &spec).await.unwrap();
    let container = &spec["containers"][0]["securityContext"];
    assert_eq!(
        container["readOnlyRootFilesystem"], true,
        "the standard does not ask for it, we do"
    );

    let mut loose = spec;
    loose["containers"][0]["securityContext"] = json!({});
    let refusal = try_pod(hub, "loose", &loose).await.unwrap_err();
    assert!(refusal.contains("violates PodSecurity"), "{refusal}");
}
