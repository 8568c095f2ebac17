//! The team's defaults in a folder hub: a ConfigMap in a file of its own beside `clusters/`.

use std::{collections::BTreeMap, path::PathBuf};

use bridge_core::defaults::{CONFIG_MAP, Defaults};
use k8s_openapi::api::core::v1::ConfigMap;

use super::{
    FolderHub, files,
    manifest::{self, Manifest},
    render,
    write::{cannot_write, refuse},
};
use crate::{
    defaults::{DefaultsChange, changes, read},
    error::{Cause, HubError},
    failure::json_cause,
    write::{DryRun, Verb, WriteOptions},
    yaml_edit::{self, Edit},
};

/// The file, and `data` of the ConfigMap in it.
type Found = (Manifest, BTreeMap<String, String>);

impl FolderHub {
    /// The team's defaults; `None` where nobody has run `init`.
    pub fn defaults(&self) -> Result<Option<Defaults>, HubError> {
        self.defaults_file()?.map(|(_, data)| read(&data)).transpose()
    }

    /// Sets (`Some`) and removes (`None`) keys of the defaults; every other byte stays.
    pub async fn set_defaults(
        &self,
        wanted: &BTreeMap<String, Option<String>>,
        write: &WriteOptions,
    ) -> Result<DefaultsChange, HubError> {
        refuse(write)?;
        let _lock = files::lock(self.dir(), write.deadline).await?;
        let file = self.defaults_file()?;
        let change = changes(file.as_ref().map(|(_, data)| data), wanted)?;
        if change.verb == Verb::Unchanged {
            return Ok(change);
        }
        let path = self.defaults_path();
        let text = match &file {
            None => render::config_map(CONFIG_MAP, &change.after),
            Some((manifest, _)) => {
                let edits: Vec<Edit> = change
                    .diffs
                    .iter()
                    .map(|diff| Edit {
                        path: &["data"],
                        key: diff.key.clone(),
                        value: diff.to.clone(),
                    })
                    .collect();
                yaml_edit::edit(&manifest.text, &edits)
                    .map_err(|error| cannot_write(&path, &error.to_string()))?
            }
        };
        if write.dry_run == DryRun::None {
            match file {
                None => files::create(&path, &text)?,
                Some(_) => files::replace(&path, &text)?,
            }
        }
        Ok(change)
    }

    fn defaults_path(&self) -> PathBuf {
        self.dir().join(format!("{CONFIG_MAP}.yaml"))
    }

    /// The file and what it says, if it is there.
    fn defaults_file(&self) -> Result<Option<Found>, HubError> {
        let path = self.defaults_path();
        if !path.exists() {
            return Ok(None);
        }
        let manifest = Manifest::read(&path)?;
        let fail = |cause: Cause| HubError::Folder {
            what: format!("cannot read {}", path.display()),
            cause: Some(cause),
        };
        let [object] = manifest.objects.as_slice() else {
            return Err(fail(Cause::new("it holds several objects")));
        };
        if manifest::kind(object) != "ConfigMap" {
            return Err(fail(Cause::new("it holds no ConfigMap")));
        }
        let map: ConfigMap =
            serde_json::from_value(object.clone()).map_err(|error| fail(json_cause(&error)))?;
        Ok(Some((manifest, map.data.unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)))
            .collect()
    }

    #[tokio::test]
    async fn written_changed_and_read_again() {
        let dir = tempfile::TempDir::new().unwrap();
        let hub = FolderHub::open(dir.path()).unwrap();
        assert_eq!(hub.defaults().unwrap(), None);
        let write = WriteOptions::default();
        let first = set(&[("region", Some("eu-west-1")), ("access", Some("direct"))]);
        let dry = WriteOptions {
            dry_run: DryRun::Client,
            ..write.clone()
        };
        assert_eq!(hub.set_defaults(&first, &dry).await.unwrap().verb, Verb::Created);
        assert_eq!(hub.defaults().unwrap(), None, "a dry run");
        assert_eq!(
            hub.set_defaults(&first, &write).await.unwrap().verb,
            Verb::Created
        );
        let path = hub.defaults_path();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("# Ours.\n{text}")).unwrap();
        let next = set(&[("access", None), ("aws-cluster-name", Some("spoke-{name}"))]);
        assert_eq!(
            hub.set_defaults(&next, &write).await.unwrap().verb,
            Verb::Configured
        );
        assert_eq!(
            hub.set_defaults(&next, &write).await.unwrap().verb,
            Verb::Unchanged
        );
        let read = hub.defaults().unwrap().unwrap();
        assert_eq!((read.region.as_deref(), read.access), (Some("eu-west-1"), None));
        assert_eq!(read.aws_cluster_name.unwrap().to_string(), "spoke-{name}");
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("# Ours.\n"));
        let before = std::fs::read_to_string(&path).unwrap();
        let wrong = hub.set_defaults(&set(&[("access", Some("admin"))]), &write).await;
        assert!(matches!(wrong, Err(HubError::Malformed { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    }

    #[test]
    fn a_file_that_is_something_else() {
        let dir = tempfile::TempDir::new().unwrap();
        let hub = FolderHub::open(dir.path()).unwrap();
        for text in [
            "kind: Secret\n",
            "kind: ConfigMap\n---\nkind: ConfigMap\n",
            "kind: ConfigMap\ndata: {regoin: x}\n",
            "kind: ConfigMap\ndata: {region: [x]}\n",
        ] {
            std::fs::write(hub.defaults_path(), text).unwrap();
            assert!(hub.defaults().is_err(), "{text}");
        }
    }
}
