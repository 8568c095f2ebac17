//! What can go wrong with a hub, in kubectl's words.

use std::time::Duration;

use bridge_core::change::ChangeError;

use crate::ownership::Owned;

/// Why something cannot be done on the hub. A message says what failed, its source why; [`HubError::hint`] what to do.
/// Neither a message nor `Debug` ever holds a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// Neither a kubeconfig nor a Pod's service account.
    #[error("no hub to talk to: found neither a kubeconfig ({looked_for}) nor the service account of a Pod")]
    NoConfiguration {
        /// Files that were looked for.
        looked_for: String,
    },
    /// A kubeconfig, or a flag that edits it, cannot be used.
    #[error("{what}")]
    Kubeconfig {
        /// What cannot be used.
        what: String,
        /// Why.
        #[source]
        cause: Option<Cause>,
    },
    /// A credential plugin of the kubeconfig gave no credential.
    #[error("getting credentials from {command}")]
    Credentials {
        /// Command as the kubeconfig names it, without its arguments.
        command: String,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Nothing listens there.
    #[error("The connection to the server {host} was refused - did you specify the right host or port?")]
    Refused {
        /// Host and port.
        host: String,
    },
    /// No usable connection.
    #[error("Unable to connect to the server")]
    Unreachable {
        /// Host and port.
        host: String,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// `--request-timeout` has passed.
    #[error("Unable to connect to the server: no answer from {host} within {}s", .after.as_secs_f64())]
    Timeout {
        /// Host and port.
        host: String,
        /// The limit.
        after: Duration,
    },
    /// 401.
    #[error("You must be logged in to the server ({message})")]
    Unauthorized {
        /// The server's word.
        message: String,
    },
    /// 403.
    #[error("Error from server (Forbidden): {}", .0.message)]
    Forbidden(Box<Forbidden>),
    /// Argo CD's namespace is not there.
    #[error("Error from server (NotFound): namespaces \"{namespace}\" not found")]
    NamespaceMissing {
        /// The namespace asked for.
        namespace: String,
    },
    /// No cluster of that name.
    #[error("cluster \"{name}\" not found in {hub}{nearest}")]
    NotFound {
        /// Name asked for.
        name: String,
        /// Hub or folder.
        hub: String,
        /// `; did you mean …?`, or empty.
        nearest: String,
    },
    /// Several cluster Secrets with one `data.name`.
    #[error("cluster name \"{name}\" is shared by the Secrets {}", .secrets.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// Names of the Secrets.
        secrets: Vec<String>,
    },
    /// A Secret of that name is no cluster Secret.
    #[error("Secret \"{secret}\" is not a cluster Secret (label argocd.argoproj.io/secret-type=cluster)")]
    NotACluster {
        /// Name of the Secret.
        secret: String,
    },
    /// Something of that name is there already.
    #[error("Error from server (AlreadyExists): {resource} \"{name}\" already exists")]
    AlreadyExists {
        /// Plural kind, or `file`.
        resource: String,
        /// Its name.
        name: String,
    },
    /// Keys that belong to somebody who would set them back.
    #[error("{}", conflict(.secret, .owned))]
    Conflict {
        /// Name of the Secret.
        secret: String,
        /// Who owns what.
        owned: Vec<Owned>,
    },
    /// Other writers came first, each time, until the deadline.
    #[error("Secret \"{secret}\" was changed by others on each of {attempts} attempts within {}s", .within.as_secs())]
    Busy {
        /// Name of the Secret.
        secret: String,
        /// How often.
        attempts: u32,
        /// The deadline.
        within: Duration,
    },
    /// The object is not the one that was looked at.
    #[error("Secret \"{secret}\" was {how} since it was read")]
    Replaced {
        /// Name of the Secret.
        secret: String,
        /// `replaced`, `removed`, `changed`.
        how: &'static str,
    },
    /// A kind that Argo CD brings is not served.
    #[error("the hub does not know {kind} ({kind} CRD of Argo CD is not installed)")]
    MissingKind {
        /// `ApplicationSet`, `Application`.
        kind: &'static str,
    },
    /// 422, in kubectl's words.
    #[error("{0}")]
    Invalid(String),
    /// Any other answer that is no success.
    #[error("Error from server ({reason}): {message}")]
    Api {
        /// HTTP status.
        code: u16,
        /// Kubernetes' reason.
        reason: String,
        /// Kubernetes' message.
        message: String,
    },
    /// An answer, or an object in it, that cannot be read.
    #[error("cannot read {what}")]
    Malformed {
        /// What was read.
        what: String,
        /// Why, never quoting it.
        #[source]
        cause: Cause,
    },
    /// A change that no API server would take.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// What only a live hub can do.
    #[error("a folder hub cannot {0}")]
    FolderCannot(&'static str),
    /// A file of a folder hub.
    #[error("{what}")]
    Folder {
        /// What failed, naming the file.
        what: String,
        /// Why.
        #[source]
        cause: Option<Cause>,
    },
}

/// A 403: who may not do what, where.
#[derive(Debug)]
pub struct Forbidden {
    /// `list`, `get`, `create`, `patch`, `delete`.
    pub verb: &'static str,
    /// Plural, with its group: `secrets`, `applications.argoproj.io`.
    pub resource: &'static str,
    /// Namespace; `None` is all of them, or none.
    pub namespace: Option<String>,
    /// User of the kubeconfig, or the one impersonated.
    pub user: String,
    /// The server's sentence, which names all of that.
    pub message: String,
}

/// A cause in words that may be shown: taken from another error, without what it quotes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cause(pub(crate) String);

impl Cause {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl HubError {
    /// A next step, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoConfiguration { .. } => {
                Some("give --kubeconfig FILE, set KUBECONFIG, or use a folder of manifests with --hub-dir DIR".into())
            }
            Self::Kubeconfig { .. } => Some("\"kubectl config view\" shows what kubectl makes of it".into()),
            Self::Credentials { .. } | Self::Unauthorized { .. } => {
                Some("log in again and check with \"kubectl auth whoami\"".into())
            }
            Self::Refused { .. } | Self::Unreachable { .. } | Self::Timeout { .. } => {
                Some("check --context and the network; \"kubectl cluster-info\" asks the same server".into())
            }
            Self::Forbidden(forbidden) => Some(forbidden.hint()),
            Self::NamespaceMissing { .. } => Some("name Argo CD's namespace with -n NAMESPACE".into()),
            Self::NotFound { .. } => Some("\"kubectl bridge get\" lists the clusters".into()),
            Self::Ambiguous { secrets, .. } => secrets.first().map(|secret| {
                format!("use the name of a Secret, such as {secret}; two clusters with one name confuse Argo CD")
            }),
            Self::AlreadyExists { .. } => Some("choose another name, or look at what is there".into()),
            Self::Conflict { .. } => Some(
                "change it where it comes from, leave these keys out, or take them over with --force-conflicts \
                 (https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts)"
                    .into(),
            ),
            Self::Busy { .. } | Self::Replaced { .. } => Some("look at it and run the command again".into()),
            Self::MissingKind { .. } => {
                Some("install Argo CD on the hub, or choose the hub with --context".into())
            }
            Self::FolderCannot(_) => Some("leave --hub-dir out to work on a live hub".into()),
            _ => None,
        }
    }

    /// Whether the message is a whole line as kubectl prints it, so that `error: ` does not belong in front.
    pub fn is_whole_line(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Forbidden(_)
                | Self::NamespaceMissing { .. }
                | Self::AlreadyExists { .. }
                | Self::Invalid(_)
                | Self::Api { .. }
        )
    }

    /// Whether the hub itself cannot be used, so that trying the next object is of no use.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::NoConfiguration { .. }
                | Self::Kubeconfig { .. }
                | Self::Credentials { .. }
                | Self::Refused { .. }
                | Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Unauthorized { .. }
                | Self::NamespaceMissing { .. }
        )
    }
}

impl Forbidden {
    fn hint(&self) -> String {
        if !self.is_missing_right() {
            return "no right is missing: a rule of the hub refuses this (an admission policy, a webhook, a quota); leave out what \
                    it names, or ask whoever keeps the hub"
                .into();
        }
        let scope = match &self.namespace {
            Some(namespace) => format!("-n {namespace}"),
            None => "--all-namespaces".into(),
        };
        format!(
            "{} needs \"{}\" on {}; \"kubectl auth can-i {} {} {scope}\" shows it",
            self.user, self.verb, self.resource, self.verb, self.resource
        )
    }

    /// Whether authorization said no, in its own words (apiserver `NewForbidden` over `ForbiddenErrorMessage`). Admission
    /// answers 403 as well, to those who have the right.
    fn is_missing_right(&self) -> bool {
        self.message.contains(&format!("cannot {} resource", self.verb))
    }
}

fn conflict(secret: &str, owned: &[Owned]) -> String {
    let mut text = format!("Secret \"{secret}\" has keys that belong to others");
    for one in owned {
        text.push_str("\n* ");
        text.push_str(&one.to_string());
    }
    text
}
