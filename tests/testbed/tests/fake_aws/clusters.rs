//! Clusters, and how the client takes errors.

use serde_json::{Value, json};
use testbed::{EksCluster, FakeEks};

use crate::cli::{ask, aws};

fn describe(eks: &FakeEks, name: &str, environment: &[(&str, &str)]) -> Result<Value, String> {
    let output = aws(eks, &format!("eks describe-cluster --name {name}"), environment);
    if output.status.success() {
        Ok(serde_json::from_slice::<Value>(&output.stdout).unwrap()["cluster"].take())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

#[tokio::test]
async fn describes_a_cluster() {
    let eks = FakeEks::start().await.unwrap();
    eks.add_cluster(EksCluster {
        ca: "the authority".to_owned(),
        version: "1.33".to_owned(),
        tags: [("environment".to_owned(), "prod".to_owned())].into(),
        extra: json!({"health": {"issues": [{"code": "IamRoleNotFound", "message": "gone"}]}, "platformVersion": null}),
        ..EksCluster::named("shop")
    });
    let cluster = describe(&eks, "shop", &[]).unwrap();
    let expected = [
        ("/name", json!("shop")),
        ("/arn", json!("arn:aws:eks:us-west-2:111122223333:cluster/shop")),
        ("/status", json!("ACTIVE")),
        ("/version", json!("1.33")),
        ("/certificateAuthority/data", json!("dGhlIGF1dGhvcml0eQ==")),
        ("/accessConfig/authenticationMode", json!("API_AND_CONFIG_MAP")),
        ("/resourcesVpcConfig/vpcId", json!("vpc-0a1b2c3d4e5f60718")),
        ("/tags/environment", json!("prod")),
        ("/health/issues/0/code", json!("IamRoleNotFound")),
        (
            "/identity/oidc/issuer",
            json!("https://oidc.eks.us-west-2.amazonaws.com/id/73686F70000000000000000000000000"),
        ),
        (
            "/endpoint",
            json!("https://73686F70000000000000000000000000.gr7.us-west-2.eks.amazonaws.com"),
        ),
    ];
    for (pointer, value) in expected {
        assert_eq!(cluster.pointer(pointer), Some(&value), "{pointer} in {cluster:#}");
    }
    // Version 1 of the client shows what came, version 2 a date.
    let created = cluster["createdAt"].to_string();
    assert!(
        created == "1760000000.25" || created.starts_with("\"2025-10-09T"),
        "{created}"
    );
    assert_eq!(cluster.get("platformVersion"), None);

    let requests = eks.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(
        (requests[0].method.as_str(), requests[0].path.as_str()),
        ("GET", "/clusters/shop")
    );
    assert_eq!(
        (requests[0].region.as_str(), requests[0].access_key.as_str()),
        ("us-west-2", "AKIDTESTBED")
    );
    assert!(requests[0].user_agent.contains("aws-cli"), "{requests:?}");
}

#[tokio::test]
async fn a_cluster_that_is_being_created_has_no_endpoint_yet() {
    let eks = FakeEks::start().await.unwrap();
    eks.add_cluster(EksCluster {
        status: "CREATING".to_owned(),
        ..EksCluster::default()
    });
    let cluster = describe(&eks, "dev", &[]).unwrap();
    assert_eq!(
        (cluster.get("endpoint"), &cluster["certificateAuthority"]),
        (None, &json!({}))
    );
}

#[tokio::test]
async fn keeps_regions_and_accounts_apart() {
    let eks = FakeEks::start().await.unwrap();
    let (region, account) = ("eu-central-1".to_owned(), "444455556666".to_owned());
    eks.add_cluster(EksCluster {
        region,
        account,
        ..EksCluster::default()
    });
    let there = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "444455556666"),
    ];
    let cluster = describe(&eks, "dev", &there).unwrap();
    assert_eq!(
        cluster["arn"],
        "arn:aws:eks:eu-central-1:444455556666:cluster/dev"
    );
    for elsewhere in [&there[..2], &there[2..], &[]] {
        let error = describe(&eks, "dev", elsewhere).unwrap_err();
        assert!(
            error.contains("ResourceNotFoundException"),
            "{elsewhere:?}: {error}"
        );
    }
    eks.remove_cluster("arn:aws:eks:eu-central-1:444455556666:cluster/dev");
    assert!(describe(&eks, "dev", &there).is_err());
}

#[tokio::test]
async fn errors_are_the_services_own() {
    let eks = FakeEks::start().await.unwrap();
    let error = describe(&eks, "gone", &[]).unwrap_err();
    assert!(
        error.contains("(ResourceNotFoundException) when calling the DescribeCluster operation")
            && error.contains("No cluster found for name: gone."),
        "{error}"
    );
    eks.add_cluster(EksCluster::default());
    for (code, http) in [
        ("AccessDeniedException", 403),
        ("ThrottlingException", 429),
        ("TooManyRequestsException", 429),
        ("ServerException", 500),
        ("ServiceUnavailableException", 503),
    ] {
        eks.fail_next(1, code, http);
        let error = describe(&eks, "dev", &[]).unwrap_err();
        assert!(error.contains(&format!("({code})")), "{error}");
    }
    assert!(describe(&eks, "dev", &[]).is_ok());

    let unsigned = aws(&eks, "eks describe-cluster --name dev --no-sign-request", &[]);
    let error = String::from_utf8(unsigned.stderr).unwrap();
    assert!(error.contains("(MissingAuthenticationTokenException)"), "{error}");
}

#[tokio::test]
async fn the_client_retries_what_is_throttled() {
    let eks = FakeEks::start().await.unwrap();
    eks.add_cluster(EksCluster::default());
    eks.fail_next(2, "ThrottlingException", 429);
    assert!(describe(&eks, "dev", &[("AWS_MAX_ATTEMPTS", "3")]).is_ok());
    assert_eq!(eks.requests().len(), 3);
}

#[tokio::test]
async fn lists_come_in_pages_that_the_client_follows() {
    let eks = FakeEks::start().await.unwrap();
    eks.set_page_size(2);
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        eks.add_cluster(EksCluster::named(name));
    }
    assert_eq!(ask(&eks, "eks list-clusters"), json!({"clusters": names}));
    let asked: Vec<String> = eks.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[1].contains("nextToken="), "{asked:?}");
}
