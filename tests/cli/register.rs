//! `register` on a folder hub, with an imitation of EKS.

use std::{os::unix::fs::PermissionsExt as _, process::Stdio};

use serde_json::{Value, json};
use testbed::{EksCluster, FakeEks};

use crate::run::{Bridge, PLANTED, Ran};

/// A folder hub without clusters, and EKS clusters `dev` and `acme_Prod`.
pub async fn setup() -> (Bridge, FakeEks) {
    let fake = FakeEks::start().await.unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let mut prod = EksCluster::named("acme_Prod");
    prod.tags = [("Environment".to_owned(), "prod".to_owned())].into();
    prod.region = "eu-west-1".into();
    fake.add_cluster(prod);
    let bridge = Bridge::folder(&[("clusters/.keep".into(), String::new())]);
    (bridge, fake)
}

pub fn with_aws(bridge: &Bridge, fake: &FakeEks, line: &str) -> Ran {
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = bridge
        .command(&words)
        .envs(fake.env())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran::of(&words, &output)
}

fn shown(bridge: &Bridge, name: &str) -> Value {
    serde_json::from_str(&bridge.run(&["get", name, "-o", "json"]).fine()).unwrap()
}

#[tokio::test]
async fn an_eks_cluster_in_one_command() {
    let (bridge, fake) = setup().await;
    let ran = with_aws(
        &bridge,
        &fake,
        "register dev --enable aws-lbc,karpenter --label team=a --annotation note=b",
    );
    assert_eq!(ran.clone().fine(), "cluster/dev created\n");
    assert!(
        ran.stderr
            .contains("EKS: arn:aws:eks:us-west-2:111122223333:cluster/dev is ACTIVE, Kubernetes 1.34"),
        "{}",
        ran.stderr
    );
    let dev = shown(&bridge, "dev");
    let labels = &dev["metadata"]["labels"];
    for (key, value) in [
        ("aws_cluster_name", "dev"),
        ("cluster_name", "dev"),
        ("environment", "dev"),
        ("enable_aws_load_balancer_controller", "true"),
        ("enable_karpenter", "true"),
        ("kubernetes_version", "1.34"),
        ("team", "a"),
    ] {
        assert_eq!(labels[key], value, "{key}: {labels}");
    }
    let annotations = &dev["metadata"]["annotations"];
    for (key, value) in [
        ("aws_account_id", "111122223333"),
        ("aws_region", "us-west-2"),
        ("aws_vpc_id", "vpc-0a1b2c3d4e5f60718"),
        ("environment", "dev"),
        ("note", "b"),
        ("kubectl-bridge/access", "direct"),
        ("kubectl-bridge/created-at", "2025-10-09T08:53:20Z"),
    ] {
        assert_eq!(annotations[key], value, "{key}: {annotations}");
    }
    assert_eq!(dev["access"], json!({"type": "direct", "awsClusterName": "dev"}));

    // Run again: nothing to do. And then what EKS changed, and nothing else.
    assert_eq!(
        with_aws(&bridge, &fake, "register dev").fine(),
        "cluster/dev unchanged\n"
    );
    bridge.line("addons dev --disable karpenter").fine();
    let mut newer = EksCluster::named("dev");
    newer.version = "1.35".into();
    fake.add_cluster(newer);
    assert_eq!(
        with_aws(&bridge, &fake, "register dev --project team-a").fine(),
        "cluster/dev configured\n"
    );
    let dev = shown(&bridge, "dev");
    assert_eq!(dev["kubernetesVersion"], "1.35");
    assert_eq!(dev["metadata"]["labels"]["enable_karpenter"], "false");
    assert_eq!(
        (&dev["project"], &dev["metadata"]["annotations"]["note"]),
        (&json!("team-a"), &json!("b"))
    );
}

#[tokio::test]
async fn what_a_registration_was_is_remembered() {
    let (bridge, fake) = setup().await;
    let role = "arn:aws:iam::111122223333:role/argocd-prod";
    let first = with_aws(
        &bridge,
        &fake,
        &format!("register prod --aws-cluster-name acme_Prod --region eu-west-1 --aws-role-arn {role}"),
    );
    assert_eq!(first.fine(), "cluster/prod created\n");
    // Neither name, region nor role said again.
    let again = with_aws(&bridge, &fake, "register prod --enable keda");
    assert!(
        again.stderr.contains("  + label enable_keda: \"true\"\n"),
        "{}",
        again.stderr
    );
    assert_eq!(again.fine(), "cluster/prod configured\n");
    let prod = shown(&bridge, "prod");
    assert_eq!(
        prod["access"],
        json!({"type": "role", "awsClusterName": "acme_Prod", "roleArn": role})
    );
    assert_eq!(prod["environment"], "prod", "from the tag");
    assert_eq!(fake.requests().last().unwrap().region, "eu-west-1");
    // By its ARN, which says the region; and with a profile that is not there.
    let arn = "arn:aws:eks:eu-west-1:111122223333:cluster/acme_Prod";
    let by_arn = with_aws(&bridge, &fake, &format!("register prod --aws-cluster-name {arn}"));
    assert_eq!(by_arn.fine(), "cluster/prod unchanged\n");
    let line = format!("register prod --aws-cluster-name {arn} --region us-west-2");
    with_aws(&bridge, &fake, &line).fails(2, &["--region contradicts the ARN, which is in eu-west-1"]);
    with_aws(&bridge, &fake, "register prod --profile nope")
        .fails(1, &["no AWS credentials for profile \"nope\""]);
    // The way in may change.
    with_aws(&bridge, &fake, "register prod --access capability").fine();
    let prod = shown(&bridge, "prod");
    assert_eq!(
        (&prod["server"], &prod["project"]),
        (
            &json!("arn:aws:eks:eu-west-1:111122223333:cluster/acme_Prod"),
            &json!("default")
        )
    );
}

