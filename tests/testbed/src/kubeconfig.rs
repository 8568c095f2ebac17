use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::pki::Identity;

/// How a kubeconfig proves who it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum User<'a> {
    Certificate(&'a Identity),
    Token(&'a str),
}

/// What a kubeconfig of one context holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// Names the context, its cluster and its user.
    pub(crate) context: &'a str,
    pub(crate) server: &'a str,
    pub(crate) authority: &'a str,
    pub(crate) user: User<'a>,
    pub(crate) namespace: &'a str,
}

impl Entry<'_> {
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        std::fs::write(path, self.text()).with_context(|| format!("cannot write {}", path.display()))
    }

    fn text(&self) -> String {
        let Self {
            context,
            server,
            authority,
            user,
            namespace,
        } = self;
        let authority = BASE64_STANDARD.encode(authority);
        let user = match user {
            User::Certificate(Identity { certificate, key }) => format!(
                "client-certificate-data: {}\n    client-key-data: {}",
                BASE64_STANDARD.encode(certificate),
                BASE64_STANDARD.encode(key)
            ),
            User::Token(token) => format!("token: {token}"),
        };
        format!(
            "apiVersion: v1
kind: Config
current-context: {context}
clusters:
- name: {context}
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {context}
  user:
    {user}
contexts:
- name: {context}
  context:
    cluster: {context}
    user: {context}
    namespace: {namespace}
"
        )
    }
}

/// A client for the current context of a kubeconfig file.
pub(crate) async fn client(path: &Path) -> Result<kube::Client> {
    let kubeconfig = Kubeconfig::read_from(path)?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // Whatever the machine's environment says of proxies, loopback goes through none.
    config.proxy_url = None;
    Ok(kube::Client::try_from(config)?)
}
