//! How to write, and what a write did.

use std::{collections::BTreeMap, fmt, time::Duration};

use bridge_core::{
    change::{KeyDiff, LastChange},
    keys,
    secret::ClusterSecret,
};
use k8s_openapi::{ByteString, api::core::v1::Secret};

use crate::error::HubError;

/// `--dry-run`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DryRun {
    /// Write.
    #[default]
    None,
    /// Read the hub, send nothing, show what would come of it.
    Client,
    /// Let the API server go through it with `dryRun=All`.
    Server,
}

/// How to write.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// Whether to write at all.
    pub dry_run: DryRun,
    /// Take over keys that belong to others.
    pub force_conflicts: bool,
    /// `--reason`: goes into [`keys::LAST_CHANGE`].
    pub reason: Option<String>,
    /// How long to go on when others write the same Secret.
    pub deadline: Duration,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            dry_run: DryRun::None,
            force_conflicts: false,
            reason: None,
            deadline: Duration::from_secs(30),
        }
    }
}

/// What a write did, in kubectl's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It was not there before.
    Created,
    /// Something changed.
    Configured,
    /// Nothing to change; nothing was written.
    Unchanged,
    /// It is gone.
    Deleted,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
        })
    }
}

/// What a write did, or under a dry run would do.
#[derive(Debug, Clone)]
pub struct Written {
    /// As it was.
    pub before: Option<ClusterSecret>,
    /// As it is now.
    pub after: Option<ClusterSecret>,
    /// What differs, without [`keys::LAST_CHANGE`]; `config` masked.
    pub diffs: Vec<KeyDiff>,
    /// For the person: owners of keys, warnings of the API server.
    pub warnings: Vec<String>,
    /// In one word.
    pub verb: Verb,
}

impl Written {
    pub(crate) fn unchanged(current: ClusterSecret) -> Self {
        Self {
            before: Some(current.clone()),
            after: Some(current),
            diffs: Vec::new(),
            warnings: Vec::new(),
            verb: Verb::Unchanged,
        }
    }
}

/// The note that a write leaves on the Secret.
pub(crate) fn last_change(by: &str, diffs: &[KeyDiff], reason: Option<&str>) -> String {
    let now = jiff::Timestamp::now();
    let at = now.round(jiff::Unit::Second).unwrap_or(now).to_string();
    let mut changed: Vec<String> = Vec::new();
    for diff in diffs {
        // Label and annotation of one key are one word here.
        if !changed.contains(&diff.key) {
            changed.push(diff.key.clone());
        }
    }
    let note = LastChange {
        by: by.to_owned(),
        at,
        keys: changed,
        reason: reason.map(str::to_owned),
    };
    // Four strings: there is no way for this to fail.
    serde_json::to_string(&note).unwrap_or_default()
}

/// The keys that a Secret would set and that differ from those there are: labels, annotations, data.
pub(crate) fn secret_diffs(now: Option<&Secret>, wanted: &Secret) -> Vec<KeyDiff> {
    let empty = BTreeMap::new();
    let metadata = now.map(|secret| &secret.metadata);
    let labels = metadata
        .and_then(|metadata| metadata.labels.as_ref())
        .unwrap_or(&empty);
    let annotations = metadata
        .and_then(|metadata| metadata.annotations.as_ref())
        .unwrap_or(&empty);
    let no_data = BTreeMap::new();
    let data = now.and_then(|secret| secret.data.as_ref()).unwrap_or(&no_data);
    let mut diffs = Vec::new();
    text_diffs("label", labels, wanted.metadata.labels.as_ref(), &mut diffs);
    text_diffs(
        "annotation",
        annotations,
        wanted.metadata.annotations.as_ref(),
        &mut diffs,
    );
    for (key, to) in wanted.data.iter().flatten() {
        let from = data.get(key);
        if from != Some(to) {
            diffs.push(data_diff(key, from, to));
        }
    }
    diffs
}

