//! Who may assume a role, and what a session is.

use serde_json::Value;
use testbed::{Delay, EksCluster, FakeAws, IamRole};

use crate::cli::aws;
use crate::raw::{Caller, account};

const HUB: &str = "444455556666";
const SPOKE: &str = "111122223333";
const ASSUME: &[&str] = &["sts:AssumeRole"];

/// The hub's role, that its own account may assume, with leave to assume `spoke` roles; and a session of it.
fn hub<'a>(fake: &'a FakeAws, name: &str) -> (String, Caller<'a>) {
    let arn = fake.add_role(IamRole::named(name).in_account(HUB).allowing(
        "assume",
        &["sts:AssumeRole", "sts:TagSession"],
        "arn:aws:iam::111122223333:role/*",
    ));
    let session = account(fake, HUB).assume(&arn, &[]).unwrap();
    (arn, session)
}

#[tokio::test]
async fn a_session_is_of_the_roles_account() {
    let fake = FakeAws::start().await.unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let role =
        fake.add_role(IamRole::named("ops").trusting_principal("arn:aws:iam::444455556666:root", ASSUME));
    let session = account(&fake, HUB).assume(&role, &[]).unwrap();
    assert_eq!(session.get("/clusters/dev").http, 200);
    assert_eq!(account(&fake, HUB).get("/clusters/dev").http, 404);
    let last = fake
        .calls()
        .into_iter()
        .rfind(|call| call.account == SPOKE)
        .unwrap();
    assert_eq!(last.caller, "arn:aws:sts::111122223333:assumed-role/ops/test");

    let environment = [
        ("AWS_ACCESS_KEY_ID", session.key.as_str()),
        ("AWS_SESSION_TOKEN", session.token.as_str()),
    ];
    let output = aws(&fake, "sts get-caller-identity", &environment);
    let identity: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(identity["Account"], SPOKE);

    let mut stolen = session.clone();
    stolen.token = "wrong".into();
    assert_eq!(stolen.get("/clusters/dev").code, "UnrecognizedClientException");
    assert_eq!(
        stolen.iam("GetRole", &[("RoleName", "ops")]).code,
        "InvalidClientTokenId"
    );
    stolen.key = "ASIANOBODY".into();
    assert_eq!(stolen.get("/clusters/dev").http, 403);
}

#[tokio::test]
async fn across_accounts_both_sides_must_allow_it() {
    let fake = FakeAws::start().await.unwrap();
    let (hub_arn, session) = hub(&fake, "hub");
    let spoke = IamRole::named("spoke");
    let arn = fake.add_role(spoke.clone().trusting_principal(&hub_arn, ASSUME));
    assert!(session.assume(&arn, &[]).is_ok());
    assert!(fake.may_assume(&hub_arn, &arn, ASSUME));
    // Session tags are an action of their own.
    let tagged = [("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")];
    let refusal = session.assume(&arn, &tagged).err().unwrap();
    let text = format!(
        "User: arn:aws:sts::444455556666:assumed-role/hub/test is not authorized to perform: sts:TagSession on resource: \
         {arn}"
    );
    assert_eq!(refusal.refusal(), (403, "AccessDenied", text.as_str()));
    assert!(!fake.may_assume(&hub_arn, &arn, &["sts:AssumeRole", "sts:TagSession"]));
    fake.add_role(
        spoke
            .clone()
            .trusting_principal(&hub_arn, &["sts:AssumeRole", "sts:TagSession"]),
    );
    assert!(session.assume(&arn, &tagged).is_ok());

    fake.add_role(spoke.clone());
    assert!(session.assume(&arn, &[]).is_err(), "no trust");
    fake.add_role(spoke.trusting_principal(&hub_arn, ASSUME));
    fake.add_role(IamRole::named("hub").in_account(HUB));
    assert!(!fake.may_assume(&hub_arn, &arn, ASSUME), "no leave of its own");
}

#[tokio::test]
async fn trust_is_in_a_role_and_not_in_its_name() {
    let fake = FakeAws::start().await.unwrap();
    let (hub_arn, _) = hub(&fake, "hub");
    let arn = fake.add_role(IamRole::named("spoke").trusting_principal(&hub_arn, ASSUME));
    let shown = || {
        let reply = account(&fake, SPOKE).iam("GetRole", &[("RoleName", "spoke")]);
        reply.element("AssumeRolePolicyDocument").to_owned()
    };
    assert!(shown().contains("role%2Fhub"), "{}", shown());
    let id = fake.role(&hub_arn).unwrap().id;
    fake.recreate_role(&hub_arn).unwrap();
    assert!(!fake.may_assume(&hub_arn, &arn, ASSUME));
    assert!(shown().contains(&id) && !shown().contains("hub"), "{}", shown());
    let snapshot = fake.snapshot();
    assert_eq!(
        snapshot["roles"][&arn]["trust"]["Statement"][0]["Principal"]["AWS"],
        format!("(gone) {hub_arn}")
    );
}

#[tokio::test]
async fn conditions_count_and_a_new_role_takes_its_time() {
    let fake = FakeAws::start().await.unwrap();
    let (_, session) = hub(&fake, "hub");
    let admin = account(&fake, SPOKE);
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x1"}}}}"#;
    fake.delay_roles(Delay::Calls(1));
    let made = admin.iam(
        "CreateRole",
        &[("RoleName", "spoke"), ("AssumeRolePolicyDocument", trust)],
    );
    let arn = made.element("Arn");
    let with = |id: &str| session.assume(arn, &[("ExternalId", id)]);
    assert!(with("x1").is_err(), "too early");
    assert!(with("x1").is_ok());
    assert!(with("x2").is_err());
    assert!(session.assume(arn, &[]).is_err());
    let long = session.assume(arn, &[("ExternalId", "x1"), ("DurationSeconds", "7200")]);
    assert_eq!(long.err().unwrap().code, "ValidationError");
}
