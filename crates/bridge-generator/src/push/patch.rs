//! Writes the refresh annotation, and nothing else.

use std::time::Duration;

use bridge_core::keys;
use kube::{
    Client,
    core::{
        Request,
        params::{Patch, PatchParams},
    },
};
use serde_json::json;
use tokio::time::timeout;

use super::plan::{Outcome, Push};

/// Named as the program in managed fields.
const FIELD_MANAGER: &str = "bridge-generator";
const WITHIN: Duration = Duration::from_secs(10);

/// Patches one ApplicationSet, if it is still the version that was seen.
pub(super) async fn refresh(client: &Client, push: &Push) -> Outcome {
    match timeout(WITHIN, send(client, push)).await {
        Ok(Ok(())) => Outcome::Written,
        Ok(Err(kube::Error::Api(status))) => match status.code {
            409 => Outcome::Conflict,
            404 => Outcome::Gone,
            // 422 is how an admission policy that does not fit says no.
            401 | 403 | 422 => Outcome::Refused(status.message.clone()),
            code => Outcome::Failed(format!("{code} {}", status.reason)),
        },
        Ok(Err(error)) => Outcome::Failed(error.to_string()),
        Err(_) => Outcome::Failed("no answer from the API server".to_owned()),
    }
}

async fn send(client: &Client, push: &Push) -> Result<(), kube::Error> {
    let (namespace, name) = &push.key;
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applicationsets");
    let body = json!({ "metadata": {
        "resourceVersion": push.version,
        "annotations": { (keys::REFRESH): push.mark.to_string() },
    }});
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let request = Request::new(path)
        .patch(name, &params, &Patch::Merge(body))
        .map_err(kube::Error::BuildRequest)?;
    client.request_text(request).await.map(drop)
}
