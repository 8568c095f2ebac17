//! `NAME… KEY=VALUE… KEY-…`, taken apart as kubectl label does.

use super::Changes;
use crate::usage::usage;

/// Names first, then changes.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    /// Clusters.
    pub names: Vec<String>,
    /// What to change.
    pub changes: Changes,
}

impl Words {
    /// Takes the words apart.
    pub fn split(words: Vec<String>) -> anyhow::Result<Self> {
        let mut split = Self {
            names: Vec::new(),
            changes: Changes::new(),
        };
        for word in words {
            let (key, value) = match (word.split_once('='), word.strip_suffix('-')) {
                (Some((key, value)), _) => (key.to_owned(), Some(value.to_owned())),
                (None, Some(key)) => (key.to_owned(), None),
                (None, None) => {
                    if let Some(change) = split.changes.keys().next() {
                        return usage(format!(
                            "\"{word}\" comes after the change of \"{change}\": clusters come first, then KEY=VALUE or KEY-"
                        ));
                    }
                    split.names.push(word);
                    continue;
                }
            };
            if key.is_empty() {
                return usage(format!("\"{word}\" has no key: write KEY=VALUE or KEY-"));
            }
            if let Some(before) = split.changes.get(&key)
                && *before != value
            {
                return usage(format!("\"{key}\" is changed twice, differently"));
            }
            split.changes.insert(key, value);
        }
        Ok(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> anyhow::Result<Words> {
        Words::split(text.split(' ').map(str::to_owned).collect())
    }

    #[test]
    fn names_then_changes() {
        let words = split("dev prod a=b c- d= e=f=g h=i-").unwrap();
        assert_eq!(words.names, ["dev", "prod"]);
        let expected = [
            ("a", Some("b")),
            ("c", None),
            ("d", Some("")),
            ("e", Some("f=g")),
            ("h", Some("i-")),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
        assert_eq!(words.changes, Changes::from(expected));
    }

    #[test]
    fn what_cannot_be_meant() {
        for (text, expected) in [
            ("dev a=b prod", "\"prod\" comes after the change of \"a\""),
            ("dev =b", "has no key"),
            ("dev -", "has no key"),
            ("dev a=b a-", "changed twice"),
        ] {
            let error = split(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(split("dev a=b a=b").is_ok());
    }
}
