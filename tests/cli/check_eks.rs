//! `check` of clusters in EKS, cause by cause.

use serde_json::{Value, json};
use testbed::{EksAccessEntry, EksCapability, EksCluster, EksPodIdentity, FakeAws, IamRole};

use crate::{register::with_aws, run::Bridge};

const SPOKE_ACCOUNT: &str = "444455556666";
const ADMIN: &str = "AmazonEKSClusterAdminPolicy";

/// A self-managed hub by pod identity, `dev` by its role, and `prod` by a role of its own; all is well.
struct World {
    bridge: Bridge,
    aws: FakeAws,
    dev: EksCluster,
    prod: EksCluster,
    hub_role: String,
    prod_role: String,
}

impl World {
    async fn new() -> Self {
        let aws = FakeAws::start().await.unwrap();
        let hub = EksCluster::named("hub");
        let (dev, prod) = (EksCluster::named("dev"), EksCluster::named("prod"));
        for cluster in [&hub, &dev, &prod] {
            aws.add_cluster(cluster.clone());
        }
        let hub_role = aws.add_role(IamRole::named("argocd").trusting_service("pods.eks.amazonaws.com"));
        for account in [
            "argocd-application-controller",
            "argocd-applicationset-controller",
            "argocd-server",
        ] {
            let association = EksPodIdentity::of("argocd", account, &hub_role);
            aws.add_pod_identity(&hub.arn(), association).unwrap();
        }
        let prod_role = aws.add_role(
            IamRole::named("prod-argocd")
                .trusting_principal(&hub_role, &["sts:AssumeRole", "sts:TagSession"]),
        );
        let world = Self {
            bridge: Bridge::folder(&[("clusters/.keep".into(), String::new())]),
            aws,
            dev,
            prod,
            hub_role,
            prod_role,
        };
        world.secret("dev", &world.dev, None);
        world.secret("prod", &world.prod, Some(&world.prod_role));
        world.let_in(&world.dev, &world.hub_role);
        world.let_in(&world.prod, &world.prod_role);
        world
    }

    fn let_in(&self, cluster: &EksCluster, principal: &str) {
        let entry = EksAccessEntry::of(principal).with_policy(ADMIN, &[]);
        self.aws.add_access_entry(&cluster.arn(), entry).unwrap();
    }

    /// The cluster Secret as EKS says it now.
    fn secret(&self, name: &str, cluster: &EksCluster, role: Option<&str>) {
        let endpoint = endpoint(cluster);
        let ca = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &cluster.ca);
        let mut config =
            json!({"awsAuthConfig": {"clusterName": cluster.name}, "tlsClientConfig": {"caData": ca}});
        if let Some(role) = role {
            config["awsAuthConfig"]["roleARN"] = role.into();
        }
        let text = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "labels": {"argocd.argoproj.io/secret-type": "cluster"},
                "annotations": {"kubectl-bridge/cluster-arn": cluster.arn(),
                    "kubectl-bridge/created-at": "2025-10-09T08:53:20Z"}},
            "stringData": {"name": name, "server": endpoint, "config": config.to_string()},
        });
        let file = self.bridge.hub_dir().join(format!("clusters/{name}.yaml"));
        std::fs::write(file, text.to_string()).unwrap();
    }

    /// `code severity` of all that is not well with a cluster, and the exit code.
    fn check(&self, words: &str) -> (Vec<String>, i32) {
        let line = format!("check {words} --hub-aws-cluster-name hub -o json");
        let ran = with_aws(&self.bridge, &self.aws, &line);
        let list: Value = serde_json::from_str(&ran.stdout).unwrap();
        let troubles = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["severity"] != "ok")
            .map(|finding| {
                format!(
                    "{} {}",
                    finding["code"].as_str().unwrap(),
                    finding["severity"].as_str().unwrap()
                )
            })
            .collect();
        (troubles, ran.code)
    }

    #[track_caller]
    fn fails(&self, cluster: &str, code: &str) {
        assert_eq!(
            self.check(cluster),
            (vec![format!("{code} failure")], 1),
            "{cluster}"
        );
    }

    #[track_caller]
    fn is_well(&self) {
        assert_eq!(self.check("--all"), (vec![], 0));
    }
}

