//! Registration of a cluster with the hub: what is known and asked for goes in, the cluster Secret comes out.

mod build;
mod checks;
#[cfg(test)]
mod tests;

use k8s_openapi::api::core::v1::Secret;

use crate::{
    access::Grants,
    change::{ChangeError, KeyChanges, KeyDiff},
    cluster::Cluster,
    facts::EksFacts,
    keys,
    name::NameError,
    secret::ClusterSecret,
    selector::Map,
};

/// Environments that a cluster's own name may stand for.
pub(crate) const KNOWN_ENVIRONMENTS: [&str; 4] = ["dev", "staging", "prod", "control-plane"];

/// Labels that `register` writes on every run. Disjoint from what `label` and `addons` are for.
pub(crate) const FIXED_LABELS: [&str; 5] = [
    keys::SECRET_TYPE,
    keys::CLUSTER_NAME,
    keys::ENVIRONMENT,
    keys::KUBERNETES_VERSION,
    keys::AWS_CLUSTER_NAME,
];

/// Annotations that `register` writes on every run, as far as they are known.
pub(crate) const FIXED_ANNOTATIONS: [&str; 21] = [
    keys::CLUSTER_NAME,
    keys::ENVIRONMENT,
    keys::AWS_CLUSTER_NAME,
    keys::AWS_REGION,
    keys::AWS_ACCOUNT_ID,
    keys::AWS_PARTITION,
    keys::AWS_VPC_ID,
    keys::AWS_CLUSTER_SECURITY_GROUP_ID,
    keys::AWS_OIDC_PROVIDER,
    keys::AWS_SERVICE_CIDR,
    keys::AWS_IP_FAMILY,
    keys::AWS_ENDPOINT_ACCESS,
    keys::AWS_AUTHENTICATION_MODE,
    keys::AWS_PLATFORM_VERSION,
    keys::AWS_SUPPORT_TYPE,
    keys::AWS_AUTO_MODE,
    keys::CLUSTER_ARN,
    keys::CREATED_AT,
    keys::ACCESS,
    keys::GRANTS,
    keys::SCHEMA,
];

/// What to register.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The short name: `data.name`, label `cluster_name`, and sanitised the name of the Secret.
    pub name: String,
    /// How Argo CD gets in.
    pub access: Access,
    /// What EKS says, for a cluster there.
    pub facts: Option<EksFacts>,
    /// What is made in AWS for it; `None`: nothing, or as it was.
    pub grants: Option<Grants>,
    /// Kubernetes version of a cluster that EKS does not describe.
    pub kubernetes_version: Option<String>,
    /// Environment, if named.
    pub environment: Option<String>,
    /// Further labels, toggles among them.
    pub labels: Map,
    /// Further annotations.
    pub annotations: Map,
    /// `data.project`.
    pub project: Option<String>,
    /// `data.shard`.
    pub shard: Option<u32>,
    /// `data.namespaces`; empty means all.
    pub namespaces: Option<Vec<String>>,
    /// `data.clusterResources`.
    pub cluster_resources: Option<bool>,
    /// `proxyUrl` of `config`.
    pub proxy_url: Option<String>,
    /// Name in the server's certificate, where it is not that of the server.
    pub tls_server_name: Option<String>,
}

/// How Argo CD gets into the cluster. `Debug` shows no credential.
#[derive(Clone, PartialEq, Eq)]
pub enum Access {
    /// EKS token of the hub's own role.
    Direct,
    /// EKS token of a role that the hub's role assumes.
    Role {
        /// That role.
        role_arn: String,
    },
    /// Argo CD as an EKS capability: the server is the cluster's ARN.
    Capability,
    /// A bearer token.
    Token {
        /// URL of the API server.
        server: String,
        /// The token.
        token: String,
        /// Certificate authority, base64 of PEM.
        ca: Option<String>,
    },
    /// A client certificate.
    Certificate {
        /// URL of the API server.
        server: String,
        /// Certificate, base64 of PEM.
        certificate: String,
        /// Private key, base64 of PEM.
        key: String,
        /// Certificate authority, base64 of PEM.
        ca: Option<String>,
    },
    /// The hub itself.
    InCluster,
    /// As it is registered: server and `config` stay.
    Keep,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl Access {
    /// One word, as [`keys::ACCESS`] keeps it; `keep` stands for the word that is there.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Role { .. } => "role",
            Self::Capability => "capability",
            Self::Token { .. } => "token",
            Self::Certificate { .. } => "certificate",
            Self::InCluster => "in-cluster",
            Self::Keep => "keep",
        }
    }

    /// Whether `config` holds something that lets anybody in who has it.
    pub fn holds_credential(&self) -> bool {
        matches!(self, Self::Token { .. } | Self::Certificate { .. })
    }
}

