use bridge_core::{applicationset::Membership, cluster::Cluster, keys};
use serde_json::{Value, json};

use crate::{
    files::{PLUGIN, cluster, fixture, fleet, made_of, on_plugin, set},
    oracle::rendered,
};

fn some_clusters() -> Vec<Cluster> {
    let mut all = vec![
        cluster(
            "control-plane",
            "environment=control-plane,enable_metrics_server=true",
        ),
        cluster(
            "dev",
            "environment=dev,enable_metrics_server=true,kubernetes_version=1.33",
        ),
        cluster("staging", "environment=staging,team.example.com/tier=gold"),
        cluster(
            "prod-eu",
            "environment=prod,enable_metrics_server=true,region=eu,kubernetes_version=1.32",
        ),
        cluster(
            "prod-us",
            "environment=prod,enable_metrics_server=false,region=us",
        ),
        cluster("odd_One", ""),
    ];
    all[0].server = "https://kubernetes.default.svc".to_owned();
    all
}

/// A small generator of numbers, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

/// Changes one thing of one cluster, or takes a cluster out or in; says what.
fn change(dice: &mut Dice, clusters: &mut Vec<Cluster>) -> String {
    let at = dice.roll(clusters.len());
    let name = clusters[at].name.clone();
    match dice.roll(12) {
        0 if clusters.len() > 3 => {
            clusters.remove(at);
            format!("{name} goes")
        }
        1 => {
            let new = format!("new-{}", dice.roll(1_000_000));
            clusters.push(cluster(&new, "environment=prod,enable_metrics_server=true"));
            format!("{new} comes")
        }
        2 => {
            let key = dice.pick(&[
                "addons_repo_url",
                "unread",
                keys::LAST_CHANGE,
                "aws_region",
                "lines",
            ]);
            let value = dice.pick(&["", "1", "2"]);
            clusters[at].annotations.insert(key.to_owned(), value.to_owned());
            format!("{name}: annotation {key}={value}")
        }
        _ => {
            let (key, values): (&str, &[&str]) = [
                ("environment", ["dev", "staging", "prod"].as_slice()),
                ("enable_metrics_server", &["true", "false"]),
                ("enable_something_else", &["true", "false"]),
                ("team.example.com/tier", &["gold", "Silver.2", "bronze"]),
                ("region", &["eu", "us"]),
                (keys::DRAIN, &["true", "false"]),
            ][dice.roll(6)];
            let value = dice.pick(values);
            clusters[at].labels.insert(key.to_owned(), value.to_owned());
            format!("{name}: label {key}={value}")
        }
    }
}

/// Whether the fingerprint changes exactly when the rendered parameters do; if not `exact`, it may change oftener.
fn follows_the_oracle(name: &str, exact: bool) {
    let value = on_plugin(fixture(name));
    let set = set(&value);
    let mut dice = Dice(42);
    let mut clusters = some_clusters();
    let mut before = (
        set.fingerprint(PLUGIN, &fleet(&clusters)),
        rendered(&value, &fleet(&clusters)),
    );
    let (mut same, mut different) = (0, 0);
    for round in 0..600 {
        let what = change(&mut dice, &mut clusters);
        let after = (
            set.fingerprint(PLUGIN, &fleet(&clusters)),
            rendered(&value, &fleet(&clusters)),
        );
        let changed = after.1 != before.1;
        if changed || exact {
            assert_eq!(after.0 != before.0, changed, "{name}, round {round}: {what}");
        }
        *if changed { &mut different } else { &mut same } += 1;
        before = after;
    }
    assert!(same > 20 && different > 20, "{name}: {same} {different}");
}

#[test]
fn a_fingerprint_changes_exactly_when_the_result_does() {
    for name in [
        "merge-environments-flat",
        "addons-metrics-server",
        "matrix-list-flat",
        "odd-values-flat",
        "plain-flat",
    ] {
        follows_the_oracle(name, true);
    }
}

#[test]
fn a_fingerprint_never_misses_a_change() {
    for name in ["selectors-flat", "merge-of-matrix-flat"] {
        follows_the_oracle(name, false);
    }
}

/// The fingerprints before and after a change of the cluster of that name.
fn differs(value: &Value, name: &str, with: impl Fn(&mut Cluster)) -> bool {
    let set = set(value);
    let mut clusters = some_clusters();
    let before = set.fingerprint(PLUGIN, &fleet(&clusters));
    assert_eq!(before.len(), 16);
    with(clusters.iter_mut().find(|cluster| cluster.name == name).unwrap());
    before != set.fingerprint(PLUGIN, &fleet(&clusters))
}

