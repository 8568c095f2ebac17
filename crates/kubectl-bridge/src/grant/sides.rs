//! Two accounts, two sets of credentials: that of the spoke and that of the hub.

use std::sync::Arc;

use anyhow::bail;
use bridge_aws::{AwsOptions, Eks, Iam, Session};
use bridge_core::access::{Side, account};
use tokio::sync::OnceCell;

use crate::args::HubAws;

/// Credentials of both sides; those of the hub are looked for when they are needed.
#[derive(Debug)]
pub struct Sides {
    spoke: Session,
    spoke_account: String,
    hub: Arc<HubSide>,
}

/// Credentials of the hub's account, opened once for all spokes of a run.
#[derive(Debug)]
pub struct HubSide {
    arn: String,
    /// Those of the spoke without the role that was assumed for it.
    options: AwsOptions,
    said: bool,
    session: OnceCell<Session>,
}

impl HubSide {
    /// Of the hub with this ARN.
    pub fn new(aws: &AwsOptions, hub_aws: &HubAws, arn: &str) -> Arc<Self> {
        Arc::new(Self {
            arn: arn.to_owned(),
            options: hub_options(aws, hub_aws, Some(arn)),
            said: hub_aws.profile.is_some(),
            session: OnceCell::new(),
        })
    }

    async fn session(&self) -> anyhow::Result<&Session> {
        self.session
            .get_or_try_init(|| open_hub(&self.options, Some(&self.arn)))
            .await
    }
}

impl Sides {
    /// Sides of a spoke in `spoke_account`, and of the hub.
    pub fn new(spoke: Session, spoke_account: &str, hub: Arc<HubSide>) -> Self {
        Self {
            spoke,
            spoke_account: spoke_account.to_owned(),
            hub,
        }
    }

    /// EKS of the spoke.
    pub fn eks(&self) -> Eks {
        self.spoke.eks()
    }

    /// IAM of a side.
    pub async fn iam(&self, side: Side) -> anyhow::Result<Iam> {
        Ok(match side {
            Side::Spoke => self.spoke.iam(),
            Side::Hub => self.hub().await?.iam(),
        })
    }

    /// The side whose account this is, if it is one of the two.
    pub fn of_account(&self, wanted: &str) -> Option<Side> {
        if wanted == self.spoke_account {
            Some(Side::Spoke)
        } else if wanted == account(&self.hub.arn) {
            Some(Side::Hub)
        } else {
            None
        }
    }

    async fn hub(&self) -> anyhow::Result<&Session> {
        if !self.hub.said && self.spoke_account == account(&self.hub.arn) {
            return Ok(&self.spoke);
        }
        self.hub.session().await
    }
}

/// Where to look for the hub, in the region of its ARN if that is known.
pub fn hub_options(aws: &AwsOptions, hub_aws: &HubAws, arn: Option<&str>) -> AwsOptions {
    let region = arn
        .and_then(|arn| arn.split(':').nth(3))
        .filter(|region| !region.is_empty());
    AwsOptions {
        region: region.map(str::to_owned).or_else(|| hub_aws.region.clone()),
        profile: hub_aws.profile.clone().or_else(|| aws.profile.clone()),
        assume_role: None,
    }
}

/// A session in the hub's account; with its ARN known, surely in that account.
pub async fn open_hub(options: &AwsOptions, arn: Option<&str>) -> anyhow::Result<Session> {
    let session = Session::open(options).await?;
    if let Some(arn) = arn {
        let have = session.caller().await?.account;
        if have != account(arn) {
            bail!(
                "the hub {arn} is in account {}, and these credentials are of {have}: name others with --hub-profile",
                account(arn)
            );
        }
    }
    Ok(session)
}
