//! A folder hub from its first file to its last.

use std::{collections::BTreeMap, error::Error as _, fs};

use bridge_core::{change::KeyChanges, connection::Connection};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::*;
use crate::{DryRun, Hub, Verb, WriteOptions};

const DEV: &str = "\
# the dev cluster
apiVersion: v1
kind: Secret
metadata:
  name: dev   # short name
  labels:
    argocd.argoproj.io/secret-type: cluster
    enable_keda: 'false' # costs money
    environment: dev
type: Opaque
stringData:
  name: dev
  server: https://dev.example.com
data:
  config: e30=
";

fn hub(files: &[(&str, &str)]) -> (tempfile::TempDir, FolderHub) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("clusters")).unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let hub = FolderHub::open(dir.path()).unwrap();
    (dir, hub)
}

fn labels(changes: &[(&str, Option<&str>)]) -> KeyChanges {
    KeyChanges {
        labels: changes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)))
            .collect(),
        ..Default::default()
    }
}

fn secret(name: &str, config: &str) -> Secret {
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": name,
            "labels": { "argocd.argoproj.io/secret-type": "cluster", "enable_x": "true" },
            "annotations": { "addons_repo_url": "https://github.com/a/b", "odd": "yes: no # no" },
        },
        "type": "Opaque",
        "stringData": { "name": name, "server": format!("https://{name}"), "config": config },
    }))
    .unwrap()
}

fn all_causes(error: &HubError) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[tokio::test]
async fn a_change_keeps_every_other_byte() {
    let (dir, hub) = hub(&[("clusters/dev.yaml", DEV)]);
    let changes = labels(&[
        ("enable_keda", Some("true")),
        ("enable_argocd", Some("true")),
        ("environment", None),
    ]);
    let written = hub
        .change("dev", &changes, &WriteOptions::default())
        .await
        .unwrap();
    assert_eq!(written.verb, Verb::Configured);
    assert_eq!(written.diffs.len(), 3);
    let text = fs::read_to_string(dir.path().join("clusters/dev.yaml")).unwrap();
    let (head, rest) = text.split_once("  annotations:\n").unwrap();
    assert!(rest.starts_with("    kubectl-bridge/last-change: "), "{text}");
    let (_, rest) = rest.split_once('\n').unwrap();
    let expected = DEV
        .replace(
            "    enable_keda: 'false' #",
            "    enable_argocd: 'true'\n    enable_keda: 'true' #",
        )
        .replace("    environment: dev\n", "");
    assert_eq!(format!("{head}{rest}"), expected);
    let again = hub
        .change("dev", &changes, &WriteOptions::default())
        .await
        .unwrap();
    assert_eq!(again.verb, Verb::Unchanged);
    assert_eq!(
        fs::read_to_string(dir.path().join("clusters/dev.yaml")).unwrap(),
        text
    );
    assert_eq!(fs::read_dir(dir.path().join("clusters")).unwrap().count(), 1);
}

