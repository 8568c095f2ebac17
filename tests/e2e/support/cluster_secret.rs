use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::api::ObjectMeta;

/// A cluster Secret as Terraform or `kubectl bridge register` would write it.
pub fn cluster_secret<'a>(
    name: &str,
    server: &str,
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Secret {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let mut labels: BTreeMap<String, String> = labels.into_iter().map(owned).collect();
    labels.insert("argocd.argoproj.io/secret-type".to_owned(), "cluster".to_owned());
    let annotations: BTreeMap<String, String> = annotations.into_iter().map(owned).collect();
    let data = [
        ("name", name),
        ("server", server),
        ("config", r#"{"tlsClientConfig":{"insecure":false}}"#),
    ];
    Secret {
        metadata: ObjectMeta {
            name: Some(secret_name(name)),
            labels: Some(labels),
            annotations: (!annotations.is_empty()).then_some(annotations),
            ..ObjectMeta::default()
        },
        data: Some(
            data.map(|(key, value)| (key.to_owned(), ByteString(value.into())))
                .into(),
        ),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}

/// The name of the Secret of a cluster: any will do, if the API server takes it.
pub fn secret_name(cluster: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    format!("cluster-{}-x", cluster.chars().map(plain).collect::<String>())
}
