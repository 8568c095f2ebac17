//! A folder as a hub: `clusters/` and `applicationsets/`, one object a file, comments and order kept.

mod defaults;
mod files;
mod manifest;
mod render;
mod write;

use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
};

use bridge_core::{applicationset::ApplicationSet, keys, secret::ClusterSecret};
use serde_json::Value;

use crate::{
    error::{Cause, HubError},
    live::{argo::application_set, read},
};
use manifest::Manifest;

const CLUSTERS: &str = "clusters";
const APPLICATION_SETS: &str = "applicationsets";

/// A folder of manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderHub {
    dir: PathBuf,
}

impl fmt::Display for FolderHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "folder {}", self.dir.display())
    }
}

impl FolderHub {
    /// Takes a folder that is there.
    pub fn open(dir: &Path) -> Result<Self, HubError> {
        let what = || format!("cannot use the folder {} as a hub", dir.display());
        match std::fs::metadata(dir) {
            Ok(found) if found.is_dir() => Ok(Self { dir: dir.to_owned() }),
            Ok(_) => Err(HubError::Folder {
                what: what(),
                cause: Some(Cause::new("it is not a folder")),
            }),
            Err(error) => Err(HubError::Folder {
                what: what(),
                cause: Some(Cause::new(error.to_string())),
            }),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The namespace of Argo CD that its manifests are for.
    pub fn namespace(&self) -> &'static str {
        keys::DEFAULT_NAMESPACE
    }

    /// All cluster Secrets of `clusters/`, sorted by name. Other objects there are passed over with a log line.
    pub fn clusters(&self) -> Result<Vec<ClusterSecret>, HubError> {
        let mut clusters = Vec::new();
        for manifest in self.manifests(CLUSTERS)? {
            for object in &manifest.objects {
                if manifest::is_cluster(object) {
                    clusters.push(ClusterSecret::from_secret(manifest.secret(object)?));
                } else {
                    pass_over(&manifest, object, "cluster Secret");
                }
            }
        }
        // By its own name, and not by the cluster's: two manifests of one Secret may name two clusters.
        let mut names = HashSet::new();
        if let Some(twice) = clusters
            .iter()
            .map(|found| &found.cluster.secret_name)
            .find(|name| !names.insert(*name))
        {
            return Err(HubError::Folder {
                what: format!("Secret \"{twice}\" is in {self} twice"),
                cause: None,
            });
        }
        read::sort(&mut clusters);
        Ok(clusters)
    }

    /// A cluster by name, or else by the name of its Secret.
    pub fn cluster(&self, name: &str) -> Result<ClusterSecret, HubError> {
        read::pick(self.clusters()?, name, &self.to_string())
    }

    /// The ApplicationSets of `applicationsets/`.
    pub fn applicationsets(&self) -> Result<Vec<ApplicationSet>, HubError> {
        let mut sets = Vec::new();
        for manifest in self.manifests(APPLICATION_SETS)? {
            for object in &manifest.objects {
                if manifest::kind(object) == "ApplicationSet" {
                    sets.push(application_set(object)?);
                } else {
                    pass_over(&manifest, object, "ApplicationSet");
                }
            }
        }
        Ok(sets)
    }

    fn manifests(&self, folder: &str) -> Result<Vec<Manifest>, HubError> {
        files::list(&self.dir.join(folder))?
            .iter()
            .map(|path| Manifest::read(path))
            .collect()
    }
}

/// All clusters of a folder hub, or an error: never a part of them.
pub(crate) fn load_clusters(dir: &Path) -> Result<Vec<ClusterSecret>, HubError> {
    FolderHub::open(dir)?.clusters()
}

fn pass_over(manifest: &Manifest, object: &Value, wanted: &str) {
    tracing::warn!(
        file = %manifest.path.display(),
        kind = manifest::kind(object),
        "passed over: not a {wanted}"
    );
}

#[cfg(test)]
mod tests;
