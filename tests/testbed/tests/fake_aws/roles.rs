//! The rules of IAM roles.

use serde_json::json;
use testbed::{FakeAws, IamRole};

use crate::cli::refused;
use crate::raw::account;

const TRUST: &str = r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}]}"#;

#[tokio::test]
async fn a_name_is_taken_whatever_its_path_and_case() {
    let fake = FakeAws::start().await.unwrap();
    let aws = account(&fake, "111122223333");
    let create = |name: &str, path: &str| {
        aws.iam(
            "CreateRole",
            &[
                ("RoleName", name),
                ("Path", path),
                ("AssumeRolePolicyDocument", TRUST),
            ],
        )
    };
    assert_eq!(create("spoke", "/").http, 200);
    let reply = create("Spoke", "/argo/");
    let text = "Role with name Spoke already exists.";
    assert_eq!(reply.refusal(), (409, "EntityAlreadyExists", text));
    let elsewhere = account(&fake, "444455556666");
    let reply = elsewhere.iam("GetRole", &[("RoleName", "spoke")]);
    let text = "The role with name spoke cannot be found.";
    assert_eq!(reply.refusal(), (404, "NoSuchEntity", text));
    let error = refused(&fake, "iam get-role --role-name none");
    // The client says more in between where no attempt is left.
    assert!(
        error.contains("(NoSuchEntity) when calling the GetRole operation")
            && error.contains(": The role with name none cannot be found."),
        "{error}"
    );
    assert_eq!(create(&"x".repeat(64), "/").http, 200);
    for (name, path) in [
        (&*"x".repeat(65), "/"),
        ("a/b", "/"),
        ("a", "argo/"),
        ("a", "/argo"),
    ] {
        let reply = create(name, path);
        assert_eq!(
            (reply.http, reply.code.as_str()),
            (400, "ValidationError"),
            "{name} {path}"
        );
    }
}

