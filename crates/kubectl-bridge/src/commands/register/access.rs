//! How Argo CD will get in, and what is known of the cluster: from the flags, from the Secret that is there, from EKS.

use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use bridge_aws::Session;
use bridge_core::{
    connection::Connection,
    facts::{EksArn, EksFacts},
    keys,
    registration::Access,
    secret::ClusterSecret,
};
use bridge_kube::{DryRun, Hub};

use super::{EKS_STEP, api, spoke::Spoke};
use crate::{
    args::{EksAccess, RegisterOptions, Way},
    context::Context,
    usage::usage,
};

/// What was found.
pub struct Found {
    /// The way in. Where an account is still to be made, with a stand-in for its token.
    pub access: Access,
    /// What EKS says.
    pub facts: Option<EksFacts>,
    /// Credentials with which EKS said it.
    pub session: Option<Session>,
    /// What the API server itself says, where EKS is not asked.
    pub kubernetes_version: Option<String>,
    /// Name in the server's certificate.
    pub tls_server_name: Option<String>,
    /// A spoke on which an account is to be made.
    pub spoke: Option<Spoke>,
}

impl Found {
    fn new(access: Access) -> Self {
        Self {
            access,
            facts: None,
            session: None,
            kubernetes_version: None,
            tls_server_name: None,
            spoke: None,
        }
    }
}

/// Finds it; each look at something else than the hub becomes a step.
pub async fn find(
    ctx: &Context,
    hub: &Hub,
    options: &RegisterOptions,
    current: Option<&ClusterSecret>,
    steps: &mut Vec<String>,
) -> anyhow::Result<Found> {
    let connection = current.map(ClusterSecret::connection);
    let (mut found, asks_eks) = match &options.way {
        Way::Unsaid => unsaid(options, current, connection)?,
        Way::Eks(access) => (Found::new(eks_access(access, connection)), true),
        Way::InCluster => (Found::new(Access::InCluster), false),
        Way::Endpoint {
            server,
            ca_file,
            token_file,
        } => {
            let access = Access::Token {
                server: server.clone(),
                token: token(token_file)?,
                ca: ca_file.as_deref().map(certificate_file).transpose()?,
            };
            (Found::new(access), false)
        }
        Way::Context {
            context,
            kubeconfig,
            copy,
        } => {
            let spoke = Spoke::open(ctx, context, kubeconfig.as_deref(), *copy, options).await?;
            let mut found = Found::new(spoke.access());
            found.kubernetes_version = Some(spoke.version().await?);
            found.tls_server_name = spoke.tls_server_name();
            let step = spoke.step();
            if !spoke.copies() {
                found.spoke = Some(spoke);
            }
            // Said with the plan, once the hub has not refused it.
            steps.push(step);
            (found, false)
        }
    };
    if asks_eks || options.aws_cluster_name.is_some() {
        let (facts, session) = describe(options, current).await?;
        let step = described(&facts);
        // A dry run's answer holds it.
        if options.write.dry_run == DryRun::None || ctx.out.is_machine() {
            ctx.out.note(&step)?;
        }
        steps.push(step);
        found.facts = Some(facts);
        found.session = Some(session);
    } else if let (Access::InCluster, Hub::Live(live)) = (&found.access, hub) {
        // The hub says it itself. Only good to have: whoever may write Secrets may not need to be told this.
        let version = live.client().apiserver_version().await;
        found.kubernetes_version = version.ok().map(|info| api::version(&info));
    }
    Ok(found)
}

/// The same for a cluster that EKS has described already.
pub fn known(
    options: &RegisterOptions,
    current: Option<&ClusterSecret>,
    facts: EksFacts,
    session: Session,
    steps: &mut Vec<String>,
) -> anyhow::Result<Found> {
    let connection = current.map(ClusterSecret::connection);
    let found = match &options.way {
        Way::Unsaid => unsaid(options, current, connection)?.0,
        Way::Eks(access) => Found::new(eks_access(access, connection)),
        Way::Context { .. } | Way::Endpoint { .. } | Way::InCluster => {
            return usage("--discovered is about clusters of EKS");
        }
    };
    steps.push(described(&facts));
    Ok(Found {
        facts: Some(facts),
        session: Some(session),
        ..found
    })
}

fn described(facts: &EksFacts) -> String {
    let version = facts.version.as_ref();
    let version = version.map(|version| format!(", Kubernetes {version}"));
    format!(
        "{EKS_STEP}{} is {}{}",
        facts.arn,
        facts.status,
        version.unwrap_or_default()
    )
}

