use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde_json::{Value, json};

use super::*;
use crate::{
    access::{AccessEntry, AssociatedPolicy, Role, Scope},
    applicationset::ApplicationSet,
    defaults::Defaults,
    facts::{EksArn, EksFacts, EndpointAccess},
    finding::{Finding, Severity},
    secret::ClusterSecret,
};

const ENDPOINT: &str = "https://A.gr7.eu-west-1.eks.amazonaws.com";
const ARN: &str = "arn:aws:eks:eu-west-1:111122223333:cluster/dev";
const HUB_ROLE: &str = "arn:aws:iam::111122223333:role/hub";
const SPOKE_ROLE: &str = "arn:aws:iam::444455556666:role/dev-argocd";

/// A Secret named like its cluster unless `data` says otherwise.
fn secret(name: &str, labels: &Value, annotations: &Value, data: &Value) -> ClusterSecret {
    let strings = |value: &Value| serde_json::from_value(value.clone()).unwrap();
    let mut secret = Secret::default();
    secret.metadata.name = Some(name.into());
    secret.metadata.labels = Some(strings(labels));
    secret.metadata.annotations = Some(strings(annotations));
    let mut all = std::collections::BTreeMap::from([("name".to_owned(), ByteString(name.into()))]);
    for (key, value) in data.as_object().unwrap() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        all.insert(key.clone(), ByteString(text.into_bytes()));
    }
    secret.data = Some(all);
    ClusterSecret::from_secret(secret)
}

fn spoke(name: &str, server: &str) -> ClusterSecret {
    secret(
        name,
        &json!({}),
        &json!({}),
        &json!({"server": server, "config": {"bearerToken": "t"}}),
    )
}

fn look(clusters: &[ClusterSecret]) -> HubLook<'_> {
    HubLook {
        namespace: "argocd",
        clusters,
        sets: Look::Seen(Vec::new()),
        notes: Look::Seen(Vec::new()),
        images: Look::Seen(vec!["quay.io/argoproj/argocd:v3.6.1".into()]),
        defaults: Look::Absent,
    }
}

/// `code severity cluster` of all that is not well.
fn troubles(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .filter(|finding| finding.severity != Severity::Ok)
        .map(|finding| {
            assert!(!finding.cause.is_empty(), "{finding:?}");
            let cluster = finding.cluster.as_deref().unwrap_or("-");
            format!("{} {} {cluster}", finding.check.code, finding.severity.sign())
        })
        .collect()
}

#[test]
fn a_hub_where_all_is_well() {
    let clusters = [spoke("a", "https://a"), spoke("b", "https://b")];
    let findings = hub(&look(&clusters));
    assert_eq!(troubles(&findings), [""; 0]);
    let codes: Vec<&str> = findings.iter().map(|finding| finding.check.code).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    assert_eq!(codes.len(), 12);
}

#[test]
fn secrets_that_break_a_hub() {
    let empty = json!({});
    let data = |data: Value| secret("x", &empty, &empty, &data);
    let token = json!({"bearerToken": "t"});
    for (clusters, expected) in [
        (vec![data(json!({"config": token}))], vec!["KB101 × x"]),
        (
            vec![data(json!({"name": "", "config": token}))],
            vec!["KB101 × x"],
        ),
        (
            vec![
                spoke("a", "https://a"),
                data(json!({"name": "a", "server": "https://b", "config": token})),
            ],
            vec!["KB102 × a", "KB102 × a"],
        ),
        (
            vec![spoke("a", "https://a"), spoke("b", "https://a/")],
            vec!["KB103 × a", "KB103 × b"],
        ),
        (
            vec![data(json!({"server": "https://x", "config": "{oops"}))],
            vec!["KB104 × x"],
        ),
        (
            vec![data(json!({"server": "https://x", "config": {}}))],
            vec!["KB105 × x"],
        ),
        (
            vec![data(json!({"server": "https://kubernetes.default.svc"}))],
            vec![],
        ),
        (
            vec![data(json!({"server": ARN, "project": "p"}))],
            vec!["KB106 × x"],
        ),
        (
            vec![secret(
                "x",
                &json!({"environment": "dev"}),
                &json!({"environment": "prod"}),
                &json!({"server": "https://x", "config": token}),
            )],
            vec!["KB107 ‼ x"],
        ),
        (
            vec![secret(
                "x",
                &json!({"kubectl-bridge/drain": "true"}),
                &empty,
                &json!({"server": "https://x", "config": token}),
            )],
            vec!["KB110 ‼ x"],
        ),
    ] {
        assert_eq!(troubles(&hub(&look(&clusters))), expected);
    }
}

