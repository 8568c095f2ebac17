use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::binaries::Binaries;
use crate::rights;

/// What a program did.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output, if the program ended with 0.
    ///
    /// # Errors
    /// Otherwise, with the exit status and standard error.
    pub fn success(self) -> Result<String> {
        let Self {
            status,
            stdout,
            stderr,
        } = self;
        if status.success() {
            Ok(stdout)
        } else {
            bail!("{status}: {}", stderr.trim_end())
        }
    }
}

/// The real kubectl with one kubeconfig.
#[derive(Clone, Debug)]
pub(crate) struct Kubectl {
    pub(crate) binaries: Binaries,
    pub(crate) kubeconfig: PathBuf,
    /// Holds the discovery cache, so that only the first call has to ask for it.
    pub(crate) home: PathBuf,
}

impl Kubectl {
    pub(crate) async fn run(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let mut child = Command::new(self.binaries.path("kubectl"))
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &self.home)
            .env("PATH", self.binaries.search_path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start kubectl")?;
        if let Some(mut stdin) = child.stdin.take() {
            // kubectl may end without reading all of it; its exit code says why.
            drop(stdin.write_all(input.as_bytes()).await);
        }
        let output = child.wait_with_output().await?;
        Ok(Output {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a subcommand that writes the documents on standard input, with `-f -`. Rights among them are in effect when
    /// it returns.
    pub(crate) async fn feed(&self, arguments: &[&str], manifests: &str) -> Result<()> {
        let all = [arguments, &["-o", "json", "-f", "-"]].concat();
        let said = self.run(&all, manifests).await?.success();
        let objects = said.with_context(|| format!("kubectl {} failed", arguments.join(" ")))?;
        if manifests.contains("RoleBinding") {
            rights::in_effect(self, &objects).await?;
        }
        Ok(())
    }
}
