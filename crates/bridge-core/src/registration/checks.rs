//! What a registration refuses, and what it warns of.

use super::{Access, KNOWN_ENVIRONMENTS, Registration, RegistrationError};
use crate::{
    cluster::{self, Cluster},
    connection::Connection,
    facts::EksFacts,
    keys, name,
    secret::ClusterSecret,
};

/// The Secret of this name among those of the hub, once nothing else stands in the way of the name.
pub(super) fn current<'a>(
    registration: &Registration,
    secret_name: &str,
    hub: &'a [ClusterSecret],
) -> Result<Option<&'a ClusterSecret>, RegistrationError> {
    let name = &registration.name;
    let mut same = hub.iter().filter(|secret| secret.cluster.name == *name);
    let current = same.next();
    let rest: Vec<&str> = same.map(|secret| secret.cluster.secret_name.as_str()).collect();
    match current {
        Some(first) if !rest.is_empty() => Err(RegistrationError::Ambiguous {
            name: name.clone(),
            secrets: [&[first.cluster.secret_name.as_str()], &rest[..]]
                .concat()
                .join(", "),
        }),
        Some(current) if current.cluster.is_draining() => Err(RegistrationError::Draining(name.clone())),
        Some(current) => Ok(Some(current)),
        None => match hub
            .iter()
            .find(|secret| secret.cluster.secret_name == secret_name)
        {
            Some(taken) => Err(duplicate(
                &taken.cluster,
                format!("the name that \"{name}\" would give its own Secret"),
            )),
            None => Ok(None),
        },
    }
}

/// Refuses a second Secret for one server or one EKS cluster.
pub(super) fn unique(
    server: &str,
    facts: Option<&EksFacts>,
    current: Option<&ClusterSecret>,
    hub: &[ClusterSecret],
) -> Result<(), RegistrationError> {
    let arn = facts.map(|facts| facts.arn.to_string());
    let others = hub
        .iter()
        .map(|secret| &secret.cluster)
        .filter(|other| current.is_none_or(|current| current.cluster.secret_name != other.secret_name));
    for other in others {
        if cluster::same_server(&other.server, server) {
            return Err(duplicate(other, format!("the same server, {server}")));
        }
        if let Some(arn) = &arn
            && (other.annotations.get(keys::CLUSTER_ARN) == Some(arn) || other.server == *arn)
        {
            return Err(duplicate(other, format!("the same EKS cluster, {arn}")));
        }
    }
    Ok(())
}

/// Refuses to point a name at another EKS cluster: everything deployed would move there.
pub(super) fn same_cluster(
    facts: Option<&EksFacts>,
    current: Option<&ClusterSecret>,
) -> Result<(), RegistrationError> {
    let (Some(facts), Some(current)) = (facts, current) else {
        return Ok(());
    };
    let described = facts.arn.to_string();
    match current.cluster.annotations.get(keys::CLUSTER_ARN) {
        Some(registered) if *registered != described => Err(RegistrationError::OtherCluster {
            name: current.cluster.name.clone(),
            registered: registered.clone(),
            described,
        }),
        _ => Ok(()),
    }
}

/// What EKS says must allow the way in.
pub(super) fn usable(registration: &Registration) -> Result<(), RegistrationError> {
    if let Some(facts) = &registration.facts
        && !matches!(facts.status.as_str(), "ACTIVE" | "UPDATING")
    {
        return Err(RegistrationError::Status {
            cluster: facts.arn.name.clone(),
            status: facts.status.clone(),
        });
    }
    let proxy = registration.proxy_url.as_deref();
    if let Some(url) = proxy
        && !["http://", "https://", "socks5://"]
            .iter()
            .any(|scheme| url.strip_prefix(scheme).is_some_and(|host| !host.is_empty()))
    {
        return Err(RegistrationError::Proxy(url.to_owned()));
    }
    match &registration.access {
        Access::Direct | Access::Role { .. } | Access::Capability => {
            let Some(facts) = &registration.facts else {
                return Err(RegistrationError::NoFacts(registration.access.word()));
            };
            if facts.is_connected {
                return Err(RegistrationError::Connected(facts.arn.name.clone()));
            }
            if let Access::Role { role_arn } = &registration.access {
                role(role_arn)?;
            }
            if registration.access == Access::Capability {
                if facts.authentication_mode.as_deref() == Some("CONFIG_MAP") {
                    return Err(RegistrationError::ConfigMapMode(facts.arn.name.clone()));
                }
                if proxy.is_some() {
                    return Err(RegistrationError::ProxyWithoutConfig);
                }
            }
            Ok(())
        }
        Access::Token { server, .. } | Access::Certificate { server, .. } => url(server),
        Access::InCluster | Access::Keep => Ok(()),
    }
}

fn role(arn: &str) -> Result<(), RegistrationError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", account, resource]
            if !partition.is_empty()
                && !account.is_empty()
                && resource
                    .strip_prefix("role/")
                    .is_some_and(|name| !name.is_empty()) =>
        {
            Ok(())
        }
        _ => Err(RegistrationError::RoleArn(arn.to_owned())),
    }
}

