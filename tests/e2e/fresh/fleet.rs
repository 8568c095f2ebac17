use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use crate::support::cluster_secret::cluster_secret;

pub const CLUSTERS: usize = 100;
const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

/// Charts; the toggle of each is `enable_` and its name with underscores.
pub const ADDONS: [&str; 12] = [
    "argo-events",
    "argo-rollouts",
    "argo-workflows",
    "cert-manager",
    "cluster-autoscaler",
    "external-dns",
    "external-secrets",
    "gatekeeper",
    "ingress-nginx",
    "karpenter",
    "metrics-server",
    "velero",
];

/// Each environment has a third of the clusters, each cluster a third of the addons.
pub fn secrets() -> Vec<Secret> {
    (0..CLUSTERS).map(secret).collect()
}

/// A set for each addon: gated by its toggle, its version by environment.
pub fn sets() -> Vec<Value> {
    ADDONS.map(set).into()
}

pub fn toggles_that_are_on() -> usize {
    (0..CLUSTERS)
        .map(|cluster| (0..ADDONS.len()).filter(|addon| is_on(cluster, *addon)).count())
        .sum()
}

/// Pairs of addon and cluster, the addon on, no two with a cluster or an addon in common.
pub fn flips(environment: &str, count: usize) -> Vec<(&'static str, String)> {
    let clusters = (0..CLUSTERS).filter(|cluster| environment_of(*cluster) == environment);
    clusters
        .step_by(10)
        .enumerate()
        .take(count)
        .filter_map(|(nth, cluster)| {
            let addon = (nth * 3..nth * 3 + 3).find(|addon| is_on(cluster, *addon))?;
            Some((ADDONS[addon], cluster_name(cluster)))
        })
        .collect()
}

pub fn toggle(addon: &str) -> String {
    format!("enable_{}", snake(addon))
}

pub fn application(addon: &str, cluster: &str) -> String {
    format!("addon-{cluster}-{addon}")
}

pub fn cluster_name(cluster: usize) -> String {
    format!("{}-{cluster:03}", environment_of(cluster))
}

fn environment_of(cluster: usize) -> &'static str {
    ENVIRONMENTS[cluster % ENVIRONMENTS.len()]
}

fn is_on(cluster: usize, addon: usize) -> bool {
    (cluster / ENVIRONMENTS.len() + addon).is_multiple_of(3)
}

fn snake(addon: &str) -> String {
    addon.replace('-', "_")
}

fn secret(cluster: usize) -> Secret {
    let name = cluster_name(cluster);
    let mut labels = vec![
        ("environment".to_owned(), environment_of(cluster).to_owned()),
        ("cluster_name".to_owned(), name.clone()),
        ("kubernetes_version".to_owned(), "1.33".to_owned()),
    ];
    let mut annotations = vec![
        ("aws_cluster_name".to_owned(), name.clone()),
        ("aws_region".to_owned(), "eu-central-1".to_owned()),
        ("aws_account_id".to_owned(), "012345678901".to_owned()),
        (
            "addons_repo_url".to_owned(),
            "https://git.example.com/addons".to_owned(),
        ),
        ("addons_repo_basepath".to_owned(), "argocd/".to_owned()),
        ("addons_repo_revision".to_owned(), "main".to_owned()),
    ];
    for (index, addon) in ADDONS.iter().enumerate() {
        labels.push((toggle(addon), is_on(cluster, index).to_string()));
        let addon = snake(addon);
        annotations.push((format!("{addon}_namespace"), format!("{addon}-system")));
        annotations.push((
            format!("{addon}_iam_role_arn"),
            format!("arn:aws:iam::012345678901:role/{name}-{addon}"),
        ));
    }
    cluster_secret(
        &name,
        &format!("https://{name}.example.com"),
        labels.iter().map(|(key, value)| (key.as_str(), value.as_str())),
        annotations
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str())),
    )
}

fn set(addon: &str) -> Value {
    let of_environment = |environment: &str, version: &str| {
        json!({"clusters": {
            "selector": {"matchLabels": {"environment": environment}}, "values": {"addonChartVersion": version},
        }})
    };
    let annotation = |key: &str| format!("{{{{metadata.annotations.{}_{key}}}}}", snake(addon));
    let repository = "{{metadata.annotations.addons_repo_basepath}}";
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": format!("addons-{addon}")},
        "spec": {
            "syncPolicy": {"preserveResourcesOnDeletion": true},
            "generators": [{"merge": {"mergeKeys": ["server"], "generators": [
                {"clusters": {
                    "values": {"addonChart": addon, "addonChartVersion": "1.0.0"},
                    "selector": {"matchExpressions": [
                        {"key": "akuity.io/argo-cd-cluster-name", "operator": "NotIn", "values": ["in-cluster"]},
                        {"key": toggle(addon), "operator": "In", "values": ["true"]},
                    ]},
                }},
                of_environment("staging", "1.1.0"),
                of_environment("prod", "0.9.0"),
            ]}}],
            "template": {
                "metadata": {"name": "addon-{{name}}-{{values.addonChart}}"},
                "spec": {
                    "project": "default",
                    "sources": [
                        {
                            "repoURL": "{{metadata.annotations.addons_repo_url}}",
                            "targetRevision": "{{metadata.annotations.addons_repo_revision}}",
                            "ref": "values",
                        },
                        {
                            "chart": "{{values.addonChart}}",
                            "repoURL": "https://charts.example.com",
                            "targetRevision": "{{values.addonChartVersion}}",
                            "helm": {
                                "releaseName": "{{values.addonChart}}",
                                "ignoreMissingValueFiles": true,
                                "valueFiles": [
                                    format!("$values/{repository}environments/{{{{metadata.labels.environment}}}}/values.yaml"),
                                    format!("$values/{repository}clusters/{{{{name}}}}/values.yaml"),
                                ],
                                "values": format!("role: {}\n", annotation("iam_role_arn")),
                            },
                        },
                    ],
                    "destination": {"namespace": annotation("namespace"), "name": "{{name}}"},
                    "syncPolicy": {"automated": {}},
                },
            },
        },
    })
}
