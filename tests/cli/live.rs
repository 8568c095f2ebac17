//! The same commands against a real API server, through the real kubectl, and against a folder.

use std::{fmt::Write as _, process::Stdio, time::Duration};

use serde_json::Value;
use testbed::{Binaries, Hub};

use crate::{
    fleet::sample,
    run::{Bridge, Ran},
};

/// The sample fleet in a namespace of its own on an API server that is shared.
async fn hub() -> Hub {
    with_fleet(Hub::shared().await.unwrap()).await
}

/// The sample fleet on an API server of its own: where the ApplicationSets in other namespaces would be seen too.
async fn own_hub() -> Hub {
    with_fleet(Hub::start().await.unwrap()).await
}

async fn with_fleet(hub: Hub) -> Hub {
    let all: Vec<String> = sample().into_iter().map(|(_, text)| text).collect();
    hub.create(&all.join("---\n")).await.unwrap();
    hub
}

fn kubectl() -> std::path::PathBuf {
    Binaries::locate().unwrap().path("kubectl")
}

/// Without what differs by nature: the name of the hub, ages, dates, and who owns which field.
fn normal(ran: &Ran, hub: Option<&Hub>) -> Ran {
    let described = match hub {
        Some(hub) => format!("context hub ({}), namespace {}", hub.server(), hub.namespace()),
        None => "folder hub".to_owned(),
    };
    let clean = |text: &str| -> String {
        let mut clean = String::new();
        let text = text
            .replace(&described, "HUB")
            .replace("in argocd namespace.", "in HUB.");
        for line in text.lines() {
            let by_nature = ["warning: ", "creationTimestamp", "\"creationTimestamp", "Age:"]
                .iter()
                .any(|start| line.trim_start().starts_with(start));
            if !by_nature {
                let _ = writeln!(clean, "{}", without_age(line));
            }
        }
        clean
    };
    Ran {
        code: ran.code,
        stdout: clean(&ran.stdout),
        stderr: clean(&ran.stderr),
    }
}