fn label(key: &'static str, value: &'static str) -> impl Fn(&mut Cluster) {
    move |cluster| {
        cluster.labels.insert(key.to_owned(), value.to_owned());
    }
}

fn annotation(key: &'static str, value: &'static str) -> impl Fn(&mut Cluster) {
    move |cluster| {
        cluster.annotations.insert(key.to_owned(), value.to_owned());
    }
}

#[test]
fn one_toggle_touches_one_set_in_every_environment() {
    let value = on_plugin(fixture("merge-environments-flat"));
    for name in ["dev", "prod-eu", "prod-us", "staging"] {
        assert!(
            !differs(&value, name, label("enable_something_else", "true")),
            "{name}"
        );
        assert!(
            !differs(&value, name, annotation("nobody_reads_this", "x")),
            "{name}"
        );
        assert!(
            !differs(&value, name, annotation(keys::LAST_CHANGE, "{}")),
            "{name}"
        );
    }
    assert!(differs(&value, "dev", label("enable_metrics_server", "false")));
    assert!(differs(&value, "prod-us", label("enable_metrics_server", "true")));
    assert!(differs(&value, "prod-eu", label(keys::DRAIN, "true")));
    assert!(differs(
        &value,
        "prod-eu",
        annotation("addons_repo_url", "https://elsewhere")
    ));
    // Selected by the override for prod, but not by the base: nothing comes of it.
    assert!(!differs(
        &value,
        "prod-us",
        annotation("addons_repo_url", "https://elsewhere")
    ));
    assert!(!differs(&value, "prod-us", label("environment", "staging")));
    assert!(!differs(&value, "prod-us", |cluster| cluster.server =
        "https://moved".into()));
}

#[test]
fn two_clusters_with_one_server_make_argo_cd_refuse_a_merge() {
    let value = on_plugin(fixture("merge-environments-flat"));
    assert!(differs(&value, "prod-us", |cluster| {
        cluster.server = "https://prod-eu.example.com".into();
    }));
}

#[test]
fn inputs_that_are_templates_depend_on_everything() {
    let value = on_plugin(fixture("matrix-selector-go"));
    assert!(differs(&value, "odd_One", annotation("nobody_reads_this", "x")));
    assert!(!differs(&value, "odd_One", annotation(keys::LAST_CHANGE, "{}")));
}

#[test]
fn go_templates_fail_on_a_map_that_is_not_there() {
    let value = on_plugin(fixture("workloads"));
    assert!(!differs(&value, "dev", annotation("nobody_reads_this", "x")));
    assert!(differs(&value, "dev", |cluster| cluster.annotations.clear()));
    assert!(!differs(&value, "control-plane", |cluster| cluster
        .annotations
        .clear()));
}

#[test]
fn whole_maps_count_without_our_own_keys() {
    let value = on_plugin(fixture("template-patch-go"));
    assert!(differs(&value, "dev", label("anything", "x")));
    assert!(!differs(&value, "dev", label(keys::DRAIN, "false")));
    assert!(!differs(&value, "dev", annotation("anything", "x")));
}

#[test]
fn fields_narrow_what_is_read() {
    let of = |fields: &str| {
        let generators = format!(
            "[{{plugin: {{configMapRef: {{name: {PLUGIN}}}, input: {{parameters: {{generate: clusters{fields}}}}}}}}}]"
        );
        let set = made_of(
            false,
            &generators,
            "{metadata: {name: '{{metadata.annotations.a}}{{metadata.annotations.b}}{{server}}'}}",
        );
        move |with: &dyn Fn(&mut Cluster)| {
            let mut clusters = some_clusters();
            let before = set.fingerprint(PLUGIN, &fleet(&clusters));
            with(&mut clusters[1]);
            before != set.fingerprint(PLUGIN, &fleet(&clusters))
        }
    };
    let (all, narrow) = (of(""), of(", fields: [name, metadata.annotations.a]"));
    assert!(all(&annotation("a", "1")) && narrow(&annotation("a", "1")));
    assert!(all(&annotation("b", "1")) && !narrow(&annotation("b", "1")));
    let moved = |cluster: &mut Cluster| cluster.server = "https://moved".into();
    assert!(all(&moved) && !narrow(&moved));
}

