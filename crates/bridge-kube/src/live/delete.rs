//! Taking a cluster Secret away.

use bridge_core::secret::ClusterSecret;
use kube::core::params::{DeleteParams, Preconditions};
use serde_json::Value;

use super::LiveHub;
use crate::{
    error::HubError,
    write::{DryRun, WriteOptions},
};

impl LiveHub {
    /// Deletes exactly the Secret that was read: one made anew under its name stays.
    pub async fn delete(&self, current: &ClusterSecret, write: &WriteOptions) -> Result<(), HubError> {
        let name = &current.cluster.secret_name;
        if write.dry_run == DryRun::Client {
            return Ok(());
        }
        let params = DeleteParams {
            dry_run: write.dry_run == DryRun::Server,
            preconditions: Some(Preconditions {
                uid: current.uid.clone(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let request = self.secrets().delete(name, &params);
        let gone = |how| HubError::Replaced {
            secret: name.clone(),
            how,
        };
        match self
            .transport
            .send::<Value>(request, self.ask("delete", Some(name)))
            .await
        {
            Ok(_) => Ok(()),
            Err(HubError::Api { code: 404, .. }) => Err(gone("removed")),
            Err(HubError::Api { code: 409, .. }) => Err(gone("replaced")),
            Err(error) => Err(error),
        }
    }
}
