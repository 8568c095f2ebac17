//! The context in use, with kubectl's flags worked in as client-go does it (`tools/clientcmd`).

use std::io::{self, IsTerminal};

use kube::config::{
    AuthInfo, Cluster, Context, ExecInteractiveMode, KubeConfigOptions, Kubeconfig, NamedAuthInfo,
    NamedCluster, NamedContext,
};
use secrecy::SecretString;

use crate::{
    error::{Cause, HubError},
    flags::ConnectionFlags,
};

/// A kubeconfig cut down to the one context in use, with the flags worked in.
pub(crate) struct Chosen {
    pub kubeconfig: Kubeconfig,
    /// Name of the context; empty if there is none.
    pub context: String,
    pub cluster: String,
    pub user: String,
    /// Address of the API server.
    pub server: String,
    pub proxy_url: Option<String>,
    /// Command of the credential plugin.
    pub credential_command: Option<String>,
}

/// Picks the context and works the flags in.
pub(crate) fn choose(found: &Kubeconfig, flags: &ConnectionFlags) -> Result<Chosen, HubError> {
    let context_name = flags
        .context
        .clone()
        .or_else(|| found.current_context.clone())
        .filter(|name| !name.is_empty());
    let context = match &context_name {
        Some(name) => found
            .contexts
            .iter()
            .find(|context| &context.name == name)
            .and_then(|context| context.context.clone())
            .ok_or_else(|| {
                missing(
                    "context",
                    name,
                    found.contexts.iter().map(|context| context.name.as_str()),
                )
            })?,
        None => Context::default(),
    };
    let cluster_name = flags.cluster.clone().unwrap_or_else(|| context.cluster.clone());
    let user_name = flags
        .user
        .clone()
        .or_else(|| context.user.clone())
        .unwrap_or_default();
    let cluster = pick_cluster(found, &cluster_name, flags)?;
    let user = pick_user(found, &user_name, flags)?;
    let Some(server) = cluster.server.clone().filter(|server| !server.is_empty()) else {
        let what = if context_name.is_none() {
            "no context is chosen: the kubeconfig has no current-context".to_owned()
        } else {
            format!("cluster \"{cluster_name}\" of the kubeconfig has no server")
        };
        return Err(HubError::Kubeconfig { what, cause: None });
    };
    Ok(Chosen {
        context: context_name.unwrap_or_default(),
        server,
        proxy_url: cluster.proxy_url.clone(),
        credential_command: user.exec.as_ref().and_then(|exec| exec.command.clone()),
        kubeconfig: single(&cluster_name, cluster, &user_name, user, context.namespace),
        cluster: cluster_name,
        user: user_name,
    })
}

/// Flags alone, where there is no kubeconfig: `--server` and what goes with it.
pub(crate) fn from_flags(flags: &ConnectionFlags) -> Result<Option<Chosen>, HubError> {
    if flags.server.is_none() {
        return Ok(None);
    }
    choose(&Kubeconfig::default(), flags).map(Some)
}

/// Works identity flags into the credentials of a Pod.
pub(crate) fn edit_user(user: &mut AuthInfo, flags: &ConnectionFlags) {
    if let Some(token) = &flags.token {
        user.token = Some(SecretString::from(token.clone()));
        // A token on the command line is meant to be used: client-go drops what would win over it.
        (user.token_file, user.exec, user.auth_provider) = (None, None, None);
        (user.username, user.password) = (None, None);
    }
    if let Some(file) = &flags.client_certificate {
        user.client_certificate = Some(file.to_string_lossy().into_owned());
        (user.client_certificate_data, user.exec) = (None, None);
    }
    if let Some(file) = &flags.client_key {
        user.client_key = Some(file.to_string_lossy().into_owned());
        user.client_key_data = None;
    }
    if let Some(name) = &flags.as_user {
        user.impersonate = Some(name.clone());
    }
    if !flags.as_groups.is_empty() {
        user.impersonate_groups = Some(flags.as_groups.clone());
    }
    if let Some(uid) = &flags.as_uid {
        user.impersonate_uid = Some(uid.clone());
    }
}

