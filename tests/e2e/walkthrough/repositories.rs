use anyhow::Result;
use testbed::GitRepo;

/// What Argo CD deploys: one repository of addons, two of workloads.
pub struct Repositories {
    pub addons: GitRepo,
    pub workloads: GitRepo,
    pub other_workloads: GitRepo,
}

impl Repositories {
    pub fn create() -> Result<Self> {
        let addons = GitRepo::create()?;
        addons.write("bootstrap/metrics-server.yaml", ADDON)?;
        addons.write(
            "charts/metrics-server/config-map.yaml",
            &config_map("metrics-server"),
        )?;
        addons.commit("An addon")?;
        Ok(Self {
            addons,
            workloads: workload("blue")?,
            other_workloads: workload("green")?,
        })
    }
}

fn workload(name: &str) -> Result<GitRepo> {
    let repository = GitRepo::create()?;
    repository.write(&format!("{name}/config-map.yaml"), &config_map(name))?;
    repository.commit("A workload")?;
    Ok(repository)
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  from: {name}\n")
}

/// As the ones in plugin-manifests/addons, on a folder instead of a chart: no chart repository can be reached here.
const ADDON: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: addons-metrics-server
  namespace: argocd
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
    - merge:
        mergeKeys: [server]
        generators:
          - plugin:
              configMapRef: {name: bridge-generator}
              requeueAfterSeconds: 180
              input:
                parameters:
                  generate: clusters
                  selector:
                    matchExpressions: [{key: enable_metrics_server, operator: In, values: ["true"]}]
              values: {path: charts/metrics-server}
          - plugin:
              configMapRef: {name: bridge-generator}
              requeueAfterSeconds: 180
              input:
                parameters: {generate: clusters, selector: {matchLabels: {environment: prod}}}
              values: {path: charts/metrics-server}
  syncPolicy:
    preserveResourcesOnDeletion: true
  template:
    metadata:
      name: addon-{{ .nameNormalized }}-metrics-server
    spec:
      project: default
      source:
        repoURL: '{{ .metadata.annotations.addons_repo_url }}'
        targetRevision: '{{ .metadata.annotations.addons_repo_revision }}'
        path: '{{ .values.path }}'
      destination:
        name: '{{ .name }}'
        namespace: kube-system
      syncPolicy:
        automated: {}
        syncOptions: [CreateNamespace=true]
"#;
