//! `check` of a hub by itself: a folder, and a real API server.

use serde_json::Value;
use testbed::{FakeEks, Hub};

use crate::{
    fleet::{application_set, cluster, sample},
    register::with_aws,
    run::{Bridge, PLANTED},
};

fn codes(json: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(json).unwrap();
    assert_eq!(list["kind"], "FindingList");
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] != "ok")
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", text("code"), text("severity"), text("cluster"))
        })
        .collect()
}

#[test]
fn a_folder_where_all_is_well() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    let ran = bridge.line("check");
    assert_eq!(ran.stderr, "hub: folder hub\n");
    let text = ran.fine();
    assert!(
        text.starts_with("hub\n---\n√ KB101 each cluster Secret has a name and a server\n"),
        "{text}"
    );
    assert!(
        text.ends_with("0 failed, 0 with warnings, 0 could not be judged, 11 fine\n"),
        "{text}"
    );
    let ran = bridge.line("check --all");
    let text = ran.fine();
    assert!(
        text.contains("dev\n---\n√ not in EKS: nothing more to check\n"),
        "{text}"
    );
    assert_eq!(bridge.hub_files(), before);
    bridge
        .line("check nobody")
        .fails_with_answer(1, &["cluster \"nobody\" not found"]);
    bridge.line("check dev --all").fails(2, &["one of them"]);
}

#[test]
fn secrets_that_break_a_hub() {
    let mut files = sample();
    let broken = cluster("broken", &[], &[]).replace("config: '{", "config: '{oops");
    files.push(("clusters/broken.yaml".into(), broken));
    let twin = cluster("dev", &[], &[]).replace("  name: dev\n  labels", "  name: dev-2\n  labels");
    files.push(("clusters/dev-2.yaml".into(), twin));
    files.push((
        "applicationsets/fixed.yaml".into(),
        application_set("fixed", false)
            .replace("          enable_fixed: 'true'", "          environment: dev")
            .replace("addon-{{.name}}-fixed", "cluster-addons"),
    ));
    let bridge = Bridge::folder(&files);
    let ran = bridge.line("check -o json");
    assert_eq!(ran.code, 1);
    assert_eq!(
        codes(&ran.stdout),
        [
            "KB102 failure dev",
            "KB102 failure dev",
            "KB103 failure dev",
            "KB103 failure dev",
            "KB104 failure broken",
        ]
    );
    let ran = bridge.line("check");
    assert_eq!(ran.code, 1);
    for part in [
        "× KB104 each config is a JSON object\n    Secret argocd/broken: config is not a JSON object (line 1, column 2): as long as it is \
         there Argo CD deletes no Application",
        "\n    hint: register \"broken\" again",
        "× KB102 each cluster has a name of its own\n    Secret argocd/dev: the Secrets dev, dev-2 have one name",
        "5 failed, ",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains(PLANTED));
    // Two Secrets of one name have a section each, and every finding stands once.
    let all = bridge.line("check --all");
    assert_eq!(all.stdout.matches('×').count(), 5, "{}", all.stdout);
    assert!(
        all.stdout.contains("\ndev (Secret dev-2)\n") && all.stdout.contains("5 failed, "),
        "{}",
        all.stdout
    );
    // A cluster that is named gets its own findings, and only those.
    let ran = bridge.line("check broken -o name");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "KB104 cluster/broken\n"));
    let ran = bridge.line("check prod -o name");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: argocd-server
  labels: {app.kubernetes.io/part-of: argocd, app.kubernetes.io/component: server}
spec:
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec:
      containers: [{name: server, image: 'quay.io/argoproj/argocd:v2.14.1'}]
---
apiVersion: v1
kind: Secret
metadata:
  name: kubectl-bridge-op-gone
  labels: {app.kubernetes.io/managed-by: kubectl-bridge}
stringData:
  operation: '{\"kind\": \"drain\", \"cluster\": \"gone\", \"started\": \"2026-01-01T00:00:00Z\"}'
---
apiVersion: v1
kind: Secret
metadata:
  name: leaving
  labels: {argocd.argoproj.io/secret-type: cluster, kubectl-bridge/drain: 'true'}
stringData:
  name: leaving
  server: https://leaving.example.com
  config: '{\"bearerToken\": \"planted-credential\"}'
---
apiVersion: v1
kind: Secret
metadata:
  name: managed
  labels: {argocd.argoproj.io/secret-type: cluster}
stringData:
  name: managed
  server: arn:aws:eks:us-west-2:111122223333:cluster/managed
  project: p
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kubectl-bridge-defaults}
data: {regoin: x}
";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_live_hub_tells() {
    let hub = Hub::shared().await.unwrap();
    hub.apply(DEPLOYMENT).await.unwrap();
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let ran = bridge.line("check -o json");
    assert_eq!(ran.code, 1);
    let mut codes = codes(&ran.stdout);
    // Other tests share the API server, and may have ApplicationSets of theirs.
    codes.retain(|code| !code.starts_with("KB112"));
    assert_eq!(
        codes,
        [
            "KB106 failure managed",
            "KB110 warning gone",
            "KB110 warning leaving",
            "KB111 warning -",
            "KB114 failure -",
        ]
    );
    let text = bridge.line("check").stdout;
    for part in [
        "quay.io/argoproj/argocd:v2.14.1 is older than 3.6",
        "and its Secret is gone already",
        "unknown key \"regoin\"; did you mean \"region\"?",
        "which only Argo CD as an EKS capability takes",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_seen_is_no_failure() {
    let hub = Hub::shared().await.unwrap();
    let namespace = hub.namespace();
    hub.apply(&cluster("dev", &[], &[]).replace("# Kept by hand.\n", ""))
        .await
        .unwrap();
    let kubeconfig = hub.kubeconfig_for("looker").await.unwrap();
    hub.apply(&format!(
        "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: looker}}
rules: [{{apiGroups: [''], resources: [secrets], verbs: [list, get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: looker}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: looker}}
subjects: [{{kind: ServiceAccount, name: looker, namespace: {namespace}}}]
"
    ))
    .await
    .unwrap();
    let fake = FakeEks::start().await.unwrap();
    let bridge = Bridge::live(&kubeconfig, namespace);
    let ran = with_aws(&bridge, &fake, "check --all -o json");
    assert_eq!(
        codes(&ran.fine()),
        [
            "KB108 unknown -",
            "KB109 unknown -",
            "KB111 unknown -",
            "KB112 unknown -"
        ]
    );
    assert_eq!(fake.calls(), [], "nothing there is in EKS");
}
