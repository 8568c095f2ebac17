//! The value of the refresh annotation.

use std::fmt;

/// `<fingerprint>.<attempt>`: which state of the fleet is to be read, and the how manieth time that is asked for. The
/// controller notices a changed value only, so that no value may be written twice in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) fingerprint: String,
    pub(super) attempt: u32,
}

impl Mark {
    /// Reads a value. `None`: somebody else's, such as the `true` of Argo CD's webhook.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (fingerprint, attempt) = value.split_once('.')?;
        let hash = fingerprint.len() == 16 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
        hash.then_some(())?;
        Some(Self {
            fingerprint: fingerprint.to_owned(),
            attempt: attempt.parse().ok()?,
        })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.fingerprint, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_told_from_others() {
        let mark = Mark::parse("0123456789abcdef.7").unwrap();
        assert_eq!(mark.attempt, 7);
        assert_eq!(mark.to_string(), "0123456789abcdef.7");
        for other in [
            "true",
            "",
            "0123456789abcdef",
            "0123456789abcdef.x",
            "0123.1",
            "2026-01-01T00:00:00.1",
        ] {
            assert_eq!(Mark::parse(other), None, "{other}");
        }
    }
}