#[test]
fn a_malformed_config_is_never_quoted() {
    let data = json!({"server": "https://x", "config": "{\"bearerToken\": hunter2}"});
    let clusters = [secret("x", &json!({}), &json!({}), &data)];
    let text = format!("{:?}", hub(&look(&clusters)));
    assert!(text.contains("KB104") && !text.contains("hunter2"), "{text}");
}

#[test]
fn shapes_on_a_managed_hub() {
    let arn = |project: &str, config: Value| {
        let mut data = json!({"server": ARN, "project": project});
        if !config.is_null() {
            data["config"] = config;
        }
        secret("x", &json!({}), &json!({}), &data)
    };
    let capability = Defaults {
        access: Some("capability".into()),
        ..Defaults::default()
    };
    for (secret, expected) in [
        (arn("p", json!(null)), vec![]),
        (arn("", json!(null)), vec!["KB106 × x"]),
        (
            arn("p", json!({"awsAuthConfig": {"clusterName": "dev"}})),
            vec!["KB106 ‼ x"],
        ),
        (spoke("x", ENDPOINT), vec!["KB106 × x"]),
    ] {
        let clusters = [secret];
        let seen = HubLook {
            images: Look::Seen(Vec::new()),
            defaults: Look::Seen(capability.clone()),
            ..look(&clusters)
        };
        let mut found = troubles(&hub(&seen));
        // No Argo CD of its own: its release cannot be told.
        found.retain(|line| line != "KB111 ? -");
        assert_eq!(found, expected);
    }
}

fn set(name: &str, generator: &Value) -> ApplicationSet {
    ApplicationSet::from_json(&json!({
        "kind": "ApplicationSet", "metadata": {"name": "set", "namespace": "argocd"},
        "spec": {"goTemplate": true, "generators": [generator], "template": {"metadata": {"name": name}}},
        "status": {"conditions": [{"type": "ErrorOccurred", "status": "False"}]},
    }))
    .unwrap()
}

#[test]
fn names_of_applications() {
    let long = "a".repeat(50);
    let clusters = [spoke(&long, "https://a"), spoke("b", "https://b")];
    let seen = |set: ApplicationSet| HubLook {
        sets: Look::Seen(vec![set]),
        ..look(&clusters)
    };
    let all = json!({"clusters": {}});
    let findings = hub(&seen(set("addon-{{.name}}-secrets-store", &all)));
    assert_eq!(troubles(&findings), [format!("KB108 ‼ {long}")]);
    let findings = hub(&seen(set("cluster-addons", &all)));
    assert_eq!(troubles(&findings), ["KB109 × -"]);
    assert!(
        findings
            .iter()
            .any(|finding| finding.object == "ApplicationSet argocd/set")
    );
}

#[test]
fn what_cannot_be_seen_is_no_failure() {
    let clusters = [spoke("a", "https://a")];
    let no = || "secrets is forbidden".to_owned();
    let seen = HubLook {
        sets: Look::Unknown(no()),
        notes: Look::Unknown(no()),
        images: Look::Unknown(no()),
        ..look(&clusters)
    };
    assert_eq!(
        troubles(&hub(&seen)),
        ["KB108 ? -", "KB109 ? -", "KB110 ? -", "KB111 ? -", "KB112 ? -"]
    );
    // And a folder has none of it.
    let folder = HubLook {
        sets: Look::Seen(Vec::new()),
        notes: Look::Absent,
        images: Look::Absent,
        ..look(&clusters)
    };
    assert_eq!(troubles(&hub(&folder)), [""; 0]);
}

#[test]
fn notes_and_releases_and_errors() {
    let clusters = [spoke("a", "https://a")];
    let note = |cluster: &str| Note {
        secret: format!("kubectl-bridge-op-{cluster}"),
        kind: "drain".into(),
        cluster: cluster.into(),
        started: "2026-01-01T00:00:00Z".into(),
    };
    let failing = json!({"kind": "ApplicationSet", "metadata": {"name": "s"}, "spec": {"generators": []},
        "status": {"conditions": [{"type": "ErrorOccurred", "status": "True", "reason": "R", "message": "m"}]}});
    let seen = HubLook {
        notes: Look::Seen(vec![note("a"), note("gone"), note("")]),
        images: Look::Seen(vec!["quay.io/argoproj/argocd:v2.14.1".into()]),
        sets: Look::Seen(vec![ApplicationSet::from_json(&failing).unwrap()]),
        defaults: Look::Unknown("unknown key".into()),
        ..look(&clusters)
    };
    assert_eq!(
        troubles(&hub(&seen)),
        [
            "KB110 ‼ a",
            "KB110 ‼ gone",
            "KB110 ‼ -",
            "KB111 ‼ -",
            "KB112 × -",
            "KB114 × -"
        ]
    );
}

