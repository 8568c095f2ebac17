//! What else a hub tells of itself: unfinished runs, Argo CD's images, the roles of its service accounts.

use std::collections::BTreeMap;

use bridge_core::{check::Note, keys};
use k8s_openapi::{ByteString, api::core::v1::ServiceAccount};
use serde_json::Value;

use super::LiveHub;
use crate::{error::HubError, failure::Ask, transport::typed};

/// Beginning of the name of a Secret that holds the note of an unfinished run.
const NOTE_PREFIX: &str = "kubectl-bridge-op-";
/// Components of Argo CD that are one image (`app.kubernetes.io/component`).
const COMPONENTS: [&str; 4] = [
    "application-controller",
    "applicationset-controller",
    "repo-server",
    "server",
];
/// Annotation by which a ServiceAccount gets an IAM role (IRSA).
const ROLE: &str = "eks.amazonaws.com/role-arn";

impl LiveHub {
    /// Notes of runs that have not ended.
    pub async fn unfinished(&self) -> Result<Vec<Note>, HubError> {
        let ours = format!("app.kubernetes.io/managed-by={}", keys::FIELD_MANAGER);
        let path = self.secrets().url_path;
        let notes = self
            .transport
            .list(&path, Some(&ours), self.ask("list", None), |item| Ok(note(&item)))
            .await?;
        Ok(notes.into_iter().flatten().collect())
    }

    /// Images of Argo CD's own containers in its namespace, each once.
    pub async fn argo_cd_images(&self) -> Result<Vec<String>, HubError> {
        let mut images = Vec::new();
        for (plural, resource) in [
            ("deployments", "deployments.apps"),
            ("statefulsets", "statefulsets.apps"),
        ] {
            let path = format!("/apis/apps/v1/namespaces/{}/{plural}", self.namespace);
            let part = Some("app.kubernetes.io/part-of=argocd");
            let found = self
                .transport
                .list(&path, part, self.ask_for(resource), |item| Ok(image(&item)))
                .await?;
            images.extend(found.into_iter().flatten());
        }
        images.sort();
        images.dedup();
        Ok(images)
    }

    /// The IAM role of each service account in Argo CD's namespace that names one (IRSA).
    pub async fn service_account_roles(&self) -> Result<BTreeMap<String, String>, HubError> {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts", self.namespace);
        let roles = self
            .transport
            .list(&path, None, self.ask_for("serviceaccounts"), |item| {
                let metadata = typed::<ServiceAccount>(item, "ServiceAccount")?.metadata;
                let role = metadata.annotations.and_then(|mut all| all.remove(ROLE));
                Ok(metadata.name.zip(role))
            })
            .await?;
        Ok(roles.into_iter().flatten().collect())
    }

    fn ask_for(&self, resource: &'static str) -> Ask<'_> {
        Ask {
            verb: "list",
            resource,
            namespace: Some(&self.namespace),
            name: None,
        }
    }
}

/// What the note says, as far as it can be read; it holds no credential, and nothing else of it is kept.
fn note(secret: &Value) -> Option<Note> {
    let name = secret.pointer("/metadata/name")?.as_str()?;
    if !name.starts_with(NOTE_PREFIX) {
        return None;
    }
    let bytes = secret
        .pointer("/data/operation")
        .and_then(|data| serde_json::from_value::<ByteString>(data.clone()).ok());
    let operation: Value = bytes
        .and_then(|bytes| serde_json::from_slice(&bytes.0).ok())
        .unwrap_or_default();
    let text = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
    Some(Note {
        secret: name.to_owned(),
        kind: text("kind"),
        cluster: text("cluster"),
        started: text("started"),
    })
}

fn image(workload: &Value) -> Option<String> {
    let component = workload
        .pointer("/metadata/labels")?
        .get("app.kubernetes.io/component")?
        .as_str()?;
    let image = workload
        .pointer("/spec/template/spec/containers/0/image")?
        .as_str()?;
    COMPONENTS.contains(&component).then(|| image.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notes_are_read_as_far_as_they_can_be() {
        let data = |text: &str| serde_json::to_value(ByteString(text.into())).unwrap();
        let secret =
            |name: &str, text: &str| json!({"metadata": {"name": name}, "data": {"operation": data(text)}});
        let read = note(&secret(
            "kubectl-bridge-op-dev",
            r#"{"kind": "drain", "cluster": "dev", "started": "now"}"#,
        ));
        assert_eq!(
            read,
            Some(Note {
                secret: "kubectl-bridge-op-dev".into(),
                kind: "drain".into(),
                cluster: "dev".into(),
                started: "now".into(),
            })
        );
        assert_eq!(note(&secret("kubectl-bridge-op-dev", "{")).unwrap().cluster, "");
        assert_eq!(note(&secret("dev", "{}")), None);
    }

    #[test]
    fn only_images_of_argo_cd_itself() {
        let workload = |component: &str| {
            json!({"metadata": {"labels": {"app.kubernetes.io/component": component}},
                "spec": {"template": {"spec": {"containers": [{"image": "argocd:v3.6.1"}, {"image": "side"}]}}}})
        };
        assert_eq!(image(&workload("server")).as_deref(), Some("argocd:v3.6.1"));
        assert_eq!(image(&workload("redis")), None);
    }
}