fn text_diffs(
    kind: &'static str,
    now: &BTreeMap<String, String>,
    wanted: Option<&BTreeMap<String, String>>,
    diffs: &mut Vec<KeyDiff>,
) {
    for (key, to) in wanted.into_iter().flatten() {
        if now.get(key) != Some(to) && key != keys::LAST_CHANGE {
            diffs.push(KeyDiff {
                kind,
                key: key.clone(),
                from: now.get(key).cloned(),
                to: Some(to.clone()),
            });
        }
    }
}

/// Refuses to write keys that somebody changed since `read`: what is to be written was worked out from that, keeps values of
/// it and is merged over its `config`, and would undo the change.
pub(crate) fn check_unchanged(
    diffs: &[KeyDiff],
    read: &ClusterSecret,
    now: &ClusterSecret,
) -> Result<(), HubError> {
    let (was, is) = (&read.cluster, &now.cluster);
    let changed = diffs.iter().any(|KeyDiff { kind, key, .. }| match *kind {
        "label" => was.labels.get(key) != is.labels.get(key),
        "annotation" => was.annotations.get(key) != is.annotations.get(key),
        _ => match key.as_str() {
            "config" => read.config != now.config,
            "name" => was.name != is.name,
            "server" => was.server != is.server,
            "project" => was.project != is.project,
            "namespaces" => read.namespaces != now.namespaces,
            "clusterResources" => read.cluster_resources != now.cluster_resources,
            "shard" => read.shard != now.shard,
            _ => false,
        },
    });
    if changed {
        return Err(HubError::Replaced {
            secret: is.secret_name.clone(),
            how: "changed",
        });
    }
    Ok(())
}

/// Data that holds no credential is shown; all else is masked as `kubectl diff` masks Secrets.
fn data_diff(key: &str, from: Option<&ByteString>, to: &ByteString) -> KeyDiff {
    const SHOWN: [&str; 6] = [
        "name",
        "server",
        "project",
        "namespaces",
        "clusterResources",
        "shard",
    ];
    let text = |value: &ByteString| String::from_utf8_lossy(&value.0).into_owned();
    let shown = SHOWN.contains(&key);
    KeyDiff {
        kind: "data",
        key: key.to_owned(),
        from: from.map(|value| if shown { text(value) } else { "*** (before)".into() }),
        to: Some(if shown { text(to) } else { "*** (after)".into() }),
    }
}

/// `stringData` worked into `data`, as the API server does it.
pub(crate) fn only_data(mut secret: Secret) -> Secret {
    if let Some(strings) = secret.string_data.take() {
        let data = secret.data.get_or_insert_default();
        for (key, value) in strings {
            data.insert(key, ByteString(value.into_bytes()));
        }
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked_in_differences() {
        let secret = |config: &str| {
            only_data(Secret {
                string_data: Some(BTreeMap::from([
                    ("config".to_owned(), config.to_owned()),
                    ("server".to_owned(), "https://a".to_owned()),
                ])),
                ..Default::default()
            })
        };
        let diffs = secret_diffs(Some(&secret("planted")), &secret("planted too"));
        assert_eq!(diffs.len(), 1);
        assert!(!format!("{diffs:?}").contains("planted"));
        assert_eq!(secret_diffs(None, &secret("x")).len(), 2);
    }

    #[test]
    fn the_note_says_who_when_what_and_why() {
        let diffs = ["label", "annotation"].map(|kind| KeyDiff {
            kind,
            key: "enable_x".into(),
            from: None,
            to: None,
        });
        let note: LastChange = serde_json::from_str(&last_change("jo", &diffs, Some("because"))).unwrap();
        assert_eq!(
            (&*note.by, note.keys, note.reason.as_deref()),
            ("jo", vec!["enable_x".to_owned()], Some("because"))
        );
        assert_eq!(note.at.len(), "2026-01-01T00:00:00Z".len(), "{}", note.at);
    }
}
