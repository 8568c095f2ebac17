//! The write loop, ownership and the words of errors against a real API server.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like the tests themselves"
)]

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use bridge_core::{
    change::{KeyChanges, LastChange},
    keys,
};
use bridge_kube::{ConnectionFlags, DryRun, Hub, HubError, Verb, WriteOptions};
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

async fn hub(bed: &testbed::Hub, edit: impl FnOnce(&mut ConnectionFlags)) -> Hub {
    let mut flags = ConnectionFlags {
        kubeconfig: Some(bed.kubeconfig().to_owned()),
        namespace: Some(bed.namespace().to_owned()),
        request_timeout: Some(Duration::from_mins(1)),
        ..Default::default()
    };
    edit(&mut flags);
    Hub::connect(&flags).await.unwrap()
}

async fn hub_as(bed: &testbed::Hub, kubeconfig: PathBuf) -> Hub {
    hub(bed, |flags| flags.kubeconfig = Some(kubeconfig)).await
}

fn secret(labels: &Value) -> Secret {
    let mut labels = labels.clone();
    labels[keys::SECRET_TYPE] = keys::SECRET_TYPE_CLUSTER.into();
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "dev", "labels": labels, "annotations": { "addons_repo_basepath": "gitops/" } },
        "stringData": { "name": "dev", "server": "https://dev.example.com", "config": "{}" },
    }))
    .unwrap()
}

/// A part of a registration: `environment` as label and annotation, and the server.
fn facts(environment: &str, extra: Option<&str>) -> Secret {
    let mut facts = Secret::default();
    let pair = ("environment".to_owned(), environment.to_owned());
    facts.metadata.labels = Some(BTreeMap::from([pair.clone()]));
    let mut annotations = BTreeMap::from([pair]);
    if let Some(vpc) = extra {
        annotations.insert("aws_vpc_id".into(), vpc.into());
    }
    facts.metadata.annotations = Some(annotations);
    facts.string_data = Some(BTreeMap::from([(
        "server".into(),
        "https://dev.example.com".into(),
    )]));
    facts
}

fn label(key: &str, value: Option<&str>) -> KeyChanges {
    KeyChanges {
        labels: BTreeMap::from([(key.to_owned(), value.map(str::to_owned))]),
        ..Default::default()
    }
}

fn forced() -> WriteOptions {
    WriteOptions {
        force_conflicts: true,
        ..Default::default()
    }
}

async fn kubectl(bed: &testbed::Hub, arguments: &[&str]) -> String {
    bed.kubectl(arguments).await.unwrap().success().unwrap()
}

#[tokio::test]
async fn sixty_four_changes_at_once_lose_nothing() {
    let bed = testbed::Hub::shared().await.unwrap();
    let first = hub(&bed, |_| ()).await;
    first
        .create(&secret(&json!({})), &WriteOptions::default())
        .await
        .unwrap();
    let mut tasks = Vec::new();
    for n in 0..64 {
        let hub = hub(&bed, |_| ()).await;
        tasks.push(tokio::spawn(async move {
            let write = WriteOptions {
                deadline: Duration::from_mins(2),
                ..Default::default()
            };
            hub.change("dev", &label(&format!("enable_a{n:02}"), Some("true")), &write)
                .await
                .map(|written| written.verb)
        }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), Verb::Configured);
    }
    let cluster = first.cluster("dev").await.unwrap();
    assert_eq!(cluster.cluster.enabled_addons(), 64);
    assert_eq!(cluster.cluster.annotations["addons_repo_basepath"], "gitops/");
    let note: LastChange = serde_json::from_str(&cluster.cluster.annotations[keys::LAST_CHANGE]).unwrap();
    assert_eq!(note.keys.len(), 1);
}

