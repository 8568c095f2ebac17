use bridge_core::{applicationset::Reads, request::Keys};
use serde_json::json;

use crate::files::{PLUGIN, fixtures, from_the_field, on_plugin, set};

/// `labels | annotations | server, project`; `*` for all.
fn show(reads: &Reads) -> String {
    let keys = |keys: &Keys| match keys {
        Keys::All => "*".to_owned(),
        Keys::Some(keys) => keys.iter().cloned().collect::<Vec<_>>().join(" "),
    };
    let tops: Vec<&str> = [("server", reads.server), ("project", reads.project)]
        .into_iter()
        .filter_map(|(name, read)| read.then_some(name))
        .collect();
    format!(
        "{} | {} | {}",
        keys(&reads.labels),
        keys(&reads.annotations),
        tops.join(" ")
    )
}

/// Read by eye from the fixtures.
const FIXTURES: [(&str, &str); 15] = [
    (
        "addons-metrics-server",
        " | addons_repo_revision addons_repo_url aws_region | server",
    ),
    ("flat-list-empty-go", "* | * | server project"),
    ("flat-list-go", "* | * | server project"),
    ("matrix-list-flat", "environment |  | "),
    ("matrix-selector-go", " |  | "),
    (
        "merge-environments-flat",
        "environment | addons_repo_basepath addons_repo_revision addons_repo_url aws_account_id | server",
    ),
    (
        "merge-environments-go",
        "environment | addons_repo_basepath aws_account_id aws_region | server",
    ),
    ("merge-of-matrix-flat", " |  | server"),
    (
        "odd-values-flat",
        "team.example.com/tier | empty lines notes.example.com/free-text number | server",
    ),
    ("odd-values-go", "* | * | "),
    (
        "plain-flat",
        "environment nobody-has-this | nobody-has-this | server project",
    ),
    ("plain-go", " |  | server project"),
    ("selectors-flat", "environment |  | "),
    ("template-patch-go", "* |  | "),
    ("workloads", " | workload_repo_path | "),
];

#[test]
fn fixtures_read_what_they_read() {
    for (name, value) in fixtures() {
        let Some((_, expected)) = FIXTURES.iter().find(|(file, _)| *file == name) else {
            panic!("fixture {name} is not in the table");
        };
        assert_eq!(show(set(&value).reads()), *expected, "{name}");
        assert_eq!(
            show(set(&on_plugin(value)).reads()),
            *expected,
            "{name} on the plugin"
        );
    }
}

#[test]
fn sets_of_the_field_are_understood() {
    let expected = [
        (
            "addons-metrics-server-appset",
            "environment | addons_repo_basepath addons_repo_revision addons_repo_url | server",
        ),
        (
            "addons-aws-oss-external-dns-appset",
            "environment | addons_repo_basepath addons_repo_revision addons_repo_url aws_cluster_name \
             external_dns_domain_filters external_dns_iam_role_arn external_dns_namespace external_dns_policy \
             external_dns_service_account | server",
        ),
        (
            "addons-aws-ack-s3-appset",
            "environment | ack_s3_iam_role_arn ack_s3_namespace ack_s3_service_account addons_repo_basepath \
             addons_repo_revision addons_repo_url aws_region | server",
        ),
        (
            "workloads",
            "environment | workload_repo_basepath workload_repo_path workload_repo_revision workload_repo_url | ",
        ),
    ];
    let all = from_the_field();
    for (name, value) in &all {
        let clusters = set(value);
        let plugin = set(&on_plugin(value.clone()));
        assert!(
            clusters.uses_clusters() && !clusters.uses_plugin(PLUGIN),
            "{name}"
        );
        assert!(plugin.uses_plugin(PLUGIN) && !plugin.uses_clusters(), "{name}");
        assert_eq!(clusters.reads(), plugin.reads(), "{name}");
        assert!(matches!(clusters.reads().labels, Keys::Some(_)), "{name}");
    }
    for (name, expected) in expected {
        let found = all.iter().find(|(file, _)| file == name);
        assert!(all.is_empty() || found.is_some(), "{name} is missing");
        if let Some((_, value)) = found {
            assert_eq!(show(set(value).reads()), expected, "{name}");
        }
    }
}

#[test]
fn generators_read_as_well() {
    let value = |generators: serde_json::Value| {
        json!({
            "metadata": {"name": "s"},
            "spec": {"generators": generators, "template": {"metadata": {"name": "{{name}}"}}},
        })
    };
    for (generators, expected) in [
        (
            json!([{"clusters": {"values": {"a": "{{metadata.annotations.b}}"}}}]),
            " | b | ",
        ),
        (
            json!([{"clusters": {"template": {"metadata": {"labels": {"{{metadata.labels.c}}": "x"}}}}}]),
            "c |  | ",
        ),
        (
            json!([{"clusters": {}, "selector": {"matchExpressions":
                [{"key": "metadata.labels.d", "operator": "Exists"}, {"key": "server", "operator": "Exists"}]}}]),
            "d |  | server",
        ),
        (
            json!([{"matrix": {"generators": [{"clusters": {}},
                {"git": {"repoURL": "x", "directories": [{"path": "{{ metadata.labels.e.f/g }}/*"}]}}]}}]),
            "e.f/g |  | ",
        ),
        (
            json!([{"merge": {"mergeKeys": ["metadata.labels.h", "project"], "generators": [{"clusters": {}}, {"clusters": {}}]}}]),
            "h |  | project",
        ),
        (
            json!([{"clusters": {"values": {"a": "{{clusters.0.name}}"}}}]),
            "* | * | server project",
        ),
    ] {
        assert_eq!(
            show(set(&value(generators.clone())).reads()),
            expected,
            "{generators}"
        );
    }
}
