//! `testbed up` ends without a trace: on Ctrl-C, and also when it is killed and can clean up nothing itself.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail like the tests themselves"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use testbed::eventually;

struct Up {
    program: Child,
    /// All that it writes goes in here.
    folder: TempDir,
    said: String,
}

impl Up {
    /// Starts it and reads what it says until it is up.
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_testbed"))
            .arg("up")
            .args(arguments)
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        for line in BufReader::new(program.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            said.extend([line.as_str(), "\n"]);
            if line.starts_with("Ctrl-C") {
                return Self {
                    program,
                    folder,
                    said,
                };
            }
        }
        panic!("it ended before it was up ({:?}), saying: {said}", program.wait());
    }

    /// The commands of all processes that work in its folder.
    fn processes(&self) -> Vec<String> {
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| command_in(&entry.ok()?.path(), self.folder.path()))
            .collect()
    }

    fn has(&self, program: &str) -> bool {
        self.processes().iter().any(|command| command.contains(program))
    }

    fn signal(&mut self, name: &str) -> ExitStatus {
        let pid = self.program.id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{name}"), &pid])
                .status()
                .unwrap()
                .success()
        );
        self.program.wait().unwrap()
    }

    async fn assert_gone(&self) {
        eventually(
            "processes and folders to go",
            Duration::from_secs(20),
            async || {
                let processes = self.processes();
                anyhow::ensure!(processes.is_empty(), "still running: {processes:?}");
                let folders: Vec<PathBuf> = fs::read_dir(self.folder.path())?
                    .filter_map(|e| Some(e.ok()?.path()))
                    .collect();
                anyhow::ensure!(folders.is_empty(), "still there: {folders:?}");
                Ok(Some(()))
            },
        )
        .await
        .unwrap();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        drop(self.program.kill());
        drop(self.program.wait());
    }
}

/// The command line of a process, if it works in a folder or below.
fn command_in(process: &Path, folder: &Path) -> Option<String> {
    let works_in = fs::read_link(process.join("cwd")).ok()?;
    let command = fs::read(process.join("cmdline")).ok()?;
    works_in
        .starts_with(folder)
        .then(|| String::from_utf8_lossy(&command).replace('\0', " "))
}

#[tokio::test]
async fn ends_all_it_started_on_ctrl_c() {
    let mut up = Up::start(&[]);
    for program in [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "redis",
        "argocd",
    ] {
        assert!(up.has(program), "no {program} among {:?}", up.processes());
    }
    let files: Vec<&str> = up
        .said
        .lines()
        .filter_map(|l| l.split_once("both   export KUBECONFIG="))
        .map(|(_, f)| f)
        .collect();
    let kubeconfigs: Vec<&str> = files[0].split(':').collect();
    assert_eq!(kubeconfigs.len(), 2, "{}", up.said);
    for kubeconfig in kubeconfigs {
        assert!(
            fs::read_to_string(kubeconfig)
                .unwrap()
                .contains("server: https://127.0.0.1:"),
            "{kubeconfig}"
        );
    }
    let status = up.signal("INT");
    assert_eq!(status.code(), Some(0), "{status}");
    up.assert_gone().await;
}

#[tokio::test]
async fn leaves_nothing_behind_when_it_is_killed() {
    let mut up = Up::start(&["--light"]);
    assert!(
        up.has("kube-apiserver") && up.has("argocd"),
        "{:?}",
        up.processes()
    );
    let status = up.signal("KILL");
    assert_eq!(status.code(), None, "{status}");
    up.assert_gone().await;
}
