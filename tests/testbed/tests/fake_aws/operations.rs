//! Every operation, once, by AWS's own client.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testbed::{EksCapability, EksCluster, FakeAws, IamRole};

use crate::cli::{ask, without_times};

const ADMIN: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

fn fixed(fake: &FakeAws, arguments: &str) -> Value {
    let mut answer = ask(fake, arguments);
    without_times(&mut answer);
    answer
}

#[tokio::test]
async fn every_operation_is_understood_by_the_client() {
    let fake = FakeAws::start().await.unwrap();
    for name in ["access", "pods", "managed"] {
        fake.add_cluster(EksCluster::named(name));
    }
    fake.set_page_size(2);
    let parts: [fn(&FakeAws); 8] = [
        clusters,
        access_entries,
        access_policies,
        pods,
        capabilities,
        roles,
        policies,
        rights,
    ];
    let shared = &fake;
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(move || part(shared));
        }
    });
    let calls = fake.calls();
    let refused: Vec<_> = calls.iter().filter(|call| call.error.is_some()).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let seen: BTreeSet<String> = calls
        .iter()
        .map(|call| format!("{}:{}", call.service, call.operation))
        .collect();
    assert_eq!(seen, FakeAws::operations().into_iter().collect());
}

fn clusters(fake: &FakeAws) {
    // In a region of its own: what the others count must not change.
    let role = fake.add_role(IamRole::named("control-plane").trusting_service("eks.amazonaws.com"));
    let created = fixed(
        fake,
        &format!(
            "eks create-cluster --region eu-west-1 --name new --role-arn {role} --tags team=a --resources-vpc-config \
             subnetIds=subnet-1,subnet-2,endpointPublicAccess=false --access-config authenticationMode=API"
        ),
    );
    let arn = "arn:aws:eks:eu-west-1:111122223333:cluster/new";
    for (pointer, value) in [
        ("/arn", json!(arn)),
        ("/status", json!("CREATING")),
        ("/roleArn", json!(role)),
        ("/tags", json!({"team": "a"})),
        ("/accessConfig/authenticationMode", json!("API")),
        ("/resourcesVpcConfig/endpointPublicAccess", json!(false)),
    ] {
        assert_eq!(created["cluster"].pointer(pointer), Some(&value), "{created:#}");
    }
    let shown = ask(fake, "eks describe-cluster --region eu-west-1 --name new");
    assert_eq!(shown["cluster"]["status"], "ACTIVE");
    let entries = ask(
        fake,
        "eks list-access-entries --region eu-west-1 --cluster-name new",
    );
    assert_eq!(
        entries["accessEntries"],
        json!(["arn:aws:iam::111122223333:user/testbed"]),
        "who made it gets in"
    );
    let deleted = ask(fake, "eks delete-cluster --region eu-west-1 --name new");
    assert_eq!(deleted["cluster"]["status"], "DELETING");
    assert_eq!(fake.access_entries(arn), []);
}

fn access_entries(fake: &FakeAws) {
    let role = fake.add_role(IamRole {
        path: "/teams/a/".into(),
        ..IamRole::named("entries")
    });
    let created = fixed(
        fake,
        &format!(
            "eks create-access-entry --cluster-name access --principal-arn {role} --kubernetes-groups viewers ops \
             --tags owner=us,x=y"
        ),
    );
    let entry = &created["accessEntry"];
    let arn = entry["accessEntryArn"].as_str().unwrap();
    let start = "arn:aws:eks:us-west-2:111122223333:access-entry/access/role/111122223333/entries/";
    assert_eq!(arn.strip_prefix(start).map(str::len), Some(36), "{arn}");
    let expected = json!({
        "clusterName": "access",
        "principalArn": "arn:aws:iam::111122223333:role/teams/a/entries",
        "kubernetesGroups": ["viewers", "ops"],
        "accessEntryArn": arn,
        "tags": {"owner": "us", "x": "y"},
        "username": "arn:aws:sts::111122223333:assumed-role/entries/{{SessionName}}",
        "type": "STANDARD",
    });
    assert_eq!(entry, &expected);
    let of_entry = format!("--cluster-name access --principal-arn {role}");
    assert_eq!(
        fixed(fake, &format!("eks describe-access-entry {of_entry}")),
        created
    );

    ask(fake, &format!("eks tag-resource --resource-arn {arn} --tags z=1"));
    ask(
        fake,
        &format!("eks untag-resource --resource-arn {arn} --tag-keys x owner"),
    );
    let tags = ask(fake, &format!("eks list-tags-for-resource --resource-arn {arn}"));
    assert_eq!(tags, json!({"tags": {"z": "1"}}));

    let updated = ask(
        fake,
        &format!("eks update-access-entry {of_entry} --kubernetes-groups ops --username robot"),
    );
    let entry = &updated["accessEntry"];
    assert_eq!(
        (&entry["kubernetesGroups"], &entry["username"], &entry["tags"]),
        (&json!(["ops"]), &json!("robot"), &json!({"z": "1"}))
    );
    ask(fake, &format!("eks delete-access-entry {of_entry}"));
}

