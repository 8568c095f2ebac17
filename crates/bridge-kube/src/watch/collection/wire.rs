//! Lists and watch events as the API sends them.

use serde::{Deserialize, de::DeserializeOwned};

use super::{Change, failure::Failure};

#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) metadata: PageMetadata,
    pub(super) items: Option<Vec<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMetadata {
    pub(super) resource_version: Option<String>,
    #[serde(rename = "continue")]
    pub(super) next: Option<String>,
}

/// The outside of a watch event; the object is read in a second pass, once its type is known.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    object: Outline,
}

#[derive(Deserialize)]
struct Outline {
    #[serde(default)]
    metadata: OutlineMetadata,
    /// Of a Status.
    #[serde(default)]
    code: u16,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct OutlineMetadata {
    resource_version: Option<String>,
}

#[derive(Deserialize)]
struct Inside<T> {
    object: T,
}

/// Reads one line of a watch, and moves the version on. A bookmark changes nothing, and proves nothing: see
/// [`super::Collection::proof`].
pub(super) fn change<T: DeserializeOwned>(
    line: &[u8],
    version: &mut String,
) -> Result<Option<Change<T>>, Failure> {
    let Envelope { kind, object } = serde_json::from_slice(line).map_err(Failure::Shape)?;
    let inside = || {
        serde_json::from_slice::<Inside<T>>(line)
            .map(|inside| inside.object)
            .map_err(Failure::Shape)
    };
    let change = match kind.as_str() {
        "ADDED" | "MODIFIED" => Some(Change::Set(inside()?)),
        "DELETED" => Some(Change::Gone(inside()?)),
        "ERROR" => {
            return Err(Failure::Ended {
                code: object.code,
                reason: object.reason,
            });
        }
        // A later API may have more to say than bookmarks.
        _ => None,
    };
    if let Some(seen) = object.metadata.resource_version.filter(|seen| !seen.is_empty()) {
        *version = seen;
    }
    Ok(change)
}
