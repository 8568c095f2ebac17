//! From kubectl's flags to a client.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, PoisonError},
};

use http::{HeaderValue, Uri, header::USER_AGENT};
use kube::{Client, Config};
use secrecy::ExposeSecret;

use crate::{
    context::{self, Chosen},
    error::{Cause, HubError},
    failure::{self, Parties},
    flags::ConnectionFlags,
    kubeconfig::{self, Found},
    proxy::ProxyEnvironment,
};

/// Which hub a client talks to, and as whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Context of the kubeconfig; empty where there is none.
    pub context: String,
    /// Its cluster entry; empty where there is none.
    pub cluster: String,
    /// Address of the API server.
    pub server: String,
    /// The user impersonated, or else the user entry of the kubeconfig: not what the API server makes of it.
    pub user: String,
}

/// A client with its deadline and the names for its messages.
pub(crate) struct Connected {
    pub client: Client,
    pub target: Target,
    pub parties: Parties,
}

/// Connects as kubectl would. No request is sent, but a credential plugin may run.
///
/// `--request-timeout` is not part of the client, since it would end a watch; a [`crate::Hub`] keeps it for each of its requests.
/// The client does not retry by itself.
pub async fn connect(flags: &ConnectionFlags) -> Result<(Client, Target), HubError> {
    let connected = connected(flags).await?;
    Ok((connected.client, connected.target))
}

pub(crate) async fn connected(flags: &ConnectionFlags) -> Result<Connected, HubError> {
    let list = std::env::var_os("KUBECONFIG");
    let home = std::env::home_dir();
    let found = kubeconfig::find(flags.kubeconfig.as_deref(), list.as_deref(), home.as_deref())?;
    let chosen = match found {
        Found::Kubeconfig(found) => context::choose(&found, flags)?,
        Found::Nothing(looked_for) => match context::from_flags(flags)? {
            Some(chosen) => chosen,
            None => return in_cluster(flags, looked_for),
        },
    };
    from_chosen(chosen, flags).await
}

async fn from_chosen(chosen: Chosen, flags: &ConnectionFlags) -> Result<Connected, HubError> {
    let target = Target {
        user: flags.as_user.clone().unwrap_or_else(|| chosen.user.clone()),
        context: chosen.context,
        cluster: chosen.cluster,
        server: chosen.server,
    };
    let mut config = Config::from_custom_kubeconfig(chosen.kubeconfig, &context::whole())
        .await
        .map_err(|error| HubError::Kubeconfig {
            what: format!("cannot use {}", named(&target)),
            cause: Some(kubeconfig::config_cause(&error)),
        })?;
    // kube holds NO_PROXY against the proxy's own address instead of the server's.
    config.proxy_url =
        match ProxyEnvironment::read().proxy_for(&config.cluster_url, chosen.proxy_url.as_deref()) {
            Some(proxy) => Some(proxy.parse::<Uri>().map_err(|error| HubError::Kubeconfig {
                what: format!("cannot use the proxy of {}", named(&target)),
                cause: Some(Cause::new(error.to_string())),
            })?),
            None => None,
        };
    build(config, target, chosen.credential_command, flags)
}

fn in_cluster(flags: &ConnectionFlags, looked_for: String) -> Result<Connected, HubError> {
    // Named flags ask for a kubeconfig; the Pod's own account is not what was meant.
    if flags.context.is_some() || flags.cluster.is_some() || flags.user.is_some() {
        return Err(HubError::NoConfiguration { looked_for });
    }
    let mut config = Config::incluster().map_err(|_| HubError::NoConfiguration { looked_for })?;
    context::edit_user(&mut config.auth_info, flags);
    let target = Target {
        context: "in-cluster".into(),
        cluster: String::new(),
        server: config.cluster_url.to_string().trim_end_matches('/').to_owned(),
        user: flags
            .as_user
            .clone()
            .unwrap_or_else(|| "the service account of the Pod".into()),
    };
    build(config, target, None, flags)
}

fn build(
    mut config: Config,
    target: Target,
    credential_command: Option<String>,
    flags: &ConnectionFlags,
) -> Result<Connected, HubError> {
    let agent = HeaderValue::from_str(&flags.user_agent).map_err(|error| HubError::Kubeconfig {
        what: "cannot use the user agent".into(),
        cause: Some(Cause::new(error.to_string())),
    })?;
    config.headers.push((USER_AGENT, agent));
    // Retries are the business of whoever knows what is being asked; kube's go on for minutes.
    config.default_retry = false;
    let parties = Parties {
        host: host(&config.cluster_url),
        user: target.user.clone(),
        credential_command,
    };
    check_token(&config, flags)?;
    let client = client(config, &parties)?.map_err(|error| match error {
        kube::Error::Auth(_) => failure::no_answer(&error, &parties),
        kube::Error::ProxyProtocolUnsupported { proxy_url }
        | kube::Error::ProxyProtocolDisabled { proxy_url, .. } => HubError::Kubeconfig {
            what: format!("cannot use the proxy of {}", named(&target)),
            cause: Some(Cause::new(format!(
                "scheme {} is none of http, https, socks5",
                proxy_url.scheme_str().unwrap_or_default()
            ))),
        },
        kube::Error::InferKubeconfig(error) => HubError::Kubeconfig {
            what: format!("cannot use {}", named(&target)),
            cause: Some(kubeconfig::config_cause(&error)),
        },
        other => HubError::Kubeconfig {
            what: format!("cannot use {}", named(&target)),
            cause: Some(Cause::new(other.to_string())),
        },
    })?;
    Ok(Connected {
        client,
        target,
        parties,
    })
}

/// A client. kube panics where a token that a credential plugin gives fits into no header (`AddAuthorizationLayer::bearer` of
/// tower-http); that is caught, and nothing said of it elsewhere.
fn client(config: Config, parties: &Parties) -> Result<Result<Client, kube::Error>, HubError> {
    // What is said of a panic is the process's: one at a time, so that each puts back what it found.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    if config.auth_info.exec.is_none() {
        return Ok(Client::try_from(config));
    }
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let made = panic::catch_unwind(AssertUnwindSafe(|| Client::try_from(config)));
    panic::set_hook(hook);
    made.map_err(|_| HubError::Credentials {
        command: parties
            .credential_command
            .clone()
            .unwrap_or_else(|| "the kubeconfig".into()),
        cause: Cause::new("the token holds characters that a request header cannot"),
    })
}

/// kube takes any token, and panics where it fits into no header.
fn check_token(config: &Config, flags: &ConnectionFlags) -> Result<(), HubError> {
    let token = config.auth_info.token.as_ref();
    if token.is_none_or(|token| HeaderValue::from_str(token.expose_secret()).is_ok()) {
        return Ok(());
    }
    let source = if flags.token.is_some() {
        "--token"
    } else {
        "the kubeconfig"
    };
    Err(HubError::Credentials {
        command: source.into(),
        cause: Cause::new("the token holds characters that a request header cannot"),
    })
}

fn named(target: &Target) -> String {
    if target.context.is_empty() {
        format!("server {}", target.server)
    } else {
        format!("context \"{}\" of the kubeconfig", target.context)
    }
}

fn host(uri: &Uri) -> String {
    uri.authority().map_or_else(
        || uri.to_string(),
        |authority| {
            let authority = authority.as_str();
            authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host)
                .to_owned()
        },
    )
}
