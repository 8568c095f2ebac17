//! A change of labels and annotations: only the keys it names, and the note it leaves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{cluster::Cluster, keys, name, name::NameError};

/// Keys to set (`Some`) or remove (`None`) on one cluster Secret. Whatever is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChanges {
    /// Label changes.
    pub labels: BTreeMap<String, Option<String>>,
    /// Annotation changes.
    pub annotations: BTreeMap<String, Option<String>>,
}

/// One key that differs before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyDiff {
    /// `label` or `annotation`.
    pub kind: &'static str,
    /// Its key.
    pub key: String,
    /// Value before, if any.
    pub from: Option<String>,
    /// Value after, if any.
    pub to: Option<String>,
}

/// What [`keys::LAST_CHANGE`] holds: who, when, which keys, why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// User name as the API server sees it (`SelfSubjectReview`), or the local user for a folder.
    pub by: String,
    /// RFC 3339, seconds.
    pub at: String,
    /// Keys that changed.
    pub keys: Vec<String>,
    /// `--reason`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl KeyChanges {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }

    /// Refuses what the API server would refuse, and the label that makes a Secret a cluster Secret.
    pub fn check(&self) -> Result<(), ChangeError> {
        for (key, value) in &self.labels {
            name::check_key(key)?;
            if key == keys::SECRET_TYPE {
                return Err(ChangeError::SecretType);
            }
            if let Some(value) = value {
                name::check_label_value(key, value)?;
            }
        }
        for key in self.annotations.keys() {
            name::check_key(key)?;
        }
        Ok(())
    }

    /// The changes that make a difference to this cluster.
    pub fn diff(&self, cluster: &Cluster) -> Vec<KeyDiff> {
        let side = |kind: &'static str,
                    changes: &BTreeMap<String, Option<String>>,
                    now: &BTreeMap<String, String>| {
            changes
                .iter()
                .filter(|(key, to)| now.get(*key) != to.as_ref())
                .map(|(key, to)| KeyDiff {
                    kind,
                    key: key.clone(),
                    from: now.get(key).cloned(),
                    to: to.clone(),
                })
                .collect::<Vec<_>>()
        };
        let mut all = side("label", &self.labels, &cluster.labels);
        all.extend(side("annotation", &self.annotations, &cluster.annotations));
        all
    }

    /// The cluster as it will be.
    #[must_use]
    pub fn applied_to(&self, cluster: &Cluster) -> Cluster {
        let mut after = cluster.clone();
        for (changes, map) in [
            (&self.labels, &mut after.labels),
            (&self.annotations, &mut after.annotations),
        ] {
            for (key, value) in changes {
                match value {
                    Some(value) => map.insert(key.clone(), value.clone()),
                    None => map.remove(key),
                };
            }
        }
        after
    }
}

/// A change that must not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The API server would refuse it.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Taking this label away unregisters the cluster without a drain.
    #[error(
        "label argocd.argoproj.io/secret-type makes the Secret a cluster Secret and is not changed by label: use \"unregister\""
    )]
    SecretType,
}
