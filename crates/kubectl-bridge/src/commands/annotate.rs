//! `annotate`: kubectl annotate's twin for clusters, and metadata from a file.

use std::path::Path;

use anyhow::Context as _;
use bridge_core::{change::KeyChanges, keys, metadata_file};

use crate::{
    args::AnnotateArgs,
    context::Context,
    edit::{self, Kind, Rules, Words},
    exit::Exit,
    usage::usage,
};

/// Runs `annotate`.
pub async fn run(ctx: &Context, args: AnnotateArgs) -> anyhow::Result<Exit> {
    let AnnotateArgs {
        words,
        select,
        metadata_file,
        metadata_key,
        overwrite,
        list,
        max_clusters,
        confirm,
        write,
    } = args;
    let Words { names, mut changes } = Words::split(words)?;
    let which = select.resolve(names)?;
    if list {
        if !changes.is_empty() || metadata_file.is_some() {
            return usage("--list shows annotations and changes none: leave the changes out");
        }
        return edit::list(ctx, &which, Kind::Annotation).await;
    }
    if let Some(file) = metadata_file {
        for (key, value) in read_metadata(&file, metadata_key.as_deref())? {
            // What is said on the command line wins.
            changes.entry(key).or_insert(Some(value));
        }
    }
    if changes.is_empty() {
        return usage(
            "at least one annotation change is needed: KEY=VALUE to set, KEY- to remove, --metadata-file (--list shows)",
        );
    }
    for key in changes.keys() {
        if keys::is_own(key) {
            return usage(format!("annotation {key} is kept by {} itself", crate::BIN_NAME));
        }
        if key == keys::LAST_APPLIED {
            return usage(format!("annotation {key} is kept by kubectl apply"));
        }
    }
    let rules = Rules {
        kind: Kind::Annotation,
        overwrite,
        max_clusters,
        yes: confirm.yes,
        write: write.resolve()?,
        wait: None,
    };
    let changes = KeyChanges {
        labels: edit::twins(&changes),
        annotations: changes,
    };
    edit::run(ctx, &which, &changes, rules).await
}

/// Reads `--metadata-file`; `-` is stdin.
pub(super) fn read_metadata(file: &Path, key: Option<&str>) -> anyhow::Result<bridge_core::selector::Map> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("reading metadata from stdin")?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("reading metadata file {}", file.display()))?
    };
    metadata_file::parse(&text, key)
        .with_context(|| format!("metadata file {} cannot be used", file.display()))
}
