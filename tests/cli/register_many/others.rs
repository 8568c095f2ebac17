//! What another hub has, or this one.

use serde_json::Value;
use testbed::{EksAccessEntry, EksCluster, FakeAws};

use super::{ARGO_CD, HOME, HUB, folder, in_eks, names};
use crate::{register::with_aws, run::Bridge};

const OTHER_HUB: &str = "arn:aws:eks:us-west-2:111122223333:cluster/other";

/// A hub with four clusters in EKS: another hub's, one whose access is made, one that nobody has, and the hub itself.
async fn of_others() -> (Bridge, FakeAws, EksCluster) {
    let theirs = in_eks("theirs", HOME, "us-west-2");
    let ours = in_eks("ours", HOME, "us-west-2");
    let free = in_eks("free", HOME, "us-west-2");
    let hub = in_eks("hub", HOME, "us-west-2");
    let (bridge, aws) = folder(&[theirs.clone(), ours.clone(), free.clone(), hub], &[]).await;
    let other = OTHER_HUB;
    let service =
        format!("arn:aws:iam::{HOME}:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS");
    let mark = |entry: EksAccessEntry, hub: &str| entry.with_tag("kubectl-bridge/hub", hub);
    for (arn, entry) in [
        (
            theirs.arn(),
            mark(
                EksAccessEntry::of("arn:aws:iam::111122223333:role/argocd-other"),
                other,
            ),
        ),
        (
            ours.arn(),
            mark(EksAccessEntry::of(ARGO_CD), HUB).with_policy("AmazonEKSClusterAdminPolicy", &[]),
        ),
        (free.arn(), EksAccessEntry::of(&service)),
        (
            free.arn(),
            EksAccessEntry::of("arn:aws:iam::111122223333:role/operators"),
        ),
    ] {
        aws.add_access_entry(&arn, entry).unwrap();
    }
    (bridge, aws, theirs)
}

#[tokio::test]
async fn whose_a_missing_cluster_is() {
    let (bridge, aws, _) = of_others().await;
    let table = with_aws(&bridge, &aws, "discover").fine();
    for row in [
        [
            "(theirs)",
            "elsewhere",
            "it belongs to another hub, arn:aws:eks:us-west-2:111122223333:cluster/other",
        ],
        [
            "(ours)",
            "missing",
            "access in AWS is made, and the cluster is not registered",
        ],
        ["(free)", "missing", "1.34"],
        [
            "(hub)",
            "missing",
            "it is the hub itself, which \"kubectl bridge init\" registers",
        ],
    ] {
        assert!(
            table
                .lines()
                .any(|line| row.iter().all(|part| line.contains(part))),
            "{row:?}: {table}"
        );
    }
    // A list for each that is missing, and a look at each entry but those of AWS itself.
    let looks = |operation: &str| {
        aws.calls()
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    };
    assert_eq!((looks("ListAccessEntries"), looks("DescribeAccessEntry")), (4, 3));
    let list = with_aws(&bridge, &aws, "discover -o json").fine();
    let list: Value = serde_json::from_str(&list).unwrap();
    let items = list["items"].as_array().unwrap();
    assert!(
        items
            .iter()
            .any(|item| item["markedBy"] == OTHER_HUB && item["state"] == "elsewhere")
    );

    // Who may not look is told, once.
    for action in ["eks:ListAccessEntries", "eks:DescribeAccessEntry"] {
        aws.deny(HOME, action);
        let ran = with_aws(&bridge, &aws, "discover");
        let note = format!("missing clusters already was not looked at: {action} is not allowed\n");
        assert_eq!(ran.stderr.matches(&note).count(), 1, "{}", ran.stderr);
        assert!(!ran.fine().contains("elsewhere"));
        aws.allow_all();
    }
    aws.deny(HOME, "eks:ListAccessEntries");
    let ran = with_aws(&bridge, &aws, "register free");
    assert!(
        ran.stderr.contains(
            "whether another hub has \"free\" already was not looked at: eks:ListAccessEntries is not allowed"
        ),
        "{}",
        ran.stderr
    );
    ran.fine();
}

#[tokio::test]
async fn what_belongs_to_others_is_left_out() {
    let (bridge, aws, theirs) = of_others().await;
    let before = aws.access_entries(&theirs.arn());
    // Not even to take over what was made by hand.
    let ran = with_aws(&bridge, &aws, "register --discovered --yes --adopt");
    assert!(
        ran.stderr
            .contains("left out: cluster/theirs: it belongs to another hub")
            && ran.stderr.contains("left out: cluster/hub: it is the hub itself")
            && ran.stderr.ends_with("\n2 registered, 2 left out\n"),
        "{}",
        ran.stderr
    );
    ran.fine();
    assert_eq!(names(&bridge), ["free", "ours"]);
    assert_eq!(aws.access_entries(&theirs.arn()), before);
}