fn access_policies(fake: &FakeAws) {
    let role = fake.add_role(IamRole::named("policies"));
    let of_entry = format!("--cluster-name managed --principal-arn {role}");
    ask(fake, &format!("eks create-access-entry {of_entry}"));
    let associated = fixed(
        fake,
        &format!(
            "eks associate-access-policy {of_entry} --policy-arn {ADMIN} --access-scope type=namespace,namespaces=a,b-*"
        ),
    );
    let policy = json!({
        "policyArn": ADMIN,
        "accessScope": {"type": "namespace", "namespaces": ["a", "b-*"]},
    });
    let expected = json!({"clusterName": "managed", "principalArn": role, "associatedAccessPolicy": policy});
    assert_eq!(associated, expected);
    let listed = fixed(fake, &format!("eks list-associated-access-policies {of_entry}"));
    assert_eq!(
        listed,
        json!({"clusterName": "managed", "principalArn": role, "associatedAccessPolicies": [policy]})
    );
    let by_policy = format!("eks list-access-entries --cluster-name managed --associated-policy-arn {ADMIN}");
    assert_eq!(ask(fake, &by_policy), json!({"accessEntries": [role]}));
    ask(
        fake,
        &format!("eks disassociate-access-policy {of_entry} --policy-arn {ADMIN}"),
    );
    assert_eq!(ask(fake, &by_policy), json!({"accessEntries": []}));

    let all = ask(fake, "eks list-access-policies");
    let admin = json!({"name": "AmazonEKSClusterAdminPolicy", "arn": ADMIN});
    assert!(
        all["accessPolicies"].as_array().unwrap().contains(&admin),
        "{all}"
    );
}

fn pods(fake: &FakeAws) {
    let role = fake.add_role(IamRole::named("pods").trusting_service("pods.eks.amazonaws.com"));
    let target = fake.add_role(IamRole::named("target").in_account("444455556666"));
    let account = "argocd-server";
    let created = fixed(
        fake,
        &format!(
            "eks create-pod-identity-association --cluster-name pods --namespace argocd --service-account {account} \
             --role-arn {role} --target-role-arn {target} --tags a=b"
        ),
    );
    let association = &created["association"];
    let id = association["associationId"].as_str().unwrap();
    let arn = format!("arn:aws:eks:us-west-2:111122223333:podidentityassociation/pods/{id}");
    let expected = json!({
        "clusterName": "pods", "namespace": "argocd", "serviceAccount": account, "roleArn": role,
        "targetRoleArn": target, "associationArn": arn, "associationId": id, "tags": {"a": "b"},
        "disableSessionTags": false, "externalId": association["externalId"],
    });
    assert_eq!(association, &expected);
    let of_it = format!("--cluster-name pods --association-id {id}");
    assert_eq!(
        fixed(fake, &format!("eks describe-pod-identity-association {of_it}")),
        created
    );
    let listed = ask(
        fake,
        "eks list-pod-identity-associations --cluster-name pods --namespace argocd",
    );
    let summary = json!({
        "clusterName": "pods", "namespace": "argocd", "serviceAccount": account, "associationArn": arn,
        "associationId": id,
    });
    assert_eq!(listed, json!({"associations": [summary]}), "a list shows no role");
    let other = fake.add_role(IamRole::named("pods-2").trusting_service("pods.eks.amazonaws.com"));
    let updated = ask(
        fake,
        &format!("eks update-pod-identity-association {of_it} --role-arn {other}"),
    );
    assert_eq!(updated["association"]["roleArn"], json!(other));
    let deleted = ask(fake, &format!("eks delete-pod-identity-association {of_it}"));
    assert_eq!(deleted["association"]["associationId"], json!(id));
}

