//! Plan: what a command changed, or under a dry run would change.

use bridge_core::{change::KeyDiff, effect::Effect, secret::ClusterSecret};
use bridge_kube::{DryRun, Hub, Verb, Written};
use serde::Serialize;

use super::API_VERSION;
use crate::select::shown_name;

/// What a command changed, or would change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan<'a, T = ClusterChange> {
    api_version: &'static str,
    kind: &'static str,
    hub: String,
    /// `none`, `client`, `server`.
    dry_run: &'static str,
    items: &'a [T],
}

/// One cluster of a plan.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterChange {
    /// Name of the cluster.
    cluster: String,
    secret_name: String,
    /// `created`, `configured`, `unchanged`, `deleted`, `failed`.
    result: String,
    /// Keys that differ.
    keys: Vec<KeyDiff>,
    /// What comes of it; missing where nothing differs or it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<Effect>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// As it was.
    #[serde(skip)]
    pub secret: ClusterSecret,
    /// As it is now, if it was written.
    #[serde(skip)]
    pub after: Option<ClusterSecret>,
}

impl<'a, T> Plan<'a, T> {
    /// A plan of these.
    pub fn new(hub: &Hub, dry_run: DryRun, items: &'a [T]) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Plan",
            hub: hub.to_string(),
            dry_run: match dry_run {
                DryRun::None => "none",
                DryRun::Client => "client",
                DryRun::Server => "server",
            },
            items,
        }
    }
}

impl ClusterChange {
    /// A change that was written, or went through a dry run.
    pub fn written(planned: ClusterSecret, written: Written, effect: Option<Effect>) -> Self {
        let Written {
            before,
            after,
            diffs,
            warnings,
            verb,
        } = written;
        // Somebody else may have been faster between the look and the write: what counts is what the write found.
        let secret = before.unwrap_or(planned);
        Self {
            cluster: shown_name(&secret).to_owned(),
            secret_name: secret.cluster.secret_name.clone(),
            result: verb.to_string(),
            keys: diffs,
            effect: effect.filter(|_| verb != Verb::Unchanged),
            warnings,
            error: None,
            secret,
            after,
        }
    }

    /// What came of it, in a word: `created`, `configured`, `unchanged`, `deleted`, `failed`.
    pub fn result(&self) -> &str {
        &self.result
    }

    /// What comes of it, where something was written and that is known.
    pub fn effect(&self) -> Option<&Effect> {
        self.effect.as_ref()
    }

    /// What the hub warned of.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Something else that was done about a cluster, in a word.
    pub fn done(secret: ClusterSecret, result: &str) -> Self {
        Self {
            result: result.to_owned(),
            error: None,
            ..Self::failed(secret, String::new())
        }
    }

    /// Whether it failed.
    pub fn is_failure(&self) -> bool {
        self.error.is_some()
    }

    /// A change that failed.
    pub fn failed(secret: ClusterSecret, error: String) -> Self {
        Self {
            cluster: shown_name(&secret).to_owned(),
            secret_name: secret.cluster.secret_name.clone(),
            result: "failed".into(),
            keys: Vec::new(),
            effect: None,
            warnings: Vec::new(),
            error: Some(error),
            secret,
            after: None,
        }
    }
}