/// As the imitation makes it of the name.
fn endpoint(cluster: &EksCluster) -> String {
    let id: String = cluster
        .name
        .bytes()
        .map(|byte| format!("{byte:02X}"))
        .chain(["0".repeat(32)])
        .collect();
    format!("https://{}.gr7.{}.eks.amazonaws.com", &id[..32], cluster.region)
}

#[tokio::test]
async fn all_is_well_and_nothing_is_written() {
    let world = World::new().await;
    let (before, aws) = (world.bridge.hub_files(), world.aws.snapshot());
    world.aws.clear_calls();
    world.is_well();
    assert_eq!((world.bridge.hub_files(), world.aws.snapshot()), (before, aws));
    assert!(world.aws.calls().iter().all(|call| !call.changes), "only looks");
    let line = "check dev prod --hub-aws-cluster-name hub";
    let text = with_aws(&world.bridge, &world.aws, line).fine();
    for part in [
        "dev\n---\n√ KB201 EKS has the cluster\n",
        "√ KB302 Argo CD's role has an access entry",
        "√ KB306 Argo CD may assume the role",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn access_entries_by_cause() {
    let world = World::new().await;
    // Missing.
    world.aws.remove_access_entry(&world.dev.arn(), &world.hub_role);
    world.fails("dev", "KB302");
    // For somebody who looks right and is not.
    let other = world
        .aws
        .add_role(IamRole::named("argocd").in_account(SPOKE_ACCOUNT));
    world.let_in(&world.dev, &other);
    let line = "check dev --hub-aws-cluster-name hub";
    let text = with_aws(&world.bridge, &world.aws, line).stdout;
    assert!(
        text.contains(&format!(
            "there is none for {}; there is one for {other}",
            world.hub_role
        )),
        "{text}"
    );
    world.let_in(&world.dev, &world.hub_role);
    world.is_well();
    // Stale: the role was made anew, and looks the same.
    world.aws.recreate_role(&world.hub_role).unwrap();
    let (troubles, code) = world.check("dev");
    assert_eq!((troubles, code), (vec!["KB303 failure".to_owned()], 1));
    world.aws.remove_access_entry(&world.dev.arn(), &world.hub_role);
    // Without a policy.
    let bare = EksAccessEntry::of(&world.hub_role);
    world.aws.add_access_entry(&world.dev.arn(), bare).unwrap();
    world.fails("dev", "KB304");
    // With one that holds in a namespace only.
    let narrow = EksAccessEntry::of(&world.hub_role).with_policy(ADMIN, &["team-a"]);
    world.aws.add_access_entry(&world.dev.arn(), narrow).unwrap();
    world.fails("dev", "KB305");
}

#[tokio::test]
async fn roles_by_cause() {
    let world = World::new().await;
    // The trust policy names somebody else.
    let wrong = IamRole::named("prod-argocd").trusting_principal(
        "arn:aws:iam::999999999999:root",
        &["sts:AssumeRole", "sts:TagSession"],
    );
    world.aws.add_role(IamRole {
        created_at: 1,
        ..wrong
    });
    world.fails("prod", "KB306");
    // A session of pod identity carries tags.
    let untagged = IamRole::named("prod-argocd").trusting_principal(&world.hub_role, &["sts:AssumeRole"]);
    world.aws.add_role(IamRole {
        created_at: 1,
        ..untagged
    });
    world.fails("prod", "KB306");
    let line = "check prod --hub-aws-cluster-name hub";
    let text = with_aws(&world.bridge, &world.aws, line).stdout;
    assert!(text.contains("sts:TagSession"), "{text}");
    // Gone.
    world.aws.remove_role(&world.prod_role);
    let (troubles, _) = world.check("prod");
    assert_eq!(troubles, ["KB303 failure", "KB306 failure"]);
    // The hub's own role as the one to assume.
    world.secret("dev", &world.dev, Some(&world.hub_role));
    world.fails("dev", "KB307");
}

#[tokio::test]
async fn clusters_by_cause() {
    let world = World::new().await;
    let with = |change: &dyn Fn(&mut EksCluster)| {
        let mut dev = world.dev.clone();
        change(&mut dev);
        world.aws.add_cluster(dev);
    };
    for (change, expected, code) in [
        (
            (&|dev: &mut EksCluster| dev.status = "DELETING".into()) as &dyn Fn(&mut EksCluster),
            vec!["KB202 failure"],
            1,
        ),
        (
            &|dev| dev.endpoint = "https://NEW.example.com".into(),
            vec!["KB204 failure"],
            1,
        ),
        (&|dev| dev.ca = "new".into(), vec!["KB205 failure"], 1),
        (
            &|dev| dev.authentication_mode = "CONFIG_MAP".into(),
            vec!["KB206 warning"],
            0,
        ),
        (
            &|dev| dev.extra = json!({"resourcesVpcConfig": {"endpointPublicAccess": false}}),
            vec!["KB207 warning"],
            0,
        ),
        (
            &|dev| dev.extra = json!({"resourcesVpcConfig": {"publicAccessCidrs": ["10.0.0.0/8"]}}),
            vec!["KB207 warning"],
            0,
        ),
    ] {
        with(change);
        let found = world.check("dev");
        assert_eq!(
            found,
            (expected.iter().map(|code| (*code).to_owned()).collect(), code)
        );
    }
    // Made anew: its entries are gone too.
    with(&|dev| dev.created_at += 86_400.0);
    let (troubles, code) = world.check("dev");
    assert_eq!(
        (troubles, code),
        (vec!["KB203 failure".into(), "KB302 failure".into()], 1)
    );
    world.aws.remove_cluster(&world.dev.arn());
    world.fails("dev", "KB201");
}

#[tokio::test]
async fn what_aws_does_not_tell_could_not_be_judged() {
    let world = World::new().await;
    world.aws.deny("111122223333", "iam:GetRole");
    assert_eq!(
        world.check("prod"),
        (vec!["KB303 unknown".into(), "KB306 unknown".into()], 0)
    );
    world.aws.deny("111122223333", "eks:DescribeAccessEntry");
    world.aws.deny("111122223333", "eks:ListAccessEntries");
    assert_eq!(world.check("dev"), (vec!["KB302 unknown".into()], 0));
    world.aws.deny("111122223333", "eks:ListPodIdentityAssociations");
    assert_eq!(world.check("dev"), (vec!["KB301 unknown".into()], 0));
    world.aws.deny("111122223333", "eks:DescribeCluster");
    assert_eq!(world.check("dev"), (vec!["KB201 unknown".into()], 0));
    // No AWS at all; and the keys of another account.
    for (key, value) in [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", SPOKE_ACCOUNT),
    ] {
        world.aws.allow_all();
        let output = world
            .bridge
            .command(&["check", "dev", "-o", "name"])
            .envs(world.aws.env())
            .env("AWS_RETRY_MODE", "standard")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env(key, value)
            .output()
            .unwrap();
        let ran = crate::run::Ran::of(&["check"], &output);
        assert_eq!(ran.fine(), "KB201 cluster/dev\n");
    }
}

#[tokio::test]
async fn a_managed_hub_comes_as_the_role_of_its_capability() {
    let aws = FakeAws::start().await.unwrap();
    let (hub, dev) = (EksCluster::named("hub"), EksCluster::named("dev"));
    aws.add_cluster(hub.clone());
    aws.add_cluster(dev.clone());
    let role = aws.add_role(IamRole::named("capability").trusting_service("capabilities.eks.amazonaws.com"));
    aws.add_capability(&hub.arn(), EksCapability::argo_cd("argocd", &role))
        .unwrap();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "dev", "labels": {"argocd.argoproj.io/secret-type": "cluster"},
            "annotations": {"kubectl-bridge/created-at": "2025-10-09T08:53:20Z"}},
        "stringData": {"name": "dev", "server": dev.arn(), "project": "p"},
    });
    let bridge = Bridge::folder(&[("clusters/dev.yaml".into(), secret.to_string())]);
    let line = "check --all --hub-aws-cluster-name hub -o name";
    let ran = with_aws(&bridge, &aws, line);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "KB302 cluster/dev\n"));
    let entry = EksAccessEntry::of(&role).with_policy(ADMIN, &[]);
    aws.add_access_entry(&dev.arn(), entry).unwrap();
    assert_eq!(with_aws(&bridge, &aws, line).fine(), "");
}
