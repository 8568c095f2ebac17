//! The same on a real API server: 500 clusters, and runs that are killed.

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use testbed::{Access, EksAccessEntry, FakeAws, Fault, Hub};

use super::{ARGO_CD, HOME, ROLE, defaults, in_eks, roles};
use crate::{
    fleet::application_set,
    run::{Bridge, Ran},
};

struct Stage {
    hub: Hub,
    aws: FakeAws,
    bridge: Bridge,
}

impl Stage {
    async fn set() -> Self {
        let (hub, aws) = tokio::try_join!(Hub::shared(), FakeAws::start()).unwrap();
        Self::on(hub, aws).await
    }

    async fn on(hub: Hub, aws: FakeAws) -> Self {
        hub.apply(&defaults("")).await.unwrap();
        let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
        Self { hub, aws, bridge }
    }

    fn spawn(&self, line: &str) -> Child {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.bridge
            .command(&words)
            .envs(self.aws.env())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn line(&self, line: &str) -> Ran {
        Ran::of(&[line], &self.spawn(line).wait_with_output().unwrap())
    }

    async fn secrets(&self, selector: &str) -> Vec<Value> {
        let words = ["get", "secret", "-l", selector, "-o", "json"];
        let list = self.hub.kubectl(&words).await.unwrap().success().unwrap();
        let list: Value = serde_json::from_str(&list).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    async fn notes(&self) -> Vec<Value> {
        self.secrets("app.kubernetes.io/managed-by=kubectl-bridge").await
    }

    /// The cluster Secrets without what differs from one run to the next.
    async fn clusters(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for mut secret in self.secrets("argocd.argoproj.io/secret-type=cluster").await {
            let metadata = secret["metadata"].as_object_mut().unwrap();
            let annotations = metadata["annotations"].as_object_mut().unwrap();
            annotations.remove("kubectl-bridge/last-change");
            all.push(json!([
                metadata["labels"],
                metadata["annotations"],
                secret["data"]
            ]));
        }
        all
    }
}

/// 500 clusters in 10 account-regions, with every twentieth request to AWS throttled: all of them get access and a Secret.
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clusters_under_throttling() {
    let stage = Stage::set().await;
    let accounts: Vec<String> = (0..5).map(|at| format!("{at}").repeat(12)).collect();
    roles(
        &stage.aws,
        &accounts.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let mut arns = Vec::new();
    for account in &accounts {
        for region in ["us-west-2", "eu-west-1"] {
            for at in 0..50 {
                let cluster = in_eks(&format!("c{at}"), account, region);
                arns.push(cluster.arn());
                stage.aws.add_cluster(cluster);
                // As every cluster has it: somebody's.
                let admins = format!("arn:aws:iam::{account}:role/admins");
                stage
                    .aws
                    .add_access_entry(arns.last().unwrap(), EksAccessEntry::of(&admins))
                    .unwrap();
            }
        }
    }
    stage.aws.inject(Fault::throttle().percent(5.0, 1));
    let places = format!(
        "--region us-west-2,eu-west-1 --accounts {} --assume-role {ROLE}",
        accounts.join(",")
    );
    let (found, took) = measured(&stage, &format!("discover {places}"));
    eprintln!("500 clusters discovered: {took}");
    assert!(
        found.stderr.contains("10 account-regions: 500 missing"),
        "{}",
        found.stderr
    );
    found.fine();
    let line = format!("register --discovered --yes {places} --name-pattern {{name}}-{{account}}-{{region}}");
    let (ran, took) = measured(&stage, &line);
    eprintln!("500 clusters registered: {took}");
    assert!(ran.stderr.ends_with("\n500 registered\n"), "{}", ran.stderr);
    assert_eq!(ran.fine().matches(" created\n").count(), 500);
    assert_eq!(stage.clusters().await.len(), 500);
    assert_eq!(stage.notes().await, [Value::Null; 0]);
    let all = Access::Granted {
        groups: vec![],
        policies: [("AmazonEKSClusterAdminPolicy".to_owned(), vec![])].into(),
    };
    for arn in &arns {
        assert_eq!(stage.aws.access(arn, ARGO_CD), all, "{arn}");
    }
    // And nothing is left to do.
    let again = stage.line(&line);
    assert!(
        again
            .stderr
            .ends_with("10 account-regions: 500 registered\nnothing to register\n"),
        "{}",
        again.stderr
    );
}

/// Runs a line, and says what it took.
fn measured(stage: &Stage, line: &str) -> (Ran, String) {
    stage.aws.clear_calls();
    let began = Instant::now();
    let ran = stage.line(line);
    let took = began.elapsed();
    let calls = stage.aws.calls();
    let throttled = calls.iter().filter(|call| call.injected).count();
    assert!(throttled > 20, "{throttled}");
    assert!(took < Duration::from_mins(10), "{took:?}");
    let words = format!(
        "{:.1} s, {} calls of AWS, {throttled} of them throttled",
        took.as_secs_f64(),
        calls.len()
    );
    (ran, words)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_run_again_it_goes_on_where_it_was() {
    let (undisturbed, killed) = tokio::join!(Stage::set(), Stage::set());
    for stage in [&undisturbed, &killed] {
        roles(&stage.aws, &[HOME]);
        for at in 0..12 {
            stage
                .aws
                .add_cluster(in_eks(&format!("c{at}"), HOME, "us-west-2"));
        }
        let set = application_set("x", true).replace("enable_x: 'true'", "environment: dev");
        stage.hub.apply(&set).await.unwrap();
    }
    let line = "register --discovered --yes --create-role --concurrency 4";
    undisturbed.line(line).fine();
    let (aws, clusters) = (undisturbed.aws.snapshot(), undisturbed.clusters().await);
    assert_eq!(clusters.len(), 12);

    let mut note = None;
    for (n, fault) in [
        (1, Fault::hang_before()),
        (6, Fault::hang_after()),
        (3, Fault::hang_after()),
        (11, Fault::hang_before()),
    ] {
        killed.aws.inject(fault.changes().nth(n));
        let mut child = killed.spawn(line);
        let hangs = killed.aws.wait_until_hanging(Duration::from_mins(1));
        child.kill().unwrap();
        let ran = Ran::of(&[line], &child.wait_with_output().unwrap());
        assert!(hangs, "{}", ran.stderr);
        killed.aws.clear_faults();
        // What was begun and not finished is written down.
        let notes = killed.notes().await;
        assert!(!notes.is_empty(), "{}", ran.stderr);
        note = notes.into_iter().next().or(note);
    }
    killed.line(line).fine();
    assert_eq!(killed.notes().await, [Value::Null; 0]);
    assert_eq!(killed.aws.snapshot(), aws);
    assert_eq!(killed.clusters().await, clusters);

    // As a run leaves it that is killed between the Secret and the end.
    let mut note = note.unwrap();
    for key in ["resourceVersion", "uid", "creationTimestamp", "managedFields"] {
        note["metadata"].as_object_mut().unwrap().remove(key);
    }
    killed.hub.apply(&note.to_string()).await.unwrap();
    let ran = killed.line(line);
    assert!(ran.stderr.ends_with("\n1 registered\n"), "{}", ran.stderr);
    assert!(ran.fine().ends_with(" unchanged\n"));
    assert_eq!(killed.notes().await, [Value::Null; 0]);
    assert_eq!((killed.aws.snapshot(), killed.clusters().await), (aws, clusters));
}

/// A hub that goes away ends the run: nothing is tried that cannot be written down.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_goes_away_ends_the_run() {
    let (hub, aws) = tokio::try_join!(Hub::start(), FakeAws::start()).unwrap();
    let mut stage = Stage::on(hub, aws).await;
    roles(&stage.aws, &[HOME]);
    for at in 0..6 {
        stage
            .aws
            .add_cluster(in_eks(&format!("c{at}"), HOME, "us-west-2"));
    }
    // Slow, so that there is time to stop the hub between two steps.
    stage.aws.set_latency(Duration::from_millis(200));
    let line = "register --discovered --yes --concurrency 1";
    let child = stage.spawn(line);
    testbed::eventually("the second cluster's turn", Duration::from_secs(90), async || {
        let calls = stage.aws.calls();
        let made = calls.iter().filter(|call| call.operation == "CreateAccessEntry");
        Ok((made.count() > 1).then_some(()))
    })
    .await
    .unwrap();
    stage.hub.stop_api_server().unwrap();
    let ran = Ran::of(&[line], &child.wait_with_output().unwrap());
    assert_eq!(ran.stdout, "cluster/c0 created\n");
    ran.fails_with_answer(
        1,
        &[
            "\n1 registered, 1 failed, 4 not tried:\n  cluster/c1: ",
            "Run the same command again",
        ],
    );
    stage.hub.restart_api_server().await.unwrap();
    stage.aws.set_latency(Duration::ZERO);
    let ran = stage.line(line);
    assert!(ran.stderr.ends_with("\n5 registered\n"), "{}", ran.stderr);
    ran.fine();
    assert_eq!(stage.clusters().await.len(), 6);
    assert_eq!(stage.notes().await, [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_refuses_is_asked_before_aws() {
    let stage = Stage::set().await;
    roles(&stage.aws, &[HOME]);
    for at in 0..8 {
        stage
            .aws
            .add_cluster(in_eks(&format!("c{at}"), HOME, "us-west-2"));
    }
    // Who may only look.
    let account = stage.hub.kubeconfig_for("reader").await.unwrap();
    let rights = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader}, rules: [{apiGroups: ['', \
                  argoproj.io], resources: ['*'], verbs: [get, list]}]}\n---\n{apiVersion: rbac.authorization.k8s.io/v1, kind: \
                  RoleBinding, metadata: {name: reader}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}, \
                  subjects: [{kind: ServiceAccount, name: reader}]}";
    stage.hub.apply(rights).await.unwrap();
    let reader = Stage {
        bridge: Bridge::live(&account, stage.hub.namespace()),
        ..stage
    };
    let before = reader.aws.snapshot();
    let ran = reader.line("register --discovered --yes");
    assert_eq!(ran.stdout, "");
    let ran = ran.fails(
        1,
        &[
            "cannot create resource \"secrets\"",
            "is not registered, for the same reason",
            "\n0 registered, 8 failed:\n  8 clusters (c0, c1, c2, …): ",
            "needs \"create\" on secrets",
        ],
    );
    assert_eq!(
        ran.stderr.matches("cannot create resource").count(),
        2,
        "{}",
        ran.stderr
    );
    assert_eq!(
        reader.aws.snapshot(),
        before,
        "the hub says no before AWS is touched"
    );
}
