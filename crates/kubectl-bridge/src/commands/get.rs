//! `get`: the clusters of a hub.

use bridge_core::{keys, secret::ClusterSecret, selector::Map};
use jiff::Timestamp;

use crate::{
    args::{GetArgs, parse_selector},
    context::Context,
    exit::Exit,
    output::{Table, age},
    select::{Found, Which, shown_name},
    view::{ClusterList, ClusterView},
};

/// What `get` shows beside the usual columns.
struct Extra {
    labels: bool,
    keys: Vec<String>,
}

/// Runs `get`.
pub async fn run(ctx: &Context, args: GetArgs) -> anyhow::Result<Exit> {
    let GetArgs {
        names,
        selector,
        show_labels,
        label_columns,
        ignore_not_found,
    } = args;
    let one = names.len() == 1;
    let which = match selector {
        Some(text) => Which::Selected(parse_selector(&text)?),
        None if names.is_empty() => Which::Selected(bridge_core::selector::Selector::default()),
        None => Which::Names(names),
    };
    let hub = ctx.hub().await?;
    let Found { clusters, exit } = which.find(&hub, ignore_not_found).await?;
    let views: Vec<ClusterView> = clusters
        .iter()
        .map(|secret| ClusterView::new(secret, hub.namespace()))
        .collect();
    let lines: Vec<String> = views.iter().map(ClusterView::line).collect();
    let printed = if one {
        match views.first() {
            Some(view) => ctx.out.object(view, lines)?,
            None => ctx.out.is_machine(),
        }
    } else {
        ctx.out.object(&ClusterList::new(views), lines)?
    };
    if printed {
        return Ok(exit);
    }
    if clusters.is_empty() && matches!(which, Which::Selected(_)) {
        ctx.note_no_clusters(&hub)?;
    }
    let extra = Extra {
        labels: show_labels,
        keys: label_columns,
    };
    ctx.out.table(&table(&clusters, ctx.out.is_wide(), &extra))?;
    Ok(exit)
}

fn table(clusters: &[ClusterSecret], wide: bool, extra: &Extra) -> Table {
    let mut headers = vec!["NAME", "ENVIRONMENT", "SERVER", "VERSION", "ADDONS", "AGE"];
    if wide {
        headers.extend(["ACCESS", "REGION", "PROJECT", "SECRET", "STATE"]);
    }
    let mut headers: Vec<String> = headers.into_iter().map(str::to_owned).collect();
    headers.extend(extra.keys.iter().map(|key| column_of(key)));
    if extra.labels {
        headers.push("LABELS".into());
    }
    let mut table = Table::new(headers);
    let now = Timestamp::now();
    for secret in clusters {
        table.row(row(secret, wide, extra, now));
    }
    table
}

fn row(secret: &ClusterSecret, wide: bool, extra: &Extra, now: Timestamp) -> Vec<String> {
    let cluster = &secret.cluster;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let mut cells = vec![
        shown_name(secret).to_owned(),
        text(cluster.environment()),
        cluster.server.clone(),
        text(cluster.kubernetes_version()),
        cluster.enabled_addons().to_string(),
        age(secret.created, now),
    ];
    if wide {
        cells.extend([
            secret.connection().word().to_owned(),
            text(cluster.either(keys::AWS_REGION)),
            cluster.project.clone(),
            cluster.secret_name.clone(),
            if cluster.is_draining() {
                "draining"
            } else {
                "registered"
            }
            .to_owned(),
        ]);
    }
    cells.extend(extra.keys.iter().map(|key| text(cluster.either(key))));
    if extra.labels {
        cells.push(list(&cluster.labels));
    }
    cells
}

/// kubectl heads the column of a label with the last part of its key.
fn column_of(key: &str) -> String {
    key.rsplit('/').next().unwrap_or(key).to_uppercase()
}

fn list(labels: &Map) -> String {
    labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}
