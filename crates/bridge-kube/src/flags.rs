//! kubectl's connection flags as plain values.

use std::{fmt, path::PathBuf, time::Duration};

use bridge_core::keys;

/// kubectl's connection flags; the default is a kubectl without any.
#[derive(Clone)]
pub struct ConnectionFlags {
    /// `--kubeconfig`: this file and no other.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
    /// `--cluster`: an entry of the kubeconfig's `clusters`.
    pub cluster: Option<String>,
    /// `--user`: an entry of the kubeconfig's `users`.
    pub user: Option<String>,
    /// `-n`: Argo CD's namespace; [`keys::DEFAULT_NAMESPACE`] unless given.
    pub namespace: Option<String>,
    /// `--as`.
    pub as_user: Option<String>,
    /// `--as-group`, repeated.
    pub as_groups: Vec<String>,
    /// `--as-uid`.
    pub as_uid: Option<String>,
    /// `--request-timeout`: a deadline for each single request, not for a watch. `None` and zero mean none.
    pub request_timeout: Option<Duration>,
    /// `-s`, `--server`.
    pub server: Option<String>,
    /// `--token`.
    pub token: Option<String>,
    /// `--certificate-authority`.
    pub certificate_authority: Option<PathBuf>,
    /// `--client-certificate`.
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`.
    pub client_key: Option<PathBuf>,
    /// `--insecure-skip-tls-verify`.
    pub insecure_skip_tls_verify: bool,
    /// `--tls-server-name`.
    pub tls_server_name: Option<String>,
    /// `User-Agent` of every request.
    pub user_agent: String,
}

impl Default for ConnectionFlags {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            cluster: None,
            user: None,
            namespace: None,
            as_user: None,
            as_groups: Vec::new(),
            as_uid: None,
            request_timeout: None,
            server: None,
            token: None,
            certificate_authority: None,
            client_certificate: None,
            client_key: None,
            insecure_skip_tls_verify: false,
            tls_server_name: None,
            user_agent: user_agent(env!("CARGO_PKG_VERSION")),
        }
    }
}

/// Everything but the token.
impl fmt::Debug for ConnectionFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionFlags")
            .field("kubeconfig", &self.kubeconfig)
            .field("context", &self.context)
            .field("cluster", &self.cluster)
            .field("user", &self.user)
            .field("namespace", &self.namespace)
            .field("as_user", &self.as_user)
            .field("as_groups", &self.as_groups)
            .field("server", &self.server)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .finish_non_exhaustive()
    }
}

/// `kubectl-bridge/<version> (<os>/<arch>)`, with Go's names for both as kubectl has them.
pub fn user_agent(version: &str) -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    format!("{}/{version} ({os}/{arch})", keys::FIELD_MANAGER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_stays_out_of_debug() {
        let flags = ConnectionFlags {
            token: Some("planted".into()),
            ..Default::default()
        };
        assert!(!format!("{flags:?}").contains("planted"));
        assert!(
            flags.user_agent.starts_with("kubectl-bridge/0."),
            "{}",
            flags.user_agent
        );
    }
}
