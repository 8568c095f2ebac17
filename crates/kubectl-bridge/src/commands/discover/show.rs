//! What was found, for people.

use bridge_core::{
    defaults::{Defaults, Values},
    drift::{Discovered, State},
};

use super::{count, scan::Scanned};
use crate::{context::Context, output::Table};

/// One row a cluster. One that is missing stands under the name that it would get.
pub fn table(found: &[Discovered], defaults: &Defaults) -> Table {
    let mut table = Table::new([
        "NAME", "STATE", "CLUSTER", "ACCOUNT", "REGION", "VERSION", "DETAIL",
    ]);
    for one in found {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        table.row([
            match &one.cluster {
                Some(name) => name.clone(),
                None => format!("({})", suggested(one, defaults)),
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

/// The short name by the team's pattern, else that in EKS.
fn suggested(one: &Discovered, defaults: &Defaults) -> String {
    let values = Values {
        account: one.account.clone(),
        region: one.region.clone(),
        ..Values::default()
    };
    defaults
        .aws_cluster_name
        .as_ref()
        .and_then(|pattern| pattern.name_of(&one.aws_cluster_name, &values))
        .unwrap_or_else(|| one.aws_cluster_name.clone())
}

/// A line that sums it up.
pub fn summary(ctx: &Context, found: &[Discovered], scanned: &Scanned) -> std::io::Result<()> {
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
        .map(|state| (state, count(found, state)))
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {}", state.word()))
        .collect();
    let counted = if counted.is_empty() {
        "no clusters".to_owned()
    } else {
        counted.join(", ")
    };
    let off = match scanned.off {
        0 => String::new(),
        off => format!(" ({off} not switched on)"),
    };
    ctx.out
        .note(format_args!("{} account-regions{off}: {counted}", scanned.places))?;
    if !scanned.troubles.is_empty() {
        ctx.out
            .note("Not everything could be looked at: see the warnings above.")?;
    }
    Ok(())
}
