//! As whom Argo CD of this hub comes to its clusters.

use bridge_core::{
    access::{HubRoleError, IdentityKind, hub_role},
    check::Look,
    defaults::Defaults,
    secret::ClusterSecret,
};
use bridge_kube::Hub;

use crate::{args::CheckOptions, context::Context, grant, report};

/// The role of Argo CD, and how it got it.
#[derive(Debug, Clone)]
pub struct HubRoleLook {
    /// The role.
    pub role: Look<String>,
    /// How it got it, where that is known.
    pub kind: Option<IdentityKind>,
}

impl HubRoleLook {
    /// Where nobody asks for it, or nobody knows.
    pub fn absent() -> Self {
        Self::not(Look::Absent)
    }

    fn not(role: Look<String>) -> Self {
        Self { role, kind: None }
    }

    fn seen(role: String, kind: IdentityKind) -> Self {
        Self {
            role: Look::Seen(role),
            kind: Some(kind),
        }
    }
}

/// Finds the role: as `init` stored it, else in EKS, else in the annotations of the hub's service accounts.
pub async fn find(
    ctx: &Context,
    hub: &Hub,
    options: &CheckOptions,
    defaults: &Defaults,
    clusters: &[ClusterSecret],
) -> HubRoleLook {
    let asked = grant::find_hub(ctx, hub, &options.aws, &options.hub_aws, defaults, clusters, None);
    match Box::pin(asked).await {
        Ok(Some(known)) => HubRoleLook::seen(known.identity.role, known.identity.kind),
        Ok(None) => annotated(hub).await,
        // The innermost cause: what is said around it is for a registration.
        Err(error) => HubRoleLook::not(Look::Unknown(format!(
            "the role of Argo CD on the hub: {}",
            report::chain(&anyhow::anyhow!(error.root_cause().to_string()))
        ))),
    }
}

/// Nothing says which EKS cluster the hub is: it may still say the role itself.
async fn annotated(hub: &Hub) -> HubRoleLook {
    let Hub::Live(live) = hub else {
        return HubRoleLook::absent();
    };
    match live.service_account_roles().await {
        Err(error) => HubRoleLook::not(Look::Unknown(report::chain(&error.into()))),
        Ok(roles) => match hub_role("this one", hub.namespace(), &[], Some(&roles)) {
            Ok(found) => HubRoleLook::seen(found.role, found.kind),
            Err(HubRoleError::None { .. }) => HubRoleLook::absent(),
            Err(error) => HubRoleLook::not(Look::Unknown(error.to_string())),
        },
    }
}
