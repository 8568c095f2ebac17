//! The hub in AWS: what EKS says of it, as whom its Argo CD works, and pod identity for who asks for it.

use anyhow::{Context as _, bail};
use bridge_aws::{AwsOptions, Eks, Session};
use bridge_core::{
    access::{HUB_TAG, HubIdentity, IdentityKind, SERVICE_ACCOUNTS, Tags},
    cluster::same_server,
    defaults::Defaults,
    drift::Target,
    facts::{EksArn, EksFacts},
    secret::ClusterSecret,
};
use bridge_kube::{DryRun, Hub};

use crate::{
    args::{HubAws, InitOptions},
    context::Context,
    grant,
    output::cell,
};

/// What was found.
#[derive(Default)]
pub struct Found {
    /// What EKS says of the hub.
    pub facts: Option<EksFacts>,
    /// As whom Argo CD works.
    pub identity: Option<HubIdentity>,
    /// What is done in AWS, in words.
    pub steps: Vec<String>,
    eks: Option<Eks>,
    namespace: String,
    /// Service accounts that get a role.
    without: Vec<&'static str>,
}

/// Looks; where nothing says which EKS cluster the hub is, there is nothing to look at.
pub async fn look(
    ctx: &Context,
    hub: &Hub,
    options: &InitOptions,
    stored: &Defaults,
    clusters: &[ClusterSecret],
) -> anyhow::Result<Found> {
    let mut found = Found {
        namespace: hub.namespace().to_owned(),
        ..Found::default()
    };
    if is_known(options, stored, clusters) {
        return Ok(found);
    }
    let Some((name, region)) = place(hub, options, stored, clusters)? else {
        if options.pod_identity_role.is_some() {
            bail!(
                "--pod-identity-role needs to know which EKS cluster the hub is: --hub-aws-cluster-name NAME"
            );
        }
        ctx.out.note(
            "nothing says which EKS cluster the hub is (--hub-aws-cluster-name): its role is not kept",
        )?;
        return Ok(found);
    };
    let session = Session::open(&AwsOptions {
        region,
        profile: options.hub_aws.profile.clone(),
        ..AwsOptions::default()
    })
    .await?;
    let eks = session.eks();
    let facts = eks
        .describe_cluster(&name)
        .await
        .with_context(|| format!("cannot look up the hub \"{name}\" in EKS"))?;
    check_address(hub, options, stored, &facts)?;
    ctx.out
        .note(format_args!("hub in AWS: {} is {}", facts.arn, facts.status))?;
    if let Some(role) = &options.pod_identity_role {
        found.without = without_role(&eks, &facts.arn, &found.namespace, role).await?;
        for account in &found.without {
            found.steps.push(format!(
                "eks:CreatePodIdentityAssociation, iam:PassRole (account {}): ServiceAccount {}/{account} on {} gets {role}",
                facts.arn.account, found.namespace, facts.arn.name
            ));
        }
    }
    found.identity = match &options.pod_identity_role {
        Some(role) => Some(HubIdentity {
            arn: facts.arn.to_string(),
            role: role.clone(),
            kind: IdentityKind::PodIdentity,
        }),
        None => identity(ctx, hub, options, stored, clusters, &facts.arn).await?,
    };
    found.eks = Some(eks);
    found.facts = Some(facts);
    Ok(found)
}

/// Whether AWS need not be asked: nothing was said of the hub there, and what an earlier run found out is kept.
fn is_known(options: &InitOptions, stored: &Defaults, clusters: &[ClusterSecret]) -> bool {
    let said = &options.hub_aws;
    let asks = options.pod_identity_role.is_some()
        || said.cluster.is_some()
        || said.region.is_some()
        || said.profile.is_some();
    let has_secret = clusters
        .iter()
        .any(|secret| super::secret::is_hub(secret, stored.hub_cluster_arn.as_ref()));
    !asks && stored.hub_cluster_arn.is_some() && (has_secret || !options.hub_secret)
}

/// Name in EKS and region: said, kept, as registered with itself, else as the kubeconfig names it.
fn place(
    hub: &Hub,
    options: &InitOptions,
    stored: &Defaults,
    clusters: &[ClusterSecret],
) -> anyhow::Result<Option<(String, Option<String>)>> {
    let said = &options.hub_aws;
    let of = |arn: EksArn| (arn.name, Some(arn.region));
    let region = || {
        let of_spokes = || options.changes.get("region").cloned().flatten();
        said.region.clone().or_else(of_spokes)
    };
    if let Some(word) = &said.cluster {
        if word.starts_with("arn:") {
            return Ok(Some(of(EksArn::parse(word)?)));
        }
        return Ok(Some((word.clone(), region())));
    }
    if let Some(arn) = &stored.hub_cluster_arn {
        return Ok(Some(of(arn.clone())));
    }
    let own = clusters
        .iter()
        .find(|secret| secret.cluster.is_in_cluster())
        .and_then(Target::of);
    if let Some(target) = own {
        return Ok(Some((target.name, target.region.or_else(region))));
    }
    Ok(from_kubeconfig(hub).map(of))
}

