//! `register --discovered`: many clusters in one command.

mod live;
mod names;
mod others;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testbed::{EksCluster, FakeAws, Fault, IamRole};

use crate::{fleet::application_set, register::with_aws, run::Bridge};

const HOME: &str = "111122223333";
const OTHER: &str = "444455556666";
const ROLE: &str = "arn:aws:iam::{account}:role/bridge";
const HUB: &str = "arn:aws:eks:us-west-2:111122223333:cluster/hub";
const ARGO_CD: &str = "arn:aws:iam::111122223333:role/argocd-hub";

fn in_eks(name: &str, account: &str, region: &str) -> EksCluster {
    EksCluster {
        account: account.into(),
        region: region.into(),
        tags: BTreeMap::from([("environment".into(), "dev".into())]),
        ..EksCluster::named(name)
    }
}

/// What `init` stores of a team, and more lines of the same.
fn defaults(more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: kubectl-bridge-defaults}}\ndata:\n  hub-cluster-arn: {HUB}\n  \
         hub-role-arn: {ARGO_CD}\n  hub-identity: pod-identity\n  access-policy: cluster-admin\n{more}"
    )
}

/// The roles: Argo CD's, and in each account that of this program.
fn roles(aws: &FakeAws, accounts: &[&str]) {
    aws.add_role(IamRole::named("argocd-hub").trusting_service("pods.eks.amazonaws.com"));
    let home = format!("arn:aws:iam::{HOME}:root");
    for account in accounts {
        let role = IamRole::named("bridge").in_account(account);
        aws.add_role(role.trusting_principal(&home, &["sts:AssumeRole"]));
    }
}

/// A folder hub with these files and the team's defaults, and these clusters in EKS.
async fn folder(clusters: &[EksCluster], files: &[(&str, String)]) -> (Bridge, FakeAws) {
    let aws = FakeAws::start().await.unwrap();
    roles(&aws, &[HOME, OTHER]);
    for cluster in clusters {
        aws.add_cluster(cluster.clone());
    }
    let mut all = vec![
        ("clusters/.keep".to_owned(), String::new()),
        ("kubectl-bridge-defaults.yaml".to_owned(), defaults("")),
    ];
    all.extend(
        files
            .iter()
            .map(|(file, text)| ((*file).to_owned(), text.clone())),
    );
    (Bridge::folder(&all), aws)
}

fn names(bridge: &Bridge) -> Vec<String> {
    let text = bridge.run(&["get", "-o", "name"]).fine();
    text.lines()
        .map(|line| line.trim_start_matches("cluster/").to_owned())
        .collect()
}

