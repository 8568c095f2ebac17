//! Taking back what a registration made in AWS.

use anyhow::{Context as _, bail};
use bridge_aws::{AwsError, AwsOptions, Session};
use bridge_core::access::{Grants, Remains, Side, Step, StepView, Undo, account};

use super::{
    run,
    sides::{HubSide, Sides},
};
use crate::{args::HubAws, output::Output};

/// What is to be taken back for one registration.
#[derive(Debug)]
pub struct Undoing {
    sides: Sides,
    undo: Undo,
    /// Whether EKS still knows the cluster.
    pub cluster_exists: bool,
}

impl Undoing {
    /// Looks at what is still there.
    pub async fn look(grants: &Grants, aws: &AwsOptions, hub_aws: &HubAws) -> anyhow::Result<Self> {
        Box::pin(Self::find(grants, aws, hub_aws)).await.with_context(|| {
            format!(
                "cannot look at what was made in AWS for {}: nothing was changed (--skip-access takes the cluster off the hub and \
                 leaves AWS as it is)",
                grants.spoke
            )
        })
    }

    async fn find(grants: &Grants, aws: &AwsOptions, hub_aws: &HubAws) -> anyhow::Result<Self> {
        let spoke_account = account(&grants.spoke);
        let region = grants.spoke.split(':').nth(3).unwrap_or_default();
        let options = AwsOptions {
            region: Some(region.to_owned()),
            ..aws.clone()
        };
        let session = Session::open(&options).await?;
        let have = session.caller().await?.account;
        if have != spoke_account {
            bail!(
                "the cluster is in account {spoke_account}, and these credentials are of {have}: name others with --profile or \
                 --assume-role"
            );
        }
        let hub = HubSide::new(aws, hub_aws, &grants.hub.arn);
        let sides = Sides::new(session, spoke_account, hub);
        let remains = remains(grants, &sides).await?;
        Ok(Self {
            undo: grants.undo(&remains),
            sides,
            cluster_exists: remains.cluster_exists,
        })
    }

    /// What will be done.
    pub fn steps(&self) -> &[Step] {
        &self.undo.steps
    }

    /// What will be done, for programs.
    pub fn views(&self) -> Vec<StepView> {
        self.undo.steps.iter().map(Step::view).collect()
    }

    /// What stays, and why.
    pub fn left(&self) -> &[String] {
        &self.undo.left
    }

    /// Does it.
    pub async fn run(&self, out: &Output) -> anyhow::Result<()> {
        // Nothing of it waits.
        run(out, &self.sides, &self.undo.steps, std::time::Duration::ZERO).await
    }
}

async fn remains(grants: &Grants, sides: &Sides) -> anyhow::Result<Remains> {
    let mut remains = Remains {
        cluster_exists: true,
        ..Remains::default()
    };
    let eks = sides.eks();
    let cluster = grants.cluster_name();
    match eks.access_entry(cluster, &grants.principal).await {
        Ok(entry) => remains.entry = entry,
        Err(AwsError::NotFound { .. }) => remains.cluster_exists = false,
        Err(error) => return Err(error.into()),
    }
    if let Some(role) = &grants.role {
        let iam = sides.iam(Side::Spoke).await?;
        remains.role = iam.role(role).await?;
        if remains.role.is_some() {
            remains.role_policies = iam.inline_policies(role).await?;
            remains.role_policies.extend(iam.attached_policies(role).await?);
        }
    }
    if let Some(policy) = &grants.hub_policy {
        let iam = sides.iam(Side::Hub).await?;
        remains.hub_policy = iam.inline_policy(&grants.hub.role, policy).await?;
    }
    Ok(remains)
}

/// Commands that take back by hand what a registration made, each with the account that it is for.
pub fn by_hand(grants: &Grants) -> Vec<String> {
    let region = grants.spoke.split(':').nth(3).unwrap_or_default();
    let (spoke, hub) = (account(&grants.spoke), account(&grants.hub.role));
    let mut commands = Vec::new();
    if grants.entry {
        commands.push(format!(
            "aws eks delete-access-entry --region {region} --cluster-name {} --principal-arn {} # account {spoke}",
            grants.cluster_name(),
            grants.principal
        ));
    }
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    if let Some(role) = &grants.role {
        let role = name(role);
        commands.push(format!(
            "aws iam delete-role --role-name {role} # account {spoke}; IAM refuses while it has policies, which somebody else gave \
             it: \"aws iam list-role-policies --role-name {role}\" and \"aws iam list-attached-role-policies --role-name {role}\""
        ));
    }
    if let Some(policy) = &grants.hub_policy {
        commands.push(format!(
            "aws iam delete-role-policy --role-name {} --policy-name {policy} # account {hub}",
            name(&grants.hub.role)
        ));
    }
    commands
}
