//! `register`: what is refused, with nothing written.

use std::fmt::Write as _;

use serde_json::json;
use testbed::EksCluster;

use crate::{
    register::{setup, with_aws},
    run::{Bridge, PLANTED},
};

#[tokio::test]
async fn clusters_that_are_refused() {
    let (bridge, fake) = setup().await;
    for status in ["CREATING", "DELETING", "FAILED"] {
        let mut cluster = EksCluster::named(&format!("c-{}", status.to_lowercase()));
        cluster.status = status.into();
        fake.add_cluster(cluster);
    }
    let mut odd = EksCluster::named("odd");
    odd.extra = json!({"certificateAuthority": null});
    fake.add_cluster(odd);
    with_aws(&bridge, &fake, "register dev").fine();
    let before = bridge.hub_files();
    for (line, code, parts) in [
        (
            "register c-creating --environment dev",
            1,
            &["\"c-creating\" is CREATING", "wait until it is ACTIVE"][..],
        ),
        ("register c-deleting --environment dev", 1, &["is DELETING"]),
        ("register c-failed --environment dev", 1, &["is FAILED"]),
        (
            "register odd --environment dev",
            1,
            &["without certificateAuthority.data"],
        ),
        (
            "register two --environment dev --aws-cluster-name dev",
            1,
            &["Secret \"dev\" in the hub has the same server"],
        ),
        (
            "register dev --aws-cluster-name acme_Prod --region eu-west-1",
            1,
            &["\"dev\" is registered for arn:aws:eks:us-west-2"],
        ),
        (
            "register nope",
            1,
            &[
                "cannot look up \"nope\" in EKS",
                "no cluster \"nope\" in region us-west-2",
                "--spoke-context",
            ],
        ),
    ] {
        with_aws(&bridge, &fake, line).fails(code, parts);
    }
    assert_eq!(bridge.hub_files(), before);
    // An environment that nothing says.
    let mut nameless = EksCluster::named("spoke-1");
    nameless.tags.clear();
    fake.add_cluster(nameless);
    with_aws(&bridge, &fake, "register spoke-1")
        .fails(1, &["no environment for \"spoke-1\"", "--environment"]);
    // AWS trouble.
    fake.fail_next(1, "AccessDeniedException", 403);
    with_aws(&bridge, &fake, "register dev").fails(1, &["eks:DescribeCluster", "region us-west-2"]);
    assert_eq!(bridge.hub_files(), before);
}

#[tokio::test]
async fn words_that_are_refused() {
    let (bridge, fake) = setup().await;
    with_aws(&bridge, &fake, "register dev").fine();
    std::fs::write(bridge.home().join("token"), PLANTED).unwrap();
    let before = bridge.hub_files();
    let over_long = format!("register dev --label team={}", "x".repeat(64));
    let arn = "arn:aws:eks:us-west-2:111122223333:cluster/dev";
    let as_server = format!("register lab --environment dev --endpoint {arn} --token-file token");
    for (line, code, parts) in [
        (
            "register other --aws-cluster-name acme_Prod --region eu-west-1 --access role",
            2,
            &["--aws-role-arn ARN"][..],
        ),
        (
            "register other --aws-cluster-name acme_Prod --region eu-west-1 --aws-role-arn nonsense",
            1,
            &["ARN of an IAM role"],
        ),
        (
            "register dev --access capability --aws-role-arn arn:aws:iam::1:role/x",
            2,
            &["the server is then the cluster's ARN"],
        ),
        (&over_long, 1, &["label team", "64 characters", "63 at most"]),
        ("register dev --environment not/valid", 1, &["label environment"]),
        (
            "register dev --annotation aws_region=eu-west-1",
            1,
            &["annotation aws_region is \"us-west-2\""],
        ),
        (
            "register dev --label kubectl-bridge/drain=true",
            1,
            &["kept by this tool"],
        ),
        (
            "register dev --enable karpentr",
            2,
            &["did you mean \"karpenter\"?"],
        ),
        (
            "register dev --metadata-file gone.json",
            1,
            &["metadata file gone.json", "No such file"],
        ),
        (
            &as_server,
            1,
            &["is not the URL of an API server", "--access capability"],
        ),
        (
            "register lab --environment dev --endpoint https://jo:planted-credential@10.0.0.9 --token-file token",
            1,
            &[
                "the server \"10.0.0.9\"",
                "leave the user and password before it out",
            ],
        ),
        (
            "register lab --environment dev --endpoint https://10.0.0.9?a=b --token-file token",
            1,
            &["is not the URL of an API server"],
        ),
        (
            "register lab --environment dev --endpoint https://10.0.0.9 --token-file token",
            1,
            &["bearer token", "--allow-credentials-in-folder"],
        ),
        (
            "register lab --environment dev --endpoint https://10.0.0.9 --token-file token --ca-file token",
            1,
            &["--ca-file token", "no PEM certificate"],
        ),
        (
            "register lab --environment dev --endpoint https://10.0.0.9",
            2,
            &["--token-file"],
        ),
    ] {
        with_aws(&bridge, &fake, line).fails(code, parts);
    }
    assert_eq!(bridge.hub_files(), before);
}

/// A kubeconfig with one context for each user.
fn kubeconfig(users: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {server: 'https://127.0.0.1:9'}\ncontexts:\n",
    );
    for (name, _) in users {
        let _ = writeln!(text, "- name: {name}\n  context: {{cluster: c, user: {name}}}");
    }
    text.push_str("users:\n");
    for (name, user) in users {
        let _ = writeln!(text, "- name: {name}\n  user: {user}");
    }
    text
}

#[test]
fn credentials_of_a_kubeconfig_that_cannot_be_kept() {
    let bridge = Bridge::folder(&[("clusters/.keep".into(), String::new())]);
    let text = kubeconfig(&[
        (
            "exec",
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never}}",
        ),
        ("bare", "{}"),
        ("as", "{token: t, as: somebody}"),
    ]);
    std::fs::write(bridge.home().join("config"), text).unwrap();
    for (context, parts) in [
        (
            "exec",
            &[
                "user \"exec\" of context \"exec\"",
                "the plugin \"aws\"",
                "leave --copy-credentials out",
            ][..],
        ),
        ("bare", &["neither a token nor a client certificate"]),
        ("as", &["impersonates"]),
        ("exe", &["no context \"exe\"; did you mean \"exec\"?"]),
    ] {
        let line = format!(
            "register lab --environment dev --spoke-context {context} --spoke-kubeconfig config --copy-credentials"
        );
        bridge.line(&line).fails(1, parts);
    }
    // A context that cannot be reached: nothing is written.
    bridge
        .line("register lab --environment dev --spoke-context bare --spoke-kubeconfig config")
        .fails(1, &["spoke of context \"bare\""]);
    assert_eq!(bridge.hub_files().len(), 1);
}
