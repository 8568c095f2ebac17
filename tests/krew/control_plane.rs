//! The program out of the archive, run by the real kubectl.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use testbed::Binaries;

use crate::package::Package;

/// kubectl with nothing on PATH but the unpacked archive, as the only plugin.
fn kubectl(plugins: &Path, arguments: &[&str]) -> Output {
    let home = TempDir::new().unwrap();
    Command::new(Binaries::locate().unwrap().path("kubectl"))
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", plugins)
        .output()
        .unwrap()
}

#[test]
fn kubectl_runs_the_plugin_and_passes_its_arguments_and_exit_code() {
    let unpacked = Package::get().unpack();
    let output = kubectl(unpacked.path(), &["bridge", "version"]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(
        stdout.contains(env!("CARGO_PKG_VERSION")) && output.stderr.is_empty(),
        "{output:?}"
    );

    let output = kubectl(unpacked.path(), &["bridge", "get", "--no-such-flag"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        stderr.contains("--no-such-flag") && output.stdout.is_empty(),
        "{output:?}"
    );
}

#[test]
fn kubectl_plugin_list_is_clean() {
    let unpacked = Package::get().unpack();
    let output = kubectl(unpacked.path(), &["plugin", "list"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let found: Vec<&str> = stdout.lines().filter(|line| line.starts_with('/')).collect();
    assert_eq!(
        found,
        [unpacked.path().join("kubectl-bridge").to_str().unwrap()],
        "{stdout}"
    );
    assert!(!stdout.contains("warning"), "{stdout}");
}
