//! A new cluster Secret.

use bridge_core::{keys, secret::ClusterSecret};
use k8s_openapi::api::core::v1::Secret;
use kube::core::params::PostParams;

use super::LiveHub;
use crate::{
    error::HubError,
    failure,
    write::{DryRun, Verb, WriteOptions, Written, last_change, only_data, secret_diffs},
};

impl LiveHub {
    /// Creates a Secret with POST, so that of two that race for a name one fails with [`HubError::AlreadyExists`].
    pub async fn create(&self, secret: &Secret, write: &WriteOptions) -> Result<Written, HubError> {
        let mut secret = only_data(secret.clone());
        secret.metadata.namespace = Some(self.namespace.clone());
        let name = secret.metadata.name.clone().unwrap_or_default();
        let diffs = secret_diffs(None, &secret);
        if write.dry_run == DryRun::Client {
            if self.secret(&name).await?.is_some() {
                return Err(HubError::AlreadyExists {
                    resource: "secrets".into(),
                    name,
                });
            }
            return Ok(Written {
                before: None,
                after: Some(ClusterSecret::from_secret(secret)),
                diffs,
                warnings: Vec::new(),
                verb: Verb::Created,
            });
        }
        let note = last_change(self.user().await?, &diffs, write.reason.as_deref());
        secret
            .metadata
            .annotations
            .get_or_insert_default()
            .insert(keys::LAST_CHANGE.to_owned(), note);
        let params = PostParams {
            dry_run: write.dry_run == DryRun::Server,
            field_manager: Some(keys::FIELD_MANAGER.to_owned()),
        };
        let body = serde_json::to_vec(&secret).map_err(|error| HubError::Malformed {
            what: format!("Secret \"{name}\""),
            cause: failure::json_cause(&error),
        })?;
        let answer = self
            .transport
            .send::<Secret>(
                self.secrets().create(&params, body),
                self.ask("create", Some(&name)),
            )
            .await?;
        Ok(Written {
            before: None,
            after: Some(ClusterSecret::from_secret(answer.value)),
            diffs,
            warnings: answer.warnings,
            verb: Verb::Created,
        })
    }
}
