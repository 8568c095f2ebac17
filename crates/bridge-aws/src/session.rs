//! Credentials and region: where requests go, and as whom.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

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
    pace::Pace,
};

/// Attempts of STS and of what gives credentials, where neither environment nor profile says how many: a throttled account needs
/// more than the SDK's three.
const ATTEMPTS: u32 = 5;
/// Requests to one service of one account and region at once, until it throttles.
const AT_ONCE: u16 = 24;
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
///
/// All that comes from it, in whatever region, is paced together: EKS by region, IAM by account.
#[derive(Debug, Clone)]
pub struct Session {
    config: SdkConfig,
    place: Place,
    retries: Retries,
    paces: Paces,
    eks: Eks,
    iam: Iam,
}

/// By region; IAM has none.
type Paces = Arc<Mutex<BTreeMap<String, Arc<Pace>>>>;

/// Who tries a request of EKS or IAM again.
#[derive(Debug, Clone)]
struct Retries {
    /// The SDK, where the user chose a mode of it; else it sends each request once, so that a [`Pace`] sees what is throttled.
    sdk: RetryConfig,
    /// Attempts of a [`Pace`], if said.
    attempts: Option<u32>,
}

impl Session {
    /// Finds credentials and region; with a role to assume, asks STS for its credentials.
    ///
    /// # Errors
    /// [`AwsError::NoCredentials`], [`AwsError::CannotAssume`], [`AwsError::NoRegion`].
    pub async fn open(options: &AwsOptions) -> Result<Self, AwsError> {
        // On the heap: what the SDK needs to find credentials is large.
        Box::pin(Self::find(options)).await
    }

    async fn find(options: &AwsOptions) -> Result<Self, AwsError> {
        let (config, retries) = load(options).await;
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
        let place = Place {
            region,
            profile,
            account,
            role: None,
        };
        let session = Self::new(config, place, retries, Paces::default());
        match &options.assume_role {
            Some(role) => session.assume(role).await,
            None => Ok(session),
        }
    }

    fn new(config: SdkConfig, place: Place, retries: Retries, paces: Paces) -> Self {
        let turns = |region: &str| {
            let mut paces = paces.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Pace::new(AT_ONCE, retries.attempts));
            Arc::clone(paces.entry(region.to_owned()).or_insert_with(new))
        };
        let eks = aws_sdk_eks::config::Builder::from(&config)
            .retry_config(retries.sdk.clone())
            .build();
        let eks = Eks::new(
            aws_sdk_eks::Client::from_conf(eks),
            place.clone(),
            turns(&place.region),
        );
        let iam = aws_sdk_iam::config::Builder::from(&config)
            .retry_config(retries.sdk.clone())
            .build();
        let nowhere = Place {
            region: String::new(),
            ..place.clone()
        };
        let iam = Iam::new(aws_sdk_iam::Client::from_conf(iam), nowhere, turns(""));
        Self {
            config,
            place,
            retries,
            paces,
            eks,
            iam,
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
        let config = self
            .config
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .build();
        let place = Place {
            account,
            role: Some(role.to_owned()),
            ..self.place
        };
        // The requests of a role count for its own account.
        Ok(Self::new(config, place, self.retries, Paces::default()))
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
        let config = self
            .config
            .clone()
            .into_builder()
            .region(Region::new(region.to_owned()))
            .build();
        let place = Place {
            region: region.to_owned(),
            ..self.place.clone()
        };
        Self::new(config, place, self.retries.clone(), Arc::clone(&self.paces))
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
        self.eks.clone()
    }

    /// IAM of the account.
    pub fn iam(&self) -> Iam {
        self.iam.clone()
    }
}

async fn load(options: &AwsOptions) -> (SdkConfig, Retries) {
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
    let unsaid = RetryConfig::standard();
    let found = config.retry_config().unwrap_or(&unsaid);
    let in_environment = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let mode_said = in_environment("AWS_RETRY_MODE") || found.mode() != unsaid.mode();
    let attempts = (in_environment("AWS_MAX_ATTEMPTS") || found.max_attempts() != unsaid.max_attempts())
        .then(|| found.max_attempts());
    let retry = found.clone().with_max_attempts(attempts.unwrap_or(ATTEMPTS));
    let retries = if mode_said {
        Retries {
            sdk: retry.clone(),
            attempts: Some(1),
        }
    } else {
        Retries {
            sdk: RetryConfig::disabled(),
            attempts,
        }
    };
    (config.into_builder().retry_config(retry).build(), retries)
}

/// What STS answered, where it answered: the provider's own chain ends in a debug print of it.
fn sts_words(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let answer = causes.find_map(|error| error.downcast_ref::<AssumeRoleError>())?;
    Some(format!("{}: {}", answer.code()?, answer.message()?))
}
