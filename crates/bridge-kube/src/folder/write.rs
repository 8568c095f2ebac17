//! Writing a folder hub.

use std::path::PathBuf;

use bridge_core::{
    change::{KeyChanges, KeyDiff},
    keys,
    secret::ClusterSecret,
};
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::{
    CLUSTERS, FolderHub, files,
    manifest::{self, Manifest},
    render,
};
use crate::{
    error::{Cause, HubError},
    write::{DryRun, Verb, WriteOptions, Written, check_unchanged, last_change, only_data, secret_diffs},
    yaml_edit::{self, Edit},
};

const LABELS: &[&str] = &["metadata", "labels"];
const ANNOTATIONS: &[&str] = &["metadata", "annotations"];
const STRING_DATA: &[&str] = &["stringData"];
const DATA: &[&str] = &["data"];

/// A cluster Secret and its file, which holds nothing else.
struct Place {
    manifest: Manifest,
    secret: Secret,
}

impl FolderHub {
    /// Writes `clusters/<name of the Secret>.yaml`, which must not be there yet.
    pub async fn create(&self, secret: &Secret, write: &WriteOptions) -> Result<Written, HubError> {
        refuse(write)?;
        let mut secret = only_data(secret.clone());
        let name = secret.metadata.name.clone().unwrap_or_default();
        let _lock = files::lock(self.dir(), write.deadline).await?;
        if self
            .clusters()?
            .iter()
            .any(|found| found.cluster.secret_name == name)
        {
            return Err(HubError::AlreadyExists {
                resource: "secrets".into(),
                name,
            });
        }
        let diffs = secret_diffs(None, &secret);
        let note = last_change(&local_user(), &diffs, write.reason.as_deref());
        secret
            .metadata
            .annotations
            .get_or_insert_default()
            .insert(keys::LAST_CHANGE.to_owned(), note);
        let path = self.dir().join(CLUSTERS).join(format!("{name}.yaml"));
        let text = render::manifest(&secret);
        self.check_rendered(&text, &secret)?;
        if write.dry_run == DryRun::None {
            files::create(&path, &text)?;
        } else if path.exists() {
            return Err(HubError::AlreadyExists {
                resource: "file".into(),
                name: path.display().to_string(),
            });
        }
        Ok(Written {
            before: None,
            after: Some(ClusterSecret::from_secret(secret)),
            diffs,
            warnings: Vec::new(),
            verb: Verb::Created,
        })
    }

    /// Changes just the named keys in the file of one cluster Secret; every other byte stays.
    pub async fn change(
        &self,
        secret_name: &str,
        changes: &KeyChanges,
        write: &WriteOptions,
    ) -> Result<Written, HubError> {
        refuse(write)?;
        changes.check()?;
        let _lock = files::lock(self.dir(), write.deadline).await?;
        let place = self.place(secret_name)?;
        let before = ClusterSecret::from_secret(place.secret.clone());
        let diffs = changes.diff(&before.cluster);
        if diffs.is_empty() {
            return Ok(Written::unchanged(before));
        }
        let edits = key_edits(&diffs);
        place.write(before, diffs, edits, write)
    }

    /// Sets the keys of a registration in the file of its cluster Secret.
    pub async fn apply(
        &self,
        current: &ClusterSecret,
        secret: &Secret,
        write: &WriteOptions,
    ) -> Result<Written, HubError> {
        refuse(write)?;
        let wanted = only_data(secret.clone());
        let _lock = files::lock(self.dir(), write.deadline).await?;
        let place = self.place(&current.cluster.secret_name)?;
        let before = ClusterSecret::from_secret(place.secret.clone());
        let diffs = secret_diffs(Some(&only_data(place.secret.clone())), &wanted);
        if diffs.is_empty() {
            return Ok(Written::unchanged(before));
        }
        check_unchanged(&diffs, current, &before)?;
        let mut edits = key_edits(&diffs);
        for (key, value) in wanted.data.iter().flatten() {
            if diffs.iter().any(|diff| diff.kind == "data" && &diff.key == key) {
                edits.push(place.data_edit(key, value));
            }
        }
        place.write(before, diffs, edits, write)
    }

    /// Removes the file of a cluster Secret.
    pub async fn delete(&self, current: &ClusterSecret, write: &WriteOptions) -> Result<(), HubError> {
        refuse(write)?;
        let _lock = files::lock(self.dir(), write.deadline).await?;
        let place = match self.place(&current.cluster.secret_name) {
            Err(HubError::NotFound { name, .. }) => {
                return Err(HubError::Replaced {
                    secret: name,
                    how: "removed",
                });
            }
            other => other?,
        };
        if write.dry_run == DryRun::None {
            files::remove(&place.manifest.path)?;
        }
        Ok(())
    }

