//! What a test lets go wrong.

use std::time::Duration;

use serde_json::json;
use testbed::{EksCluster, FakeAws, Fault, IamRole};

use crate::cli::refused;
use crate::raw::account;

const ACCOUNT: &str = "111122223333";
const ENTRIES: &str = "/clusters/dev/access-entries";

async fn with_cluster() -> (FakeAws, String) {
    let fake = FakeAws::start().await.unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let role = fake.add_role(IamRole::named("hub"));
    (fake, role)
}

#[tokio::test]
async fn strike_the_call_that_they_are_for() {
    let (fake, role) = with_cluster().await;
    let aws = account(&fake, ACCOUNT);
    fake.inject(
        Fault::refuse("ServerException", 500)
            .of("ListAccessEntries")
            .nth(2),
    );
    fake.inject(Fault::refuse("ServiceUnavailableException", 503).changes().nth(2));
    fake.inject(Fault::throttle().about("other"));
    fake.inject(Fault::throttle().in_account("444455556666"));
    let http = [
        aws.get(ENTRIES).http,
        aws.post(ENTRIES, &json!({"principalArn": role})).http,
        aws.get(ENTRIES).http,
        aws.get(ENTRIES).http,
        aws.iam("UpdateRole", &[("RoleName", "hub")]).http,
        aws.get("/clusters/other").http,
        aws.get("/clusters/other").http,
        account(&fake, "444455556666").get("/clusters").http,
    ];
    assert_eq!(http, [200, 200, 500, 200, 503, 429, 404, 429]);
    let struck: Vec<String> = fake
        .calls()
        .into_iter()
        .filter(|call| call.injected)
        .filter_map(|call| call.error)
        .collect();
    let codes = [
        "ServerException",
        "ServiceUnavailableException",
        "ThrottlingException",
    ];
    assert_eq!(struck, [codes[0], codes[1], codes[2], codes[2]]);
}

#[tokio::test]
async fn each_service_throttles_in_its_own_way() {
    let (fake, _) = with_cluster().await;
    let aws = account(&fake, ACCOUNT);
    fake.inject(Fault::throttle().times(4));
    assert_eq!(
        aws.get(ENTRIES).refusal(),
        (429, "ThrottlingException", "Rate exceeded")
    );
    let reply = aws.iam("GetRole", &[("RoleName", "hub")]);
    assert_eq!(reply.refusal(), (400, "Throttling", "Rate exceeded"));
    for line in ["iam get-role --role-name hub", "sts get-caller-identity"] {
        let error = refused(&fake, line);
        assert!(error.contains("(Throttling)"), "{error}");
    }
}

#[tokio::test]
async fn a_percentage_is_the_same_sequence_for_the_same_seed() {
    let (fake, _) = with_cluster().await;
    let aws = account(&fake, ACCOUNT);
    let sequence = |seed| {
        fake.clear_faults();
        fake.inject(Fault::throttle().percent(20.0, seed));
        let replies = (0..200).map(|_| aws.get("/clusters").http == 429);
        replies.collect::<Vec<bool>>()
    };
    let first = sequence(1);
    let struck = first.iter().filter(|struck| **struck).count();
    assert!((20..=60).contains(&struck), "{struck} of 200");
    assert_eq!(sequence(1), first);
    assert_ne!(sequence(2), first);
}

#[tokio::test]
async fn an_answer_can_be_lost_or_never_come() {
    let (fake, role) = with_cluster().await;
    let aws = account(&fake, ACCOUNT);
    let entries = || aws.get(ENTRIES).body["accessEntries"].clone();
    let create = |role: &str| {
        let body = json!({"principalArn": role}).to_string();
        aws.send("us-west-2/eks", "POST", ENTRIES, &body, Duration::from_secs(1))
    };
    fake.inject(Fault::lose_answer("ServerException", 500));
    assert_eq!(create(&role).unwrap().http, 500);
    assert_eq!(entries(), json!([role]));

    let other = fake.add_role(IamRole::named("other"));
    fake.inject(Fault::hang_before().of("CreateAccessEntry"));
    assert!(create(&other).is_none());
    assert!(fake.wait_until_hanging(Duration::from_secs(5)));
    assert_eq!(entries(), json!([role]));
    assert!(!fake.wait_until_hanging(Duration::ZERO), "waited for already");

    fake.inject(Fault::hang_after().of("CreateAccessEntry"));
    assert!(create(&other).is_none());
    assert!(fake.wait_until_hanging(Duration::from_secs(5)));
    assert_eq!(entries(), json!([role, other]));
}

#[tokio::test]
async fn calls_are_recorded_with_the_actions_that_they_need() {
    let (fake, role) = with_cluster().await;
    let aws = account(&fake, ACCOUNT);
    aws.post(ENTRIES, &json!({"principalArn": role, "tags": {"a": "b"}}));
    let association = json!({"namespace": "a", "serviceAccount": "b", "roleArn": role});
    aws.post("/clusters/dev/pod-identity-associations", &association);
    aws.iam("DeleteRole", &[("RoleName", "none")]);
    let calls = fake.calls();
    let actions: Vec<Vec<String>> = calls.iter().map(|call| call.actions.clone()).collect();
    assert_eq!(
        actions,
        [
            vec!["eks:CreateAccessEntry", "eks:TagResource"],
            vec!["eks:CreatePodIdentityAssociation", "iam:PassRole"],
            vec!["iam:DeleteRole"],
        ]
    );
    let entry = &calls[0];
    assert_eq!(
        (
            entry.account.as_str(),
            entry.region.as_str(),
            entry.object.as_str(),
            entry.changes
        ),
        (ACCOUNT, "us-west-2", "dev", true)
    );
    assert_eq!((entry.principal.as_ref(), &entry.error), (Some(&role), &None));
    assert_eq!(
        (calls[2].object.as_str(), calls[2].error.as_deref()),
        ("none", Some("NoSuchEntity"))
    );
    assert!(!calls[2].injected);
}

#[tokio::test]
async fn actions_can_be_refused() {
    let (fake, role) = with_cluster().await;
    let aws = account(&fake, ACCOUNT);
    fake.deny(ACCOUNT, "eks:TagResource");
    let reply = aws.post(ENTRIES, &json!({"principalArn": role, "tags": {"a": "b"}}));
    let text = "User: arn:aws:iam::111122223333:user/testbed is not authorized to perform: eks:TagResource on resource: \
                arn:aws:eks:us-west-2:111122223333:cluster/dev";
    assert_eq!(reply.refusal(), (403, "AccessDeniedException", text));
    assert_eq!(
        aws.get(ENTRIES).body,
        json!({"accessEntries": []}),
        "nothing was done"
    );
    assert_eq!(aws.post(ENTRIES, &json!({"principalArn": role})).http, 200);

    fake.allow_only(ACCOUNT, &["iam:GetRole"]);
    assert_eq!(aws.get(ENTRIES).http, 403);
    assert_eq!(aws.iam("GetRole", &[("RoleName", "hub")]).http, 200);
    assert_eq!(aws.iam("ListRoles", &[]).code, "AccessDenied");
    assert_eq!(aws.sts("GetCallerIdentity", &[]).http, 200, "always allowed");
    assert_eq!(
        account(&fake, "444455556666").get("/clusters").http,
        200,
        "another account"
    );
    fake.allow_all();
    assert_eq!(aws.get(ENTRIES).http, 200);
}
