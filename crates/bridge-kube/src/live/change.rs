//! A change of just the named labels and annotations, safe beside other writers.

use std::time::Duration;

use bridge_core::{
    change::{KeyChanges, KeyDiff},
    keys,
    secret::ClusterSecret,
};
use k8s_openapi::api::core::v1::Secret;
use kube::core::params::{Patch, PatchParams};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{LiveHub, is_cluster};
use crate::{
    error::HubError,
    ownership,
    write::{DryRun, Verb, WriteOptions, Written, last_change},
};

impl LiveHub {
    /// Changes the named keys of one cluster Secret in a single merge patch, under [`keys::FIELD_MANAGER`].
    ///
    /// Each attempt reads the Secret, looks who owns the keys that differ, and patches exactly what it read
    /// (`resourceVersion`). When another writer came in between it starts again, until the deadline. A change that makes no
    /// difference writes nothing: each write of a cluster Secret wakes every ApplicationSet with a `clusters` generator.
    pub async fn change(
        &self,
        secret_name: &str,
        changes: &KeyChanges,
        write: &WriteOptions,
    ) -> Result<Written, HubError> {
        changes.check()?;
        let mut attempts = Attempts::new(write.deadline);
        loop {
            let current = self.cluster_secret(secret_name).await?;
            let diffs = changes.diff(&current.cluster);
            if diffs.is_empty() {
                return Ok(Written::unchanged(current));
            }
            let look = ownership::look(&current.managers, &diffs);
            if !look.conflicts.is_empty() && !write.force_conflicts {
                return Err(HubError::Conflict {
                    secret: secret_name.to_owned(),
                    owned: look.conflicts,
                });
            }
            let warnings = look.forced();
            if write.dry_run == DryRun::Client {
                return Ok(computed(current, changes, diffs, warnings));
            }
            let note = last_change(self.user().await?, &diffs, write.reason.as_deref());
            match self.patch(&current, &diffs, &note, write).await {
                Ok((after, served)) => {
                    return Ok(Written {
                        before: Some(current),
                        after: Some(after),
                        diffs,
                        warnings: warnings.into_iter().chain(served).collect(),
                        verb: Verb::Configured,
                    });
                }
                Err(HubError::Api { code: 409, .. }) => attempts.pause(secret_name).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// A cluster Secret by its own name.
    pub(super) async fn cluster_secret(&self, name: &str) -> Result<ClusterSecret, HubError> {
        match self.secret(name).await? {
            Some(secret) if is_cluster(&secret) => Ok(ClusterSecret::from_secret(secret)),
            Some(_) => Err(HubError::NotACluster {
                secret: name.to_owned(),
            }),
            None => {
                self.check_namespace().await?;
                Err(HubError::NotFound {
                    name: name.to_owned(),
                    hub: self.to_string(),
                    nearest: String::new(),
                })
            }
        }
    }

    async fn patch(
        &self,
        current: &ClusterSecret,
        diffs: &[KeyDiff],
        note: &str,
        write: &WriteOptions,
    ) -> Result<(ClusterSecret, Vec<String>), HubError> {
        let name = &current.cluster.secret_name;
        let params = PatchParams {
            dry_run: write.dry_run == DryRun::Server,
            field_manager: Some(keys::FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let body = merge_patch(current.resource_version.as_deref(), diffs, note);
        let request = self.secrets().patch(name, &params, &Patch::Merge(body));
        let answer = self
            .transport
            .send::<Secret>(request, self.ask("patch", Some(name)))
            .await?;
        Ok((ClusterSecret::from_secret(answer.value), answer.warnings))
    }
}

/// Only what differs, and the note; `null` removes a key (RFC 7386).
fn merge_patch(resource_version: Option<&str>, diffs: &[KeyDiff], note: &str) -> Value {
    let side = |kind: &str| -> Map<String, Value> {
        diffs
            .iter()
            .filter(|diff| diff.kind == kind)
            .map(|diff| (diff.key.clone(), json!(diff.to)))
            .collect()
    };
    let mut annotations = side("annotation");
    annotations.insert(keys::LAST_CHANGE.to_owned(), note.into());
    let mut metadata = json!({ "resourceVersion": resource_version, "annotations": annotations });
    let labels = side("label");
    if !labels.is_empty() {
        metadata["labels"] = labels.into();
    }
    json!({ "metadata": metadata })
}

fn computed(
    current: ClusterSecret,
    changes: &KeyChanges,
    diffs: Vec<KeyDiff>,
    warnings: Vec<String>,
) -> Written {
    let mut after = current.clone();
    after.cluster = changes.applied_to(&current.cluster);
    Written {
        before: Some(current),
        after: Some(after),
        diffs,
        warnings,
        verb: Verb::Configured,
    }
}

/// Pauses between attempts, growing and jittered, until a deadline.
pub(super) struct Attempts {
    within: Duration,
    until: Instant,
    made: u32,
}

impl Attempts {
    pub fn new(within: Duration) -> Self {
        Self {
            within,
            until: Instant::now() + within,
            made: 0,
        }
    }

    /// Waits before the next attempt, or gives up.
    pub async fn pause(&mut self, secret: &str) -> Result<(), HubError> {
        const FIRST: Duration = Duration::from_millis(10);
        const LONGEST: Duration = Duration::from_secs(2);
        self.made += 1;
        let longest = FIRST.saturating_mul(1 << self.made.min(8)).min(LONGEST);
        let pause = longest.mul_f64(random());
        if Instant::now() + pause >= self.until {
            return Err(HubError::Busy {
                secret: secret.to_owned(),
                attempts: self.made,
                within: self.within,
            });
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// From 0 to 1, different in each process and call: enough for jitter, without a crate for it.
fn random() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
