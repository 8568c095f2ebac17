//! Operators switch addons, and nothing else: neither people of the group nor the ServiceAccount.

use serde_json::json;

use crate::hub::{OPERATOR, cluster, get, hub, ok, refused};

const ACCOUNT: &[&str] = &["--as=system:serviceaccount:argocd:kubectl-bridge-operator"];

#[tokio::test]
async fn toggles_and_the_note_of_who_changed_them_are_theirs() {
    let hub = hub().await;
    for (name, who) in [("toggled-by-group", OPERATOR), ("toggled-by-account", ACCOUNT)] {
        let secret = cluster(
            name,
            &json!({"enable_a": "true", "enable_b": "true"}),
            &json!({"aws_region": "eu-west-1"}),
        );
        hub.apply(&secret.to_string()).await.unwrap();
        // What `kubectl bridge addons` sends: labels and note in one patch.
        let patch = json!({"metadata": {
            "labels": {"enable_a": "false", "enable_b": null, "enable_c": "true"},
            "annotations": {"kubectl-bridge/last-change": "{}"},
        }});
        ok(
            hub,
            &[
                &["patch", "secret", name, "--type=merge", "-p", &patch.to_string()],
                who,
            ]
            .concat(),
        )
        .await;
        let metadata = get(hub, "secret", name).await["metadata"].take();
        let labels = &metadata["labels"];
        assert_eq!(
            (&labels["enable_a"], &labels["enable_b"]),
            (&json!("false"), &json!(null))
        );
        assert_eq!(labels["enable_c"], "true");
        assert_eq!(metadata["annotations"]["kubectl-bridge/last-change"], "{}");
        assert_eq!(metadata["annotations"]["aws_region"], "eu-west-1");
    }
}

#[tokio::test]
async fn all_else_of_a_cluster_secret_is_not() {
    let hub = hub().await;
    let secret = cluster(
        "kept",
        &json!({"enable_a": "true"}),
        &json!({"aws_region": "eu-west-1"}),
    );
    hub.apply(&secret.to_string()).await.unwrap();
    let before = get(hub, "secret", "kept").await;
    let (data, label, annotation) = (
        "may not change the data",
        "may change no label",
        "may change no annotation",
    );
    let metadata = "may not change finalizers or owners";
    for (patch, words) in [
        (
            json!({"stringData": {"server": "https://evil.example.com"}}),
            data,
        ),
        (json!({"stringData": {"config": "{}"}}), data),
        (json!({"stringData": {"project": "other"}}), data),
        (json!({"data": {"config": null}}), data),
        (json!({"data": null}), data),
        (json!({"immutable": true}), data),
        (json!({"metadata": {"labels": {"enable_a": "perhaps"}}}), label),
        (json!({"metadata": {"labels": {"environment": "prod"}}}), label),
        (json!({"metadata": {"labels": {"enabled": "true"}}}), label),
        (
            json!({"metadata": {"labels": {"kubectl-bridge/drain": "true"}}}),
            label,
        ),
        (
            json!({"metadata": {"labels": {"argocd.argoproj.io/secret-type": null}}}),
            label,
        ),
        (json!({"metadata": {"labels": null}}), label),
        (
            json!({"metadata": {"annotations": {"aws_region": "us-east-1"}}}),
            annotation,
        ),
        (
            json!({"metadata": {"annotations": {"aws_region": null}}}),
            annotation,
        ),
        (
            json!({"metadata": {"annotations": {"kubectl-bridge/cluster-arn": "arn:x"}}}),
            annotation,
        ),
        (
            json!({"metadata": {"finalizers": ["example.com/stay"]}}),
            metadata,
        ),
        // A toggle beside it does not help.
        (
            json!({"metadata": {"labels": {"enable_a": "false"}}, "stringData": {"config": "{}"}}),
            data,
        ),
    ] {
        let patch = patch.to_string();
        for who in [OPERATOR, ACCOUNT] {
            refused(
                hub,
                &[&["patch", "secret", "kept", "--type=merge", "-p", &patch], who].concat(),
                words,
            )
            .await;
        }
    }
    assert_eq!(get(hub, "secret", "kept").await, before);
}

#[tokio::test]
async fn other_secrets_are_not_theirs_even_with_a_toggle_on() {
    let hub = hub().await;
    ok(
        hub,
        &[
            "create",
            "secret",
            "generic",
            "not-a-cluster",
            "--from-literal=a=b",
        ],
    )
    .await;
    for change in ["enable_a=true", "argocd.argoproj.io/secret-type=cluster"] {
        let arguments = ["label", "secret", "not-a-cluster", change];
        refused(
            hub,
            &[&arguments, OPERATOR].concat(),
            "may only update cluster Secrets",
        )
        .await;
    }
    // Neither their Role nor, should somebody grant more, the policy lets them make or remove one.
    for arguments in [
        &["delete", "secret", "not-a-cluster"][..],
        &["create", "secret", "generic", "new"],
    ] {
        refused(hub, &[arguments, OPERATOR].concat(), "cannot").await;
    }
    let both = [
        "--as=ann",
        "--as-group=kubectl-bridge:operators",
        "--as-group=system:masters",
    ];
    for arguments in [
        &["delete", "secret", "not-a-cluster"][..],
        &["create", "secret", "generic", "new"],
    ] {
        refused(
            hub,
            &[arguments, &both].concat(),
            "may only update cluster Secrets",
        )
        .await;
    }
}

#[tokio::test]
async fn the_fence_is_around_operators_only() {
    let hub = hub().await;
    hub.apply(&cluster("free", &json!({}), &json!({})).to_string())
        .await
        .unwrap();
    ok(
        hub,
        &["label", "secret", "free", "environment=prod", "--overwrite"],
    )
    .await;
    ok(
        hub,
        &[
            "label",
            "secret",
            "free",
            "environment=dev",
            "--overwrite",
            "--as=bob",
            "--as-group=system:masters",
        ],
    )
    .await;
}

#[tokio::test]
async fn operators_see_what_a_toggle_does() {
    let hub = hub().await;
    for (verb, resource, everywhere, may) in [
        ("list", "secrets", false, true),
        ("get", "secrets", false, true),
        ("patch", "secrets", false, true),
        ("update", "secrets", false, false),
        ("list", "secrets", true, false),
        ("list", "applications.argoproj.io", true, true),
        ("watch", "applications.argoproj.io", true, true),
        ("list", "applicationsets.argoproj.io", true, true),
        ("patch", "applicationsets.argoproj.io", false, false),
        ("delete", "applications.argoproj.io", false, false),
    ] {
        let scope: &[&str] = if everywhere { &["--all-namespaces"] } else { &[] };
        let arguments = [&["auth", "can-i", verb, resource], scope, OPERATOR].concat();
        let answer = hub.kubectl(&arguments).await.unwrap().stdout;
        assert_eq!(
            answer.trim() == "yes",
            may,
            "{verb} {resource}, everywhere: {everywhere}: {answer}"
        );
    }
}
