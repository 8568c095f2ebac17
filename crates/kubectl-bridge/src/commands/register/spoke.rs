//! A spoke reached through a kubeconfig: the account that `argocd cluster add` makes (Argo CD `util/clusterauth`).

use std::{path::Path, time::Duration};

use anyhow::bail;
use bridge_core::{keys, registration::Access};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{
    api::{self, failed},
    kubeconfig::{Copied, Entry},
};
use crate::{args::RegisterOptions, context::Context};

/// Names that `argocd cluster add`, `rm` and `rotate-auth` use.
const NAMESPACE: &str = "kube-system";
const ACCOUNT: &str = "argocd-manager";
const ROLE: &str = "argocd-manager-role";
const BINDING: &str = "argocd-manager-role-binding";
const TOKEN_SECRET: &str = "argocd-manager-long-lived-token";

/// How long the spoke may take to fill in the token.
const TOKEN_DEADLINE: Duration = Duration::from_secs(30);
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A spoke.
pub struct Spoke {
    context: String,
    client: Client,
    server: String,
    ca: Option<String>,
    tls_server_name: Option<String>,
    copied: Option<Copied>,
    /// Namespaces that Argo CD is kept to; empty for all.
    namespaces: Vec<String>,
}

impl Spoke {
    /// Reads the context, and with `copy` its credential. Nothing is sent yet.
    pub async fn open(
        ctx: &Context,
        context: &str,
        kubeconfig: Option<&Path>,
        copy: bool,
        options: &RegisterOptions,
    ) -> anyhow::Result<Self> {
        let mut flags = ctx.spoke_flags();
        if let Some(file) = kubeconfig {
            flags.kubeconfig = Some(file.to_owned());
        }
        flags.context = Some(context.to_owned());
        let entry = Entry::find(context, flags.kubeconfig.as_deref())?;
        // Before a client is made: that may run the plugin whose credential is refused.
        let copied = copy.then(|| entry.credential()).transpose()?;
        let server = entry.server()?;
        let ca = entry.certificate_authority()?;
        if is_loopback(&server) {
            ctx.out.warn(format_args!(
                "context \"{context}\" reaches its cluster at {server}, which only this machine can: Argo CD needs an address \
                 that the hub reaches (--endpoint)"
            ))?;
        }
        let (client, _) = bridge_kube::connect(&flags).await?;
        let namespaces = match (&options.namespaces, options.cluster_resources) {
            (Some(namespaces), None | Some(false)) => namespaces.clone(),
            _ => Vec::new(),
        };
        Ok(Self {
            context: context.to_owned(),
            client,
            server,
            ca,
            tls_server_name: entry.tls_server_name(),
            copied,
            namespaces,
        })
    }

    /// Whether the context's own credential is taken.
    pub fn copies(&self) -> bool {
        self.copied.is_some()
    }

    /// Name in the server's certificate.
    pub fn tls_server_name(&self) -> Option<String> {
        self.tls_server_name.clone()
    }

    /// What is done there, in a line.
    pub fn step(&self) -> String {
        let Self {
            context, namespaces, ..
        } = self;
        match &self.copied {
            Some(Copied::Token(_)) => format!("spoke: context {context}: take its token"),
            Some(Copied::Certificate(..)) => format!("spoke: context {context}: take its client certificate"),
            None if namespaces.is_empty() => format!(
                "spoke: context {context}: ServiceAccount {NAMESPACE}/{ACCOUNT}, ClusterRole {ROLE} (everything), ClusterRoleBinding \
                 {BINDING}, Secret {TOKEN_SECRET}"
            ),
            None => format!(
                "spoke: context {context}: ServiceAccount {NAMESPACE}/{ACCOUNT}, Role {ROLE} (everything in {}), RoleBinding \
                 {BINDING}, Secret {TOKEN_SECRET}",
                namespaces.join(", ")
            ),
        }
    }

    /// The way in; a stand-in for the token where the account is still to be made.
    pub fn access(&self) -> Access {
        let token = |token: &str| Access::Token {
            server: self.server.clone(),
            token: token.to_owned(),
            ca: self.ca.clone(),
        };
        match &self.copied {
            Some(Copied::Token(copied)) => token(copied),
            Some(Copied::Certificate(certificate, key)) => Access::Certificate {
                server: self.server.clone(),
                certificate: certificate.clone(),
                key: key.clone(),
                ca: self.ca.clone(),
            },
            None => token("token of the account that is to be made"),
        }
    }

