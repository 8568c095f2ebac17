//! Ended at every single write to the hub and run again, or given up: the same end as if nothing had happened. What is written to
//! AWS is ended in the same way elsewhere (`access`).

use std::{process::Stdio, time::Duration};

use serde_json::Value;
use testbed::{FakeEks, Gate, Hub};

use crate::{
    access::{HOME, Identity, Stage},
    drain,
    run::{Bridge, Ran},
};

const HELD: Duration = Duration::from_secs(90);

/// The way to the hub, and the plugin that goes it.
struct Way<'a> {
    gate: Gate,
    bridge: Bridge,
    aws: Option<&'a FakeEks>,
}

impl<'a> Way<'a> {
    async fn to(hub: &Hub, aws: Option<&'a FakeEks>) -> Self {
        let gate = Gate::open(hub).await.unwrap();
        let bridge = Bridge::live(gate.kubeconfig(), hub.namespace());
        Self { gate, bridge, aws }
    }

    fn spawn(&self, line: &str) -> std::process::Child {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut command = self.bridge.command(&words);
        if let Some(aws) = self.aws {
            command.envs(aws.env());
        }
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn line(&self, line: &str) -> Ran {
        Ran::of(&[line], &self.spawn(line).wait_with_output().unwrap())
    }

    /// The writes of a run that nothing disturbs.
    fn writes(&self, line: &str) -> Vec<String> {
        self.gate.clear();
        self.line(line).fine();
        self.gate.writes()
    }

    /// Kills it at its `n`th write, carried out or not.
    fn kill(&self, line: &str, n: usize, done: bool) {
        self.gate.hold_at(n, done);
        let mut child = self.spawn(line);
        let held = self.gate.wait_until_holding(HELD);
        child.kill().unwrap();
        let ran = Ran::of(&[line], &child.wait_with_output().unwrap());
        assert!(held, "{line} has no {n}th write: {}", ran.stderr);
        self.gate.clear();
    }

    /// Runs it to its end, if there is anything left of `dev` to be taken away.
    fn take_away(&self, line: &str) {
        let ran = self.line(line);
        if !ran.stderr.contains("cluster \"dev\" not found") {
            ran.fine();
        }
    }
}

/// Every way in which a run with this many writes can be killed.
fn moments(writes: &[String]) -> impl Iterator<Item = (usize, bool, String)> {
    (1..=writes.len()).flat_map(move |n| {
        [false, true].map(|done| {
            let state = if done { "done" } else { "not done" };
            (
                n,
                done,
                format!("killed at {} of {}, {state}: {}", n, writes.len(), writes[n - 1]),
            )
        })
    })
}

/// What is on the hub and in AWS.
async fn state(stage: &Stage) -> (Option<Value>, String, Value) {
    (stage.secret().await, stage.notes().await, stage.fake.snapshot())
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_and_unregistering() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let way = Way::to(&stage.hub, Some(&stage.fake)).await;
    let register = stage.register("--access-policy view --enable keda");
    let unregister = "unregister dev";
    let clean = state(&stage).await;
    let makes = way.writes(&register);
    let made = state(&stage).await;
    let takes = way.writes(unregister);
    assert_eq!(state(&stage).await, clean);
    assert_eq!((makes.len(), takes.len()), (3, 3), "{makes:?} {takes:?}");

    for (n, done, what) in moments(&makes) {
        way.kill(&register, n, done);
        way.line(&register).fine();
        assert_eq!(state(&stage).await, made, "register, {what}");
        way.take_away(unregister);
        assert_eq!(state(&stage).await, clean, "register, {what}");
        way.kill(&register, n, done);
        way.take_away(unregister);
        assert_eq!(state(&stage).await, clean, "register, {what}, given up");
    }
    for (n, done, what) in moments(&takes) {
        way.line(&register).fine();
        way.kill(unregister, n, done);
        way.take_away(unregister);
        assert_eq!(state(&stage).await, clean, "unregister, {what}");
        way.line(&register).fine();
        way.kill(unregister, n, done);
        way.line(&register).fine();
        assert_eq!(state(&stage).await, made, "unregister, {what}, given up");
        way.take_away(unregister);
    }
    assert_eq!(state(&stage).await, clean);
}

/// A change of a registration, its second run, that is killed and run again.
async fn changes(stage: &Stage, way: &Way<'_>, before: &str, after: &str, count: usize) {
    way.line(before).fine();
    let old = state(stage).await;
    let writes = way.writes(after);
    let new = state(stage).await;
    assert_ne!(old, new);
    assert_eq!(writes.len(), count, "{writes:?}");
    for (n, done, what) in moments(&writes) {
        way.take_away("unregister dev");
        way.line(before).fine();
        assert_eq!(state(stage).await, old);
        way.kill(after, n, done);
        way.line(after).fine();
        assert_eq!(state(stage).await, new, "{after}: {what}");
    }
    way.take_away("unregister dev");
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_a_registration() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let way = Way::to(&stage.hub, Some(&stage.fake)).await;
    // Its data and its labels are two writes.
    let plain = "register dev --skip-access --enable keda";
    changes(
        &stage,
        &way,
        plain,
        &format!("{plain} --project p --label a=b --shard 2"),
        2,
    )
    .await;
    // A role of its own in place of the hub's: a note, the Secret, the note with what is to be taken back.
    let direct = stage.register("--access-policy view");
    let role = stage.register("--create-role --access-policy cluster-admin");
    changes(&stage, &way, &direct, &role, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn preparing_a_hub() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let way = Way::to(&stage.hub, Some(&stage.fake)).await;
    let init = "init dev --access-policy view --hub-aws-cluster-name hub --region us-west-2";
    let prepared = async || {
        let words = [
            "get",
            "configmap",
            "kubectl-bridge-defaults",
            "--ignore-not-found",
            "-o",
            "jsonpath={.data}",
        ];
        let defaults = stage.hub.kubectl(&words).await.unwrap().success().unwrap();
        (defaults, stage.secret().await)
    };
    let nothing = async || {
        for words in [
            ["delete", "configmap", "kubectl-bridge-defaults"],
            ["delete", "secret", "dev"],
        ] {
            let words = [&words[..], &["--ignore-not-found"]].concat();
            stage.hub.kubectl(&words).await.unwrap().success().unwrap();
        }
    };
    let writes = way.writes(init);
    assert_eq!(writes.len(), 2, "{writes:?}");
    let all = prepared().await;
    for (n, done, what) in moments(&writes) {
        nothing().await;
        way.kill(init, n, done);
        way.line(init).fine();
        assert_eq!(prepared().await, all, "init, {what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn draining() {
    let stage = drain::Stage::set().await;
    let way = Way::to(&stage.hub, None).await;
    let drain = "unregister edge --drain --yes";
    stage.deploy().await;
    let writes = way.writes(drain);
    stage.nothing_is_left().await;
    // Note, label, the Application made by hand with its finalizer, what the addon left behind, note, Secret, note.
    let last: Vec<&str> = writes.iter().rev().take(2).map(String::as_str).collect();
    assert!(
        last[0].starts_with("DELETE")
            && last[0].ends_with("/kubectl-bridge-op-edge")
            && last[1].starts_with("DELETE")
            && last[1].ends_with("/secrets/edge"),
        "{writes:#?}"
    );
    assert!(writes.len() > 7, "{writes:#?}");
    let mut kills = 0;
    // How many it takes depends on when it looks: the last ones may not be needed the next time.
    for n in 1..=writes.len() {
        stage.register().await;
        stage.deploy().await;
        way.gate.hold_at(n, true);
        let mut child = way.spawn(drain);
        let mut held = false;
        while !held && child.try_wait().unwrap().is_none() {
            held = way.gate.wait_until_holding(Duration::from_millis(100));
        }
        kills += usize::from(held);
        child.kill().unwrap();
        drop(child.wait_with_output().unwrap());
        way.gate.clear();
        let ran = way.line(drain);
        if !ran.stderr.contains("cluster \"edge\" not found") {
            ran.fine();
        }
        stage.nothing_is_left().await;
    }
    assert!(
        kills + 2 >= writes.len(),
        "killed {kills} times of {}",
        writes.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_a_drain_back() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let way = Way::to(&stage.hub, Some(&stage.fake)).await;
    way.line("register dev --skip-access --enable keda,vpa").fine();
    // No Argo CD runs here: the Application stays.
    let stuck = "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: stuck}, spec: {project: default, source: \
                 {repoURL: 'https://example.com/x.git', path: .}, destination: {name: dev, namespace: x}}}";
    stage.hub.create(stuck).await.unwrap();
    let before = state(&stage).await;
    let (drain, cancel) = (
        "unregister dev --drain --yes --timeout 1s",
        "unregister dev --cancel",
    );
    way.line(drain).fails(1, &["--cancel"]);
    let writes = way.writes(cancel);
    assert_eq!(writes.len(), 2, "{writes:?}");
    assert_eq!(state(&stage).await, before);
    for (n, done, what) in moments(&writes) {
        way.line(drain).fails(1, &["--cancel"]);
        way.kill(cancel, n, done);
        let ran = way.line(cancel);
        if !ran.stderr.contains("is not being drained") {
            ran.fine();
        }
        assert_eq!(state(&stage).await, before, "cancel, {what}");
    }
}
