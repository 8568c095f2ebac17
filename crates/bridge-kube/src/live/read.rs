//! Reading a live hub.

use bridge_core::{keys, secret::ClusterSecret, suggest};
use k8s_openapi::api::{
    authentication::v1::SelfSubjectReview,
    core::v1::{Namespace, Secret},
};
use kube::core::params::{GetParams, PostParams};

use super::LiveHub;
use crate::{
    error::HubError,
    failure::Ask,
    transport::{Answer, typed},
};

impl LiveHub {
    /// All cluster Secrets, sorted by name and then by the name of the Secret.
    pub async fn clusters(&self) -> Result<Vec<ClusterSecret>, HubError> {
        let path = self.secrets().url_path;
        let read = |item| typed::<Secret>(item, "Secret").map(ClusterSecret::from_secret);
        let mut clusters = self
            .transport
            .list(&path, Some(keys::CLUSTER_SECRETS), self.ask("list", None), read)
            .await?;
        if clusters.is_empty() {
            self.check_namespace().await?;
        }
        sort(&mut clusters);
        Ok(clusters)
    }

    /// A cluster by name, or else by the name of its Secret.
    pub async fn cluster(&self, name: &str) -> Result<ClusterSecret, HubError> {
        pick(self.clusters().await?, name, &self.to_string())
    }

    /// An empty list is also what a namespace that does not exist answers.
    pub(super) async fn check_namespace(&self) -> Result<(), HubError> {
        let ask = Ask {
            verb: "get",
            resource: "namespaces",
            namespace: None,
            name: Some(&self.namespace),
        };
        let request =
            kube::core::Request::new("/api/v1/namespaces").get(&self.namespace, &GetParams::default());
        match self.transport.send::<Namespace>(request, ask).await {
            Err(HubError::Api { code: 404, .. } | HubError::NamespaceMissing { .. }) => {
                Err(HubError::NamespaceMissing {
                    namespace: self.namespace.clone(),
                })
            }
            // Not everybody may read namespaces: then nothing can be said about this one.
            Ok(_) | Err(HubError::Forbidden(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Who we are to the API server, or where it does not tell, to the kubeconfig. Asked once.
    pub(super) async fn user(&self) -> Result<&str, HubError> {
        self.user
            .get_or_try_init(|| async {
                let ask = Ask {
                    verb: "create",
                    resource: "selfsubjectreviews.authentication.k8s.io",
                    namespace: None,
                    name: None,
                };
                let body = serde_json::json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
                let request = kube::core::Request::new("/apis/authentication.k8s.io/v1/selfsubjectreviews")
                    .create(&PostParams::default(), body.to_string().into_bytes());
                match self.transport.send::<SelfSubjectReview>(request, ask).await {
                    Ok(Answer { value, .. }) => Ok(value
                        .status
                        .and_then(|status| status.user_info)
                        .and_then(|user| user.username)
                        .unwrap_or_else(|| self.target.user.clone())),
                    // Kubernetes before 1.28 does not serve it.
                    Err(HubError::Forbidden(_) | HubError::Api { code: 404, .. }) => Ok(self.target.user.clone()),
                    Err(error) => Err(error),
                }
            })
            .await
            .map(String::as_str)
    }
}

/// Sorts by name and then by the name of the Secret.
pub(crate) fn sort(clusters: &mut [ClusterSecret]) {
    clusters.sort_by(|a, b| {
        (&a.cluster.name, &a.cluster.secret_name).cmp(&(&b.cluster.name, &b.cluster.secret_name))
    });
}

/// The one cluster of that `data.name`, or else with that name of its Secret.
pub(crate) fn pick(
    mut clusters: Vec<ClusterSecret>,
    name: &str,
    hub: &str,
) -> Result<ClusterSecret, HubError> {
    let by_name: Vec<String> = clusters
        .iter()
        .filter(|found| found.cluster.name == name)
        .map(|found| found.cluster.secret_name.clone())
        .collect();
    let wanted = match by_name.as_slice() {
        [] => name.to_owned(),
        [one] => one.clone(),
        // The Secret's own name tells them apart.
        several if several.iter().any(|secret| secret == name) => name.to_owned(),
        _ => {
            return Err(HubError::Ambiguous {
                name: name.to_owned(),
                secrets: by_name,
            });
        }
    };
    match clusters
        .iter()
        .position(|found| found.cluster.secret_name == wanted)
    {
        Some(at) => Ok(clusters.swap_remove(at)),
        None => Err(HubError::NotFound {
            name: name.to_owned(),
            hub: hub.to_owned(),
            nearest: suggest::hint(name, clusters.iter().map(|found| found.cluster.name.as_str())),
        }),
    }
}
