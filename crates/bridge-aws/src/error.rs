//! What can go wrong between here and EKS, by what the user can do about it.

use aws_sdk_eks::{
    error::{ProvideErrorMetadata as _, SdkError},
    operation::describe_cluster::DescribeClusterError,
};
use bridge_core::facts::NotAnEksArn;

/// Region, profile and account that a call went to, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// AWS region.
    pub region: String,
    /// Profile, if one was named.
    pub profile: Option<String>,
    /// Account of the credentials, where they say it.
    pub account: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "region {}", self.region)?;
        if let Some(account) = &self.account {
            write!(f, ", account {account}")?;
        }
        match &self.profile {
            Some(profile) => write!(f, ", profile {profile}"),
            None => f.write_str(", default credentials"),
        }
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failed look at EKS.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// No credentials anywhere.
    #[error("{}", no_credentials(profile.as_deref()))]
    NoCredentials {
        /// Profile, if one was named.
        profile: Option<String>,
        /// What the provider said.
        source: Cause,
    },
    /// No region anywhere.
    #[error("no AWS region: neither --region nor AWS_REGION nor {} names one",
        profile.as_ref().map_or_else(|| "the default profile".to_owned(), |name| format!("profile \"{name}\"")))]
    NoRegion {
        /// Profile, if one was named.
        profile: Option<String>,
    },
    /// Not a name that EKS could give.
    #[error(
        "\"{0}\" is not an EKS cluster name: 1 to 100 letters, digits, \"-\" and \"_\", beginning with a letter or digit"
    )]
    Name(String),
    /// No such cluster there.
    #[error(
        "EKS knows no cluster \"{cluster}\" in {place}; \"aws eks list-clusters --region {}\" lists those it knows, \
         and --aws-cluster-name, --region and --profile look elsewhere",
        place.region
    )]
    NotFound {
        /// EKS name.
        cluster: String,
        /// Where it was looked for.
        place: Box<Place>,
    },
    /// The credentials do not allow the look.
    #[error(
        "not allowed to describe EKS cluster \"{cluster}\" in {place}: the IAM action eks:DescribeCluster is needed on it{}",
        said(message.as_deref())
    )]
    AccessDenied {
        /// EKS name.
        cluster: String,
        /// Where.
        place: Box<Place>,
        /// What EKS said; it names the principal.
        message: Option<String>,
    },
    /// The credentials are expired, unknown or wrong.
    #[error(
        "EKS does not accept the AWS credentials ({code}) in {place}{}; renew them (\"aws sso login\") or name others with --profile",
        said(message.as_deref())
    )]
    CredentialsRefused {
        /// Error code.
        code: String,
        /// Where.
        place: Box<Place>,
        /// What EKS said.
        message: Option<String>,
    },
    /// Too many requests, also after the retries.
    #[error(
        "EKS throttles requests in {place} ({code}), also after several attempts: try again in a minute, or raise AWS_MAX_ATTEMPTS"
    )]
    Throttled {
        /// Error code.
        code: String,
        /// Where.
        place: Box<Place>,
    },
    /// EKS has trouble, also after the retries.
    #[error(
        "EKS in {place} answers {status}{}, also after several attempts: try again later",
        said(message.as_deref())
    )]
    Unavailable {
        /// Where.
        place: Box<Place>,
        /// HTTP status.
        status: u16,
        /// What EKS said.
        message: Option<String>,
    },
    /// No answer.
    #[error("cannot reach EKS in {place}")]
    Unreachable {
        /// Where.
        place: Box<Place>,
        /// Why.
        source: Cause,
    },
    /// An answer that is none of the above.
    #[error(
        "EKS refuses to describe cluster \"{cluster}\" in {place} ({code}){}",
        said(message.as_deref())
    )]
    Refused {
        /// EKS name.
        cluster: String,
        /// Where.
        place: Box<Place>,
        /// Error code.
        code: String,
        /// What EKS said.
        message: Option<String>,
    },
    /// An answer that cannot be read.
    #[error("the answer of EKS in {place} cannot be read")]
    Unreadable {
        /// Where.
        place: Box<Place>,
        /// Why.
        source: Cause,
    },
    /// A member that EKS left out and that nothing can do without.
    #[error("EKS describes cluster \"{cluster}\" without {member}")]
    Missing {
        /// EKS name.
        cluster: String,
        /// Member of the `Cluster` structure.
        member: &'static str,
    },
    /// An ARN that is none.
    #[error("EKS gives cluster \"{cluster}\" an ARN that cannot be read")]
    Arn {
        /// EKS name.
        cluster: String,
        /// Why.
        source: NotAnEksArn,
    },
}

