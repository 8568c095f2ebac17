//! A small fleet as manifests: the files of a folder hub, or what is created on an API server.

use std::fmt::Write as _;

use crate::run::PLANTED;

/// A cluster Secret. `labels` and `annotations` are `key: value` lines.
pub fn cluster(name: &str, labels: &[&str], annotations: &[&str]) -> String {
    let mut text = String::from("# Kept by hand.\napiVersion: v1\nkind: Secret\nmetadata:\n");
    let _ = write!(
        text,
        "  name: {name}\n  labels:\n    argocd.argoproj.io/secret-type: cluster\n    cluster_name: {name}\n"
    );
    for label in labels {
        let _ = writeln!(text, "    {label}");
    }
    if !annotations.is_empty() {
        text.push_str("  annotations:\n");
        for annotation in annotations {
            let _ = writeln!(text, "    {annotation}");
        }
    }
    let _ = write!(
        text,
        "type: Opaque\nstringData:\n  name: {name}\n  server: https://{name}.example.com\n  \
         config: '{{\"bearerToken\": \"{PLANTED}\", \"tlsClientConfig\": {{\"insecure\": false}}}}'\n"
    );
    text
}

/// An ApplicationSet of the pattern: a `clusters` generator that selects on one toggle.
pub fn application_set(addon: &str, preserve: bool) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: addons-{addon}
spec:
  goTemplate: true
  syncPolicy:
    preserveResourcesOnDeletion: {preserve}
  generators:
  - clusters:
      selector:
        matchLabels:
          enable_{addon}: 'true'
  template:
    metadata:
      name: addon-{{{{.name}}}}-{addon}
    spec:
      project: default
      source:
        repoURL: https://example.com/charts
        chart: {addon}
        targetRevision: 1.0.0
      destination:
        name: '{{{{.name}}}}'
        namespace: {addon}
"
    )
}

/// An ApplicationSet that asks the plugin generator.
pub fn plugin_set() -> String {
    "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: workloads
spec:
  goTemplate: true
  generators:
  - plugin:
      configMapRef:
        name: bridge-generator
      input:
        parameters:
          generate: clusters
          selector:
            matchLabels:
              environment: dev
          fields: [name, server]
  template:
    metadata:
      name: workload-{{.name}}
    spec:
      project: default
      source:
        repoURL: https://example.com/workloads
        path: .
        targetRevision: main
      destination:
        name: '{{.name}}'
        namespace: workload
"
    .to_owned()
}

/// dev, prod and staging, and three ApplicationSets: the path in a folder hub, and the manifest.
pub fn sample() -> Vec<(String, String)> {
    let file = |path: &str, text: String| (path.to_owned(), text);
    vec![
        file(
            "clusters/dev.yaml",
            cluster(
                "dev",
                &[
                    "environment: dev",
                    "kubernetes_version: '1.33'",
                    "enable_karpenter: 'true'",
                    "enable_keda: 'false'",
                ],
                &[
                    "aws_region: eu-west-1",
                    "environment: dev",
                    "addons_repo_revision: main",
                ],
            ),
        ),
        file(
            "clusters/prod.yaml",
            cluster(
                "prod",
                &[
                    "environment: prod",
                    "kubernetes_version: '1.32'",
                    "enable_my_own: 'true'",
                ],
                &["aws_region: eu-central-1", "environment: prod"],
            ),
        ),
        file(
            "clusters/staging.yaml",
            cluster("staging", &["environment: staging"], &[]),
        ),
        file(
            "applicationsets/karpenter.yaml",
            application_set("karpenter", true),
        ),
        file("applicationsets/keda.yaml", application_set("keda", false)),
        file("applicationsets/workloads.yaml", plugin_set()),
    ]
}