#[tokio::test]
async fn a_dry_run_shows_all_and_writes_nothing() {
    let (bridge, fake) = setup().await;
    let before = bridge.hub_files();
    let ran = with_aws(&bridge, &fake, "register dev --enable keda --dry-run");
    let text = ran.fine();
    for part in [
        "EKS: arn:aws:eks",
        "hub: create clusters/dev in folder hub",
        "+ label enable_keda: \"true\"",
        "+ annotation aws_region: \"us-west-2\"",
        "+ data config: \"*** (after)\"",
        "effect:",
        "cluster/dev created (dry run)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let ran = with_aws(&bridge, &fake, "register dev --dry-run -o json");
    let plan: Value = serde_json::from_str(&ran.fine()).unwrap();
    assert_eq!(
        (&plan["kind"], &plan["dryRun"]),
        (&json!("Plan"), &json!("client"))
    );
    assert_eq!(plan["items"][0]["result"], "created");
    assert_eq!(plan["steps"].as_array().unwrap().len(), 2);
    assert_eq!(bridge.hub_files(), before);
    with_aws(&bridge, &fake, "register dev --dry-run=server")
        .fails(1, &["a folder hub cannot", "--dry-run=server"]);
}

#[tokio::test]
async fn names_that_eks_allows_and_labels_do_not() {
    let (bridge, fake) = setup().await;
    let long = format!("A_{}", "b".repeat(90));
    fake.add_cluster(EksCluster::named(&long));
    let ran = with_aws(&bridge, &fake, &format!("register dev --aws-cluster-name {long}"));
    assert!(
        ran.stderr.contains("is no label value (92 characters"),
        "{}",
        ran.stderr
    );
    ran.fine();
    let dev = shown(&bridge, "dev");
    assert_eq!(dev["metadata"]["annotations"]["aws_cluster_name"], long.as_str());
    assert_eq!(dev["metadata"]["labels"]["aws_cluster_name"], Value::Null);
    assert_eq!(dev["access"]["awsClusterName"], long.as_str());
}

#[tokio::test]
async fn metadata_of_terraform() {
    let (bridge, fake) = setup().await;
    let document = json!({
        "gitops_metadata": {"sensitive": false, "type": ["map", "string"], "value": {
            "cert_manager_namespace": "cert-manager", "karpenter": {"sqs_queue_name": "q"}, "gone": null}},
        "password": {"sensitive": true, "type": "string", "value": PLANTED},
    });
    std::fs::write(bridge.home().join("tf.json"), document.to_string()).unwrap();
    with_aws(
        &bridge,
        &fake,
        "register dev --metadata-file tf.json --annotation cert_manager_namespace=mine",
    )
    .fine();
    let annotations = shown(&bridge, "dev")["metadata"]["annotations"].clone();
    assert_eq!(
        annotations["cert_manager_namespace"], "mine",
        "the command line wins"
    );
    assert_eq!(annotations["karpenter_sqs_queue_name"], "q");
    assert_eq!(annotations["gone"], Value::Null);
    with_aws(
        &bridge,
        &fake,
        "register dev --metadata-file tf.json --metadata-key password",
    )
    .fails(1, &["metadata file tf.json", "\"password\" is sensitive"]);
}

#[tokio::test]
async fn the_hub_itself_and_other_clusters() {
    let (bridge, fake) = setup().await;
    bridge.line("register control-plane --in-cluster").fine();
    let hub = shown(&bridge, "control-plane");
    assert_eq!(
        (&hub["server"], &hub["environment"], &hub["access"]["type"]),
        (
            &json!("https://kubernetes.default.svc"),
            &json!("control-plane"),
            &json!("in-cluster")
        )
    );
    // With the facts that EKS has of it.
    with_aws(
        &bridge,
        &fake,
        "register control-plane --in-cluster --aws-cluster-name dev",
    )
    .fine();
    assert_eq!(
        shown(&bridge, "control-plane")["metadata"]["annotations"]["aws_region"],
        "us-west-2"
    );
    // And again, as it is registered: EKS is asked, the way in stays.
    assert_eq!(
        with_aws(&bridge, &fake, "register control-plane").fine(),
        "cluster/control-plane unchanged\n"
    );

    std::fs::write(bridge.home().join("token"), format!("{PLANTED}\n")).unwrap();
    let line = "register lab --environment dev --endpoint https://10.0.0.9:6443 --token-file token --allow-credentials-in-folder";
    bridge.line(line).fine();
    assert_eq!(shown(&bridge, "lab")["access"], json!({"type": "token"}));
    // As it is: no EKS, no credential asked for.
    bridge.line("register lab --enable keda").fine();
    assert_eq!(shown(&bridge, "lab")["access"], json!({"type": "token"}));
    assert_eq!(shown(&bridge, "lab")["metadata"]["labels"]["enable_keda"], "true");
    let mode = std::fs::metadata(bridge.hub_dir().join("clusters/lab.yaml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0, "{mode:o}");
}
