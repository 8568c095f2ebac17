//! Access in AWS: made before the Secret, taken back after it, ended anywhere and taken up again.

use std::process::{Child, Stdio};

use serde_json::{Value, json};
use testbed::{
    Access, Delay, EksAccessEntry, EksCapability, EksCluster, EksPodIdentity, FakeEks, Fault, Hub, IamRole,
    Spoke,
};

use crate::run::{Bridge, Ran};

pub const HOME: &str = "111122223333";
pub const AWAY: &str = "444455556666";
const ADMIN: &str = "AmazonEKSClusterAdminPolicy";
/// As whom this program works in the other account.
const PLATFORM: &str = "arn:aws:iam::444455556666:role/platform";

/// How Argo CD on the hub gets its role.
#[derive(Clone, Copy, PartialEq)]
enum Identity {
    Pods,
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
    async fn set(identity: Identity, account: &str) -> Self {
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
                for name in ["argocd-application-controller", "argocd-server"] {
                    let pods = EksPodIdentity {
                        namespace: hub.namespace().into(),
                        service_account: name.into(),
                        role_arn: role.clone(),
                        ..EksPodIdentity::default()
                    };
                    fake.add_pod_identity(&hub_cluster.arn(), pods).unwrap();
                }
            }
            Identity::Irsa => {
                for name in [
                    "argocd-application-controller",
                    "argocd-server",
                    "argocd-applicationset-controller",
                ] {
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
        Self {
            hub,
            fake,
            bridge,
            role,
            spoke,
            flags,
        }
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

    fn line(&self, line: &str) -> Ran {
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

    fn register(&self, more: &str) -> String {
        format!("register dev {} {more}", self.flags)
    }

    fn unregister(&self) -> String {
        if self.spoke.account == AWAY {
            // A drain goes the same way once nothing is deployed.
            format!("unregister dev --drain --yes --assume-role {PLATFORM}")
        } else {
            "unregister dev".into()
        }
    }

    /// Starts a command, and kills it at the `n`th call that changes something in AWS, done or not done.
    fn killed_at(&self, line: &str, n: usize, done: bool) {
        let fault = if done {
            Fault::hang_after()
        } else {
            Fault::hang_before()
        };
        self.fake.inject(fault.changes().nth(n));
        let mut child = self.spawn(line);
        let hangs = self.fake.wait_until_hanging(std::time::Duration::from_secs(60));
        child.kill().unwrap();
        let ran = Ran::of(&[line], &child.wait_with_output().unwrap());
        assert!(hangs, "{line} has no {n}th change: {}", ran.stderr);
        self.fake.clear_faults();
    }

    /// How many calls that change something went through.
    fn changes(&self) -> usize {
        self.fake
            .calls()
            .iter()
            .filter(|call| call.changes && call.error.is_none())
            .count()
    }

    /// The cluster Secret without what differs from one run to the next.
    async fn secret(&self) -> Option<Value> {
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
    async fn notes(&self) -> String {
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

    async fn is_clean(&self, clean: &Value, what: &str) {
        assert_eq!(&self.fake.snapshot(), clean, "{what}");
        assert_eq!(self.secret().await, None, "{what}");
        assert_eq!(self.notes().await, "", "{what}");
    }

    async fn is_registered(&self, aws: &Value, secret: Option<&Value>, what: &str) {
        assert_eq!(&self.fake.snapshot(), aws, "{what}");
        assert_eq!(self.secret().await.as_ref(), secret, "{what}");
        assert_eq!(self.notes().await, "", "{what}");
    }

    /// Register, unregister; then each of them ended before and after each of its steps, and repeated or given up.
    async fn story(&self, more: &str) -> Value {
        let (register, unregister) = (self.register(more), self.unregister());
        let clean = self.fake.snapshot();
        let dry = self.line(&format!("{register} --dry-run")).fine();
        assert!(dry.contains("AWS: create the access entry of"), "{dry}");
        assert!(
            dry.contains(&format!(
                "(eks:CreateAccessEntry, account {})",
                self.spoke.account
            )),
            "{dry}"
        );
        assert_eq!(self.changes(), 0);
        self.is_clean(&clean, "a dry run").await;

        self.line(&register).fine();
        let makes = self.changes();
        let (aws, secret) = (self.fake.snapshot(), self.secret().await);
        assert_eq!(self.notes().await, "");
        assert_eq!(self.line(&register).fine(), "cluster/dev unchanged\n");
        assert_eq!(self.changes(), makes);
        let plan = self.line(&format!("{unregister} --dry-run")).fine();
        assert!(plan.contains("AWS: delete the access entry of"), "{plan}");
        self.is_registered(&aws, secret.as_ref(), "a dry run").await;
        assert_eq!(self.line(&unregister).fine(), "cluster/dev deleted\n");
        let takes = self.changes() - makes;
        self.is_clean(&clean, "undisturbed").await;

        for n in 1..=makes {
            for done in [false, true] {
                let what = format!("register, killed at {n} of {makes}, done: {done}");
                self.killed_at(&register, n, done);
                assert_eq!(self.secret().await, None, "{what}");
                self.line(&register).fine();
                self.is_registered(&aws, secret.as_ref(), &what).await;
                self.line(&unregister).fine();
                self.is_clean(&clean, &what).await;
                // Given up instead.
                self.killed_at(&register, n, done);
                self.line(&unregister).fine();
                self.is_clean(&clean, &what).await;
            }
            self.fake
                .inject(Fault::refuse("AccessDeniedException", 403).changes().nth(n));
            let refused = self.line(&register);
            assert_eq!(refused.code, 1, "{}", refused.stderr);
            assert!(refused.stderr.contains("the IAM action "), "{}", refused.stderr);
            self.line(&register).fine();
            self.is_registered(&aws, secret.as_ref(), "refused").await;
            self.fake
                .inject(Fault::lose_answer("ServiceUnavailableException", 503).changes());
            self.line(&unregister).fine();
            self.is_clean(&clean, "an answer lost").await;
        }
        for n in 1..=takes {
            for done in [false, true] {
                let what = format!("unregister, killed at {n} of {takes}, done: {done}");
                self.line(&register).fine();
                self.killed_at(&unregister, n, done);
                assert_eq!(self.secret().await, None, "the Secret goes first: {what}");
                self.line(&unregister).fine();
                self.is_clean(&clean, &what).await;
                // Wanted again instead.
                self.line(&register).fine();
                self.killed_at(&unregister, n, done);
                self.line(&register).fine();
                self.is_registered(&aws, secret.as_ref(), &what).await;
                self.line(&unregister).fine();
            }
        }
        self.is_clean(&clean, "in the end").await;
        self.line(&register).fine();
        self.secret().await.unwrap()
    }

    /// The access entry of a principal on the spoke.
    fn entry(&self, principal: &str) -> Option<EksAccessEntry> {
        let entries = self.fake.access_entries(&self.spoke.arn());
        entries.into_iter().find(|entry| entry.principal_arn == principal)
    }

    fn admin_of(&self, principal: &str) -> bool {
        let all = Access::Granted {
            groups: vec![],
            policies: [(ADMIN.to_owned(), vec![])].into(),
        };
        self.fake.access(&self.spoke.arn(), principal) == all
    }
}

fn text(secret: &Value, key: &str) -> String {
    use base64::Engine as _;
    let data = secret[2][key].as_str().unwrap_or_default();
    String::from_utf8(base64::prelude::BASE64_STANDARD.decode(data).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn same_account_pod_identity_direct() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let secret = stage.story("--access-policy cluster-admin").await;
    assert!(stage.admin_of(&stage.role));
    assert!(!text(&secret, "config").contains("roleARN"));
    assert_eq!(secret[0]["kubectl-bridge/access"], "direct");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_account_with_a_role_of_its_own() {
    let stage = Stage::set(Identity::Pods, AWAY).await;
    let secret = stage
        .story("--create-role --role-path /argocd/ --access-policy cluster-admin")
        .await;
    let role = "arn:aws:iam::444455556666:role/argocd/argocd-spoke-us-west-2-dev";
    assert!(stage.admin_of(role));
    assert!(text(&secret, "config").contains(role));
    let both = ["sts:AssumeRole", "sts:TagSession"];
    assert!(stage.fake.may_assume(&stage.role, role, &both));
    let right = stage.fake.role(&stage.role).unwrap().inline;
    assert_eq!(right.len(), 1);
    assert_eq!(right.values().next().unwrap()["Statement"][0]["Resource"], role);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_account_without_a_role_irsa() {
    let stage = Stage::set(Identity::Irsa, AWAY).await;
    let secret = stage.story("--access-policy cluster-admin").await;
    assert!(stage.admin_of(&stage.role));
    assert!(!text(&secret, "config").contains("roleARN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn managed_hub() {
    let stage = Stage::set(Identity::Capability, AWAY).await;
    let secret = stage.story("--access-policy cluster-admin").await;
    assert!(stage.admin_of(&stage.role));
    assert_eq!(text(&secret, "server"), stage.spoke.arn());
    assert_eq!(
        (text(&secret, "config"), text(&secret, "project")),
        (String::new(), "default".into())
    );
    stage.line(&stage.unregister()).fine();
    stage
        .line(&stage.register("--access direct --access-policy view"))
        .fails(1, &["is an EKS capability", "--access capability"]);
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

#[tokio::test(flavor = "multi_thread")]
async fn what_others_made_is_used_and_kept() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let arn = stage.spoke.arn();
    let by_hand = EksAccessEntry::of(&stage.role).with_policy("AmazonEKSViewPolicy", &[]);
    stage.fake.add_access_entry(&arn, by_hand).unwrap();
    let before = stage.fake.snapshot();
    stage
        .line(&stage.register("--access-policy cluster-admin"))
        .fails(
            1,
            &[
                "was not made by this tool and differs",
                "it has no AmazonEKSClusterAdminPolicy",
                "--adopt",
            ],
        );
    let ran = stage.line(&stage.register(""));
    assert!(
        ran.stderr
            .contains("is used as it is (AmazonEKSViewPolicy for the whole cluster)"),
        "{}",
        ran.stderr
    );
    ran.fine();
    stage.line(&stage.unregister()).fine();
    assert_eq!(stage.fake.snapshot(), before);
    // Taken over it is as wanted, and goes with the cluster.
    stage
        .line(&stage.register("--access-policy cluster-admin --adopt"))
        .fine();
    assert!(stage.admin_of(&stage.role));
    // Marked by another hub in the meantime: it is not ours any more.
    let theirs = stage.entry(&stage.role).unwrap().with_tag(
        "kubectl-bridge/hub",
        "arn:aws:eks:us-west-2:111122223333:cluster/other",
    );
    stage.fake.add_access_entry(&arn, theirs).unwrap();
    stage
        .line(&stage.register(""))
        .fails(1, &["belongs to another hub", "cluster/other"]);
    let ran = stage.line(&stage.unregister());
    assert!(
        ran.stderr.contains("stays in AWS: the access entry of"),
        "{}",
        ran.stderr
    );
    ran.fine();
    assert!(stage.entry(&stage.role).is_some());
    // Also where the other hub has a role of its own.
    let elsewhere = stage.fake.add_role(IamRole::named("argocd-other"));
    stage.fake.remove_access_entry(&arn, &stage.role);
    let entry = EksAccessEntry::of(&elsewhere).with_tag("kubectl-bridge/hub", "arn:other");
    stage.fake.add_access_entry(&arn, entry).unwrap();
    stage
        .line(&stage.register("--access-policy view"))
        .fails(1, &["argocd-other", "belongs to another hub, arn:other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_before_anything_is_written() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let clean = stage.fake.snapshot();
    stage
        .line(&stage.register(""))
        .fails(1, &["it is not said how much Argo CD may do", "--access-policy"]);
    stage
        .line(&stage.register("--access-groups system:masters"))
        .fails(1, &["system:masters", "--access-policy cluster-admin"]);
    stage
        .line(&stage.register("--access-policy root"))
        .fails(1, &["no EKS access policy"]);
    stage
        .line(&stage.register("--access-policy view --access-namespaces team-*"))
        .fails(2, &["Argo CD has to be told each namespace"]);
    stage
        .line(&stage.register("--access capability --access-policy view"))
        .fails(1, &["is no EKS capability"]);
    stage
        .line("register dev --access-policy view")
        .fails(2, &["--hub-aws-cluster-name"]);
    stage
        .line(&stage.register("--aws-role-arn arn:aws:iam::111122223333:role/nope --access-policy view"))
        .fails(1, &["role/nope does not exist", "--create-role"]);
    let distrusts = stage
        .fake
        .add_role(IamRole::named("spoke").trusting_service("ec2.amazonaws.com"));
    let clean_with_role = stage.fake.snapshot();
    stage
        .line(&stage.register(&format!("--aws-role-arn {distrusts} --access-policy view")))
        .fails(1, &["Argo CD cannot assume", "sts:TagSession", "\"Statement\""]);
    assert_eq!(stage.fake.snapshot(), clean_with_role);
    stage.fake.remove_role(&distrusts);
    stage.fake.add_cluster(EksCluster {
        authentication_mode: "CONFIG_MAP".into(),
        ..stage.spoke.clone()
    });
    stage
        .line(&stage.register("--access-policy view"))
        .fails(1, &["CONFIG_MAP", "update-cluster-config", "--skip-access"]);
    stage.is_clean(&clean, "refusals").await;
    stage.line(&stage.register("--skip-access")).fine();
    assert_eq!(stage.fake.snapshot(), clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_halves_and_some_namespaces() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let clean = stage.fake.snapshot();
    let access = "--access-policy edit --access-namespaces a,b";
    let half = stage.register(&format!("{access} --access-only"));
    assert_eq!(stage.line(&half).fine(), "cluster/dev access granted\n");
    assert_eq!(stage.secret().await, None);
    assert_eq!(stage.line(&half).fine(), "cluster/dev access unchanged\n");
    let plan: Value = serde_json::from_str(
        &stage
            .line(&stage.register(&format!("{access} --dry-run -o json")))
            .fine(),
    )
    .unwrap();
    assert_eq!(plan["kind"], "Plan");
    assert_eq!(plan["awsSteps"], Value::Null);
    assert_eq!(
        stage.line(&stage.register(access)).fine(),
        "cluster/dev created\n"
    );
    let secret = stage.secret().await.unwrap();
    assert_eq!(
        (text(&secret, "namespaces"), text(&secret, "clusterResources")),
        ("a,b".into(), "false".into())
    );
    let Access::Granted { policies, .. } = stage.fake.access(&stage.spoke.arn(), &stage.role) else {
        unreachable!("no access")
    };
    assert_eq!(policies["AmazonEKSEditPolicy"], ["a", "b"]);
    // Less, and for programs.
    let plan = stage
        .line(&stage.register("--access-policy view --dry-run -o json"))
        .fine();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let actions: Vec<&Value> = plan["awsSteps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["action"])
        .collect();
    assert_eq!(
        actions,
        [
            "eks:AssociateAccessPolicy",
            "eks:DisassociateAccessPolicy",
            "eks:DescribeAccessEntry"
        ]
    );
    assert_eq!(plan["awsSteps"][0]["account"], HOME);
    stage.line(&stage.unregister()).fine();
    stage.is_clean(&clean, "both halves").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_word_with_the_defaults_of_a_team() {
    let stage = Stage::set(Identity::Pods, AWAY).await;
    stage.fake.add_cluster(EksCluster {
        region: "eu-west-1".into(),
        tags: [("team".to_owned(), "a".to_owned())].into(),
        ..EksCluster {
            name: "spoke-prod".into(),
            account: AWAY.into(),
            ..EksCluster::default()
        }
    });
    let arn = format!("arn:aws:eks:eu-west-1:{AWAY}:cluster/spoke-prod");
    let karpenter = EksPodIdentity {
        namespace: "karpenter".into(),
        service_account: "karpenter".into(),
        role_arn: format!("arn:aws:iam::{AWAY}:role/karpenter"),
        ..EksPodIdentity::default()
    };
    stage.fake.add_pod_identity(&arn, karpenter).unwrap();
    let role = stage.fake.add_role(
        IamRole::named("prod-a")
            .in_account(AWAY)
            .trusting_principal(&stage.role, &["sts:AssumeRole", "sts:TagSession"]),
    );
    let defaults = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: kubectl-bridge-defaults}}, data: {{region: eu-west-1, access: role, \
         access-policy: edit, access-namespaces: 'x,y', aws-cluster-name: 'spoke-{{name}}', aws-role-arn: \
         'arn:aws:iam::{{account}}:role/{{name}}-{{tag:team}}', assume-role: {PLATFORM}, hub-cluster-arn: \
         'arn:aws:eks:us-west-2:{HOME}:cluster/hub', hub-role-arn: '{}', hub-identity: pod-identity, project: team, addons_repo_url: \
         'https://example.com/addons'}}}}",
        stage.role
    );
    stage.hub.apply(&defaults).await.unwrap();
    stage.fake.clear_calls();
    let ran = stage.line("register prod");
    assert!(
        ran.stderr.contains("whether"),
        "nobody can simulate here: {}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "cluster/prod created\n");
    let entries = stage.fake.access_entries(&arn);
    assert_eq!(
        (entries[0].principal_arn.as_str(), entries.len()),
        (role.as_str(), 1)
    );
    assert_eq!(entries[0].policies[0].namespaces, ["x", "y"]);
    let words = ["get", "secret", "prod", "-o", "json"];
    let secret: Value =
        serde_json::from_str(&stage.hub.kubectl(&words).await.unwrap().success().unwrap()).unwrap();
    let annotations = &secret["metadata"]["annotations"];
    for (key, value) in [
        ("addons_repo_url", "https://example.com/addons"),
        (
            "karpenter_iam_role_arn",
            "arn:aws:iam::444455556666:role/karpenter",
        ),
        ("karpenter_namespace", "karpenter"),
        ("aws_cluster_name", "spoke-prod"),
    ] {
        assert_eq!(annotations[key], value, "{key}");
    }
    assert_eq!(secret["data"]["project"], "dGVhbQ==");
    assert_eq!(stage.line("register prod").fine(), "cluster/prod unchanged\n");
    stage.line("unregister prod").fine();
    assert_eq!(stage.fake.access_entries(&arn), []);
    assert!(stage.fake.role(&role).is_some(), "it was not made by this tool");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_was_left_beside_the_secret_goes() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let (register, clean) = (stage.register("--access-policy view"), stage.fake.snapshot());
    // As a run leaves it that is killed once the Secret is written.
    stage.killed_at(&register, 1, false);
    let words = ["get", "secret", "kubectl-bridge-op-dev", "-o", "json"];
    let note = stage.hub.kubectl(&words).await.unwrap().success().unwrap();
    let mut note: Value = serde_json::from_str(&note).unwrap();
    for key in ["resourceVersion", "uid", "creationTimestamp", "managedFields"] {
        note["metadata"].as_object_mut().unwrap().remove(key);
    }
    for then in [register.as_str(), "unregister dev"] {
        stage.line(&register).fine();
        stage.hub.apply(&note.to_string()).await.unwrap();
        stage.line(then).fine();
        assert_eq!(stage.notes().await, "", "{then}");
    }
    stage.is_clean(&clean, "the note").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_are_gone_or_made_anew() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let clean = stage.fake.snapshot();
    let register = stage.register("--create-role --access-policy cluster-admin");
    stage.line(&register).fine();
    let role = "arn:aws:iam::111122223333:role/argocd-spoke-us-west-2-dev";
    // The role was made anew by somebody: the entry lets nobody in any more, and does not show it.
    stage.fake.recreate_role(role).unwrap();
    assert_eq!(stage.fake.access(&stage.spoke.arn(), role), Access::Stale);
    let ran = stage.line(&stage.register(""));
    assert!(ran.stderr.contains("is older than that role"), "{}", ran.stderr);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(stage.admin_of(role));
    // Other credentials see another account, where nothing of it is.
    let words: Vec<&str> = "unregister dev --drain --yes".split(' ').collect();
    let output = stage
        .bridge
        .command(&words)
        .envs(stage.fake.env())
        .env("AWS_ACCESS_KEY_ID", AWAY)
        .output()
        .unwrap();
    Ran::of(&words, &output).fails(
        1,
        &["is in account 111122223333", "of 444455556666", "--skip-access"],
    );
    stage.fake.remove_cluster(&stage.spoke.arn());
    let ran = stage.line("unregister dev --drain --yes");
    assert!(
        ran.stderr.contains("EKS does not know the cluster any more"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "cluster/dev deleted\n");
    assert_eq!(stage.fake.role(role), None);
    assert_eq!(stage.notes().await, "");
    stage.fake.add_cluster(stage.spoke.clone());
    assert_eq!(stage.fake.snapshot()["roles"], clean["roles"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registered_config_reaches_a_real_api_server() {
    let (stage, spoke) = tokio::join!(Stage::set(Identity::Pods, HOME), Spoke::start());
    let spoke = spoke.unwrap();
    stage.fake.add_cluster(EksCluster {
        endpoint: spoke.server(),
        ca: std::fs::read_to_string(spoke.ca_file()).unwrap(),
        ..stage.spoke.clone()
    });
    stage
        .line(&stage.register("--access-policy cluster-admin"))
        .fine();
    let secret = stage.secret().await.unwrap();
    let config: Value = serde_json::from_str(&text(&secret, "config")).unwrap();
    assert_eq!(config["awsAuthConfig"], json!({"clusterName": "dev"}));
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "dev",
        "clusters": [{"name": "dev", "cluster": {
            "server": text(&secret, "server"),
            "certificate-authority-data": config["tlsClientConfig"]["caData"],
        }}],
        "users": [{"name": "dev", "user": {"token": spoke.token().await.unwrap()}}],
        "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": "dev"}}],
    });
    let file = stage.bridge.home().join("registered");
    std::fs::write(&file, kubeconfig.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let words = [
        "--kubeconfig",
        file,
        "--context",
        "dev",
        "get",
        "namespace",
        "kube-system",
        "-o",
        "name",
    ];
    let seen = spoke.kubectl(&words).await.unwrap().success().unwrap();
    assert_eq!(seen, "namespace/kube-system\n");
}
