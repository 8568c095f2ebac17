use bridge_core::{
    applicationset::{ApplicationSet, ApplicationSetError, Membership, Policy},
    cluster::{Cluster, IN_CLUSTER_SERVER},
};
use serde_json::json;

use crate::files::{PLUGIN, cluster, made_of, on_plugin, set, yaml};

const BY_NAME: &str = "{metadata: {name: 'app-{{name}}'}, spec: {destination: {name: '{{name}}'}}}";

fn verdict(set: &ApplicationSet, cluster: &Cluster) -> String {
    match set.selects(cluster) {
        Membership::Yes => "yes".to_owned(),
        Membership::No => "no".to_owned(),
        Membership::Unknown(reason) => reason,
    }
}

#[test]
fn generators_of_every_kind() {
    let dev = cluster("dev", "environment=dev,enable_x=true");
    let on = "{matchLabels: {enable_x: 'true'}}";
    let off = "{matchLabels: {enable_x: 'false'}}";
    let git = "{git: {repoURL: x, directories: [{path: '*'}]}}";
    for (generators, expected) in [
        ("[]".to_owned(), "no"),
        ("[{clusters: {}}]".to_owned(), "yes"),
        (format!("[{{clusters: {{selector: {on}}}}}]"), "yes"),
        (format!("[{{clusters: {{selector: {off}}}}}]"), "no"),
        (format!("[{{clusters: {{selector: {off}}}}}, {{clusters: {{selector: {on}}}}}]"), "yes"),
        ("[{clusters: {selector: {matchLabels: {a: ' b'}}}}]".to_owned(), "its cluster selector cannot be read"),
        // The base of a merge decides.
        (format!("[{{merge: {{mergeKeys: [server], generators: [{{clusters: {{selector: {on}}}}}, {{clusters: {{selector: {off}}}}}]}}}}]"), "yes"),
        (format!("[{{merge: {{mergeKeys: [server], generators: [{{clusters: {{selector: {off}}}}}, {{clusters: {{}}}}]}}}}]"), "no"),
        ("[{merge: {generators: [{clusters: {}}, {clusters: {}}]}}]".to_owned(), "Argo CD refuses it: a merge needs mergeKeys"),
        ("[{matrix: {generators: [{clusters: {}}]}}]".to_owned(), "Argo CD refuses it: a matrix takes two generators"),
        ("[{matrix: {generators: [{clusters: {}, list: {elements: []}}, {clusters: {}}]}}]".to_owned(),
            "Argo CD refuses it: a nested generator holds more than one kind"),
        // A matrix multiplies.
        ("[{matrix: {generators: [{clusters: {}}, {list: {elements: [{a: b}]}}]}}]".to_owned(), "yes"),
        ("[{matrix: {generators: [{list: {elements: []}}, {clusters: {}}]}}]".to_owned(), "no"),
        (format!("[{{matrix: {{generators: [{{clusters: {{selector: {off}}}}}, {git}]}}}}]"), "no"),
        (format!("[{{matrix: {{generators: [{git}, {{clusters: {{}}}}]}}}}]"), "what it makes depends on a git generator"),
        ("[{matrix: {generators: [{list: {elements: [{e: dev}]}}, {clusters: {selector: {matchLabels: {environment: '{{e}}'}}}}]}}]".to_owned(),
            "what it selects is filled in from another generator"),
        (format!("[{{matrix: {{generators: [{{clusters: {{}}}}, {{clusters: {{selector: {off}}}}}]}}}}]"), "it pairs clusters with clusters in a matrix"),
        // Generators that ask for no clusters.
        ("[{list: {elements: [{name: dev}, {name: prod}]}}]".to_owned(), "yes"),
        ("[{list: {elements: [{name: prod}]}}]".to_owned(), "no"),
        ("[{list: {elements: [{other: prod}]}}]".to_owned(), "the destination of its Applications does not come from the cluster"),
        ("[{list: {elementsYaml: '[{name: dev}]'}}]".to_owned(), "what it makes depends on a list (elementsYaml) generator"),
        (format!("[{git}]"), "what it makes depends on a git generator"),
        ("[{oci: {repoURL: x}}]".to_owned(), "what it makes depends on an oci generator"),
        ("[{matrix: {generators: [{oci: {repoURL: x}}, {clusters: {}}]}}]".to_owned(), "what it makes depends on an oci generator"),
        ("[{clusterDecisionResource: {configMapRef: x}}]".to_owned(), "what it makes depends on a clusterDecisionResource generator"),
        ("[{plugin: {configMapRef: {name: other}, input: {parameters: {kind: pr}}}}]".to_owned(),
            "the input of its plugin generator is not a question for clusters"),
    ] {
        assert_eq!(verdict(&made_of(false, &generators, BY_NAME), &dev), expected, "{generators}");
    }
}

