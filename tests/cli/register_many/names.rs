//! Names of what was discovered.

use super::{HOME, defaults, folder, in_eks, names};
use crate::{
    fleet::{application_set, cluster},
    register::with_aws,
};

#[tokio::test]
async fn names_must_tell_them_apart() {
    let clusters = [
        in_eks("dev", HOME, "us-west-2"),
        in_eks("dev", HOME, "eu-west-1"),
        in_eks("prod", HOME, "us-west-2"),
    ];
    let (bridge, aws) = folder(&clusters, &[]).await;
    let before = (bridge.hub_files(), aws.snapshot());
    let line = "register --discovered --yes --region us-west-2,eu-west-1";
    with_aws(&bridge, &aws, line).fails(
        1,
        &[
            "several clusters would get one name, and nothing was changed:\n* dev: arn:aws:eks:eu-west-1:111122223333:cluster/dev, arn:aws:eks:us-west-2:",
            "--name-pattern, such as {name}-{region}",
        ],
    );
    assert_eq!((bridge.hub_files(), aws.snapshot()), before);
    with_aws(&bridge, &aws, &format!("{line} --name-pattern {{nam}}")).fails(2, &["did you mean \"name\"?"]);
    let ran = with_aws(
        &bridge,
        &aws,
        &format!("{line} --name-pattern {{name}}-{{tag:team}}"),
    );
    ran.fails(
        1,
        &["3 clusters (dev, dev, prod): its name on the hub is not known: the pattern \"{name}-{tag:team}\" needs {tag:team}"],
    );
    with_aws(
        &bridge,
        &aws,
        &format!("{line} --name-pattern {{name}}-{{region}}"),
    )
    .fine();
    assert_eq!(
        names(&bridge),
        ["dev-eu-west-1", "dev-us-west-2", "prod-us-west-2"]
    );

    // EKS names may be longer than a label.
    let long = "x".repeat(80);
    aws.add_cluster(in_eks(&long, HOME, "us-west-2"));
    let ran = with_aws(&bridge, &aws, &format!("{line} --name-pattern {{name}}"));
    ran.fails(
        1,
        &[
            "it cannot have that name on the hub: say --name-pattern, or register it by another name with --aws-cluster-name arn:aws:eks:",
            "80 characters",
        ],
    );

    // The patterns of the team; and a name that is taken by a cluster that has nothing to do with it.
    let clusters = [
        in_eks("spoke-dev", HOME, "us-west-2"),
        in_eks("spoke-edge", HOME, "us-west-2"),
    ];
    let edge = cluster("edge-us-west-2", &[], &[]);
    let (bridge, aws) = folder(&clusters, &[("clusters/edge-us-west-2.yaml", edge)]).await;
    let more = "  aws-cluster-name: spoke-{name}\n  name-pattern: '{name}-{region}'\n";
    std::fs::write(
        bridge.hub_dir().join("kubectl-bridge-defaults.yaml"),
        defaults(more),
    )
    .unwrap();
    let table = with_aws(&bridge, &aws, "discover").fine();
    assert!(table.contains("(dev-us-west-2)    missing"), "{table}");
    let ran = with_aws(&bridge, &aws, "register --discovered --yes");
    assert_eq!(ran.stdout, "cluster/dev-us-west-2 created\n");
    ran.fails_with_answer(
        1,
        &[
            "cluster/edge-us-west-2: Secret \"edge-us-west-2\" on the hub has that name already, for https://edge-us-west-2.example.com",
            "1 registered, 1 failed:\n  cluster/edge-us-west-2: ",
        ],
    );
}

#[tokio::test]
async fn long_application_names_are_called_out() {
    let long = "a-cluster-with-a-name-that-is-longer-than-it-is-good-for-it";
    let clusters = [
        in_eks(long, HOME, "us-west-2"),
        in_eks("short", HOME, "us-west-2"),
    ];
    let set =
        application_set("metrics-server", true).replace("enable_metrics-server: 'true'", "environment: dev");
    let (bridge, aws) = folder(&clusters, &[("applicationsets/x.yaml", set)]).await;
    let part = format!(
        "ApplicationSet addons-metrics-server names its Application addon-{long}-metrics-server, 80 characters: Argo CD cannot track"
    );
    for line in [
        format!("register {long} --dry-run"),
        format!("register {long} --yes --discovered --dry-run").replace(&format!("{long} "), ""),
        format!("register {long}"),
    ] {
        let ran = with_aws(&bridge, &aws, &line);
        assert!(
            ran.stderr.contains("warning: ") && ran.stderr.contains(&part),
            "{line}: {}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains("register the cluster under a shorter name"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("addon-short"), "{}", ran.stderr);
        ran.fine();
    }
    let again = with_aws(&bridge, &aws, &format!("register {long}"));
    assert!(
        !again.stderr.contains("80 characters"),
        "said once: {}",
        again.stderr
    );
}
