//! Access in AWS: the stage, and waiting for what AWS knows only later.

use std::process::{Child, Stdio};

use serde_json::{Value, json};
use testbed::{
    Access, Delay, EksAccessEntry, EksCapability, EksCluster, EksPodIdentity, FakeEks, Fault, Hub, IamRole,
};

use crate::run::{Bridge, Ran};

pub const HOME: &str = "111122223333";
pub const AWAY: &str = "444455556666";
const ADMIN: &str = "AmazonEKSClusterAdminPolicy";
/// As whom this program works in the other account.
pub const PLATFORM: &str = "arn:aws:iam::444455556666:role/platform";

/// The service accounts of Argo CD that come to spokes.
const ACCOUNTS: [&str; 3] = [
    "argocd-application-controller",
    "argocd-applicationset-controller",
    "argocd-server",
];

/// How Argo CD on the hub gets its role.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Identity {
    /// By pod identity.
    Pods,
    /// By pod identity that `init` made.
    Init,
    /// It has none.
    Nothing,
    Irsa,
    Capability,
}

/// A hub, a spoke `dev`, and what else is there that nobody may touch.
pub struct Stage {
    pub hub: Hub,
    pub fake: FakeEks,
    pub bridge: Bridge,
    /// Role that Argo CD has.
    pub role: String,
    pub spoke: EksCluster,
    flags: String,
}

impl Stage {
    pub async fn set(identity: Identity, account: &str) -> Self {
        let (hub, fake) = tokio::try_join!(Hub::shared(), FakeEks::start()).unwrap();
        let hub_cluster = EksCluster::named("hub");
        fake.add_cluster(hub_cluster.clone());
        let spoke = EksCluster {
            account: account.into(),
            ..EksCluster::named("dev")
        };
        fake.add_cluster(spoke.clone());
        let role = fake.add_role(IamRole::named("argocd-hub").trusting_service("pods.eks.amazonaws.com"));
        match identity {
            Identity::Pods => {
                for name in ACCOUNTS {
                    let pods = EksPodIdentity::of(hub.namespace(), name, &role);
                    fake.add_pod_identity(&hub_cluster.arn(), pods).unwrap();
                }
            }
            Identity::Init | Identity::Nothing => {}
            Identity::Irsa => {
                for name in ACCOUNTS {
                    let account = format!(
                        "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {name}, annotations: \
                         {{eks.amazonaws.com/role-arn: '{role}'}}}}}}"
                    );
                    hub.apply(&account).await.unwrap();
                }
            }
            Identity::Capability => {
                let mut capability = EksCapability::argo_cd("argocd", &role);
                capability.configuration["argoCd"]["namespace"] = hub.namespace().into();
                fake.add_capability(&hub_cluster.arn(), capability).unwrap();
            }
        }
        // What others made.
        let operators = fake.add_role(IamRole::named("operators").in_account(account));
        let entry = EksAccessEntry::of(&operators).with_policy("AmazonEKSViewPolicy", &[]);
        fake.add_access_entry(&spoke.arn(), entry).unwrap();
        let mut flags = "--hub-aws-cluster-name hub --access-timeout 20s".to_owned();
        if account == AWAY {
            let root = format!("arn:aws:iam::{HOME}:root");
            fake.add_role(
                IamRole::named("platform")
                    .in_account(AWAY)
                    .trusting_principal(&root, &["sts:AssumeRole"]),
            );
            flags = format!("{flags} --assume-role {PLATFORM}");
        }
        let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
        let stage = Self {
            hub,
            fake,
            bridge,
            role,
            spoke,
            flags,
        };
        if identity == Identity::Init {
            let line = format!(
                "init --hub-aws-cluster-name hub --pod-identity-role {}",
                stage.role
            );
            stage.line(&line).fine();
            let made = stage.fake.pod_identities(&hub_cluster.arn());
            let accounts: Vec<&str> = made.iter().map(|one| one.service_account.as_str()).collect();
            assert_eq!(accounts, ACCOUNTS);
        }
        stage
    }

