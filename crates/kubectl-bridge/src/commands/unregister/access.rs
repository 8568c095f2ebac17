//! What registrations made in AWS, on its way out.

use anyhow::Context as _;
use bridge_aws::AwsOptions;
use bridge_core::{
    access::{Grants, StepView, account},
    defaults::{Defaults, Values},
};
use bridge_kube::{Hub, HubError};

use crate::{
    args::UnregisterOptions,
    context::Context,
    grant::{Undoing, by_hand},
    output::cell,
};

/// What is to be taken back in AWS.
#[derive(Debug, Default)]
pub struct Access {
    /// What was made, as far as it is known.
    pub grants: Vec<Grants>,
    undoings: Vec<Undoing>,
}

impl Access {
    /// Looks at what is still there. Nothing was made where nothing is written down, and then AWS is not asked.
    pub async fn look(
        ctx: &Context,
        hub: &Hub,
        options: &UnregisterOptions,
        grants: Vec<Grants>,
    ) -> anyhow::Result<Self> {
        let grants: Vec<Grants> = grants.into_iter().filter(Grants::anything).collect();
        if grants.is_empty() {
            return Ok(Self::default());
        }
        if options.skip_access || (hub.is_folder() && !options.access_only) {
            let why = if options.skip_access {
                "what was made in AWS stays"
            } else {
                "what was made in AWS stays until the hub has let go of the cluster (then: unregister --access-only, or)"
            };
            for command in grants.iter().flat_map(by_hand) {
                ctx.out.warn(format_args!("{why}: {command}"))?;
            }
            return Ok(Self::default());
        }
        let defaults = match hub.defaults().await {
            Ok(defaults) => defaults.unwrap_or_default(),
            Err(HubError::Forbidden(_)) => Defaults::default(),
            Err(error) => return Err(error.into()),
        };
        let mut undoings = Vec::new();
        for one in &grants {
            let aws = credentials(options, &defaults, one)?;
            undoings.push(Undoing::look(one, &aws, &options.hub_aws).await?);
        }
        let access = Self { grants, undoings };
        for left in access.undoings.iter().flat_map(Undoing::left) {
            ctx.out.warn(format_args!("stays in AWS: {}", cell(left)))?;
        }
        Ok(access)
    }

    /// Whether EKS knows none of the clusters any more that it was made for.
    pub fn cluster_is_gone(&self) -> bool {
        !self.undoings.is_empty() && self.undoings.iter().all(|one| !one.cluster_exists)
    }

    /// What will be done, in order.
    pub fn steps(&self) -> Vec<String> {
        self.undoings
            .iter()
            .flat_map(Undoing::steps)
            .map(ToString::to_string)
            .collect()
    }

    /// What will be done, for programs.
    pub fn views(&self) -> Vec<StepView> {
        self.undoings.iter().flat_map(Undoing::views).collect()
    }

    /// Does it.
    pub async fn take_back(&self, ctx: &Context) -> anyhow::Result<()> {
        for undoing in &self.undoings {
            undoing.run(&ctx.out).await?;
        }
        Ok(())
    }
}

/// Those of the flags, else the role of the team's defaults in the account of the cluster.
fn credentials(
    options: &UnregisterOptions,
    defaults: &Defaults,
    grants: &Grants,
) -> anyhow::Result<AwsOptions> {
    let mut aws = options.aws.clone();
    if aws.profile.is_none()
        && aws.assume_role.is_none()
        && let Some(pattern) = &defaults.assume_role
    {
        let values = Values {
            name: Some(options.name.clone()),
            account: Some(account(&grants.spoke).to_owned()),
            region: grants.spoke.split(':').nth(3).map(str::to_owned),
            ..Values::default()
        };
        let role = pattern
            .fill(&values)
            .context("the team's defaults name a role to assume")?;
        aws.assume_role = Some(role);
    }
    Ok(aws)
}