#[test]
fn the_hubs_own_entry_counts_where_it_is_served() {
    let value = |selector: Value| {
        on_plugin(
            json!({"metadata": {"name": "s"}, "spec": {"generators": [{"clusters": {"selector": selector}}],
            "template": {"metadata": {"name": "{{name}}"}}}}),
        )
    };
    let lost = |cluster: &mut Cluster| cluster.server = "https://elsewhere".into();
    assert!(differs(&value(json!({})), "control-plane", lost));
    let selective = value(json!({"matchExpressions": [{"key": "environment", "operator": "Exists"}]}));
    assert!(!differs(&selective, "control-plane", lost));
}

#[test]
fn other_config_maps_do_not_count() {
    let set = set(&on_plugin(fixture("plain-flat")));
    let (some, fewer) = (some_clusters(), some_clusters()[1..].to_vec());
    assert_eq!(
        set.fingerprint("other", &fleet(&some)),
        set.fingerprint("other", &fleet(&fewer))
    );
    assert_ne!(
        set.fingerprint(PLUGIN, &fleet(&some)),
        set.fingerprint(PLUGIN, &fleet(&fewer))
    );
}

#[test]
fn a_hub_that_loses_its_secret_while_drained_is_served_without_one() {
    let value = on_plugin(fixture("matrix-selector-go"));
    let set = set(&value);
    let mut clusters = some_clusters();
    clusters[0]
        .labels
        .insert(keys::DRAIN.to_owned(), "true".to_owned());
    let drained = set.fingerprint(PLUGIN, &fleet(&clusters));
    clusters.remove(0);
    assert_ne!(drained, set.fingerprint(PLUGIN, &fleet(&clusters)));
}

#[test]
fn filters_that_another_generator_fills_in_drop_nothing() {
    let set = made_of(
        true,
        &format!(
            "[{{matrix: {{generators: [{{list: {{elements: [{{e: environment}}]}}}}, {{merge: {{mergeKeys: [name], generators: [
             {{plugin: {{configMapRef: {{name: {PLUGIN}}}, input: {{parameters: {{generate: clusters}}}}}},
               selector: {{matchExpressions: [{{key: 'metadata.labels.{{{{.e}}}}', operator: In, values: [prod]}}]}}}},
             {{list: {{elements: [{{name: dev}}]}}}}]}}}}]}}}}]"
        ),
        "{metadata: {name: '{{.name}}'}}",
    );
    let mut clusters = some_clusters();
    let before = set.fingerprint(PLUGIN, &fleet(&clusters));
    label("environment", "prod")(&mut clusters[1]);
    assert_ne!(before, set.fingerprint(PLUGIN, &fleet(&clusters)));
    assert!(
        matches!(set.selects(&clusters[1]), Membership::Unknown(_)),
        "{:?}",
        set.selects(&clusters[1])
    );
}

#[test]
fn a_cluster_named_like_the_hubs_own_entry_makes_argo_cd_refuse_a_merge_by_name() {
    let merged = |selector: &str| {
        format!(
            "{{plugin: {{configMapRef: {{name: {PLUGIN}}}, input: {{parameters: {{generate: clusters{selector}}}}}}}}}"
        )
    };
    let base = merged(", selector: {matchLabels: {enable_metrics_server: 'true'}}");
    let set = made_of(
        false,
        &format!(
            "[{{merge: {{mergeKeys: [name], generators: [{base}, {}]}}}}]",
            merged("")
        ),
        "{metadata: {name: '{{name}}'}}",
    );
    let mut clusters = some_clusters();
    // Argo CD takes it for another server than its own, and adds its own entry.
    clusters[0].server = "https://kubernetes.default.svc/".to_owned();
    clusters[0].name = "hub".to_owned();
    clusters[0].labels.clear();
    let before = set.fingerprint(PLUGIN, &fleet(&clusters));
    clusters[0].name = "in-cluster".to_owned();
    assert_ne!(before, set.fingerprint(PLUGIN, &fleet(&clusters)));
}

#[test]
fn a_map_left_empty_is_told_from_one_that_is_not_there() {
    let set = made_of(
        true,
        &format!(
            "[{{plugin: {{configMapRef: {{name: {PLUGIN}}}, input: {{parameters: {{generate: clusters}}}}}}}}]"
        ),
        "{metadata: {name: '{{.name}}', annotations: {all: '{{toJson .metadata.annotations}}'}}}",
    );
    let mut clusters = some_clusters();
    clusters[1].annotations = [(keys::LAST_CHANGE.to_owned(), "{}".to_owned())].into();
    let empty = set.fingerprint(PLUGIN, &fleet(&clusters));
    clusters[1].annotations.clear();
    assert_ne!(empty, set.fingerprint(PLUGIN, &fleet(&clusters)));
}