fn pick_cluster(found: &Kubeconfig, name: &str, flags: &ConnectionFlags) -> Result<Cluster, HubError> {
    let entry = found
        .clusters
        .iter()
        .find(|cluster| cluster.name == name)
        .and_then(|cluster| cluster.cluster.clone());
    let mut cluster = match entry {
        Some(cluster) => cluster,
        // A server on the command line needs no entry, unless one was asked for by name.
        None if name.is_empty() || (flags.server.is_some() && flags.cluster.is_none()) => Cluster::default(),
        None => {
            return Err(missing(
                "cluster",
                name,
                found.clusters.iter().map(|cluster| cluster.name.as_str()),
            ));
        }
    };
    if let Some(server) = &flags.server {
        cluster.server = Some(server.clone());
        // The name in the kubeconfig belongs to the server in the kubeconfig.
        cluster.tls_server_name = None;
    }
    if let Some(name) = &flags.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
    if flags.insecure_skip_tls_verify || flags.certificate_authority.is_some() {
        cluster.insecure_skip_tls_verify = Some(flags.insecure_skip_tls_verify);
        cluster.certificate_authority_data = None;
        cluster.certificate_authority = flags
            .certificate_authority
            .as_ref()
            .map(|file| file.to_string_lossy().into_owned());
    }
    if let Some(server) = cluster.server.take().filter(|server| !server.is_empty()) {
        cluster.server = Some(with_scheme(server, &cluster));
    }
    Ok(cluster)
}

/// client-go `DefaultServerURL`: without a scheme it is https only where something speaks of TLS.
fn with_scheme(server: String, cluster: &Cluster) -> String {
    if server.contains("://") {
        return server;
    }
    let tls = cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true);
    format!("{}://{server}", if tls { "https" } else { "http" })
}

fn pick_user(found: &Kubeconfig, name: &str, flags: &ConnectionFlags) -> Result<AuthInfo, HubError> {
    let entry = found.auth_infos.iter().find(|user| user.name == name);
    let mut user = match entry {
        Some(user) => user.auth_info.clone().unwrap_or_default(),
        None if flags.user.is_some() => {
            return Err(missing(
                "user",
                name,
                found.auth_infos.iter().map(|user| user.name.as_str()),
            ));
        }
        None => AuthInfo::default(),
    };
    edit_user(&mut user, flags);
    if let Some(exec) = &mut user.exec
        && !io::stdin().is_terminal()
    {
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(HubError::Credentials {
                command: exec.command.clone().unwrap_or_default(),
                cause: Cause::new(
                    "it wants to ask something (interactiveMode: Always) and standard input is no terminal",
                ),
            });
        }
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    Ok(user)
}

fn missing<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> HubError {
    HubError::Kubeconfig {
        what: format!(
            "{what} \"{name}\" does not exist in the kubeconfig{}",
            bridge_core::suggest::hint(name, known)
        ),
        cause: None,
    }
}

fn single(
    cluster_name: &str,
    cluster: Cluster,
    user_name: &str,
    user: AuthInfo,
    namespace: Option<String>,
) -> Kubeconfig {
    const NAME: &str = "chosen";
    Kubeconfig {
        clusters: vec![NamedCluster {
            name: cluster_name.to_owned(),
            cluster: Some(cluster),
            ..Default::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: user_name.to_owned(),
            auth_info: Some(user),
            ..Default::default()
        }],
        contexts: vec![NamedContext {
            name: NAME.to_owned(),
            context: Some(Context {
                cluster: cluster_name.to_owned(),
                user: Some(user_name.to_owned()),
                namespace,
                ..Default::default()
            }),
            ..Default::default()
        }],
        current_context: Some(NAME.to_owned()),
        ..Default::default()
    }
}

