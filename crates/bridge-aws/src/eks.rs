//! The one EKS client.

use std::time::Duration;

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider};
use aws_sdk_eks::config::ProvideCredentials as _;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use bridge_core::facts::{EksArn, EksFacts};

use crate::{
    describe,
    error::{AwsError, Place},
};

/// Attempts where neither environment nor profile says how many: a throttled account needs more than the SDK's three.
const ATTEMPTS: u32 = 5;
/// Longest time for a TCP and TLS connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// Where to look, as the aws CLI's flags say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsOptions {
    /// `--region`.
    pub region: Option<String>,
    /// `--profile`.
    pub profile: Option<String>,
}

/// EKS in one region, with one set of credentials.
#[derive(Debug, Clone)]
pub struct Eks {
    client: aws_sdk_eks::Client,
    place: Place,
}

impl Eks {
    /// Finds credentials and region; sends nothing to EKS yet.
    ///
    /// # Errors
    /// [`AwsError::NoCredentials`], [`AwsError::NoRegion`].
    pub async fn connect(options: &AwsOptions) -> Result<Self, AwsError> {
        let config = load(options).await;
        let profile = options
            .profile
            .clone()
            .or_else(|| std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty()));
        // Before the region: with a profile that does not exist both are missing, and this error says why.
        let no_credentials = |source| AwsError::NoCredentials {
            profile: profile.clone(),
            source,
        };
        let account = match config.credentials_provider() {
            None => return Err(no_credentials("no credentials provider is configured".into())),
            Some(provider) => provider
                .provide_credentials()
                .await
                .map_err(|error| no_credentials(error.into()))?
                .account_id()
                .map(|id| id.as_str().to_owned()),
        };
        let region = config
            .region()
            .map(|region| region.as_ref().to_owned())
            .filter(|region| !region.is_empty())
            .ok_or_else(|| AwsError::NoRegion {
                profile: profile.clone(),
            })?;
        Ok(Self {
            client: aws_sdk_eks::Client::new(&config),
            place: Place {
                region,
                profile,
                account,
            },
        })
    }

    /// Where this client looks.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Asks EKS about a cluster (`DescribeCluster`, IAM action `eks:DescribeCluster`).
    ///
    /// # Errors
    /// Any [`AwsError`] but the two of [`Eks::connect`].
    pub async fn describe_cluster(&self, name: &str) -> Result<EksFacts, AwsError> {
        check_name(name)?;
        let output = self
            .client
            .describe_cluster()
            .name(name)
            .send()
            .await
            .map_err(|error| AwsError::from_describe(name, &self.place, error))?;
        let cluster = output.cluster().ok_or_else(|| AwsError::Missing {
            cluster: name.to_owned(),
            member: "cluster",
        })?;
        describe::facts(name, cluster)
    }
}

impl AwsOptions {
    /// These options, in the region of a cluster that is named by its ARN.
    #[must_use]
    pub fn in_region_of(mut self, arn: &EksArn) -> Self {
        self.region = Some(arn.region.clone());
        self
    }
}

async fn load(options: &AwsOptions) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
    if let Ok(name) = AppName::new(bridge_core::keys::FIELD_MANAGER) {
        loader = loader.app_name(name);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &options.profile {
        // As the aws CLI has it: a profile that is named wins over keys in the environment, which may be another account's.
        let credentials = ProfileFileCredentialsProvider::builder()
            .profile_name(profile)
            .build();
        loader = loader.profile_name(profile).credentials_provider(credentials);
    }
    let config = loader.load().await;
    let default_attempts = RetryConfig::standard().max_attempts();
    match config.retry_config() {
        Some(retry) if retry.max_attempts() == default_attempts => {
            let retry = retry.clone().with_max_attempts(ATTEMPTS);
            config.into_builder().retry_config(retry).build()
        }
        _ => config,
    }
}

/// `^[0-9A-Za-z][A-Za-z0-9\-_]*`, at most 100 characters (EKS service model): anything else would be another path.
fn check_name(name: &str) -> Result<(), AwsError> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let fits = name.len() <= 100
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
        && name.bytes().all(inner);
    if fits {
        Ok(())
    } else {
        Err(AwsError::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_eks_can_have() {
        for good in ["a", "A_b-9", "9a", &"x".repeat(100)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "_a", "a/b", "a.b", "a b", "ä", &"x".repeat(101)] {
            assert!(matches!(check_name(bad), Err(AwsError::Name(_))), "{bad}");
        }
    }
}
