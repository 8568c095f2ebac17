//! A test for each row.

use std::collections::BTreeSet;

use testbed::EksCluster;

use super::{World, asked, bridge, check, check_all, row, same, table::Right};
use crate::drain;

/// Runs these lines on a hub where `dev` is registered.
async fn lines(world: &mut World, name: &str, lines: &[&str]) {
    check(world, name, async |world| {
        registered(world);
        for line in lines {
            world.ok(line);
        }
    })
    .await;
}

fn registered(world: &World) {
    world.prepare("register dev --skip-access --enable keda");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking() {
    let world = &mut World::new().await;
    let reads = [
        "get",
        "get dev -o json",
        "params -l environment=dev",
        "label dev --list",
        "annotate dev --list",
        "addons",
    ];
    lines(
        world,
        "get, params -l, label --list, annotate --list, addons without a change",
        &reads,
    )
    .await;
    lines(
        world,
        "describe, unregister --hub",
        &["describe dev", "unregister --hub"],
    )
    .await;
    lines(world, "discover", &["discover --region us-west-2"]).await;
    check(world, "check", async |world| {
        registered(world);
        let ran = world.run("check --all --hub");
        assert!(ran.code < 2, "{}", ran.stderr);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changing() {
    let world = &mut World::new().await;
    let changes = [
        "addons dev --disable keda",
        "label dev team=a",
        "annotate dev note=b",
    ];
    lines(world, "addons, label, annotate", &changes).await;
    check(world, "addons, label, annotate", async |world| {
        registered(world);
        world.ok("addons dev --disable keda");
        // No Argo CD runs here.
        let waits = world.run("addons dev --enable keda --wait=exists --timeout 1s");
        waits.fails_with_answer(1, &["not there within 1s"]);
    })
    .await;
    check(world, "update", async |world| {
        registered(world);
        let newer = EksCluster {
            version: "1.35".into(),
            ..EksCluster::named("dev")
        };
        world.fake.add_cluster(newer);
        world.ok("update dev");
    })
    .await;
    check(world, "init", async |world| {
        world.ok("init --access-policy view --region us-west-2 --hub-aws-cluster-name hub");
        world.ok("init --access-policy cluster-admin --project p");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_and_going() {
    let world = &mut World::new().await;
    check(world, "register --skip-access", async |world| {
        world.ok("register dev --skip-access");
        world.ok("register dev --skip-access --project p --label a=b");
    })
    .await;
    let register = "register dev --hub-aws-cluster-name hub --access-timeout 20s --access-policy view";
    check(world, "register", async |world| {
        world.ok(register);
        world.ok(&format!("{register} --project p --label a=b"));
    })
    .await;
    check(world, "unregister", async |world| {
        world.prepare(register);
        world.ok("unregister dev");
    })
    .await;
    let elsewhere = "unregister as well, where Applications lie in other namespaces: their rights there, and to tell another Argo CD";
    let other = "{apiVersion: v1, kind: Namespace, metadata: {name: other}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: \
                 {name: argocd-cm, namespace: other}}\n---\n{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: \
                 far, namespace: other}, spec: {project: default, source: {repoURL: 'https://example.com/x.git', path: .}, \
                 destination: {name: dev, namespace: x}}}\n";
    world.hub.apply(other).await.unwrap();
    check_all(world, &["unregister", elsewhere], async |world| {
        world.prepare(register);
        let ran = world.run("unregister dev");
        assert!(
            ran.stderr.contains("another Argo CD lives there"),
            "{}",
            ran.stderr
        );
        ran.fine();
    })
    .await;
    world
        .hub
        .kubectl(&["delete", "namespace", "other", "--wait=false"])
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn looked_at_too_early() {
    let world = &mut World::new().await;
    // No Argo CD runs here: what it would have written is written for it.
    let lost = "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: lost}, spec: {project: default, source: \
                {repoURL: 'https://example.com/x.git', path: .}, destination: {name: dev, namespace: x}}, status: {sync: {status: \
                Unknown}, conditions: [{type: InvalidSpecError, message: m}]}}";
    world.hub.create(lost).await.unwrap();
    let status = r#"{"status": {"conditions": [{"type": "ErrorOccurred", "status": "True", "reason": "ApplicationValidationError",
        "message": "application destination spec is invalid: there are no clusters with this name: dev"}]}}"#;
    let words = [
        "patch",
        "applicationset",
        "addons-keda",
        "--subresource=status",
        "--type=merge",
        "-p",
        status,
    ];
    world.hub.kubectl(&words).await.unwrap().success().unwrap();
    let again = "register as well, to have Argo CD look again at once at what did not know the cluster";
    check_all(world, &["register --skip-access", again], async |world| {
        for (kind, key) in [
            ("application/lost", "refresh"),
            ("applicationset/addons-keda", "application-set-refresh"),
        ] {
            let words = ["annotate", kind, &format!("argocd.argoproj.io/{key}-")];
            world.hub.kubectl(&words).await.unwrap().success().unwrap();
        }
        let ran = world.run("register dev --skip-access --enable keda");
        assert!(!ran.stderr.contains("warning: what Argo CD"), "{}", ran.stderr);
        ran.fine();
        world.ok("register dev --skip-access --project p --label a=b");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn draining() {
    // Without access in AWS nobody asks for the defaults of the team.
    let says: BTreeSet<Right> = row("unregister")
        .into_iter()
        .filter(|right| right.resource != "configmaps")
        .chain(row("unregister --drain as well"))
        .collect();
    for rights in [None, Some(&says)] {
        let stage = drain::Stage::alone().await;
        stage.deploy().await;
        let line = "unregister edge --drain --yes";
        bridge(&stage.hub, "drains", rights).await.line(line).fine();
        same("unregister --drain", &says, &asked(&stage.hub, "drains"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_a_drain_back() {
    let world = &mut World::new().await;
    let stuck = "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: stuck}, spec: {project: default, source: \
                 {repoURL: 'https://example.com/x.git', path: .}, destination: {name: dev, namespace: x}}}";
    world.hub.create(stuck).await.unwrap();
    check(world, "unregister --cancel", async |world| {
        registered(world);
        // No Argo CD runs here: the Application stays.
        let words = ["unregister", "dev", "--drain", "--yes", "--timeout", "1s"];
        world.admin.run(&words).fails(1, &["--cancel"]);
        world.ok("unregister dev --cancel");
    })
    .await;
}
