//! The team's defaults on a live hub: one ConfigMap.

use std::collections::BTreeMap;

use bridge_core::{
    defaults::{CONFIG_MAP, Defaults},
    keys,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::{
    Request,
    params::{GetParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use super::{LiveHub, change::Attempts};
use crate::{
    defaults::{DefaultsChange, changes, read},
    error::HubError,
    failure::{self, Ask},
    write::{DryRun, Verb, WriteOptions},
};

impl LiveHub {
    /// The team's defaults; `None` where nobody has run `init`.
    pub async fn defaults(&self) -> Result<Option<Defaults>, HubError> {
        let map = self.defaults_map().await?;
        map.map(|map| read(&map.data.unwrap_or_default())).transpose()
    }

    /// Sets (`Some`) and removes (`None`) keys of the defaults; the others stay.
    pub async fn set_defaults(
        &self,
        wanted: &BTreeMap<String, Option<String>>,
        write: &WriteOptions,
    ) -> Result<DefaultsChange, HubError> {
        let mut attempts = Attempts::new(write.deadline);
        loop {
            let current = self.defaults_map().await?;
            let now = current
                .as_ref()
                .and_then(|map| map.data.clone())
                .unwrap_or_default();
            let change = changes(current.is_some().then_some(&now), wanted)?;
            if change.verb == Verb::Unchanged || write.dry_run == DryRun::Client {
                return Ok(change);
            }
            let sent = match current {
                Some(current) => self.patch_defaults(&current, &change, write).await,
                None => self.create_defaults(&change, write).await,
            };
            match sent {
                Ok(()) => return Ok(change),
                // Somebody else wrote it in between: look again.
                Err(HubError::Api { code: 409, .. } | HubError::AlreadyExists { .. }) => {
                    attempts.pause(CONFIG_MAP).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn create_defaults(&self, change: &DefaultsChange, write: &WriteOptions) -> Result<(), HubError> {
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": change.after,
            "metadata": { "name": CONFIG_MAP, "namespace": self.namespace,
                "labels": { "app.kubernetes.io/managed-by": keys::FIELD_MANAGER } },
        });
        let params = PostParams {
            dry_run: write.dry_run == DryRun::Server,
            field_manager: Some(keys::FIELD_MANAGER.to_owned()),
        };
        let body = serde_json::to_vec(&body).map_err(|error| HubError::Malformed {
            what: format!("ConfigMap \"{CONFIG_MAP}\""),
            cause: failure::json_cause(&error),
        })?;
        self.transport
            .send::<ConfigMap>(self.config_maps().create(&params, body), self.ask_map("create"))
            .await
            .map(drop)
    }

    async fn patch_defaults(
        &self,
        current: &ConfigMap,
        change: &DefaultsChange,
        write: &WriteOptions,
    ) -> Result<(), HubError> {
        let data: BTreeMap<&str, Option<&str>> = change
            .diffs
            .iter()
            .map(|diff| (diff.key.as_str(), diff.to.as_deref()))
            .collect();
        let body =
            json!({ "metadata": { "resourceVersion": current.metadata.resource_version }, "data": data });
        let params = PatchParams {
            dry_run: write.dry_run == DryRun::Server,
            field_manager: Some(keys::FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let request = self.config_maps().patch(CONFIG_MAP, &params, &Patch::Merge(body));
        self.transport
            .send::<ConfigMap>(request, self.ask_map("patch"))
            .await
            .map(drop)
    }

    async fn defaults_map(&self) -> Result<Option<ConfigMap>, HubError> {
        let request = self.config_maps().get(CONFIG_MAP, &GetParams::default());
        match self.transport.send(request, self.ask_map("get")).await {
            Ok(answer) => Ok(Some(answer.value)),
            Err(HubError::Api { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn config_maps(&self) -> Request {
        Request::new(format!("/api/v1/namespaces/{}/configmaps", self.namespace))
    }

    fn ask_map(&self, verb: &'static str) -> Ask<'_> {
        Ask {
            verb,
            resource: "configmaps",
            namespace: Some(&self.namespace),
            name: Some(CONFIG_MAP),
        }
    }
}