#[test]
fn a_fixed_destination_tells() {
    let to =
        |destination: &str| format!("{{metadata: {{name: fixed}}, spec: {{destination: {destination}}}}}");
    let dev = cluster("dev", "");
    for (generators, destination, expected) in [
        ("[{list: {elements: [{a: b}]}}]", "{name: dev}", "yes"),
        ("[{list: {elements: [{a: b}]}}]", "{name: prod}", "no"),
        ("[{list: {elements: []}}]", "{name: dev}", "no"),
        ("[{git: {repoURL: x}}]", "{server: 'https://other'}", "no"),
        (
            "[{git: {repoURL: x}}]",
            "{server: 'https://dev.example.com/'}",
            "what it makes depends on a git generator",
        ),
    ] {
        let set = made_of(false, generators, &to(destination));
        assert_eq!(verdict(&set, &dev), expected, "{generators} {destination}");
    }
}

#[test]
fn post_filters_see_flattened_parameters() {
    let dev = cluster("dev", "environment=dev");
    let filtered = |generator: &str, filter: &str| format!("[{{{generator}, selector: {filter}}}]");
    for (generator, filter, expected) in [
        (
            "clusters: {}",
            "{matchLabels: {metadata.labels.environment: dev}}",
            "yes",
        ),
        (
            "clusters: {}",
            "{matchLabels: {metadata.labels.environment: prod}}",
            "no",
        ),
        (
            "clusters: {}",
            "{matchExpressions: [{key: server, operator: In, values: ['https://dev.example.com']}]}",
            "yes",
        ),
        (
            "clusters: {}",
            "{matchExpressions: [{key: metadata.labels.none, operator: NotIn, values: [x]}]}",
            "yes",
        ),
        (
            "clusters: {}",
            "{matchExpressions: [{key: metadata.annotations.unread, operator: DoesNotExist}]}",
            "no",
        ),
        (
            "clusters: {values: {a: b}}",
            "{matchLabels: {values.a: b}}",
            "yes",
        ),
        (
            "clusters: {values: {a: '{{name}}'}}",
            "{matchLabels: {values.a: b}}",
            "its generator selector looks at a parameter that is not known beforehand",
        ),
        (
            "clusters: {}",
            "{matchExpressions: [{key: name, operator: Near}]}",
            "Argo CD refuses it: a generator selector cannot be read",
        ),
        (
            "matrix: {generators: [{clusters: {}}, {list: {elements: [{part: web}]}}]}",
            "{matchLabels: {part: web, name: dev}}",
            "yes",
        ),
        (
            "matrix: {generators: [{clusters: {}}, {list: {elements: [{part: web}]}}]}",
            "{matchLabels: {part: api}}",
            "no",
        ),
        // The override's value is the one that counts.
        (
            "merge: {mergeKeys: [name], generators: [{clusters: {values: {a: base}}}, {clusters: {selector: {matchLabels: {environment: dev}}, values: {a: over}}}]}",
            "{matchLabels: {values.a: over}}",
            "yes",
        ),
        (
            "merge: {mergeKeys: [name], generators: [{clusters: {values: {a: base}}}, {clusters: {selector: {matchLabels: {environment: prod}}, values: {a: over}}}]}",
            "{matchLabels: {values.a: over}}",
            "no",
        ),
    ] {
        let generators = filtered(generator, filter);
        assert_eq!(
            verdict(&made_of(false, &generators, BY_NAME), &dev),
            expected,
            "{generators}"
        );
    }
}

#[test]
fn draining_and_own_keys_stay_out_of_the_plugin_only() {
    let by_clusters = json!({"metadata": {"name": "s"}, "spec": {"generators": [{"clusters": {}}]}});
    let by_plugin = set(&on_plugin(by_clusters.clone()));
    let by_clusters = set(&by_clusters);
    let draining = cluster("dev", "kubectl-bridge/drain=true");
    assert_eq!(by_clusters.selects(&draining), Membership::Yes);
    assert_eq!(by_clusters.selectors(&draining), ["(all clusters)"]);
    assert_eq!(by_plugin.selects(&draining), Membership::No);
    let filtered = made_of(
        false,
        "[{plugin: {configMapRef: {name: x}, input: {parameters: {generate: clusters}}}, \
          selector: {matchExpressions: [{key: metadata.labels.kubectl-bridge/drain, operator: DoesNotExist}]}}]",
        BY_NAME,
    );
    assert_eq!(
        filtered.selects(&cluster("dev", "kubectl-bridge/drain=false")),
        Membership::Yes
    );
}

#[test]
fn argo_cds_own_entry_for_the_hub() {
    let entry = Cluster {
        name: "in-cluster".into(),
        server: IN_CLUSTER_SERVER.into(),
        ..Cluster::default()
    };
    for (selector, expected) in [
        ("{}", Membership::Yes),
        (
            "{matchExpressions: [{key: environment, operator: NotIn, values: [dev]}]}",
            Membership::No,
        ),
    ] {
        let set = made_of(
            false,
            &format!("[{{clusters: {{selector: {selector}}}}}]"),
            BY_NAME,
        );
        assert_eq!(set.selects(&entry), expected, "{selector}");
    }
}

