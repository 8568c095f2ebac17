//! Several Argo CDs may share an API server. An Application of another one may name a cluster like ours, or deploy to it through
//! a Secret of its own: it does not need our Secret, and is not ours to delete.

use std::collections::BTreeMap;

use bridge_core::application::Application;
use bridge_kube::LiveHub;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use tokio::sync::Mutex;

use super::super::register::failed;
use crate::context::Context;

/// The ConfigMap that each Argo CD has in its own namespace (Argo CD `common/common.go`, `ArgoCDConfigMapName`).
const ARGO_CD: &str = "argocd-cm";

/// Namespaces looked at, and whether another Argo CD lives there.
#[derive(Default)]
pub struct OtherArgoCds {
    known: Mutex<BTreeMap<String, bool>>,
}

impl OtherArgoCds {
    /// Leaves out the Applications of other Argo CDs, and says so once for each namespace.
    pub async fn leave_out(
        &self,
        ctx: &Context,
        live: &LiveHub,
        applications: &mut Vec<Application>,
    ) -> anyhow::Result<()> {
        let mut known = self.known.lock().await;
        for application in applications.iter() {
            let namespace = &application.namespace;
            if known.contains_key(namespace) {
                continue;
            }
            let other = lives_in(live, namespace).await?;
            if other {
                ctx.out.note(format_args!(
                    "Applications in namespace {namespace} are left alone: another Argo CD lives there"
                ))?;
            }
            known.insert(namespace.clone(), other);
        }
        applications.retain(|application| known.get(&application.namespace) != Some(&true));
        Ok(())
    }
}

/// Whether another Argo CD lives in a namespace. Who may not look there cannot tell, and then its Applications count.
pub async fn lives_in(live: &LiveHub, namespace: &str) -> anyhow::Result<bool> {
    if namespace == live.namespace() {
        return Ok(false);
    }
    let api: Api<ConfigMap> = Api::namespaced(live.client(), namespace);
    match api.get_opt(ARGO_CD).await {
        Ok(found) => Ok(found.is_some()),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(false),
        Err(error) => Err(failed(
            &format!("looking for another Argo CD in namespace {namespace}"),
            &error,
        )),
    }
}
