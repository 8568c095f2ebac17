use bridge_core::{
    application::Application,
    applicationset::ApplicationSet,
    cluster::{Cluster, IN_CLUSTER_SERVER},
    effect::effect,
};
use serde_json::{Value, json};

use crate::files::{cluster, fixture, made_of, on_plugin, set};

fn application(owner: &str, name: &str, destination: &str, finalizers: &[&str]) -> Application {
    let mut value = json!({
        "metadata": {"name": name, "namespace": "argocd", "finalizers": finalizers},
        "spec": {"project": "default", "destination": {"name": destination}},
    });
    if !owner.is_empty() {
        value["metadata"]["ownerReferences"] = json!([{"kind": "ApplicationSet", "name": owner}]);
    }
    Application::from_json(&value)
}

fn lines(
    before: Option<&Cluster>,
    after: Option<&Cluster>,
    sets: &[ApplicationSet],
    applications: &[Application],
) -> Vec<String> {
    effect(before, after, sets, applications).lines()
}

fn with(cluster: &Cluster, key: &str, value: &str) -> Cluster {
    let mut after = cluster.clone();
    after.labels.insert(key.to_owned(), value.to_owned());
    after
}

fn edited(name: &str, edit: impl Fn(&mut Value)) -> ApplicationSet {
    let mut value = fixture(name);
    value["metadata"]["namespace"] = "argocd".into();
    edit(&mut value);
    set(&value)
}

const CASCADE: &[&str] = &["resources-finalizer.argocd.argoproj.io"];

#[test]
fn a_toggle_switches_one_addon() {
    let sets = [
        edited("addons-metrics-server", |_| {}),
        edited("merge-environments-go", |_| {}),
        edited("workloads", |_| {}),
    ];
    let off = cluster("dev", "environment=dev,enable_metrics_server=false");
    let on = with(&off, "enable_metrics_server", "true");
    assert_eq!(
        lines(Some(&off), Some(&on), &sets, &[]),
        ["addons-metrics-server: Application addon-dev-metrics-server will appear on dev"]
    );
    let live = [
        application("addons-metrics-server", "addon-dev-metrics-server", "dev", &[]),
        application("addons-metrics-server", "addon-prod-metrics-server", "prod", &[]),
        application("workloads", "workload-dev", "dev", CASCADE),
    ];
    assert_eq!(
        lines(Some(&on), Some(&off), &sets, &live),
        [
            "addons-metrics-server: Application addon-dev-metrics-server will vanish; its resources stay running on dev (the ApplicationSet preserves resources)"
        ]
    );
    assert!(effect(Some(&on), Some(&with(&on, "unread", "x")), &sets, &live).is_empty());
}

#[test]
fn what_stays_and_why() {
    let on = cluster("dev", "environment=dev,enable_metrics_server=true");
    let off = with(&on, "enable_metrics_server", "false");
    let fate = |edit: &dyn Fn(&mut Value), finalizers: &[&str], after: Option<&Cluster>| {
        let sets = [edited("addons-metrics-server", edit)];
        let live = [application("addons-metrics-server", "app", "dev", finalizers)];
        let mut lines = lines(Some(&on), after, &sets, &live);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    };
    let keeps_nothing = |value: &mut Value| value["spec"]["syncPolicy"] = Value::Null;
    let said = fate(&keeps_nothing, CASCADE, Some(&off));
    assert!(
        said.ends_with("app will vanish, and its resources on dev with it"),
        "{said}"
    );
    let said = fate(&keeps_nothing, &[], Some(&off));
    assert!(
        said.ends_with("(the Application has no resources finalizer)"),
        "{said}"
    );
    let said = fate(&keeps_nothing, CASCADE, None);
    assert!(
        said.ends_with("stay running on dev (Argo CD no longer knows the cluster)"),
        "{said}"
    );
    let said = fate(
        &|value| value["spec"]["syncPolicy"]["applicationsSync"] = "create-only".into(),
        &[],
        Some(&off),
    );
    assert!(
        said.ends_with("Application app stays (applicationsSync is create-only)"),
        "{said}"
    );
    let broken = |value: &mut Value| {
        value["status"] =
            json!({"conditions": [{"type": "ErrorOccurred", "status": "True", "message": "no repository"}]});
    };
    let said = fate(&broken, &[], Some(&off));
    assert!(
        said.ends_with("; but the ApplicationSet is in error and may do nothing: no repository"),
        "{said}"
    );
}

