//! `unregister` with Argo CD running: what is refused, and everything off the spoke.

mod cancel;
mod gone;

use std::{cell::Cell, process::Stdio, time::Duration};

use testbed::{ArgoCd, GitRepo, Hub, Spoke, eventually};

use crate::run::{Bridge, Ran};

const LIMIT: Duration = Duration::from_secs(90);
const ALL_SYNCED: &str = "addon-edge Synced,hand Synced,workload-edge Synced,";

pub struct Stage {
    // Dropped in this order.
    _argo_cd: ArgoCd,
    pub hub: Hub,
    pub spoke: Spoke,
    pub bridge: Bridge,
    repo: GitRepo,
}

impl Stage {
    /// A hub with Argo CD, and the spoke `edge` on it with an addon switched on.
    pub async fn set() -> Self {
        Self::on(Hub::shared().await.unwrap()).await
    }

    /// With an API server of its own.
    pub async fn alone() -> Self {
        Self::on(Hub::start().await.unwrap()).await
    }

    async fn on(hub: Hub) -> Self {
        let spoke = Spoke::start().await.unwrap();
        let argo_cd = ArgoCd::full(&hub).await.unwrap();
        let repo = GitRepo::create().unwrap();
        for name in ["addon", "workload", "hand", "greedy"] {
            let map = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}");
            repo.write(&format!("{name}/map.yaml"), &map).unwrap();
        }
        repo.commit("A folder each").unwrap();
        let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
        let stage = Self {
            _argo_cd: argo_cd,
            hub,
            spoke,
            bridge,
            repo,
        };
        stage.register().await;
        stage
    }

    /// Registers the spoke; gives what that said on stderr.
    pub async fn register(&self) -> String {
        let token = self.spoke.token().await.unwrap();
        std::fs::write(self.bridge.home().join("token"), token).unwrap();
        let line = format!(
            "register edge --environment dev --endpoint {} --ca-file {} --token-file token --enable keda",
            self.spoke.server(),
            self.spoke.ca_file().display()
        );
        let ran = self.bridge.line(&line);
        ran.clone().fine();
        ran.stderr
    }

    fn application_set(&self, name: &str, selector: &str, preserve: bool) -> String {
        format!(
            "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: {name}}}
spec:
  goTemplate: true
  syncPolicy: {{preserveResourcesOnDeletion: {preserve}}}
  generators: [{{clusters: {{selector: {selector}}}}}]
  template:
    metadata: {{name: '{name}-{{{{.name}}}}'}}
    spec: {}
",
            self.spec(name, "'{{.name}}'")
        )
    }

    fn spec(&self, folder: &str, cluster: &str) -> String {
        format!(
            "{{project: default, source: {{repoURL: '{}', path: {folder}, targetRevision: main}}, destination: {{name: {cluster}, \
             namespace: default}}, syncPolicy: {{automated: {{}}}}}}",
            self.repo.url()
        )
    }

    /// An addon whose set preserves, a workload whose set does not, and an Application that somebody made by hand.
    pub async fn deploy(&self) {
        let drained = "{matchExpressions: [{key: environment, operator: In, values: [dev]}, {key: kubectl-bridge/drain, operator: \
                       DoesNotExist}]}";
        let by_hand = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: hand}}\nspec: {}\n",
            self.spec("hand", "edge")
        );
        let all = [
            self.application_set("addon", "{matchLabels: {enable_keda: 'true'}}", true),
            self.application_set("workload", drained, false),
            by_hand,
        ];
        self.hub.apply(&all.join("---\n")).await.unwrap();
        self.states_are(ALL_SYNCED).await;
        self.maps_are(&["addon", "hand", "workload"]).await;
    }

    /// Waits until these of our `ConfigMaps`, and no other, are on the spoke.
    async fn maps_are(&self, wanted: &[&str]) {
        let wanted: Vec<String> = wanted.iter().map(|name| format!("configmap/{name}")).collect();
        eventually(&format!("{wanted:?} on the spoke"), LIMIT, async || {
            let maps = self.maps().await?;
            anyhow::ensure!(maps == wanted, "there are {maps:?}");
            Ok(Some(()))
        })
        .await
        .unwrap();
    }

    async fn maps(&self) -> anyhow::Result<Vec<String>> {
        let words = ["get", "configmaps", "-n", "default", "-o", "name"];
        let text = self.spoke.kubectl(&words).await?.success()?;
        Ok(text
            .lines()
            .filter(|name| !name.contains("kube-root-ca"))
            .map(str::to_owned)
            .collect())
    }

    async fn names(&self, kind: &str) -> String {
        self.hub
            .kubectl(&["get", kind, "-o", "name"])
            .await
            .unwrap()
            .success()
            .unwrap()
    }

    /// Waits until Argo CD says this of its Applications.
    async fn states_are(&self, wanted: &str) {
        let looks = Cell::new(0);
        eventually(&format!("the Applications to be {wanted}"), LIMIT, async || {
            let states = self.states().await;
            // As a user would who sees that nothing moves: on a busy machine one part of Argo CD may know the cluster long
            // before another, which then has its next turn minutes later.
            looks.set(looks.get() + 1);
            if states != wanted && looks.get() % 100 == 0 {
                self.refresh(
                    "applicationsets",
                    "argocd.argoproj.io/application-set-refresh=true",
                )
                .await;
                self.refresh("applications", "argocd.argoproj.io/refresh=normal")
                    .await;
            }
            anyhow::ensure!(states == wanted, "they are {states}");
            Ok(Some(()))
        })
        .await
        .unwrap();
    }

    async fn refresh(&self, kind: &str, annotation: &str) {
        let words = ["annotate", kind, "--all", "--overwrite", annotation];
        self.hub.kubectl(&words).await.unwrap().success().unwrap();
    }

    async fn states(&self) -> String {
        let template = "jsonpath={range .items[*]}{.metadata.name} {.status.sync.status},{end}";
        let words = ["get", "applications", "-o", template];
        self.hub.kubectl(&words).await.unwrap().success().unwrap()
    }

    /// A drain is killed, and somebody deletes the cluster Secret: what was left behind is not forgotten.
    async fn lose_the_secret_while_draining(&self) {
        let mut child = self
            .bridge
            .command(&["unregister", "edge", "--drain", "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the addon's Application to go", LIMIT, async || {
            let gone = !self.names("applications").await.contains("addon-edge");
            Ok(gone.then_some(()))
        })
        .await
        .unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let words = ["delete", "secret", "edge"];
        self.hub.kubectl(&words).await.unwrap().success().unwrap();
        self.bridge.line("unregister edge --drain --yes").fails(
            1,
            &[
                "was deleted while it was being drained",
                "addon-edge",
                "register it again",
            ],
        );
        self.register().await;
        let ran = self.bridge.line("unregister edge --drain --yes");
        assert!(
            ran.stderr.contains("what it left behind is taken over"),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.fine(), "cluster/edge deleted\n");
        self.nothing_is_left().await;
    }

    pub async fn nothing_is_left(&self) {
        assert_eq!(self.names("applications").await, "");
        let secrets = self.names("secrets").await;
        assert!(!secrets.contains("edge"), "{secrets}");
        let maps = self.maps().await.unwrap();
        assert!(maps.is_empty(), "{maps:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_off_the_spoke_and_killed_on_the_way() {
    let stage = Stage::set().await;
    stage.deploy().await;
    let Stage { bridge, hub, .. } = &stage;

    // Bare: each Application is named, with what would become of it.
    bridge.line("unregister edge --yes").fails(
        1,
        &[
            "cluster/edge stays: 3 Applications still point at it",
            "addon-edge: Synced, Healthy",
            "workload-edge",
            "hand",
            "--drain takes it away first, --keep-workloads leaves it running",
        ],
    );
    // Nobody to ask.
    bridge.line("unregister edge --drain").fails(1, &["add --yes"]);
    // A set that would bring its Application back is named, with its selector; nothing is changed.
    let greedy = stage.application_set("greedy", "{matchLabels: {environment: dev}}", false);
    hub.apply(&greedy).await.unwrap();
    eventually("greedy's Application", LIMIT, async || {
        Ok(stage
            .names("applications")
            .await
            .contains("greedy-edge")
            .then_some(()))
    })
    .await
    .unwrap();
    let before = secret(hub).await;
    bridge.line("unregister edge --drain --yes").fails(
        1,
        &[
            "cannot be drained yet, nothing was changed",
            &format!(
                "ApplicationSet {}/greedy still selects the cluster (environment=dev)",
                hub.namespace()
            ),
            "{key: kubectl-bridge/drain, operator: DoesNotExist}",
        ],
    );
    assert_eq!(secret(hub).await, before);
    hub.kubectl(&["delete", "applicationset", "greedy"])
        .await
        .unwrap()
        .success()
        .unwrap();
    eventually("greedy's Application to go", LIMIT, async || {
        Ok((!stage.names("applications").await.contains("greedy")).then_some(()))
    })
    .await
    .unwrap();
    stage.maps_are(&["addon", "hand", "workload"]).await;

    let dry = bridge.line("unregister edge --drain --dry-run").fine();
    for part in [
        "label cluster Secret edge: kubectl-bridge/drain=true enable_keda=false",
        "addon-edge: taken away by ApplicationSet addon; it leaves behind what it deployed",
        "workload-edge: taken away by ApplicationSet workload, with what it deployed",
        "hand: deleted, with what it deployed",
        "cluster/edge deleted (dry run)",
    ] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    assert_eq!(secret(hub).await, before, "a dry run changes nothing");

    // Killed again and again, a little later each time, until a run comes to its end.
    let mut kills = 0;
    let last = loop {
        match run_for(bridge, Duration::from_millis(150 + 120 * kills)) {
            Some(ran) => break ran,
            None => kills += 1,
        }
        assert!(kills < 200, "it never ends");
    };
    assert!(kills > 2, "it was never killed on the way: {last:?}");
    // The run that was killed last may have done all but its last step.
    assert_eq!(last.fine(), "cluster/edge deleted\n");
    stage.nothing_is_left().await;
    bridge
        .line("unregister edge --drain --yes")
        .fails(1, &["cluster \"edge\" not found"]);
}

/// A drain that is killed after this time; what it did if it was done by then.
fn run_for(bridge: &Bridge, time: Duration) -> Option<Ran> {
    let words = ["unregister", "edge", "--drain", "--yes"];
    let mut child = bridge
        .command(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(time);
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    output.status.code().map(|_| Ran::of(&words, &output))
}

async fn secret(hub: &Hub) -> String {
    let words = [
        "get",
        "secrets",
        "-l",
        "argocd.argoproj.io/secret-type=cluster",
        "-o",
        "yaml",
    ];
    hub.kubectl(&words).await.unwrap().success().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_that_are_to_stay_stay() {
    let stage = Stage::set().await;
    stage.deploy().await;
    let ran = stage.bridge.line("unregister edge --keep-workloads --yes");
    assert!(
        ran.stderr.contains("what it deployed keeps running") && ran.stderr.contains("hand: stays"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "cluster/edge deleted\n");
    eventually("the sets to take their Applications away", LIMIT, async || {
        let names = stage.names("applications").await;
        Ok((names == "application.argoproj.io/hand\n").then_some(()))
    })
    .await
    .unwrap();
    stage.maps_are(&["addon", "hand", "workload"]).await;

    // Argo CD looks at the one that stays while it does not know the cluster.
    let look = [
        "annotate",
        "application",
        "hand",
        "argocd.argoproj.io/refresh=normal",
    ];
    stage.hub.kubectl(&look).await.unwrap().success().unwrap();
    stage.states_are("hand Unknown,").await;
    // Registered again Argo CD takes them up again, and that one not only when its turn comes.
    let said = stage.register().await;
    assert!(
        said.contains("asked to compare again what could not reach the cluster: 1 Application: hand"),
        "{said}"
    );
    stage.states_are(ALL_SYNCED).await;
    stage.lose_the_secret_while_draining().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_cluster_goes_at_once_and_a_stuck_one_says_why() {
    let hub = Hub::shared().await.unwrap();
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let cluster = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, labels: {{argocd.argoproj.io/secret-type: cluster}}}}\n\
             stringData: {{name: {name}, server: 'https://{name}.example.com', config: '{{}}'}}\n"
        )
    };
    hub.create(&[cluster("a"), cluster("b")].join("---\n"))
        .await
        .unwrap();
    assert_eq!(bridge.line("unregister a").fine(), "cluster/a deleted\n");
    // Of another Argo CD on the same API server, and of ours in a namespace of its own.
    let ours = format!("{}-apps", hub.namespace());
    let other = Hub::shared().await.unwrap();
    let application = |namespace: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: far, namespace: {namespace}}}\nspec: {{project: \
             default, source: {{repoURL: 'https://example.com/x.git', path: .}}, destination: {{name: b, namespace: x}}}}\n"
        )
    };
    other.create(&application(other.namespace())).await.unwrap();
    hub.kubectl(&["create", "namespace", &ours])
        .await
        .unwrap()
        .success()
        .unwrap();
    hub.create(&application(&ours)).await.unwrap();
    bridge.line("unregister b").fails(
        1,
        &[
            "another Argo CD lives there",
            "cluster/b stays: 1 Application still points at it",
            &format!("{ours}/far"),
        ],
    );
    hub.kubectl(&["delete", "application", "far", "-n", &ours])
        .await
        .unwrap()
        .success()
        .unwrap();
    // No Argo CD runs here: an Application with a finalizer stays for ever.
    hub.create(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: stuck}\nspec: {project: default, source: {repoURL: \
         'https://example.com/x.git', path: ., targetRevision: main}, destination: {server: 'https://b.example.com/', namespace: x}}\n",
    )
    .await
    .unwrap();
    bridge.line("unregister b --drain --yes --timeout 2s").fails(
        1,
        &[
            "cluster/b is not empty after 2s",
            "stuck",
            "being deleted",
            "Run the command again",
        ],
    );
    bridge
        .line("unregister b")
        .fails(1, &["is being drained since", "--drain"]);
    interrupted(&bridge);
    bridge.line("get b -o wide").fine();
    // Somebody takes it off; the run goes on and ends.
    let patch = [
        "patch",
        "application",
        "stuck",
        "--type=merge",
        "-p",
        r#"{"metadata":{"finalizers":null}}"#,
    ];
    hub.kubectl(&patch).await.unwrap().success().unwrap();
    let ran = bridge.line("unregister b --drain --yes --timeout 20s");
    assert!(
        ran.stderr.contains("taking up the run that began at"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "cluster/b deleted\n");
    let secrets = hub
        .kubectl(&["get", "secrets", "-o", "name"])
        .await
        .unwrap()
        .success()
        .unwrap();
    assert!(!secrets.contains("kubectl-bridge-op"), "{secrets}");
    let far = other.kubectl(&["get", "application", "far"]).await.unwrap();
    assert!(far.status.success(), "it was not ours to delete");
}

/// Ctrl-C while it waits: it says so and ends with 130.
fn interrupted(bridge: &Bridge) {
    let words = ["unregister", "b", "--drain", "--yes"];
    let child = bridge
        .command(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .unwrap();
    assert!(sent.success());
    let ran = Ran::of(&words, &child.wait_with_output().unwrap());
    ran.fails(
        130,
        &[
            "waiting for 1 Application: stuck",
            "interrupted",
            "run the command again",
        ],
    );
}
