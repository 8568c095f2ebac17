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
            .filter(|finding| !is_about(finding, &wanted))
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

fn is_about(finding: &Finding, clusters: &[ClusterSecret]) -> bool {
    finding
        .cluster
        .as_ref()
        .is_some_and(|name| clusters.iter().any(|secret| shown_name(secret) == name))
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
    stream::iter(wanted)
        .map(|secret| {
            let (sessions, role, vpc) = (&sessions, &role, vpc.clone());
            // On the heap: it holds what the AWS SDK needs.
            Box::pin(async move {
                let title = shown_name(&secret).to_owned();
                let mut findings: Vec<Finding> = on_hub
                    .iter()
                    .filter(|finding| is_about(finding, std::slice::from_ref(&secret)))
                    .cloned()
                    .collect();
                findings.extend(cluster::findings(&secret, sessions, role, vpc).await);
                Section { title, findings }
            })
        })
        .buffered(CONCURRENCY)
        .collect()
        .await
}