fn eks_spoke(config: &Value) -> ClusterSecret {
    secret(
        "dev",
        &json!({"kubernetes_version": "1.34"}),
        &json!({"kubectl-bridge/created-at": "2026-01-02T03:04:05Z", "aws_vpc_id": "vpc-1"}),
        &json!({"server": ENDPOINT, "config": config}),
    )
}

fn direct() -> ClusterSecret {
    eks_spoke(&json!({"awsAuthConfig": {"clusterName": "dev"}, "tlsClientConfig": {"caData": "Q0E="}}))
}

fn facts() -> EksFacts {
    EksFacts {
        arn: EksArn::parse(ARN).unwrap(),
        status: "ACTIVE".into(),
        endpoint: Some(ENDPOINT.into()),
        certificate_authority: Some("Q0E=".into()),
        version: Some("1.34".into()),
        vpc_id: Some("vpc-1".into()),
        authentication_mode: Some("API".into()),
        created_at: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        endpoint_access: Some(EndpointAccess {
            public: true,
            private: true,
            public_cidrs: vec!["0.0.0.0/0".into()],
        }),
        ..EksFacts::default()
    }
}

#[test]
fn a_cluster_beside_eks() {
    let judged = |facts: Look<EksFacts>, hub_vpc: Option<&str>| {
        let secret = direct();
        troubles(&eks(&EksLook {
            secret: &secret,
            facts,
            hub_vpc: hub_vpc.map(str::to_owned),
        }))
    };
    let with = |change: &dyn Fn(&mut EksFacts)| {
        let mut facts = facts();
        change(&mut facts);
        Look::Seen(facts)
    };
    let access = |public, private, cidrs: &[&str]| {
        Some(EndpointAccess {
            public,
            private,
            public_cidrs: cidrs.iter().map(|cidr| (*cidr).to_owned()).collect(),
        })
    };
    assert_eq!(judged(Look::Seen(facts()), None), [""; 0]);
    assert_eq!(judged(Look::Absent, None), ["KB201 × dev"]);
    assert_eq!(judged(Look::Unknown("denied".into()), None), ["KB201 ? dev"]);
    for (status, expected) in [
        ("UPDATING", vec![]),
        ("DELETING", vec!["KB202 × dev"]),
        ("FAILED", vec!["KB202 × dev"]),
        ("CREATING", vec!["KB202 ‼ dev"]),
    ] {
        assert_eq!(
            judged(with(&|facts| facts.status = status.into()), None),
            expected
        );
    }
    let recreated = with(&|facts| facts.created_at = Some("2026-02-02T03:04:05Z".parse().unwrap()));
    assert_eq!(judged(recreated, None), ["KB203 × dev"]);
    let moved = with(&|facts| facts.endpoint = Some("https://B".into()));
    assert_eq!(judged(moved, None), ["KB204 × dev"]);
    let rotated = with(&|facts| facts.certificate_authority = Some("b3RoZXI=".into()));
    assert_eq!(judged(rotated, None), ["KB205 × dev"]);
    let config_map = with(&|facts| facts.authentication_mode = Some("CONFIG_MAP".into()));
    assert_eq!(judged(config_map, None), ["KB206 ‼ dev"]);
    let private = || with(&|facts| facts.endpoint_access = access(false, true, &[]));
    assert_eq!(judged(private(), None), ["KB207 ‼ dev"]);
    assert_eq!(judged(private(), Some("vpc-1")), [""; 0]);
    let cidrs = with(&|facts| facts.endpoint_access = access(true, false, &["10.0.0.0/8"]));
    assert_eq!(judged(cidrs, Some("vpc-1")), ["KB207 ‼ dev"]);
    let newer = with(&|facts| facts.version = Some("1.35".into()));
    assert_eq!(judged(newer, None), ["KB208 ‼ dev"]);
}

#[test]
fn the_capability_has_no_other_way_in() {
    let data = json!({"server": ARN, "project": "p"});
    let secret = secret("dev", &json!({}), &json!({}), &data);
    let mut facts = facts();
    facts.authentication_mode = Some("CONFIG_MAP".into());
    facts.endpoint_access = None;
    let seen = EksLook {
        secret: &secret,
        facts: Look::Seen(facts),
        hub_vpc: None,
    };
    assert_eq!(troubles(&eks(&seen)), ["KB203 ? dev", "KB206 × dev"]);
}

