//! The addons of one cluster as a list, of several as a matrix.

use std::collections::BTreeMap;

use bridge_core::{catalog::Catalog, cluster::Cluster, secret::ClusterSecret};

use crate::{
    context::Context,
    exit::Exit,
    output::Table,
    select::{Found, Which, shown_name},
    view::{ClusterList, ClusterView},
};

/// As many clusters still make columns; more of them make rows, so that the table stays readable.
const MAX_COLUMNS: usize = 8;

/// Prints what is on where.
pub async fn run(ctx: &Context, which: &Which, one: bool) -> anyhow::Result<Exit> {
    let hub = ctx.hub().await?;
    let Found { clusters, exit } = which.find(&hub, false).await?;
    let views: Vec<ClusterView> = clusters
        .iter()
        .map(|secret| ClusterView::new(secret, hub.namespace()))
        .collect();
    let lines: Vec<String> = views.iter().map(ClusterView::line).collect();
    let printed = match views.first() {
        Some(view) if one => ctx.out.object(view, lines)?,
        None if one => ctx.out.is_machine(),
        _ => ctx.out.object(&ClusterList::new(views), lines)?,
    };
    if printed {
        return Ok(exit);
    }
    match clusters.as_slice() {
        [] => {
            if matches!(which, Which::Selected(_)) {
                ctx.note_no_clusters(&hub)?;
            }
        }
        [secret] if one => ctx.out.table(&list(&secret.cluster, ctx.out.is_wide()))?,
        _ => {
            let table = matrix(&clusters);
            if table.is_empty() {
                ctx.out
                    .note("No addon is switched on or off on these clusters.")?;
            }
            ctx.out.table(&table)?;
        }
    }
    Ok(exit)
}

/// All of the catalog, and what the cluster has beside it.
fn list(cluster: &Cluster, wide: bool) -> Table {
    let mut headers = vec!["ADDON", "STATE"];
    if wide {
        headers.extend(["LABEL", "CATEGORY", "ALIASES"]);
    }
    let mut table = Table::new(headers);
    let catalog = Catalog::builtin();
    let mut rows: BTreeMap<String, String> = Catalog::toggles_of([cluster]);
    for addon in catalog.addons() {
        rows.entry(addon.name.to_owned()).or_insert_with(|| addon.label());
    }
    for (name, label) in rows {
        let mut row = vec![name.clone(), state(cluster, &label).to_owned()];
        if wide {
            let known = catalog.addons().iter().find(|addon| addon.name == name);
            row.push(label);
            row.push(
                known
                    .map_or("(not in the catalog)", |addon| addon.category)
                    .to_owned(),
            );
            row.push(known.map(|addon| addon.aliases.join(",")).unwrap_or_default());
        }
        table.row(row);
    }
    table
}

/// Every toggle that some cluster has, against every cluster.
fn matrix(clusters: &[ClusterSecret]) -> Table {
    let toggles = Catalog::toggles_of(clusters.iter().map(|secret| &secret.cluster));
    if clusters.len() > MAX_COLUMNS {
        let mut table = Table::new(["CLUSTER"].into_iter().chain(toggles.keys().map(String::as_str)));
        if toggles.is_empty() {
            return table;
        }
        for secret in clusters {
            let states = toggles.values().map(|label| state(&secret.cluster, label));
            table.row([shown_name(secret)].into_iter().chain(states));
        }
        return table;
    }
    let mut table = Table::new(
        ["ADDON".to_owned()]
            .into_iter()
            .chain(clusters.iter().map(|secret| shown_name(secret).to_uppercase())),
    );
    for (name, label) in &toggles {
        let states = clusters.iter().map(|secret| state(&secret.cluster, label));
        table.row([name.as_str()].into_iter().chain(states));
    }
    table
}

/// `on`; `off` where a label says so; `-` where none says anything, which is off too.
fn state(cluster: &Cluster, label: &str) -> &'static str {
    match cluster.labels.get(label).map(String::as_str) {
        Some("true") => "on",
        Some(_) => "off",
        None => "-",
    }
}