/// The last cell of a row of `get` is its age.
fn without_age(line: &str) -> String {
    match line.rsplit_once("   ") {
        Some((row, age)) if age.trim() == "<unknown>" || age == "AGE" => row.trim_end().to_owned(),
        Some((row, age)) if age.ends_with(['s', 'm']) && age.starts_with(|c: char| c.is_ascii_digit()) => {
            row.trim_end().to_owned()
        }
        _ => line.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_hub_and_a_folder_answer_alike() {
    let hub = own_hub().await;
    let live = Bridge::live(hub.kubeconfig(), hub.namespace());
    let kubectl = Bridge::live(hub.kubeconfig(), hub.namespace()).through(&kubectl());
    let folder = Bridge::folder(&sample());
    // In this order: what is written stays, on both.
    for line in [
        "get",
        "get dev prod",
        "get gone dev",
        "get -l environment=prod -o json",
        "get -o name",
        "get -l nothing=here",
        "get -o jsonpath={.items[*].metadata.name}",
        "addons",
        "addons dev",
        "addons dev -o json",
        "addons dev --enable keda,velero --disable karpenter --dry-run",
        "addons dev --enable keda,velero --disable karpenter",
        "addons dev --enable keda",
        "addons prod staging --toggle enable_my_own=false",
        "addons prod staging --toggle enable_my_own=false --yes",
        "addons --all --enable karpenter --yes --max-clusters 2",
        "addons stagng --enable keda",
        "addons dev --enable nonsense",
        "label dev team=a",
        "label dev team=a",
        "label dev team=b",
        "label dev team=b --overwrite --reason because",
        "label dev prod team- --yes",
        "label dev --list",
        "label dev argocd.argoproj.io/secret-type-",
        "annotate dev note=a/b:c",
        "annotate -l environment=dev note- other=x",
        "annotate prod --list",
        "params",
        "params -l environment=dev -o yaml",
        "params --appset workloads -o json",
        "params --appset nothing",
        "get -l a=b=c",
        "version",
    ] {
        let on_folder = normal(&folder.line(line), None);
        // Writes happen once on each hub: kubectl runs what only looks, and every second write.
        let through = if line.len() % 2 == 0 || line.starts_with("get") {
            &kubectl
        } else {
            &live
        };
        let on_live = normal(&through.line(line), Some(&hub));
        assert_eq!(on_live, on_folder, "{line}");
    }
    let labels = |bridge: &Bridge| {
        let list: Value = serde_json::from_str(&bridge.line("get -o json").quiet()).unwrap();
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["metadata"]["labels"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(labels(&live), labels(&folder), "the same state in the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_finds_runs_and_completes_the_plugin() {
    let hub = hub().await;
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace()).through(&kubectl());
    let list = bridge.plain_kubectl(&["plugin", "list"]).quiet();
    assert!(
        list.lines().last().unwrap().ends_with("/kubectl-bridge"),
        "{list}"
    );
    let usage = bridge.line("get --nope");
    assert_eq!(usage.code, 2, "kubectl hands the exit code through");
    let completed = bridge.plain_kubectl(&["__complete", "bridge", "addons", "dev", "--enable", "karp"]);
    assert_eq!(completed.code, 0, "{}", completed.stderr);
    let mut lines = completed.stdout.lines();
    assert!(
        lines.next().unwrap().starts_with("karpenter"),
        "{}",
        completed.stdout
    );
    assert_eq!(
        completed.stdout.lines().last(),
        Some(":4"),
        "{}",
        completed.stdout
    );
    let kubeconfig = hub.kubeconfig().to_str().unwrap();
    let words = [
        "__complete",
        "bridge",
        "-n",
        hub.namespace(),
        "--kubeconfig",
        kubeconfig,
        "describe",
        "st",
    ];
    let names = bridge.plain_kubectl(&words).fine();
    assert!(names.starts_with("staging\tstaging\n"), "{names}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_permission_says_which_verb_on_what() {
    let hub = hub().await;
    let nobody = hub.kubeconfig_for("nobody").await.unwrap();
    let bridge = Bridge::live(&nobody, hub.namespace());
    for (line, verb) in [
        ("get", "cannot list resource \"secrets\""),
        (
            "addons --all --enable keda --yes",
            "cannot list resource \"secrets\"",
        ),
        ("params", "cannot list resource \"secrets\""),
    ] {
        bridge.line(line).fails(
            1,
            &[
                "Error from server (Forbidden): ",
                verb,
                &format!("in the namespace \"{}\"", hub.namespace()),
                "hint: ",
            ],
        );
    }
    let rights = format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: reader}}
rules: [{{apiGroups: [''], resources: [secrets], verbs: [get, list]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: reader}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}}
subjects: [{{kind: ServiceAccount, name: nobody, namespace: {}}}]
",
        hub.namespace()
    );
    hub.apply(&rights).await.unwrap();
    // What cannot be seen of the effect is said, and the write is refused by its verb.
    let ran = bridge.line("addons dev --enable keda").fails(
        1,
        &[
            "effect: unknown",
            "warning: the effect is unknown, ApplicationSets cannot be listed: ",
            "cannot patch resource \"secrets\"",
        ],
    );
    assert!(!ran.stderr.contains("effect: none"), "{}", ran.stderr);
    let list: Value = serde_json::from_str(&bridge.line("get dev -o json").quiet()).unwrap();
    assert_eq!(list["metadata"]["labels"]["enable_keda"], "false");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_namespace_and_an_empty_one() {
    let hub = Hub::shared().await.unwrap();
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let empty = bridge.line("get");
    assert_eq!((empty.code, empty.stdout.as_str()), (0, ""));
    assert_eq!(
        empty.stderr,
        format!("No clusters found in {} namespace.\n", hub.namespace())
    );
    Bridge::live(hub.kubeconfig(), "gone").line("get").fails(
        1,
        &[
            "Error from server (NotFound): namespaces \"gone\" not found",
            "hint: name Argo CD's namespace with -n NAMESPACE",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_dry_run_is_checked_and_not_kept() {
    let hub = hub().await;
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let text = bridge.line("addons dev --enable velero --dry-run=server").fine();
    assert!(
        text.ends_with("cluster/dev configured (server dry run)\n"),
        "{text}"
    );
    assert!(!bridge.line("label dev --list").quiet().contains("enable_velero"));
}

#[tokio::test(flavor = "multi_thread")]
async fn toggles_that_terraform_keeps() {
    let hub = Hub::shared().await.unwrap();
    let file = hub.kubeconfig().with_file_name("terraform.yaml");
    let manifest = crate::fleet::cluster("dev", &["environment: dev", "enable_keda: 'false'"], &[]);
    std::fs::write(&file, manifest).unwrap();
    let words = [
        "create",
        "--field-manager=HashiCorp",
        "-f",
        file.to_str().unwrap(),
    ];
    hub.kubectl(&words).await.unwrap().success().unwrap();
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    for dry_run in ["", " --dry-run", " --dry-run=server"] {
        bridge.line(&format!("addons dev --enable keda,velero{dry_run}")).fails_with_answer(
            1,
            &[
                "error: cluster/dev is not changed: Secret \"dev\" has keys that belong to others\n* label enable_keda: ",
                "field manager \"HashiCorp\"",
                "hint: change it where it comes from",
                "--force-conflicts",
            ],
        );
    }
    let labels = || bridge.line("label dev --list").quiet();
    assert!(
        labels().contains("enable_keda=false") && !labels().contains("enable_velero"),
        "one patch, or none"
    );
    let new = bridge.line("addons dev --enable velero");
    assert_eq!(
        (new.code, new.stdout.as_str()),
        (0, "cluster/dev configured\n"),
        "{}",
        new.stderr
    );
    assert!(
        new.stderr.contains("warning: cluster/dev: ") && new.stderr.contains("Terraform"),
        "{}",
        new.stderr
    );
    let forced = bridge.line("addons dev --enable keda --force-conflicts");
    assert_eq!(
        (forced.code, forced.stdout.as_str()),
        (0, "cluster/dev configured\n"),
        "{}",
        forced.stderr
    );
    assert!(
        forced.stderr.contains("taking over label enable_keda"),
        "{}",
        forced.stderr
    );
    assert!(labels().contains("enable_keda=true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_at_once_lose_nothing() {
    let hub = hub().await;
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let children: Vec<_> = (0..64)
        .map(|i| {
            let toggle = format!("enable_parallel_{i}=true");
            bridge
                .command(&["addons", "dev", "--toggle", &toggle])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let list = bridge.line("label dev --list").quiet();
    let kept = list
        .lines()
        .filter(|line| line.starts_with("enable_parallel_"))
        .count();
    assert_eq!(kept, 64);
}

/// An Application as the controllers of Argo CD leave it.
fn application(name: &str, set: &str, sync: &str, health: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  ownerReferences:
  - {{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, name: {set}, uid: 00000000-0000-0000-0000-000000000001}}
spec:
  project: default
  source: {{repoURL: https://example.com/charts, path: ., targetRevision: main}}
  destination: {{name: dev, namespace: x}}
status:
  sync: {{status: {sync}}}
  health: {{status: {health}, message: the pod crashes}}
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_when_the_applications_are_there() {
    let hub = own_hub().await;
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    bridge
        .line("addons dev --enable keda --wait --timeout 1s")
        .fails_with_answer(
            1,
            &[
                "cluster/dev, ApplicationSet ",
                "/addons-keda: no Application addon-dev-keda yet",
                "error: not there within 1s:",
            ],
        );
    // Run again it goes on waiting, though there is no label left to change.
    bridge
        .line("addons dev --enable keda --wait --timeout 1s")
        .fails_with_answer(
            1,
            &["error: not there within 1s:", "no Application addon-dev-keda yet"],
        );
    bridge.line("addons dev --disable keda").fine();
    let child = bridge
        .command(&["addons", "dev", "--enable", "keda", "--wait", "--timeout", "60s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    hub.create(&application(
        "addon-dev-keda",
        "addons-keda",
        "OutOfSync",
        "Degraded",
    ))
    .await
    .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    hub.apply(&application("addon-dev-keda", "addons-keda", "Synced", "Healthy"))
        .await
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(
        stderr.contains("OutOfSync, Degraded: the pod crashes"),
        "{stderr}"
    );
    assert!(stderr.ends_with("/addons-keda: synced and healthy\n"), "{stderr}");
    // Nothing takes the Application away here: the wait for its end runs out and says so.
    bridge
        .line("addons dev --disable keda --wait=exists --timeout 1s")
        .fails_with_answer(
            1,
            &[
                "effect: addons-keda: Application addon-dev-keda will vanish",
                "error: not there within 1s:",
                "addon-dev-keda: Synced, Healthy",
            ],
        );
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(unix)]
async fn ctrl_c_ends_a_wait_with_130() {
    let hub = hub().await;
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let child = bridge
        .command(&["addons", "dev", "--enable", "keda", "--wait", "--timeout", "60s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.ends_with("interrupted: what was reported above is done; run the command again to go on\n"),
        "{stderr}"
    );
    assert!(
        bridge
            .line("label dev --list")
            .quiet()
            .contains("enable_keda=true")
    );
}
