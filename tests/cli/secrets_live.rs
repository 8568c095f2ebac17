//! No credential shows in any output, at any verbosity: planted ones are looked for after every command, as they are and in
//! base64, in answers, logs and failures of each kind.

mod failures;
mod vault;

use std::process::Stdio;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use testbed::{EksCluster, EksPodIdentity, FakeAws, Hub, IamRole, Spoke};

use crate::{
    access::{AWAY, HOME, PLATFORM},
    fleet::{application_set, sample},
    run::{Bridge, PLANTED, Ran},
};
use vault::Vault;

/// A hub with clusters of every shape, a spoke, and AWS; every credential of theirs is in the vault.
struct World {
    hub: Hub,
    spoke: Spoke,
    aws: FakeAws,
    bridge: Bridge,
    vault: Vault,
}

const AWS_SECRET: &str = "planted+aws/secret0key0of0forty0letters0";
const AWS_SESSION: &str = "planted-session-token-of-aws";
const PASSWORD: &str = "planted-password-of-a-proxy";

impl World {
    async fn new() -> Self {
        let (hub, spoke, aws) = tokio::try_join!(Hub::shared(), Spoke::start(), FakeAws::start()).unwrap();
        let mut vault = Vault::default();
        vault.add("a config", PLANTED);
        vault.add("the AWS secret key", AWS_SECRET);
        vault.add("the AWS session token", AWS_SESSION);
        vault.add("a proxy's password", PASSWORD);
        let hub_cluster = EksCluster::named("hub");
        let away = EksCluster {
            account: AWAY.into(),
            ..EksCluster::named("far")
        };
        for cluster in [&hub_cluster, &EksCluster::named("near"), &away] {
            aws.add_cluster(cluster.clone());
        }
        let role = aws.add_role(IamRole::named("argocd-hub").trusting_service("pods.eks.amazonaws.com"));
        let pods = EksPodIdentity::of(hub.namespace(), "argocd-server", &role);
        aws.add_pod_identity(&hub_cluster.arn(), pods).unwrap();
        let root = format!("arn:aws:iam::{HOME}:root");
        let platform = IamRole::named("platform").in_account(AWAY);
        aws.add_role(platform.trusting_principal(&root, &["sts:AssumeRole"]));

        let kubeconfig = hub.kubeconfig_for("keeper").await.unwrap();
        let text = std::fs::read_to_string(&kubeconfig).unwrap();
        let token = text.split_once("token: ").unwrap().1.lines().next().unwrap();
        vault.add("the token for the hub", token);
        let binding = format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: keeper-{0}}}, roleRef: {{apiGroup: \
             rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}, subjects: [{{kind: ServiceAccount, name: keeper, \
             namespace: {0}}}]}}",
            hub.namespace()
        );
        hub.apply(&binding).await.unwrap();
        let bridge = Bridge::live(&kubeconfig, hub.namespace());
        let spoke_token = spoke.token().await.unwrap();
        vault.add("a token for the spoke", &spoke_token);
        std::fs::write(bridge.home().join("token"), spoke_token).unwrap();
        let admin = std::fs::read_to_string(spoke.kubeconfig()).unwrap();
        let key = admin
            .split_once("client-key-data: ")
            .unwrap()
            .1
            .lines()
            .next()
            .unwrap();
        vault.add_encoded("the client key for the spoke", key);
        let world = Self {
            hub,
            spoke,
            aws,
            bridge,
            vault,
        };
        world.fleet().await;
        world
    }

    /// Clusters as others have written them, with credentials in every place where one can be.
    async fn fleet(&self) {
        let all: Vec<String> = sample().into_iter().map(|(_, text)| text).collect();
        self.hub.create(&all.join("---\n")).await.unwrap();
        self.hub.create(&application_set("secret", true)).await.unwrap();
        let secret = |name: &str, config: &str| {
            format!(
                "{{apiVersion: v1, kind: Secret, metadata: {{name: {name}, labels: {{argocd.argoproj.io/secret-type: cluster, \
                 enable_keda: 'true'}}}}, stringData: {{name: {name}, server: 'https://{name}.example.com', config: '{config}'}}}}\n"
            )
        };
        let shapes = [
            secret(
                "password",
                &format!(r#"{{"username": "jo", "password": "{PLANTED}"}}"#),
            ),
            secret(
                "key",
                &format!(
                    r#"{{"tlsClientConfig": {{"certData": "YQ==", "keyData": "{}"}}}}"#,
                    BASE64_STANDARD.encode(PLANTED)
                ),
            ),
            secret(
                "exec",
                &format!(
                    r#"{{"execProviderConfig": {{"command": "aws", "args": ["--token", "{PLANTED}"], "env": {{"T": "{PLANTED}"}}}}}}"#
                ),
            ),
            secret(
                "proxied",
                &format!(r#"{{"proxyUrl": "http://jo:{PASSWORD}@proxy:3128", "bearerToken": "{PLANTED}"}}"#),
            ),
            secret("malformed", &format!(r#"{{"bearerToken": "{PLANTED}" oops"#)),
            secret(
                "wrong",
                &format!(r#"{{"bearerToken": ["{PLANTED}"], "tlsClientConfig": "{PLANTED}"}}"#),
            ),
        ];
        // As client-side apply does it, with a copy of all of it in an annotation.
        let file = self.bridge.home().join("applied.yaml");
        std::fs::write(&file, shapes.join("---\n")).unwrap();
        let words = ["apply", "-f", file.to_str().unwrap()];
        self.hub.kubectl(&words).await.unwrap().success().unwrap();
        let words = [
            "get",
            "secret",
            "password",
            "-o",
            "jsonpath={.metadata.annotations}",
        ];
        let annotations = self.hub.kubectl(&words).await.unwrap().success().unwrap();
        assert!(annotations.contains(PLANTED), "{annotations}");
    }

    /// Runs a line as loudly as it can be told to; nothing of the vault may show.
    fn run(&self, line: &str) -> Ran {
        self.run_with(line, &[])
    }

    fn run_with(&self, line: &str, env: &[(&str, &str)]) -> Ran {
        self.run_as(&self.bridge, line, env)
    }

    /// With another hub than ours, which the line names.
    fn run_as(&self, bridge: &Bridge, line: &str, env: &[(&str, &str)]) -> Ran {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        words.push("-vvvv");
        let output = bridge
            .command(&words)
            .envs(self.aws.env())
            .env("AWS_SECRET_ACCESS_KEY", AWS_SECRET)
            .env("AWS_SESSION_TOKEN", AWS_SESSION)
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        for text in [&ran.stdout, &ran.stderr] {
            self.vault.search(line, text);
            for secret in self.aws.secrets() {
                assert!(
                    !text.contains(&secret),
                    "{line} shows a secret of a session: {text}"
                );
            }
        }
        ran
    }

    /// A line that has to work.
    #[track_caller]
    fn ok(&self, line: &str) {
        self.run(line).fine();
    }

    /// What a registration wrote goes into the vault too.
    async fn keep(&mut self, secret: &str) {
        let words = [
            "get",
            "secret",
            secret,
            "-o",
            "go-template={{.data.config | base64decode}}",
        ];
        let config = self.hub.kubectl(&words).await.unwrap().success().unwrap();
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        if let Some(token) = config["bearerToken"].as_str() {
            self.vault.add(&format!("the token in Secret {secret}"), token);
        }
        if let Some(key) = config["tlsClientConfig"]["keyData"].as_str() {
            self.vault
                .add_encoded(&format!("the key in Secret {secret}"), key);
        }
    }
}

/// Every command that shows something, in every form.
fn looks(world: &World) {
    let lines = [
        "get",
        "describe -l enable_keda=true",
        "describe password key exec proxied wrong dev",
        "check --all --hub",
        "params",
        "label password --list",
        "annotate password --list",
        "annotate malformed --list",
        "addons",
        "addons exec",
        "discover --region us-west-2",
        "update --all --dry-run",
        "unregister password --dry-run",
        "unregister --hub",
        "register near --environment dev --skip-access --dry-run",
        "version",
    ];
    for line in lines {
        for form in [
            "",
            " -o wide",
            " -o json",
            " -o yaml",
            " -o name",
            " -o jsonpath={}",
            " -o jsonpath={.items[*]}",
        ] {
            world.run(&format!("{line}{form}"));
        }
    }
    let names = world.run("get -o name").fine();
    assert!(names.contains("cluster/malformed\n"), "{names}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_looked_at() {
    let world = World::new().await;
    looks(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done() {
    let mut world = World::new().await;
    let kubeconfig = world.spoke.kubeconfig().to_str().unwrap().to_owned();
    let spoke = format!(
        "--spoke-context {} --spoke-kubeconfig {kubeconfig}",
        world.spoke.context()
    );
    // The account that is made there, with a token that only its Secret knows so far.
    world.ok(&format!("register made --environment dev {spoke}"));
    world.keep("made").await;
    world.ok(&format!(
        "register made --environment dev {spoke} --label a=b -o json"
    ));
    world.ok(&format!(
        "register made --environment dev {spoke} --copy-credentials"
    ));
    world.keep("made").await;
    world.ok("describe made -o yaml");
    world.ok("unregister made -o json");
    world.ok(&format!(
        "register token --environment dev --endpoint {} --ca-file {} --token-file token",
        world.spoke.server(),
        world.spoke.ca_file().display()
    ));
    world.ok("addons token --enable keda");
    world.ok("label token a=b -o yaml");
    world.ok("annotate token note=b -o json");
    world.ok("unregister token");
    // Of AWS: keys, and the sessions of roles.
    let near = "register near --environment dev --access-policy view --hub-aws-cluster-name hub";
    let far = &format!(
        "register far --environment dev --create-role --access-policy cluster-admin --hub-aws-cluster-name hub --assume-role {PLATFORM} --access-timeout \
         20s"
    );
    for line in [near, far] {
        world.ok(&format!("{line} --dry-run -o json"));
        world.ok(line);
    }
    assert!(!world.aws.secrets().is_empty(), "no role was assumed");
    world.ok("init --access-policy view --region us-west-2 --hub-aws-cluster-name hub");
    world.run("check --all --hub -o json");
    world.run("update --all");
    world.ok("unregister near -o yaml");
    world.ok(&format!("unregister far --assume-role {PLATFORM}"));
    looks(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails() {
    let mut world = World::new().await;
    failures::all(&mut world).await;
}