    /// The file of a cluster Secret, if that is all it holds.
    fn place(&self, secret_name: &str) -> Result<Place, HubError> {
        let mut paths = files::list(&self.dir().join(CLUSTERS))?;
        // Where `create` puts it; the other files are read only if it is not there.
        paths.sort_by_key(|path| path.file_stem().is_none_or(|stem| stem != secret_name));
        for path in &paths {
            let manifest = Manifest::read(path)?;
            let Some(object) = manifest
                .objects
                .iter()
                .find(|object| manifest::is_cluster(object) && manifest::name(object) == secret_name)
            else {
                continue;
            };
            if manifest.objects.len() > 1 {
                return Err(cannot_write(
                    &manifest.path,
                    "it holds several objects: give each a file of its own",
                ));
            }
            let secret = manifest.secret(object)?;
            return Ok(Place { manifest, secret });
        }
        Err(HubError::NotFound {
            name: secret_name.to_owned(),
            hub: self.to_string(),
            nearest: String::new(),
        })
    }

    /// What is about to be written must read back as what was meant.
    fn check_rendered(&self, text: &str, secret: &Secret) -> Result<(), HubError> {
        let back = yaml_edit::parse_all(text)
            .ok()
            .and_then(|mut objects| objects.pop())
            .and_then(|object| serde_json::from_value::<Secret>(object).ok())
            .map(only_data);
        let same = back.is_some_and(|back| {
            back.metadata.labels == secret.metadata.labels
                && back.metadata.annotations == secret.metadata.annotations
                && back.metadata.name == secret.metadata.name
                && back.data == secret.data
        });
        if same {
            Ok(())
        } else {
            Err(cannot_write(
                &self.dir().join(CLUSTERS),
                "the manifest would not read back as what was meant",
            ))
        }
    }
}

impl Place {
    /// Splices the edits and the note in, and replaces the file.
    fn write(
        self,
        before: ClusterSecret,
        diffs: Vec<KeyDiff>,
        mut edits: Vec<Edit>,
        write: &WriteOptions,
    ) -> Result<Written, HubError> {
        edits.push(Edit {
            path: ANNOTATIONS,
            key: keys::LAST_CHANGE.to_owned(),
            value: Some(last_change(&local_user(), &diffs, write.reason.as_deref())),
        });
        let path = &self.manifest.path;
        let text = yaml_edit::edit(&self.manifest.text, &edits)
            .map_err(|error| cannot_write(path, &error.to_string()))?;
        let after = self.read_back(&text)?;
        if write.dry_run == DryRun::None {
            files::replace(path, &text)?;
        }
        Ok(Written {
            before: Some(before),
            after: Some(ClusterSecret::from_secret(after)),
            diffs,
            warnings: Vec::new(),
            verb: Verb::Configured,
        })
    }

    fn read_back(&self, text: &str) -> Result<Secret, HubError> {
        let mut objects = yaml_edit::parse_all(text)
            .map_err(|error| cannot_write(&self.manifest.path, &error.to_string()))?;
        let object = objects.pop().unwrap_or(Value::Null);
        self.manifest.secret(&object)
    }

    /// A data key where the file has it: text in `stringData`, base64 in `data`.
    fn data_edit(&self, key: &str, value: &k8s_openapi::ByteString) -> Edit {
        let object = self.manifest.objects.first();
        let has = |section: &str, key: Option<&str>| {
            let found = object
                .and_then(|object| object.get(section))
                .and_then(Value::as_object);
            match key {
                Some(key) => found.is_some_and(|section| section.contains_key(key)),
                None => found.is_some(),
            }
        };
        let text = std::str::from_utf8(&value.0).ok();
        let in_strings = has("stringData", Some(key))
            || (!has("data", Some(key)) && (has("stringData", None) || !has("data", None)));
        match text.filter(|_| in_strings) {
            Some(text) => Edit {
                path: STRING_DATA,
                key: key.to_owned(),
                value: Some(text.to_owned()),
            },
            None => Edit {
                path: DATA,
                key: key.to_owned(),
                value: Some(render::base64(value)),
            },
        }
    }
}

fn key_edits(diffs: &[KeyDiff]) -> Vec<Edit> {
    diffs
        .iter()
        .filter_map(|diff| {
            let path = match diff.kind {
                "label" => LABELS,
                "annotation" => ANNOTATIONS,
                _ => return None,
            };
            Some(Edit {
                path,
                key: diff.key.clone(),
                value: diff.to.clone(),
            })
        })
        .collect()
}

/// What needs an API server.
pub(super) fn refuse(write: &WriteOptions) -> Result<(), HubError> {
    if write.dry_run == DryRun::Server {
        return Err(HubError::FolderCannot(
            "do --dry-run=server: there is no server to ask (--dry-run=client works)",
        ));
    }
    if write.force_conflicts {
        return Err(HubError::FolderCannot(
            "do --force-conflicts: keys in files have no owners",
        ));
    }
    Ok(())
}

pub(super) fn cannot_write(path: &std::path::Path, why: &str) -> HubError {
    HubError::Folder {
        what: format!("cannot write {}", PathBuf::from(path).display()),
        cause: Some(Cause::new(why)),
    }
}

/// Who is at the keyboard.
fn local_user() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "unknown".into())
}
