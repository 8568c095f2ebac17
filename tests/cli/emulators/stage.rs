//! A hub, and three clusters in two accounts, made by AWS's own client.

#![expect(clippy::panic, reason = "helpers of tests fail like the tests themselves")]

use std::{io::Write as _, process::Stdio};

use serde_json::{Value, json};
use testbed::{AWAY_ACCOUNT, AwsCli, AwsEndpoint, HOME_ACCOUNT, Hub};

use crate::run::{Bridge, Ran};

/// Something that a stand-in may get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Certificate,
    Capabilities,
    GoneCluster,
    Pages,
    Principals,
    Simulation,
    SystemGroups,
    TrustedRoles,
    PolicySizes,
}

/// What is wrong, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wrong(pub What, pub &'static str);

pub struct Stage {
    pub endpoint: AwsEndpoint,
    wrong: Vec<Wrong>,
    pub hub: Hub,
    pub bridge: Bridge,
    pub home: AwsCli,
    pub away: AwsCli,
}

/// The role of Argo CD on the hub.
pub fn hub_role() -> String {
    format!("arn:aws:iam::{HOME_ACCOUNT}:role/argocd-hub")
}

/// As whom this program works in an account.
pub fn platform(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/platform")
}

pub fn cluster_arn(account: &str, name: &str) -> String {
    format!("arn:aws:eks:us-west-2:{account}:cluster/{name}")
}

/// A policy with one statement.
pub fn policy(statement: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// Runs each on a thread of its own, which is what most of its time is: a client that starts.
pub fn at_once(parts: &[&(dyn Fn() + Sync)]) {
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(part);
        }
    });
}

impl Stage {
    pub async fn set(endpoint: AwsEndpoint, wrong: &[Wrong]) -> Self {
        let hub = Hub::shared().await.unwrap();
        let stage = Self {
            home: endpoint.cli(HOME_ACCOUNT).unwrap(),
            away: endpoint.cli(AWAY_ACCOUNT).unwrap(),
            bridge: Bridge::live(hub.kubeconfig(), hub.namespace()),
            wrong: wrong.to_vec(),
            hub,
            endpoint,
        };
        let root = json!({"AWS": format!("arn:aws:iam::{HOME_ACCOUNT}:root")});
        let eks = json!({"Service": "eks.amazonaws.com"});
        let pods = json!({"Service": "pods.eks.amazonaws.com"});
        at_once(&[
            &|| {
                stage.role(&stage.home, "clusters", &eks);
                stage.role(&stage.home, "platform", &root);
            },
            &|| stage.role(&stage.home, "argocd-hub", &pods),
            &|| {
                stage.role(&stage.away, "clusters", &eks);
                stage.role(&stage.away, "platform", &root);
            },
        ]);
        at_once(&[
            &|| stage.cluster(&stage.home, HOME_ACCOUNT, "hub"),
            &|| stage.cluster(&stage.home, HOME_ACCOUNT, "dev"),
            &|| stage.cluster(&stage.away, AWAY_ACCOUNT, "far"),
        ]);
        let (namespace, role) = (stage.hub.namespace(), hub_role());
        let associate = |account: &str| {
            let words = [
                "eks",
                "create-pod-identity-association",
                "--cluster-name",
                "hub",
                "--namespace",
                namespace,
                "--service-account",
                account,
                "--role-arn",
                &role,
            ];
            stage.home.ask(&words).unwrap();
        };
        associate("argocd-application-controller");
        associate("argocd-server");
        stage
    }

    fn role(&self, aws: &AwsCli, name: &str, principal: &Value) {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]});
        let words = [
            "iam",
            "create-role",
            "--role-name",
            name,
            "--assume-role-policy-document",
            &policy(&statement),
        ];
        aws.ask(&words)
            .unwrap_or_else(|error| panic!("{}: {error}", self.endpoint.name()));
    }

    fn cluster(&self, aws: &AwsCli, account: &str, name: &str) {
        let words = [
            "eks",
            "create-cluster",
            "--name",
            name,
            "--role-arn",
            &format!("arn:aws:iam::{account}:role/clusters"),
            "--resources-vpc-config",
            "subnetIds=subnet-1,subnet-2",
            "--access-config",
            "authenticationMode=API",
            "--tags",
            "Environment=dev",
        ];
        aws.ask(&words)
            .unwrap_or_else(|error| panic!("{}: {error}", self.endpoint.name()));
    }

    /// Whether the stand-in is right about something, as `seen` says; where it is known to be wrong, a line says what
    /// follows from that.
    #[track_caller]
    pub fn is_right(&self, what: What, seen: bool) -> bool {
        let name = self.endpoint.name();
        let known = self.wrong.iter().find(|wrong| wrong.0 == what);
        match (known, seen) {
            (None, true) => true,
            (Some(Wrong(_, how)), false) => {
                // Past the capture of the test runner: what is left out is to be seen in a good run too.
                let line = format!("{name}: {what:?} not checked: {how}\n");
                std::io::stderr().write_all(line.as_bytes()).unwrap();
                false
            }
            (None, false) => panic!("{name} is wrong about {what:?}, or what asks it is"),
            (Some(_), true) => panic!("{name} is right about {what:?} by now: check it there as well"),
        }
    }

    pub fn line(&self, line: &str) -> Ran {
        let words: Vec<&str> = line.split_whitespace().collect();
        let output = self
            .bridge
            .command(&words)
            .envs(self.endpoint.env())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran::of(&words, &output)
    }

    /// Tells the plugin as `init` would what Argo CD on the hub is.
    pub async fn defaults(&self, identity: &str) {
        let defaults = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kubectl-bridge-defaults"},
            "data": {
                "hub-cluster-arn": cluster_arn(HOME_ACCOUNT, "hub"),
                "hub-role-arn": hub_role(),
                "hub-identity": identity,
            },
        });
        self.hub.apply(&defaults.to_string()).await.unwrap();
    }

    /// The principals with access entries on a cluster.
    pub fn entries(aws: &AwsCli, cluster: &str) -> Vec<String> {
        let words = ["eks", "list-access-entries", "--cluster-name", cluster];
        serde_json::from_value(aws.ask(&words).unwrap()["accessEntries"].clone()).unwrap()
    }

    /// An access entry, and the policies associated with it.
    pub fn entry(aws: &AwsCli, cluster: &str, principal: &str) -> (Value, Value) {
        let of_it = ["--cluster-name", cluster, "--principal-arn", principal];
        let ask = |operation: &str| aws.ask(&[&["eks", operation], &of_it[..]].concat()).unwrap();
        let policies = ask("list-associated-access-policies")["associatedAccessPolicies"].clone();
        (ask("describe-access-entry")["accessEntry"].clone(), policies)
    }

    /// The names of the inline policies of the hub's role.
    pub fn rights_of_hub(&self) -> Vec<String> {
        let words = ["iam", "list-role-policies", "--role-name", "argocd-hub"];
        serde_json::from_value(self.home.ask(&words).unwrap()["PolicyNames"].clone()).unwrap()
    }

    /// The cluster Secret of a name, and the note of an unfinished run about it.
    pub async fn secrets(&self, name: &str) -> (Option<Value>, bool) {
        let note = format!("kubectl-bridge-op-{name}");
        let get = async |name: &str| {
            let output = self.hub.kubectl(&["get", "secret", name, "-o", "json"]).await;
            output.unwrap().success().ok()
        };
        let secret = get(name).await.map(|text| serde_json::from_str(&text).unwrap());
        (secret, get(&note).await.is_some())
    }
}
