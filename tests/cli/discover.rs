//! `discover`: accounts, regions, states, throttling.

use serde_json::{Value, json};
use testbed::{EksCluster, FakeAws, Fault, IamRole};

use crate::{
    fleet::cluster,
    register::with_aws,
    run::{Bridge, Ran},
};

const HOME: &str = "111122223333";
const OTHER: &str = "444455556666";
const ROLE: &str = "arn:aws:iam::{account}:role/bridge";

/// A Secret of a managed hub for this cluster.
fn on_hub(name: &str, cluster: &EksCluster) -> (String, String) {
    let text = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "labels": {"argocd.argoproj.io/secret-type": "cluster"},
            "annotations": {"aws_platform_version": "eks.4", "aws_region": cluster.region}},
        "stringData": {"name": name, "server": cluster.arn(), "project": "p"},
    });
    (format!("clusters/{name}.yaml"), text.to_string())
}

fn in_eks(name: &str, account: &str, region: &str) -> EksCluster {
    EksCluster {
        account: account.into(),
        region: region.into(),
        ..EksCluster::named(name)
    }
}

/// A role of that name in an account, for the credentials of the test.
fn role(aws: &FakeAws, account: &str) {
    let home = format!("arn:aws:iam::{HOME}:root");
    aws.add_role(
        IamRole::named("bridge")
            .in_account(account)
            .trusting_principal(&home, &["sts:AssumeRole"]),
    );
}

async fn setup() -> (Bridge, FakeAws) {
    let aws = FakeAws::start().await.unwrap();
    let same = in_eks("same", HOME, "us-west-2");
    let mut changed = in_eks("changed", HOME, "us-west-2");
    changed.extra = json!({"platformVersion": "eks.9"});
    let mut new = in_eks("spoke-new", HOME, "us-west-2");
    new.tags = [("team".to_owned(), "a".to_owned())].into();
    let far = in_eks("far", OTHER, "eu-west-1");
    for cluster in [&same, &changed, &new, &far] {
        aws.add_cluster(cluster.clone());
    }
    let bridge = Bridge::folder(&[
        on_hub("same", &same),
        on_hub("changed", &changed),
        on_hub("gone", &in_eks("gone", HOME, "us-west-2")),
        on_hub("far", &far),
        ("clusters/edge.yaml".into(), cluster("edge", &[], &[])),
    ]);
    role(&aws, HOME);
    role(&aws, OTHER);
    (bridge, aws)
}

fn states(ran: &Ran) -> Vec<String> {
    let list: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(list["kind"], "DiscoveredClusterList");
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one["state"].as_str().unwrap(),
                one["awsClusterName"].as_str().unwrap()
            )
        })
        .collect()
}

#[tokio::test]
async fn one_account_and_region() {
    let (bridge, aws) = setup().await;
    let (before, snapshot) = (bridge.hub_files(), aws.snapshot());
    let ran = with_aws(&bridge, &aws, "discover");
    assert!(
        ran.stderr
            .contains("1 account-region: 1 registered, 1 missing, 1 changed, 1 gone, 1 elsewhere"),
        "{}",
        ran.stderr
    );
    let text = ran.fine();
    for row in [
        ["changed", "changed", "aws_platform_version is eks.4, not eks.9"],
        ["gone", "gone", "us-west-2"],
        ["same", "registered", "1.34"],
        ["(spoke-new)", "missing", "spoke-new"],
        ["far", "elsewhere", OTHER],
    ] {
        assert!(
            text.lines()
                .any(|line| row.iter().all(|part| line.contains(part))),
            "{row:?}: {text}"
        );
    }
    with_aws(&bridge, &aws, "discover --check").fails_with_answer(1, &["hub: folder hub"]);
    assert_eq!((bridge.hub_files(), aws.snapshot()), (before, snapshot));
    // The team's pattern names what is missing.
    std::fs::write(
        bridge.hub_dir().join("kubectl-bridge-defaults.yaml"),
        "kind: ConfigMap\ndata: {aws-cluster-name: 'spoke-{name}'}\n",
    )
    .unwrap();
    let text = with_aws(&bridge, &aws, "discover").fine();
    assert!(text.contains("(new) "), "{text}");
}

#[tokio::test]
async fn tags_choose_and_never_make_a_cluster_gone() {
    let (bridge, aws) = setup().await;
    for (line, expected) in [
        (
            "--tag team=a",
            vec!["gone gone", "missing spoke-new", "elsewhere far"],
        ),
        (
            "--tag team",
            vec!["gone gone", "missing spoke-new", "elsewhere far"],
        ),
        ("--tag team=b", vec!["gone gone", "elsewhere far"]),
    ] {
        let ran = with_aws(&bridge, &aws, &format!("discover -o json {line}"));
        assert_eq!(states(&ran), expected, "{line}");
    }
}

