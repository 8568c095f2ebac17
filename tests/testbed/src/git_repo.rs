use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::scratch::Scratch;

/// A git repository in a temporary folder, with the branch `main`. Argo CD can read it by its `file://` URL.
#[derive(Debug)]
pub struct GitRepo {
    scratch: Scratch,
}

impl GitRepo {
    /// Makes an empty one.
    ///
    /// # Errors
    /// When git is missing or fails.
    pub fn create() -> Result<Self> {
        let repo = Self {
            scratch: Scratch::create("git")?,
        };
        repo.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(repo)
    }

    /// `file:///…`
    pub fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// The work tree.
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a file into the work tree, with the folders it needs.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.path().join(path);
        let folder = path.parent().unwrap_or(self.path());
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Commits all that is in the work tree, and what is no longer in it.
    ///
    /// # Errors
    /// When git fails, also because there is nothing to commit.
    pub fn commit(&self, message: &str) -> Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])
    }

    fn git(&self, arguments: &[&str]) -> Result<()> {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            // Whatever the machine's own configuration or a surrounding git process says must not matter.
            .env_remove("GIT_DIR")
            .env_remove("GIT_INDEX_FILE")
            .env_remove("GIT_WORK_TREE")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .envs([
                ("GIT_AUTHOR_NAME", "testbed"),
                ("GIT_AUTHOR_EMAIL", "testbed@localhost"),
            ])
            .envs([
                ("GIT_COMMITTER_NAME", "testbed"),
                ("GIT_COMMITTER_EMAIL", "testbed@localhost"),
            ])
            .output()
            .context("cannot run git")?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            bail!(
                "git {} failed: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&said).trim()
            );
        }
        Ok(())
    }
}