fn capabilities(fake: &FakeAws) {
    let cluster = EksCluster::named("access").arn();
    let role = fake.add_role(IamRole::named("capability"));
    fake.add_capability(&cluster, EksCapability::other("ACK", &role))
        .unwrap();
    fake.add_capability(&cluster, EksCapability::argo_cd("argo", &role))
        .unwrap();
    let listed = fixed(fake, "eks list-capabilities --cluster-name access");
    let summary = |name: &str, kind: &str| {
        json!({
            "capabilityName": name, "type": kind, "status": "ACTIVE", "version": "3.1.8-eks-1",
            "arn": format!(
                "arn:aws:eks:us-west-2:111122223333:capability/access/{}/{name}",
                kind.to_lowercase()
            ),
        })
    };
    assert_eq!(
        listed,
        json!({"capabilities": [summary("ack", "ACK"), summary("argo", "ARGOCD")]})
    );
    let shown = ask(
        fake,
        "eks describe-capability --cluster-name access --capability-name argo",
    );
    let capability = &shown["capability"];
    for (pointer, value) in [
        ("/roleArn", json!(role)),
        ("/clusterName", json!("access")),
        ("/configuration/argoCd/namespace", json!("argocd")),
        ("/configuration/argoCd/rbacRoleMappings/0/role", json!("ADMIN")),
        ("/configuration/argoCd/awsIdc/idcRegion", json!("us-west-2")),
        ("/health", json!({"issues": []})),
    ] {
        assert_eq!(
            capability.pointer(pointer),
            Some(&value),
            "{pointer} in {capability:#}"
        );
    }
    ask(fake, "eks describe-cluster --name pods");
    let names = ask(fake, "eks list-clusters");
    assert_eq!(names, json!({"clusters": ["access", "managed", "pods"]}));
}

fn roles(fake: &FakeAws) {
    let hub = fake.add_role(IamRole::named("hub"));
    let trust = |action: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": hub}, "Action": action}],
        })
    };
    let created = fixed(
        fake,
        &format!(
            "iam create-role --role-name spoke --path /argo/ --description for<&>us --max-session-duration 7200 \
             --permissions-boundary arn:aws:iam::111122223333:policy/edge --tags Key=a,Value=b+c \
             --assume-role-policy-document {}",
            trust("sts:AssumeRole")
        ),
    );
    let id = created["Role"]["RoleId"].as_str().unwrap();
    assert!(id.starts_with("AROA") && id.len() == 21, "{id}");
    let mut expected = json!({"Role": {
        "Path": "/argo/", "RoleName": "spoke", "RoleId": id, "Arn": "arn:aws:iam::111122223333:role/argo/spoke",
        "AssumeRolePolicyDocument": trust("sts:AssumeRole"), "Description": "for<&>us", "MaxSessionDuration": 7200,
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/edge",
        },
        "Tags": [{"Key": "a", "Value": "b+c"}], "RoleLastUsed": {},
    }});
    assert_eq!(created, expected);

    let document = trust("sts:*");
    ask(
        fake,
        &format!("iam update-assume-role-policy --role-name spoke --policy-document {document}"),
    );
    ask(
        fake,
        "iam tag-role --role-name spoke --tags Key=d,Value=e Key=f,Value=g",
    );
    ask(fake, "iam untag-role --role-name spoke --tag-keys a f");
    ask(fake, "iam update-role --role-name spoke --description new");
    let tags = json!([{"Key": "d", "Value": "e"}]);
    expected["Role"]["AssumeRolePolicyDocument"] = document;
    expected["Role"]["Tags"] = tags.clone();
    expected["Role"]["Description"] = json!("new");
    assert_eq!(fixed(fake, "iam get-role --role-name spoke"), expected);
    let listed = ask(fake, "iam list-role-tags --role-name spoke");
    assert_eq!(listed["Tags"], tags);
    let listed = ask(fake, "iam list-roles --path-prefix /argo/");
    assert_eq!(listed["Roles"][0]["RoleName"], "spoke");
    ask(fake, "iam delete-role --role-name spoke");
    assert_eq!(fake.role("arn:aws:iam::111122223333:role/argo/spoke"), None);
}

