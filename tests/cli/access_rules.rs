//! Access in AWS: what is refused, what belongs to others, what a team and its halves need.

use serde_json::{Value, json};
use testbed::{Access, EksAccessEntry, EksCluster, EksPodIdentity, IamRole, Spoke};

use crate::{
    access::{AWAY, HOME, Identity, PLATFORM, Stage, text},
    run::Ran,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_others_made_is_used_and_kept() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let arn = stage.spoke.arn();
    let by_hand = EksAccessEntry::of(&stage.role).with_policy("AmazonEKSViewPolicy", &[]);
    stage.fake.add_access_entry(&arn, by_hand).unwrap();
    let before = stage.fake.snapshot();
    stage
        .line(&stage.register("--access-policy cluster-admin"))
        .fails(
            1,
            &[
                "was not made by this tool and differs",
                "it has no AmazonEKSClusterAdminPolicy",
                "--adopt",
            ],
        );
    let ran = stage.line(&stage.register(""));
    assert!(
        ran.stderr
            .contains("is used as it is (AmazonEKSViewPolicy for the whole cluster)"),
        "{}",
        ran.stderr
    );
    ran.fine();
    stage.line(&stage.unregister()).fine();
    assert_eq!(stage.fake.snapshot(), before);
    // Taken over it is as wanted, and goes with the cluster.
    stage
        .line(&stage.register("--access-policy cluster-admin --adopt"))
        .fine();
    assert!(stage.admin_of(&stage.role));
    // Marked by another hub in the meantime: it is not ours any more.
    let theirs = stage.entry(&stage.role).unwrap().with_tag(
        "kubectl-bridge/hub",
        "arn:aws:eks:us-west-2:111122223333:cluster/other",
    );
    stage.fake.add_access_entry(&arn, theirs).unwrap();
    stage
        .line(&stage.register(""))
        .fails(1, &["belongs to another hub", "cluster/other"]);
    let ran = stage.line(&stage.unregister());
    assert!(
        ran.stderr.contains("stays in AWS: the access entry of"),
        "{}",
        ran.stderr
    );
    ran.fine();
    assert!(stage.entry(&stage.role).is_some());
    // Also where the other hub has a role of its own.
    let elsewhere = stage.fake.add_role(IamRole::named("argocd-other"));
    stage.fake.remove_access_entry(&arn, &stage.role);
    let entry = EksAccessEntry::of(&elsewhere).with_tag("kubectl-bridge/hub", "arn:other");
    stage.fake.add_access_entry(&arn, entry).unwrap();
    stage
        .line(&stage.register("--access-policy view"))
        .fails(1, &["argocd-other", "belongs to another hub, arn:other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_before_anything_is_written() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let clean = stage.fake.snapshot();
    stage
        .line(&stage.register(""))
        .fails(1, &["it is not said how much Argo CD may do", "--access-policy"]);
    stage
        .line(&stage.register("--access-groups system:masters"))
        .fails(1, &["system:masters", "--access-policy cluster-admin"]);
    stage
        .line(&stage.register("--access-policy root"))
        .fails(1, &["no EKS access policy"]);
    stage
        .line(&stage.register("--access-policy view --access-namespaces team-*"))
        .fails(2, &["Argo CD has to be told each namespace"]);
    stage
        .line(&stage.register("--access capability --access-policy view"))
        .fails(1, &["is no EKS capability"]);
    stage
        .line("register dev --access-policy view")
        .fails(2, &["--hub-aws-cluster-name"]);
    stage
        .line(&stage.register("--aws-role-arn arn:aws:iam::111122223333:role/nope --access-policy view"))
        .fails(1, &["role/nope does not exist", "--create-role"]);
    let distrusts = stage
        .fake
        .add_role(IamRole::named("spoke").trusting_service("ec2.amazonaws.com"));
    let clean_with_role = stage.fake.snapshot();
    stage
        .line(&stage.register(&format!("--aws-role-arn {distrusts} --access-policy view")))
        .fails(1, &["Argo CD cannot assume", "sts:TagSession", "\"Statement\""]);
    assert_eq!(stage.fake.snapshot(), clean_with_role);
    stage.fake.remove_role(&distrusts);
    stage.fake.add_cluster(EksCluster {
        authentication_mode: "CONFIG_MAP".into(),
        ..stage.spoke.clone()
    });
    stage
        .line(&stage.register("--access-policy view"))
        .fails(1, &["CONFIG_MAP", "update-cluster-config", "--skip-access"]);
    stage.is_clean(&clean, "refusals").await;
    stage.line(&stage.register("--skip-access")).fine();
    assert_eq!(stage.fake.snapshot(), clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_halves_and_some_namespaces() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let clean = stage.fake.snapshot();
    let access = "--access-policy edit --access-namespaces a,b";
    let half = stage.register(&format!("{access} --access-only"));
    assert_eq!(stage.line(&half).fine(), "cluster/dev access granted\n");
    assert_eq!(stage.secret().await, None);
    assert_eq!(stage.line(&half).fine(), "cluster/dev access unchanged\n");
    let plan: Value = serde_json::from_str(
        &stage
            .line(&stage.register(&format!("{access} --dry-run -o json")))
            .fine(),
    )
    .unwrap();
    assert_eq!(plan["kind"], "Plan");
    assert_eq!(plan["awsSteps"], Value::Null);
    assert_eq!(
        stage.line(&stage.register(access)).fine(),
        "cluster/dev created\n"
    );
    let secret = stage.secret().await.unwrap();
    assert_eq!(
        (text(&secret, "namespaces"), text(&secret, "clusterResources")),
        ("a,b".into(), "false".into())
    );
    let Access::Granted { policies, .. } = stage.fake.access(&stage.spoke.arn(), &stage.role) else {
        unreachable!("no access")
    };
    assert_eq!(policies["AmazonEKSEditPolicy"], ["a", "b"]);
    // Less, and for programs.
    let plan = stage
        .line(&stage.register("--access-policy view --dry-run -o json"))
        .fine();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let actions: Vec<&Value> = plan["awsSteps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["action"])
        .collect();
    assert_eq!(
        actions,
        [
            "eks:AssociateAccessPolicy",
            "eks:DisassociateAccessPolicy",
            "eks:DescribeAccessEntry"
        ]
    );
    assert_eq!(plan["awsSteps"][0]["account"], HOME);
    stage.line(&stage.unregister()).fine();
    stage.is_clean(&clean, "both halves").await;
    // And apart again: the Secret first, then by its marks what is in AWS.
    stage
        .line(&stage.register(&format!("{access} --create-role")))
        .fine();
    let half = "unregister dev --access-only --hub-aws-cluster-name hub";
    stage
        .line(half)
        .fails(1, &["Argo CD still knows cluster/dev", "--skip-access"]);
    let ran = stage.line("unregister dev --skip-access");
    assert!(
        ran.stderr
            .contains("aws eks delete-access-entry --region us-west-2 --cluster-name dev"),
        "{}",
        ran.stderr
    );
    ran.fine();
    assert!(
        stage
            .line(&format!("{half} --dry-run"))
            .fine()
            .contains("AWS: delete IAM role")
    );
    assert_eq!(stage.line(half).fine(), "cluster/dev access removed\n");
    stage.is_clean(&clean, "both halves apart").await;
    assert_eq!(stage.line(half).fine(), "cluster/dev access unchanged\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_word_with_the_defaults_of_a_team() {
    let stage = Stage::set(Identity::Pods, AWAY).await;
    stage.fake.add_cluster(EksCluster {
        region: "eu-west-1".into(),
        tags: [("team".to_owned(), "a".to_owned())].into(),
        ..EksCluster {
            name: "spoke-prod".into(),
            account: AWAY.into(),
            ..EksCluster::default()
        }
    });
    let arn = format!("arn:aws:eks:eu-west-1:{AWAY}:cluster/spoke-prod");
    let karpenter = EksPodIdentity {
        namespace: "karpenter".into(),
        service_account: "karpenter".into(),
        role_arn: format!("arn:aws:iam::{AWAY}:role/karpenter"),
        ..EksPodIdentity::default()
    };
    stage.fake.add_pod_identity(&arn, karpenter).unwrap();
    let role = stage.fake.add_role(
        IamRole::named("prod-a")
            .in_account(AWAY)
            .trusting_principal(&stage.role, &["sts:AssumeRole", "sts:TagSession"]),
    );
    let defaults = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: kubectl-bridge-defaults}}, data: {{region: eu-west-1, access: role, \
         access-policy: edit, access-namespaces: 'x,y', aws-cluster-name: 'spoke-{{name}}', aws-role-arn: \
         'arn:aws:iam::{{account}}:role/{{name}}-{{tag:team}}', assume-role: {PLATFORM}, hub-cluster-arn: \
         'arn:aws:eks:us-west-2:{HOME}:cluster/hub', hub-role-arn: '{}', hub-identity: pod-identity, project: team, addons_repo_url: \
         'https://example.com/addons'}}}}",
        stage.role
    );
    stage.hub.apply(&defaults).await.unwrap();
    // The other account trusts the hub's role, and its own does not let it go there.
    stage
        .line("register prod")
        .fails(1, &["argocd-hub may not assume", "role/prod-a", "\"Statement\""]);
    // Who may not ask what a role may do goes on, and is told.
    stage.fake.deny(HOME, "iam:SimulatePrincipalPolicy");
    let ran = stage.line("register prod --dry-run");
    assert!(
        ran.stderr.contains("whether") && ran.stderr.contains("was not checked"),
        "{}",
        ran.stderr
    );
    ran.fine();
    stage.fake.allow_all();
    let hub = stage.fake.role(&stage.role).unwrap();
    stage
        .fake
        .add_role(hub.allowing("spokes", &["sts:AssumeRole", "sts:TagSession"], &role));
    let ran = stage.line("register prod");
    assert!(!ran.stderr.contains("whether"), "{}", ran.stderr);
    assert_eq!(ran.fine(), "cluster/prod created\n");
    let entries = stage.fake.access_entries(&arn);
    assert_eq!(
        (entries[0].principal_arn.as_str(), entries.len()),
        (role.as_str(), 1)
    );
    assert_eq!(entries[0].policies[0].namespaces, ["x", "y"]);
    let words = ["get", "secret", "prod", "-o", "json"];
    let secret: Value =
        serde_json::from_str(&stage.hub.kubectl(&words).await.unwrap().success().unwrap()).unwrap();
    let annotations = &secret["metadata"]["annotations"];
    for (key, value) in [
        ("addons_repo_url", "https://example.com/addons"),
        (
            "karpenter_iam_role_arn",
            "arn:aws:iam::444455556666:role/karpenter",
        ),
        ("karpenter_namespace", "karpenter"),
        ("aws_cluster_name", "spoke-prod"),
    ] {
        assert_eq!(annotations[key], value, "{key}");
    }
    assert_eq!(secret["data"]["project"], "dGVhbQ==");
    assert_eq!(stage.line("register prod").fine(), "cluster/prod unchanged\n");
    stage.line("unregister prod").fine();
    assert_eq!(stage.fake.access_entries(&arn), []);
    assert!(stage.fake.role(&role).is_some(), "it was not made by this tool");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_was_left_beside_the_secret_goes() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let (register, clean) = (stage.register("--access-policy view"), stage.fake.snapshot());
    assert_eq!(stage.line("unregister --hub").fine(), "");
    // As a run leaves it that is killed once the Secret is written.
    stage.killed_at(&register, 1, false);
    let words = ["get", "secret", "kubectl-bridge-op-dev", "-o", "json"];
    let note = stage.hub.kubectl(&words).await.unwrap().success().unwrap();
    let mut note: Value = serde_json::from_str(&note).unwrap();
    for key in ["resourceVersion", "uid", "creationTimestamp", "managedFields"] {
        note["metadata"].as_object_mut().unwrap().remove(key);
    }
    for then in [register.as_str(), "unregister dev"] {
        stage.line(&register).fine();
        let order = stage.line("unregister --hub").fine();
        assert!(
            order.starts_with(
                "1. kubectl bridge unregister dev (0 Applications; access in AWS goes with it)\n2. take away"
            ),
            "{order}"
        );
        stage.hub.apply(&note.to_string()).await.unwrap();
        stage.line(then).fine();
        assert_eq!(stage.notes().await, "", "{then}");
    }
    stage.is_clean(&clean, "the note").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_are_gone_or_made_anew() {
    let stage = Stage::set(Identity::Pods, HOME).await;
    let clean = stage.fake.snapshot();
    let register = stage.register("--create-role --access-policy cluster-admin");
    stage.line(&register).fine();
    let role = "arn:aws:iam::111122223333:role/argocd-spoke-us-west-2-dev";
    // The role was made anew by somebody: the entry lets nobody in any more, and does not show it.
    stage.fake.recreate_role(role).unwrap();
    assert_eq!(stage.fake.access(&stage.spoke.arn(), role), Access::Stale);
    let ran = stage.line(&stage.register(""));
    assert!(ran.stderr.contains("is older than that role"), "{}", ran.stderr);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(stage.admin_of(role));
    // Other credentials see another account, where nothing of it is.
    let words: Vec<&str> = "unregister dev --drain --yes".split(' ').collect();
    let output = stage
        .bridge
        .command(&words)
        .envs(stage.fake.env())
        .env("AWS_ACCESS_KEY_ID", AWAY)
        .output()
        .unwrap();
    Ran::of(&words, &output).fails(
        1,
        &["is in account 111122223333", "of 444455556666", "--skip-access"],
    );
    stage.fake.remove_cluster(&stage.spoke.arn());
    let ran = stage.line("unregister dev --drain --yes");
    assert!(
        ran.stderr.contains("EKS does not know the cluster any more"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "cluster/dev deleted\n");
    assert_eq!(stage.fake.role(role), None);
    assert_eq!(stage.notes().await, "");
    stage.fake.add_cluster(stage.spoke.clone());
    assert_eq!(stage.fake.snapshot()["roles"], clean["roles"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registered_config_reaches_a_real_api_server() {
    let (stage, spoke) = tokio::join!(Stage::set(Identity::Pods, HOME), Spoke::start());
    let spoke = spoke.unwrap();
    stage.fake.add_cluster(EksCluster {
        endpoint: spoke.server(),
        ca: std::fs::read_to_string(spoke.ca_file()).unwrap(),
        ..stage.spoke.clone()
    });
    stage
        .line(&stage.register("--access-policy cluster-admin"))
        .fine();
    let secret = stage.secret().await.unwrap();
    let config: Value = serde_json::from_str(&text(&secret, "config")).unwrap();
    assert_eq!(config["awsAuthConfig"], json!({"clusterName": "dev"}));
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "dev",
        "clusters": [{"name": "dev", "cluster": {
            "server": text(&secret, "server"),
            "certificate-authority-data": config["tlsClientConfig"]["caData"],
        }}],
        "users": [{"name": "dev", "user": {"token": spoke.token().await.unwrap()}}],
        "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": "dev"}}],
    });
    let file = stage.bridge.home().join("registered");
    std::fs::write(&file, kubeconfig.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let words = [
        "--kubeconfig",
        file,
        "--context",
        "dev",
        "get",
        "namespace",
        "kube-system",
        "-o",
        "name",
    ];
    let seen = spoke.kubectl(&words).await.unwrap().success().unwrap();
    assert_eq!(seen, "namespace/kube-system\n");
}