#[tokio::test]
async fn what_is_missing_is_shown_and_registered() {
    let (a, b) = (in_eks("a", HOME, "us-west-2"), in_eks("b", HOME, "us-west-2"));
    let mut b = b;
    b.tags.insert("environment".into(), "prod".into());
    let set = application_set("x", true).replace("enable_x: 'true'", "environment: dev");
    let (bridge, aws) = folder(&[a.clone(), b], &[("applicationsets/x.yaml", set)]).await;
    let before = (bridge.hub_files(), aws.snapshot());
    with_aws(&bridge, &aws, "register --discovered").fails(
        1,
        &[
            "1 account-region: 2 missing",
            "NAME   CLUSTER   ACCOUNT        REGION      ENVIRONMENT   VERSION",
            "b      b         111122223333   us-west-2   prod          1.34",
            "AWS: 2 times eks:CreateAccessEntry in account 111122223333, such as: create the access entry of",
            "associate access policy AmazonEKSClusterAdminPolicy on a, for the whole cluster",
            "effect: 1 Application will appear: 1 of addons-x",
            "Register 2 clusters? There is no terminal to ask on: add --yes",
        ],
    );
    with_aws(&bridge, &aws, "register --discovered -o json").fails(1, &["Nobody is asked under -o json"]);
    with_aws(&bridge, &aws, "register --discovered --yes --max-clusters 1").fails(
        1,
        &["2 clusters would be registered, more than --max-clusters 1: nothing was changed"],
    );
    let ran = with_aws(
        &bridge,
        &aws,
        "register --discovered --tag environment=prod --dry-run",
    );
    assert!(
        ran.stderr.ends_with("\n1 would be registered\n"),
        "{}",
        ran.stderr
    );
    assert!(ran.fine().ends_with("\ncluster/b created (dry run)\n"));
    let dry = with_aws(&bridge, &aws, "register --discovered --dry-run").fine();
    for part in [
        "EKS: arn:aws:eks:us-west-2:111122223333:cluster/a is ACTIVE, Kubernetes 1.34\n",
        "AWS: create the access entry of arn:aws:iam::111122223333:role/argocd-hub on a (eks:CreateAccessEntry, account 111122223333)\n",
        "  effect: addons-x: Application addon-a-x will appear on a\ncluster/a created (dry run)\n",
        "  effect: none, the only ApplicationSet takes no notice\ncluster/b created (dry run)\n",
    ] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    assert_eq!((bridge.hub_files(), aws.snapshot()), before);

    let ran = with_aws(
        &bridge,
        &aws,
        "register --discovered --yes --enable metrics-server",
    );
    assert!(ran.stderr.ends_with("\n2 registered\n"), "{}", ran.stderr);
    let mut lines: Vec<String> = ran.fine().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["cluster/a created", "cluster/b created"]);
    assert_eq!(aws.access_entries(&a.arn())[0].principal_arn, ARGO_CD);
    let shown: Value = serde_json::from_str(&bridge.line("get b -o json").fine()).unwrap();
    assert_eq!(
        (
            &shown["environment"],
            &shown["metadata"]["labels"]["enable_metrics_server"]
        ),
        (&json!("prod"), &json!("true"))
    );
    // Nothing is left to do, and nothing is written.
    let before = (bridge.hub_files(), aws.snapshot());
    let ran = with_aws(&bridge, &aws, "register --discovered --yes");
    assert!(
        ran.stderr.ends_with(": 2 registered\nnothing to register\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "");
    assert_eq!((bridge.hub_files(), aws.snapshot()), before);
}

#[tokio::test]
async fn for_programs() {
    let clusters = [
        in_eks("a", HOME, "us-west-2"),
        EksCluster {
            tags: BTreeMap::new(),
            ..in_eks("b", HOME, "us-west-2")
        },
        EksCluster {
            status: "CREATING".into(),
            ..in_eks("c", HOME, "us-west-2")
        },
    ];
    let (bridge, aws) = folder(&clusters, &[]).await;
    let ran = with_aws(&bridge, &aws, "register --discovered --dry-run -o json");
    assert_eq!(ran.code, 1);
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&plan["kind"], &plan["dryRun"]),
        (&json!("Plan"), &json!("client"))
    );
    let items = plan["items"].as_array().unwrap();
    assert_eq!(
        items
            .iter()
            .map(|item| format!(
                "{} {}",
                item["cluster"].as_str().unwrap(),
                item["result"].as_str().unwrap()
            ))
            .collect::<Vec<_>>(),
        ["a created", "b failed"]
    );
    assert_eq!(items[0]["awsSteps"][0]["action"], "eks:CreateAccessEntry");
    assert!(
        items[1]["error"]
            .as_str()
            .unwrap()
            .contains("no environment for \"b\"")
    );
    assert_eq!(plan["leftOut"][0]["reason"], "it is CREATING, not ACTIVE");
    let ran = with_aws(&bridge, &aws, "register --discovered --yes -o name");
    assert_eq!(ran.stdout, "cluster/a\n");
    ran.fails_with_answer(1, &["1 registered, 1 failed, 1 left out"]);
}

#[tokio::test]
async fn a_failure_keeps_nobody_else_from_being_registered() {
    let clusters: Vec<EksCluster> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| in_eks(name, HOME, "us-west-2"))
        .collect();
    let (bridge, aws) = folder(&clusters, &[]).await;
    aws.inject(
        Fault::refuse("InvalidParameterException", 400)
            .of("CreateAccessEntry")
            .about("b")
            .always(),
    );
    aws.inject(
        Fault::refuse("AccessDeniedException", 403)
            .of("ListPodIdentityAssociations")
            .always(),
    );
    let ran = with_aws(&bridge, &aws, "register --discovered --yes");
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    ran.fails_with_answer(
        1,
        &[
            "4 clusters (a, b, c, …): the roles of addons are left out: eks:ListPodIdentityAssociations is not allowed",
            "error: cluster/b is not registered: AWS: create the access entry of arn:aws:iam::111122223333:role/argocd-hub on b \
             (eks:CreateAccessEntry, account 111122223333): not done",
            "\n3 registered, 1 failed:\n  cluster/b: AWS: create the access entry",
            "\nRun the same command again to go on: what is registered stays as it is.\n",
        ],
    );
    aws.clear_faults();
    let ran = with_aws(&bridge, &aws, "register --discovered --yes");
    assert_eq!(ran.fine(), "cluster/b created\n");

    // Nobody can be registered: that is said once, and nobody is asked.
    let (bridge, aws) = folder(&clusters, &[]).await;
    let text = defaults("").replace("  access-policy: cluster-admin\n", "");
    std::fs::write(bridge.hub_dir().join("kubectl-bridge-defaults.yaml"), text).unwrap();
    let ran = with_aws(&bridge, &aws, "register --discovered").fails(
        1,
        &[
            "error: 4 clusters (a, b, c, …): it is not said how much Argo CD may do on \"…\": say --access-policy",
            "\n0 registered, 4 failed\n",
        ],
    );
    assert_eq!(ran.stderr.matches("it is not said").count(), 1, "{}", ran.stderr);
}

