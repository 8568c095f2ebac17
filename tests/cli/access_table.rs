//! Access in AWS, each way in a row of its own: made before the Secret, taken back after it, ended anywhere and taken up again.

mod play;

use crate::access::{AWAY, HOME, Identity, Stage};
use play::story;

/// A way in.
struct Row {
    identity: Identity,
    /// Account of the spoke; the hub is in [`HOME`].
    account: &'static str,
    /// Whether its API server is reached from its VPC only.
    private: bool,
    flags: &'static str,
    /// What `register` changes in AWS, in order, each with the account.
    makes: &'static [(Change, &'static str)],
    /// `kubectl-bridge/access` of the Secret.
    access: &'static str,
    /// The role that Argo CD assumes, without its account.
    role: Option<&'static str>,
}

/// Something that is there or not.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Right,
    Role,
    Entry,
    Policy,
}
use Change::{Entry, Policy, Right, Role};

const ADMIN: &str = "--access-policy cluster-admin";

macro_rules! table {
    ($($name:ident: $row:expr,)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            story(&$row).await;
        })*
    };
}

table! {
    same_account: Row {
        identity: Identity::Pods,
        account: HOME,
        private: false,
        flags: "",
        makes: &[(Entry, HOME), (Policy, HOME)],
        access: "direct",
        role: None,
    },
    other_account_with_a_role: Row {
        identity: Identity::Pods,
        account: AWAY,
        private: false,
        flags: "--create-role --role-path /argocd/",
        makes: &[(Right, HOME), (Role, AWAY), (Entry, AWAY), (Policy, AWAY)],
        access: "role",
        role: Some("role/argocd/argocd-spoke-us-west-2-dev"),
    },
    other_account_without_a_role: Row {
        identity: Identity::Pods,
        account: AWAY,
        private: false,
        flags: "",
        makes: &[(Entry, AWAY), (Policy, AWAY)],
        access: "direct",
        role: None,
    },
    managed_hub: Row {
        identity: Identity::Capability,
        account: AWAY,
        private: false,
        flags: "",
        makes: &[(Entry, AWAY), (Policy, AWAY)],
        access: "capability",
        role: None,
    },
    private_cluster: Row {
        identity: Identity::Pods,
        account: HOME,
        private: true,
        flags: "",
        makes: &[(Entry, HOME), (Policy, HOME)],
        access: "direct",
        role: None,
    },
    irsa_hub: Row {
        identity: Identity::Irsa,
        account: AWAY,
        private: false,
        flags: "--create-role",
        makes: &[(Right, HOME), (Role, AWAY), (Entry, AWAY), (Policy, AWAY)],
        access: "role",
        role: Some("role/argocd-spoke-us-west-2-dev"),
    },
    pod_identity_hub: Row {
        identity: Identity::Init,
        account: HOME,
        private: false,
        flags: "--create-role",
        makes: &[(Role, HOME), (Entry, HOME), (Policy, HOME)],
        access: "role",
        role: Some("role/argocd-spoke-us-west-2-dev"),
    },
}

impl Row {
    /// The calls of `register`, as [`Stage::changes`] shows them.
    fn makes(&self) -> Vec<String> {
        let call = |(change, account): &(Change, &str)| {
            let operation = match change {
                Right => "PutRolePolicy",
                Role => "CreateRole",
                Entry => "CreateAccessEntry",
                Policy => "AssociateAccessPolicy",
            };
            format!("{operation} {account}")
        };
        self.makes.iter().map(call).collect()
    }

    /// What `unregister` takes back, in order: the policy goes with the entry.
    fn takes(&self) -> Vec<(Change, &'static str)> {
        let order = [Entry, Role, Right].into_iter();
        order
            .filter_map(|change| self.makes.iter().find(|made| made.0 == change).copied())
            .collect()
    }

    /// The calls of `unregister`.
    fn deletes(&self) -> Vec<String> {
        let call = |(change, account): &(Change, &str)| {
            let operation = match change {
                Right => "DeleteRolePolicy",
                Role => "DeleteRole",
                Entry | Policy => "DeleteAccessEntry",
            };
            format!("{operation} {account}")
        };
        self.takes().iter().map(call).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_hub_knows_no_other_way() {
    let stage = Stage::set(Identity::Capability, AWAY).await;
    stage
        .line(&stage.register("--access direct --access-policy view"))
        .fails(1, &["is an EKS capability", "--access capability"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pod_identity_that_init_makes_ends_anywhere() {
    // Each hub has a namespace of its own.
    let made = |stage: &Stage| {
        let clusters = stage.fake.snapshot()["clusters"].to_string();
        clusters.replace(&format!("\"{}/", stage.hub.namespace()), "\"")
    };
    let whole = made(&Stage::set(Identity::Init, HOME).await);
    for n in 1..=3 {
        for done in [false, true] {
            let stage = Stage::set(Identity::Nothing, HOME).await;
            let line = format!(
                "init --hub-aws-cluster-name hub --pod-identity-role {}",
                stage.role
            );
            stage.killed_at(&line, n, done);
            stage.line(&line).fine();
            assert_eq!(made(&stage), whole, "killed at {n}, done: {done}");
        }
    }
}
