//! All of it at once: a spoke in EKS that Argo CD reaches by an access entry, with a token that its own `argocd-k8s-auth` makes
//! from pod identity and a role of the spoke's account; what is deployed there, and all of it taken away again, in order.

use std::{
    collections::BTreeSet,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use testbed::{
    ArgoCd, Binaries, EksAuth, EksCluster, EksPodIdentity, FakeAws, Fault, Gate, GitRepo, Hub, IamRole,
    Spoke, eventually,
};

use crate::{
    access::{AWAY, HOME, PLATFORM},
    audit::{Right, asked, bridge, row, same},
    run::{Bridge, Ran},
};

const LIMIT: Duration = Duration::from_mins(2);
const ROLE: &str = "arn:aws:iam::444455556666:role/argocd-spoke-us-west-2-dev";
const DRAIN: &str = "unregister dev --drain --yes --assume-role arn:aws:iam::444455556666:role/platform";

struct Stage {
    // Dropped in this order.
    _argo_cd: ArgoCd,
    spoke: Option<Spoke>,
    hub: Hub,
    auth: EksAuth,
    aws: Arc<FakeAws>,
    dev: EksCluster,
    hub_role: String,
    repo: GitRepo,
    gate: Gate,
    bridge: Bridge,
}

impl Stage {
    async fn set() -> Self {
        let aws = Arc::new(FakeAws::start().await.unwrap());
        let hub_cluster = EksCluster::named("hub");
        aws.add_cluster(hub_cluster.clone());
        let hub_role = aws.add_role(IamRole::named("argocd-hub").trusting_service("pods.eks.amazonaws.com"));
        for name in ["argocd-application-controller", "argocd-server"] {
            let pods = EksPodIdentity::of("argocd", name, &hub_role);
            aws.add_pod_identity(&hub_cluster.arn(), pods).unwrap();
        }
        let root = format!("arn:aws:iam::{HOME}:root");
        let platform = IamRole::named("platform").in_account(AWAY);
        let platform = aws.add_role(platform.trusting_principal(&root, &["sts:AssumeRole"]));
        assert_eq!(platform, PLATFORM);

        let auth = EksAuth::start(&aws, &hub_role).unwrap();
        let mut dev = EksCluster {
            account: AWAY.into(),
            ..EksCluster::named("dev")
        };
        let arn = dev.arn();
        let (hub, spoke) = tokio::try_join!(Hub::start(), Spoke::in_eks(&auth, &arn)).unwrap();
        dev.endpoint = spoke.server();
        dev.ca = std::fs::read_to_string(spoke.ca_file()).unwrap();
        aws.add_cluster(dev.clone());
        let argo_cd = ArgoCd::full_with(&hub, &auth.env()).await.unwrap();
        let repo = GitRepo::create().unwrap();
        for name in ["addon", "workload", "hand"] {
            let map = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}");
            repo.write(&format!("{name}/map.yaml"), &map).unwrap();
        }
        repo.commit("A folder each").unwrap();
        let gate = Gate::open(&hub).await.unwrap();
        let bridge = Bridge::live(gate.kubeconfig(), hub.namespace());
        Self {
            _argo_cd: argo_cd,
            spoke: Some(spoke),
            hub,
            auth,
            aws,
            dev,
            hub_role,
            repo,
            gate,
            bridge,
        }
    }

    fn spawn(&self, bridge: &Bridge, line: &str) -> Child {
        let words: Vec<&str> = line.split_whitespace().collect();
        bridge
            .command(&words)
            .envs(self.aws.env())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn line(&self, line: &str) -> Ran {
        Ran::of(
            &[line],
            &self.spawn(&self.bridge, line).wait_with_output().unwrap(),
        )
    }

    /// Registers `dev`, and waits until an addon whose set preserves, a workload whose set does not and an Application that
    /// somebody made by hand have reached it.
    async fn deploy(&self) {
        let register = format!(
            "register dev --environment dev --enable keda --create-role --access-policy cluster-admin --hub-aws-cluster-name hub \
             --assume-role {PLATFORM} --access-timeout 60s"
        );
        assert_eq!(self.line(&register).fine(), "cluster/dev created\n");
        let spec = |folder: &str, cluster: &str| {
            format!(
                "{{project: default, source: {{repoURL: '{}', path: {folder}, targetRevision: main}}, destination: {{name: {cluster}, \
                 namespace: default}}, syncPolicy: {{automated: {{}}}}}}",
                self.repo.url()
            )
        };
        let set = |name: &str, selector: &str, preserve: bool| {
            format!(
                "{{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, metadata: {{name: {name}}}, spec: {{goTemplate: true, \
                 syncPolicy: {{preserveResourcesOnDeletion: {preserve}}}, generators: [{{clusters: {{selector: {selector}}}}}], \
                 template: {{metadata: {{name: '{name}-{{{{.name}}}}'}}, spec: {}}}}}}}",
                spec(name, "'{{.name}}'")
            )
        };
        let all = [
            set("addon", "{matchLabels: {enable_keda: 'true'}}", true),
            set(
                "workload",
                "{matchExpressions: [{key: environment, operator: In, values: [dev]}, {key: kubectl-bridge/drain, operator: \
                 DoesNotExist}]}",
                false,
            ),
            format!(
                "{{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {{name: hand}}, spec: {}}}",
                spec("hand", "dev")
            ),
        ];
        self.hub.apply(&all.join("\n---\n")).await.unwrap();
        let mut looks = 0;
        eventually("all Applications to be Synced", LIMIT, async || {
            let template = "jsonpath={range .items[*]}{.metadata.name} {.status.sync.status} \
                            {.status.conditions[*].message},{end}";
            let states = self.kubectl(&["get", "applications", "-o", template]).await;
            looks += 1;
            // As a user would who sees that nothing moves.
            if looks % 100 == 0 {
                for (kind, key) in [
                    ("applicationsets", "application-set-refresh=true"),
                    ("applications", "refresh=normal"),
                ] {
                    let annotation = format!("argocd.argoproj.io/{key}");
                    self.kubectl(&["annotate", kind, "--all", "--overwrite", &annotation])
                        .await;
                }
            }
            anyhow::ensure!(
                states == "addon-dev Synced ,hand Synced ,workload-dev Synced ,",
                "they are {states}"
            );
            Ok(Some(()))
        })
        .await
        .unwrap();
        assert_eq!(self.maps().await, ["addon", "hand", "workload"]);
    }

    async fn kubectl(&self, words: &[&str]) -> String {
        self.hub.kubectl(words).await.unwrap().success().unwrap()
    }

    /// What of ours is deployed on the spoke.
    async fn maps(&self) -> Vec<String> {
        let spoke = self.spoke.as_ref().unwrap();
        let words = ["get", "configmaps", "-n", "default", "-o", "name"];
        let text = spoke.kubectl(&words).await.unwrap().success().unwrap();
        let names = text.lines().filter_map(|name| name.strip_prefix("configmap/"));
        names
            .filter(|name| *name != "kube-root-ca.crt")
            .map(str::to_owned)
            .collect()
    }

    /// Starts a drain, and kills it once it is held up.
    fn killed(&self, held: impl Fn() -> bool) {
        let mut child = self.spawn(&self.bridge, DRAIN);
        let held = held();
        child.kill().unwrap();
        let ran = Ran::of(&[DRAIN], &child.wait_with_output().unwrap());
        assert!(held, "it was never held up: {ran:?}");
        self.gate.clear();
        self.aws.clear_faults();
    }

    /// Whether these are there: Secret, access entry, role, note.
    async fn there(&self) -> [bool; 4] {
        let secrets = self.kubectl(&["get", "secrets", "-o", "name"]).await;
        let has = |name: &str| secrets.lines().any(|line| line == format!("secret/{name}"));
        let entries = self.aws.access_entries(&self.dev.arn());
        [
            has("dev"),
            entries.iter().any(|entry| entry.principal_arn == ROLE),
            self.aws.role(ROLE).is_some(),
            has("kubectl-bridge-op-dev"),
        ]
    }

    /// Who a token is on the spoke that Argo CD's own program makes for an EKS cluster of this name.
    async fn who(&self, cluster: &str) -> Result<String, String> {
        let output = Command::new(Binaries::locate().unwrap().path("argocd"))
            .args(["aws", "--cluster-name", cluster, "--role-arn", ROLE])
            .envs(self.auth.env())
            .env("ARGOCD_BINARY_NAME", "argocd-k8s-auth")
            .output()
            .unwrap();
        let credential: Value = serde_json::from_slice(&output.stdout).unwrap();
        let bearer = format!("--token={}", credential["status"]["token"].as_str().unwrap());
        let spoke = self.spoke.as_ref().unwrap();
        let (server, ca) = (
            spoke.server(),
            format!("--certificate-authority={}", spoke.ca_file().display()),
        );
        let name = "jsonpath={.status.userInfo.username}";
        let words = [
            "--kubeconfig=/dev/null",
            "-s",
            &server,
            &ca,
            &bearer,
            "auth",
            "whoami",
            "-o",
            name,
        ];
        let ran = self.hub.kubectl(&words).await.unwrap();
        ran.status.success().then_some(ran.stdout).ok_or(ran.stderr)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_eks_to_argo_cd_and_out_again() {
    let mut stage = Stage::set().await;
    let clean = stage.aws.snapshot();
    stage.deploy().await;
    registered(&stage).await;

    // Killed before each of its ends: first what is deployed goes, then the Secret, the entry, the role, the note.
    let secret = "/api/v1/namespaces/argocd/secrets";
    stage.gate.hold_before(&format!("DELETE {secret}/dev"));
    stage.killed(|| stage.gate.wait_until_holding(LIMIT));
    assert_eq!(stage.maps().await, [""; 0]);
    assert_eq!(stage.kubectl(&["get", "applications", "-o", "name"]).await, "");
    assert_eq!(stage.there().await, [true; 4]);
    for (operation, there) in [
        ("DeleteAccessEntry", [false, true, true, true]),
        ("DeleteRole", [false, false, true, true]),
    ] {
        stage.aws.inject(Fault::hang_before().of(operation));
        stage.killed(|| stage.aws.wait_until_hanging(LIMIT));
        assert_eq!(stage.there().await, there, "before {operation}");
    }
    stage
        .gate
        .hold_before(&format!("DELETE {secret}/kubectl-bridge-op-dev"));
    stage.killed(|| stage.gate.wait_until_holding(LIMIT));
    assert_eq!(stage.there().await, [false, false, false, true]);
    assert_eq!(stage.line(DRAIN).fine(), "cluster/dev deleted\n");
    assert_eq!(stage.there().await, [false; 4]);
    assert_eq!(stage.aws.snapshot(), clean);

    undisturbed(&stage).await;
    assert_eq!(stage.aws.snapshot(), clean);
    gone(&mut stage).await;
}

/// What makes Argo CD get in is what is in AWS, and nothing else.
async fn registered(stage: &Stage) {
    assert_eq!(stage.there().await, [true, true, true, false]);
    let config = stage
        .kubectl(&[
            "get",
            "secret",
            "dev",
            "-o",
            "go-template={{.data.config | base64decode}}",
        ])
        .await;
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["awsAuthConfig"]["roleARN"], ROLE);
    assert_eq!(config["bearerToken"], Value::Null);
    // It was Argo CD itself that took the role on.
    assert!(stage.aws.calls().iter().any(|call| {
        call.operation == "AssumeRole" && call.object == ROLE && call.caller.contains("argocd-hub")
    }));
    let who = stage.who("dev").await.unwrap();
    assert!(
        who.starts_with("arn:aws:sts::444455556666:assumed-role/argocd-spoke-us-west-2-dev/"),
        "{who}"
    );
    let other = stage.who("other").await.unwrap_err();
    assert!(other.contains("must be logged in"), "{other}");
    // Without its access entry nobody gets in, whoever he is.
    let entries = stage.aws.access_entries(&stage.dev.arn());
    let entry = entries
        .into_iter()
        .find(|entry| entry.principal_arn == ROLE)
        .unwrap();
    stage.aws.remove_access_entry(&stage.dev.arn(), ROLE);
    let nobody = stage.who("dev").await.unwrap_err();
    assert!(nobody.contains("must be logged in"), "{nobody}");
    stage.aws.add_access_entry(&stage.dev.arn(), entry).unwrap();
}

/// A drain with exactly the rights that the README says.
async fn undisturbed(stage: &Stage) {
    stage.deploy().await;
    let says: BTreeSet<Right> = ["unregister", "unregister --drain as well"]
        .into_iter()
        .flat_map(row)
        .collect();
    let account = bridge(&stage.hub, "drains", Some(&says)).await;
    stage.aws.clear_calls();
    let child = stage.spawn(&account, DRAIN);
    let ran = Ran::of(&[DRAIN], &child.wait_with_output().unwrap());
    assert_eq!(ran.fine(), "cluster/dev deleted\n");
    same(DRAIN, &says, &asked(&stage.hub, "drains"));
    assert_eq!(stage.maps().await, [""; 0]);
    assert_eq!(stage.there().await, [false; 4]);
    let deleted: Vec<String> = stage
        .hub
        .audit("drains")
        .unwrap()
        .into_iter()
        .filter(|event| event.verb == "delete" && event.resource == "secrets")
        .filter_map(|event| event.name)
        .collect();
    assert_eq!(deleted, ["dev", "kubectl-bridge-op-dev"]);
    let changes: Vec<String> = stage
        .aws
        .calls()
        .into_iter()
        .filter(|call| call.changes)
        .map(|call| call.operation)
        .collect();
    assert_eq!(changes, ["DeleteAccessEntry", "DeleteRole", "DeleteRolePolicy"]);
}

/// The cluster is deleted, with its Applications on the hub.
async fn gone(stage: &mut Stage) {
    stage.deploy().await;
    stage.aws.remove_cluster(&stage.dev.arn());
    drop(stage.spoke.take());
    let ran = stage.line(DRAIN);
    for part in [
        "EKS does not know the cluster any more",
        "Application argocd/addon-dev: goes with ApplicationSet addon's next look\n",
        "Application argocd/hand: stays and cannot reach the cluster any more\n",
        "left behind: Application argocd/hand, which nothing generates (kubectl delete applications.argoproj.io hand -n argocd)\n",
    ] {
        assert!(ran.stderr.contains(part), "no {part:?}: {}", ran.stderr);
    }
    assert_eq!(ran.fine(), "cluster/dev deleted\n");
    assert_eq!(stage.there().await, [false; 4]);
    assert!(stage.aws.role(&stage.hub_role).unwrap().inline.is_empty());
    eventually("the others to go", LIMIT, async || {
        let names = stage.kubectl(&["get", "applications", "-o", "name"]).await;
        anyhow::ensure!(names == "application.argoproj.io/hand\n", "there are {names}");
        Ok(Some(()))
    })
    .await
    .unwrap();
}
