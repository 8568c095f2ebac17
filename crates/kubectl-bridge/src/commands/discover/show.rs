//! What was found, for people.

use bridge_core::drift::{Discovered, State};

use super::{Looked, count};
use crate::{context::Context, output::Table};

/// How many places are named in a line.
const NAMED: usize = 5;

/// One row a cluster. One that is missing stands under the name that it would get.
pub fn table(found: &[Discovered], name: impl Fn(&Discovered) -> String) -> Table {
    let mut table = Table::new([
        "NAME", "STATE", "CLUSTER", "ACCOUNT", "REGION", "VERSION", "DETAIL",
    ]);
    for one in found {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        table.row([
            match &one.cluster {
                Some(name) => name.clone(),
                None => format!("({})", name(one)),
            },
            one.state.word().to_owned(),
            one.aws_cluster_name.clone(),
            text(&one.account),
            text(&one.region),
            text(&one.version),
            one.details.join("; "),
        ]);
    }
    table
}

/// Lines that sum it up.
pub fn summary(ctx: &Context, looked: &Looked) -> std::io::Result<()> {
    let states = [
        State::Registered,
        State::Missing,
        State::Changed,
        State::Gone,
        State::Elsewhere,
        State::Unknown,
    ];
    let counted: Vec<String> = states
        .into_iter()
        .map(|state| (state, count(&looked.found, state)))
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {}", state.word()))
        .collect();
    let counted = if counted.is_empty() {
        "no clusters".to_owned()
    } else {
        counted.join(", ")
    };
    let scanned = &looked.scanned;
    let off = match scanned.off {
        0 => String::new(),
        off => format!(" ({off} not switched on)"),
    };
    let places = match scanned.places.len() {
        1 => "1 account-region".to_owned(),
        places => format!("{places} account-regions"),
    };
    ctx.out.note(format_args!("{places}{off}: {counted}"))?;
    if !scanned.denied.is_empty() {
        let named: Vec<String> = scanned
            .denied
            .iter()
            .take(NAMED)
            .map(|at| format!("{} of {}", at.region, at.account))
            .collect();
        let more = match scanned.denied.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        ctx.out.note(format_args!(
            "not looked at, because eks:ListClusters is not allowed there: {}{more}",
            named.join(", ")
        ))?;
    }
    for (why, clusters) in &looked.unlooked {
        let clusters = match clusters {
            1 => "1 missing cluster".to_owned(),
            clusters => format!("{clusters} missing clusters"),
        };
        ctx.out.note(format_args!(
            "whether another hub has {clusters} already was not looked at: {why}"
        ))?;
    }
    if !scanned.troubles.is_empty() || !scanned.undescribed().is_empty() {
        ctx.out
            .note("Not everything could be looked at: see the warnings above.")?;
    }
    Ok(())
}