fn url(server: &str) -> Result<(), RegistrationError> {
    let host = server
        .strip_prefix("https://")
        .or_else(|| server.strip_prefix("http://"))
        .map(|rest| rest.split('/').next().unwrap_or_default());
    match host {
        // What stands before an @ is a credential: it would be shown with the address.
        Some(_) if server.contains('@') => Err(RegistrationError::Server {
            server: server.rsplit('@').next().unwrap_or_default().to_owned(),
            hint: "; leave the user and password before it out",
        }),
        Some(host)
            if !host.is_empty() && !host.contains(char::is_whitespace) && !server.contains(['?', '#']) =>
        {
            Ok(())
        }
        _ => Err(RegistrationError::Server {
            server: server.to_owned(),
            hint: if server.starts_with("arn:") {
                "; for Argo CD as an EKS capability use --access capability"
            } else {
                ""
            },
        }),
    }
}

/// Flag, else what it was, else the EKS tag, else the name if it is one.
pub(super) fn environment(
    registration: &Registration,
    current: Option<&Cluster>,
) -> Result<String, RegistrationError> {
    let check = |value: &str| name::check_label_value(keys::ENVIRONMENT, value);
    if let Some(flag) = registration
        .environment
        .as_deref()
        .filter(|flag| !flag.is_empty())
    {
        check(flag)?;
        return Ok(flag.to_owned());
    }
    if let Some(was) = current
        .and_then(Cluster::environment)
        .filter(|was| !was.is_empty())
    {
        // An annotation may hold more than a label; then it is for the user to say which.
        check(was)?;
        return Ok(was.to_owned());
    }
    if let Some((tag, value)) = registration.facts.as_ref().and_then(EksFacts::environment_tag) {
        return match check(value) {
            Ok(()) => Ok(value.to_owned()),
            Err(cause) => Err(RegistrationError::EnvironmentTag {
                tag: tag.to_owned(),
                cause,
            }),
        };
    }
    if KNOWN_ENVIRONMENTS.contains(&registration.name.as_str()) {
        return Ok(registration.name.clone());
    }
    Err(RegistrationError::NoEnvironment(registration.name.clone()))
}

/// What is no reason to refuse, but good to know.
pub(super) fn warnings(
    registration: &Registration,
    server: &str,
    current: Option<&ClusterSecret>,
    hub: &[ClusterSecret],
) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(facts) = &registration.facts {
        let in_config = matches!(registration.access, Access::Direct | Access::Role { .. });
        if in_config && facts.authentication_mode.as_deref() == Some("CONFIG_MAP") {
            warnings.push(format!(
                "EKS cluster \"{}\" has authentication mode CONFIG_MAP: Argo CD's role gets in only if ConfigMap aws-auth there maps it",
                facts.arn.name
            ));
        }
        if in_config && let Some(access) = &facts.endpoint_access {
            if !access.public {
                warnings.push(format!(
                    "the endpoint of \"{}\" is private: the hub must reach its VPC",
                    facts.arn.name
                ));
            } else if !access.public_cidrs.is_empty()
                && !access.public_cidrs.iter().any(|cidr| cidr == "0.0.0.0/0")
            {
                warnings.push(format!(
                    "the public endpoint of \"{}\" admits only {}: the hub must be among them{}",
                    facts.arn.name,
                    access.public_cidrs.join(", "),
                    if access.private { ", or in its VPC" } else { "" }
                ));
            }
        }
        if name::check_label_value(keys::AWS_CLUSTER_NAME, &facts.arn.name).is_err() {
            warnings.push(format!(
                "the EKS name \"{}\" is no label value ({} characters; 63 letters, digits, \".\", \"_\" and \"-\" at most): \
                 it is kept as annotation aws_cluster_name only",
                facts.arn.name,
                facts.arn.name.len()
            ));
        }
    }
    if let Some(current) = current {
        let was = &current.cluster;
        let created = |annotations: &crate::selector::Map| annotations.get(keys::CREATED_AT).cloned();
        let before = created(&was.annotations);
        let now = registration
            .facts
            .as_ref()
            .and_then(|facts| created(&facts.annotations()));
        if let (Some(before), Some(now)) = (before, now)
            && before != now
        {
            warnings.push(format!(
                "the EKS cluster was created anew ({now}, before {before}): its access entries went with the old one"
            ));
        } else if was.server.is_empty() {
            warnings.push(format!("the Secret names no server today: it becomes {server}"));
        } else if !cluster::same_server(&was.server, server) {
            warnings.push(format!("the server changes from {} to {server}", was.server));
        }
        if let Connection::Malformed(error) = current.connection()
            && registration.access != Access::Keep
        {
            warnings.push(format!("{error} today and is written anew"));
        }
    }
    for other in hub {
        let other_name = &other.cluster.secret_name;
        let written_anew = registration.access != Access::Keep
            && current.is_some_and(|current| current.cluster.secret_name == *other_name);
        if written_anew {
            continue;
        }
        if let Connection::Malformed(error) = other.connection() {
            warnings.push(format!(
                "Secret \"{other_name}\": {error}; as long as it is there Argo CD deletes no Application of any ApplicationSet"
            ));
        }
    }
    warnings
}

fn duplicate(other: &Cluster, what: String) -> RegistrationError {
    RegistrationError::Duplicate {
        secret: other.secret_name.clone(),
        other: other.name.clone(),
        what,
    }
}
