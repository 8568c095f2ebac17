//! Who may ask: bearer tokens from a file.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use prometheus_client::metrics::counter::Counter;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use tracing::{info, warn};

/// How often the file is looked at. Its contents are compared: the kubelet swaps a symbolic link, which leaves times and
/// sizes as they were.
const LOOK: Duration = Duration::from_secs(1);

/// Digests of the tokens that may ask. The tokens themselves are not kept.
pub struct Tokens {
    digests: ArcSwap<Vec<[u8; 32]>>,
    file: Option<PathBuf>,
}

/// What is wrong with a token file.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It cannot be read.
    #[error("cannot read the token file {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds nothing but white space.
    #[error("the token file {} holds no token: write one a line, for example from `openssl rand -hex 32`", .0.display())]
    Empty(PathBuf),
}

impl Tokens {
    /// Reads a token file.
    pub fn from_file(path: &Path) -> Result<Self, TokensError> {
        Ok(Self {
            digests: ArcSwap::from_pointee(read(path)?),
            file: Some(path.to_owned()),
        })
    }

    /// One token, for a service inside another program.
    pub fn single(token: &str) -> Self {
        Self {
            digests: ArcSwap::from_pointee(vec![digest(token.trim())]),
            file: None,
        }
    }

    /// Whether this token may ask. Takes as long for a wrong token as for a right one.
    pub fn admit(&self, token: &str) -> bool {
        let digest = digest(token.trim());
        let known = self
            .digests
            .load()
            .iter()
            .fold(Choice::from(0), |found, known| found | known.ct_eq(&digest));
        known.into()
    }

    /// Reads the file again and again, for ever. A file that went bad keeps the tokens that were there: a mistake in one
    /// object must not cut Argo CD off. Each time it goes bad is counted in `failures`.
    pub async fn follow(self: Arc<Self>, failures: Counter) {
        let Some(path) = self.file.clone() else {
            return std::future::pending().await;
        };
        let mut complaint = String::new();
        loop {
            tokio::time::sleep(LOOK).await;
            match read(&path) {
                Ok(digests) => {
                    if **self.digests.load() != digests {
                        info!(tokens = digests.len(), "the token file has changed");
                        self.digests.store(Arc::new(digests));
                    }
                    complaint.clear();
                }
                Err(error) => {
                    let text = error.to_string();
                    if text != complaint {
                        failures.inc();
                        warn!(error = text, "keeping the tokens that were there");
                        complaint = text;
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Vec<[u8; 32]>, TokensError> {
    let text = std::fs::read_to_string(path).map_err(|source| TokensError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let digests: Vec<[u8; 32]> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(digest)
        .collect();
    if digests.is_empty() {
        return Err(TokensError::Empty(path.to_owned()));
    }
    Ok(digests)
}

/// Digests all have one length, so that comparing them tells nothing about the length of a token.
fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_line_trimmed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens");
        std::fs::write(&file, "  hunter2 \r\n\nother\n").unwrap();
        let tokens = Tokens::from_file(&file).unwrap();
        assert!(tokens.admit("hunter2") && tokens.admit("other\n") && tokens.admit(" other"));
        assert!(!tokens.admit("") && !tokens.admit("hunter") && !tokens.admit("hunter2\nother"));
        assert!(!format!("{tokens:?}").contains("hunter2"));
    }

    #[test]
    fn a_file_without_tokens_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens");
        assert!(
            Tokens::from_file(&file)
                .unwrap_err()
                .to_string()
                .contains("tokens")
        );
        std::fs::write(&file, " \n\n").unwrap();
        assert!(matches!(Tokens::from_file(&file), Err(TokensError::Empty(_))));
    }
}
