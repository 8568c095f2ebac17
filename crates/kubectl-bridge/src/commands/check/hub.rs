//! What a hub tells of itself.

use bridge_core::{
    check::{HubLook, Look},
    secret::ClusterSecret,
};
use bridge_kube::{Hub, HubError};

use crate::report;

/// Looks at all that can be seen. What may not be seen could not be judged; a hub that cannot be used at all is an error.
pub async fn look<'a>(hub: &'a Hub, clusters: &'a [ClusterSecret]) -> Result<HubLook<'a>, HubError> {
    let defaults = match hub.defaults().await {
        // Forbidden is no fault of what is in it.
        Ok(None) | Err(HubError::Forbidden(_)) => Look::Absent,
        other => seen(other.map(Option::unwrap_or_default))?,
    };
    let (notes, images) = match hub {
        Hub::Folder(_) => (Look::Absent, Look::Absent),
        Hub::Live(live) => (seen(live.unfinished().await)?, seen(live.argo_cd_images().await)?),
    };
    Ok(HubLook {
        namespace: hub.namespace(),
        clusters,
        sets: seen(hub.applicationsets().await)?,
        notes,
        images,
        defaults,
    })
}

fn seen<T>(result: Result<T, HubError>) -> Result<Look<T>, HubError> {
    match result {
        Ok(seen) => Ok(Look::Seen(seen)),
        Err(error) if error.is_fatal() => Err(error),
        Err(error) => Ok(Look::Unknown(report::chain(&error.into()))),
    }
}
