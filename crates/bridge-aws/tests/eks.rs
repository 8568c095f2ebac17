//! The EKS client against an imitation of EKS, configured as the SDK is: by the environment, which is another process's.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{collections::BTreeMap, process::Command};

use bridge_aws::{AwsOptions, Eks};
use serde_json::json;
use testbed::{EksCluster, FakeEks};

/// What [`child`] prints before its answer.
const MARK: &str = "answer: ";

/// Runs [`child`] in the environment of the imitation.
fn describe(fake: &FakeEks, cluster: &str, more: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .env_clear()
        .envs(fake.env())
        .env("CHILD_CLUSTER", cluster)
        .envs(more.iter().copied().filter(|(_, value)| !value.is_empty()));
    for (name, _) in more.iter().filter(|(_, value)| value.is_empty()) {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .find_map(|line| line.split_once(MARK))
        .unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
        .1
        .to_owned()
}

#[test]
#[ignore = "run by the other tests, in another environment"]
fn child() {
    let cluster = std::env::var("CHILD_CLUSTER").unwrap();
    let options = AwsOptions {
        region: std::env::var("CHILD_REGION").ok(),
        profile: std::env::var("CHILD_PROFILE").ok(),
        assume_role: std::env::var("CHILD_ROLE").ok(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let answer = runtime.block_on(async { Eks::connect(&options).await?.describe_cluster(&cluster).await });
    match answer {
        Ok(facts) => println!("{MARK}{facts:?}"),
        Err(error) => {
            let mut chain = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                chain = format!("{chain} <- {cause}");
                source = cause.source();
            }
            println!("{MARK}{}", chain.replace('\n', " "));
        }
    }
}

#[tokio::test]
async fn facts_of_a_cluster() {
    let fake = FakeEks::start().await.unwrap();
    let mut cluster = EksCluster::named("dev");
    cluster.region = "eu-west-1".into();
    cluster.tags = BTreeMap::from([("Environment".into(), "staging".into())]);
    fake.add_cluster(cluster.clone());
    let answer = describe(&fake, "dev", &[("CHILD_REGION", "eu-west-1")]);
    for part in [
        "region: \"eu-west-1\"",
        "account: \"111122223333\"",
        "status: \"ACTIVE\"",
        "version: Some(\"1.34\")",
        "vpc_id: Some(\"vpc-0a1b2c3d4e5f60718\")",
        "authentication_mode: Some(\"API_AND_CONFIG_MAP\")",
        "created_at: Some(2025-10-09T08:53:20.25Z)",
        "{\"Environment\": \"staging\"}",
        "service_cidr: Some(\"172.20.0.0/16\")",
        "auto_mode: Some(false)",
        "support_type: Some(\"EXTENDED\")",
    ] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
    let requests = fake.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (requests[0].path.as_str(), requests[0].region.as_str()),
        ("/clusters/dev", "eu-west-1")
    );
    assert!(
        requests[0].user_agent.contains("kubectl-bridge"),
        "{}",
        requests[0].user_agent
    );

    // Every member is optional at AWS.
    cluster.extra = json!({"arn": null});
    fake.add_cluster(cluster);
    let answer = describe(&fake, "dev", &[("CHILD_REGION", "eu-west-1")]);
    assert_eq!(answer, "EKS describes cluster \"dev\" without arn");
}

#[tokio::test]
async fn the_service_endpoint_of_the_environment_wins() {
    let fake = FakeEks::start().await.unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let endpoint = fake.endpoint();
    let answer = describe(
        &fake,
        "dev",
        &[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ENDPOINT_URL_EKS", &endpoint),
        ],
    );
    assert!(answer.contains("status: \"ACTIVE\""), "{answer}");
}

#[tokio::test]
async fn failures_say_what_to_do() {
    let fake = FakeEks::start().await.unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let answer = describe(&fake, "nope", &[]);
    assert!(
        answer.starts_with("EKS knows no cluster \"nope\" in region us-west-2, default credentials;"),
        "{answer}"
    );
    fake.fail_next(1, "AccessDeniedException", 403);
    let answer = describe(&fake, "dev", &[]);
    assert!(
        answer.contains("the IAM action eks:DescribeCluster is needed on it: User: arn:aws:iam"),
        "{answer}"
    );
    fake.fail_next(1, "ExpiredTokenException", 403);
    let answer = describe(&fake, "dev", &[]);
    assert!(
        answer.contains("does not accept the AWS credentials (ExpiredTokenException)"),
        "{answer}"
    );
    let answer = describe(&fake, "dev", &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")]);
    assert!(
        answer.starts_with("cannot reach EKS in region us-west-2, default credentials <- "),
        "{answer}"
    );
    let answer = describe(&fake, "../dev", &[]);
    assert!(
        answer.starts_with("\"../dev\" is not an EKS cluster name"),
        "{answer}"
    );
}

#[tokio::test]
async fn throttling_is_told_by_its_code_and_tried_again() {
    let fake = FakeEks::start().await.unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    // A code that DescribeCluster does not declare, and that came in practice.
    fake.fail_next(2, "TooManyRequestsException", 400);
    let answer = describe(&fake, "dev", &[]);
    assert!(answer.contains("status: \"ACTIVE\""), "{answer}");
    assert_eq!(fake.requests().len(), 3);
    fake.fail_next(1, "ThrottlingException", 429);
    let answer = describe(&fake, "dev", &[("AWS_MAX_ATTEMPTS", "1")]);
    assert!(
        answer.starts_with(
            "EKS throttles requests in region us-west-2, default credentials (ThrottlingException)"
        ),
        "{answer}"
    );
    assert_eq!(fake.requests().len(), 4);
    // Who chooses a mode has the SDK's retries.
    fake.fail_next(2, "ThrottlingException", 429);
    let mode = ("AWS_RETRY_MODE", "standard");
    assert!(describe(&fake, "dev", &[mode]).contains("status: \"ACTIVE\""));
    fake.fail_next(2, "ThrottlingException", 429);
    let answer = describe(&fake, "dev", &[mode, ("AWS_MAX_ATTEMPTS", "2")]);
    assert!(answer.starts_with("EKS throttles requests"), "{answer}");
    assert_eq!(fake.requests().len(), 9);
    // And who does not, that of this program: more attempts than the SDK's, in less time.
    fake.fail_next(7, "ThrottlingException", 429);
    assert!(describe(&fake, "dev", &[]).contains("status: \"ACTIVE\""));
    assert_eq!(fake.requests().len(), 17);
}

#[tokio::test]
async fn no_credentials_and_no_region() {
    let fake = FakeEks::start().await.unwrap();
    let answer = describe(
        &fake,
        "dev",
        &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")],
    );
    assert!(
        answer.starts_with("no AWS credentials found: looked at AWS_ACCESS_KEY_ID,"),
        "{answer}"
    );
    // A profile that is named is what is meant, whatever keys the environment holds.
    let answer = describe(&fake, "dev", &[("CHILD_PROFILE", "ops")]);
    assert!(
        answer.starts_with("no AWS credentials for profile \"ops\":"),
        "{answer}"
    );
    let answer = describe(&fake, "dev", &[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")]);
    assert!(answer.starts_with("no AWS region: neither --region"), "{answer}");
    assert_eq!(fake.requests(), []);
}

#[tokio::test]
async fn a_profile_that_is_named_wins_over_the_environment() {
    let fake = FakeEks::start().await.unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let folder = std::env::temp_dir().join(format!("bridge-aws-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("credentials");
    std::fs::write(
        &file,
        "[ops]\naws_access_key_id = AKIDOFOPS\naws_secret_access_key = x\n",
    )
    .unwrap();
    let answer = describe(
        &fake,
        "dev",
        &[
            ("CHILD_PROFILE", "ops"),
            ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()),
        ],
    );
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(answer.contains("status: \"ACTIVE\""), "{answer}");
    assert_eq!(fake.requests()[0].access_key, "AKIDOFOPS");
}
