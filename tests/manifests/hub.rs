//! The hub of these tests, with the base applied, and words for what is done to it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testbed::{Hub, Output, eventually};
use tokio::sync::OnceCell;

/// A folder of `plugin-manifests`.
pub(crate) fn manifests(folder: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../plugin-manifests")
        .join(folder);
    path.canonicalize().unwrap().to_str().unwrap().to_owned()
}

/// A hub of this test program's own, since the policies are of the whole cluster, with the base and the ApplicationSets
/// applied and the policies in force.
pub(crate) async fn hub() -> &'static Hub {
    static HUB: OnceCell<Hub> = OnceCell::const_new();
    HUB.get_or_init(async || {
        let hub = Hub::start().await.unwrap();
        install(&hub).await;
        hub
    })
    .await
}

/// Applies the base and waits until both policies are in force.
pub(crate) async fn install(hub: &Hub) {
    ok(hub, &["apply", "-k", &manifests("base")]).await;
    // The API server takes a moment to see a new policy. A refusal of something that RBAC allows shows that it has.
    hub.apply(&applicationset("probe").to_string()).await.unwrap();
    hub.apply(&cluster("probe", &json!({}), &json!({})).to_string())
        .await
        .unwrap();
    for (who, what) in [
        (SERVICE, ["label", "applicationset", "probe"]),
        (OPERATOR, ["label", "secret", "probe"]),
    ] {
        let arguments = [&what[..], &["probe=x", "--overwrite", "--dry-run=server"], who].concat();
        eventually(
            "the policies to be in force",
            std::time::Duration::from_secs(30),
            async || {
                let output = hub.kubectl(&arguments).await?;
                Ok(output.stderr.contains("ValidatingAdmissionPolicy").then_some(()))
            },
        )
        .await
        .unwrap();
    }
}

/// kubectl flags that make a call in the name of the service's account.
pub(crate) const SERVICE: &[&str] = &["--as=system:serviceaccount:argocd:bridge-generator"];
/// … of a person in the group of operators.
pub(crate) const OPERATOR: &[&str] = &["--as=ann", "--as-group=kubectl-bridge:operators"];

/// An ApplicationSet of the plugin generator, with something in each part that may not be changed.
pub(crate) fn applicationset(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": name, "labels": {"team": "a"}, "annotations": {"note": "a"}},
        "spec": {
            "goTemplate": true,
            "generators": [{"plugin": {"configMapRef": {"name": "bridge-generator"},
                "input": {"parameters": {"generate": "clusters", "selector": {"matchLabels": {"enable_x": "true"}}}}}}],
            "syncPolicy": {"preserveResourcesOnDeletion": true},
            "template": {
                "metadata": {"name": format!("{name}-{{{{.name}}}}")},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": "https://example.com/x.git", "path": "x", "targetRevision": "main"},
                    "destination": {"name": "{{.name}}", "namespace": "x"},
                },
            },
        },
    })
}

/// A cluster Secret. The maps are added to what every one has.
pub(crate) fn cluster(name: &str, labels: &Value, annotations: &Value) -> Value {
    let mut secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"argocd.argoproj.io/secret-type": "cluster", "environment": name}},
        "stringData": {"name": name, "server": format!("https://{name}.example.com"),
            "config": r#"{"bearerToken":"planted-credential","tlsClientConfig":{"insecure":false}}"#},
    });
    for (field, more) in [("labels", labels), ("annotations", annotations)] {
        for (key, value) in more.as_object().unwrap() {
            secret["metadata"][field][key] = value.clone();
        }
    }
    secret
}

/// Runs kubectl, which must succeed without a word on stderr, and gives its stdout.
pub(crate) async fn ok(hub: &Hub, arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = hub.kubectl(arguments).await.unwrap();
    assert!(
        status.success() && stderr.is_empty(),
        "kubectl {arguments:?}: {status}: {stderr}"
    );
    stdout
}

/// The object that `kubectl get` shows.
pub(crate) async fn get(hub: &Hub, kind: &str, name: &str) -> Value {
    serde_json::from_str(&ok(hub, &["get", kind, name, "-o", "json"]).await).unwrap()
}

/// Runs kubectl, which must be refused with these words.
pub(crate) async fn refused(hub: &Hub, arguments: &[&str], words: &str) {
    let output = hub.kubectl(arguments).await.unwrap();
    let refused =
        !output.status.success() && output.stderr.contains("forbidden") && output.stderr.contains(words);
    assert!(refused, "kubectl {arguments:?}: {output:?}");
}
