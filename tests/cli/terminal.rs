//! Waiting on a terminal: one line that lives and leaves nothing behind. In a pipe, and on a dumb terminal, a line each.

mod screen;

use std::process::Command;

use serde_json::Value;
use testbed::{Delay, Hub};

use crate::{
    access::{HOME, Identity, Stage},
    fleet::application_set,
    run::Bridge,
};
use screen::Screen;

/// What a command showed on a terminal.
struct Shown {
    code: i32,
    /// As it came.
    raw: String,
    /// What can be seen in the end.
    screen: Screen,
}

impl Shown {
    /// Something was awaited and shown as long as that took, and nothing of it is left.
    #[track_caller]
    fn lived(&self, what: &str) {
        assert!(self.raw.contains(&format!("{what} (1s)")), "{:?}", self.raw);
        let left = self.screen.lines.iter().find(|line| line.contains(what));
        assert_eq!(left, None, "{:#?}\n{:?}", self.screen.lines, self.raw);
        assert!(self.screen.cursor_shows, "{:?}", self.raw);
        assert!(self.raw.ends_with("settings kept: True\n"), "{:?}", self.raw);
    }
}

/// Runs a command line on a terminal of this kind. `interrupt`: types Ctrl-C once this is shown.
fn on_terminal(mut command: Command, kind: &str, interrupt: &str) -> Shown {
    command.env("TERM", kind);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cli/terminal/run.py");
    let mut python = Command::new("python3");
    // Python gets the environment of the test, the command its own.
    python.args([script, interrupt, "env", "-i"]);
    for (key, value) in command.get_envs() {
        let mut setting = key.to_owned();
        setting.push("=");
        setting.push(value.unwrap_or_default());
        if value.is_some() {
            python.arg(setting);
        }
    }
    let output = python
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap())
        .output()
        .unwrap();
    let raw = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said, "", "{raw:?}");
    Shown {
        code: output.status.code().unwrap(),
        screen: Screen::of(&raw),
        raw,
    }
}

/// A cluster `b` that cannot be emptied: no Argo CD runs there.
async fn stuck() -> (Hub, Bridge) {
    // An API server of its own: ApplicationSets of other tests would be waited for as well.
    let hub = Hub::start().await.unwrap();
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    hub.create(
        "{apiVersion: v1, kind: Secret, metadata: {name: b, labels: {argocd.argoproj.io/secret-type: cluster}}, stringData: {name: b, \
         server: 'https://b.example.com', config: '{}'}}\n---\n{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: \
         {name: stuck}, spec: {project: default, source: {repoURL: 'https://example.com/x.git', path: .}, destination: {name: b, \
         namespace: x}}}\n",
    )
    .await
    .unwrap();
    (hub, bridge)
}

const WAITS: &str = "waiting for 1 Application: stuck";

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_waits() {
    let (_hub, bridge) = stuck().await;
    let drain = ["unregister", "b", "--drain", "--yes", "--timeout", "3s"];
    let shown = on_terminal(bridge.command(&drain), "xterm-256color", "");
    assert_eq!(shown.code, 1, "{:#?}", shown.screen.lines);
    shown.lived(WAITS);
    assert!(!shown.raw.contains("\u{1b}[3"), "colours: {:?}", shown.raw);
    let lines = shown.screen.lines.join("\n");
    assert!(
        lines.contains("cluster/b is out of the fleet\nerror: cluster/b is not empty after 3s:\n* "),
        "{lines}"
    );
    // Interrupted, in colour.
    let mut command = bridge.command(&drain[..4]);
    command.env_remove("NO_COLOR");
    let shown = on_terminal(command, "xterm-256color", &format!("{WAITS} (1s)"));
    assert_eq!(shown.code, 130, "{:#?}", shown.screen.lines);
    shown.lived(WAITS);
    let lines = shown.screen.lines.join("\n");
    assert!(
        lines.contains("cluster/b is out of the fleet\ninterrupted: what was reported above is done"),
        "{lines}"
    );
    // A dumb terminal, and logs between the lines: nothing lives.
    let verbose = [&drain[..], &["-v"]].concat();
    for (words, kind) in [(&drain[..], "dumb"), (&verbose, "xterm")] {
        let shown = on_terminal(bridge.command(words), kind, "");
        assert!(!shown.raw.contains('\u{1b}'), "{:?}", shown.raw);
        assert_eq!(shown.raw.matches(WAITS).count(), 1, "{:?}", shown.raw);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_that_takes_its_time() {
    let stage = Stage::set(Identity::Irsa, HOME).await;
    stage.fake.delay_roles(Delay::Calls(3));
    let register = stage.register("--create-role --access-policy cluster-admin");
    let words: Vec<&str> = register.split_whitespace().collect();
    let mut command = stage.bridge.command(&words);
    command.envs(stage.fake.env());
    let shown = on_terminal(command, "xterm", "");
    assert_eq!(shown.code, 0, "{:#?}", shown.screen.lines);
    shown.lived("AWS does not know it everywhere yet: waiting");
    let lines = shown.screen.lines.join("\n");
    assert!(lines.contains("\ncluster/dev created\n"), "{lines}");
    for step in [
        "create IAM role",
        "create the access entry",
        "wait until EKS shows the access",
    ] {
        assert!(lines.contains(step), "{step}: {lines}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_that_do_not_come() {
    let (hub, bridge) = stuck().await;
    for addon in ["keda", "vpa"] {
        hub.create(&application_set(addon, false)).await.unwrap();
    }
    let words = [
        "addons",
        "b",
        "--enable",
        "keda,vpa",
        "--wait=exists",
        "--timeout",
        "3s",
    ];
    let shown = on_terminal(bridge.command(&words), "xterm", "");
    assert_eq!(shown.code, 1, "{:#?}", shown.screen.lines);
    assert!(
        shown
            .raw
            .contains("no Application addon-b-keda yet, and 1 more ("),
        "{:?}",
        shown.raw
    );
    let lines = &shown.screen.lines;
    let waits: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("waiting for") || line.contains("and 1 more"))
        .collect();
    assert!(waits.is_empty(), "{lines:#?}");
    assert!(
        lines.contains(&"error: not there within 3s:".to_owned()),
        "{lines:#?}"
    );
    // Programs get their answer whole.
    let json = on_terminal(bridge.command(&["get", "b", "-o", "json"]), "xterm", "");
    let text = json.raw.rsplit_once("\nsettings kept").unwrap().0;
    let object: Value = serde_json::from_str(text).unwrap();
    assert_eq!(object["kind"], "Cluster");
}
