//! Discover, register and unregister on stand-ins for AWS that others made, and on our own in the same way. All is set up and
//! looked at through AWS's own client.
//!
//! Where a stand-in is wrong, what cannot be seen there is left out, with a line that says so; that it is wrong is tried
//! first, so that the list below does not outlive its reasons.

mod rules;
mod stage;
mod suite;

use testbed::AwsEndpoint;

use stage::{Stage, What, Wrong};

#[tokio::test(flavor = "multi_thread")]
async fn ours() {
    // Of its rules the tests beside it know more.
    let stage = Stage::set(AwsEndpoint::fake().await.unwrap(), &[]).await;
    suite::all(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ministack() {
    let wrong = [
        Wrong(
            What::Certificate,
            "without Docker its clusters have no API server and an empty certificate authority, so that Argo CD could only \
             reach them by ARN",
        ),
        Wrong(
            What::Capabilities,
            "it has no route for them, so that the hub cannot be asked what its Argo CD is, and the team's defaults say it",
        ),
        Wrong(
            What::GoneCluster,
            "asked for an access entry of a cluster that is gone it misses the entry, not the cluster",
        ),
        Wrong(
            What::Pages,
            "it cuts a list off where a page ends, without a token for the next",
        ),
        Wrong(
            What::Principals,
            "it makes access entries for principals that do not exist",
        ),
        Wrong(
            What::SystemGroups,
            "it takes Kubernetes groups that begin with system:",
        ),
        Wrong(
            What::TrustedRoles,
            "it takes trust policies that name roles that do not exist",
        ),
        Wrong(What::PolicySizes, "its inline policies may have any size"),
    ];
    let stage = Stage::set(AwsEndpoint::ministack().await.unwrap(), &wrong).await;
    suite::all(&stage).await;
    rules::all(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn ministack_with_iam_and_sts_of_moto() {
    let wrong = [
        Wrong(
            What::Simulation,
            "it has no SimulatePrincipalPolicy: what the hub's role may assume stays unknown",
        ),
        Wrong(
            What::TrustedRoles,
            "it takes trust policies that name roles that do not exist",
        ),
        Wrong(What::PolicySizes, "its inline policies may have any size"),
    ];
    let stage = Stage::set(AwsEndpoint::ministack_with_moto().await.unwrap(), &wrong).await;
    suite::role_in_another_account(&stage).await;
    rules::of_iam(&stage);
}
