//! Argo CD's own objects on a live hub.

use bridge_core::{application::Application, applicationset::ApplicationSet};
use serde_json::Value;

use super::LiveHub;
use crate::{
    error::{Cause, HubError},
    failure::Ask,
    transport::object_name,
};

impl LiveHub {
    /// The ApplicationSets of all namespaces, or of Argo CD's own where only that may be read.
    pub async fn applicationsets(&self) -> Result<Vec<ApplicationSet>, HubError> {
        let everywhere = Ask {
            verb: "list",
            resource: "applicationsets.argoproj.io",
            namespace: None,
            name: None,
        };
        let list = |ask| {
            self.argo_list("applicationsets", "ApplicationSet", ask, |value| {
                application_set(&value)
            })
        };
        match list(everywhere).await {
            Err(HubError::Forbidden(_)) => {
                let here = Ask {
                    namespace: Some(&self.namespace),
                    ..everywhere
                };
                list(here).await
            }
            other => other,
        }
    }

    /// The Applications of all namespaces. A list that may not be read in full is an error: what is left out could
    /// still point at the cluster.
    pub async fn applications(&self) -> Result<Vec<Application>, HubError> {
        let ask = Ask {
            verb: "list",
            resource: "applications.argoproj.io",
            namespace: None,
            name: None,
        };
        self.argo_list("applications", "Application", ask, |value| {
            Ok(Application::from_json(&value))
        })
        .await
    }

    async fn argo_list<T>(
        &self,
        plural: &str,
        kind: &'static str,
        ask: Ask<'_>,
        read: impl Fn(Value) -> Result<T, HubError>,
    ) -> Result<Vec<T>, HubError> {
        let path = match ask.namespace {
            Some(namespace) => format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/{plural}"),
            None => format!("/apis/argoproj.io/v1alpha1/{plural}"),
        };
        match self.transport.list(&path, None, ask, read).await {
            // A list is never "not found": the kind itself is not served.
            Err(HubError::Api { code: 404, .. }) => Err(HubError::MissingKind { kind }),
            other => other,
        }
    }
}

/// Reads one ApplicationSet, naming it where it cannot be read.
pub(crate) fn application_set(value: &Value) -> Result<ApplicationSet, HubError> {
    ApplicationSet::from_json(value).map_err(|error| HubError::Malformed {
        what: format!("ApplicationSet \"{}\"", object_name(value)),
        cause: Cause::new(error.to_string()),
    })
}
