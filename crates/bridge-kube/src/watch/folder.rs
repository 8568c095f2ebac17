//! Follows the cluster Secrets of a folder hub.

use std::{
    collections::BTreeMap,
    error::Error as _,
    hash::{BuildHasher as _, RandomState},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bridge_core::cluster::Cluster;
use tokio::time::sleep;
use tracing::{info, warn};

use super::{fleet::Builder, view::FleetView};
use crate::{HubError, folder::load_clusters};

/// How often the folder is looked at. A changed folder is taken once two looks in a row have seen the same.
const LOOK: Duration = Duration::from_millis(200);
/// Where a folder hub keeps its cluster Secrets.
const CLUSTERS: &str = "clusters";

/// Follows a folder hub. A folder that cannot be read, is empty or is being written keeps the fleet that was there, which
/// ages: with a folder an empty list means an accident, never that the last cluster was unregistered.
pub fn follow_folder(dir: &Path) -> (FleetView, impl Future<Output = ()> + Send + use<>) {
    let (source, view) = FleetView::new();
    (view, follow(dir.to_owned(), Builder::new(source)))
}

async fn follow(dir: PathBuf, mut builder: Builder) {
    let keys = RandomState::new();
    let mut served: Option<Contents> = None;
    let mut before: Option<Contents> = None;
    let mut complaint = String::new();
    while !builder.is_closed() {
        match look(&dir, &keys, served.as_ref(), before.as_ref()) {
            Ok(Look::Same) => builder.publish(),
            Ok(Look::Changing(seen)) => before = Some(seen),
            Ok(Look::Changed(seen, clusters)) => {
                builder.reset(clusters.into_iter());
                builder.publish();
                served = Some(seen);
                if !complaint.is_empty() {
                    info!(folder = %dir.display(), "the folder can be read again");
                    complaint.clear();
                }
            }
            Err(problem) => {
                before = None;
                let text = problem.to_string();
                if text != complaint {
                    warn!(folder = %dir.display(), problem = text, "keeping the fleet that was there");
                    complaint = text;
                }
            }
        }
        sleep(LOOK).await;
    }
}

/// File names with a hash of what is in them.
type Contents = BTreeMap<PathBuf, u64>;

enum Look {
    /// What is served.
    Same,
    /// Something else than the look before saw: maybe somebody is writing just now.
    Changing(Contents),
    /// Something new, and it holds still.
    Changed(Contents, Vec<Cluster>),
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{} is empty", .0.display())]
    EmptyFile(PathBuf),
    #[error("no cluster Secret in {}", .0.display())]
    NoClusters(PathBuf),
    #[error("{}", whole(.0))]
    Load(#[from] HubError),
}

fn look(
    dir: &Path,
    keys: &RandomState,
    served: Option<&Contents>,
    before: Option<&Contents>,
) -> Result<Look, Problem> {
    let seen = contents(&dir.join(CLUSTERS), keys)?;
    if served == Some(&seen) {
        return Ok(Look::Same);
    }
    if before != Some(&seen) {
        return Ok(Look::Changing(seen));
    }
    // Their credentials are forgotten here.
    let clusters: Vec<Cluster> = load_clusters(dir)?
        .into_iter()
        .map(|secret| secret.cluster)
        .collect();
    if clusters.is_empty() {
        return Err(Problem::NoClusters(dir.join(CLUSTERS)));
    }
    // Whatever was written while it was loaded is for the next look.
    if contents(&dir.join(CLUSTERS), keys)? == seen {
        Ok(Look::Changed(seen, clusters))
    } else {
        Ok(Look::Changing(seen))
    }
}

/// An error with its causes, for a log line.
fn whole(error: &HubError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn contents(dir: &Path, keys: &RandomState) -> Result<Contents, Problem> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |cause| Problem::Unreadable { path, cause }
    };
    let mut contents = Contents::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable(dir))? {
        let path = entry.map_err(unreadable(dir))?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let manifest = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json");
        if hidden || !manifest || !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(unreadable(&path))?;
        // An editor that truncates and then writes: without this, the cluster would be gone for a moment.
        if bytes.trim_ascii().is_empty() {
            return Err(Problem::EmptyFile(path));
        }
        contents.insert(path, keys.hash_one(bytes));
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, label: &str) {
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  labels:\n    argocd.argoproj.io/secret-type: cluster\n    environment: {label}\nstringData:\n  name: {name}\n  server: https://{name}\n"
        );
        std::fs::write(dir.join(CLUSTERS).join(format!("{name}.yaml")), text).unwrap();
    }

    struct Watcher {
        dir: tempfile::TempDir,
        keys: RandomState,
        served: Option<Contents>,
        before: Option<Contents>,
    }

    impl Watcher {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join(CLUSTERS)).unwrap();
            Self {
                dir,
                keys: RandomState::new(),
                served: None,
                before: None,
            }
        }

        /// `same`, `changing`, the names served from now on, or the problem.
        fn look(&mut self) -> String {
            match look(
                self.dir.path(),
                &self.keys,
                self.served.as_ref(),
                self.before.as_ref(),
            ) {
                Ok(Look::Same) => "same".to_owned(),
                Ok(Look::Changing(seen)) => {
                    self.before = Some(seen);
                    "changing".to_owned()
                }
                Ok(Look::Changed(seen, clusters)) => {
                    self.served = Some(seen);
                    clusters
                        .iter()
                        .map(|cluster| cluster.name.as_str())
                        .collect::<Vec<_>>()
                        .join(",")
                }
                Err(problem) => {
                    self.before = None;
                    problem.to_string()
                }
            }
        }
    }

    #[test]
    fn a_change_is_taken_once_it_holds_still() {
        let mut watcher = Watcher::new();
        write(watcher.dir.path(), "dev", "dev");
        assert_eq!(
            [watcher.look(), watcher.look(), watcher.look()],
            ["changing", "dev", "same"]
        );
        write(watcher.dir.path(), "prod", "prod");
        assert_eq!(watcher.look(), "changing");
        write(watcher.dir.path(), "prod", "staging");
        assert_eq!(
            [watcher.look(), watcher.look(), watcher.look()],
            ["changing", "dev,prod", "same"]
        );
    }

    #[test]
    fn half_a_folder_is_no_fleet() {
        let mut watcher = Watcher::new();
        let file = watcher.dir.path().join(CLUSTERS).join("prod.yaml");
        assert_eq!(watcher.look(), "changing");
        assert!(watcher.look().starts_with("no cluster Secret in"));
        write(watcher.dir.path(), "dev", "dev");
        write(watcher.dir.path(), "prod", "prod");
        assert_eq!([watcher.look(), watcher.look()], ["changing", "dev,prod"]);
        std::fs::write(&file, "").unwrap();
        assert!(watcher.look().ends_with("prod.yaml is empty"));
        std::fs::write(&file, "metadata:\n  name: [prod").unwrap();
        assert_eq!(watcher.look(), "changing");
        assert!(watcher.look().contains("prod.yaml"));
        std::fs::remove_file(&file).unwrap();
        assert_eq!([watcher.look(), watcher.look()], ["changing", "dev"]);
        std::fs::remove_dir_all(watcher.dir.path().join(CLUSTERS)).unwrap();
        assert!(watcher.look().starts_with("cannot read"));
    }
}
