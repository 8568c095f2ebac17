use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Our own ApplicationSets.
pub fn fixtures() -> Result<Vec<Value>> {
    read_folder(&root().join("tests/fixtures/applicationsets"))
}

/// Real ones from the field, a folder of the environment variable `BRIDGE_TESTDATA`; none where that is not there.
#[expect(clippy::print_stderr, reason = "a test that has nothing to test must say so")]
pub fn real(folder: &str) -> Result<Option<Vec<Value>>> {
    let testdata = std::env::var_os("BRIDGE_TESTDATA")
        .map_or_else(|| root().join("../shared/testdata"), PathBuf::from)
        .join(folder);
    if testdata.is_dir() {
        return read_folder(&testdata).map(Some);
    }
    eprintln!(
        "not tested: there is no folder {} (BRIDGE_TESTDATA)",
        testdata.display()
    );
    Ok(None)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read_folder(folder: &Path) -> Result<Vec<Value>> {
    let look = || format!("cannot read {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(look)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
    }
    paths.sort();
    ensure!(!paths.is_empty(), "no ApplicationSet in {}", folder.display());
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let set: Value =
        serde_saphyr::from_str(&text).with_context(|| format!("{} is not YAML", path.display()))?;
    ensure!(
        set["kind"] == "ApplicationSet",
        "{} is not an ApplicationSet",
        path.display()
    );
    Ok(set)
}