#[tokio::test]
async fn keys_of_terraform_and_of_appliers_are_refused_until_forced() {
    let bed = testbed::Hub::shared().await.unwrap();
    let hub = hub(&bed, |_| ()).await;
    hub.create(&secret(&json!({})), &WriteOptions::default())
        .await
        .unwrap();
    kubectl(
        &bed,
        &[
            "label",
            "secret",
            "dev",
            "enable_x=false",
            "--field-manager=HashiCorp",
        ],
    )
    .await;
    kubectl(&bed, &["label", "secret", "dev", "enable_mine=false"]).await;

    let on = |key| label(key, Some("true"));
    let refused = hub
        .change("dev", &on("enable_x"), &WriteOptions::default())
        .await
        .unwrap_err();
    let HubError::Conflict { owned, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!((&*owned[0].key, &*owned[0].manager), ("enable_x", "HashiCorp"));
    assert!(
        refused
            .to_string()
            .contains("Terraform sets it back at its next apply"),
        "{refused}"
    );

    let fresh = hub
        .change("dev", &on("enable_y"), &WriteOptions::default())
        .await
        .unwrap();
    assert!(
        fresh.warnings[0].contains("Terraform manages this Secret"),
        "{:?}",
        fresh.warnings
    );
    let mine = hub
        .change("dev", &on("enable_mine"), &WriteOptions::default())
        .await
        .unwrap();
    assert!(
        mine.warnings
            .iter()
            .any(|line| line.contains("\"kubectl label\"")),
        "{:?}",
        mine.warnings
    );

    hub.change("dev", &on("enable_x"), &forced()).await.unwrap();
    // Ours now: nobody is in the way any more.
    let off = hub
        .change("dev", &label("enable_x", None), &WriteOptions::default())
        .await
        .unwrap();
    assert!(!off.after.unwrap().cluster.labels.contains_key("enable_x"));

    let manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: dev, labels: {enable_z: \"false\"}}\n";
    bed.apply(manifest).await.unwrap();
    let refused = hub
        .change("dev", &on("enable_z"), &WriteOptions::default())
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, HubError::Conflict { owned, .. } if owned[0].manager == "kubectl"),
        "{refused}"
    );
}

#[tokio::test]
async fn registering_again_keeps_toggles_and_what_it_does_not_mention() {
    let bed = testbed::Hub::shared().await.unwrap();
    let hub = hub(&bed, |_| ()).await;
    let write = WriteOptions::default();
    let start = secret(&json!({ "enable_a": "true", "environment": "dev" }));
    hub.create(&start, &write).await.unwrap();
    hub.change("dev", &label("enable_b", Some("true")), &write)
        .await
        .unwrap();

    let current = hub.cluster("dev").await.unwrap();
    let first = hub
        .apply(&current, &facts("staging", Some("vpc-1")), &write)
        .await
        .unwrap();
    assert_eq!(first.verb, Verb::Configured);
    hub.change("dev", &label("enable_c", Some("true")), &write)
        .await
        .unwrap();
    // Our own Update and Apply entries now own one key each way.
    hub.change("dev", &label("environment", Some("qa")), &write)
        .await
        .unwrap();

    let current = hub.cluster("dev").await.unwrap();
    let second = hub.apply(&current, &facts("prod", None), &write).await.unwrap();
    let after = second.after.unwrap().cluster;
    assert_eq!(after.environment(), Some("prod"));
    assert_eq!(after.annotations["aws_vpc_id"], "vpc-1");
    assert_eq!(after.annotations["addons_repo_basepath"], "gitops/");
    assert_eq!(after.enabled_addons(), 3);

    let current = hub.cluster("dev").await.unwrap();
    let third = hub.apply(&current, &facts("prod", None), &write).await.unwrap();
    assert_eq!(third.verb, Verb::Unchanged);
    let now = hub.cluster("dev").await.unwrap();
    assert_eq!(now.resource_version, current.resource_version);

    kubectl(
        &bed,
        &[
            "label",
            "secret",
            "dev",
            "--overwrite",
            "environment=x",
            "--field-manager=argocd-server",
        ],
    )
    .await;
    let current = hub.cluster("dev").await.unwrap();
    let refused = hub
        .apply(&current, &facts("prod", None), &write)
        .await
        .unwrap_err();
    assert!(matches!(refused, HubError::Conflict { .. }), "{refused}");
    hub.apply(&current, &facts("prod", None), &forced())
        .await
        .unwrap();
}

