//! The rules of access entries and of what goes with them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testbed::{Access, Delay, EksAccessEntry, EksCluster, EksPodIdentity, FakeAws, IamRole};

use crate::cli::refused;
use crate::raw::{account, escaped};

const ENTRIES: &str = "/clusters/dev/access-entries";
const HUB: &str = "444455556666";
const SPOKE: &str = "111122223333";
const INVALID: (u16, &str, &str) = (
    400,
    "InvalidParameterException",
    "The specified principalArn is invalid: invalid principal.",
);

async fn with_cluster() -> (FakeAws, String) {
    let fake = FakeAws::start().await.unwrap();
    let cluster = EksCluster::named("dev");
    let arn = cluster.arn();
    fake.add_cluster(cluster);
    (fake, arn)
}

fn entry_path(principal: &str) -> String {
    format!("{ENTRIES}/{}", escaped(principal))
}

fn admin(scope: &Value) -> Value {
    json!({"policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy", "accessScope": scope})
}

#[tokio::test]
async fn a_principal_is_a_role_that_exists_with_its_path_in_any_account() {
    let (fake, cluster) = with_cluster().await;
    let aws = account(&fake, SPOKE);
    let role = fake.add_role(IamRole {
        path: "/argo/".into(),
        ..IamRole::named("hub").in_account(HUB)
    });
    for wrong in [
        "arn:aws:iam::444455556666:role/hub",
        "arn:aws:iam::111122223333:role/argo/hub",
        "arn:aws-cn:iam::444455556666:role/argo/hub",
        "arn:aws:sts::444455556666:assumed-role/hub/session",
        "arn:aws:iam::444455556666:root",
        "hub",
    ] {
        let reply = aws.post(ENTRIES, &json!({"principalArn": wrong}));
        assert_eq!(reply.refusal(), INVALID, "{wrong}");
    }
    assert_eq!(fake.access(&cluster, &role), Access::None);
    assert_eq!(aws.post(ENTRIES, &json!({"principalArn": role})).http, 200);
    let (groups, policies) = (Vec::new(), BTreeMap::new());
    assert_eq!(fake.access(&cluster, &role), Access::Granted { groups, policies });

    let reply = aws.post(ENTRIES, &json!({"principalArn": role}));
    let text = "The specified access entry resource is already in use on this cluster.";
    assert_eq!(reply.refusal(), (409, "ResourceInUseException", text));
    let reply = aws.delete(&entry_path(&role));
    assert_eq!((reply.http, reply.body), (200, json!({})));
    let reply = aws.delete(&entry_path(&role));
    let text = "The specified principalArn could not be found. You can view your available access entries with \
                'list-access-entries'.";
    assert_eq!(reply.refusal(), (404, "ResourceNotFoundException", text));
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_entry() {
    let (fake, _) = with_cluster().await;
    let aws = account(&fake, SPOKE);
    let role = fake.add_role(IamRole::named("hub"));
    let request = json!({"principalArn": role, "clientRequestToken": "one"});
    let first = aws.post(ENTRIES, &request);
    assert_eq!(aws.post(ENTRIES, &request).body, first.body);
    let another = json!({"principalArn": role, "clientRequestToken": "two"});
    assert_eq!(aws.post(ENTRIES, &another).http, 409);
}

#[tokio::test]
async fn groups_user_names_and_types_have_limits() {
    let (fake, _) = with_cluster().await;
    let aws = account(&fake, SPOKE);
    let role = fake.add_role(IamRole::named("hub"));
    let foreign = fake.add_role(IamRole::named("hub").in_account(HUB));
    let group = "The kubernetes group name system:masters is invalid, it cannot start with system:";
    let standard = "This operation can only be performed on Access Entries with a type of \"STANDARD\".";
    for (body, text) in [
        (
            json!({"principalArn": role, "kubernetesGroups": ["a", "system:masters"]}),
            group,
        ),
        (
            json!({"principalArn": role, "kubernetesGroups": ["a"], "type": "EC2_LINUX"}),
            standard,
        ),
        (json!({"principalArn": foreign, "type": "EC2_LINUX"}), INVALID.2),
        (
            json!({"principalArn": role, "username": "eks:me"}),
            "The username eks:me is invalid, it cannot start with eks:",
        ),
    ] {
        let reply = aws.post(ENTRIES, &body);
        assert_eq!(
            reply.refusal(),
            (400, "InvalidParameterException", text),
            "{body}"
        );
    }
    let node = aws.post(ENTRIES, &json!({"principalArn": role, "type": "EC2_LINUX"}));
    assert_eq!(node.body["accessEntry"]["type"], "EC2_LINUX");
    let reply = aws.post(
        &format!("{}/access-policies", entry_path(&role)),
        &admin(&json!({"type": "cluster"})),
    );
    assert_eq!(reply.refusal(), (400, "InvalidParameterException", standard));
    // A wrong update changes nothing.
    aws.post(
        ENTRIES,
        &json!({"principalArn": foreign, "kubernetesGroups": ["a"]}),
    );
    let wrong = json!({"kubernetesGroups": ["system:masters"]});
    assert_eq!(aws.post(&entry_path(&foreign), &wrong).message(), group);
    let entry = aws.get(&entry_path(&foreign));
    assert_eq!(entry.body["accessEntry"]["kubernetesGroups"], json!(["a"]));
}

#[tokio::test]
async fn a_cluster_in_config_map_mode_has_no_entries() {
    let (fake, _) = with_cluster().await;
    let role = fake.add_role(IamRole::named("hub"));
    fake.add_cluster(EksCluster {
        authentication_mode: "CONFIG_MAP".into(),
        ..EksCluster::named("dev")
    });
    let aws = account(&fake, SPOKE);
    let path = entry_path(&role);
    let policies = format!("{path}/access-policies");
    for reply in [
        aws.post(ENTRIES, &json!({"principalArn": role})),
        aws.get(ENTRIES),
        aws.get(&path),
        aws.delete(&path),
        aws.get(&policies),
        aws.post(&policies, &admin(&json!({"type": "cluster"}))),
    ] {
        let text = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this \
                    operation.";
        assert_eq!(reply.refusal(), (400, "InvalidRequestException", text));
    }
    let error = refused(&fake, "eks list-access-entries --cluster-name dev");
    assert!(
        error.contains("(InvalidRequestException) when calling the ListAccessEntries operation"),
        "{error}"
    );
}

#[tokio::test]
async fn associating_again_replaces_the_scope() {
    let (fake, cluster) = with_cluster().await;
    let aws = account(&fake, SPOKE);
    let role = fake.add_role(IamRole::named("hub"));
    let policies = format!("{}/access-policies", entry_path(&role));
    let reply = aws.post(&policies, &admin(&json!({"type": "cluster"})));
    assert_eq!(
        (reply.http, reply.code.as_str()),
        (404, "ResourceNotFoundException")
    );
    aws.post(ENTRIES, &json!({"principalArn": role}));
    for (scope, namespaces) in [
        (
            json!({"type": "namespace", "namespaces": ["a", "b"]}),
            vec!["a", "b"],
        ),
        (json!({"type": "cluster", "namespaces": []}), vec![]),
        (json!({"type": "namespace", "namespaces": ["c-*"]}), vec!["c-*"]),
    ] {
        assert_eq!(aws.post(&policies, &admin(&scope)).http, 200);
        let Access::Granted { policies, .. } = fake.access(&cluster, &role) else {
            panic!("no access");
        };
        let namespaces = namespaces.into_iter().map(str::to_owned).collect();
        assert_eq!(
            policies,
            BTreeMap::from([("AmazonEKSAdminPolicy".to_owned(), namespaces)])
        );
    }
    for scope in [
        json!({"type": "namespace"}),
        json!({"type": "cluster", "namespaces": ["a"]}),
        json!({}),
    ] {
        let reply = aws.post(&policies, &admin(&scope));
        assert_eq!(
            (reply.http, reply.code.as_str()),
            (400, "InvalidParameterException")
        );
    }
    let unknown = json!({"policyArn": "arn:aws:eks::aws:cluster-access-policy/None", "accessScope": {"type": "cluster"}});
    assert_eq!(aws.post(&policies, &unknown).http, 400);
}

#[tokio::test]
async fn new_roles_and_entries_take_their_time() {
    let (fake, _) = with_cluster().await;
    let aws = account(&fake, SPOKE);
    fake.delay_roles(Delay::Calls(2));
    fake.delay_access_entries(Delay::Calls(1));
    let trust =
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}}"#;
    let fields = [("RoleName", "new"), ("AssumeRolePolicyDocument", trust)];
    let made = aws.iam("CreateRole", &fields);
    assert_eq!(made.http, 200, "{made:?}");
    let role = made.element("Arn");
    let request = json!({"principalArn": role});
    assert_eq!(aws.post(ENTRIES, &request).refusal(), INVALID);
    assert_eq!(aws.post(ENTRIES, &request).refusal(), INVALID);
    assert_eq!(aws.post(ENTRIES, &request).http, 200);
    let policies = format!("{}/access-policies", entry_path(role));
    assert_eq!(aws.post(&policies, &admin(&json!({"type": "cluster"}))).http, 404);
    assert_eq!(aws.post(&policies, &admin(&json!({"type": "cluster"}))).http, 200);

    fake.delay_roles(Delay::Time(std::time::Duration::from_millis(300)));
    let fields = [("RoleName", "later"), ("AssumeRolePolicyDocument", trust)];
    let request = json!({"principalArn": aws.iam("CreateRole", &fields).element("Arn")});
    assert_eq!(aws.post(ENTRIES, &request).refusal(), INVALID);
    std::thread::sleep(std::time::Duration::from_millis(310));
    assert_eq!(aws.post(ENTRIES, &request).http, 200);
}