/// On a hub whose Argo CD is an EKS capability.
#[tokio::test]
async fn a_managed_hub_knows_them_by_their_arns() {
    let clusters = [in_eks("a", HOME, "us-west-2"), in_eks("b", HOME, "us-west-2")];
    let (bridge, aws) = folder(&clusters, &[]).await;
    let text = defaults("").replace("pod-identity", "capability");
    std::fs::write(bridge.hub_dir().join("kubectl-bridge-defaults.yaml"), text).unwrap();
    with_aws(&bridge, &aws, "register --discovered --yes").fine();
    let list: Value = serde_json::from_str(&bridge.line("get -o json").fine()).unwrap();
    let shown: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["server"].as_str().unwrap(), one["project"].as_str().unwrap()))
        .collect();
    let arns = clusters.map(|cluster| cluster.arn());
    assert_eq!(
        shown,
        [(arns[0].as_str(), "default"), (arns[1].as_str(), "default")]
    );
    with_aws(&bridge, &aws, "register --discovered --yes --access direct").fine();
}

#[tokio::test]
async fn in_halves() {
    let clusters = [in_eks("a", HOME, "us-west-2"), in_eks("b", OTHER, "eu-west-1")];
    let (bridge, aws) = folder(&clusters, &[]).await;
    let places = format!("--region us-west-2,eu-west-1 --accounts {HOME},{OTHER} --assume-role {ROLE} --yes");
    let ran = with_aws(
        &bridge,
        &aws,
        &format!("register --discovered --access-only {places}"),
    );
    assert!(ran.stderr.ends_with("\n2 given access\n"), "{}", ran.stderr);
    assert_eq!(ran.fine().matches(" access granted\n").count(), 2);
    assert_eq!(names(&bridge), [""; 0]);
    let snapshot = aws.snapshot();
    let ran = with_aws(
        &bridge,
        &aws,
        &format!("register --discovered --skip-access {places}"),
    );
    assert_eq!(ran.fine().lines().count(), 2);
    assert_eq!(names(&bridge), ["a", "b"]);
    assert_eq!(aws.snapshot(), snapshot);
    for (line, part) in [
        ("register", "required arguments"),
        ("register a --discovered", "cannot be used with"),
        ("register --discovered --in-cluster", "cannot be used with"),
        (
            "register --discovered --aws-cluster-name a",
            "cannot be used with",
        ),
        (
            "register --discovered --create-role --role-name x",
            "cannot be used with",
        ),
        ("register a --accounts 111122223333", "cannot be used with"),
        ("register a --yes", "cannot be used with"),
        ("register a --region x --region y", "several are for --discovered"),
    ] {
        with_aws(&bridge, &aws, line).fails(2, &[part]);
    }
}

/// Early throttled answers cost a moment each, not the ten seconds that the SDK's adaptive mode takes.
#[tokio::test]
async fn one_that_is_throttled_is_done_in_a_moment() {
    let (bridge, aws) = folder(&[in_eks("a", HOME, "us-west-2")], &[]).await;
    aws.inject(Fault::throttle().times(6));
    let began = std::time::Instant::now();
    with_aws(&bridge, &aws, "register a").fine();
    let took = began.elapsed();
    assert!(took < std::time::Duration::from_secs(50), "{took:?}");
    assert_eq!(aws.calls().iter().filter(|call| call.injected).count(), 6);
}