#[tokio::test]
async fn what_may_not_be_done_is_said_with_verb_resource_namespace_and_user() {
    let bed = testbed::Hub::shared().await.unwrap();
    let admin = hub(&bed, |_| ()).await;
    admin
        .create(&secret(&json!({})), &WriteOptions::default())
        .await
        .unwrap();
    let nobody = hub_as(&bed, bed.kubeconfig_for("nobody").await.unwrap()).await;
    let account = format!("system:serviceaccount:{}:nobody", bed.namespace());
    let error = nobody.clusters().await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "Error from server (Forbidden): secrets is forbidden: User \"{account}\" cannot list resource \"secrets\" \
             in API group \"\" in the namespace \"{}\"",
            bed.namespace()
        )
    );

    bed.apply(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader}\nrules:\n\
         - {apiGroups: [\"\"], resources: [secrets], verbs: [get, list]}\n\
         - {apiGroups: [argoproj.io], resources: [applicationsets, applications], verbs: [list]}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: reader}\n\
         roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}\n\
         subjects: [{kind: ServiceAccount, name: nobody}]\n",
    )
    .await
    .unwrap();
    assert_eq!(nobody.clusters().await.unwrap().len(), 1);
    let error = nobody
        .change("dev", &label("enable_x", Some("true")), &WriteOptions::default())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("cannot patch resource \"secrets\""),
        "{error}"
    );
    assert!(
        error.hint().unwrap().contains("kubectl auth can-i patch secrets"),
        "{error}"
    );

    // ApplicationSets of the hub's own namespace are better than none; of Applications only all will do.
    bed.apply(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: addons}\nspec:\n  generators: [{clusters: {}}]\n  \
         template:\n    metadata: {name: \"{{name}}\"}\n    spec: {project: default, destination: {name: \"{{name}}\"}, source: {repoURL: x}}\n",
    )
    .await
    .unwrap();
    let sets = nobody.applicationsets().await.unwrap();
    assert_eq!((sets.len(), &*sets[0].name), (1, "addons"));
    let error = nobody.applications().await.unwrap_err().to_string();
    assert!(
        error.contains("cannot list resource \"applications\"") && error.contains("at the cluster scope"),
        "{error}"
    );
    assert!(
        admin
            .applications()
            .await
            .unwrap()
            .iter()
            .all(|found| found.namespace != bed.namespace())
    );
}

#[tokio::test]
async fn a_hub_that_cannot_be_used_says_why() {
    let bed = testbed::Hub::shared().await.unwrap();
    let elsewhere = hub(&bed, |flags| flags.namespace = Some("no-such-place".into())).await;
    for error in [
        elsewhere.clusters().await.unwrap_err(),
        elsewhere
            .create(&secret(&json!({})), &WriteOptions::default())
            .await
            .unwrap_err(),
        elsewhere
            .change("dev", &label("a", Some("b")), &WriteOptions::default())
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            error.to_string(),
            "Error from server (NotFound): namespaces \"no-such-place\" not found"
        );
        assert!(error.hint().unwrap().contains("-n"));
    }

    let closed = hub(&bed, |flags| flags.server = Some("https://127.0.0.1:1".into())).await;
    assert_eq!(
        closed.clusters().await.unwrap_err().to_string(),
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?"
    );

    let account = bed.kubeconfig_for("somebody").await.unwrap();
    let stranger = hub(&bed, |flags| {
        flags.kubeconfig = Some(account);
        flags.token = Some("planted".into());
    })
    .await;
    let error = stranger.clusters().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "You must be logged in to the server (Unauthorized)"
    );
    assert!(!format!("{error:?} {stranger:?}").contains("planted"));

    let misnamed = hub(&bed, |flags| {
        flags.tls_server_name = Some("not-the-hub.example.com".into());
    })
    .await;
    let error = misnamed.clusters().await.unwrap_err();
    assert_eq!(error.to_string(), "Unable to connect to the server");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("certificate"), "{cause}");
}

