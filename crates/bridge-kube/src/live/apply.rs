//! Server-side apply of the fixed key set of a registration.

use std::collections::BTreeMap;

use bridge_core::{keys, secret::ClusterSecret};
use k8s_openapi::api::core::v1::Secret;
use kube::core::params::{Patch, PatchParams};
use serde_json::json;

use super::{LiveHub, change::Attempts, is_cluster};
use crate::{
    error::HubError,
    ownership,
    write::{DryRun, Verb, WriteOptions, Written, check_unchanged, last_change, only_data, secret_diffs},
};

impl LiveHub {
    /// Applies the keys that `secret` holds over the Secret that was read as `current`.
    ///
    /// Forced, but only after the look found nobody else (or with `force_conflicts`): our own Update entries conflict
    /// with our Apply entry as a stranger's would. Keys that an earlier apply set and this one does not mention stay.
    pub async fn apply(
        &self,
        current: &ClusterSecret,
        secret: &Secret,
        write: &WriteOptions,
    ) -> Result<Written, HubError> {
        let wanted = only_data(secret.clone());
        let name = &current.cluster.secret_name;
        let mut attempts = Attempts::new(write.deadline);
        loop {
            let live = self.still_the_same(current).await?;
            let diffs = secret_diffs(Some(&live), &wanted);
            let before = ClusterSecret::from_secret(live.clone());
            if diffs.is_empty() {
                return Ok(Written::unchanged(before));
            }
            check_unchanged(&diffs, current, &before)?;
            let look = ownership::look(&before.managers, &diffs);
            if !look.conflicts.is_empty() && !write.force_conflicts {
                return Err(HubError::Conflict {
                    secret: name.clone(),
                    owned: look.conflicts,
                });
            }
            let warnings = look.forced();
            let mut body = with_earlier_keys(&wanted, &live);
            if write.dry_run == DryRun::Client {
                return Ok(Written {
                    after: Some(ClusterSecret::from_secret(laid_over(live, body))),
                    before: Some(before),
                    diffs,
                    warnings,
                    verb: Verb::Configured,
                });
            }
            let note = last_change(self.user().await?, &diffs, write.reason.as_deref());
            let annotations = body.metadata.annotations.get_or_insert_default();
            annotations.insert(keys::LAST_CHANGE.to_owned(), note);
            match self.send_apply(name, &body, &before, write).await {
                Ok((after, served)) => {
                    return Ok(Written {
                        before: Some(before),
                        after: Some(after),
                        diffs,
                        warnings: warnings.into_iter().chain(served).collect(),
                        verb: Verb::Configured,
                    });
                }
                Err(HubError::Api { code: 409, .. }) => attempts.pause(name).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// The live Secret, if it is the one that was read.
    async fn still_the_same(&self, current: &ClusterSecret) -> Result<Secret, HubError> {
        let name = &current.cluster.secret_name;
        let replaced = |how| HubError::Replaced {
            secret: name.clone(),
            how,
        };
        let live = self.secret(name).await?.ok_or_else(|| replaced("removed"))?;
        if !is_cluster(&live) {
            return Err(HubError::NotACluster { secret: name.clone() });
        }
        if live.metadata.uid != current.uid {
            return Err(replaced("replaced"));
        }
        Ok(live)
    }

    async fn send_apply(
        &self,
        name: &str,
        body: &Secret,
        before: &ClusterSecret,
        write: &WriteOptions,
    ) -> Result<(ClusterSecret, Vec<String>), HubError> {
        let mut metadata = json!({
            "name": name,
            "namespace": self.namespace,
            "resourceVersion": before.resource_version,
        });
        if let Some(labels) = &body.metadata.labels {
            metadata["labels"] = json!(labels);
        }
        if let Some(annotations) = &body.metadata.annotations {
            metadata["annotations"] = json!(annotations);
        }
        let mut object = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata });
        if let Some(data) = &body.data {
            object["data"] = json!(data);
        }
        let params = PatchParams {
            dry_run: write.dry_run == DryRun::Server,
            ..PatchParams::apply(keys::FIELD_MANAGER).force()
        };
        let request = self.secrets().patch(name, &params, &Patch::Apply(object));
        let answer = self
            .transport
            .send::<Secret>(request, self.ask("patch", Some(name)))
            .await?;
        Ok((ClusterSecret::from_secret(answer.value), answer.warnings))
    }
}

/// One manager that applies a part deletes what it applied before: what our Apply entry owns and `wanted` leaves out
/// goes along with the value it has.
fn with_earlier_keys(wanted: &Secret, live: &Secret) -> Secret {
    let mut body = wanted.clone();
    let ours = live
        .metadata
        .managed_fields
        .iter()
        .flatten()
        .filter(|entry| entry.manager.as_deref() == Some(keys::FIELD_MANAGER))
        .filter(|entry| entry.operation.as_deref() == Some("Apply"));
    for entry in ours {
        keep(
            &mut body.metadata.labels,
            live.metadata.labels.as_ref(),
            ownership::owned_keys(entry, "label"),
        );
        keep(
            &mut body.metadata.annotations,
            live.metadata.annotations.as_ref(),
            ownership::owned_keys(entry, "annotation"),
        );
        keep(
            &mut body.data,
            live.data.as_ref(),
            ownership::owned_keys(entry, "data"),
        );
    }
    body
}

fn keep<'a, V: Clone>(
    into: &mut Option<BTreeMap<String, V>>,
    live: Option<&BTreeMap<String, V>>,
    owned: impl Iterator<Item = &'a str>,
) {
    for key in owned {
        if let Some(value) = live.and_then(|live| live.get(key)) {
            into.get_or_insert_default()
                .entry(key.to_owned())
                .or_insert_with(|| value.clone());
        }
    }
}

/// What an apply would make of the live Secret.
fn laid_over(mut live: Secret, body: Secret) -> Secret {
    live.metadata
        .labels
        .get_or_insert_default()
        .extend(body.metadata.labels.unwrap_or_default());
    live.metadata
        .annotations
        .get_or_insert_default()
        .extend(body.metadata.annotations.unwrap_or_default());
    live.data
        .get_or_insert_default()
        .extend(body.data.unwrap_or_default());
    live
}
