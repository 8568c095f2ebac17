//! The real program as a process.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use testbed::{Hub, eventually};

use crate::wire::{self, Response};

/// The bearer token that each program starts with.
pub(crate) const TOKEN: &str = "a-token-for-tests-only";

/// `bridge-generator` on loopback, killed on drop.
pub(crate) struct Program {
    child: Child,
    folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Program {
    /// Starts it on a live hub, with everything in its log.
    pub(crate) async fn on_hub(hub: &Hub, flags: &[&str]) -> Result<Self> {
        let kubeconfig = hub.kubeconfig().to_string_lossy();
        let mut all = vec!["--kubeconfig", &kubeconfig, "--namespace", hub.namespace()];
        all.extend(flags);
        Self::start(&all).await
    }

    /// Starts it and waits until it listens.
    pub(crate) async fn start(flags: &[&str]) -> Result<Self> {
        Self::start_logging("info,bridge_generator=trace,bridge_kube=trace", flags).await
    }

    /// The same with what `RUST_LOG` says.
    pub(crate) async fn start_logging(filter: &str, flags: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("tokens"), format!("{TOKEN}\n"))?;
        let child = command(folder.path(), filter, flags)?
            .spawn()
            .context("cannot start bridge-generator")?;
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut program = Self {
            child,
            folder,
            address: nowhere,
            admin: nowhere,
        };
        program.address = program.listens_on("--listen").await?;
        program.admin = program.listens_on("--admin-listen").await?;
        Ok(program)
    }

    async fn listens_on(&mut self, flag: &str) -> Result<SocketAddr> {
        eventually(
            "bridge-generator to listen",
            Duration::from_secs(20),
            async || {
                if let Some(status) = self.child.try_wait()? {
                    bail!("it ended: {status}");
                }
                let log = self.log()?;
                let line = log
                    .lines()
                    .find(|line| line.contains("listening") && line.contains(&format!("\"{flag}\"")));
                let Some(line) = line else { return Ok(None) };
                let line: serde_json::Value = serde_json::from_str(line)?;
                Ok(line["address"].as_str().map(str::parse).transpose()?)
            },
        )
        .await
        .with_context(|| format!("its log: {}", self.log().unwrap_or_default()))
    }

    /// Waits until it answers, and gives the clusters that it answers with.
    pub(crate) async fn ready(&self) -> Result<Vec<String>> {
        eventually("an answer", Duration::from_secs(20), async || {
            let answer = self.ask("test").await?;
            if answer.status == 200 {
                Ok(Some(answer.clusters()?))
            } else {
                bail!("{answer:?}")
            }
        })
        .await
    }

    /// The base URL for Argo CD.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks for all clusters.
    pub(crate) async fn ask(&self, applicationset: &str) -> Result<Response> {
        wire::ask(self.address, TOKEN, applicationset).await
    }

    /// A number in its metrics; zero when the line is not there.
    pub(crate) async fn metric(&self, line: &str) -> Result<f64> {
        let page = wire::get(self.admin, "/metrics").await?.body;
        let value = page
            .lines()
            .find_map(|have| have.strip_prefix(line)?.strip_prefix(' ').map(str::to_owned));
        Ok(value.map(|value| value.parse()).transpose()?.unwrap_or_default())
    }

    /// All that it has written so far.
    pub(crate) fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.path().join("log"))?)
    }

    /// The file with its tokens.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }

    /// Sends it a SIGTERM.
    pub(crate) fn terminate(&self) -> Result<()> {
        let status = Command::new("kill")
            .arg("-TERM")
            .arg(self.child.id().to_string())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            bail!("kill: {status}")
        }
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self) -> Result<ExitStatus> {
        eventually("bridge-generator to end", Duration::from_secs(20), async || {
            Ok(self.child.try_wait()?)
        })
        .await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_log();
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Program {
    #[expect(clippy::print_stderr, reason = "a failing test is told what the program said")]
    fn show_log(&self) {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(60)..].join("\n");
        eprintln!("--- the end of the log of bridge-generator ---\n{tail}\n---");
    }
}

fn command(folder: &Path, filter: &str, flags: &[&str]) -> Result<Command> {
    let log = File::create(folder.join("log"))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_bridge-generator"));
    command
        .args([
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--shutdown-delay",
            "300ms",
            "--token-file",
        ])
        .arg(folder.join("tokens"))
        .args(flags)
        .env("RUST_LOG", filter)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    Ok(command)
}

/// Runs it to its end, which should come soon; gives its exit code and what it wrote.
pub(crate) fn run(flags: &[&str], tokens: Option<&str>) -> Result<(Option<i32>, String)> {
    let folder = tempfile::tempdir()?;
    if let Some(tokens) = tokens {
        std::fs::write(folder.path().join("tokens"), tokens)?;
    }
    let status = command(folder.path(), "info", flags)?.status()?;
    Ok((status.code(), std::fs::read_to_string(folder.path().join("log"))?))
}
