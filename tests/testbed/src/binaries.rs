use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};

/// The folder with the built control plane: `kube-apiserver`, `kube-controller-manager`, `kubectl`, `etcd`, `redis`,
/// `helm`, `argocd` and Argo CD's CRDs.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Finds the folder: the environment variable `BRIDGE_CONTROL_PLANE`, else the cache folder for the present
    /// content of `tests/control-plane`. The script there is asked for it, so that one place knows how it is named.
    ///
    /// # Errors
    /// When it has not been built; the message names the script that builds it.
    pub fn locate() -> Result<Self> {
        static FOUND: OnceLock<Binaries> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return Ok(found.clone());
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../control-plane/build");
        let output = Command::new(&script)
            .arg("--where")
            .output()
            .with_context(|| format!("cannot run {}", script.display()))?;
        if !output.status.success() {
            bail!(
                "there is no control plane to test on: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let folder = PathBuf::from(String::from_utf8(output.stdout)?.trim_end());
        Ok(FOUND.get_or_init(|| Self { folder }).clone())
    }

    /// The path of one program, for example `kubectl`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder that holds Argo CD's `CustomResourceDefinitions`, one file each.
    pub fn crds(&self) -> PathBuf {
        self.folder.join("crds")
    }

    /// A `PATH` on which these programs come first.
    pub(crate) fn search_path(&self) -> String {
        let rest = std::env::var("PATH").unwrap_or_default();
        format!("{}:{rest}", self.folder.display())
    }
}
