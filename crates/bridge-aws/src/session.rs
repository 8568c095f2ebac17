//! Credentials and region: where requests go, and as whom.

use std::time::Duration;

use aws_config::{
    AppName, BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider,
    sts::AssumeRoleProvider,
};
use aws_sdk_eks::{
    config::{ProvideCredentials as _, SharedCredentialsProvider},
    error::ProvideErrorMetadata as _,
};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use bridge_core::facts::EksArn;

use crate::{
    eks::Eks,
    error::{AwsError, Call, Place},
    iam::Iam,
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
    /// `--assume-role`: ARN of a role to assume first.
    pub assume_role: Option<String>,
}

impl AwsOptions {
    /// These options, in the region of a cluster that is named by its ARN.
    #[must_use]
    pub fn in_region_of(mut self, arn: &EksArn) -> Self {
        self.region = Some(arn.region.clone());
        self
    }
}

/// Who the credentials belong to (`GetCallerIdentity`, which needs no IAM action).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Account id, twelve digits.
    pub account: String,
    /// ARN of the user, or of the session of a role.
    pub arn: String,
    /// `aws`, `aws-cn`, …
    pub partition: String,
}

/// One set of credentials in one region.
#[derive(Debug, Clone)]
pub struct Session {
    config: SdkConfig,
    place: Place,
}

impl Session {
    /// Finds credentials and region; with a role to assume, asks STS for its credentials.
    ///
    /// # Errors
    /// [`AwsError::NoCredentials`], [`AwsError::CannotAssume`], [`AwsError::NoRegion`].
    pub async fn open(options: &AwsOptions) -> Result<Self, AwsError> {
        // On the heap: what the SDK needs to find credentials is large.
        Box::pin(Self::find(options, RetryConfig::adaptive())).await
    }

    /// [`Session::open`] for who asks about hundreds of clusters and paces the requests with a [`Pace`](crate::Pace): without the
    /// SDK's adaptive mode, which would slow all of them down by far too much.
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub async fn open_for_many(options: &AwsOptions) -> Result<Self, AwsError> {
        Box::pin(Self::find(options, RetryConfig::standard())).await
    }

    async fn find(options: &AwsOptions, retry: RetryConfig) -> Result<Self, AwsError> {
        let config = load(options, retry).await;
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
        let session = Self {
            config,
            place: Place {
                region,
                profile,
                account,
                role: None,
            },
        };
        match &options.assume_role {
            Some(role) => session.assume(role).await,
            None => Ok(session),
        }
    }

    async fn assume(self, role: &str) -> Result<Self, AwsError> {
        let provider = AssumeRoleProvider::builder(role)
            .configure(&self.config)
            .session_name(bridge_core::keys::FIELD_MANAGER)
            .build()
            .await;
        // Now, so that a refusal is this one's and not that of whatever is asked first.
        provider
            .provide_credentials()
            .await
            .map_err(|error| AwsError::CannotAssume {
                role: role.to_owned(),
                base: Box::new(self.place.clone()),
                source: sts_words(&error).map_or_else(|| error.into(), Into::into),
            })?;
        let account = role.split(':').nth(4).map(str::to_owned);
        Ok(Self {
            config: self
                .config
                .into_builder()
                .credentials_provider(SharedCredentialsProvider::new(provider))
                .build(),
            place: Place {
                account,
                role: Some(role.to_owned()),
                ..self.place
            },
        })
    }

    /// Where its requests go.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its region.
    pub fn region(&self) -> &str {
        &self.place.region
    }

    /// The same credentials in another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self {
            config: self
                .config
                .clone()
                .into_builder()
                .region(Region::new(region.to_owned()))
                .build(),
            place: Place {
                region: region.to_owned(),
                ..self.place.clone()
            },
        }
    }

    /// Whose credentials these are.
    ///
    /// # Errors
    /// Any [`AwsError`] of a refused or failed request.
    pub async fn caller(&self) -> Result<Caller, AwsError> {
        let call = Call {
            service: "STS",
            action: "sts:GetCallerIdentity",
            doing: "say whose credentials these are".into(),
            cluster: None,
        };
        let output = aws_sdk_sts::Client::new(&self.config)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(&call, &self.place, error))?;
        let gap = |member| AwsError::Gap {
            service: call.service,
            doing: call.doing.clone(),
            member,
        };
        let arn = output.arn().ok_or_else(|| gap("Arn"))?.to_owned();
        Ok(Caller {
            account: output.account().ok_or_else(|| gap("Account"))?.to_owned(),
            partition: arn.split(':').nth(1).unwrap_or("aws").to_owned(),
            arn,
        })
    }

    /// EKS there.
    pub fn eks(&self) -> Eks {
        Eks::new(aws_sdk_eks::Client::new(&self.config), self.place.clone())
    }

    /// IAM of the account.
    pub fn iam(&self) -> Iam {
        let place = Place {
            region: String::new(),
            ..self.place.clone()
        };
        Iam::new(aws_sdk_iam::Client::new(&self.config), place)
    }
}

async fn load(options: &AwsOptions, unsaid: RetryConfig) -> SdkConfig {
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
    let attempts = match config.retry_config() {
        Some(retry) if retry.max_attempts() != default_attempts => retry.max_attempts(),
        _ => ATTEMPTS,
    };
    // Adaptive, where nobody says otherwise: many requests at once slow down together when the account is throttled.
    let said = std::env::var("AWS_RETRY_MODE").is_ok_and(|mode| !mode.is_empty());
    let retry = match config.retry_config() {
        Some(retry) if said => retry.clone(),
        _ => unsaid,
    };
    config
        .into_builder()
        .retry_config(retry.with_max_attempts(attempts))
        .build()
}

/// What STS answered, where it answered: the provider's own chain ends in a debug print of it.
fn sts_words(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let answer = causes.find_map(|error| error.downcast_ref::<AssumeRoleError>())?;
    Some(format!("{}: {}", answer.code()?, answer.message()?))
}
