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
use tokio::{task::spawn_blocking, time::sleep};
use tracing::{error, info, warn};

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
    (view, follow(Looker::new(dir), Builder::new(source)))
}

async fn follow(mut looker: Looker, mut builder: Builder) {
    let folder = looker.dir.clone();
    let mut complaint = String::new();
    while !builder.is_closed() {
        // A large folder takes a while, and the threads that answer must not wait for a disk.
        let work = spawn_blocking(move || {
            let found = looker.look();
            (looker, found)
        });
        let Ok((back, found)) = work.await else {
            error!(folder = %folder.display(), "the folder is followed no more");
            return;
        };
        looker = back;
        match found {
            Ok(Look::Changing) => {}
            Ok(fresh) => {
                if let Look::Changed(clusters) = fresh {
                    builder.reset(clusters.into_iter());
                }
                builder.publish();
                if !complaint.is_empty() {
                    info!(folder = %folder.display(), "the folder can be read again");
                    complaint.clear();
                }
            }
            Err(problem) => {
                let text = problem.to_string();
                if text != complaint {
                    warn!(folder = %folder.display(), problem = text, "keeping the fleet that was there");
                    complaint = text;
                }
            }
        }
        sleep(LOOK).await;
    }
}

/// File names with a hash of what is in them.
type Contents = BTreeMap<PathBuf, u64>;

/// Looks at a folder and remembers what it saw.
struct Looker {
    dir: PathBuf,
    keys: RandomState,
    /// What is served.
    served: Option<Contents>,
    /// What the look before saw.
    before: Option<Contents>,
}

enum Look {
    /// What is served.
    Same,
    /// Something else than the look before saw: maybe somebody is writing just now.
    Changing,
    /// Something new, and it holds still.
    Changed(Vec<Cluster>),
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

impl Looker {
    fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            keys: RandomState::new(),
            served: None,
            before: None,
        }
    }

    fn look(&mut self) -> Result<Look, Problem> {
        let before = self.before.take();
        let seen = self.contents()?;
        if self.served.as_ref() == Some(&seen) {
            return Ok(Look::Same);
        }
        if before.as_ref() != Some(&seen) {
            self.before = Some(seen);
            return Ok(Look::Changing);
        }
        // Their credentials are forgotten here.
        let clusters: Vec<Cluster> = load_clusters(&self.dir)?
            .into_iter()
            .map(|secret| secret.cluster)
            .collect();
        if clusters.is_empty() {
            return Err(Problem::NoClusters(self.dir.join(CLUSTERS)));
        }
        // Whatever was written while it was loaded is for the next look.
        if self.contents()? != seen {
            return Ok(Look::Changing);
        }
        self.served = Some(seen);
        Ok(Look::Changed(clusters))
    }

    fn contents(&self) -> Result<Contents, Problem> {
        let dir = self.dir.join(CLUSTERS);
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |cause| Problem::Unreadable { path, cause }
        };
        let mut contents = Contents::new();
        for entry in std::fs::read_dir(&dir).map_err(unreadable(&dir))? {
            let path = entry.map_err(unreadable(&dir))?.path();
            let hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let manifest = path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json");
            if hidden || !manifest {
                continue;
            }
            // A link that leads nowhere is no cluster that is gone.
            if path.metadata().map_err(unreadable(&path))?.is_dir() {
                continue;
            }
            let bytes = std::fs::read(&path).map_err(unreadable(&path))?;
            // An editor that truncates and then writes: without this, the cluster would be gone for a moment.
            if bytes.trim_ascii().is_empty() {
                return Err(Problem::EmptyFile(path));
            }
            contents.insert(path, self.keys.hash_one(bytes));
        }
        Ok(contents)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, label: &str) {
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  labels:\n    argocd.argoproj.io/secret-type: cluster\n    environment: {label}\nstringData:\n  name: {name}\n  server: https://{name}\n"
        );
        std::fs::write(dir.join(CLUSTERS).join(format!("{name}.yaml")), text).unwrap();
    }

    fn folder() -> (tempfile::TempDir, Looker) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(CLUSTERS)).unwrap();
        let looker = Looker::new(dir.path());
        (dir, looker)
    }

    /// `same`, `changing`, the names served from now on, or the problem.
    fn look(looker: &mut Looker) -> String {
        match looker.look() {
            Ok(Look::Same) => "same".to_owned(),
            Ok(Look::Changing) => "changing".to_owned(),
            Ok(Look::Changed(clusters)) => {
                let names: Vec<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
                names.join(",")
            }
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn a_change_is_taken_once_it_holds_still() {
        let (dir, mut looker) = folder();
        write(dir.path(), "dev", "dev");
        assert_eq!(
            [look(&mut looker), look(&mut looker), look(&mut looker)],
            ["changing", "dev", "same"]
        );
        write(dir.path(), "prod", "prod");
        assert_eq!(look(&mut looker), "changing");
        write(dir.path(), "prod", "staging");
        assert_eq!(
            [look(&mut looker), look(&mut looker), look(&mut looker)],
            ["changing", "dev,prod", "same"]
        );
    }

    #[test]
    fn half_a_folder_is_no_fleet() {
        let (dir, mut looker) = folder();
        let file = dir.path().join(CLUSTERS).join("prod.yaml");
        assert_eq!(look(&mut looker), "changing");
        assert!(look(&mut looker).starts_with("no cluster Secret in"));
        write(dir.path(), "dev", "dev");
        write(dir.path(), "prod", "prod");
        assert_eq!([look(&mut looker), look(&mut looker)], ["changing", "dev,prod"]);
        std::fs::write(&file, "").unwrap();
        assert!(look(&mut looker).ends_with("prod.yaml is empty"));
        std::fs::write(&file, "metadata:\n  name: [prod").unwrap();
        assert_eq!(look(&mut looker), "changing");
        assert!(look(&mut looker).contains("prod.yaml"));
        std::fs::remove_file(&file).unwrap();
        assert_eq!([look(&mut looker), look(&mut looker)], ["changing", "dev"]);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nowhere", &file).unwrap();
            assert!(look(&mut looker).contains("prod.yaml"));
        }
        std::fs::remove_dir_all(dir.path().join(CLUSTERS)).unwrap();
        assert!(look(&mut looker).starts_with("cannot read"));
    }
}
