//! Names as Argo CD makes them.

/// Argo CD's `nameNormalized` (`applicationset/utils/template_functions.go`, `SanitizeName`).
///
/// Lower-cased rune by rune, every other character than `[-a-z0-9.]` becomes `-`, cut to 253 bytes, then `-` and `.`
/// trimmed at both ends, in that order. May be empty.
pub fn sanitize(name: &str) -> String {
    // Go lower-cases rune by rune: İ gives i, the Kelvin sign k. `char::to_lowercase` gives İ two characters; Go's simple
    // mapping is its first.
    let mut normal: String = name
        .chars()
        .map(|c| c.to_lowercase().next().unwrap_or(c))
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    normal.truncate(253);
    normal.trim_matches(['-', '.']).to_owned()
}

/// The name of the cluster Secret that `kubectl bridge` makes for NAME, or `None` if nothing usable is left of it.
pub fn secret_name(name: &str) -> Option<String> {
    Some(sanitize(name)).filter(|name| !name.is_empty())
}

/// Whether `value` can be a label value: at most 63 characters of `[A-Za-z0-9._-]`, alphanumeric at both ends, or empty
/// (apimachinery `validation.IsValidLabelValue`).
pub fn check_label_value(key: &str, value: &str) -> Result<(), NameError> {
    if value.len() > 63 {
        return Err(NameError::LabelTooLong {
            key: key.into(),
            value: value.into(),
            length: value.len(),
        });
    }
    if value.is_empty() || qualified(value) {
        return Ok(());
    }
    Err(NameError::LabelCharacters {
        key: key.into(),
        value: value.into(),
    })
}

/// Whether `key` can be a label or annotation key: `[prefix/]name`, the prefix a DNS subdomain
/// (apimachinery `validation.IsQualifiedName`).
pub fn check_key(key: &str) -> Result<(), NameError> {
    let bad = || NameError::Key { key: key.into() };
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix {
        let labels_ok = prefix.split('.').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        });
        if prefix.is_empty() || prefix.len() > 253 || !labels_ok {
            return Err(bad());
        }
    }
    if name.is_empty() || name.len() > 63 || !qualified(name) {
        Err(bad())
    } else {
        Ok(())
    }
}

fn qualified(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| inner(*b))
}

/// A label or annotation that the API server would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Longer than 63 characters.
    #[error("label {key}: the value \"{value}\" has {length} characters, a label value may have 63 at most")]
    LabelTooLong {
        /// Label key.
        key: String,
        /// Offending value.
        value: String,
        /// Its length in bytes.
        length: usize,
    },
    /// Characters that a label value may not have.
    #[error(
        "label {key}: the value \"{value}\" is not a label value (letters, digits, \".\", \"_\" and \"-\", \
         beginning and ending with a letter or digit)"
    )]
    LabelCharacters {
        /// Label key.
        key: String,
        /// Offending value.
        value: String,
    },
    /// Not a qualified name.
    #[error(
        "\"{key}\" is not a label or annotation key ([prefix/]name, the name at most 63 letters, digits, \".\", \"_\", \"-\")"
    )]
    Key {
        /// Offending key.
        key: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitize_follows_argo_cd() {
        for (from, to) in [
            ("My_Cluster", "my-cluster"),
            ("-a.", "a"),
            ("a..b_", "a..b"),
            (
                "arn:aws:eks:us-west-2:111122223333:cluster/spoke",
                "arn-aws-eks-us-west-2-111122223333-cluster-spoke",
            ),
            ("İK", "ik"),
            ("日本", ""),
        ] {
            assert_eq!(sanitize(from), to, "{from}");
        }
        assert_eq!(sanitize(&format!("{}__y", "x".repeat(252))), "x".repeat(252));
    }

    #[test]
    fn label_values_and_keys() {
        assert!(check_label_value("k", "a.b_c-9").is_ok());
        assert!(check_label_value("k", "").is_ok());
        assert!(matches!(
            check_label_value("k", &"a".repeat(64)),
            Err(NameError::LabelTooLong { length: 64, .. })
        ));
        for bad in ["-a", "a-", "a b", "ä", "a/b"] {
            assert!(
                matches!(
                    check_label_value("k", bad),
                    Err(NameError::LabelCharacters { .. })
                ),
                "{bad}"
            );
        }
        for good in ["a", "enable_x", "a.b/c", "kubectl-bridge/drain"] {
            assert!(check_key(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "A.b/c", "a/b/c", "a b", "-a", &"a".repeat(64)] {
            assert!(check_key(bad).is_err(), "{bad}");
        }
    }
}
