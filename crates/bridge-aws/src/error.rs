//! What can go wrong between here and AWS, by what the user can do about it.

use aws_sdk_eks::error::{ProvideErrorMetadata, SdkError};
use bridge_core::facts::NotAnEksArn;

mod codes;
use codes::{is_access_denied, is_credential_trouble, is_throttling};

/// Region, profile and account that a call went to, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// AWS region; empty for IAM, which has none.
    pub region: String,
    /// Profile, if one was named.
    pub profile: Option<String>,
    /// Account of the credentials, where they say it.
    pub account: Option<String>,
    /// Role that was assumed, if one was named.
    pub role: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if !self.region.is_empty() {
            parts.push(format!("region {}", self.region));
        }
        if let Some(account) = &self.account {
            parts.push(format!("account {account}"));
        }
        parts.push(match &self.profile {
            Some(profile) => format!("profile {profile}"),
            None => "default credentials".to_owned(),
        });
        if let Some(role) = &self.role {
            parts.push(format!("role {role}"));
        }
        f.write_str(&parts.join(", "))
    }
}

/// A request, in the words of its errors.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// `EKS`, `IAM`, `STS`.
    pub service: &'static str,
    /// IAM action that it needs.
    pub action: &'static str,
    /// `describe EKS cluster "dev"`
    pub doing: String,
    /// The cluster that it is about.
    pub cluster: Option<String>,
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failed request.
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
    /// The role of `--assume-role` is not to be had.
    #[error(
        "cannot assume role {role} with {base}: its trust policy must admit them, and they need sts:AssumeRole on it"
    )]
    CannotAssume {
        /// ARN of the role.
        role: String,
        /// With which credentials.
        base: Box<Place>,
        /// What STS said.
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
    /// The credentials do not allow it.
    #[error("not allowed to {doing} in {place}: the IAM action {action} is needed on it{}", said(message.as_deref()))]
    AccessDenied {
        /// What was tried.
        doing: String,
        /// IAM action.
        action: &'static str,
        /// Where.
        place: Box<Place>,
        /// What AWS said; it names the principal.
        message: Option<String>,
    },
    /// The credentials are expired, unknown or wrong.
    #[error(
        "{service} does not accept the AWS credentials ({code}) in {place}{}; renew them (\"aws sso login\") or name others with --profile",
        said(message.as_deref())
    )]
    CredentialsRefused {
        /// Service.
        service: &'static str,
        /// Error code.
        code: String,
        /// Where.
        place: Box<Place>,
        /// What AWS said.
        message: Option<String>,
    },
    /// Too many requests, also after the retries.
    #[error(
        "{service} throttles requests in {place} ({code}), also after several attempts: try again in a minute, or raise AWS_MAX_ATTEMPTS"
    )]
    Throttled {
        /// Service.
        service: &'static str,
        /// Error code.
        code: String,
        /// Where.
        place: Box<Place>,
    },
    /// AWS has trouble, also after the retries.
    #[error(
        "{service} in {place} answers {status}{}, also after several attempts: try again later",
        said(message.as_deref())
    )]
    Unavailable {
        /// Service.
        service: &'static str,
        /// Where.
        place: Box<Place>,
        /// HTTP status.
        status: u16,
        /// What AWS said.
        message: Option<String>,
    },
    /// No answer.
    #[error("cannot reach {service} in {place}")]
    Unreachable {
        /// Service.
        service: &'static str,
        /// Where.
        place: Box<Place>,
        /// Why.
        source: Cause,
    },
    /// An answer that is none of the above.
    #[error("{service} refuses to {doing} in {place} ({code}){}", said(message.as_deref()))]
    Refused {
        /// Service.
        service: &'static str,
        /// What was tried.
        doing: String,
        /// Where.
        place: Box<Place>,
        /// Error code.
        code: String,
        /// What AWS said.
        message: Option<String>,
    },
    /// An answer that cannot be read.
    #[error("the answer of {service} in {place} cannot be read")]
    Unreadable {
        /// Service.
        service: &'static str,
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
    /// A member of another answer that nothing can do without.
    #[error("{service} was to {doing} and answers without {member}")]
    Gap {
        /// Service.
        service: &'static str,
        /// What was tried.
        doing: String,
        /// Member of the output.
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

impl AwsError {
    /// The error code of an answer that is an error of the request's own.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether the cluster, or what the request is about, does not exist.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::NotFound { .. })
            || matches!(
                self.code(),
                Some("ResourceNotFoundException" | "NotFoundException" | "NoSuchEntity")
            )
    }

    /// Whether what was to be made exists.
    pub fn is_taken(&self) -> bool {
        matches!(
            self.code(),
            Some("ResourceInUseException" | "EntityAlreadyExists")
        )
    }

    /// Whether AWS does not know the principal: it does not exist, or not yet everywhere.
    pub fn is_unknown_principal(&self) -> bool {
        match self {
            Self::Refused {
                code,
                message: Some(message),
                ..
            } => {
                matches!(
                    code.as_str(),
                    "InvalidParameterException"
                        | "MalformedPolicyDocument"
                        | "MalformedPolicyDocumentException"
                ) && message.to_ascii_lowercase().contains("invalid principal")
            }
            _ => false,
        }
    }

    pub(crate) fn from_sdk<E>(call: &Call, place: &Place, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let service = call.service;
        let place = Box::new(place.clone());
        match error {
            SdkError::ServiceError(ref answer) => {
                let status = answer.raw().status().as_u16();
                let code = error.code().unwrap_or_default();
                let message = error.message().map(str::to_owned);
                Self::from_answer(call, place, status, code, message)
            }
            SdkError::ResponseError(_) => Self::Unreadable {
                service,
                place,
                source: error.into(),
            },
            // An SDK error displays its kind only ("dispatch failure"); what happened is below it.
            other => Self::Unreachable {
                service,
                place,
                source: other.into_source().unwrap_or_else(Into::into),
            },
        }
    }

    fn from_answer(call: &Call, place: Box<Place>, status: u16, code: &str, message: Option<String>) -> Self {
        let Call {
            service,
            action,
            doing,
            cluster,
        } = call;
        let doing = doing.clone();
        let or_status = |code: &str| {
            if code.is_empty() {
                format!("HTTP {status}")
            } else {
                code.to_owned()
            }
        };
        // EKS says by the same code that the cluster is missing, and that what is asked of it is.
        let is_cluster = *action == "eks:DescribeCluster"
            || message
                .as_deref()
                .is_some_and(|text| text.starts_with("No cluster found"));
        match (code, cluster) {
            ("ResourceNotFoundException" | "NotFoundException", Some(cluster)) if is_cluster => {
                Self::NotFound {
                    cluster: cluster.clone(),
                    place,
                }
            }
            (code, _) if is_throttling(code) || status == 429 => Self::Throttled {
                service,
                code: or_status(code),
                place,
            },
            (code, _) if is_access_denied(code) => Self::AccessDenied {
                doing,
                action,
                place,
                message,
            },
            (code, _) if is_credential_trouble(code) => Self::CredentialsRefused {
                service,
                code: code.into(),
                place,
                message,
            },
            _ if matches!(status, 500 | 502..=504) => Self::Unavailable {
                service,
                place,
                status,
                message,
            },
            (code, _) => Self::Refused {
                service,
                doing,
                place,
                code: or_status(code),
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
            role: None,
        };
        let call = Call {
            service: "EKS",
            action: "eks:DescribeCluster",
            doing: "describe EKS cluster \"dev\"".into(),
            cluster: Some("dev".into()),
        };
        AwsError::from_answer(&call, Box::new(place), status, code, Some("text".into()))
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