fn no_credentials(profile: Option<&str>) -> String {
    match profile {
        Some(profile) => format!(
            "no AWS credentials for profile \"{profile}\": it must be in ~/.aws/config or ~/.aws/credentials (keys, SSO, an assumed \
             role or a credential process), and SSO needs \"aws sso login --profile {profile}\""
        ),
        None => "no AWS credentials found: looked at AWS_ACCESS_KEY_ID, the default profile in ~/.aws, web identity, container and \
                 instance metadata; log in (\"aws sso login\") or name a profile with --profile"
            .to_owned(),
    }
}

fn said(message: Option<&str>) -> String {
    message.map(|text| format!(": {text}")).unwrap_or_default()
}

/// What an error code means, whatever the operation declares: `DescribeCluster` has answered codes that no operation of EKS
/// lists. Throttling codes as botocore has them.
fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottledException"
            | "RequestThrottled"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "LimitExceededException"
            | "SlowDown"
            | "PriorRequestNotComplete"
            | "EC2ThrottledException"
            | "ProvisionedThroughputExceededException"
            | "TransactionInProgressException"
    )
}

fn is_access_denied(code: &str) -> bool {
    matches!(
        code,
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized" | "Forbidden"
    )
}

fn is_credential_trouble(code: &str) -> bool {
    matches!(
        code,
        "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidToken"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "RequestExpired"
            | "OptInRequired"
    )
}

impl AwsError {
    pub(crate) fn from_describe(cluster: &str, place: &Place, error: SdkError<DescribeClusterError>) -> Self {
        let place = Box::new(place.clone());
        match error {
            SdkError::ServiceError(ref service) => {
                let status = service.raw().status().as_u16();
                let code = error.code().unwrap_or_default();
                let message = error.message().map(str::to_owned);
                Self::from_answer(cluster, place, status, code, message)
            }
            SdkError::ResponseError(_) => Self::Unreadable {
                place,
                source: error.into(),
            },
            // An SDK error displays its kind only ("dispatch failure"); what happened is below it.
            other => Self::Unreachable {
                place,
                source: other.into_source().unwrap_or_else(Into::into),
            },
        }
    }

    fn from_answer(
        cluster: &str,
        place: Box<Place>,
        status: u16,
        code: &str,
        message: Option<String>,
    ) -> Self {
        let cluster = cluster.to_owned();
        match code {
            "ResourceNotFoundException" | "NotFoundException" => Self::NotFound { cluster, place },
            code if is_throttling(code) || status == 429 => Self::Throttled {
                code: if code.is_empty() {
                    "429".into()
                } else {
                    code.into()
                },
                place,
            },
            code if is_access_denied(code) => Self::AccessDenied {
                cluster,
                place,
                message,
            },
            code if is_credential_trouble(code) => Self::CredentialsRefused {
                code: code.into(),
                place,
                message,
            },
            _ if matches!(status, 500 | 502..=504) => Self::Unavailable {
                place,
                status,
                message,
            },
            code => Self::Refused {
                cluster,
                place,
                code: if code.is_empty() {
                    format!("HTTP {status}")
                } else {
                    code.into()
                },
                message,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> AwsError {
        let place = Place {
            region: "eu-west-1".into(),
            profile: Some("ops".into()),
            account: None,
        };
        AwsError::from_answer("dev", Box::new(place), status, code, Some("text".into()))
    }

    #[test]
    fn the_code_decides_not_the_declared_list() {
        assert!(matches!(
            answer(404, "ResourceNotFoundException"),
            AwsError::NotFound { .. }
        ));
        for (status, code) in [
            (400, "TooManyRequestsException"),
            (400, "RequestLimitExceeded"),
            (503, "SlowDown"),
            (429, ""),
        ] {
            assert!(
                matches!(answer(status, code), AwsError::Throttled { .. }),
                "{code}"
            );
        }
        assert!(matches!(
            answer(403, "AccessDeniedException"),
            AwsError::AccessDenied { .. }
        ));
        assert!(matches!(
            answer(403, "ExpiredTokenException"),
            AwsError::CredentialsRefused { .. }
        ));
        assert!(matches!(
            answer(500, "ServerException"),
            AwsError::Unavailable { .. }
        ));
        assert!(matches!(answer(400, ""), AwsError::Refused { .. }));
    }

    #[test]
    fn messages_name_cluster_place_and_next_step() {
        let error = answer(404, "ResourceNotFoundException").to_string();
        assert!(
            error.contains("no cluster \"dev\" in region eu-west-1, profile ops"),
            "{error}"
        );
        let error = answer(403, "AccessDeniedException").to_string();
        assert!(
            error.contains("eks:DescribeCluster") && error.contains("text"),
            "{error}"
        );
    }
}
