//! `label`: kubectl label's twin for clusters.

use bridge_core::{change::KeyChanges, keys};

use crate::{
    args::LabelArgs,
    context::Context,
    edit::{self, Kind, Rules, Words},
    exit::Exit,
    usage::usage,
};

/// Runs `label`.
pub async fn run(ctx: &Context, args: LabelArgs) -> anyhow::Result<Exit> {
    let LabelArgs {
        words,
        select,
        overwrite,
        list,
        max_clusters,
        confirm,
        write,
    } = args;
    let Words { names, changes } = Words::split(words)?;
    for key in changes.keys() {
        if keys::is_own(key) && key != keys::DRAIN {
            return usage(format!("label {key} is kept by {} itself", crate::BIN_NAME));
        }
    }
    let which = select.resolve(names)?;
    if list {
        if !changes.is_empty() {
            return usage("--list shows labels and changes none: leave KEY=VALUE and KEY- out");
        }
        return edit::list(ctx, &which, Kind::Label).await;
    }
    if changes.is_empty() {
        return usage("at least one label change is needed: KEY=VALUE to set, KEY- to remove (--list shows)");
    }
    let rules = Rules {
        kind: Kind::Label,
        overwrite,
        max_clusters,
        yes: confirm.yes,
        write: write.resolve()?,
        wait: None,
    };
    let changes = KeyChanges {
        annotations: edit::twins(&changes),
        labels: changes,
    };
    edit::run(ctx, &which, &changes, rules).await
}