    fn spawn(&self, line: &str) -> Child {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.bridge
            .command(&words)
            .envs(self.fake.env())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub fn line(&self, line: &str) -> Ran {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ran = Ran::of(&words, &self.spawn(line).wait_with_output().unwrap());
        for secret in self
            .fake
            .secrets()
            .iter()
            .map(String::as_str)
            .chain(["not-a-secret"])
        {
            assert!(
                !ran.stdout.contains(secret) && !ran.stderr.contains(secret),
                "{line}"
            );
        }
        ran
    }

    pub fn register(&self, more: &str) -> String {
        format!("register dev {} {more}", self.flags)
    }

    pub fn unregister(&self) -> String {
        if self.spoke.account == AWAY {
            // A drain goes the same way once nothing is deployed.
            format!("unregister dev --drain --yes --assume-role {PLATFORM}")
        } else {
            "unregister dev".into()
        }
    }

    /// Starts a command, and kills it at the `n`th call that changes something in AWS, done or not done.
    pub fn killed_at(&self, line: &str, n: usize, done: bool) {
        let fault = if done {
            Fault::hang_after()
        } else {
            Fault::hang_before()
        };
        self.fake.inject(fault.changes().nth(n));
        let mut child = self.spawn(line);
        let hangs = self.fake.wait_until_hanging(std::time::Duration::from_mins(1));
        child.kill().unwrap();
        let ran = Ran::of(&[line], &child.wait_with_output().unwrap());
        assert!(hangs, "{line} has no {n}th change: {}", ran.stderr);
        self.fake.clear_faults();
    }

    /// The calls that changed something since they were last cleared: operation and account.
    pub fn changes(&self) -> Vec<String> {
        let calls = self.fake.calls().into_iter();
        calls
            .filter(|call| call.changes && call.error.is_none())
            .map(|call| format!("{} {}", call.operation, call.account))
            .collect()
    }

    /// The cluster Secret without what differs from one run to the next.
    pub async fn secret(&self) -> Option<Value> {
        let output = self
            .hub
            .kubectl(&["get", "secret", "dev", "-o", "json"])
            .await
            .unwrap();
        let secret: Value = serde_json::from_str(&output.success().ok()?).unwrap();
        let mut annotations = secret["metadata"]["annotations"].clone();
        annotations
            .as_object_mut()
            .unwrap()
            .remove("kubectl-bridge/last-change");
        Some(json!([annotations, secret["metadata"]["labels"], secret["data"]]))
    }

    /// Names of the notes of unfinished runs.
    pub async fn notes(&self) -> String {
        let words = [
            "get",
            "secret",
            "-l",
            "app.kubernetes.io/managed-by=kubectl-bridge",
            "-o",
            "name",
        ];
        self.hub.kubectl(&words).await.unwrap().success().unwrap()
    }

    pub async fn is_clean(&self, clean: &Value, what: &str) {
        assert_eq!(&self.fake.snapshot(), clean, "{what}");
        assert_eq!(self.secret().await, None, "{what}");
        assert_eq!(self.notes().await, "", "{what}");
    }

    /// The access entry of a principal on the spoke.
    pub fn entry(&self, principal: &str) -> Option<EksAccessEntry> {
        let entries = self.fake.access_entries(&self.spoke.arn());
        entries.into_iter().find(|entry| entry.principal_arn == principal)
    }

    pub fn admin_of(&self, principal: &str) -> bool {
        let all = Access::Granted {
            groups: vec![],
            policies: [(ADMIN.to_owned(), vec![])].into(),
        };
        self.fake.access(&self.spoke.arn(), principal) == all
    }
}

pub fn text(secret: &Value, key: &str) -> String {
    use base64::Engine as _;
    let data = secret[2][key].as_str().unwrap_or_default();
    String::from_utf8(base64::prelude::BASE64_STANDARD.decode(data).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn irsa_makes_a_role_without_tags_and_waits_for_it() {
    let stage = Stage::set(Identity::Irsa, HOME).await;
    stage.fake.delay_roles(Delay::Calls(2));
    stage.fake.delay_access_entries(Delay::Calls(2));
    let register = stage.register("--create-role --access-policy cluster-admin");
    let ran = stage.line(&register);
    assert!(
        ran.stderr.contains("does not know it everywhere yet"),
        "{}",
        ran.stderr
    );
    ran.fine();
    let role = "arn:aws:iam::111122223333:role/argocd-spoke-us-west-2-dev";
    assert!(stage.fake.may_assume(&stage.role, role, &["sts:AssumeRole"]));
    assert!(!stage.fake.may_assume(&stage.role, role, &["sts:TagSession"]));
    assert!(
        stage.fake.role(&stage.role).unwrap().inline.is_empty(),
        "one account needs no right"
    );

    // Another way in: what the first one needed goes once the Secret says the other.
    stage
        .line(&stage.register("--access direct --access-policy view"))
        .fine();
    assert_eq!(stage.fake.role(role), None);
    assert_eq!(stage.entry(role), None);
    assert_eq!(stage.notes().await, "");

    // It never comes to be known.
    stage.line(&stage.unregister()).fine();
    stage.fake.delay_roles(Delay::Calls(1000));
    let never = register.replace("20s", "1s");
    stage.line(&never).fails(
        1,
        &[
            "AWS still says no after 1s",
            "there is no such principal",
            "made a moment ago",
            "run the same command again",
        ],
    );
    stage.fake.remove_role(role);
    stage.fake.delay_roles(Delay::None);
    stage.line(&register).fine();
    assert!(stage.admin_of(role));
}
