//! Running the real binary, with nothing of the machine it runs on.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// Planted in every `config` of the test fleet; must never be printed.
pub const PLANTED: &str = "planted-credential";

/// The built plugin.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kubectl-bridge"))
}

/// A place to run the plugin in: a home and a working directory of its own.
pub struct Bridge {
    home: TempDir,
    /// Flags of every call.
    globals: Vec<String>,
    program: PathBuf,
    /// Words before the flags: how the program wants to be told which plugin.
    first: Vec<String>,
    path: String,
}

/// What a call did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Bridge {
    /// Without any hub.
    pub fn bare() -> Self {
        Self {
            home: TempDir::new().unwrap(),
            globals: Vec::new(),
            program: binary().to_owned(),
            first: Vec::new(),
            path: String::new(),
        }
    }

    /// With a folder hub `./hub` that holds these files.
    pub fn folder(files: &[(String, String)]) -> Self {
        let bridge = Self::bare();
        for (path, text) in files {
            let file = bridge.hub_dir().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        bridge.with_globals(&["--hub-dir", "hub"])
    }

    /// With a live hub.
    pub fn live(kubeconfig: &Path, namespace: &str) -> Self {
        Self::bare().with_globals(&["--kubeconfig", kubeconfig.to_str().unwrap(), "-n", namespace])
    }

    /// Through kubectl, with the plugin on PATH.
    pub fn through(mut self, kubectl: &Path) -> Self {
        kubectl.clone_into(&mut self.program);
        self.first = vec!["bridge".into()];
        // A folder of its own, as krew has it: nothing beside the plugin that kubectl could take for another.
        let bin = self.home().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for name in ["kubectl-bridge", "kubectl_complete-bridge"] {
            std::os::unix::fs::symlink(binary(), bin.join(name)).unwrap();
        }
        bin.to_str().unwrap().clone_into(&mut self.path);
        self
    }

    /// kubectl itself with these words, without ours.
    pub fn plain_kubectl(&self, words: &[&str]) -> Ran {
        let output = Command::new(&self.program)
            .args(words)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", &self.path)
            .current_dir(self.home())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran::of(words, &output)
    }

    pub fn with_globals(mut self, globals: &[&str]) -> Self {
        self.globals.extend(globals.iter().map(|word| (*word).to_owned()));
        self
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn hub_dir(&self) -> PathBuf {
        self.home().join("hub")
    }

    /// All files of the folder hub with their content: to see that nothing was written.
    pub fn hub_files(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        let mut folders = vec![self.hub_dir()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = std::fs::read_to_string(&path).unwrap();
                    files.push((path, text));
                }
            }
        }
        files.sort();
        files
    }

    /// A call that has not been started: hermetic environment, no terminal anywhere.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.first)
            .args(words)
            .args(&self.globals)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", &self.path)
            .env("NO_COLOR", "1")
            .env("COLUMNS", "110")
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().unwrap();
        Ran::of(words, &output)
    }

    /// A call with words that hold no space.
    pub fn line(&self, line: &str) -> Ran {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    pub fn fed(&self, words: &[&str], input: &str) -> Ran {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::of(words, &child.wait_with_output().unwrap())
    }
}

impl Ran {
    pub fn of(words: &[&str], output: &std::process::Output) -> Self {
        let ran = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        };
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains(PLANTED), "{words:?} shows a credential: {text}");
            assert!(
                !text.contains('\u{1b}'),
                "{words:?} writes terminal sequences: {text:?}"
            );
            assert!(!text.contains("panicked"), "{words:?}: {text}");
        }
        ran
    }

    /// Asserts success and silence on stderr; gives stdout.
    #[track_caller]
    pub fn quiet(self) -> String {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (0, ""),
            "stdout: {}",
            self.stdout
        );
        self.stdout
    }

    /// Asserts success; gives stdout.
    #[track_caller]
    pub fn fine(self) -> String {
        assert_eq!(self.code, 0, "stdout: {}stderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// Asserts the exit code, an empty stdout, and that stderr holds each of these.
    #[track_caller]
    pub fn fails(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.stdout, "", "stderr: {}", self.stderr);
        self.fails_with_answer(code, parts)
    }

    /// [`Ran::fails`] after a part of the answer has been given.
    #[track_caller]
    pub fn fails_with_answer(self, code: i32, parts: &[&str]) -> Self {
        let mut missing = String::new();
        for part in parts.iter().filter(|part| !self.stderr.contains(**part)) {
            let _ = write!(missing, "\n  no {part:?}");
        }
        assert!(
            self.code == code && missing.is_empty(),
            "exit code {} (wanted {code}){missing}\nstdout: {}\nstderr: {}",
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }
}
