use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// Waits until standard input closes, then removes the folder `$0`. Twice, because programs that write into it are
/// being ended at the same moment.
const CARETAKER: &str = r#"read -r _; rm -rf "$0"; sleep 1; rm -rf "$0""#;

/// A temporary folder that is removed on drop, and also when this process dies without dropping anything: values in
/// statics are never dropped, killed processes drop nothing.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    pipe: Option<ChildStdin>,
    caretaker: Child,
}

impl Scratch {
    pub(crate) fn create(purpose: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("kubectl-bridge-{purpose}-"))
            .tempdir()
            .context("cannot create a temporary folder")?;
        let mut caretaker = Command::new("sh")
            .arg("-c")
            .arg(CARETAKER)
            .arg(folder.path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start sh")?;
        let pipe = caretaker.stdin.take();
        Ok(Self {
            folder,
            pipe,
            caretaker,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a folder inside, created if it is missing.
    pub(crate) fn subfolder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// Writes a file inside and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What the caretaker does on our death is done here at once; what it would still do is not needed.
        drop(std::fs::remove_dir_all(self.folder.path()));
        drop(self.caretaker.kill());
        drop(self.pipe.take());
        drop(self.caretaker.wait());
    }
}