/// As registered, else EKS; and whether EKS is to be asked.
fn unsaid(
    options: &RegisterOptions,
    current: Option<&ClusterSecret>,
    connection: Option<Connection>,
) -> anyhow::Result<(Found, bool)> {
    let is_eks = current.is_some_and(|current| current.cluster.annotations.contains_key(keys::CLUSTER_ARN));
    let access = match connection {
        None | Some(Connection::EksDirect { .. }) => Access::Direct,
        Some(Connection::EksRole { role_arn, .. }) => Access::Role { role_arn },
        Some(Connection::ManagedArn) => Access::Capability,
        Some(Connection::InCluster) => Access::InCluster,
        Some(
            Connection::Token
            | Connection::ClientCertificate
            | Connection::Basic { .. }
            | Connection::Exec { .. },
        ) => Access::Keep,
        Some(Connection::Anonymous | Connection::Malformed(_)) => {
            return usage(format!(
                "the Secret of \"{}\" does not say how Argo CD gets in: say it with --access, --spoke-context, --endpoint or \
                 --in-cluster",
                options.name
            ));
        }
    };
    let asks = is_eks || !matches!(access, Access::InCluster | Access::Keep);
    Ok((Found::new(access), asks))
}

fn eks_access(access: &EksAccess, connection: Option<Connection>) -> Access {
    match access {
        EksAccess::Direct => Access::Direct,
        EksAccess::Capability => Access::Capability,
        EksAccess::Role(Some(role_arn)) => Access::Role {
            role_arn: role_arn.clone(),
        },
        EksAccess::Role(None) => match connection {
            Some(Connection::EksRole { role_arn, .. }) => Access::Role { role_arn },
            // Named once EKS has told what the team's pattern needs, or made.
            _ => Access::Role {
                role_arn: String::new(),
            },
        },
    }
}

/// Asks EKS about the cluster: by flag, else as it is registered, else by NAME.
async fn describe(
    options: &RegisterOptions,
    current: Option<&ClusterSecret>,
) -> anyhow::Result<(EksFacts, Session)> {
    let registered = |key: &str| {
        current
            .and_then(|current| current.cluster.annotations.get(key))
            .cloned()
    };
    let word = options
        .aws_cluster_name
        .clone()
        .or_else(|| registered(keys::AWS_CLUSTER_NAME))
        .unwrap_or_else(|| options.name.clone());
    let mut aws = options.aws.clone();
    let arn = word
        .starts_with("arn:")
        .then(|| EksArn::parse(&word))
        .transpose()?;
    if let Some(arn) = &arn {
        if aws.region.as_ref().is_some_and(|region| *region != arn.region) {
            return usage(format!(
                "--region contradicts the ARN, which is in {}",
                arn.region
            ));
        }
        aws = aws.in_region_of(arn);
    }
    aws.region = aws.region.or_else(|| registered(keys::AWS_REGION));
    let name = arn.as_ref().map_or(word.as_str(), |arn| arn.name.as_str());
    let look = async {
        let session = Session::open(&aws).await?;
        let facts = session.eks().describe_cluster(name).await?;
        Ok::<_, bridge_aws::AwsError>((facts, session))
    };
    let (facts, session) = Box::pin(look).await.with_context(|| {
        let hint = if current.is_none() && options.way == Way::Unsaid {
            " (a cluster that is not in EKS: --spoke-context, --endpoint or --in-cluster)"
        } else {
            ""
        };
        format!("cannot look up \"{}\" in EKS{hint}", options.name)
    })?;
    match arn {
        Some(arn) if arn != facts.arn => bail!(
            "asked for {arn}, EKS describes {}: other credentials are needed",
            facts.arn
        ),
        _ => Ok((facts, session)),
    }
}

fn token(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("--token-file {}", file.display()))?;
    let token = text.trim();
    if token.is_empty() {
        bail!("--token-file {}: it is empty", file.display());
    }
    if token.contains(|c: char| c.is_whitespace() || c.is_control()) {
        bail!("--token-file {}: it holds more than one token", file.display());
    }
    Ok(token.to_owned())
}

fn certificate_file(file: &Path) -> anyhow::Result<String> {
    let pem = std::fs::read(file).with_context(|| format!("--ca-file {}", file.display()))?;
    certificate(&pem).with_context(|| format!("--ca-file {}", file.display()))
}

/// Base64 of a PEM certificate, once it is one.
pub fn certificate(pem: &[u8]) -> anyhow::Result<String> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
        bail!("it holds no PEM certificate (-----BEGIN CERTIFICATE-----)");
    }
    Ok(base64::prelude::BASE64_STANDARD.encode(pem))
}
