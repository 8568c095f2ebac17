//! What the account of the service may do, and what the policy takes from it whatever else it is given.

use serde_json::json;

use crate::hub::{SERVICE, applicationset, get, hub, ok, refused};

const REFRESH: &str = "argocd.argoproj.io/application-set-refresh";

#[tokio::test]
async fn its_rights_are_the_ones_it_needs() {
    let hub = hub().await;
    for (verb, resource, may) in [
        ("list", "secrets", true),
        ("watch", "secrets", true),
        ("get", "secrets", false),
        ("patch", "secrets", false),
        ("create", "secrets", false),
        ("get", "applicationsets.argoproj.io", true),
        ("list", "applicationsets.argoproj.io", true),
        ("watch", "applicationsets.argoproj.io", true),
        ("patch", "applicationsets.argoproj.io", true),
        ("update", "applicationsets.argoproj.io", false),
        ("create", "applicationsets.argoproj.io", false),
        ("delete", "applicationsets.argoproj.io", false),
        ("patch", "applicationsets.argoproj.io --subresource=status", false),
        ("list", "applications.argoproj.io", false),
        ("get", "configmaps", false),
        ("create", "serviceaccounts --subresource=token", false),
    ] {
        for (namespace, may) in [("argocd", may), ("default", false)] {
            let resource: Vec<&str> = resource.split(' ').collect();
            let arguments = [
                &["auth", "can-i", verb],
                &resource[..],
                &["-n", namespace],
                SERVICE,
            ]
            .concat();
            let answer = hub.kubectl(&arguments).await.unwrap().stdout;
            assert_eq!(
                answer.trim() == "yes",
                may,
                "{verb} {resource:?} in {namespace}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn it_may_write_the_refresh_annotation() {
    let hub = hub().await;
    hub.apply(&applicationset("refreshed").to_string()).await.unwrap();
    for change in ["=a.1", "=a.2", "-"] {
        let annotation = format!("{REFRESH}{change}");
        let arguments = [
            "annotate",
            "applicationset",
            "refreshed",
            &annotation,
            "--overwrite",
        ];
        ok(hub, &[&arguments, SERVICE].concat()).await;
        let seen = get(hub, "applicationset", "refreshed").await["metadata"]["annotations"][REFRESH].clone();
        assert_eq!(seen.as_str(), change.strip_prefix('='));
    }
    // The first annotation of all, where there is no map yet.
    let mut bare = applicationset("bare");
    bare["metadata"] = json!({"name": "bare"});
    hub.apply(&bare.to_string()).await.unwrap();
    let annotation = format!("{REFRESH}=a.1");
    ok(
        hub,
        &[&["annotate", "applicationset", "bare", &annotation], SERVICE].concat(),
    )
    .await;
}

/// Each part of an ApplicationSet, on its own and beside a refresh.
#[tokio::test]
async fn it_may_change_nothing_else_of_an_applicationset() {
    let hub = hub().await;
    hub.apply(&applicationset("fenced").to_string()).await.unwrap();
    let before = get(hub, "applicationset", "fenced").await;
    let source =
        json!({"spec": {"template": {"spec": {"source": {"repoURL": "https://example.com/evil.git"}}}}});
    let annotations = "may change no annotation";
    let spec = "may not change the spec";
    let metadata = "may not change labels, finalizers or owners";
    for (patch, words) in [
        (source, spec),
        (json!({"spec": {"generators": []}}), spec),
        (json!({"spec": {"syncPolicy": null}}), spec),
        (json!({"spec": {"goTemplateOptions": ["missingkey=error"]}}), spec),
        (json!({"metadata": {"labels": {"team": "b"}}}), metadata),
        (json!({"metadata": {"labels": {"more": "b"}}}), metadata),
        (json!({"metadata": {"labels": null}}), metadata),
        (
            json!({"metadata": {"finalizers": ["example.com/stay"]}}),
            metadata,
        ),
        (
            json!({"metadata": {"ownerReferences":
                [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "0"}]}}),
            metadata,
        ),
        (json!({"metadata": {"annotations": {"note": "b"}}}), annotations),
        (json!({"metadata": {"annotations": {"more": "b"}}}), annotations),
        (json!({"metadata": {"annotations": {"note": null}}}), annotations),
        (json!({"metadata": {"annotations": null}}), annotations),
    ] {
        let mut beside = patch.clone();
        if !beside["metadata"]["annotations"].is_object() {
            beside["metadata"]["annotations"] = json!({});
        }
        beside["metadata"]["annotations"][REFRESH] = json!("a.1");
        let patches = if patch["metadata"]["annotations"] == json!(null) && words == annotations {
            // Beside a refresh it would not be the same patch.
            vec![patch]
        } else {
            vec![patch, beside]
        };
        for patch in patches {
            let patch = patch.to_string();
            let arguments = ["patch", "applicationset", "fenced", "--type=merge", "-p", &patch];
            refused(hub, &[&arguments, SERVICE].concat(), words).await;
        }
    }
    assert_eq!(get(hub, "applicationset", "fenced").await, before);
}

/// The fence does not lean on the Role: somebody may grant more by mistake.
#[tokio::test]
async fn the_policy_holds_even_for_an_administrator() {
    let hub = hub().await;
    hub.apply(&applicationset("granted").to_string()).await.unwrap();
    // A second account of the same name elsewhere, so that the first one's rights stay what they are for other tests.
    let account = "system:serviceaccount:elsewhere:bridge-generator";
    let subject = "--serviceaccount=elsewhere:bridge-generator";
    ok(
        hub,
        &[
            "create",
            "clusterrolebinding",
            "granted",
            "--clusterrole=cluster-admin",
            subject,
        ],
    )
    .await;
    let as_account = format!("--as={account}");
    let may_only = "bridge-generator may only update ApplicationSets";
    let status = r#"{"status":{"conditions":[]}}"#;
    let project = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "granted", "namespace": hub.namespace()}, "spec": {}});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("project.json");
    std::fs::write(&file, project.to_string()).unwrap();
    for arguments in [
        &["delete", "applicationset", "granted"][..],
        &[
            "patch",
            "applicationset",
            "granted",
            "--subresource=status",
            "--type=merge",
            "-p",
            status,
        ],
        &["create", "-f", file.to_str().unwrap()],
        &["delete", "appproject", "default"],
    ] {
        refused(hub, &[arguments, &[&as_account]].concat(), may_only).await;
    }
    let scale = [
        "label",
        "applicationset",
        "granted",
        "team=b",
        "--overwrite",
        &as_account,
    ];
    refused(hub, &scale, "may not change labels").await;
}