/// What a registration writes. `Debug` shows no credential.
#[derive(Clone)]
pub struct Plan {
    /// The Secret as it is, if the cluster is registered already.
    pub current: Option<ClusterSecret>,
    /// To create: the whole Secret. To update: the fixed set of keys, for a server-side apply. Holds credentials.
    pub secret: Secret,
    /// To update: the further labels and annotations, for a patch after the apply. Empty when `secret` is created.
    pub changes: KeyChanges,
    /// The cluster afterwards.
    pub after: Cluster,
    /// Every key that differs afterwards, `data` included; `config` without its content.
    pub diffs: Vec<KeyDiff>,
    /// What to know about it.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("current", &self.current)
            .field("changes", &self.changes)
            .field("after", &self.after)
            .field("diffs", &self.diffs)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// Why a cluster cannot be registered so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// Nothing usable is left of NAME.
    #[error("the name \"{0}\" cannot name a Secret: it needs at least one letter or digit of a-z, 0-9")]
    Name(String),
    /// NAME, a label or a key that the API server would refuse.
    #[error(transparent)]
    Label(#[from] NameError),
    /// A label or annotation that is not to be set so.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// No environment is known.
    #[error(
        "no environment for \"{0}\": it is none of dev, staging, prod and control-plane, and no EKS tag \"environment\" says it; \
         say it with --environment"
    )]
    NoEnvironment(String),
    /// The environment of the EKS tag is no label value.
    #[error(
        "the EKS tag \"{tag}\" of the cluster cannot be its environment: {cause}; say another with --environment"
    )]
    EnvironmentTag {
        /// Key of the tag.
        tag: String,
        /// What is wrong with its value.
        cause: NameError,
    },
    /// EKS is not done with the cluster, or done for good.
    #[error(
        "EKS cluster \"{cluster}\" is {status}: only an ACTIVE or UPDATING cluster can be registered{}",
        if status == "CREATING" || status == "PENDING" { "; wait until it is ACTIVE" } else { "" }
    )]
    Status {
        /// EKS name.
        cluster: String,
        /// Its status.
        status: String,
    },
    /// A member that the Secret needs and EKS left out.
    #[error("EKS describes cluster \"{cluster}\" without {member}, which the cluster Secret needs")]
    MissingFact {
        /// EKS name.
        cluster: String,
        /// Member of the `Cluster` structure.
        member: &'static str,
    },
    /// Access shapes direct, role and capability are for EKS.
    #[error("--access {0} is for EKS clusters, and nothing is known from EKS about this one")]
    NoFacts(&'static str),
    /// An EKS Connector cluster has no endpoint that Argo CD could use.
    #[error(
        "\"{0}\" joined EKS through the EKS Connector and has no EKS endpoint; register it with --spoke-context or --endpoint"
    )]
    Connected(String),
    /// The capability authenticates through access entries only.
    #[error(
        "EKS cluster \"{0}\" has authentication mode CONFIG_MAP: access entries do not work there, and the Argo CD capability has \
         no other way in; change it with \"aws eks update-cluster-config --access-config authenticationMode=API_AND_CONFIG_MAP\""
    )]
    ConfigMapMode(String),
    /// Not the ARN of a role.
    #[error("\"{0}\" is not the ARN of an IAM role (arn:<partition>:iam::<account>:role/<name>)")]
    RoleArn(String),
    /// Not a URL that Argo CD could use as `server`.
    #[error("the server \"{server}\" is not the URL of an API server (https://HOST[:PORT]){hint}")]
    Server {
        /// As given.
        server: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// There is no `config` to keep it in: the capability has none, and one that is kept may be absent or malformed.
    #[error(
        "--proxy-url has no effect: the Secret has no config that could hold it; \
         say how Argo CD gets in with --access (capability has no config)"
    )]
    ProxyWithoutConfig,
    /// Not a proxy URL.
    #[error("--proxy-url \"{0}\" is not an http, https or socks5 URL")]
    Proxy(String),
    /// [`Access::Keep`] of a cluster that is not registered.
    #[error("\"{0}\" is not registered: how Argo CD gets in must be said")]
    NothingToKeep(String),
    /// Several Secrets have this name already.
    #[error(
        "several cluster Secrets are named \"{name}\" ({secrets}): Argo CD uses a random one of them; delete all but one first"
    )]
    Ambiguous {
        /// `data.name`.
        name: String,
        /// Their Secrets.
        secrets: String,
    },
    /// Another Secret is in the way.
    #[error(
        "Secret \"{secret}\" in the hub has {what}: two such Secrets break Argo CD without a word; \
         unregister \"{other}\" first, or register under that name"
    )]
    Duplicate {
        /// Secret in the way.
        secret: String,
        /// `data.name` of it.
        other: String,
        /// What both would have.
        what: String,
    },
    /// NAME is taken by another EKS cluster.
    #[error(
        "\"{name}\" is registered for {registered}, and EKS describes {described}: \
         choose another name, or unregister \"{name}\" first"
    )]
    OtherCluster {
        /// NAME.
        name: String,
        /// ARN in the hub.
        registered: String,
        /// ARN that EKS gives.
        described: String,
    },
    /// It is being unregistered.
    #[error(
        "\"{0}\" is being drained: let \"unregister {0} --drain\" finish, or take label kubectl-bridge/drain away first"
    )]
    Draining(String),
    /// A key that says something else than what is known.
    #[error(
        "{kind} {key} is \"{known}\" by what is known of the cluster, not \"{given}\": leave it out{hint}"
    )]
    Contradiction {
        /// `label` or `annotation`.
        kind: &'static str,
        /// Its key.
        key: String,
        /// Value that is known.
        known: String,
        /// Value that was given.
        given: String,
        /// The flag that sets it, if any.
        hint: &'static str,
    },
    /// The own keys are not for hand-written values.
    #[error("{kind} {key} is kept by this tool and cannot be set by hand")]
    OwnKey {
        /// `label` or `annotation`.
        kind: &'static str,
        /// Its key.
        key: String,
    },
}
