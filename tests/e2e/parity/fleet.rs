use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};

use crate::support::cluster_secret::cluster_secret;

const HUB_SERVER: &str = "https://kubernetes.default.svc";
const ADDONS: [&str; 6] = [
    "ack_s3",
    "aws_load_balancer_controller",
    "cert_manager",
    "external_dns",
    "karpenter",
    "metrics_server",
];

/// Clusters of the pattern, and odd ones.
pub fn varied() -> Vec<Secret> {
    let mut fleet = one_for_each_environment();
    fleet.extend([
        // Project-scoped; one addon less than the other one in prod.
        with_data(
            pattern("prod-us", "https://prod-us.example.com", "prod", |addon| {
                addon != "karpenter"
            }),
            &[
                ("project", "default"),
                ("shard", "1"),
                ("namespaces", "a,b"),
                ("clusterResources", "true"),
            ],
        ),
        // What the pattern's selectors leave out.
        with_labels(
            pattern("akuity", "https://akuity.example.com", "prod", |_| true),
            &[("akuity.io/argo-cd-cluster-name", "in-cluster")],
        ),
        // Nothing but an identity.
        cluster_secret("bare", "https://bare.example.com", [], []),
        cluster_secret(
            "Ünï_Code…",
            "https://[2001:db8::1]:6443",
            [("team.example.com/tier", "gold")],
            odd_annotations(),
        ),
    ]);
    fleet
}

/// As [`varied`], but the hub has no cluster Secret.
pub fn without_the_hub() -> Vec<Secret> {
    let mut fleet = varied();
    fleet.retain(|secret| {
        secret
            .data
            .as_ref()
            .is_some_and(|data| data["server"].0 != HUB_SERVER.as_bytes())
    });
    fleet
}

/// The hub, and one spoke in each environment.
pub fn one_for_each_environment() -> Vec<Secret> {
    vec![
        pattern("hub-cluster", HUB_SERVER, "control-plane", |addon| {
            addon != "cert_manager"
        }),
        with_data(
            pattern("dev", "https://dev.example.com:6443", "dev", |_| true),
            &[("project", "")],
        ),
        with_annotations(
            pattern("staging", "https://staging.example.com", "staging", |addon| {
                addon.len() > 8
            }),
            &[("external_dns_policy", "sync")],
        ),
        with_labels(
            pattern("prod-eu", "https://PROD-EU.example.com/", "prod", |_| true),
            &[("region", "eu")],
        ),
        cluster_secret(
            "Odd_Cluster.EU-",
            "https://Odd.example.com:443/path/",
            [
                ("environment", "lab"),
                ("team.example.com/tier", "Silver.2"),
                ("a.b-c_d", ""),
                ("enable_metrics_server", "True"),
                ("enable_cert_manager", "false"),
            ],
            odd_annotations(),
        ),
    ]
}

fn odd_annotations() -> [(&'static str, &'static str); 8] {
    [
        // Argo CD's own, which its generator leaves out.
        ("argocd.argoproj.io/refresh", "2026-01-01T00:00:00Z"),
        (
            "kubectl.kubernetes.io/last-applied-configuration",
            r#"{"stringData":{"config":"hunter2"}}"#,
        ),
        (
            "notes.example.com/free-text",
            r#"he said "no" & 'yes' <b> \n {{name}} naïve ✓ $x"#,
        ),
        ("lines", "first: 1\n  second: [2, \"3\"]\n\ttab\r\n"),
        ("empty", ""),
        ("number", "1000000"),
        ("workload_repo_url", "https://git.example.com/lab"),
        ("Upper_Case.and-more", "{}"),
    ]
}

/// A cluster as the pattern registers it: toggles as labels, and the metadata of the addons that are on.
fn pattern(name: &str, server: &str, environment: &str, is_on: impl Fn(&str) -> bool) -> Secret {
    let toggles = ADDONS.map(|addon| (format!("enable_{addon}"), is_on(addon).to_string()));
    let metadata: BTreeMap<String, String> = ADDONS
        .iter()
        .filter(|addon| is_on(addon))
        .flat_map(|addon| {
            [
                (
                    format!("{addon}_namespace"),
                    format!("{addon}-system").replace('_', "-"),
                ),
                (
                    format!("{addon}_service_account"),
                    format!("{addon}-sa").replace('_', "-"),
                ),
                (
                    format!("{addon}_iam_role_arn"),
                    format!("arn:aws:iam::012345678901:role/{name}-{addon}"),
                ),
            ]
        })
        .chain([("karpenter_sqs_queue_name".to_owned(), format!("karpenter-{name}"))])
        .collect();
    let labels = toggles
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .chain([
            ("environment", environment),
            ("cluster_name", name),
            ("aws_cluster_name", name),
            ("kubernetes_version", "1.33"),
        ]);
    let annotations = metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .chain([
            ("environment", environment),
            ("cluster_name", name),
            ("aws_cluster_name", name),
            ("aws_region", "eu-central-1"),
            ("aws_account_id", "012345678901"),
            ("aws_vpc_id", "vpc-0a1b2c3d"),
            ("addons_repo_url", "https://git.example.com/addons"),
            ("addons_repo_basepath", "argocd/"),
            ("addons_repo_path", "bootstrap"),
            ("addons_repo_revision", "main"),
            ("workload_repo_url", "https://git.example.com/workloads"),
            ("workload_repo_basepath", ""),
            ("workload_repo_path", "k8s"),
            ("workload_repo_revision", "v1.2.3"),
        ]);
    cluster_secret(name, server, labels, annotations)
}

fn with_labels(mut secret: Secret, labels: &[(&str, &str)]) -> Secret {
    secret
        .metadata
        .labels
        .get_or_insert_default()
        .extend(owned(labels));
    secret
}

fn with_annotations(mut secret: Secret, annotations: &[(&str, &str)]) -> Secret {
    secret
        .metadata
        .annotations
        .get_or_insert_default()
        .extend(owned(annotations));
    secret
}

fn with_data(mut secret: Secret, data: &[(&str, &str)]) -> Secret {
    let data = owned(data).map(|(key, value)| (key, ByteString(value.into_bytes())));
    secret.data.get_or_insert_default().extend(data);
    secret
}

fn owned(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
}
