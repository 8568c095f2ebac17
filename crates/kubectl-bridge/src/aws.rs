//! Ways into AWS for commands that look at many clusters: one session for each role, opened once.

use std::{collections::BTreeMap, sync::Arc};

use bridge_aws::{AwsError, AwsOptions, Eks, Iam, Session};
use bridge_core::{
    defaults::{Pattern, Values},
    drift::Target,
    facts::EksFacts,
};
use tokio::sync::{Mutex, OnceCell};

use crate::report;

/// Clusters that are looked at at once.
pub const CONCURRENCY: usize = 24;

/// A session that is opened by whoever needs it first, or why it cannot be.
type Opening = Arc<OnceCell<Result<Opened, String>>>;

/// Sessions, by the role that is assumed.
#[derive(Debug)]
pub struct Sessions {
    options: AwsOptions,
    assume_role: Option<Pattern>,
    opened: Mutex<BTreeMap<Option<String>, Opening>>,
}

/// A session, and whose it is.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// Account of its credentials; an error where STS does not tell.
    pub account: Result<String, String>,
}

/// EKS where a cluster should be.
#[derive(Debug, Clone)]
pub struct Place {
    /// EKS there.
    pub eks: Eks,
    /// IAM of the account.
    pub iam: Iam,
    /// Account of its credentials; an error where STS does not tell.
    pub account: Result<String, String>,
}

impl Place {
    /// What EKS says of a cluster there.
    ///
    /// # Errors
    /// Those of [`Eks::describe_cluster`].
    pub async fn describe(&self, name: &str) -> Result<EksFacts, AwsError> {
        self.eks.describe_cluster(name).await
    }
}

impl Sessions {
    /// Sessions with these credentials, or with a role of each account assumed by them.
    pub fn new(options: AwsOptions, assume_role: Option<Pattern>) -> Self {
        Self {
            options,
            assume_role,
            opened: Mutex::default(),
        }
    }

    /// The way to where a cluster should be, or why there is none.
    ///
    /// # Errors
    /// In words for people; also where the credentials are of another account than the cluster.
    pub async fn to(&self, target: &Target) -> Result<Place, String> {
        let role = match &self.assume_role {
            None => None,
            Some(pattern) => {
                let values = Values {
                    account: target.account.clone(),
                    region: target.region.clone(),
                    ..Values::default()
                };
                Some(pattern.fill(&values).map_err(|error| error.to_string())?)
            }
        };
        let opened = self.open(role, target.region.as_deref()).await?;
        if let (Some(wanted), Ok(have)) = (&target.account, &opened.account)
            && wanted != have
        {
            return Err(format!(
                "the credentials are of account {have}, and the cluster is in {wanted}: name others with --profile or --assume-role"
            ));
        }
        let session = match &target.region {
            Some(region) => opened.session.in_region(region),
            None => opened.session,
        };
        Ok(Place {
            eks: session.eks(),
            iam: session.iam(),
            account: opened.account,
        })
    }

    /// The session of a role, or of the credentials themselves.
    ///
    /// # Errors
    /// In words for people.
    pub async fn open(&self, role: Option<String>, region: Option<&str>) -> Result<Opened, String> {
        let cell = Arc::clone(self.opened.lock().await.entry(role.clone()).or_default());
        cell.get_or_init(|| async {
            let options = AwsOptions {
                region: self.options.region.clone().or_else(|| region.map(str::to_owned)),
                assume_role: role,
                ..self.options.clone()
            };
            let session = Session::open(&options).await.map_err(words)?;
            let account = match &session.place().account {
                Some(account) => Ok(account.clone()),
                None => session.caller().await.map(|caller| caller.account).map_err(words),
            };
            Ok(Opened { session, account })
        })
        .await
        .clone()
    }
}

/// An error and its causes in one line.
pub fn words(error: bridge_aws::AwsError) -> String {
    report::chain(&error.into())
}
