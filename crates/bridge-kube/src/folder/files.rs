//! Files of a folder hub: listed in order, replaced at once, one writer at a time.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::error::{Cause, HubError};

/// The manifests of a folder, sorted by name; hidden files and folders in it are left alone. A folder that is not there
/// has none.
pub(super) fn list(dir: &Path) -> Result<Vec<PathBuf>, HubError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("cannot read", dir, &error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed("cannot read", dir, &error))?;
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let manifest = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json");
        if hidden || !manifest {
            continue;
        }
        // A link that leads nowhere is a manifest that cannot be read: without it the list would be a part.
        let found = fs::metadata(&path).map_err(|error| failed("cannot read", &path, &error))?;
        if found.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, HubError> {
    fs::read_to_string(path).map_err(|error| failed("cannot read", path, &error))
}

/// Replaces a file in one step, keeping its mode; behind a symbolic link, the file that it leads to.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), HubError> {
    let fail = |error: &io::Error| failed("cannot write", path, error);
    let target = fs::canonicalize(path).map_err(|error| fail(&error))?;
    let permissions = fs::metadata(&target).map_err(|error| fail(&error))?.permissions();
    let file = staged(&target, text).map_err(|error| fail(&error))?;
    file.as_file()
        .set_permissions(permissions)
        .map_err(|error| fail(&error))?;
    file.persist(&target).map_err(|error| fail(&error.error))?;
    Ok(())
}

/// Writes a file that must not be there yet. It may hold credentials: only its owner may read it.
pub(super) fn create(path: &Path, text: &str) -> Result<(), HubError> {
    let fail = |error: &io::Error| failed("cannot write", path, error);
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(|error| fail(&error))?;
    }
    let file = staged(path, text).map_err(|error| fail(&error))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(HubError::AlreadyExists {
            resource: "file".into(),
            name: path.display().to_string(),
        }),
        Err(error) => Err(fail(&error.error)),
    }
}

pub(super) fn remove(path: &Path) -> Result<(), HubError> {
    fs::remove_file(path).map_err(|error| failed("cannot remove", path, &error))
}

/// The text on disk beside its place, under a hidden name.
fn staged(path: &Path, text: &str) -> io::Result<tempfile::NamedTempFile> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".kubectl-bridge-")
        .tempfile_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// The right to write a folder hub; given up when dropped.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file gives the lock up too.
        drop(self.0.unlock());
    }
}

/// Waits for the right to write a folder hub. Only programs that ask for it too are kept out.
pub(super) async fn lock(dir: &Path, within: Duration) -> Result<Lock, HubError> {
    const PAUSE: Duration = Duration::from_millis(5);
    let until = Instant::now() + within;
    let file = lock_file(dir).map_err(|error| failed("cannot lock", dir, &error))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < until => tokio::time::sleep(PAUSE).await,
            Err(TryLockError::WouldBlock) => {
                return Err(HubError::Folder {
                    what: format!("cannot lock {}", dir.display()),
                    cause: Some(Cause::new(format!(
                        "another program has been writing it for {}s",
                        within.as_secs()
                    ))),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("cannot lock", dir, &error)),
        }
    }
}

/// The folder itself is the lock: no file of ours in what may be a git checkout.
#[cfg(unix)]
fn lock_file(dir: &Path) -> io::Result<File> {
    File::open(dir)
}

/// A folder cannot be opened there.
#[cfg(not(unix))]
fn lock_file(dir: &Path) -> io::Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(dir.join(".kubectl-bridge.lock"))
}

pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> HubError {
    HubError::Folder {
        what: format!("{what} {}", path.display()),
        cause: Some(Cause::new(error.to_string())),
    }
}
