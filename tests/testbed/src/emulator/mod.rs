//! Stand-ins for AWS that others made: second opinions on [`FakeAws`], which only shows that we agree with ourselves.

mod cli;
mod programs;

use anyhow::Result;

use crate::fake_aws::FakeAws;
use crate::service::Service;

pub use cli::{AwsCli, Refused};
use programs::Running;

/// The account of whoever has no other credentials. Moto has this one for keys that it does not know.
pub const HOME_ACCOUNT: &str = "123456789012";
/// Another account. It takes the session of a role, see [`AwsEndpoint::cli`].
pub const AWAY_ACCOUNT: &str = "444455556666";
const REGION: &str = "us-west-2";

/// An AWS on loopback with EKS, IAM and STS, empty at first. Its programs are killed on drop, and when this process dies.
#[derive(Debug)]
pub struct AwsEndpoint {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Fake(FakeAws),
    MiniStack(Running),
    /// Moto has neither access entries nor pod identity, so only its IAM and STS are used.
    Moto {
        eks: Running,
        iam: Running,
    },
}

impl AwsEndpoint {
    /// Our own, [`FakeAws`].
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn fake() -> Result<Self> {
        Ok(Self {
            kind: Kind::Fake(FakeAws::start().await?),
        })
    }

    /// `MiniStack`.
    ///
    /// # Errors
    /// When the program is not there, or does not become ready; the end of its log is in the message.
    pub async fn ministack() -> Result<Self> {
        Ok(Self {
            kind: Kind::MiniStack(programs::ministack().await?),
        })
    }

    /// EKS of `MiniStack`, IAM and STS of Moto.
    ///
    /// # Errors
    /// As [`AwsEndpoint::ministack`].
    pub async fn ministack_with_moto() -> Result<Self> {
        let (eks, iam) = tokio::try_join!(programs::ministack(), programs::moto())?;
        Ok(Self {
            kind: Kind::Moto { eks, iam },
        })
    }

    /// In words.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Fake(_) => "FakeAws",
            Kind::MiniStack(_) => "MiniStack",
            Kind::Moto { .. } => "MiniStack with IAM and STS of Moto",
        }
    }

    /// The environment for a program that is to talk to this and to nothing else of AWS, with credentials of
    /// [`HOME_ACCOUNT`] and in `us-west-2`. Take `AWS_PROFILE` out of the program's environment.
    pub fn env(&self) -> Vec<(String, String)> {
        let urls = match &self.kind {
            Kind::Fake(fake) => vec![("AWS_ENDPOINT_URL", fake.endpoint())],
            Kind::MiniStack(all) => vec![("AWS_ENDPOINT_URL", url(&all.service))],
            Kind::Moto { eks, iam } => vec![
                ("AWS_ENDPOINT_URL_EKS", url(&eks.service)),
                ("AWS_ENDPOINT_URL_IAM", url(&iam.service)),
                ("AWS_ENDPOINT_URL_STS", url(&iam.service)),
            ],
        };
        let rest = [
            // Twelve digits are an administrator of that account.
            ("AWS_ACCESS_KEY_ID", HOME_ACCOUNT),
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            // Loopback must not go through a proxy.
            ("NO_PROXY", "127.0.0.1,localhost"),
        ];
        let rest = rest.map(|(name, value)| (name, value.to_owned()));
        urls.into_iter()
            .chain(rest)
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// AWS's own client as an administrator of an account.
    ///
    /// # Errors
    /// When it gets no credentials.
    pub fn cli(&self, account: &str) -> Result<AwsCli> {
        let home = AwsCli::new(self.env());
        match self.kind {
            _ if account == HOME_ACCOUNT => Ok(home),
            // Moto takes no account from a key; but it lets everyone assume every role, whether it exists or not.
            Kind::Moto { .. } => {
                let role = format!("arn:aws:iam::{account}:role/administrator");
                let assumed = home.ask(&[
                    "sts",
                    "assume-role",
                    "--role-arn",
                    &role,
                    "--role-session-name",
                    "testbed",
                ])?;
                let text = |name: &str| {
                    assumed["Credentials"][name]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned()
                };
                Ok(home
                    .with("AWS_ACCESS_KEY_ID", &text("AccessKeyId"))
                    .with("AWS_SECRET_ACCESS_KEY", &text("SecretAccessKey"))
                    .with("AWS_SESSION_TOKEN", &text("SessionToken")))
            }
            _ => Ok(home.with("AWS_ACCESS_KEY_ID", account)),
        }
    }
}

fn url(service: &Service) -> String {
    format!("http://127.0.0.1:{}", service.port)
}
