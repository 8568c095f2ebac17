//! What cannot be equal, and how it differs. Labels and annotations reach a goTemplate as `map[string]string` from a
//! `clusters` generator and as `map[string]any` from a plugin: a missing key is an empty string in the one and nothing
//! at all in the other, and functions that want a map of anything take only the other.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use crate::{
    compare::{Outcome, both},
    support::{cluster_secret::cluster_secret, twin::twin},
};

/// What becomes of a template.
#[derive(Clone, Copy, Debug)]
enum Gives {
    /// It prints this.
    Text(&'static str),
    /// The whole ApplicationSet fails with this in the message, and no Application is made.
    Error(&'static str),
    /// No parameters, and so no Application.
    Nothing,
}
use Gives::{Error, Nothing, Text};

/// One template and what comes of it on either side.
struct Pin {
    name: &'static str,
    generator: Value,
    options: &'static [&'static str],
    template: &'static str,
    clusters: Gives,
    plugin: Gives,
}

const fn pin(name: &'static str, template: &'static str, clusters: Gives, plugin: Gives) -> Pin {
    Pin {
        name,
        generator: Value::Null,
        options: &[],
        template,
        clusters,
        plugin,
    }
}

impl Pin {
    const fn options(mut self, options: &'static [&'static str]) -> Self {
        self.options = options;
        self
    }

    fn generator(mut self, generator: Value) -> Self {
        self.generator = generator;
        self
    }

    fn set(&self) -> Value {
        json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "ApplicationSet",
            "metadata": {"name": self.name},
            "spec": {
                "goTemplate": true,
                "goTemplateOptions": self.options,
                "syncPolicy": {"preserveResourcesOnDeletion": true},
                "generators": [{"clusters": self.generator}],
                "template": {
                    "metadata": {"name": self.name, "annotations": {"printed": self.template}},
                    "spec": {
                        "project": "default",
                        "source": {"repoURL": "https://git.example.com/pins", "path": "x", "targetRevision": "main"},
                        "destination": {"namespace": "x", "server": "https://dev.example.com"},
                    },
                },
            },
        })
    }
}

