//! `register` on a folder hub, with an imitation of EKS.

use std::{fmt::Write as _, os::unix::fs::PermissionsExt as _, process::Stdio};

use serde_json::{Value, json};
use testbed::{EksCluster, FakeEks};

use crate::run::{Bridge, PLANTED, Ran};

/// A folder hub without clusters, and EKS clusters `dev` and `acme_Prod`.
async fn setup() -> (Bridge, FakeEks) {
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
async fn clusters_that_are_refused() {
    let (bridge, fake) = setup().await;
    for status in ["CREATING", "DELETING", "FAILED"] {
        let mut cluster = EksCluster::named(&format!("c-{}", status.to_lowercase()));
        cluster.status = status.into();
        fake.add_cluster(cluster);
    }
    let mut odd = EksCluster::named("odd");
    odd.extra = json!({"certificateAuthority": null});
    fake.add_cluster(odd);
    with_aws(&bridge, &fake, "register dev").fine();
    let before = bridge.hub_files();
    for (line, code, parts) in [
        (
            "register c-creating --environment dev",
            1,
            &["\"c-creating\" is CREATING", "wait until it is ACTIVE"][..],
        ),
        ("register c-deleting --environment dev", 1, &["is DELETING"]),
        ("register c-failed --environment dev", 1, &["is FAILED"]),
        (
            "register odd --environment dev",
            1,
            &["without certificateAuthority.data"],
        ),
        (
            "register two --environment dev --aws-cluster-name dev",
            1,
            &["Secret \"dev\" in the hub has the same server"],
        ),
        (
            "register dev --aws-cluster-name acme_Prod --region eu-west-1",
            1,
            &["\"dev\" is registered for arn:aws:eks:us-west-2"],
        ),
        (
            "register nope",
            1,
            &[
                "cannot look up \"nope\" in EKS",
                "no cluster \"nope\" in region us-west-2",
                "--spoke-context",
            ],
        ),
    ] {
        with_aws(&bridge, &fake, line).fails(code, parts);
    }
    assert_eq!(bridge.hub_files(), before);
    // An environment that nothing says.
    let mut nameless = EksCluster::named("spoke-1");
    nameless.tags.clear();
    fake.add_cluster(nameless);
    with_aws(&bridge, &fake, "register spoke-1")
        .fails(1, &["no environment for \"spoke-1\"", "--environment"]);
    // AWS trouble.
    fake.fail_next(1, "AccessDeniedException", 403);
    with_aws(&bridge, &fake, "register dev").fails(1, &["eks:DescribeCluster", "region us-west-2"]);
    assert_eq!(bridge.hub_files(), before);
}

#[tokio::test]
async fn words_that_are_refused() {
    let (bridge, fake) = setup().await;
    with_aws(&bridge, &fake, "register dev").fine();
    std::fs::write(bridge.home().join("token"), PLANTED).unwrap();
    let before = bridge.hub_files();
    let over_long = format!("register dev --label team={}", "x".repeat(64));
    let arn = "arn:aws:eks:us-west-2:111122223333:cluster/dev";
    let as_server = format!("register lab --environment dev --endpoint {arn} --token-file token");
    for (line, code, parts) in [
        (
            "register other --aws-cluster-name acme_Prod --region eu-west-1 --access role",
            2,
            &["--aws-role-arn ARN"][..],
        ),
        (
            "register other --aws-cluster-name acme_Prod --region eu-west-1 --aws-role-arn nonsense",
            1,
            &["ARN of an IAM role"],
        ),
        (
            "register dev --access capability --aws-role-arn arn:aws:iam::1:role/x",
            2,
            &["the server is then the cluster's ARN"],
        ),
        (&over_long, 1, &["label team", "64 characters", "63 at most"]),
        ("register dev --environment not/valid", 1, &["label environment"]),
        (
            "register dev --annotation aws_region=eu-west-1",
            1,
            &["annotation aws_region is \"us-west-2\""],
        ),
        (
            "register dev --label kubectl-bridge/drain=true",
            1,
            &["kept by this tool"],
        ),
        (
            "register dev --enable karpentr",
            2,
            &["did you mean \"karpenter\"?"],
        ),
        (
            "register dev --metadata-file gone.json",
            1,
            &["metadata file gone.json", "No such file"],
        ),
        (
            &as_server,
            1,
            &["is not the URL of an API server", "--access capability"],
        ),
        (
            "register lab --environment dev --endpoint https://10.0.0.9 --token-file token",
            1,
            &["bearer token", "--allow-credentials-in-folder"],
        ),
        (
            "register lab --environment dev --endpoint https://10.0.0.9 --token-file token --ca-file token",
            1,
            &["--ca-file token", "no PEM certificate"],
        ),
        (
            "register lab --environment dev --endpoint https://10.0.0.9",
            2,
            &["--token-file"],
        ),
    ] {
        with_aws(&bridge, &fake, line).fails(code, parts);
    }
    assert_eq!(bridge.hub_files(), before);
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

/// A kubeconfig with one context for each user.
fn kubeconfig(users: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {server: 'https://127.0.0.1:9'}\ncontexts:\n",
    );
    for (name, _) in users {
        let _ = writeln!(text, "- name: {name}\n  context: {{cluster: c, user: {name}}}");
    }
    text.push_str("users:\n");
    for (name, user) in users {
        let _ = writeln!(text, "- name: {name}\n  user: {user}");
    }
    text
}

#[test]
fn credentials_of_a_kubeconfig_that_cannot_be_kept() {
    let bridge = Bridge::folder(&[("clusters/.keep".into(), String::new())]);
    let text = kubeconfig(&[
        (
            "exec",
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never}}",
        ),
        ("bare", "{}"),
        ("as", "{token: t, as: somebody}"),
    ]);
    std::fs::write(bridge.home().join("config"), text).unwrap();
    for (context, parts) in [
        (
            "exec",
            &[
                "user \"exec\" of context \"exec\"",
                "the plugin \"aws\"",
                "leave --copy-credentials out",
            ][..],
        ),
        ("bare", &["neither a token nor a client certificate"]),
        ("as", &["impersonates"]),
        ("exe", &["no context \"exe\"; did you mean \"exec\"?"]),
    ] {
        let line = format!(
            "register lab --environment dev --spoke-context {context} --spoke-kubeconfig config --copy-credentials"
        );
        bridge.line(&line).fails(1, parts);
    }
    // A context that cannot be reached: nothing is written.
    bridge
        .line("register lab --environment dev --spoke-context bare --spoke-kubeconfig config")
        .fails(1, &["spoke of context \"bare\""]);
    assert_eq!(bridge.hub_files().len(), 1);
}