/// Options that take the one context that is there.
pub(crate) fn whole() -> KubeConfigOptions {
    KubeConfigOptions::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeconfig::tests::TWO;
    use secrecy::ExposeSecret;

    fn two() -> Kubeconfig {
        Kubeconfig::from_yaml(TWO).unwrap()
    }

    fn cluster(chosen: &Chosen) -> &Cluster {
        chosen.kubeconfig.clusters[0].cluster.as_ref().unwrap()
    }

    fn user(chosen: &Chosen) -> &AuthInfo {
        chosen.kubeconfig.auth_infos[0].auth_info.as_ref().unwrap()
    }

    #[test]
    fn the_current_context_unless_told_otherwise() {
        let chosen = choose(&two(), &ConnectionFlags::default()).unwrap();
        assert_eq!(
            (&*chosen.context, &*chosen.cluster, &*chosen.user, &*chosen.server),
            ("dev", "c-dev", "u-dev", "https://dev:6443")
        );
        assert_eq!(chosen.credential_command.as_deref(), Some("aws"));
        let flags = ConnectionFlags {
            context: Some("prod".into()),
            user: Some("u-dev".into()),
            ..Default::default()
        };
        let chosen = choose(&two(), &flags).unwrap();
        assert_eq!((&*chosen.cluster, &*chosen.user), ("c-prod", "u-dev"));
    }

    #[test]
    fn flags_edit_what_was_loaded() {
        let flags = ConnectionFlags {
            server: Some("https://tunnel:1".into()),
            token: Some("t".into()),
            certificate_authority: Some("/ca.crt".into()),
            as_user: Some("jo".into()),
            as_groups: vec!["ops".into()],
            ..Default::default()
        };
        let chosen = choose(&two(), &flags).unwrap();
        assert_eq!(chosen.server, "https://tunnel:1");
        let edited = cluster(&chosen);
        assert_eq!(
            (&edited.tls_server_name, &edited.certificate_authority_data),
            (&None, &None)
        );
        assert_eq!(edited.certificate_authority.as_deref(), Some("/ca.crt"));
        assert_eq!(edited.insecure_skip_tls_verify, Some(false));
        let edited = user(&chosen);
        assert_eq!(edited.token.as_ref().unwrap().expose_secret(), "t");
        assert!(edited.exec.is_none());
        assert_eq!(edited.impersonate.as_deref(), Some("jo"));
        let flags = ConnectionFlags {
            insecure_skip_tls_verify: true,
            ..Default::default()
        };
        let chosen = choose(&two(), &flags).unwrap();
        assert_eq!(cluster(&chosen).certificate_authority_data, None);
    }

    #[test]
    fn what_is_named_must_be_there() {
        let flags = |edit: fn(&mut ConnectionFlags)| {
            let mut flags = ConnectionFlags::default();
            edit(&mut flags);
            choose(&two(), &flags)
                .map(|chosen| chosen.server)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            flags(|flags| flags.context = Some("prd".into())),
            "context \"prd\" does not exist in the kubeconfig; did you mean \"prod\"?"
        );
        assert!(flags(|flags| flags.cluster = Some("x".into())).starts_with("cluster \"x\" does not exist"));
        assert!(flags(|flags| flags.user = Some("x".into())).starts_with("user \"x\" does not exist"));
        let mut none = two();
        none.current_context = None;
        assert!(
            choose(&none, &ConnectionFlags::default())
                .map(|chosen| chosen.server)
                .unwrap_err()
                .to_string()
                .contains("no current-context")
        );
    }

    #[test]
    fn a_server_alone_is_enough() {
        let flags = ConnectionFlags {
            server: Some("localhost:8080".into()),
            ..Default::default()
        };
        assert_eq!(
            from_flags(&flags).unwrap().unwrap().server,
            "http://localhost:8080"
        );
        assert!(from_flags(&ConnectionFlags::default()).unwrap().is_none());
    }
}
