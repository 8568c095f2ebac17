//! One file of a folder hub, read. What it says about a file never quotes it.

use std::path::{Path, PathBuf};

use bridge_core::keys;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde_json::Value;

use super::files;
use crate::{
    error::{Cause, HubError},
    failure::json_cause,
    yaml_edit::{self, EditError},
};

/// A file and the objects in it.
pub(super) struct Manifest {
    pub path: PathBuf,
    pub text: String,
    pub objects: Vec<Value>,
}

impl Manifest {
    pub fn read(path: &Path) -> Result<Self, HubError> {
        let text = files::read(path)?;
        if text.trim().is_empty() {
            // An editor that truncates first, or a copy under way.
            return Err(HubError::Folder {
                what: format!("cannot read {}", path.display()),
                cause: Some(Cause::new("it is empty")),
            });
        }
        let objects = yaml_edit::parse_all(&text).map_err(|error| {
            let line = match error {
                EditError::Syntax { line } => line,
                _ => 1,
            };
            unreadable(path, line, &error)
        })?;
        if let Some(object) = objects.iter().find(|object| !object.is_object()) {
            let kind = if object.is_array() { "a list" } else { "a scalar" };
            return Err(HubError::Folder {
                what: format!("cannot read {}", path.display()),
                cause: Some(Cause::new(format!("it holds {kind} and no object"))),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            text,
            objects,
        })
    }

    /// An object of this file as a Secret.
    pub fn secret(&self, object: &Value) -> Result<Secret, HubError> {
        let fail = |cause: Cause| HubError::Malformed {
            what: format!("Secret \"{}\" in {}", name(object), self.path.display()),
            cause,
        };
        if name(object).is_empty() {
            return Err(fail(Cause::new("it has no metadata.name")));
        }
        for (path, kind) in [
            ("/metadata/labels", "label"),
            ("/metadata/annotations", "annotation"),
            ("/data", "data key"),
            ("/stringData", "stringData key"),
        ] {
            for (key, value) in object
                .pointer(path)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                if !value.is_string() {
                    return Err(fail(Cause::new(format!(
                        "{kind} {key} is not a string: write its value in quotes"
                    ))));
                }
                if path == "/data" && serde_json::from_value::<ByteString>(value.clone()).is_err() {
                    return Err(fail(Cause::new(format!("data key {key} is not base64"))));
                }
            }
        }
        serde_json::from_value(object.clone()).map_err(|error| fail(json_cause(&error)))
    }
}

/// `kind` of an object, or empty.
pub(super) fn kind(object: &Value) -> &str {
    object.get("kind").and_then(Value::as_str).unwrap_or_default()
}

/// `metadata.name` of an object, or empty.
pub(super) fn name(object: &Value) -> &str {
    object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Whether Argo CD takes an object for a cluster.
pub(super) fn is_cluster(object: &Value) -> bool {
    let label = object
        .pointer("/metadata/labels")
        .and_then(|labels| labels.get(keys::SECRET_TYPE))
        .and_then(Value::as_str);
    kind(object) == "Secret" && label == Some(keys::SECRET_TYPE_CLUSTER)
}

fn unreadable(path: &Path, line: usize, error: &EditError) -> HubError {
    HubError::Folder {
        what: format!("cannot read {}:{line}", path.display()),
        cause: Some(Cause::new(match error {
            EditError::Syntax { .. } => "it is not YAML, or not all of it is there yet".into(),
            other => other.to_string(),
        })),
    }
}
