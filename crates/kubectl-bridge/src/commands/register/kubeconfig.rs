//! What a kubeconfig says of a context: server, certificate authority, and credentials where they may be copied.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use secrecy::ExposeSecret as _;

use super::access::certificate;

/// A context, with its cluster and user.
pub struct Entry {
    context: String,
    user_name: String,
    cluster: Cluster,
    user: AuthInfo,
}

/// A credential that Argo CD can use as it stands.
pub enum Copied {
    /// A bearer token.
    Token(String),
    /// Certificate and key, base64 of PEM.
    Certificate(String, String),
}

impl Entry {
    /// Finds a context in this file, else in what `KUBECONFIG` or the home directory names.
    pub fn find(context: &str, file: Option<&Path>) -> anyhow::Result<Self> {
        // The library's own error may quote the file.
        let kubeconfig = match file {
            Some(path) => Kubeconfig::read_from(path)
                .map_err(|_| anyhow!("cannot read the kubeconfig {}", path.display())),
            None => Kubeconfig::read().map_err(|_| anyhow!("cannot read the kubeconfig")),
        }?;
        let entry = kubeconfig
            .contexts
            .iter()
            .find(|entry| entry.name == context)
            .and_then(|entry| entry.context.clone())
            .ok_or_else(|| {
                let known = kubeconfig.contexts.iter().map(|entry| entry.name.as_str());
                anyhow!(
                    "the kubeconfig has no context \"{context}\"{}",
                    bridge_core::suggest::hint(context, known)
                )
            })?;
        let cluster = kubeconfig
            .clusters
            .iter()
            .find(|named| named.name == entry.cluster)
            .and_then(|named| named.cluster.clone())
            .ok_or_else(|| {
                anyhow!(
                    "context \"{context}\" names cluster \"{}\", which the kubeconfig lacks",
                    entry.cluster
                )
            })?;
        let user_name = entry.user.unwrap_or_default();
        let user = kubeconfig
            .auth_infos
            .iter()
            .find(|named| named.name == user_name)
            .and_then(|named| named.auth_info.clone())
            .unwrap_or_default();
        Ok(Self {
            context: context.to_owned(),
            user_name,
            cluster,
            user,
        })
    }

    /// URL of the API server.
    pub fn server(&self) -> anyhow::Result<String> {
        self.cluster
            .server
            .clone()
            .filter(|server| !server.is_empty())
            .ok_or_else(|| anyhow!("context \"{}\" has no server", self.context))
    }

    /// Certificate authority, base64 of PEM.
    pub fn certificate_authority(&self) -> anyhow::Result<Option<String>> {
        let (data, file) = (
            self.cluster.certificate_authority_data.as_deref(),
            self.cluster.certificate_authority.as_deref(),
        );
        if data.is_none() && file.is_none() && self.cluster.insecure_skip_tls_verify == Some(true) {
            bail!(
                "context \"{}\" skips the verification of the server (insecure-skip-tls-verify): give it the certificate \
                 authority first, or register with --endpoint and --ca-file",
                self.context
            );
        }
        read(data, file)
            .and_then(|pem| pem.map(|pem| certificate(&pem)).transpose())
            .with_context(|| format!("certificate authority of context \"{}\"", self.context))
    }

    /// Name in the server's certificate, where it is not that of the server.
    pub fn tls_server_name(&self) -> Option<String> {
        self.cluster.tls_server_name.clone()
    }

    /// The user's own credential, where it is one that can be kept: not what a plugin makes for minutes.
    pub fn credential(&self) -> anyhow::Result<Copied> {
        let user = &self.user;
        let named = || format!("user \"{}\" of context \"{}\"", self.user_name, self.context);
        if let Some(exec) = &user.exec {
            bail!(
                "{} gets its credentials from the plugin \"{}\": they expire and are made for you, not for Argo CD; leave \
                 --copy-credentials out to have an account made for it",
                named(),
                exec.command.as_deref().unwrap_or_default()
            );
        }
        if let Some(provider) = &user.auth_provider {
            bail!(
                "{} gets its credentials from the auth provider \"{}\", which expire; leave --copy-credentials out",
                named(),
                provider.name
            );
        }
        if user.impersonate.is_some() {
            bail!(
                "{} impersonates somebody, which a cluster Secret cannot say; leave --copy-credentials out",
                named()
            );
        }
        if let Some(token) = &user.token {
            return Ok(Copied::Token(token.expose_secret().to_owned()));
        }
        if let Some(file) = &user.token_file {
            let text = std::fs::read_to_string(file).with_context(|| format!("token file of {}", named()))?;
            return Ok(Copied::Token(text.trim().to_owned()));
        }
        let pem = read(
            user.client_certificate_data.as_deref(),
            user.client_certificate.as_deref(),
        )
        .with_context(|| format!("client certificate of {}", named()))?;
        let key_data = user
            .client_key_data
            .as_ref()
            .map(|key| key.expose_secret().to_owned());
        let key = read(key_data.as_deref(), user.client_key.as_deref())
            .map_err(|_| anyhow!("client key of {} cannot be read", named()))?;
        match (pem, key) {
            (Some(pem), Some(key)) => Ok(Copied::Certificate(
                certificate(&pem).with_context(|| format!("client certificate of {}", named()))?,
                BASE64_STANDARD.encode(key),
            )),
            _ => bail!(
                "{} has neither a token nor a client certificate with its key; leave --copy-credentials out",
                named()
            ),
        }
    }
}

/// Inline base64 data, else a file.
fn read(data: Option<&str>, file: Option<&str>) -> anyhow::Result<Option<Vec<u8>>> {
    match (data, file) {
        (Some(data), _) => {
            let text: String = data.chars().filter(|c| !c.is_whitespace()).collect();
            Ok(Some(BASE64_STANDARD.decode(text).context("it is not base64")?))
        }
        (None, Some(file)) => Ok(Some(std::fs::read(file).with_context(|| file.to_owned())?)),
        (None, None) => Ok(None),
    }
}
