//! `annotate`: kubectl annotate's twin for clusters, and metadata from a file.

use std::{io::Read, path::Path};

use anyhow::{Context as _, bail};
use bridge_core::{change::KeyChanges, keys, metadata_file};

use crate::{
    args::AnnotateArgs,
    context::Context,
    edit::{self, Kind, Rules, Words},
    exit::Exit,
    usage::usage,
};

/// All annotations of an object may hold 256 KiB; the outputs around them may be longer.
const MAX_METADATA: u64 = 32 << 20;

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
    let (what, text) = if file == Path::new("-") {
        let what = "metadata from stdin".to_owned();
        (what, limited(std::io::stdin()))
    } else {
        let what = format!("metadata file {}", file.display());
        (
            what,
            std::fs::File::open(file)
                .map_err(anyhow::Error::from)
                .and_then(limited),
        )
    };
    let text = text.with_context(|| format!("reading {what}"))?;
    metadata_file::parse(&text, key).with_context(|| format!("{what} cannot be used"))
}

/// The text of a file that cannot fill the memory.
fn limited(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = from.take(MAX_METADATA + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_METADATA {
        bail!(
            "it is longer than {} MiB, which no output of Terraform is",
            MAX_METADATA >> 20
        );
    }
    Ok(text)
}