#[test]
fn read_keys_change_applications_that_stay() {
    let sets = [edited("addons-metrics-server", |_| {})];
    let dev = cluster("dev", "environment=dev,enable_metrics_server=true");
    let mut after = dev.clone();
    after
        .annotations
        .insert("addons_repo_url".into(), "https://elsewhere".into());
    after.annotations.insert("nobody_reads_this".into(), "x".into());
    let live = [application(
        "addons-metrics-server",
        "addon-dev-metrics-server",
        "dev",
        &[],
    )];
    assert_eq!(
        lines(Some(&dev), Some(&after), &sets, &live),
        [
            "addons-metrics-server: Application addon-dev-metrics-server may change (reads annotation addons_repo_url)"
        ]
    );
    // No template reads the environment, but an override selects by it.
    assert_eq!(
        lines(Some(&dev), Some(&with(&dev, "environment", "prod")), &sets, &live),
        ["addons-metrics-server: Application addon-dev-metrics-server may change (reads label environment)"]
    );
    let frozen = [edited("addons-metrics-server", |value| {
        value["spec"]["syncPolicy"]["applicationsSync"] = "create-delete".into();
    })];
    let said = lines(Some(&dev), Some(&after), &frozen, &[]);
    assert_eq!(
        said,
        [
            "addons-metrics-server: Applications for dev may change (reads annotation addons_repo_url); not while applicationsSync is create-delete"
        ]
    );
}

#[test]
fn a_name_made_of_a_label_moves() {
    let set = made_of(
        false,
        "[{clusters: {}}]",
        "{metadata: {name: 'workload-{{metadata.labels.environment}}'}, spec: {destination: {name: '{{name}}'}}}",
    );
    let dev = cluster("one", "environment=dev");
    let live = [application("made", "workload-dev", "one", CASCADE)];
    assert_eq!(
        lines(Some(&dev), Some(&with(&dev, "environment", "qa")), &[set], &live),
        [
            "made: Application workload-qa will appear on one",
            "made: Application workload-dev will vanish, and its resources on one with it",
        ]
    );
}

#[test]
fn what_cannot_be_predicted_is_unknown() {
    let git = made_of(
        false,
        "[{matrix: {generators: [{clusters: {selector: {matchLabels: {environment: prod}}}}, {git: {repoURL: x}}]}}]",
        "{metadata: {name: '{{name}}-{{path.basename}}'}, spec: {destination: {name: '{{name}}'}}}",
    );
    let filled = edited("matrix-selector-go", |_| {});
    let sets = [git, filled];
    let dev = cluster("dev", "environment=dev");
    let prod = with(&dev, "environment", "prod");
    assert_eq!(
        lines(Some(&dev), Some(&prod), &sets, &[]),
        [
            "made: unknown: what it makes depends on a git generator",
            "matrix-selector-go: unknown: what it selects is filled in from another generator",
        ]
    );
    // A label that no selector can look at is no reason for doubt.
    assert!(effect(Some(&dev), Some(&with(&dev, "enable_x", "true")), &sets, &[]).is_empty());
    let live = [application("made", "dev-web", "dev", &[])];
    let said = lines(Some(&prod), Some(&dev), &sets, &live);
    assert!(
        said[0].starts_with("made: Application dev-web will vanish"),
        "{said:?}"
    );
}

#[test]
fn applications_are_found_by_destination_or_by_name() {
    let template = |destination: &str| {
        let template = format!("{{metadata: {{name: 'fixed'}}, spec: {{destination: {destination}}}}}");
        made_of(
            false,
            "[{clusters: {selector: {matchLabels: {on: 'true'}}}}]",
            &template,
        )
    };
    let on = cluster("dev", "on=true");
    let off = with(&on, "on", "false");
    // An Application of that name on another cluster is another cluster's.
    let elsewhere = [application("made", "fixed", "prod", &[])];
    assert_eq!(
        lines(
            Some(&on),
            Some(&off),
            &[template("{name: '{{name}}'}")],
            &elsewhere
        ),
        ["made: no longer selects dev; it has no Application there"]
    );
    // An Application for the cluster that is deployed to the hub is known by its name.
    let on_hub = [application("made", "fixed", "in-cluster", &[])];
    let said = lines(Some(&on), Some(&off), &[template("{name: in-cluster}")], &on_hub);
    assert!(
        said[0].starts_with("made: Application fixed will vanish"),
        "{said:?}"
    );
}