    /// Kubernetes version of the API server, `1.34`: proves that the context works.
    pub async fn version(&self) -> anyhow::Result<String> {
        let version = self
            .limited("asking for its version", self.client.apiserver_version())
            .await?;
        Ok(api::version(&version))
    }

    /// Makes the account, or finds it as it is, and returns the way in with its token.
    pub async fn make_account(&self, ctx: &Context) -> anyhow::Result<Access> {
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": ACCOUNT, "namespace": NAMESPACE } });
        self.apply(&account).await?;
        for object in self.rights() {
            self.apply(&object).await?;
        }
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": { "name": TOKEN_SECRET, "namespace": NAMESPACE,
                "annotations": { "kubernetes.io/service-account.name": ACCOUNT } } });
        self.apply(&secret).await?;
        ctx.out.note(format_args!(
            "spoke: waiting for the token of {NAMESPACE}/{ACCOUNT}"
        ))?;
        Ok(Access::Token {
            server: self.server.clone(),
            token: self.token().await?,
            ca: self.ca.clone(),
        })
    }

    fn rights(&self) -> Vec<Value> {
        let api = "rbac.authorization.k8s.io";
        let version = format!("{api}/v1");
        let subjects = json!([{ "kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE }]);
        let everything = json!({ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] });
        if self.namespaces.is_empty() {
            return vec![
                json!({ "apiVersion": version, "kind": "ClusterRole", "metadata": { "name": ROLE },
                    "rules": [everything, { "nonResourceURLs": ["*"], "verbs": ["*"] }] }),
                json!({ "apiVersion": version, "kind": "ClusterRoleBinding", "metadata": { "name": BINDING },
                    "roleRef": { "apiGroup": api, "kind": "ClusterRole", "name": ROLE }, "subjects": subjects }),
            ];
        }
        let in_namespace = |namespace: &String| {
            [
                json!({ "apiVersion": version, "kind": "Role", "metadata": { "name": ROLE, "namespace": namespace },
                    "rules": [everything] }),
                json!({ "apiVersion": version, "kind": "RoleBinding", "metadata": { "name": BINDING, "namespace": namespace },
                    "roleRef": { "apiGroup": api, "kind": "Role", "name": ROLE }, "subjects": subjects }),
            ]
        };
        self.namespaces.iter().flat_map(in_namespace).collect()
    }

    /// Server-side apply: the same whether it is there or not, and whoever made it.
    async fn apply(&self, object: &Value) -> anyhow::Result<()> {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (group, version) = text("/apiVersion")
            .split_once('/')
            .unwrap_or(("", text("/apiVersion")));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text("/kind")));
        let api: Api<DynamicObject> = match object.pointer("/metadata/namespace").and_then(Value::as_str) {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let what = format!("applying {} {}", text("/kind"), text("/metadata/name"));
        let params = PatchParams::apply(keys::FIELD_MANAGER).force();
        self.limited(
            &what,
            api.patch(text("/metadata/name"), &params, &Patch::Apply(object)),
        )
        .await
        .map(drop)
    }

    async fn token(&self) -> anyhow::Result<String> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        let deadline = Instant::now() + TOKEN_DEADLINE;
        loop {
            let secret = self.limited("reading the token", api.get(TOKEN_SECRET)).await?;
            let token = secret.data.and_then(|mut data| data.remove("token"));
            if let Some(token) = token.and_then(|token| String::from_utf8(token.0).ok())
                && !token.is_empty()
            {
                return Ok(token);
            }
            if Instant::now() >= deadline {
                bail!(
                    "the spoke of context \"{}\" put no token into Secret {NAMESPACE}/{TOKEN_SECRET} within {}s: does its \
                     kube-controller-manager run? The hub was not changed; run the command again",
                    self.context,
                    TOKEN_DEADLINE.as_secs()
                );
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    async fn limited<T>(&self, what: &str, call: impl Future<Output = kube::Result<T>>) -> anyhow::Result<T> {
        let what = format!("spoke of context \"{}\", {what}", self.context);
        match timeout(REQUEST_TIMEOUT, call).await {
            Ok(done) => done.map_err(|error| failed(&what, &error)),
            Err(_) => bail!("{what}: no answer within {}s", REQUEST_TIMEOUT.as_secs()),
        }
    }
}

fn is_loopback(server: &str) -> bool {
    let host = server.split_once("://").map_or(server, |(_, rest)| rest);
    host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]")
}
