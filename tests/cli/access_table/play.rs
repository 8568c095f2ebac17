//! How a row goes: each step's effects are looked at in AWS and on the hub.

use serde_json::{Value, json};
use testbed::{EksCluster, Fault};

use super::{ADMIN, Change, Row};
use crate::access::{AWAY, HOME, Identity, PLATFORM, Stage, text};

/// A row on its stage.
struct Play<'a> {
    row: &'a Row,
    stage: Stage,
    register: String,
    unregister: String,
    /// AWS before anything.
    clean: Value,
}

/// What is there once `dev` is registered.
struct Registered {
    aws: Value,
    secret: Option<Value>,
}

pub async fn story(row: &Row) {
    let stage = Stage::set(row.identity, row.account).await;
    if row.private {
        stage.fake.add_cluster(EksCluster {
            extra: json!({"resourcesVpcConfig": {
                "endpointPublicAccess": false, "endpointPrivateAccess": true, "publicAccessCidrs": [],
            }}),
            ..stage.spoke.clone()
        });
    }
    let play = Play {
        row,
        register: stage.register(&format!("{ADMIN} {}", row.flags)),
        unregister: stage.unregister(),
        clean: stage.fake.snapshot(),
        stage,
    };
    let registered = play.undisturbed().await;
    for n in 1..=row.makes.len() {
        play.register_ends_at(n, &registered).await;
        play.register_is_refused_at(n, &registered).await;
    }
    for n in 1..=row.takes().len() {
        play.unregister_ends_at(n, &registered).await;
    }
    play.stage.is_clean(&play.clean, "in the end").await;
}

