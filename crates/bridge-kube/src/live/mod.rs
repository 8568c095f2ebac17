//! A live hub: reads, and the way every write goes (design: look first, then one atomic request).

mod apply;
pub(crate) mod argo;
mod change;
mod create;
mod defaults;
mod delete;
mod look;
#[cfg(test)]
mod mock;
pub(crate) mod read;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use bridge_core::keys;
use k8s_openapi::api::core::v1::Secret;
use kube::{Client, core::Request, core::params::GetParams};
use tokio::sync::OnceCell;

use crate::{
    connect::{Connected, Target},
    error::HubError,
    failure::Ask,
    flags::ConnectionFlags,
    transport::{Answer, Transport},
};

/// Argo CD's namespace on a live Kubernetes API.
#[derive(Clone)]
pub struct LiveHub {
    transport: Transport,
    target: Target,
    namespace: String,
    /// Who the API server takes us for, asked once.
    user: OnceCell<String>,
}

impl fmt::Debug for LiveHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveHub")
            .field("target", &self.target)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for LiveHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target { context, server, .. } = &self.target;
        if context.is_empty() {
            write!(f, "server {server}, namespace {}", self.namespace)
        } else {
            write!(f, "context {context} ({server}), namespace {}", self.namespace)
        }
    }
}

impl LiveHub {
    /// Connects as the flags say. No request is sent yet.
    pub async fn connect(flags: &ConnectionFlags) -> Result<Self, HubError> {
        let connected = crate::connect::connected(flags).await?;
        let namespace = flags
            .namespace
            .clone()
            .unwrap_or_else(|| keys::DEFAULT_NAMESPACE.to_owned());
        Ok(Self::new(connected, namespace, flags.request_timeout))
    }

    pub(crate) fn new(connected: Connected, namespace: String, timeout: Option<Duration>) -> Self {
        Self {
            transport: Transport {
                client: connected.client,
                timeout,
                parties: connected.parties,
            },
            target: connected.target,
            namespace,
            user: OnceCell::new(),
        }
    }

    /// The client, for what this type does not do.
    pub fn client(&self) -> Client {
        self.transport.client.clone()
    }

    /// Which hub this is.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Argo CD's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    fn secrets(&self) -> Request {
        Request::new(format!("/api/v1/namespaces/{}/secrets", self.namespace))
    }

    fn ask<'a>(&'a self, verb: &'static str, name: Option<&'a str>) -> Ask<'a> {
        Ask {
            verb,
            resource: "secrets",
            namespace: Some(&self.namespace),
            name,
        }
    }

    /// A Secret by its own name, or `None`.
    async fn secret(&self, name: &str) -> Result<Option<Secret>, HubError> {
        let request = self.secrets().get(name, &GetParams::default());
        match self.transport.send(request, self.ask("get", Some(name))).await {
            Ok(Answer { value, .. }) => Ok(Some(value)),
            Err(HubError::Api { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether Argo CD takes a Secret for a cluster.
fn is_cluster(secret: &Secret) -> bool {
    secret
        .metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(keys::SECRET_TYPE))
        .is_some_and(|kind| kind == keys::SECRET_TYPE_CLUSTER)
}