#[tokio::test]
async fn parallel_changes_lose_nothing() {
    let (dir, _) = hub(&[("clusters/dev.yaml", DEV)]);
    let mut tasks = Vec::new();
    for n in 0..32 {
        let hub = Hub::folder(dir.path()).unwrap();
        tasks.push(tokio::spawn(async move {
            let changes = labels(&[(&format!("enable_a{n:02}"), Some("true"))]);
            hub.change("dev", &changes, &WriteOptions::default())
                .await
                .map(|_| ())
        }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let clusters = load_clusters(dir.path()).unwrap();
    assert_eq!(clusters[0].cluster.enabled_addons(), 32);
    assert!(
        fs::read_to_string(dir.path().join("clusters/dev.yaml"))
            .unwrap()
            .contains("# costs money")
    );
}

#[tokio::test]
async fn a_registration_is_created_applied_and_deleted() {
    let (dir, hub) = hub(&[]);
    let config = r#"{"bearerToken": "planted", "tlsClientConfig": {"insecure": false}}"#;
    let written = hub
        .create(&secret("new", config), &WriteOptions::default())
        .await
        .unwrap();
    assert_eq!(written.verb, Verb::Created);
    assert!(!format!("{written:?}").contains("planted"));
    let path = dir.path().join("clusters/new.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("    enable_x: \"true\"\n") && text.contains("  config: |-\n    {\"bearerToken\""),
        "{text}"
    );
    let current = hub.cluster("new").unwrap();
    assert_eq!(current.connection(), Connection::Token);
    assert_eq!(current.cluster.annotations["odd"], "yes: no # no");
    assert!(matches!(
        hub.create(&secret("new", config), &WriteOptions::default()).await,
        Err(HubError::AlreadyExists { .. })
    ));

    let wanted = Secret {
        string_data: Some(BTreeMap::from([
            ("config".to_owned(), "{}".to_owned()),
            ("shard".to_owned(), "1".to_owned()),
        ])),
        ..Default::default()
    };
    let applied = hub
        .apply(&current, &wanted, &WriteOptions::default())
        .await
        .unwrap();
    assert_eq!(applied.verb, Verb::Configured);
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("  config: |-\n    {}\n")
            && text.contains("  shard: \"1\"\n")
            && !text.contains("planted"),
        "{text}"
    );
    // What was merged over the old config must not undo a change that came in between.
    assert!(matches!(
        hub.apply(&current, &secret("new", "{\"a\": 1}"), &WriteOptions::default())
            .await,
        Err(HubError::Replaced { how: "changed", .. })
    ));

    hub.delete(&current, &WriteOptions::default()).await.unwrap();
    assert!(!path.exists());
    assert!(matches!(
        hub.delete(&current, &WriteOptions::default()).await,
        Err(HubError::Replaced { how: "removed", .. })
    ));
}

#[tokio::test]
async fn base64_data_stays_base64() {
    let (dir, hub) = hub(&[("clusters/dev.yaml", DEV)]);
    let current = hub.cluster("dev").unwrap();
    let wanted = Secret {
        string_data: Some(BTreeMap::from([(
            "config".to_owned(),
            "{\"username\": \"jo\"}".to_owned(),
        )])),
        ..Default::default()
    };
    hub.apply(&current, &wanted, &WriteOptions::default())
        .await
        .unwrap();
    let text = fs::read_to_string(dir.path().join("clusters/dev.yaml")).unwrap();
    assert!(
        text.contains("data:\n  config: eyJ1c2VybmFtZSI6ICJqbyJ9\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_dry_run_leaves_the_files_alone_and_a_folder_says_what_it_cannot() {
    let (dir, hub) = hub(&[("clusters/dev.yaml", DEV)]);
    let write = |dry_run, force_conflicts| WriteOptions {
        dry_run,
        force_conflicts,
        ..Default::default()
    };
    let changes = labels(&[("enable_keda", Some("true"))]);
    let written = hub
        .change("dev", &changes, &write(DryRun::Client, false))
        .await
        .unwrap();
    assert_eq!(written.after.unwrap().cluster.labels["enable_keda"], "true");
    assert_eq!(
        fs::read_to_string(dir.path().join("clusters/dev.yaml")).unwrap(),
        DEV
    );
    hub.create(&secret("new", "{}"), &write(DryRun::Client, false))
        .await
        .unwrap();
    assert_eq!(hub.clusters().unwrap().len(), 1);
    for (dry_run, force) in [(DryRun::Server, false), (DryRun::None, true)] {
        let error = hub
            .change("dev", &changes, &write(dry_run, force))
            .await
            .unwrap_err();
        assert!(
            error.to_string().starts_with("a folder hub cannot do --"),
            "{error}"
        );
    }
}

#[test]
fn broken_files_are_named_with_their_line_and_not_quoted() {
    for (text, says) in [
        ("", "it is empty"),
        ("kind: Secret\nstringData:\n  config: {planted\n", "dev.yaml:"),
        (
            "kind: Secret\nmetadata: {labels: {argocd.argoproj.io/secret-type: cluster}}\n",
            "no metadata.name",
        ),
        (
            "kind: Secret\nmetadata: {name: dev, labels: {argocd.argoproj.io/secret-type: cluster, enable_x: true}}\n",
            "label enable_x is not a string",
        ),
        (
            "kind: Secret\nmetadata: {name: dev, labels: {argocd.argoproj.io/secret-type: cluster}}\ndata: {config: planted!}\n",
            "data key config is not base64",
        ),
        ("- planted\n", "it holds a list"),
    ] {
        let (_dir, hub) = hub(&[("clusters/dev.yaml", text)]);
        let error = hub.clusters().unwrap_err();
        let shown = format!("{} {error:?}", all_causes(&error));
        assert!(shown.contains(says) && shown.contains("dev.yaml"), "{shown}");
        assert!(!shown.contains("planted"), "{shown}");
    }
}

#[test]
fn other_objects_are_passed_over_and_several_documents_read() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    let two = format!("{DEV}---\n{}", DEV.replace("name: dev", "name: qa"));
    let (_dir, hub) = hub(&[
        ("clusters/a.yaml", map),
        ("clusters/two.yaml", &two),
        ("clusters/note.txt", "?"),
    ]);
    let names: Vec<String> = hub
        .clusters()
        .unwrap()
        .into_iter()
        .map(|found| found.cluster.name)
        .collect();
    assert_eq!(names, ["dev", "qa"]);
    assert_eq!(
        hub.cluster("qq").unwrap_err().to_string().split("; ").nth(1),
        Some("did you mean \"qa\"?")
    );
}

#[tokio::test]
async fn a_file_of_several_objects_is_not_written() {
    let two = format!("{DEV}---\n{}", DEV.replace("name: dev", "name: qa"));
    let (dir, hub) = hub(&[("clusters/two.yaml", &two)]);
    let error = hub
        .change(
            "qa",
            &labels(&[("enable_keda", Some("true"))]),
            &WriteOptions::default(),
        )
        .await
        .unwrap_err();
    assert!(all_causes(&error).contains("several objects"), "{error}");
    assert_eq!(
        fs::read_to_string(dir.path().join("clusters/two.yaml")).unwrap(),
        two
    );
}

#[cfg(unix)]
#[tokio::test]
async fn modes_and_links_are_kept() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (dir, hub) = hub(&[("real/dev.yaml", DEV)]);
    let real = dir.path().join("real/dev.yaml");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    let link = dir.path().join("clusters/dev.yaml");
    symlink(&real, &link).unwrap();
    let changes = labels(&[("enable_keda", Some("true"))]);
    hub.change("dev", &changes, &WriteOptions::default())
        .await
        .unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    hub.create(&secret("new", "{}"), &WriteOptions::default())
        .await
        .unwrap();
    let new = dir.path().join("clusters/new.yaml");
    assert_eq!(fs::metadata(new).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_folder_must_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let error = Hub::folder(&dir.path().join("none")).map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("cannot use the folder"), "{error}");
    let hub = Hub::folder(dir.path()).unwrap();
    assert!(hub.to_string().starts_with("folder /") && hub.is_folder());
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_no_missing_cluster() {
    let (dir, hub) = hub(&[("clusters/dev.yaml", DEV)]);
    std::os::unix::fs::symlink(dir.path().join("gone.yaml"), dir.path().join("clusters/qa.yaml")).unwrap();
    let error = hub.clusters().unwrap_err();
    assert!(error.to_string().contains("qa.yaml"), "{error}");
}

#[tokio::test]
async fn an_apply_keeps_what_was_changed_since_it_was_worked_out() {
    let (dir, hub) = hub(&[("clusters/dev.yaml", DEV)]);
    let current = hub.cluster("dev").unwrap();
    let mut wanted: Secret = serde_json::from_value(json!({
        "metadata": { "name": "dev", "labels": { "environment": "dev", "kubernetes_version": "1.34" } },
    }))
    .unwrap();
    let moved = labels(&[("environment", Some("prod")), ("enable_keda", Some("true"))]);
    hub.change("dev", &moved, &WriteOptions::default()).await.unwrap();
    let text = fs::read_to_string(dir.path().join("clusters/dev.yaml")).unwrap();
    let refused = hub.apply(&current, &wanted, &WriteOptions::default()).await;
    assert!(matches!(refused, Err(HubError::Replaced { how: "changed", .. })));
    assert_eq!(
        fs::read_to_string(dir.path().join("clusters/dev.yaml")).unwrap(),
        text
    );
    // Other keys, and keys that have the value already, may have changed.
    wanted
        .metadata
        .labels
        .as_mut()
        .unwrap()
        .insert("environment".into(), "prod".into());
    let applied = hub
        .apply(&current, &wanted, &WriteOptions::default())
        .await
        .unwrap();
    assert_eq!(applied.diffs.len(), 1);
    assert_eq!(applied.after.unwrap().cluster.labels["enable_keda"], "true");
}

#[tokio::test]
async fn a_change_reads_the_file_of_its_cluster_first() {
    let elsewhere = DEV.replace("name: dev", "name: qa");
    let (dir, hub) = hub(&[("clusters/dev.yaml", DEV), ("clusters/a-team.yaml", &elsewhere)]);
    let keda = labels(&[("enable_keda", Some("true"))]);
    hub.change("qa", &keda, &WriteOptions::default()).await.unwrap();
    fs::write(dir.path().join("clusters/a-team.yaml"), "a: [").unwrap();
    hub.change("dev", &keda, &WriteOptions::default()).await.unwrap();
    assert!(hub.change("qa", &keda, &WriteOptions::default()).await.is_err());
}

#[test]
fn a_secret_that_is_there_twice_is_refused_whatever_its_clusters_are_called() {
    let other = |name: &str| DEV.replace("  name: dev\n  server", &format!("  name: {name}\n  server"));
    let between = DEV
        .replace("name: dev   #", "name: mid   #")
        .replace("  name: dev\n  server", "  name: mid\n  server");
    let (_dir, hub) = hub(&[
        ("clusters/1.yaml", &other("a")),
        ("clusters/2.yaml", &between),
        ("clusters/3.yaml", &other("z")),
    ]);
    let error = hub.clusters().unwrap_err();
    assert!(
        error.to_string().starts_with("Secret \"dev\" is in folder"),
        "{error}"
    );
}
