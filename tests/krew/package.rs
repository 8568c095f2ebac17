//! `krew/package`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn package(binary: &Path, output: &Path) -> Output {
    Command::new(root().join("krew/package"))
        .args(["--binary".as_ref(), binary, "--output".as_ref(), output])
        .output()
        .unwrap()
}

/// The name of this platform's archive.
fn archive_name() -> String {
    let os = if cfg!(target_os = "macos") {
        "darwin"
    } else {
        "linux"
    };
    let arch = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    format!("kubectl-bridge_v{}_{os}_{arch}.tar.gz", env!("CARGO_PKG_VERSION"))
}

/// What the script made of the program under test, made once for all tests.
pub(crate) struct Package {
    folder: TempDir,
}

impl Package {
    pub(crate) fn get() -> &'static Self {
        static MADE: OnceLock<Package> = OnceLock::new();
        MADE.get_or_init(|| {
            let folder = TempDir::new().unwrap();
            let output = package(Path::new(env!("CARGO_BIN_EXE_kubectl-bridge")), folder.path());
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            Self { folder }
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.folder().join(archive_name())
    }

    /// Unpacks the archive as krew does: everything.
    pub(crate) fn unpack(&self) -> TempDir {
        let folder = TempDir::new().unwrap();
        let archive = self.archive();
        let arguments: [&std::ffi::OsStr; 4] = [
            "-xzf".as_ref(),
            archive.as_ref(),
            "-C".as_ref(),
            folder.path().as_ref(),
        ];
        assert!(Command::new("tar").args(arguments).status().unwrap().success());
        folder
    }
}

#[test]
fn the_archive_is_flat_and_holds_the_program_and_the_licence() {
    let unpacked = Package::get().unpack();
    let mut files: Vec<(String, u32)> = fs::read_dir(unpacked.path())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            assert!(entry.file_type().unwrap().is_file(), "{entry:?}");
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            (entry.file_name().into_string().unwrap(), mode)
        })
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            ("LICENSE".to_owned(), 0o644),
            ("kubectl-bridge".to_owned(), 0o755)
        ]
    );
    let same = |name: &str, other: &Path| {
        assert!(
            fs::read(unpacked.path().join(name)).unwrap() == fs::read(other).unwrap(),
            "{name}"
        );
    };
    same("LICENSE", &root().join("LICENSE"));
    same("kubectl-bridge", Path::new(env!("CARGO_BIN_EXE_kubectl-bridge")));
}

#[test]
fn the_checksum_file_is_that_of_the_archive() {
    let package = Package::get();
    let checksum = format!("{}.sha256", archive_name());
    let output = Command::new("sha256sum")
        .args(["--check", "--strict", &checksum])
        .current_dir(package.folder())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A program that says it is kubectl-bridge of some version.
fn stand_in(folder: &Path, version: &str) -> PathBuf {
    let path = folder.join("kubectl-bridge");
    fs::write(&path, format!("#!/bin/sh\necho kubectl-bridge {version}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

#[test]
fn made_twice_the_archive_is_the_same() {
    let folder = TempDir::new().unwrap();
    let binary = stand_in(folder.path(), env!("CARGO_PKG_VERSION"));
    let make = |name: &str| {
        let output = folder.path().join(name);
        let done = package(&binary, &output);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(
            String::from_utf8_lossy(&done.stdout).trim(),
            output.to_string_lossy()
        );
        fs::read(output.join(archive_name())).unwrap()
    };
    let first = make("first");
    // Neither the time nor the mode of the file that was packed may show.
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_hours(1);
    fs::File::open(&binary).unwrap().set_modified(later).unwrap();
    assert!(first == make("second"));
}

#[test]
fn a_program_of_another_version_is_refused() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("out");
    for (binary, expected) in [
        (
            stand_in(folder.path(), "9.9.9"),
            "says 'kubectl-bridge 9.9.9', not",
        ),
        (folder.path().join("nothing"), "there is no file"),
    ] {
        let done = package(&binary, &output);
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert!(!output.exists(), "something was written");
    }
}
