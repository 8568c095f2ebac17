use serde_json::{Value, json};

use super::*;
use crate::facts::{EksArn, EndpointAccess};

fn facts(name: &str) -> EksFacts {
    EksFacts {
        arn: EksArn {
            partition: "aws".into(),
            region: "us-west-2".into(),
            account: "111122223333".into(),
            name: name.into(),
        },
        status: "ACTIVE".into(),
        endpoint: Some(format!("https://{name}.eks.amazonaws.com")),
        certificate_authority: Some("Q0E=".into()),
        version: Some("1.34".into()),
        vpc_id: Some("vpc-1".into()),
        created_at: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        ..EksFacts::default()
    }
}

fn registration(name: &str, access: Access) -> Registration {
    Registration {
        name: name.into(),
        facts: matches!(access, Access::Direct | Access::Role { .. } | Access::Capability)
            .then(|| facts(name)),
        access,
        grants: None,
        kubernetes_version: None,
        environment: None,
        labels: Map::new(),
        annotations: Map::new(),
        project: None,
        shard: None,
        namespaces: None,
        cluster_resources: None,
        proxy_url: None,
        tls_server_name: None,
    }
}

fn token(server: &str) -> Access {
    Access::Token {
        server: server.into(),
        token: "s3cret".into(),
        ca: None,
    }
}

