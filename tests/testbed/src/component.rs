use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::failure;

/// Runs the command in `$@` and writes its process id into the file `$0`. Standard input is a pipe that nobody writes
/// to: when it closes, because its owner dropped it or died, the command is killed (there is no state worth a slower
/// end). When the command has ended, however it did, what it started itself goes too, and the wrapper ends with the
/// command's exit code: so whoever waits for the wrapper knows that the command is gone.
const WRAPPER: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- & child=$!
(read -r _ <&3; kill -KILL "$child") &
exec 3<&-
echo "$child" >"$0"
wait "$child"; code=$?
trap '' TERM
kill -TERM 0
exit "$code"
"#;

/// How much of a log is worth showing when something failed.
const TAIL_LINES: usize = 30;
/// Argo CD logs whole objects at times.
const TAIL_LINE_LENGTH: usize = 500;

/// What to run.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(String, OsString)>,
}

impl Launch {
    pub(crate) fn new(name: &'static str, program: PathBuf) -> Self {
        Self {
            name,
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// `NAME VALUE` as one argument `NAME=VALUE`.
    pub(crate) fn flag(self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        let mut argument = OsString::from(name);
        argument.push("=");
        argument.push(value);
        self.arg(argument)
    }

    pub(crate) fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

/// A running program of a control plane. Killed on drop, and when this process dies.
#[derive(Debug)]
pub(crate) struct Component {
    name: &'static str,
    log: PathBuf,
    pid_file: PathBuf,
    wrapper: Mutex<Child>,
    pipe: Option<ChildStdin>,
}

impl Component {
    /// Starts it, with its log and process id in `folder`. A log from an earlier start is continued.
    pub(crate) fn start(folder: &Path, launch: &Launch) -> Result<Self> {
        let Launch {
            name,
            program,
            arguments,
            environment,
        } = launch;
        let log = folder.join(format!("{name}.log"));
        let pid_file = folder.join(format!("{name}.pid"));
        drop(std::fs::remove_file(&pid_file));
        let log_file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        let mut wrapper = Command::new("sh")
            .arg("-c")
            .arg(WRAPPER)
            .arg(&pid_file)
            .arg(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(log_file.try_clone()?)
            .stderr(log_file)
            // A group of its own: what ends it reaches its children too, and Ctrl-C on a terminal reaches only us.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let pipe = wrapper.stdin.take();
        Ok(Self {
            name,
            log,
            pid_file,
            wrapper: Mutex::new(wrapper),
            pipe,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Fails, with the end of its log, when it has ended.
    pub(crate) fn check_alive(&self) -> Result<()> {
        let mut wrapper = self.wrapper.lock().unwrap_or_else(PoisonError::into_inner);
        match wrapper.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "{} ended by itself ({status}); its log ends with:\n{}",
                self.name,
                self.log_tail()
            ),
        }
    }

    /// Whether it ended because another process has one of its ports.
    pub(crate) fn lost_its_port(&self) -> bool {
        let log = || self.log_tail().to_lowercase();
        self.check_alive().is_err() && log().contains("address already in use")
    }

    /// The process id of the program itself.
    pub(crate) fn pid(&self) -> Result<u32> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let text = std::fs::read_to_string(&self.pid_file).unwrap_or_default();
            if let Some(pid) = text.strip_suffix('\n') {
                return pid
                    .parse()
                    .with_context(|| format!("{}: not a process id: {pid}", self.name));
            }
            self.check_alive()?;
            if Instant::now() > deadline {
                bail!(
                    "{} has written no process id into {}",
                    self.name,
                    self.pid_file.display()
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops it from running (SIGSTOP), and waits until each of its threads has stopped: on a busy machine one of them
    /// can still answer for a moment after the signal was sent.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.signal("STOP")?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.is_frozen()? {
            if Instant::now() > deadline {
                bail!("{} still runs after SIGSTOP", self.name);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Lets it run again (SIGCONT).
    pub(crate) fn thaw(&self) -> Result<()> {
        self.signal("CONT")
    }

    fn is_frozen(&self) -> Result<bool> {
        let threads = format!("/proc/{}/task", self.pid()?);
        for thread in std::fs::read_dir(&threads).with_context(|| format!("cannot read {threads}"))? {
            // A thread that has ended in the meantime does not run either.
            let stat = std::fs::read_to_string(thread?.path().join("stat")).unwrap_or_default();
            // After the program's name, which is in parentheses: the state (proc_pid_stat(5)).
            let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            if state.is_some_and(|state| state != 'T') {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn signal(&self, signal: &str) -> Result<()> {
        self.check_alive()?;
        let pid = self.pid()?;
        let status = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(pid.to_string())
            .status()?;
        if !status.success() {
            bail!("cannot send SIG{signal} to {} (process {pid})", self.name);
        }
        Ok(())
    }

    /// The CPU time it has used since its start, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        /// `USER_HZ`: 100 on every Linux that runs Rust.
        const TICKS_PER_SECOND: f64 = 100.0;
        let path = format!("/proc/{}/stat", self.pid()?);
        let stat = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        // After the program's name, which is in parentheses: state is field 3, utime 14, stime 15 (proc_pid_stat(5)).
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let ticks: Vec<u32> = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map_while(|f| f.parse().ok())
            .collect();
        let [user, system] = ticks[..] else {
            bail!("{path} has no CPU times: {stat}")
        };
        Ok((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
    }

    /// Ends it and waits until it is gone. Twice is the same as once.
    pub(crate) fn stop(&mut self) {
        drop(self.pipe.take());
        let wrapper = self.wrapper.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(wrapper.wait());
    }

    /// All that it has written so far.
    pub(crate) fn log(&self) -> Result<String> {
        let bytes =
            std::fs::read(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The last lines of its log, long ones cut.
    pub(crate) fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<String> = log
            .lines()
            .map(|line| line.chars().take(TAIL_LINE_LENGTH).collect())
            .collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// Prints the end of the log if the test on this thread is failing.
    pub(crate) fn show_log_if_failing(&self) {
        if failure::is_failing() {
            show(self.name, &self.log_tail());
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the one place where a failing test is told what its components said"
)]
fn show(name: &str, tail: &str) {
    eprintln!("--- the end of the log of {name} ---\n{tail}\n---");
}

impl Drop for Component {
    fn drop(&mut self) {
        self.show_log_if_failing();
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::thread::sleep;

    use super::*;
    use crate::scratch::Scratch;

    fn shell(scratch: &Scratch, script: &str) -> Component {
        let launch = Launch::new("script", PathBuf::from("/bin/sh"))
            .arg("-c")
            .arg(script);
        Component::start(scratch.path(), &launch).unwrap()
    }

    /// Waits for something that takes milliseconds.
    fn soon<T>(mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            assert!(Instant::now() < deadline, "it did not happen");
            sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn its_end_is_noticed_and_says_what_it_logged() {
        let scratch = Scratch::create("component").unwrap();
        let component = shell(&scratch, "echo no luck today; exit 3");
        let error = soon(|| component.check_alive().err()).to_string();
        assert!(
            error.contains("exit status: 3") && error.ends_with("no luck today"),
            "{error}"
        );
    }

    #[test]
    fn what_it_started_goes_with_it() {
        let scratch = Scratch::create("component").unwrap();
        let component = shell(&scratch, "sleep 1000 & echo $!; wait");
        let child: u32 = soon(|| component.log().ok()?.lines().next()?.parse().ok());
        let process = format!("/proc/{child}");
        assert!(Path::new(&process).exists());
        drop(component);
        // Nobody may be there to take its exit code: then it stays as a zombie, without a command line.
        soon(|| {
            let command = std::fs::read(format!("{process}/cmdline")).unwrap_or_default();
            command.is_empty().then_some(())
        });
    }
}
