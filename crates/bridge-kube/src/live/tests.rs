//! The write loop against a scripted API server.

use std::{collections::BTreeMap, time::Duration};

use bridge_core::change::{KeyChanges, LastChange};
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use super::mock::{exchange, hub};
use crate::{DryRun, HubError, Verb, WriteOptions};

const GET: &str = "/api/v1/namespaces/argocd/secrets/dev";
const PATCH: &str = "/api/v1/namespaces/argocd/secrets/dev?&fieldManager=kubectl-bridge";
const REVIEW: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews?";

fn secret(version: &str, labels: &Value, managers: &Value) -> Value {
    let mut labels = labels.clone();
    labels["argocd.argoproj.io/secret-type"] = "cluster".into();
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": "dev", "namespace": "argocd", "uid": "u1", "resourceVersion": version,
            "labels": labels, "managedFields": managers,
        },
        "data": { "name": "ZGV2", "server": "aHR0cHM6Ly9kZXY=" },
    })
}

fn review() -> super::mock::Exchange {
    let answer = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
        "metadata": {}, "status": { "userInfo": { "username": "jo@example.com" } },
    });
    exchange("POST", REVIEW, 201, answer)
}

fn conflict() -> Value {
    json!({ "kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409, "message": "the object has been modified" })
}

fn owner(manager: &str, operation: &str, label: &str) -> Value {
    json!([{
        "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": { "f:metadata": { "f:labels": { format!("f:{label}"): {} } } },
    }])
}

fn enable_x() -> KeyChanges {
    KeyChanges {
        labels: BTreeMap::from([("enable_x".into(), Some("true".into())), ("old".into(), None)]),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_change_patches_what_it_read_and_looks_again_on_409() {
    let (hub, server) = hub(vec![
        exchange("GET", GET, 200, secret("7", &json!({ "old": "1" }), &json!([]))),
        review(),
        exchange("PATCH", PATCH, 409, conflict()),
        exchange("GET", GET, 200, secret("8", &json!({}), &json!([]))),
        exchange(
            "PATCH",
            PATCH,
            200,
            secret("9", &json!({ "enable_x": "true" }), &json!([])),
        ),
    ]);
    let write = WriteOptions {
        reason: Some("a test".into()),
        ..Default::default()
    };
    let written = hub.change("dev", &enable_x(), &write).await.unwrap();
    drop(hub);
    let sent = server.await.unwrap();
    assert_eq!(written.verb, Verb::Configured);
    assert_eq!(written.after.unwrap().resource_version.as_deref(), Some("9"));
    assert_eq!(sent[2].content_type, "application/merge-patch+json");
    assert_eq!(sent[2].body["metadata"]["resourceVersion"], "7");
    assert_eq!(
        sent[2].body["metadata"]["labels"],
        json!({ "enable_x": "true", "old": null })
    );
    // Second time "old" was gone already: only what still differs is sent.
    assert_eq!(sent[4].body["metadata"]["resourceVersion"], "8");
    assert_eq!(sent[4].body["metadata"]["labels"], json!({ "enable_x": "true" }));
    let note = sent[4].body["metadata"]["annotations"]["kubectl-bridge/last-change"]
        .as_str()
        .unwrap();
    let note: LastChange = serde_json::from_str(note).unwrap();
    assert_eq!(
        (&*note.by, &*note.keys),
        ("jo@example.com", &["enable_x".to_owned()][..])
    );
    assert_eq!(note.reason.as_deref(), Some("a test"));
}

#[tokio::test]
async fn no_difference_writes_nothing() {
    let (hub, server) = hub(vec![exchange(
        "GET",
        GET,
        200,
        secret(
            "7",
            &json!({ "enable_x": "true" }),
            &owner("HashiCorp", "Update", "enable_x"),
        ),
    )]);
    let written = hub
        .change("dev", &enable_x(), &WriteOptions::default())
        .await
        .unwrap();
    drop(hub);
    assert_eq!((written.verb, written.diffs.len()), (Verb::Unchanged, 0));
    assert_eq!(server.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_of_terraform_is_refused_until_forced() {
    let terraform = || {
        secret(
            "7",
            &json!({ "enable_x": "false" }),
            &owner("HashiCorp", "Update", "enable_x"),
        )
    };
    let (one, server) = hub(vec![exchange("GET", GET, 200, terraform())]);
    let error = one
        .change("dev", &enable_x(), &WriteOptions::default())
        .await
        .unwrap_err();
    drop(one);
    server.await.unwrap();
    assert!(matches!(&error, HubError::Conflict { owned, .. } if owned[0].manager == "HashiCorp"));
    assert_eq!(
        error.to_string(),
        "Secret \"dev\" has keys that belong to others\n* label enable_x: Terraform sets it back at its next apply (field manager \"HashiCorp\")"
    );
    assert!(error.hint().unwrap().contains("--force-conflicts"));

    let (forced, server) = hub(vec![
        exchange("GET", GET, 200, terraform()),
        review(),
        exchange("PATCH", PATCH, 200, secret("8", &json!({}), &json!([]))),
    ]);
    let write = WriteOptions {
        force_conflicts: true,
        ..Default::default()
    };
    let written = forced.change("dev", &enable_x(), &write).await.unwrap();
    drop(forced);
    server.await.unwrap();
    assert!(
        written.warnings[0].starts_with("taking over label enable_x"),
        "{:?}",
        written.warnings
    );
}

#[tokio::test]
async fn dry_runs_write_nothing_or_say_so_to_the_server() {
    let before = || secret("7", &json!({}), &json!([]));
    let (client, server) = hub(vec![exchange("GET", GET, 200, before())]);
    let write = |dry_run| WriteOptions {
        dry_run,
        ..Default::default()
    };
    let written = client
        .change("dev", &enable_x(), &write(DryRun::Client))
        .await
        .unwrap();
    drop(client);
    server.await.unwrap();
    assert_eq!(written.after.unwrap().cluster.labels["enable_x"], "true");

    let (dry, server) = hub(vec![
        exchange("GET", GET, 200, before()),
        review(),
        exchange(
            "PATCH",
            "/api/v1/namespaces/argocd/secrets/dev?&dryRun=All&fieldManager=kubectl-bridge",
            200,
            secret("7", &json!({ "enable_x": "true" }), &json!([])),
        ),
    ]);
    dry.change("dev", &enable_x(), &write(DryRun::Server))
        .await
        .unwrap();
    drop(dry);
    server.await.unwrap();
}

#[tokio::test]
async fn a_writer_that_never_gets_through_gives_up_at_the_deadline() {
    let (hub, server) = hub(vec![
        exchange("GET", GET, 200, secret("7", &json!({}), &json!([]))),
        review(),
        exchange("PATCH", PATCH, 409, conflict()),
    ]);
    let write = WriteOptions {
        deadline: Duration::ZERO,
        ..Default::default()
    };
    let error = hub.change("dev", &enable_x(), &write).await.unwrap_err();
    drop(hub);
    server.await.unwrap();
    assert!(matches!(error, HubError::Busy { attempts: 1, .. }), "{error}");
}

#[tokio::test]
async fn a_forbidden_review_falls_back_to_the_kubeconfig() {
    let forbidden = json!({ "kind": "Status", "reason": "Forbidden", "code": 403, "message": "no" });
    let (hub, server) = hub(vec![
        exchange("GET", GET, 200, secret("7", &json!({}), &json!([]))),
        exchange("POST", REVIEW, 403, forbidden),
        exchange("PATCH", PATCH, 200, secret("8", &json!({}), &json!([]))),
    ]);
    hub.change("dev", &enable_x(), &WriteOptions::default())
        .await
        .unwrap();
    drop(hub);
    let sent = server.await.unwrap();
    let note = sent[2].body["metadata"]["annotations"]["kubectl-bridge/last-change"]
        .as_str()
        .unwrap();
    assert!(note.contains("kubeconfig-user"), "{note}");
}

#[tokio::test]
async fn an_apply_carries_along_what_it_applied_before() {
    let mut live = secret("7", &json!({ "environment": "dev", "kept": "1" }), &json!([]));
    live["metadata"]["managedFields"] = json!([{
        "manager": "kubectl-bridge", "operation": "Apply", "fieldsType": "FieldsV1",
        "fieldsV1": { "f:metadata": { "f:labels": { "f:kept": {}, "f:environment": {} } }, "f:data": { "f:server": {} } },
    }, {
        "manager": "kubectl-bridge", "operation": "Update", "fieldsType": "FieldsV1",
        "fieldsV1": { "f:metadata": { "f:labels": { "f:environment": {} } } },
    }]);
    let (hub, server) = hub(vec![
        exchange(
            "GET",
            "/api/v1/namespaces/argocd/secrets?&labelSelector=argocd.argoproj.io%2Fsecret-type%3Dcluster&limit=500",
            200,
            json!({ "metadata": {}, "items": [live.clone()] }),
        ),
        exchange("GET", GET, 200, live.clone()),
        review(),
        exchange(
            "PATCH",
            "/api/v1/namespaces/argocd/secrets/dev?&force=true&fieldManager=kubectl-bridge",
            200,
            live.clone(),
        ),
    ]);
    let current = hub.cluster("dev").await.unwrap();
    let mut wanted = Secret::default();
    wanted.metadata.labels = Some(BTreeMap::from([("environment".to_owned(), "staging".to_owned())]));
    wanted.string_data = Some(BTreeMap::from([("name".to_owned(), "dev".to_owned())]));
    let written = hub
        .apply(&current, &wanted, &WriteOptions::default())
        .await
        .unwrap();
    drop(hub);
    let sent = server.await.unwrap();
    assert_eq!(written.verb, Verb::Configured);
    assert_eq!(sent[3].content_type, "application/apply-patch+yaml");
    assert_eq!(
        sent[3].body["metadata"]["labels"],
        json!({ "environment": "staging", "kept": "1" })
    );
    assert_eq!(
        sent[3].body["data"],
        json!({ "name": "ZGV2", "server": "aHR0cHM6Ly9kZXY=" })
    );
    assert_eq!(sent[3].body["metadata"]["resourceVersion"], "7");
    assert_eq!(sent[3].body.get("stringData"), None);
}

#[tokio::test]
async fn an_apply_keeps_what_was_changed_since_it_was_worked_out() {
    let read = secret("7", &json!({ "environment": "dev" }), &json!([]));
    let current = bridge_core::secret::ClusterSecret::from_secret(serde_json::from_value(read).unwrap());
    let (hub, server) = hub(vec![exchange(
        "GET",
        GET,
        200,
        secret("8", &json!({ "environment": "prod" }), &json!([])),
    )]);
    let mut wanted = Secret::default();
    wanted.metadata.labels = Some(BTreeMap::from([("environment".to_owned(), "dev".to_owned())]));
    let refused = hub.apply(&current, &wanted, &WriteOptions::default()).await;
    drop(hub);
    server.await.unwrap();
    assert!(
        matches!(refused, Err(HubError::Replaced { how: "changed", .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_list_goes_page_by_page_and_a_missing_namespace_says_so() {
    const FIRST: &str = "/api/v1/namespaces/argocd/secrets?&labelSelector=argocd.argoproj.io%2Fsecret-type%3Dcluster&limit=500";
    const SECOND: &str = "/api/v1/namespaces/argocd/secrets?&labelSelector=argocd.argoproj.io%2Fsecret-type%3Dcluster&limit=500&continue=more";
    let mut other = secret("1", &json!({}), &json!([]));
    other["metadata"]["name"] = "a".into();
    let (pages, server) = hub(vec![
        exchange(
            "GET",
            FIRST,
            200,
            json!({ "metadata": { "continue": "more" }, "items": [secret("1", &json!({}), &json!([]))] }),
        ),
        exchange("GET", SECOND, 200, json!({ "metadata": {}, "items": [other] })),
    ]);
    let clusters = pages.clusters().await.unwrap();
    drop(pages);
    server.await.unwrap();
    let names: Vec<&str> = clusters
        .iter()
        .map(|found| found.cluster.secret_name.as_str())
        .collect();
    assert_eq!(names, ["a", "dev"]);

    let not_found = json!({ "kind": "Status", "reason": "NotFound", "code": 404, "message": "namespaces \"argocd\" not found", "details": { "kind": "namespaces", "name": "argocd" } });
    let (empty, server) = hub(vec![
        exchange("GET", FIRST, 200, json!({ "metadata": {}, "items": [] })),
        exchange("GET", "/api/v1/namespaces/argocd", 404, not_found),
    ]);
    let error = empty.clusters().await.unwrap_err();
    drop(empty);
    server.await.unwrap();
    assert_eq!(
        error.to_string(),
        "Error from server (NotFound): namespaces \"argocd\" not found"
    );
    assert!(error.hint().unwrap().contains("-n NAMESPACE"));
}

#[tokio::test]
async fn names_are_found_or_the_nearest_is_named() {
    const LIST: &str = "/api/v1/namespaces/argocd/secrets?&labelSelector=argocd.argoproj.io%2Fsecret-type%3Dcluster&limit=500";
    let mut twin = secret("1", &json!({}), &json!([]));
    twin["metadata"]["name"] = "twin".into();
    let list = |items: Vec<Value>| exchange("GET", LIST, 200, json!({ "metadata": {}, "items": items }));
    let (hub, server) = hub(vec![
        list(vec![secret("1", &json!({}), &json!([]))]),
        list(vec![secret("1", &json!({}), &json!([])), twin.clone()]),
        list(vec![twin.clone(), twin]),
    ]);
    assert_eq!(
        hub.cluster("dv").await.unwrap_err().to_string(),
        "cluster \"dv\" not found in context dev-hub (https://hub), namespace argocd; did you mean \"dev\"?"
    );
    assert_eq!(hub.cluster("twin").await.unwrap().cluster.secret_name, "twin");
    let error = hub.cluster("dev").await.unwrap_err();
    assert!(
        matches!(&error, HubError::Ambiguous { secrets, .. } if secrets.len() == 2),
        "{error}"
    );
    drop(hub);
    server.await.unwrap();
}

#[tokio::test]
async fn a_delete_takes_only_what_was_read() {
    let mut gone = secret("7", &json!({}), &json!([]));
    gone["metadata"]["managedFields"] = json!([]);
    let current = bridge_core::secret::ClusterSecret::from_secret(serde_json::from_value(gone).unwrap());
    let (hub, server) = hub(vec![
        exchange(
            "DELETE",
            "/api/v1/namespaces/argocd/secrets/dev?",
            200,
            json!({ "kind": "Status", "status": "Success" }),
        ),
        exchange(
            "DELETE",
            "/api/v1/namespaces/argocd/secrets/dev?",
            409,
            conflict(),
        ),
    ]);
    hub.delete(&current, &WriteOptions::default()).await.unwrap();
    let error = hub.delete(&current, &WriteOptions::default()).await.unwrap_err();
    drop(hub);
    assert_eq!(server.await.unwrap()[0].body["preconditions"]["uid"], "u1");
    assert!(matches!(error, HubError::Replaced { how: "replaced", .. }));
}