fn map(pairs: &[(&str, &str)]) -> Map {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

/// The Secret as it would be in the hub after the plan.
fn written(plan: &Plan) -> ClusterSecret {
    let mut secret = plan.secret.clone();
    secret.metadata.labels = Some(plan.after.labels.clone());
    secret.metadata.annotations = Some(plan.after.annotations.clone());
    ClusterSecret::from_secret(secret)
}

fn config(plan: &Plan) -> Value {
    serde_json::from_slice(&plan.secret.data.as_ref().unwrap()["config"].0).unwrap()
}

#[test]
fn a_new_eks_cluster_has_the_shape_of_the_pattern() {
    let mut registration = registration("dev", Access::Direct);
    registration.labels = map(&[("enable_metrics_server", "true"), ("team", "a")]);
    registration.annotations = map(&[("addons_repo_url", "https://git")]);
    let plan = registration.plan(&[]).unwrap();
    let labels = plan.secret.metadata.labels.as_ref().unwrap();
    assert_eq!(
        *labels,
        map(&[
            ("argocd.argoproj.io/secret-type", "cluster"),
            ("aws_cluster_name", "dev"),
            ("cluster_name", "dev"),
            ("enable_metrics_server", "true"),
            ("environment", "dev"),
            ("kubernetes_version", "1.34"),
            ("team", "a"),
        ])
    );
    let annotations = plan.secret.metadata.annotations.as_ref().unwrap();
    for (key, value) in [
        ("addons_repo_url", "https://git"),
        ("aws_account_id", "111122223333"),
        ("aws_cluster_name", "dev"),
        ("aws_region", "us-west-2"),
        ("aws_vpc_id", "vpc-1"),
        ("cluster_name", "dev"),
        ("environment", "dev"),
        ("kubectl-bridge/access", "direct"),
        (
            "kubectl-bridge/cluster-arn",
            "arn:aws:eks:us-west-2:111122223333:cluster/dev",
        ),
        ("kubectl-bridge/schema", "1"),
    ] {
        assert_eq!(annotations.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(
        config(&plan),
        json!({"awsAuthConfig": {"clusterName": "dev"}, "tlsClientConfig": {"insecure": false, "caData": "Q0E="}})
    );
    assert_eq!(plan.secret.string_data, None);
    assert!(plan.changes.is_empty() && plan.current.is_none() && plan.warnings.is_empty());
    assert!(!labels.contains_key("enable_argocd"));
}

#[test]
fn the_other_shapes() {
    let role_arn = "arn:aws:iam::111122223333:role/spoke".to_owned();
    let plan = registration(
        "dev",
        Access::Role {
            role_arn: role_arn.clone(),
        },
    )
    .plan(&[])
    .unwrap();
    assert_eq!(config(&plan)["awsAuthConfig"]["roleARN"], role_arn.as_str());

    let plan = registration("dev", Access::Capability).plan(&[]).unwrap();
    let data = plan.secret.data.as_ref().unwrap();
    assert_eq!(
        plan.after.server,
        "arn:aws:eks:us-west-2:111122223333:cluster/dev"
    );
    assert_eq!(plan.after.project, "default");
    assert!(!data.contains_key("config"));

    let plan = registration("dev", token("https://10.0.0.1:6443"))
        .plan(&[])
        .unwrap();
    assert_eq!(config(&plan)["bearerToken"], "s3cret");
    assert!(!format!("{:?}", registration("dev", token("https://x"))).contains("s3cret"));
    let bytes = format!("{:?}", &plan.secret.data.as_ref().unwrap()["config"]);
    assert!(!format!("{plan:?}").contains(&bytes), "{bytes}");
    assert!(plan.diffs.iter().all(|diff| diff.to.as_deref() != Some("s3cret")));

    let mut hub = registration("control-plane", Access::InCluster);
    hub.facts = Some(facts("hub-eks"));
    let plan = hub.plan(&[]).unwrap();
    assert_eq!(plan.after.server, "https://kubernetes.default.svc");
    assert_eq!(plan.after.environment(), Some("control-plane"));
    assert_eq!(plan.after.annotations["aws_cluster_name"], "hub-eks");
}

#[test]
fn run_again_it_updates_what_it_owns_and_keeps_what_it_is_not_told() {
    let mut first = registration("spoke-1", Access::Direct);
    first.environment = Some("qa".into());
    first.project = Some("team-a".into());
    first.shard = Some(2);
    first.namespaces = Some(vec!["a".into(), "b".into()]);
    first.cluster_resources = Some(true);
    first.labels = map(&[("enable_keda", "true")]);
    let mut now = written(&first.plan(&[]).unwrap());
    // What others did in between.
    now.cluster.labels.insert("enable_vpa".into(), "false".into());
    now.cluster.annotations.insert("note".into(), "x".into());
    now.config = crate::connection::Config::parse(
        br#"{"awsAuthConfig":{"clusterName":"spoke-1","profile":"p"},"disableCompression":true,"tlsClientConfig":{"insecure":false,"caData":"b2xk","serverName":"n"}}"#,
    );

    let mut again = registration("spoke-1", Access::Direct);
    again.facts.as_mut().unwrap().version = Some("1.35".into());
    again.facts.as_mut().unwrap().vpc_id = None;
    again.labels = map(&[("team", "b")]);
    let plan = again.plan(std::slice::from_ref(&now)).unwrap();
    let diffs: Vec<(&str, &str)> = plan.diffs.iter().map(|d| (d.kind, d.key.as_str())).collect();
    assert_eq!(
        diffs,
        [
            ("label", "kubernetes_version"),
            ("label", "team"),
            ("data", "config")
        ]
    );
    // The apply holds the fixed set only, and in it what has no new value.
    let labels = plan.secret.metadata.labels.as_ref().unwrap();
    assert!(labels.keys().all(|key| FIXED_LABELS.contains(&key.as_str())));
    assert_eq!(labels["environment"], "qa");
    assert_eq!(
        plan.secret.metadata.annotations.as_ref().unwrap()["aws_vpc_id"],
        "vpc-1"
    );
    assert_eq!(
        plan.changes.labels,
        [("team".to_owned(), Some("b".to_owned()))].into()
    );
    assert_eq!(plan.after.labels["enable_keda"], "true");
    let data = plan.secret.data.as_ref().unwrap();
    for (key, value) in [
        ("project", "team-a"),
        ("shard", "2"),
        ("namespaces", "a,b"),
        ("clusterResources", "true"),
    ] {
        assert_eq!(data[key].0, value.as_bytes(), "{key}");
    }
    assert_eq!(
        config(&plan),
        json!({"awsAuthConfig": {"clusterName": "spoke-1", "profile": "p"}, "disableCompression": true,
            "tlsClientConfig": {"insecure": false, "caData": "Q0E=", "serverName": "n"}})
    );
    // And once more: nothing differs.
    let now = written(&plan);
    assert_eq!(again.plan(&[now]).unwrap().diffs, []);
}

#[test]
fn the_environment_is_found_in_order() {
    let environment = |name: &str, flag: Option<&str>, tag: Option<&str>| {
        let mut registration = registration(name, Access::Direct);
        registration.environment = flag.map(str::to_owned);
        if let Some(tag) = tag {
            registration
                .facts
                .as_mut()
                .unwrap()
                .tags
                .insert("Environment".into(), tag.into());
        }
        registration
            .plan(&[])
            .map(|plan| plan.after.environment().unwrap_or_default().to_owned())
    };
    assert_eq!(environment("dev", Some("qa"), Some("prod")).unwrap(), "qa");
    assert_eq!(environment("dev", None, Some("prod")).unwrap(), "prod");
    assert_eq!(environment("staging", None, None).unwrap(), "staging");
    assert_eq!(
        environment("spoke-1", None, None).unwrap_err(),
        RegistrationError::NoEnvironment("spoke-1".into())
    );
    let error = environment("spoke-1", None, Some("a b")).unwrap_err().to_string();
    assert!(error.contains("EKS tag \"Environment\""), "{error}");
    // On an update: what it was, before the tag.
    let mut first = registration("spoke-1", Access::Direct);
    first.environment = Some("qa".into());
    let now = written(&first.plan(&[]).unwrap());
    let mut again = registration("spoke-1", Access::Direct);
    again
        .facts
        .as_mut()
        .unwrap()
        .tags
        .insert("environment".into(), "prod".into());
    assert_eq!(again.plan(&[now]).unwrap().after.environment(), Some("qa"));
}

#[test]
fn refusals_name_what_is_in_the_way() {
    let hub = [written(&registration("dev", Access::Direct).plan(&[]).unwrap())];
    let error = |registration: Registration| registration.plan(&hub).unwrap_err().to_string();
    let mut other = registration("prod", token("https://dev.eks.amazonaws.com/"));
    assert!(error(other.clone()).contains("Secret \"dev\" in the hub has the same server"));
    other = registration("prod", Access::Capability);
    other.facts = Some(facts("dev"));
    assert!(error(other).contains("the same EKS cluster, arn:aws:eks"));
    let mut moved = registration("dev", Access::Direct);
    moved.facts = Some(facts("dev2"));
    assert!(
        error(moved).contains("\"dev\" is registered for arn:aws:eks:us-west-2:111122223333:cluster/dev")
    );
    assert!(
        error(registration("Dev", token("https://z"))).contains("Secret \"dev\" in the hub has the name")
    );
    for (name, part) in [
        ("日本", "cannot name a Secret"),
        (&"x".repeat(64), "label cluster_name"),
        ("a b", "label cluster_name"),
    ] {
        assert!(
            error(registration(name, token("https://z"))).contains(part),
            "{name}"
        );
    }
    for status in ["CREATING", "DELETING", "FAILED", "PENDING"] {
        let mut gone = registration("staging", Access::Direct);
        gone.facts.as_mut().unwrap().status = status.into();
        assert!(error(gone).contains(&format!("\"staging\" is {status}")));
    }
    assert!(error(registration("prod", token("arn:aws:eks:r:a:cluster/x"))).contains("--access capability"));
    assert!(
        error(registration(
            "prod",
            Access::Role {
                role_arn: "spoke".into()
            }
        ))
        .contains("ARN of an IAM role")
    );
    let mut no_ca = registration("prod", Access::Direct);
    no_ca.facts.as_mut().unwrap().certificate_authority = None;
    assert!(error(no_ca).contains("without certificateAuthority.data"));
    let mut twice = hub.to_vec();
    twice.push(hub[0].clone());
    twice[1].cluster.secret_name = "dev-2".into();
    let error = registration("dev", Access::Direct)
        .plan(&twice)
        .unwrap_err()
        .to_string();
    assert!(error.contains("(dev, dev-2)"), "{error}");
}

#[test]
fn keys_given_by_hand() {
    let with = |labels: &[(&str, &str)], annotations: &[(&str, &str)]| {
        let mut registration = registration("dev", Access::Direct);
        registration.labels = map(labels);
        registration.annotations = map(annotations);
        registration.plan(&[])
    };
    assert!(
        with(
            &[],
            &[("aws_region", "us-west-2"), ("aws_platform_version", "eks.9")]
        )
        .is_ok()
    );
    for (labels, annotations, part) in [
        (
            &[("team", &*"x".repeat(64))][..],
            &[][..],
            "label team: the value",
        ),
        (&[("environment", "qa")], &[], "--environment"),
        (&[("kubectl-bridge/drain", "true")], &[], "kept by this tool"),
        (&[("argocd.argoproj.io/secret-type", "x")], &[], "unregister"),
        (
            &[],
            &[("aws_region", "eu-west-1")],
            "annotation aws_region is \"us-west-2\"",
        ),
        (&[], &[("a b", "c")], "is not a label or annotation key"),
    ] {
        let error = with(labels, annotations).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn warnings_where_nothing_has_to_stop() {
    let long = "X_".to_owned() + &"y".repeat(80);
    let mut eks = registration("dev", Access::Direct);
    let facts = eks.facts.as_mut().unwrap();
    facts.arn.name.clone_from(&long);
    facts.authentication_mode = Some("CONFIG_MAP".into());
    facts.endpoint_access = Some(EndpointAccess {
        public: false,
        private: true,
        public_cidrs: vec![],
    });
    let mut broken = written(&registration("staging", Access::Direct).plan(&[]).unwrap());
    broken.config = crate::connection::Config::parse(b"{");
    let plan = eks.plan(&[broken]).unwrap();
    assert!(!plan.after.labels.contains_key("aws_cluster_name"));
    assert_eq!(plan.after.annotations["aws_cluster_name"], long);
    for part in [
        "aws-auth",
        "is private",
        "is no label value",
        "Secret \"staging\"",
    ] {
        assert!(
            plan.warnings.iter().any(|warning| warning.contains(part)),
            "{part}: {:?}",
            plan.warnings
        );
    }
    eks.access = Access::Capability;
    assert!(matches!(eks.plan(&[]), Err(RegistrationError::ConfigMapMode(_))));

    let mut now = written(&registration("dev", Access::Direct).plan(&[]).unwrap());
    let mut anew = registration("dev", Access::Direct);
    anew.facts.as_mut().unwrap().created_at = Some("2026-09-02T03:04:05Z".parse().unwrap());
    let plan = anew.plan(std::slice::from_ref(&now)).unwrap();
    assert!(plan.warnings[0].contains("created anew"), "{:?}", plan.warnings);
    now.cluster
        .labels
        .insert("kubectl-bridge/drain".into(), "true".into());
    assert_eq!(
        anew.plan(&[now]).unwrap_err(),
        RegistrationError::Draining("dev".into())
    );
}

#[test]
fn what_is_not_said_about_the_way_in_stays() {
    let now = written(&registration("dev", token("https://10.0.0.1")).plan(&[]).unwrap());
    let mut again = registration("dev", Access::Keep);
    assert!(matches!(
        again.plan(&[]),
        Err(RegistrationError::NothingToKeep(_))
    ));
    again.labels = map(&[("enable_keda", "true")]);
    let plan = again.plan(std::slice::from_ref(&now)).unwrap();
    assert_eq!(plan.diffs.len(), 1, "{:?}", plan.diffs);
    assert_eq!(plan.after.annotations["kubectl-bridge/access"], "token");
    assert!(!plan.secret.data.as_ref().unwrap().contains_key("config"));
    again.proxy_url = Some("socks5://proxy:1080".into());
    let plan = again.plan(&[now]).unwrap();
    assert_eq!(config(&plan)["bearerToken"], "s3cret");
    assert_eq!(config(&plan)["proxyUrl"], "socks5://proxy:1080");
    // Where there is no config to keep it in, a proxy must not be lost without a word.
    let mut broken = written(&registration("dev", token("https://10.0.0.1")).plan(&[]).unwrap());
    broken.config = crate::connection::Config::parse(b"{");
    assert!(matches!(
        again.plan(std::slice::from_ref(&broken)),
        Err(RegistrationError::ProxyWithoutConfig)
    ));
    again.proxy_url = None;
    let plan = again.plan(&[broken]).unwrap();
    assert!(
        plan.warnings[0].contains("deletes no Application"),
        "{:?}",
        plan.warnings
    );
    // How somebody else registered it is read from its config.
    let mut foreign = written(&registration("dev", token("https://10.0.0.1")).plan(&[]).unwrap());
    foreign.cluster.annotations.clear();
    let plan = again.plan(&[foreign]).unwrap();
    assert_eq!(plan.after.annotations["kubectl-bridge/access"], "token");
}