fn policies(fake: &FakeAws) {
    let role = fake.add_role(IamRole::named("deputy"));
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/a<b>&c"}],
    });
    let of_role = "--role-name deputy";
    for name in ["one", "two", "three"] {
        ask(
            fake,
            &format!("iam put-role-policy {of_role} --policy-name {name} --policy-document {document}"),
        );
    }
    let names = ask(fake, &format!("iam list-role-policies {of_role}"));
    assert_eq!(names["PolicyNames"], json!(["one", "three", "two"]));
    assert_eq!(
        ask(fake, &format!("iam get-role-policy {of_role} --policy-name two")),
        json!({"RoleName": "deputy", "PolicyName": "two", "PolicyDocument": document})
    );
    ask(
        fake,
        &format!("iam delete-role-policy {of_role} --policy-name two"),
    );
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    ask(
        fake,
        &format!("iam attach-role-policy {of_role} --policy-arn {admin}"),
    );
    let attached = ask(fake, &format!("iam list-attached-role-policies {of_role}"));
    assert_eq!(
        attached["AttachedPolicies"],
        json!([{"PolicyName": "AdministratorAccess", "PolicyArn": admin}])
    );
    ask(
        fake,
        &format!("iam detach-role-policy {of_role} --policy-arn {admin}"),
    );

    who(fake, &role);
}

fn rights(fake: &FakeAws) {
    let role = fake.add_role(IamRole::named("simulated"));
    let spokes = "arn:aws:iam::444455556666:role/argocd/";
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": format!("{spokes}*")}],
    });
    let created = fixed(
        fake,
        &format!("iam create-policy --policy-name assume-spokes --path /team/ --policy-document {document}"),
    );
    let arn = created["Policy"]["Arn"].as_str().unwrap();
    assert_eq!(arn, "arn:aws:iam::111122223333:policy/team/assume-spokes");
    ask(
        fake,
        &format!("iam attach-role-policy --role-name simulated --policy-arn {arn}"),
    );
    let shown = ask(fake, &format!("iam get-policy --policy-arn {arn}"));
    assert_eq!(
        (
            &shown["Policy"]["AttachmentCount"],
            &shown["Policy"]["DefaultVersionId"]
        ),
        (&json!(1), &json!("v1"))
    );
    let decisions = |resource: &str| {
        let answer = ask(
            fake,
            &format!(
                "iam simulate-principal-policy --policy-source-arn {role} --action-names sts:AssumeRole sts:TagSession \
                 --resource-arns {resource}"
            ),
        );
        let results = answer["EvaluationResults"].as_array().unwrap().clone();
        assert!(
            results
                .iter()
                .all(|result| result["EvalResourceName"] == resource)
        );
        results
            .iter()
            .map(|result| {
                let matched = result["MatchedStatements"].as_array().unwrap();
                let matched = matched.iter().map(|one| one["SourcePolicyId"].as_str().unwrap());
                format!(
                    "{} {} {}",
                    result["EvalActionName"].as_str().unwrap(),
                    result["EvalDecision"].as_str().unwrap(),
                    matched.collect::<String>()
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        decisions(&format!("{spokes}dev")),
        [
            format!("sts:AssumeRole allowed {arn}"),
            "sts:TagSession implicitDeny ".into()
        ]
    );
    let denied = json!({"Statement": {"Effect": "Deny", "Action": "sts:*", "Resource": "*"}});
    ask(
        fake,
        &format!("iam put-role-policy --role-name simulated --policy-name no --policy-document {denied}"),
    );
    assert_eq!(
        decisions(&format!("{spokes}dev")),
        ["sts:AssumeRole explicitDeny no", "sts:TagSession explicitDeny no"]
    );
    ask(
        fake,
        &format!("iam detach-role-policy --role-name simulated --policy-arn {arn}"),
    );
    ask(fake, &format!("iam delete-policy --policy-arn {arn}"));
}

fn who(fake: &FakeAws, role: &str) {
    let caller = ask(fake, "sts get-caller-identity");
    assert_eq!(
        (&caller["Account"], &caller["Arn"]),
        (
            &json!("111122223333"),
            &json!("arn:aws:iam::111122223333:user/testbed")
        )
    );
    let assumed = fixed(
        fake,
        &format!("sts assume-role --role-arn {role} --role-session-name me"),
    );
    assert_eq!(
        assumed["AssumedRoleUser"]["Arn"],
        "arn:aws:sts::111122223333:assumed-role/deputy/me"
    );
    let secret = assumed["Credentials"]["SecretAccessKey"].as_str().unwrap();
    assert!(fake.secrets().iter().any(|known| known == secret));
}