#[tokio::test]
async fn several_accounts_and_regions() {
    let (bridge, aws) = setup().await;
    let line = format!(
        "discover --region us-west-2,eu-west-1 --accounts {HOME},{OTHER} --assume-role {ROLE} -o json"
    );
    let ran = with_aws(&bridge, &aws, &line);
    assert_eq!(
        states(&ran),
        [
            "changed changed",
            "gone gone",
            "registered same",
            "missing spoke-new",
            "registered far"
        ]
    );
    assert_eq!(ran.code, 0);
    // An account that lets nobody in does not keep the others from being looked at, and nothing there is taken for gone.
    aws.remove_role(&format!("arn:aws:iam::{OTHER}:role/bridge"));
    let ran = with_aws(&bridge, &aws, &line);
    assert_eq!(
        states(&ran),
        [
            "changed changed",
            "gone gone",
            "registered same",
            "missing spoke-new",
            "unknown far"
        ]
    );
    ran.fails_with_answer(
        1,
        &[
            "cannot assume role arn:aws:iam::444455556666:role/bridge",
            ": AccessDenied: User: ",
        ],
    );
    let ran = with_aws(&bridge, &aws, "discover --region all -o json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let regions: std::collections::BTreeSet<String> =
        aws.requests().into_iter().map(|request| request.region).collect();
    assert!(regions.len() > 30, "{regions:?}");
}

/// Organizations close regions: that is said, and is no failure as long as others are open.
#[tokio::test]
async fn of_all_regions_some_may_be_closed() {
    let (bridge, aws) = setup().await;
    let closed = ["ap-east-1", "eu-west-1"];
    for region in closed {
        aws.inject(
            Fault::refuse("AccessDeniedException", 403)
                .of("ListClusters")
                .in_region(region)
                .always(),
        );
    }
    aws.inject(
        Fault::refuse("UnrecognizedClientException", 403)
            .of("ListClusters")
            .in_region("me-south-1")
            .always(),
    );
    let ran = with_aws(&bridge, &aws, "discover --region all --check");
    assert!(
        ran.stderr.contains("32 account-regions (1 not switched on)")
            || ran.stderr.contains("31 account-regions (1 not switched on): "),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains(
            "not looked at, because eks:ListClusters is not allowed there: ap-east-1 of 111122223333, eu-west-1 of 111122223333\n"
        ),
        "{}",
        ran.stderr
    );
    // Drift, and nothing else.
    assert_eq!(ran.code, 1);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    aws.clear_faults();
    aws.deny(HOME, "eks:ListClusters");
    with_aws(&bridge, &aws, "discover --region all")
        .fails_with_answer(1, &["warning: not allowed to list the EKS clusters"]);
}

#[tokio::test]
async fn what_may_not_be_listed_is_neither_gone_nor_missing() {
    let (bridge, aws) = setup().await;
    aws.deny(HOME, "eks:ListClusters");
    let ran = with_aws(&bridge, &aws, "discover -o json");
    assert_eq!(
        states(&ran),
        ["unknown changed", "unknown gone", "unknown same", "elsewhere far"]
    );
    ran.fails_with_answer(1, &["the IAM action eks:ListClusters is needed"]);
    aws.allow_all();
    aws.inject(Fault::refuse("AccessDeniedException", 403).about("same").always());
    let ran = with_aws(&bridge, &aws, "discover -o json");
    assert_eq!(
        states(&ran)[..3],
        ["changed changed", "gone gone", "unknown same"]
    );
    assert_eq!(ran.code, 1);
    for (line, part) in [
        ("--region all,us-west-2", "all, or a list of regions"),
        ("--accounts 12", "not an AWS account"),
        ("--concurrency 0", "0 is not in 1..=256"),
        ("--assume-role arn:{nam}", "--assume-role: \"arn:{nam}\""),
    ] {
        with_aws(&bridge, &aws, &format!("discover {line}")).fails(2, &[part]);
    }
}

/// 500 clusters in 10 account-regions, with every twentieth request throttled: all of them are found, in a time that a person waits.
#[tokio::test]
async fn five_hundred_clusters_under_throttling() {
    let aws = FakeAws::start().await.unwrap();
    let accounts: Vec<String> = (0..5).map(|at| format!("{at}").repeat(12)).collect();
    for account in &accounts {
        role(&aws, account);
        for region in ["us-west-2", "eu-west-1"] {
            for at in 0..50 {
                aws.add_cluster(in_eks(&format!("c{at}"), account, region));
            }
        }
    }
    aws.set_page_size(20);
    aws.inject(Fault::throttle().percent(5.0, 1));
    let bridge = Bridge::folder(&[("clusters/.keep".into(), String::new())]);
    let accounts = accounts.join(",");
    let line =
        format!("discover --region us-west-2,eu-west-1 --accounts {accounts} --assume-role {ROLE} -o json");
    let began = std::time::Instant::now();
    let ran = with_aws(&bridge, &aws, &line);
    let took = began.elapsed();
    let calls = aws.calls();
    let throttled = calls.iter().filter(|call| call.error.is_some()).count();
    eprintln!(
        "500 clusters: {took:?}, {} calls, {throttled} throttled",
        calls.len()
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(took < std::time::Duration::from_mins(2), "{took:?}");
    let states = states(&ran);
    assert_eq!(states.len(), 500);
    assert!(states.iter().all(|state| state.starts_with("missing ")));
    assert!(throttled > 10, "{throttled}");
    // Descriptions, access entries of what is missing, pages, and for each account and region the role and whose it is.
    let needed = 500 + 500 + 10 * 3 + 5 * 2 + 10;
    assert!(calls.len() - throttled <= needed, "{} of {needed}", calls.len());
}