/// `aws eks update-kubeconfig` names clusters by their ARN.
fn from_kubeconfig(hub: &Hub) -> Option<EksArn> {
    match hub {
        Hub::Live(live) => EksArn::parse(&live.target().cluster).ok(),
        Hub::Folder(_) => None,
    }
}

/// A name in a kubeconfig proves nothing: where it is all there is, the address has to be that of the cluster.
fn check_address(
    hub: &Hub,
    options: &InitOptions,
    stored: &Defaults,
    facts: &EksFacts,
) -> anyhow::Result<()> {
    let (Hub::Live(live), None, None) = (hub, &options.hub_aws.cluster, &stored.hub_cluster_arn) else {
        return Ok(());
    };
    if from_kubeconfig(hub).as_ref() != Some(&facts.arn) {
        return Ok(());
    }
    let endpoint = facts.endpoint.as_deref().unwrap_or_default();
    if !same_server(endpoint, &live.target().server) {
        bail!(
            "the kubeconfig calls the hub {}, and EKS has that at {endpoint}, not at {}: say which it is with --hub-aws-cluster-name",
            facts.arn,
            live.target().server
        );
    }
    Ok(())
}

/// As whom Argo CD works. That it has no role is no reason to stop: the hub may serve others first.
async fn identity(
    ctx: &Context,
    hub: &Hub,
    options: &InitOptions,
    stored: &Defaults,
    clusters: &[ClusterSecret],
    arn: &EksArn,
) -> anyhow::Result<Option<HubIdentity>> {
    // Asked anew: what was stored may be old.
    let asked = Defaults {
        hub_cluster_arn: Some(arn.clone()),
        hub_role_arn: None,
        hub_identity: None,
        ..stored.clone()
    };
    let hub_aws = HubAws {
        cluster: Some(arn.to_string()),
        ..options.hub_aws.clone()
    };
    let known = grant::find_hub(ctx, hub, &options.aws, &hub_aws, &asked, clusters, None);
    match Box::pin(known).await {
        Ok(known) => Ok(known.map(|known| known.identity)),
        Err(error) => {
            ctx.out.warn(format_args!(
                "the role of Argo CD is not kept: {}",
                cell(&error.root_cause().to_string())
            ))?;
            Ok(None)
        }
    }
}

/// Service accounts that have no association yet; one that has another role is refused.
async fn without_role(
    eks: &Eks,
    hub: &EksArn,
    namespace: &str,
    role: &str,
) -> anyhow::Result<Vec<&'static str>> {
    if role.split(':').nth(4) != Some(hub.account.as_str()) {
        bail!(
            "--pod-identity-role {role}: pod identity takes roles of the cluster's account only, which is {}",
            hub.account
        );
    }
    let there = eks.pod_identities(&hub.name, Some(namespace)).await?;
    let mut without = Vec::new();
    for account in SERVICE_ACCOUNTS {
        match there
            .iter()
            .find(|one| one.namespace == namespace && one.service_account == account)
        {
            Some(one) if one.role_arn == role => {}
            Some(one) => bail!(
                "ServiceAccount {namespace}/{account} on {hub} has role {} already: change or delete association {} first, or leave \
                 --pod-identity-role out",
                one.role_arn,
                one.id
            ),
            None => without.push(account),
        }
    }
    Ok(without)
}

impl Found {
    /// Makes what is missing in AWS; what is there already is fine.
    pub async fn make(&self, ctx: &Context, options: &InitOptions) -> anyhow::Result<()> {
        for step in &self.steps {
            super::beside(ctx, options, format_args!("AWS: {step}"))?;
        }
        let (Some(eks), Some(facts), Some(role), DryRun::None) = (
            &self.eks,
            &self.facts,
            &options.pod_identity_role,
            options.write.dry_run,
        ) else {
            return Ok(());
        };
        let tags = Tags::from([(HUB_TAG.to_owned(), facts.arn.to_string())]);
        for account in &self.without {
            match eks
                .create_pod_identity(&facts.arn.name, &self.namespace, account, role, &tags)
                .await
            {
                Ok(_) => {}
                Err(error) if error.is_taken() => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !self.without.is_empty() {
            ctx.out.note(
                "pods that run already keep what they have: restart Argo CD (\"kubectl rollout restart\") for the new role",
            )?;
        }
        Ok(())
    }
}