#[tokio::test]
async fn an_entry_outlives_its_role_and_goes_stale() {
    let (fake, cluster) = with_cluster().await;
    let aws = account(&fake, SPOKE);
    let role = fake.add_role(IamRole::named("hub"));
    let entry = EksAccessEntry::of(&role).with_policy("AmazonEKSViewPolicy", &[]);
    fake.add_access_entry(&cluster, entry).unwrap();
    let before = aws.get(&entry_path(&role)).body;
    fake.recreate_role(&role).unwrap();
    assert_eq!(fake.access(&cluster, &role), Access::Stale);
    assert_eq!(aws.get(&entry_path(&role)).body, before, "nothing shows it");
    assert_eq!(
        fake.snapshot()["clusters"][&cluster]["accessEntries"][&role]["stale"],
        true
    );
    // But for the times.
    let created = before["accessEntry"]["createdAt"].to_string();
    let (created, _) = created.split_once('.').unwrap();
    let recreated = fake.role(&role).unwrap().created_at;
    assert!(recreated > created.parse().unwrap(), "{recreated} {created}");
    aws.delete(&entry_path(&role));
    aws.post(ENTRIES, &json!({"principalArn": role}));
    assert!(matches!(fake.access(&cluster, &role), Access::Granted { .. }));
}

