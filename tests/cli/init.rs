//! `init`: a hub prepared, on a folder and on a real API server; and what `register` makes of it.

use serde_json::{Value, json};
use testbed::{EksCapability, EksCluster, EksPodIdentity, FakeAws, Hub, IamRole};

use crate::{register::with_aws, run::Bridge};

const ACCOUNTS: [&str; 3] = [
    "argocd-application-controller",
    "argocd-applicationset-controller",
    "argocd-server",
];

async fn setup() -> (Bridge, FakeAws, EksCluster, String) {
    let aws = FakeAws::start().await.unwrap();
    let hub = EksCluster::named("hub");
    aws.add_cluster(hub.clone());
    let role = aws.add_role(IamRole::named("argocd").trusting_service("pods.eks.amazonaws.com"));
    let bridge = Bridge::folder(&[("clusters/.keep".into(), String::new())]);
    (bridge, aws, hub, role)
}

fn shown(bridge: &Bridge, name: &str) -> Value {
    serde_json::from_str(&bridge.run(&["get", name, "-o", "json"]).fine()).unwrap()
}

fn stored(bridge: &Bridge) -> String {
    std::fs::read_to_string(bridge.hub_dir().join("kubectl-bridge-defaults.yaml")).unwrap()
}

#[tokio::test]
async fn a_hub_that_is_not_in_eks() {
    let (bridge, aws, ..) = setup().await;
    let line = "init --access-policy view --region eu-west-1 --addons-repo-url https://example.com/addons \
                --workload-repo-revision v1";
    let before = bridge.hub_files();
    let dry = with_aws(&bridge, &aws, &format!("{line} --dry-run")).fine();
    for part in [
        "+ default access-policy: \"view\"",
        "+ default region: \"eu-west-1\"",
        "+ label environment: \"control-plane\"",
        "+ annotation addons_repo_url: \"https://example.com/addons\"",
        "defaults created (dry run)\ncluster/control-plane created (dry run)\n",
    ] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    assert_eq!(bridge.hub_files(), before);
    let ran = with_aws(&bridge, &aws, line);
    assert!(
        ran.stderr.contains("nothing says which EKS cluster the hub is"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "defaults created\ncluster/control-plane created\n");
    assert_eq!(aws.calls(), []);
    let hub = shown(&bridge, "control-plane");
    assert_eq!(
        (&hub["server"], &hub["environment"], &hub["access"]["type"]),
        (
            &json!("https://kubernetes.default.svc"),
            &json!("control-plane"),
            &json!("in-cluster")
        )
    );
    let annotations = &hub["metadata"]["annotations"];
    assert_eq!(
        (
            &annotations["argocd_namespace"],
            &annotations["workload_repo_revision"]
        ),
        (&json!("argocd"), &json!("v1"))
    );
    // Run again, nothing; then one thing, and only that.
    assert_eq!(
        with_aws(&bridge, &aws, line).fine(),
        "defaults unchanged\ncluster/control-plane unchanged\n"
    );
    let ran = bridge.run(&["init", "--access-policy", "", "--project", "p", "--no-hub-secret"]);
    assert_eq!(ran.fine(), "defaults configured\n");
    let text = stored(&bridge);
    assert!(
        !text.contains("access-policy") && text.contains("project: p") && text.contains("region: eu-west-1"),
        "{text}"
    );
    let plan = bridge.line("init --no-hub-secret -o json").fine();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(
        (&plan["kind"], &plan["defaults"]["result"]),
        (&json!("Plan"), &json!("unchanged"))
    );
}

#[tokio::test]
async fn a_hub_in_eks_and_a_spoke_in_one_word() {
    let (bridge, aws, hub, role) = setup().await;
    let spoke = EksCluster::named("spoke-dev");
    aws.add_cluster(spoke.clone());
    // Argo CD has no role yet: asked for, it gets one.
    let line = format!(
        "init --hub-aws-cluster-name hub --pod-identity-role {role} --region us-west-2 --access direct --access-policy \
         cluster-admin --aws-cluster-name spoke-{{name}} --addons-repo-url https://example.com/addons"
    );
    let snapshot = aws.snapshot();
    let dry = with_aws(&bridge, &aws, &format!("{line} --dry-run")).fine();
    assert_eq!(
        dry.matches("eks:CreatePodIdentityAssociation, iam:PassRole (account 111122223333)")
            .count(),
        3,
        "{dry}"
    );
    assert_eq!(aws.snapshot(), snapshot);
    assert_eq!(
        with_aws(&bridge, &aws, &line).fine(),
        "defaults created\ncluster/control-plane created\n"
    );
    let made = aws.pod_identities(&hub.arn());
    let mut accounts: Vec<_> = made.iter().map(|one| one.service_account.as_str()).collect();
    accounts.sort_unstable();
    assert_eq!(accounts, ACCOUNTS);
    assert!(
        made.iter()
            .all(|one| one.role_arn == role && one.namespace == "argocd")
    );
    assert_eq!(made[0].tags["kubectl-bridge/hub"], hub.arn());
    for part in [
        format!("hub-cluster-arn: {}", hub.arn()),
        format!("hub-role-arn: {role}"),
        "hub-identity: pod-identity".to_owned(),
    ] {
        assert!(stored(&bridge).contains(&part), "{part}: {}", stored(&bridge));
    }
    assert_eq!(
        shown(&bridge, "control-plane")["metadata"]["annotations"]["kubectl-bridge/cluster-arn"],
        hub.arn()
    );
    // A default is changed without AWS.
    assert_eq!(
        bridge.line("init --project default").fine(),
        "defaults configured\ncluster/control-plane unchanged\n"
    );
    // Again: all is there.
    let snapshot = aws.snapshot();
    assert_eq!(
        with_aws(&bridge, &aws, &line).fine(),
        "defaults unchanged\ncluster/control-plane unchanged\n"
    );
    assert_eq!(aws.snapshot(), snapshot);
    // One word, and the hub's own account is not asked.
    aws.clear_calls();
    assert_eq!(
        with_aws(&bridge, &aws, "register dev").fine(),
        "cluster/dev created\n"
    );
    assert!(aws.calls().iter().all(|call| call.object != "hub"));
    let dev = shown(&bridge, "dev");
    assert_eq!(
        (
            &dev["access"]["awsClusterName"],
            &dev["metadata"]["annotations"]["addons_repo_url"]
        ),
        (&json!("spoke-dev"), &json!("https://example.com/addons"))
    );
    assert_eq!(aws.access_entries(&spoke.arn())[0].principal_arn, role);
    let ran = with_aws(&bridge, &aws, "check --all");
    assert!(ran.fine().contains("0 failed, "));
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let (bridge, aws, hub, role) = setup().await;
    let before = (bridge.hub_files(), aws.snapshot());
    for (line, code, parts) in [
        (
            "init --hub-aws-cluster-name nope".to_owned(),
            1,
            &["cannot look up the hub \"nope\" in EKS"][..],
        ),
        (
            format!("init --pod-identity-role {role}"),
            1,
            &["--hub-aws-cluster-name NAME"],
        ),
        (
            "init --hub-aws-cluster-name hub --pod-identity-role arn:aws:iam::999999999999:role/x".to_owned(),
            1,
            &["roles of the cluster's account only, which is 111122223333"],
        ),
        (
            "init --pod-identity-role x".to_owned(),
            2,
            &["not the ARN of an IAM role"],
        ),
        (
            "init --access-policy root".to_owned(),
            2,
            &["--access-policy: \"root\" is no EKS access policy"],
        ),
        (
            "init --aws-cluster-name spoke-{nam}".to_owned(),
            1,
            &["the team's defaults", "did you mean \"name\"?"],
        ),
        ("init --access admin".to_owned(), 2, &["admin"]),
    ] {
        with_aws(&bridge, &aws, &line).fails(code, parts);
    }
    let other = EksPodIdentity::of("argocd", "argocd-server", "arn:aws:iam::111122223333:role/other");
    aws.add_pod_identity(&hub.arn(), other).unwrap();
    let line = format!("init --hub-aws-cluster-name hub --pod-identity-role {role}");
    with_aws(&bridge, &aws, &line).fails(
        1,
        &[
            "argocd/argocd-server",
            "has role arn:aws:iam::111122223333:role/other already",
        ],
    );
    assert_eq!(bridge.hub_files(), before.0);
    assert_eq!(aws.pod_identities(&hub.arn()).len(), 1);
    // A hub whose Argo CD has no role is prepared all the same, and told.
    aws.add_cluster(EksCluster {
        created_at: 1.0,
        ..hub
    });
    let ran = with_aws(&bridge, &aws, "init --hub-aws-cluster-name hub");
    assert!(
        ran.stderr
            .contains("warning: the role of Argo CD is not kept: Argo CD in namespace argocd of hub \"hub\" has no AWS role"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("no default access policy"), "{}", ran.stderr);
    ran.fine();
    assert!(stored(&bridge).contains("hub-cluster-arn") && !stored(&bridge).contains("hub-role-arn"));
    // And it is one cluster under one name.
    bridge
        .line("init other")
        .fails(1, &["the hub is registered as \"control-plane\" already"]);
}

#[tokio::test]
async fn a_managed_hub() {
    let (bridge, aws, hub, role) = setup().await;
    aws.add_capability(&hub.arn(), EksCapability::argo_cd("argocd", &role))
        .unwrap();
    let line = "init hub --hub-aws-cluster-name hub --access-policy cluster-admin";
    assert_eq!(
        with_aws(&bridge, &aws, line).fine(),
        "defaults created\ncluster/hub created\n"
    );
    let text = stored(&bridge);
    assert!(
        text.contains("access: capability") && text.contains("hub-identity: capability"),
        "{text}"
    );
    let shown = shown(&bridge, "hub");
    assert_eq!(
        (&shown["server"], &shown["access"]["type"]),
        (&json!(hub.arn()), &json!("capability"))
    );
    for again in [line, "init"] {
        assert_eq!(
            with_aws(&bridge, &aws, again).fine(),
            "defaults unchanged\ncluster/hub unchanged\n"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_hub() {
    let hub = Hub::shared().await.unwrap();
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let line = "init --access-policy view --region eu-west-1 --aws-cluster-name spoke-{name}";
    let server = bridge.line(&format!("{line} --dry-run=server")).fine();
    assert!(
        server
            .ends_with("defaults created (server dry run)\ncluster/control-plane created (server dry run)\n"),
        "{server}"
    );
    let missing = hub
        .kubectl(&["get", "configmap", "kubectl-bridge-defaults"])
        .await
        .unwrap();
    assert!(missing.stderr.contains("NotFound"), "{}", missing.stderr);
    assert_eq!(
        bridge.line(line).fine(),
        "defaults created\ncluster/control-plane created\n"
    );
    // Somebody else's key stays, and theirs wins until it is said otherwise.
    let patch = [
        "patch",
        "configmap",
        "kubectl-bridge-defaults",
        "-p",
        r#"{"data": {"project": "p"}}"#,
    ];
    hub.kubectl(&patch).await.unwrap().success().unwrap();
    assert_eq!(
        bridge.line("init --region us-east-1 --no-hub-secret").fine(),
        "defaults configured\n"
    );
    let words = [
        "get",
        "configmap",
        "kubectl-bridge-defaults",
        "-o",
        "jsonpath={.data}",
    ];
    let data = hub.kubectl(&words).await.unwrap().success().unwrap();
    let data: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        data,
        json!({"access-policy": "view", "region": "us-east-1", "aws-cluster-name": "spoke-{name}", "project": "p"})
    );
    let control_plane = shown(&bridge, "control-plane");
    assert!(
        control_plane["kubernetesVersion"]
            .as_str()
            .unwrap()
            .starts_with("1.")
    );
    assert_eq!(
        bridge.line("init").fine(),
        "defaults unchanged\ncluster/control-plane unchanged\n"
    );
}
