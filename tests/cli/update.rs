//! `update`: what EKS says today, on a folder hub and on a real API server.

use serde_json::{Value, json};
use testbed::{EksCluster, FakeEks, Fault, Hub};

use crate::{fleet::cluster, register::with_aws, run::Bridge};

const OTHER_ACCOUNT: &str = "444455556666";

/// `dev`, `prod` and `staging` registered as they are in EKS, and `edge`, which is not in EKS.
async fn setup() -> (Bridge, FakeEks) {
    let fake = FakeEks::start().await.unwrap();
    let bridge = Bridge::folder(&[("clusters/edge.yaml".into(), cluster("edge", &[], &[]))]);
    for name in ["dev", "prod", "staging"] {
        fake.add_cluster(EksCluster::named(name));
        with_aws(&bridge, &fake, &format!("register {name}")).fine();
    }
    (bridge, fake)
}

fn shown(bridge: &Bridge, name: &str) -> Value {
    serde_json::from_str(&bridge.run(&["get", name, "-o", "json"]).fine()).unwrap()
}

#[tokio::test]
async fn nothing_is_written_where_nothing_changed() {
    let (bridge, fake) = setup().await;
    let before = bridge.hub_files();
    let ran = with_aws(&bridge, &fake, "update --all");
    assert!(
        ran.stderr.contains("cluster/edge is not in EKS"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("3 clusters: 0 configured, 3 unchanged, 0 failed"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        ran.fine(),
        "cluster/dev unchanged\ncluster/prod unchanged\ncluster/staging unchanged\n"
    );
    assert_eq!(bridge.hub_files(), before);
}

#[tokio::test]
async fn what_changed_is_written_and_told() {
    let (bridge, fake) = setup().await;
    let mut newer = EksCluster::named("dev");
    newer.version = "1.35".into();
    newer.extra = json!({"platformVersion": "eks.9", "computeConfig": {"enabled": true}});
    newer.tags = [
        ("CostCenter".to_owned(), "42".to_owned()),
        ("team".to_owned(), "not a label!".to_owned()),
    ]
    .into();
    fake.add_cluster(newer);
    let before = bridge.hub_files();
    let line = "update dev prod --tag-labels CostCenter=cost-center,team";
    let dry = with_aws(&bridge, &fake, &format!("{line} --dry-run"));
    let text = dry.fine();
    for part in [
        "~ label kubernetes_version: \"1.34\" -> \"1.35\"",
        "+ label cost-center: \"42\"",
        "~ annotation aws_platform_version: \"eks.4\" -> \"eks.9\"",
        "~ annotation aws_auto_mode: \"false\" -> \"true\"",
        "cluster/dev configured (dry run)",
        "cluster/prod unchanged (dry run)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(bridge.hub_files(), before);
    let ran = with_aws(&bridge, &fake, line);
    assert!(
        ran.stderr
            .contains("warning: cluster/dev: tag team of arn:aws:eks"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "cluster/dev configured\ncluster/prod unchanged\n");
    let dev = shown(&bridge, "dev");
    assert_eq!(dev["kubernetesVersion"], "1.35");
    assert_eq!(dev["metadata"]["labels"]["cost-center"], "42");
    let plan = with_aws(&bridge, &fake, "update --all -o json").fine();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["items"].as_array().unwrap().len(), 3);
    assert_eq!(plan["items"][0]["result"], "unchanged");
}

#[tokio::test]
async fn a_recreated_cluster_is_called_out_and_not_overwritten() {
    let (bridge, fake) = setup().await;
    let mut anew = EksCluster::named("dev");
    anew.created_at += 86_400.0;
    anew.endpoint = "https://NEW.gr7.us-west-2.eks.amazonaws.com".into();
    anew.ca = "-----BEGIN CERTIFICATE-----\nTmV3\n-----END CERTIFICATE-----\n".into();
    fake.add_cluster(anew);
    let mut newer = EksCluster::named("prod");
    newer.version = "1.35".into();
    fake.add_cluster(newer);
    let before = shown(&bridge, "dev");
    // One failure does not stop the rest.
    let ran = with_aws(&bridge, &fake, "update --all");
    assert_eq!(ran.stdout, "cluster/prod configured\ncluster/staging unchanged\n");
    ran.fails_with_answer(
        1,
        &[
            "cluster/dev is not updated: \"dev\" seems to be another cluster under the old name",
            "created 2025-10-10T08:53:20Z, the registered one 2025-10-09T08:53:20Z",
            "its endpoint is https://NEW",
            "its certificate authority is another one",
            "--accept-recreated",
        ],
    );
    assert_eq!(shown(&bridge, "dev"), before);
    let ran = with_aws(&bridge, &fake, "update dev --accept-recreated");
    assert!(
        ran.stderr.contains("its access entries went with the old one"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "cluster/dev configured\n");
    assert_eq!(
        shown(&bridge, "dev")["server"],
        "https://NEW.gr7.us-west-2.eks.amazonaws.com"
    );
    assert_eq!(
        with_aws(&bridge, &fake, "update dev").fine(),
        "cluster/dev unchanged\n"
    );
}

#[tokio::test]
async fn clusters_that_cannot_be_looked_at() {
    let (bridge, fake) = setup().await;
    let before = bridge.hub_files();
    fake.remove_cluster(&EksCluster::named("dev").arn());
    with_aws(&bridge, &fake, "update dev").fails(
        1,
        &[
            "EKS knows no cluster \"dev\"",
            "take it off the hub with unregister",
        ],
    );
    let mut going = EksCluster::named("prod");
    going.status = "DELETING".into();
    fake.add_cluster(going);
    with_aws(&bridge, &fake, "update prod").fails(1, &["\"prod\" is DELETING"]);
    fake.deny("111122223333", "eks:DescribeCluster");
    with_aws(&bridge, &fake, "update staging").fails(1, &["the IAM action eks:DescribeCluster is needed"]);
    // With the keys of another account nothing is taken for gone.
    let ran = bridge
        .command(&["update", "dev"])
        .envs(fake.env())
        .env("AWS_ACCESS_KEY_ID", OTHER_ACCOUNT)
        .output()
        .unwrap();
    crate::run::Ran::of(&["update"], &ran).fails(
        1,
        &["the credentials are of account 444455556666, and the cluster is in 111122223333"],
    );
    with_aws(&bridge, &fake, "update gone").fails(1, &["cluster \"gone\" not found"]);
    with_aws(&bridge, &fake, "update").fails(2, &["name the clusters"]);
    with_aws(&bridge, &fake, "update dev --tag-labels x=enable_keda")
        .fails(2, &["--tag-labels: label enable_keda"]);
    assert_eq!(bridge.hub_files(), before);
}

#[tokio::test]
async fn throttling_slows_down_and_fails_nobody() {
    let (bridge, fake) = setup().await;
    fake.inject(Fault::throttle().of("DescribeCluster").times(2));
    let ran = with_aws(&bridge, &fake, "update --all");
    assert_eq!(ran.fine().lines().count(), 3);
    let asked = fake.calls().len();
    assert!(asked >= 5, "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_keys_stay_on_a_live_hub() {
    let (hub, fake) = tokio::try_join!(Hub::shared(), FakeEks::start()).unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    with_aws(&bridge, &fake, "register dev --enable keda --project p").fine();
    let version = async || {
        let words = [
            "get",
            "secret",
            "dev",
            "-o",
            "jsonpath={.metadata.resourceVersion}",
        ];
        hub.kubectl(&words).await.unwrap().success().unwrap()
    };
    let first = version().await;
    assert_eq!(
        with_aws(&bridge, &fake, "update --all").fine(),
        "cluster/dev unchanged\n"
    );
    assert_eq!(version().await, first, "nothing was written");
    let mut newer = EksCluster::named("dev");
    newer.version = "1.35".into();
    fake.add_cluster(newer.clone());
    let line = "update dev --reason OPS-2 --dry-run=server";
    assert!(
        with_aws(&bridge, &fake, line)
            .fine()
            .ends_with("cluster/dev configured (server dry run)\n")
    );
    assert_eq!(version().await, first);
    assert_eq!(
        with_aws(&bridge, &fake, "update dev --reason OPS-2").fine(),
        "cluster/dev configured\n"
    );
    bridge.line("addons dev --disable keda").fine();
    newer.version = "1.36".into();
    fake.add_cluster(newer);
    assert_eq!(
        with_aws(&bridge, &fake, "update dev").fine(),
        "cluster/dev configured\n"
    );
    let dev = shown(&bridge, "dev");
    assert_eq!(
        (
            &dev["kubernetesVersion"],
            &dev["project"],
            &dev["metadata"]["labels"]["enable_keda"]
        ),
        (&json!("1.36"), &json!("p"), &json!("false"))
    );
}