impl Play<'_> {
    /// The role that Argo CD assumes.
    fn role(&self) -> Option<String> {
        let role = self.row.role?;
        Some(format!("arn:aws:iam::{}:{role}", self.row.account))
    }

    /// Whom the spoke lets in.
    fn principal(&self) -> String {
        self.role().unwrap_or_else(|| self.stage.role.clone())
    }

    /// Whether it is there, as it should be.
    fn has(&self, change: Change) -> bool {
        let fake = &self.stage.fake;
        let marks = [
            (
                "kubectl-bridge/hub",
                format!("arn:aws:eks:us-west-2:{HOME}:cluster/hub"),
            ),
            ("kubectl-bridge/spoke", self.stage.spoke.arn()),
        ];
        let marks = marks.map(|(key, value)| (key.to_owned(), value)).into();
        let entry = self.stage.entry(&self.principal());
        // Sessions of pod identity carry tags, which a role that they assume has to allow.
        let tags = self.row.identity != Identity::Irsa;
        match change {
            Change::Right => {
                let rights = fake.role(&self.stage.role).unwrap().inline;
                let statement = |right: &Value| right["Statement"][0].clone();
                rights.len() == 1
                    && rights.values().all(|right| {
                        statement(right)["Resource"] == self.principal()
                            && statement(right).to_string().contains("sts:TagSession") == tags
                    })
            }
            Change::Role => fake.role(&self.principal()).is_some_and(|role| {
                role.tags == marks && role.trust.to_string().contains("sts:TagSession") == tags
            }),
            Change::Entry => entry.is_some_and(|entry| entry.tags == marks && entry.kind == "STANDARD"),
            Change::Policy => self.stage.admin_of(&self.principal()),
        }
    }

    /// The first `n` changes of `register` are there, and no other.
    fn has_first(&self, n: usize, what: &str) {
        for (at, (change, _)) in self.row.makes.iter().enumerate() {
            assert_eq!(self.has(*change), at < n, "{what}: {change:?}");
        }
    }

    fn lets_argo_cd_in(&self) {
        let fake = &self.stage.fake;
        self.has_first(self.row.makes.len(), "registered");
        if let Some(role) = self.role() {
            assert!(fake.may_assume(&self.stage.role, &role, &["sts:AssumeRole"]));
            let tags = self.row.identity != Identity::Irsa;
            assert_eq!(
                fake.may_assume(&self.stage.role, &role, &["sts:TagSession"]),
                tags
            );
        }
        // What others made lets them in as before.
        let operators = format!("arn:aws:iam::{}:role/operators", self.row.account);
        assert!(self.stage.entry(&operators).is_some());
    }

    fn secret_is_ready(&self, secret: &Value) {
        assert_eq!(secret[0]["kubectl-bridge/access"], self.row.access);
        let config = text(secret, "config");
        if self.row.access == "capability" {
            assert_eq!(
                (text(secret, "server"), config, text(secret, "project")),
                (self.stage.spoke.arn(), String::new(), "default".into())
            );
            return;
        }
        assert!(text(secret, "server").ends_with(".us-west-2.eks.amazonaws.com"));
        let config: Value = serde_json::from_str(&config).unwrap();
        assert!(config["tlsClientConfig"]["caData"].is_string(), "{config}");
        assert_eq!(config["awsAuthConfig"]["clusterName"], "dev");
        assert_eq!(
            config["awsAuthConfig"]["roleARN"].as_str().map(str::to_owned),
            self.role()
        );
    }

    async fn is_registered(&self, registered: &Registered, what: &str) {
        assert_eq!(self.stage.fake.snapshot(), registered.aws, "{what}");
        assert_eq!(self.stage.secret().await, registered.secret, "{what}");
        assert_eq!(self.stage.notes().await, "", "{what}");
    }

    async fn register(&self, registered: &Registered, what: &str) {
        self.stage.line(&self.register).fine();
        self.is_registered(registered, what).await;
    }

    async fn unregister(&self, what: &str) {
        self.stage.line(&self.unregister).fine();
        self.stage.is_clean(&self.clean, what).await;
    }

    async fn undisturbed(&self) -> Registered {
        let Self { stage, row, .. } = self;
        let dry = stage.line(&format!("{} --dry-run", self.register)).fine();
        for (call, (_, account)) in row.makes().iter().zip(row.makes) {
            let operation = call.split(' ').next().unwrap();
            assert!(
                dry.contains(&format!(":{operation}, account {account})")),
                "{operation}: {dry}"
            );
        }
        stage.is_clean(&self.clean, "a dry run").await;

        stage.fake.clear_calls();
        let ran = stage.line(&self.register);
        let private = "the endpoint of \"dev\" is private: the hub must reach its VPC";
        assert_eq!(ran.stderr.contains(private), row.private, "{}", ran.stderr);
        assert_eq!(ran.fine(), "cluster/dev created\n");
        assert_eq!(stage.changes(), row.makes());
        self.lets_argo_cd_in();
        let registered = Registered {
            aws: stage.fake.snapshot(),
            secret: stage.secret().await,
        };
        self.secret_is_ready(registered.secret.as_ref().unwrap());
        self.is_registered(&registered, "registered").await;
        assert_eq!(stage.line(&self.register).fine(), "cluster/dev unchanged\n");
        assert_eq!(stage.changes(), row.makes());
        self.check();

        let plan = stage.line(&format!("{} --dry-run", self.unregister)).fine();
        assert!(plan.contains("AWS: delete the access entry of"), "{plan}");
        self.is_registered(&registered, "a dry run").await;
        stage.fake.clear_calls();
        assert_eq!(stage.line(&self.unregister).fine(), "cluster/dev deleted\n");
        assert_eq!(stage.changes(), row.deletes());
        stage.is_clean(&self.clean, "undisturbed").await;
        registered
    }

    /// `check` finds nothing wrong; that the hub may have no way into a VPC is no failure.
    fn check(&self) {
        let assume = match self.row.account {
            AWAY => format!("--assume-role {PLATFORM}"),
            _ => String::new(),
        };
        let ran = self
            .stage
            .line(&format!("check dev --hub-aws-cluster-name hub {assume}"));
        let found = ran.fine();
        assert!(!found.contains('×'), "{found}");
        assert_eq!(
            found.contains("‼ KB207") && found.contains("not reachable from here"),
            self.row.private,
            "{found}"
        );
    }

    /// Killed at its `n`th change, before or after that was done, and repeated or given up.
    async fn register_ends_at(&self, n: usize, registered: &Registered) {
        for done in [false, true] {
            let what = format!("register, killed at {n}, done: {done}");
            self.stage.killed_at(&self.register, n, done);
            self.has_first(n - 1 + usize::from(done), &what);
            assert_eq!(self.stage.secret().await, None, "the Secret comes last: {what}");
            assert_eq!(
                self.stage.notes().await,
                "secret/kubectl-bridge-op-dev\n",
                "{what}"
            );
            self.register(registered, &what).await;
            self.unregister(&what).await;
            self.stage.killed_at(&self.register, n, done);
            self.unregister(&what).await;
        }
    }

    /// Not allowed to do its `n`th change, and then its answers are lost.
    async fn register_is_refused_at(&self, n: usize, registered: &Registered) {
        let fake = &self.stage.fake;
        fake.inject(Fault::refuse("AccessDeniedException", 403).changes().nth(n));
        let refused = self.stage.line(&self.register);
        refused.fails(1, &["the IAM action "]);
        self.has_first(n - 1, "refused");
        self.register(registered, "refused").await;
        fake.inject(Fault::lose_answer("ServiceUnavailableException", 503).changes());
        self.unregister("an answer lost").await;
    }

    /// Killed at its `n`th change, and repeated, or wanted again instead.
    async fn unregister_ends_at(&self, n: usize, registered: &Registered) {
        let takes = self.row.takes();
        for done in [false, true] {
            let what = format!("unregister, killed at {n}, done: {done}");
            self.register(registered, &what).await;
            self.stage.killed_at(&self.unregister, n, done);
            for (at, (change, _)) in takes.iter().enumerate() {
                let is_gone = at < n - 1 + usize::from(done);
                assert_eq!(self.has(*change), !is_gone, "{what}: {change:?}");
            }
            assert_eq!(self.stage.secret().await, None, "the Secret goes first: {what}");
            assert_eq!(
                self.stage.notes().await,
                "secret/kubectl-bridge-op-dev\n",
                "{what}"
            );
            self.unregister(&what).await;
            self.register(registered, &what).await;
            self.stage.killed_at(&self.unregister, n, done);
            self.register(registered, &what).await;
            self.unregister(&what).await;
        }
    }
}