/// A key that is not there.
fn missing_keys() -> Vec<Pin> {
    vec![
        pin(
            "index-missing",
            r#"[{{index .metadata.labels "missing"}}]"#,
            Text("[]"),
            Text("[<no value>]"),
        ),
        pin(
            "index-missing-upper",
            r#"[{{index .metadata.labels "missing" | upper}}]"#,
            Text("[]"),
            Error("expected string"),
        ),
        pin(
            "index-missing-quote",
            r#"[{{index .metadata.annotations "missing" | quote}}]"#,
            Text(r#"[""]"#),
            Text("[]"),
        ),
        pin(
            "index-missing-printf",
            r#"[{{index .metadata.labels "missing" | printf "%s"}}]"#,
            Text("[]"),
            Text("[%!s(<nil>)]"),
        ),
        pin(
            "field-missing",
            "[{{.metadata.labels.missing}}]",
            Text("[<no value>]"),
            Text("[<no value>]"),
        ),
        pin(
            "field-missing-zero",
            "[{{.metadata.labels.missing}}]",
            Text("[]"),
            Text("[<no value>]"),
        )
        .options(&["missingkey=zero"]),
        pin(
            "field-missing-zero-upper",
            "[{{.metadata.labels.missing | upper}}]",
            Text("[]"),
            Error("expected string"),
        )
        .options(&["missingkey=zero"]),
        pin(
            "field-missing-error",
            "[{{.metadata.labels.missing}}]",
            Error(r#"map has no entry for key "missing""#),
            Error(r#"map has no entry for key "missing""#),
        )
        .options(&["missingkey=error"]),
    ]
}

/// Functions that take a map of anything.
fn map_functions() -> Vec<Pin> {
    const WRONG_TYPE: Gives = Error("map[string]string");
    vec![
        pin(
            "has-key",
            r#"{{hasKey .metadata.labels "environment"}}"#,
            WRONG_TYPE,
            Text("true"),
        ),
        pin(
            "get",
            r#"{{get .metadata.labels "environment"}}"#,
            WRONG_TYPE,
            Text("dev"),
        ),
        pin(
            "dig",
            r#"{{dig "nobody" "none" .metadata.labels}}"#,
            WRONG_TYPE,
            Text("none"),
        ),
        pin(
            "keys",
            r#"{{keys .metadata.labels | sortAlpha | join " "}}"#,
            WRONG_TYPE,
            Text("argocd.argoproj.io/secret-type environment"),
        ),
        pin(
            "merge",
            r#"{{get (merge (dict "a" "b") .metadata.labels) "environment"}}"#,
            WRONG_TYPE,
            Text("dev"),
        ),
    ]
}

/// What is there in one of them only.
fn contents() -> Vec<Pin> {
    vec![
        pin(
            "generator",
            "{{if .generator}}there{{else}}absent{{end}}",
            Text("absent"),
            Text("there"),
        ),
        // Bookkeeping, which must not wake an ApplicationSet.
        pin(
            "own-keys",
            r#"{{if index .metadata.annotations "kubectl-bridge/last-change"}}there{{else}}absent{{end}}"#,
            Text("there"),
            Text("absent"),
        ),
        // No annotation of these two Secrets is served; the map is there all the same, and can be indexed.
        pin(
            "unserved-annotations",
            r#"{{len .metadata.annotations}} {{if index .metadata.annotations "x"}}there{{else}}absent{{end}}"#,
            Text("0 absent"),
            Text("0 absent"),
        )
        .generator(json!({"selector": {"matchLabels": {"environment": "quiet"}}})),
        pin(
            "applied",
            r#"[{{index .metadata.annotations "x" | default "absent"}}]"#,
            Text("[absent]"),
            Text("[absent]"),
        )
        .generator(json!({"selector": {"matchLabels": {"environment": "applied"}}})),
        pin(
            "without-annotations",
            r#"[{{index .metadata.annotations "x" | default "absent"}}]"#,
            Error("index of untyped nil"),
            Error("index of untyped nil"),
        )
        .generator(json!({"selector": {"matchLabels": {"environment": "bare"}}})),
        // A cluster on its way out gets nothing more.
        pin("draining", "{{.name}}", Text("leaving"), Nothing)
            .generator(json!({"selector": {"matchLabels": {"environment": "leaving"}}})),
        pin("empty-flat-list", "{{toJson .clusters}}", Text("null"), Text("[]")).generator(json!({
            "flatList": true, "selector": {"matchLabels": {"environment": "nowhere"}},
        })),
        // The values of a plugin generator are rendered once, beside the list.
        pin(
            "flat-list-values",
            "{{range .clusters}}{{if .values}}{{.values.fixed}}{{else}}none{{end}}{{end}} {{if .values}}{{.values.fixed}}{{else}}none{{end}}",
            Text("x none"),
            Text("none x"),
        )
        .generator(json!({"flatList": true, "selector": {"matchLabels": {"environment": "dev"}}, "values": {"fixed": "x"}})),
    ]
}

fn clusters() -> [Secret; 5] {
    let cluster = |name, labels: &[(&str, &str)], annotations: &[(&str, &str)]| {
        let environment = [("environment", name)];
        let labels = labels.iter().copied().chain(environment);
        cluster_secret(
            name,
            &format!("https://{name}.example.com"),
            labels,
            annotations.iter().copied(),
        )
    };
    [
        cluster(
            "dev",
            &[],
            &[("region", "eu-central-1"), ("kubectl-bridge/last-change", "{}")],
        ),
        cluster("quiet", &[], &[("argocd.argoproj.io/tracking-id", "x")]),
        cluster(
            "applied",
            &[],
            &[("kubectl.kubernetes.io/last-applied-configuration", "{}")],
        ),
        cluster("bare", &[], &[]),
        cluster("leaving", &[("kubectl-bridge/drain", "true")], &[]),
    ]
}

#[tokio::test]
async fn the_differences_are_known() {
    let mut pins = missing_keys();
    pins.extend(map_functions());
    pins.extend(contents());
    for pin in &mut pins {
        if pin.generator.is_null() {
            // With a selector Argo CD adds no in-cluster entry, which has no metadata.
            pin.generator = json!({"selector": {"matchLabels": {"environment": "dev"}}});
        }
    }
    let sets: Vec<Value> = pins.iter().map(Pin::set).collect();
    let twins: Vec<Value> = sets.iter().map(twin).collect();
    let (clusters, plugin) = both(&clusters(), &sets, &twins).await.unwrap();
    let wrong: Vec<String> = pins
        .iter()
        .flat_map(|pin| {
            [
                wrong(pin.name, "clusters", pin.clusters, &clusters),
                wrong(pin.name, "plugin", pin.plugin, &plugin),
            ]
        })
        .flatten()
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with an outcome, if anything.
fn wrong(name: &str, side: &str, expected: Gives, outcomes: &BTreeMap<String, Outcome>) -> Option<String> {
    let Outcome {
        applications,
        conditions,
    } = &outcomes[name];
    let printed = applications
        .get(name)
        .map(|application| &application["annotations"]["printed"]);
    let error = conditions
        .iter()
        .find(|condition| condition["type"] == "ErrorOccurred" && condition["status"] == "True")
        .and_then(|condition| condition["message"].as_str());
    let as_expected = match (expected, printed, error) {
        (Text(text), Some(printed), None) => printed == text,
        (Error(part), None, Some(message)) => message.contains(part),
        (Nothing, None, None) => true,
        _ => false,
    };
    (!as_expected)
        .then(|| format!("{name} on {side}: expected {expected:?}, printed {printed:?}, error {error:?}"))
}
