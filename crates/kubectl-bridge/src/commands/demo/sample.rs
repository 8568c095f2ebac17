//! The sample hub: four clusters as EKS would describe them, and one ApplicationSet.

use std::{fs, io, path::Path};

use bridge_core::{
    facts::{EksArn, EksFacts, EndpointAccess},
    registration::{Access, Registration},
    selector::Map,
};
use serde_json::{Value, json};

/// Base64 of a certificate that is none: nothing connects to the sample clusters.
const CA: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCnNhbXBsZQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==";

/// One addon, asked for through the service.
const APPLICATION_SET: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: karpenter
  namespace: argocd
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
    - plugin:
        configMapRef:
          name: bridge-generator
        requeueAfterSeconds: 180
        input:
          parameters:
            generate: clusters
            selector:
              matchLabels:
                enable_karpenter: \"true\"
  template:
    metadata:
      name: karpenter-{{ .nameNormalized }}
    spec:
      project: default
      source:
        repoURL: https://charts.example.com
        chart: karpenter
        targetRevision: 1.0.0
      destination:
        name: '{{ .name }}'
        namespace: kube-system
";

/// Makes the folders of a hub, and its ApplicationSet.
pub fn lay_out(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir.join("clusters"))?;
    fs::create_dir_all(dir.join("applicationsets"))?;
    fs::write(
        dir.join("applicationsets").join("karpenter.yaml"),
        APPLICATION_SET,
    )
}

/// What is registered.
pub fn registrations() -> Vec<Registration> {
    [
        ("control-plane", "1.34", &["cert-manager"][..]),
        ("dev", "1.35", &["cert-manager", "metrics-server"]),
        ("staging", "1.34", &["cert-manager", "metrics-server"]),
        ("prod", "1.34", &["cert-manager", "karpenter", "metrics-server"]),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, (name, version, addons))| registration(at, name, version, addons))
    .collect()
}

fn registration(at: usize, name: &str, version: &str, addons: &[&str]) -> Registration {
    let labels = addons
        .iter()
        .map(|addon| (format!("enable_{}", addon.replace('-', "_")), "true".to_owned()))
        .collect();
    Registration {
        name: name.into(),
        access: if name == "control-plane" {
            Access::InCluster
        } else {
            Access::Direct
        },
        facts: Some(facts(at, name, version)),
        kubernetes_version: None,
        environment: None,
        labels,
        annotations: Map::new(),
        project: None,
        shard: None,
        namespaces: None,
        cluster_resources: None,
        proxy_url: None,
        tls_server_name: None,
        grants: None,
    }
}

fn facts(at: usize, name: &str, version: &str) -> EksFacts {
    let id = format!("{:032X}", 0xB41D_6E00_usize + at);
    EksFacts {
        arn: EksArn {
            partition: "aws".into(),
            region: "eu-west-1".into(),
            account: "111122223333".into(),
            name: format!("acme-{name}"),
        },
        status: "ACTIVE".into(),
        endpoint: Some(format!("https://{id}.gr7.eu-west-1.eks.amazonaws.com")),
        certificate_authority: Some(CA.into()),
        version: Some(version.into()),
        platform_version: Some("eks.4".into()),
        vpc_id: Some(format!("vpc-0{at:016x}")),
        authentication_mode: Some("API".into()),
        oidc_issuer: Some(format!("https://oidc.eks.eu-west-1.amazonaws.com/id/{id}")),
        endpoint_access: Some(EndpointAccess {
            public: false,
            private: true,
            public_cidrs: Vec::new(),
        }),
        ..EksFacts::default()
    }
}

/// The words that would register it, were it real.
pub fn words(registration: &Registration) -> String {
    let eks = registration
        .facts
        .as_ref()
        .map(|facts| facts.arn.name.as_str())
        .unwrap_or_default();
    let enable: Vec<String> = registration
        .labels
        .keys()
        .map(|label| bridge_core::catalog::Catalog::name_of(label))
        .collect();
    let hub = if registration.access == Access::InCluster {
        " --in-cluster"
    } else {
        ""
    };
    format!(
        "{}{hub} --aws-cluster-name {eks} --enable {}",
        registration.name,
        enable.join(",")
    )
}

/// What the ApplicationSet asks; `fields` keeps the answer short.
pub fn question() -> Value {
    json!({
        "applicationSetName": "karpenter",
        "input": { "parameters": {
            "generate": "clusters",
            "selector": { "matchLabels": { "enable_karpenter": "true" } },
            "fields": ["name", "server", "metadata.labels.environment", "metadata.annotations.aws_vpc_id"],
        } },
    })
}

/// The answer with one set of parameters a line; anything else whole.
pub fn short(body: &Value) -> Vec<String> {
    let Some(sets) = body.pointer("/output/parameters").and_then(Value::as_array) else {
        return vec![body.to_string()];
    };
    let mut lines = vec![r#"{"output":{"parameters":["#.to_owned()];
    lines.extend(sets.iter().map(|set| format!("  {set}")));
    lines.push("]}}".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_registers_and_its_question_is_one() {
        let mut hub = Vec::new();
        for registration in registrations() {
            let plan = registration.plan(&hub).unwrap();
            assert_eq!(plan.after.environment(), Some(registration.name.as_str()));
            hub.push(bridge_core::secret::ClusterSecret::from_secret(plan.secret));
        }
        let question = question();
        let parameters = question["input"]["parameters"].as_object().unwrap();
        let request = bridge_core::request::Request::parse(parameters).unwrap();
        let asked: Vec<bool> = hub
            .iter()
            .map(|secret| request.selector.matches(&secret.cluster.labels))
            .collect();
        assert_eq!(asked, [false, false, false, true]);
    }
}