fn role(created: &str, trusted: &str) -> Role {
    Role {
        arn: SPOKE_ROLE.into(),
        name: "dev-argocd".into(),
        path: "/".into(),
        id: "AROAX".into(),
        created_at: Some(created.parse().unwrap()),
        trust: json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": trusted},
            "Action": ["sts:AssumeRole", "sts:TagSession"]}]}),
        tags: std::collections::BTreeMap::new(),
        boundary: None,
    }
}

fn policy(scope: Scope) -> AssociatedPolicy {
    AssociatedPolicy {
        policy_arn: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy".into(),
        scope,
    }
}

fn assuming() -> ClusterSecret {
    eks_spoke(&json!({"awsAuthConfig": {"clusterName": "dev", "roleARN": SPOKE_ROLE}}))
}

fn access_look(secret: &ClusterSecret) -> AccessLook<'_> {
    AccessLook {
        secret,
        hub_role: Look::Seen(HUB_ROLE.into()),
        hub_kind: None,
        mode: Some("API".into()),
        entry: Look::Seen(AccessEntry {
            principal: SPOKE_ROLE.into(),
            created_at: Some("2026-01-02T00:00:00Z".parse().unwrap()),
            ..AccessEntry::default()
        }),
        policies: Look::Seen(vec![policy(Scope::Cluster)]),
        others: Look::Absent,
        role: Look::Seen(role("2026-01-01T00:00:00Z", HUB_ROLE)),
    }
}

#[test]
fn access_where_all_is_well_and_where_not() {
    let secret = assuming();
    let base = || access_look(&secret);
    assert_eq!(troubles(&access(&base())), [""; 0]);
    let unknown = || "denied".to_owned();
    for (look, expected) in [
        (
            AccessLook {
                entry: Look::Absent,
                ..base()
            },
            vec!["KB302 × dev"],
        ),
        (
            AccessLook {
                entry: Look::Unknown(unknown()),
                ..base()
            },
            vec!["KB302 ? dev"],
        ),
        (
            AccessLook {
                role: Look::Seen(role("2026-01-03T00:00:00Z", HUB_ROLE)),
                ..base()
            },
            vec!["KB303 × dev"],
        ),
        (
            AccessLook {
                role: Look::Absent,
                ..base()
            },
            vec!["KB303 × dev", "KB306 × dev"],
        ),
        (
            AccessLook {
                policies: Look::Seen(Vec::new()),
                ..base()
            },
            vec!["KB304 × dev"],
        ),
        (
            AccessLook {
                policies: Look::Seen(vec![policy(Scope::Namespaces(vec!["a".into()]))]),
                ..base()
            },
            vec!["KB305 × dev"],
        ),
        (
            AccessLook {
                role: Look::Seen(role("2026-01-01T00:00:00Z", "arn:aws:iam::1:role/other")),
                ..base()
            },
            vec!["KB306 × dev"],
        ),
        (
            AccessLook {
                hub_role: Look::Seen(SPOKE_ROLE.into()),
                ..base()
            },
            vec!["KB307 × dev"],
        ),
        (
            AccessLook {
                hub_role: Look::Absent,
                role: Look::Unknown(unknown()),
                ..base()
            },
            vec!["KB303 ? dev", "KB306 ? dev"],
        ),
        (
            AccessLook {
                mode: Some("CONFIG_MAP".into()),
                entry: Look::Absent,
                ..base()
            },
            vec![],
        ),
    ] {
        assert_eq!(troubles(&access(&look)), expected, "{look:?}");
    }
}

#[test]
fn an_entry_for_somebody_else_is_named() {
    let secret = direct();
    let look = AccessLook {
        entry: Look::Absent,
        others: Look::Seen(vec![
            "arn:aws:iam::111122223333:user/jo".into(),
            "arn:aws:iam::444455556666:role/Spoke-ArgoCD".into(),
        ]),
        ..access_look(&secret)
    };
    let found = access(&look);
    assert_eq!(troubles(&found), ["KB302 × dev"]);
    let cause = &found
        .iter()
        .find(|finding| finding.check.code == "KB302")
        .unwrap()
        .cause;
    assert!(
        cause.contains(HUB_ROLE) && cause.contains("role/Spoke-ArgoCD"),
        "{cause}"
    );
    // Nobody knows who Argo CD is there.
    let look = AccessLook {
        hub_role: Look::Absent,
        ..access_look(&secret)
    };
    assert_eq!(troubles(&access(&look)), ["KB301 ? dev"]);
    // IAM has nothing to do with a token.
    let token = spoke("x", "https://x");
    assert_eq!(access(&access_look(&token)), []);
}
