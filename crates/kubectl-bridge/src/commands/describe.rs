//! `describe`: all that is known of a cluster, for reading.

use bridge_core::{applicationset::Membership, keys, secret::ClusterSecret, selector::Map};
use jiff::Timestamp;

use crate::{
    args::{DescribeArgs, parse_selector},
    context::Context,
    exit::Exit,
    output::{age, cell},
    select::{Found, Which},
    surroundings::Surroundings,
    view::{Access, ClusterList, ClusterView},
};

/// Runs `describe`.
pub async fn run(ctx: &Context, args: DescribeArgs) -> anyhow::Result<Exit> {
    let DescribeArgs { names, selector } = args;
    let one = names.len() == 1;
    let which = match selector {
        Some(text) => Which::Selected(parse_selector(&text)?),
        None => Which::Names(names),
    };
    let hub = ctx.hub().await?;
    let Found { clusters, exit } = which.find(&hub, false).await?;
    let views: Vec<ClusterView> = clusters
        .iter()
        .map(|secret| ClusterView::new(secret, hub.namespace()))
        .collect();
    let lines: Vec<String> = views.iter().map(ClusterView::line).collect();
    if ctx.out.is_machine() {
        match views.first() {
            Some(view) if one => ctx.out.object(view, lines)?,
            None if one => true,
            _ => ctx.out.object(&ClusterList::new(views), lines)?,
        };
        return Ok(exit);
    }
    if clusters.is_empty() {
        if matches!(which, Which::Selected(_)) {
            ctx.note_no_clusters(&hub)?;
        }
        return Ok(exit);
    }
    let surroundings = Surroundings::look(&hub).await?;
    let texts: Vec<String> = clusters
        .iter()
        .zip(&views)
        .map(|(secret, view)| {
            let mut page = Page::default();
            identity(&mut page, view, secret);
            keys_of(&mut page, view);
            around(&mut page, secret, &surroundings);
            page.0
        })
        .collect();
    // kubectl describe puts two empty lines between objects.
    ctx.out.text(&texts.join("\n\n"))?;
    for warning in surroundings.blind_spots() {
        ctx.out.warn(warning)?;
    }
    Ok(exit)
}

/// Text in two columns.
#[derive(Default)]
struct Page(String);

impl Page {
    /// A name and its values, one a line; `<none>` without any.
    fn field(&mut self, name: &str, values: impl IntoIterator<Item = impl AsRef<str>>) {
        let mut head = format!("{name}:");
        let mut any = false;
        for value in values {
            any = true;
            self.push(&head, &cell(value.as_ref()));
            head.clear();
        }
        if !any {
            self.push(&head, "<none>");
        }
    }

    fn push(&mut self, head: &str, value: &str) {
        let line = format!("{head:17}{value}");
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn optional(&mut self, name: &str, value: Option<&str>) {
        self.field(name, value.filter(|value| !value.is_empty()));
    }
}

fn identity(page: &mut Page, view: &ClusterView, secret: &ClusterSecret) {
    let now = Timestamp::now();
    page.field("Name", [&view.metadata.name]);
    page.optional("Environment", view.environment.as_deref());
    page.optional("Server", Some(&view.server));
    page.field("Access", [access(&view.access)]);
    page.optional("Version", view.kubernetes_version.as_deref());
    page.optional("Region", secret.cluster.either(keys::AWS_REGION));
    page.optional("Project", Some(&view.project));
    page.field(
        "Namespaces",
        [match (view.namespaces.is_empty(), view.cluster_resources) {
            (true, _) => "all".to_owned(),
            (false, true) => format!("{}, and cluster-scoped objects", view.namespaces.join(", ")),
            (false, false) => view.namespaces.join(", "),
        }],
    );
    page.optional("Shard", view.shard.as_deref());
    page.field(
        "Secret",
        [format!("{}/{}", view.metadata.namespace, view.secret_name)],
    );
    page.field("Age", [age(secret.created, now)]);
    page.field(
        "State",
        [if view.draining {
            "draining: the generator leaves it out of every answer"
        } else {
            "registered"
        }],
    );
    page.field(
        "Last change",
        view.last_change.as_ref().map(|change| {
            let why = change
                .reason
                .as_deref()
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default();
            let keys = change.keys.join(", ");
            format!("{} by {}: {keys}{why}", ago(&change.at, now), change.by)
        }),
    );
    page.field(
        "Managers",
        secret.managers.iter().map(|entry| {
            let manager = entry.manager.as_deref().unwrap_or("<unknown>");
            let operation = entry.operation.as_deref().unwrap_or("<unknown>");
            match &entry.time {
                Some(time) => format!("{manager} ({operation}), {} ago", age(Some(time.0), now)),
                None => format!("{manager} ({operation})"),
            }
        }),
    );
}

fn keys_of(page: &mut Page, view: &ClusterView) {
    page.field("Addons on", &view.addons.enabled);
    page.field("Addons off", &view.addons.disabled);
    page.field("Labels", pairs(&view.metadata.labels));
    page.field("Annotations", pairs(&view.metadata.annotations));
}

/// ApplicationSets that select the cluster, and Applications that go there.
fn around(page: &mut Page, secret: &ClusterSecret, surroundings: &Surroundings) {
    let sets = surroundings
        .sets()
        .iter()
        .filter_map(|set| match set.selects(&secret.cluster) {
            Membership::Yes => Some(format!("{}/{}", set.namespace, set.name)),
            Membership::No => None,
            Membership::Unknown(reason) => Some(format!("{}/{}: unknown, {reason}", set.namespace, set.name)),
        });
    page.field("ApplicationSets", sets);
    let applications = surroundings
        .applications()
        .iter()
        .filter(|application| application.targets(&secret.cluster))
        .map(crate::surroundings::application_line);
    page.field("Applications", applications);
}

fn access(access: &Access) -> String {
    let mut text = access.kind.to_owned();
    for (what, value) in [
        ("EKS cluster", &access.aws_cluster_name),
        ("role", &access.role_arn),
        ("user", &access.username),
        ("command", &access.command),
        ("problem", &access.problem),
    ] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            text.push_str(", ");
            text.push_str(what);
            text.push(' ');
            text.push_str(value);
        }
    }
    text
}

fn ago(at: &str, now: Timestamp) -> String {
    match at.parse::<Timestamp>() {
        Ok(at) => format!("{} ago", age(Some(at), now)),
        Err(_) => at.to_owned(),
    }
}

fn pairs(map: &Map) -> impl Iterator<Item = String> + '_ {
    map.iter().map(|(key, value)| format!("{key}={value}"))
}