#[tokio::test]
async fn a_cluster_takes_its_entries_with_it() {
    let (fake, cluster) = with_cluster().await;
    let role = fake.add_role(IamRole::named("hub"));
    let fill = || {
        fake.add_access_entry(&cluster, EksAccessEntry::of(&role))
            .unwrap();
        let association = EksPodIdentity::of("argocd", "argocd-server", &role);
        fake.add_pod_identity(&cluster, association).unwrap();
    };
    let count = || {
        (
            fake.access_entries(&cluster).len(),
            fake.pod_identities(&cluster).len(),
        )
    };
    fill();
    fake.add_cluster(EksCluster {
        version: "1.35".into(),
        ..EksCluster::named("dev")
    });
    assert_eq!(count(), (1, 1), "other facts");
    fake.add_cluster(EksCluster {
        created_at: 1_763_999_999.0,
        ..EksCluster::named("dev")
    });
    assert_eq!(count(), (0, 0), "another cluster of the same name");
    fill();
    fake.remove_cluster(&cluster);
    fake.add_cluster(EksCluster::named("dev"));
    assert_eq!(count(), (0, 0));
}

#[tokio::test]
async fn pod_identities_are_one_a_service_account_with_a_role_of_the_account() {
    let (fake, _) = with_cluster().await;
    let aws = account(&fake, SPOKE);
    let path = "/clusters/dev/pod-identity-associations";
    let (own, foreign) = (
        fake.add_role(IamRole::named("pods")),
        fake.add_role(IamRole::named("pods").in_account(HUB)),
    );
    let request =
        |role: &str| json!({"namespace": "argocd", "serviceAccount": "argocd-server", "roleArn": role});
    for wrong in [foreign.as_str(), "arn:aws:iam::111122223333:role/none"] {
        let reply = aws.post(path, &request(wrong));
        assert_eq!(
            (reply.http, reply.code.as_str()),
            (400, "InvalidParameterException")
        );
    }
    let made = aws.post(path, &request(&own));
    let id = made.body["association"]["associationId"].as_str().unwrap();
    let reply = aws.post(path, &request(&own));
    let text = format!("Association already exists: {id}");
    assert_eq!(reply.refusal(), (409, "ResourceInUseException", text.as_str()));
    assert_eq!(aws.delete(&format!("{path}/{id}")).http, 200);
    assert_eq!(aws.get(&format!("{path}/{id}")).http, 404);
}

#[tokio::test]
async fn tags_have_errors_of_their_own() {
    let (fake, cluster) = with_cluster().await;
    let aws = account(&fake, SPOKE);
    let tag = |arn: &str| aws.post(&format!("/tags/{}", escaped(arn)), &json!({"tags": {"a": "b"}}));
    assert_eq!(tag(&cluster).http, 200);
    let described = aws.get("/clusters/dev");
    assert_eq!(described.body["cluster"]["tags"], json!({"a": "b"}));
    let reply = tag(&cluster.replace("dev", "none"));
    assert_eq!((reply.http, reply.code.as_str()), (404, "NotFoundException"));
    let reply = tag("dev");
    assert_eq!((reply.http, reply.code.as_str()), (400, "BadRequestException"));
}