#[test]
fn names_of_applications_where_they_can_be_told() {
    let dev = cluster("Dev_1", "environment=dev,region=eu");
    let template =
        |name: &str| format!("{{metadata: {{name: \"{name}\"}}, spec: {{destination: {{name: x}}}}}}");
    for (go, generators, name, expected) in [
        (
            false,
            "[{clusters: {values: {chart: c}}}]",
            "a-{{nameNormalized}}-{{values.chart}}",
            Some(vec!["a-dev-1-c"]),
        ),
        (false, "[{clusters: {}}]", "a-{{metadata.labels.none}}", None),
        (
            true,
            "[{clusters: {}}]",
            "a-{{ .metadata.labels.environment }}",
            Some(vec!["a-dev"]),
        ),
        (true, "[{clusters: {}}]", "a-{{ .name | lower }}", None),
        (
            false,
            "[{matrix: {generators: [{clusters: {}}, {list: {elements: [{p: web}, {p: api}]}}]}}]",
            "{{nameNormalized}}-{{p}}",
            Some(vec!["dev-1-api", "dev-1-web"]),
        ),
        (
            false,
            "[{matrix: {generators: [{clusters: {}}, {git: {repoURL: x}}]}}]",
            "{{name}}",
            None,
        ),
        (
            false,
            "[{merge: {mergeKeys: [server], generators: [{clusters: {values: {v: a}}}, {clusters: {selector: {matchLabels: {region: eu}}, values: {v: b}}}]}}]",
            "x-{{values.v}}",
            Some(vec!["x-b"]),
        ),
        (
            false,
            "[{merge: {mergeKeys: [name], generators: [{clusters: {values: {v: a}}}, {list: {elements: [{name: Dev_1, w: x}]}}]}}]",
            "x-{{values.v}}-{{name}}",
            Some(vec!["x-a-Dev_1"]),
        ),
        (
            false,
            "[{merge: {mergeKeys: [name], generators: [{clusters: {values: {v: a}}}, {list: {elements: [{name: Dev_1, values.v: x}]}}]}}]",
            "x-{{values.v}}",
            None,
        ),
        (
            false,
            "[{clusters: {selector: {matchLabels: {a: b}}}}]",
            "x",
            Some(vec![]),
        ),
    ] {
        let found = made_of(go, generators, &template(name)).application_names(&dev);
        let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_else_is_known_of_a_set() {
    let value = yaml(
        r#"
kind: ApplicationSet
metadata:
  {name: s, namespace: team, uid: u, resourceVersion: "7", annotations: {argocd.argoproj.io/application-set-refresh: abc.1}}
spec:
  syncPolicy: {preserveResourcesOnDeletion: true, applicationsSync: create-update}
  generators:
    - matrix:
        generators:
          - clusters: {}
          - plugin: {configMapRef: {name: other}, input: {parameters: {a: 1}}}
    - merge:
        mergeKeys: [name]
        generators:
          - matrix: {generators: [{list: {elements: [{a: b}]}}, {plugin: {configMapRef: {name: bridge-generator}, input: {parameters: {generate: clusters}}}}]}
          - plugin: {configMapRef: {name: bridge-generator}}
status:
  conditions:
    - {type: ErrorOccurred, status: "True", reason: R, message: M}
    - {type: ResourcesUpToDate, status: "False"}
"#,
    );
    let set = set(&value);
    assert_eq!((set.namespace.as_str(), set.uid.as_deref()), ("team", Some("u")));
    assert_eq!(
        (set.resource_version.as_deref(), set.refresh.as_deref()),
        (Some("7"), Some("abc.1"))
    );
    assert_eq!(
        (set.preserves_resources, set.policy),
        (true, Policy::CreateUpdate)
    );
    assert_eq!(set.error().map(|error| error.message.as_str()), Some("M"));
    assert_eq!(set.conditions.len(), 2);
    assert!(
        set.uses_clusters()
            && set.uses_plugin(PLUGIN)
            && set.uses_plugin("other")
            && !set.uses_plugin("none")
    );
    assert_eq!(set.plugin_inputs(None).len(), 3);
    let ours = set.plugin_inputs(Some(PLUGIN));
    assert_eq!(ours.len(), 2);
    assert_eq!(ours[0]["generate"], "clusters");
    assert!(ours[1].is_empty());
}

#[test]
fn what_is_no_applicationset_is_refused() {
    let read = |value: serde_json::Value| ApplicationSet::from_json(&value).unwrap_err();
    assert_eq!(read(json!({"spec": {}})), ApplicationSetError::NoName);
    assert_eq!(
        read(json!({"kind": "Secret", "metadata": {"name": "s"}})).to_string(),
        "\"s\" is a Secret, not an ApplicationSet"
    );
    assert_eq!(
        read(json!({"metadata": {"name": "s"}, "spec": {"generators": {}}})),
        ApplicationSetError::Generators("s".into())
    );
}