#[tokio::test]
async fn policies_are_in_the_way_of_deleting() {
    let fake = FakeAws::start().await.unwrap();
    let aws = account(&fake, "111122223333");
    let mut role = IamRole::named("spoke").allowing("inline", &["sts:AssumeRole"], "*");
    role.attached
        .push("arn:aws:iam::aws:policy/ReadOnlyAccess".into());
    let arn = fake.add_role(role);
    let name = ("RoleName", "spoke");
    let reply = aws.iam("DeleteRole", &[name]);
    let text = "Cannot delete entity, must detach all policies first.";
    assert_eq!(reply.refusal(), (409, "DeleteConflict", text));
    aws.iam(
        "DetachRolePolicy",
        &[name, ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")],
    );
    let reply = aws.iam("DeleteRole", &[name]);
    let text = "Cannot delete entity, must delete policies first.";
    assert_eq!(reply.refusal(), (409, "DeleteConflict", text));
    aws.iam("DeleteRolePolicy", &[name, ("PolicyName", "inline")]);
    assert_eq!(aws.iam("DeleteRole", &[name]).http, 200);
    assert_eq!(fake.role(&arn), None);
    assert_eq!(aws.iam("DeleteRole", &[name]).code, "NoSuchEntity");
}

#[tokio::test]
async fn documents_are_read_before_they_are_kept() {
    let fake = FakeAws::start().await.unwrap();
    let aws = account(&fake, "111122223333");
    fake.add_role(IamRole::named("spoke"));
    let statement = |more: serde_json::Value| {
        let mut statement = json!({"Effect": "Allow"});
        statement
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    let gone = json!({"AWS": "arn:aws:iam::444455556666:role/gone"});
    for (document, text) in [
        ("{".to_owned(), "This policy contains invalid Json"),
        (
            json!({"Version": "2012-10-17"}).to_string(),
            "Syntax errors in policy.",
        ),
        (
            statement(json!({"Action": "sts:AssumeRole"})),
            "Missing required field Principal",
        ),
        (
            statement(json!({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Resource": "*"})),
            "Has prohibited field Resource",
        ),
        (
            statement(json!({"Principal": {"AWS": "*"}, "Action": "s3:GetObject"})),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            statement(json!({"Principal": gone, "Action": "sts:AssumeRole"})),
            "Invalid principal in policy: &quot;AWS&quot;:&quot;arn:aws:iam::444455556666:role/gone&quot;",
        ),
    ] {
        let fields = [("RoleName", "spoke"), ("PolicyDocument", document.as_str())];
        let reply = aws.iam("UpdateAssumeRolePolicy", &fields);
        assert_eq!(
            reply.refusal(),
            (400, "MalformedPolicyDocument", text),
            "{document}"
        );
    }
    let document = statement(json!({"Action": "sts:AssumeRole"}));
    let fields = [
        ("RoleName", "spoke"),
        ("PolicyName", "p"),
        ("PolicyDocument", document.as_str()),
    ];
    let reply = aws.iam("PutRolePolicy", &fields);
    let text = "Policy statement must contain resources.";
    assert_eq!(reply.refusal(), (400, "MalformedPolicyDocument", text));
}

#[tokio::test]
async fn policies_have_a_size() {
    let fake = FakeAws::start().await.unwrap();
    let aws = account(&fake, "111122223333");
    let statement = |length: usize| {
        let resource = format!("arn:aws:iam::444455556666:role/{}", "x".repeat(length));
        json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": resource}]})
            .to_string()
    };
    let empty = statement(0).len();
    fake.add_role(IamRole::named("hub"));
    let put = |name: &str, length: usize| {
        // White space does not count.
        let document = statement(length - empty).replace(':', ": ");
        aws.iam(
            "PutRolePolicy",
            &[
                ("RoleName", "hub"),
                ("PolicyName", name),
                ("PolicyDocument", &document),
            ],
        )
    };
    assert_eq!(put("a", 6_000).http, 200);
    assert_eq!(put("b", 4_240).http, 200);
    assert_eq!(put("b", 4_240).http, 200, "in the place of itself");
    let reply = put("b", 4_241);
    let text = "Maximum policy size of 10240 bytes exceeded for role hub";
    assert_eq!(reply.refusal(), (409, "LimitExceeded", text));
    let reply = aws.iam(
        "CreatePolicy",
        &[("PolicyName", "p"), ("PolicyDocument", &statement(6_145 - empty))],
    );
    let text = "Cannot exceed quota for PolicySize: 6144";
    assert_eq!(reply.refusal(), (409, "LimitExceeded", text));
    let names: Vec<String> = (0..80).map(|at| format!("arn:aws:iam::{at:012}:root")).collect();
    let trust = json!({
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": names}, "Action": "sts:AssumeRole"}],
    });
    let reply = aws.iam(
        "UpdateAssumeRolePolicy",
        &[("RoleName", "hub"), ("PolicyDocument", &trust.to_string())],
    );
    assert_eq!(reply.refusal().2, "Cannot exceed quota for ACLSizePerRole: 2048");
    let attach = |arn: &str| aws.iam("AttachRolePolicy", &[("RoleName", "hub"), ("PolicyArn", arn)]);
    for at in 0..10 {
        assert_eq!(attach(&format!("arn:aws:iam::aws:policy/P{at}")).http, 200);
    }
    let reply = attach("arn:aws:iam::aws:policy/P10");
    assert_eq!(reply.refusal().2, "Cannot exceed quota for PoliciesPerRole: 10");
    let reply = attach("arn:aws:iam::111122223333:policy/none");
    let text = "Policy arn:aws:iam::111122223333:policy/none does not exist or is not attachable.";
    assert_eq!(reply.refusal(), (404, "NoSuchEntity", text));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let fake = FakeAws::start().await.unwrap();
    fake.set_page_size(2);
    let aws = account(&fake, "111122223333");
    let mut role = IamRole::named("spoke");
    for key in ["a", "b", "c"] {
        role.tags.insert(key.into(), "1".into());
    }
    fake.add_role(role);
    let first = aws.iam("ListRoleTags", &[("RoleName", "spoke")]);
    assert_eq!(first.element("IsTruncated"), "true");
    let marker = first.element("Marker");
    let second = aws.iam("ListRoleTags", &[("RoleName", "spoke"), ("Marker", marker)]);
    assert_eq!(
        (second.element("IsTruncated"), second.element("Key")),
        ("false", "c")
    );
    let wrong = aws.iam("ListRoleTags", &[("RoleName", "spoke"), ("Marker", "2")]);
    assert_eq!(wrong.code, "ValidationError");
    assert_eq!(aws.iam("ListUsers", &[]).code, "InvalidAction");
}