#[test]
fn a_list_of_clusters_changes_and_nothing_vanishes() {
    let sets = [edited("flat-list-go", |_| {})];
    let live = [application("flat-list-go", "flat-list", "in-cluster", &[])];
    let dev = cluster("dev", "environment=dev");
    assert_eq!(
        lines(Some(&dev), None, &sets, &live),
        ["flat-list-go: Application flat-list may change (reads the list of clusters)"]
    );
    let bare = cluster("dev", "");
    assert_eq!(
        lines(Some(&bare), Some(&dev), &sets, &live),
        ["flat-list-go: Application flat-list may change (reads label environment)"]
    );
    assert!(effect(Some(&bare), Some(&with(&bare, "a", "b")), &sets, &live).is_empty());
}

#[test]
fn draining_empties_the_plugins_sets_only() {
    let dev = cluster("dev", "environment=dev,enable_metrics_server=true");
    let draining = with(&dev, "kubectl-bridge/drain", "true");
    let live = [application(
        "addons-metrics-server",
        "addon-dev-metrics-server",
        "dev",
        CASCADE,
    )];
    let mut plugin = on_plugin(fixture("addons-metrics-server"));
    plugin["metadata"]["namespace"] = "argocd".into();
    let said = lines(Some(&dev), Some(&draining), &[set(&plugin)], &live);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("will vanish, and its resources"), "{said:?}");
    assert!(
        effect(
            Some(&dev),
            Some(&draining),
            &[edited("addons-metrics-server", |_| {})],
            &live
        )
        .is_empty()
    );
}

#[test]
fn registration_and_removal() {
    let listed = made_of(
        false,
        "[{list: {elements: [{to: dev}]}}]",
        "{metadata: {name: 'fixed-{{to}}'}, spec: {destination: {name: '{{to}}'}}}",
    );
    let decided = made_of(
        false,
        "[{clusterDecisionResource: {configMapRef: x}}]",
        "{metadata: {name: 'd-{{name}}'}, spec: {destination: {name: '{{name}}'}}}",
    );
    let sets = [edited("workloads", |_| {}), listed];
    let dev = cluster("dev", "environment=dev");
    assert_eq!(
        lines(None, Some(&dev), &sets, &[]),
        [
            "workloads: Application workload-dev will appear on dev",
            "made: Application fixed-dev will appear on dev",
        ]
    );
    let live = [
        application("workloads", "workload-dev", "dev", CASCADE),
        application("made", "fixed-dev", "dev", &[]),
        application("", "by-hand", "dev", CASCADE),
        application("", "elsewhere", "prod", CASCADE),
    ];
    assert_eq!(
        lines(Some(&dev), None, &sets, &live),
        [
            "workloads: Application workload-dev will vanish; its resources stay running on dev (Argo CD no longer knows the cluster)",
            "Application fixed-dev stays and loses its cluster dev",
            "Application by-hand stays and loses its cluster dev",
        ]
    );
    assert_eq!(
        lines(Some(&dev), None, &[decided], &live[1..2]),
        ["made: unknown: what it makes depends on a clusterDecisionResource generator"]
    );
}

#[test]
fn a_hub_takes_the_place_of_argo_cds_own_entry() {
    let sets = [edited("plain-go", |_| {})];
    let mut hub = cluster("hub", "environment=control-plane");
    hub.server = IN_CLUSTER_SERVER.into();
    let live = [application(
        "plain-go",
        "plain-go-in-cluster",
        "in-cluster",
        CASCADE,
    )];
    assert_eq!(
        lines(None, Some(&hub), &sets, &live),
        [
            "plain-go: Application plain-go-hub will appear on hub",
            "plain-go: Application plain-go-in-cluster will vanish, and its resources on hub with it",
        ]
    );
}

#[test]
fn an_effect_is_an_object_for_machines() {
    let on = cluster("dev", "environment=dev,enable_metrics_server=true");
    let off = with(&on, "enable_metrics_server", "false");
    let live = [application("addons-metrics-server", "app", "dev", &[])];
    let effect = effect(
        Some(&on),
        Some(&off),
        &[edited("addons-metrics-server", |_| {})],
        &live,
    );
    assert_eq!(
        serde_json::to_value(effect).unwrap(),
        json!({
            "cluster": "dev", "begins": [], "changes": [], "unknown": [], "stranded": [],
            "ends": [{"applicationSet": "addons-metrics-server", "namespace": "argocd", "error": null, "applications": [
                {"application": "app", "vanishes": true, "resourcesStay": true, "because": "the ApplicationSet preserves resources"}]}],
        })
    );
}