#[tokio::test]
async fn dry_runs_and_impersonation_and_identity() {
    let bed = testbed::Hub::shared().await.unwrap();
    let admin = hub(&bed, |_| ()).await;
    let dry = |dry_run| WriteOptions {
        dry_run,
        ..Default::default()
    };
    for mode in [DryRun::Client, DryRun::Server] {
        admin.create(&secret(&json!({})), &dry(mode)).await.unwrap();
        assert!(admin.clusters().await.unwrap().is_empty());
    }
    admin
        .create(&secret(&json!({})), &WriteOptions::default())
        .await
        .unwrap();
    let twice = admin
        .create(&secret(&json!({})), &WriteOptions::default())
        .await
        .unwrap_err();
    assert_eq!(
        twice.to_string(),
        "Error from server (AlreadyExists): secrets \"dev\" already exists"
    );
    let before = admin.cluster("dev").await.unwrap();
    for mode in [DryRun::Client, DryRun::Server] {
        let written = admin
            .change("dev", &label("enable_x", Some("true")), &dry(mode))
            .await
            .unwrap();
        assert_eq!(written.after.unwrap().cluster.labels["enable_x"], "true");
        let applied = admin
            .apply(&before, &facts("qa", None), &dry(mode))
            .await
            .unwrap();
        assert_eq!(applied.after.unwrap().cluster.environment(), Some("qa"));
        admin.delete(&before, &dry(mode)).await.unwrap();
        assert_eq!(
            admin.cluster("dev").await.unwrap().resource_version,
            before.resource_version
        );
    }

    let jo = hub(&bed, |flags| {
        flags.as_user = Some("jo".into());
        flags.as_groups = vec!["system:masters".into()];
    })
    .await;
    let reason = WriteOptions {
        reason: Some("trying it".into()),
        ..Default::default()
    };
    let written = jo
        .change("dev", &label("enable_x", Some("true")), &reason)
        .await
        .unwrap();
    let note = &written.after.unwrap().cluster.annotations[keys::LAST_CHANGE];
    let note: LastChange = serde_json::from_str(note).unwrap();
    assert_eq!((&*note.by, note.reason.as_deref()), ("jo", Some("trying it")));

    // A Secret of that name made anew is another one.
    kubectl(&bed, &["delete", "secret", "dev"]).await;
    admin
        .create(&secret(&json!({})), &WriteOptions::default())
        .await
        .unwrap();
    let error = admin.delete(&before, &WriteOptions::default()).await.unwrap_err();
    assert!(
        matches!(error, HubError::Replaced { how: "replaced", .. }),
        "{error}"
    );
    let now = admin.cluster("dev").await.unwrap();
    admin.delete(&now, &WriteOptions::default()).await.unwrap();
    let error = admin.delete(&now, &WriteOptions::default()).await.unwrap_err();
    assert!(
        matches!(error, HubError::Replaced { how: "removed", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_api_server_refuses_is_told_in_its_words() {
    let bed = testbed::Hub::shared().await.unwrap();
    let hub = hub(&bed, |_| ()).await;
    let mut odd = secret(&json!({}));
    odd.metadata.name = Some("Not_A_Name".into());
    let error = hub.create(&odd, &WriteOptions::default()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("The Secret \"Not_A_Name\" is invalid: metadata.name: "),
        "{error}"
    );
    kubectl(
        &bed,
        &["create", "secret", "generic", "plain", "--from-literal=a=planted"],
    )
    .await;
    let error = hub
        .change("plain", &label("a", Some("b")), &WriteOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, HubError::NotACluster { .. }), "{error}");
}
