//! `check`: what is wrong with a hub and its clusters, by cause. Writes nothing.

mod cluster;
mod hub;
mod hub_role;
mod show;

use bridge_core::{
    check::{self, Look},
    defaults::Defaults,
    finding::{Finding, Severity},
    secret::ClusterSecret,
};
use futures::{StreamExt as _, stream};

use crate::{
    args::{CheckArgs, CheckOptions},
    aws::{CONCURRENCY, Sessions},
    context::Context,
    exit::Exit,
    select::{Found, shown_name},
    view::{FindingList, line},
};

use hub_role::HubRoleLook;

/// Findings under one heading.
struct Section {
    title: String,
    findings: Vec<Finding>,
}

/// Runs `check`.
pub async fn run(ctx: &Context, args: CheckArgs) -> anyhow::Result<Exit> {
    let options = args.resolve()?;
    let hub = ctx.hub().await?;
    ctx.out.note(format_args!("hub: {hub}"))?;
    let mut exit = Exit::Success;
    let mut wanted = Vec::new();
    if let Some(which) = &options.which {
        let found: Found = which.find(&hub, false).await?;
        (wanted, exit) = (found.clusters, found.exit);
    }
    let clusters = hub.clusters().await?;
    if clusters.is_empty() {
        ctx.note_no_clusters(&hub)?;
    }
    let look = hub::look(&hub, &clusters).await?;
    let on_hub = check::hub(&look);
    let defaults = look.defaults.seen().cloned().unwrap_or_default();
    let mut sections = Vec::new();
    if options.hub {
        // A finding about a cluster that has a section of its own stands there.
        let findings = on_hub
            .iter()
            .filter(|finding| home(finding, &wanted, hub.namespace()).is_none())
            .cloned()
            .collect();
        sections.push(Section {
            title: "hub".to_owned(),
            findings,
        });
    }
    sections.extend(each(ctx, &hub, &options, &defaults, &clusters, wanted, &on_hub).await);
    if sections
        .iter()
        .flat_map(|section| &section.findings)
        .any(is_failure)
    {
        exit = Exit::Failure;
    }
    let all = || sections.iter().flat_map(|section| &section.findings);
    let names = all()
        .filter(|finding| finding.severity != Severity::Ok)
        .map(|finding| match &finding.cluster {
            Some(name) => format!("{} {}", finding.check.code, line(name)),
            None => format!("{} hub", finding.check.code),
        });
    if !ctx.out.object(&FindingList::new(hub.to_string(), all()), names)? {
        show::sections(ctx, &sections)?;
    }
    Ok(exit)
}

fn is_failure(finding: &Finding) -> bool {
    finding.severity == Severity::Failure
}

/// The cluster whose section a finding of the hub's belongs to: by its Secret, for a name may be shared, else by its name.
fn home(finding: &Finding, clusters: &[ClusterSecret], namespace: &str) -> Option<usize> {
    let by_secret = clusters
        .iter()
        .position(|secret| finding.object == format!("Secret {namespace}/{}", secret.cluster.secret_name));
    by_secret.or_else(|| {
        let name = finding.cluster.as_ref()?;
        clusters.iter().position(|secret| shown_name(secret) == name)
    })
}

/// One section a cluster: what the hub tells of it, then what AWS does.
async fn each(
    ctx: &Context,
    hub: &bridge_kube::Hub,
    options: &CheckOptions,
    defaults: &Defaults,
    clusters: &[ClusterSecret],
    wanted: Vec<ClusterSecret>,
    on_hub: &[Finding],
) -> Vec<Section> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let assume_role = options
        .assume_role
        .clone()
        .or_else(|| defaults.assume_role.clone());
    let sessions = Sessions::new(options.aws.clone(), assume_role);
    // Without an EKS cluster among them nobody needs it.
    let role = if wanted
        .iter()
        .any(|secret| check::principal(secret, &Look::Absent).is_some())
    {
        hub_role::find(ctx, hub, options, defaults, clusters).await
    } else {
        HubRoleLook::absent()
    };
    let vpc = clusters
        .iter()
        .find(|secret| secret.cluster.is_in_cluster())
        .and_then(|secret| secret.cluster.either(bridge_core::keys::AWS_VPC_ID))
        .map(str::to_owned);
    let mut sections: Vec<Section> = wanted
        .iter()
        .map(|secret| Section {
            title: title(secret, &wanted),
            findings: Vec::new(),
        })
        .collect();
    for finding in on_hub {
        if let Some(at) = home(finding, &wanted, hub.namespace()) {
            sections[at].findings.push(finding.clone());
        }
    }
    stream::iter(wanted.into_iter().zip(sections))
        .map(|(secret, mut section)| {
            let (sessions, role, vpc) = (&sessions, &role, vpc.clone());
            // On the heap: it holds what the AWS SDK needs.
            Box::pin(async move {
                let from_aws = cluster::findings(&secret, sessions, role, vpc).await;
                section.findings.extend(from_aws);
                section
            })
        })
        .buffered(CONCURRENCY)
        .collect()
        .await
}

/// Its name; with that of its Secret where another one has the name too.
fn title(secret: &ClusterSecret, clusters: &[ClusterSecret]) -> String {
    let name = shown_name(secret);
    let same = clusters.iter().filter(|other| shown_name(other) == name).count();
    if same > 1 {
        format!("{name} (Secret {})", secret.cluster.secret_name)
    } else {
        name.to_owned()
    }
}
