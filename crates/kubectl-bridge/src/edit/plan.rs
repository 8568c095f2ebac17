//! What a change comes to on one cluster, before anything is written.

use anyhow::bail;
use bridge_core::{
    change::{KeyChanges, KeyDiff},
    effect::Effect,
    secret::ClusterSecret,
};

use super::{Changes, Kind, Rules};
use crate::{output::cell, select::shown_name, surroundings::Surroundings};

/// Bytes of all keys and values (apimachinery `TotalAnnotationSizeLimitB`): a folder has nobody to refuse more.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// One cluster's part of a change.
pub struct Item {
    /// The cluster as it is.
    pub secret: ClusterSecret,
    /// What would differ.
    pub diffs: Vec<KeyDiff>,
    /// Keys to remove that are not there.
    pub not_there: Vec<String>,
    /// What comes of it, as far as it can be told.
    pub effect: Option<Effect>,
}

/// Plans the change of one cluster; refuses to overwrite what may not be overwritten.
pub fn item(
    secret: ClusterSecret,
    changes: &KeyChanges,
    rules: &Rules,
    surroundings: &Surroundings,
) -> anyhow::Result<Item> {
    let cluster = &secret.cluster;
    let diffs = changes.diff(cluster);
    if !rules.overwrite {
        let taken: Vec<String> = diffs
            .iter()
            .filter(|diff| diff.to.is_some())
            .filter_map(|diff| {
                let from = diff.from.as_deref()?;
                Some(format!(
                    "{} \"{}\" is already \"{}\"",
                    diff.kind,
                    diff.key,
                    cell(from)
                ))
            })
            .collect();
        if !taken.is_empty() {
            bail!(
                "{}: {}; add --overwrite to change it",
                crate::view::line(shown_name(&secret)),
                taken.join(", ")
            );
        }
    }
    let after = changes.applied_to(cluster);
    let size: usize = after
        .annotations
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if size > MAX_ANNOTATIONS && !changes.annotations.is_empty() {
        bail!(
            "{}: its annotations would hold {} KiB, and no API server takes more than {}: leave out what no template reads",
            crate::view::line(shown_name(&secret)),
            size.div_ceil(1024),
            MAX_ANNOTATIONS / 1024
        );
    }
    let missing = |wanted: &Changes, now: &bridge_core::selector::Map| -> Vec<String> {
        wanted
            .iter()
            .filter(|(key, value)| value.is_none() && !now.contains_key(*key))
            .map(|(key, _)| key.clone())
            .collect()
    };
    // Of what was named; a twin on the other side may well be missing.
    let not_there = match rules.kind {
        Kind::Label | Kind::Addons => missing(&changes.labels, &cluster.labels),
        Kind::Annotation => missing(&changes.annotations, &cluster.annotations),
    };
    let effect = (!diffs.is_empty())
        .then(|| surroundings.effect(Some(cluster), Some(&after)))
        .flatten();
    Ok(Item {
        secret,
        diffs,
        not_there,
        effect,
    })
}

/// A line of a plan: its sign, and `enable_x: "false" -> "true"`.
pub fn diff_line(diff: &KeyDiff) -> (char, String) {
    let KeyDiff { kind, key, from, to } = diff;
    match (from.as_deref().map(cell), to.as_deref().map(cell)) {
        (None, Some(to)) => ('+', format!("{kind} {key}: {to:?}")),
        (Some(from), None) => ('-', format!("{kind} {key}: {from:?}")),
        (Some(from), Some(to)) => ('~', format!("{kind} {key}: {from:?} -> {to:?}")),
        (None, None) => (' ', format!("{kind} {key}")),
    }
}
