//! Everything applies to a real API server, with the kustomize of kubectl, and is accepted as it is.

use testbed::Hub;

use crate::hub::{hub, manifests, ok};

/// Which object, and its version.
const VERSIONS: &str =
    r#"jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\n"}{end}"#;

/// What a run of `kubectl apply` said of each object.
async fn apply(hub: &Hub, folder: &str, flags: &[&str]) -> Vec<String> {
    let folder = manifests(folder);
    let said = ok(hub, &[&["apply", "-k", &folder], flags].concat()).await;
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn every_folder_applies_and_is_stored_as_it_was_written() {
    let hub = hub().await;
    // --validate=strict is kubectl's default: an unknown field would be an error.
    for (folder, objects) in [
        ("base", 17),
        ("operators", 7),
        ("applicationsets", 2),
        ("addons", 3),
        ("overlays/clusters-generator", 9),
        ("overlays/clusters-generator/addons", 3),
    ] {
        let said = apply(hub, folder, &["--dry-run=server"]).await;
        assert_eq!(said.len(), objects, "{folder}: {said:#?}");
    }
    // What the server adds by itself must not look like a difference the next time.
    let versions = async || ok(hub, &["get", "-k", &manifests("base"), "-o", VERSIONS]).await;
    let before = versions().await;
    apply(hub, "base", &[]).await;
    assert_eq!(versions().await, before, "a second apply changes something");
}

#[tokio::test]
async fn no_token_is_shipped() {
    let hub = hub().await;
    let rendered = ok(hub, &["kustomize", &manifests("base")]).await;
    assert!(!rendered.contains("kind: Secret\n"), "{rendered}");
}
