use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use testbed::{Hub, Spoke};

/// The real `kubectl-bridge`, talking to one hub, and able to reach one spoke by its context.
pub struct Plugin {
    home: TempDir,
    kubeconfigs: String,
}

/// What a run did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Fails unless it ended with 0 and said `text`.
    pub fn expect(self, text: &str) -> Result<()> {
        ensure!(self.code == Some(0), "it failed: {self:#?}");
        ensure!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "it did not say \"{text}\": {self:#?}"
        );
        Ok(())
    }
}

impl Plugin {
    pub fn new(hub: &Hub, spoke: &Spoke) -> Result<Self> {
        let kubeconfigs =
            std::env::join_paths([PathBuf::from(hub.kubeconfig()), PathBuf::from(spoke.kubeconfig())])?;
        Ok(Self {
            home: tempfile::tempdir()?,
            kubeconfigs: kubeconfigs.into_string().unwrap_or_default(),
        })
    }

    pub fn run(&self, arguments: &[&str]) -> Result<Ran> {
        let output = self
            .command(arguments)
            .output()
            .context("cannot run kubectl-bridge")?;
        Ok(Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Kills the run with SIGKILL after a while. False if it had ended by then.
    pub fn run_and_kill(&self, arguments: &[&str], after: Duration) -> Result<bool> {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let end = Instant::now() + after;
        while Instant::now() < end {
            if child.try_wait()?.is_some() {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill()?;
        child.wait()?;
        Ok(true)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-bridge"));
        command
            .args(["--context", "hub"])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.kubeconfigs)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }
}
