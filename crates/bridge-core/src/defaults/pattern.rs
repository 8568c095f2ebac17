//! Names made from what is known of a cluster: `spoke-{name}`, `arn:aws:iam::{account}:role/{tag:team}`.

use std::{collections::BTreeMap, fmt};

use crate::suggest;

/// Words that a pattern may hold in braces; `tag:KEY` besides.
const WORDS: [&str; 4] = ["name", "account", "region", "environment"];

/// Text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Word(&'static str),
    Tag(String),
}

/// What placeholders stand for, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// `{name}`: the short name of the cluster.
    pub name: Option<String>,
    /// `{account}`: its AWS account, twelve digits.
    pub account: Option<String>,
    /// `{region}`.
    pub region: Option<String>,
    /// `{environment}`.
    pub environment: Option<String>,
    /// `{tag:KEY}`: its tags in EKS.
    pub tags: BTreeMap<String, String>,
}

/// Text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// `{name` or `name}`.
    #[error("the braces of \"{0}\" do not match")]
    Braces(String),
    /// `{nam}`.
    #[error(
        "\"{pattern}\" holds {{{word}}}, which stands for nothing ({{name}}, {{account}}, {{region}}, {{environment}}, {{tag:KEY}}){hint}"
    )]
    Unknown {
        /// The whole text.
        pattern: String,
        /// The word in braces.
        word: String,
        /// What may be meant.
        hint: String,
    },
}

/// A placeholder for which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern \"{pattern}\" needs {{{placeholder}}}, which is not known{}",
    if placeholder.starts_with("tag:") { ": the cluster has no such tag in EKS" } else { "" })]
pub struct Unfilled {
    /// The pattern.
    pub pattern: String,
    /// What is missing, without braces.
    pub placeholder: String,
}

impl Pattern {
    /// Reads a pattern; text without braces is one too.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let braces = || PatternError::Braces(text.to_owned());
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(at);
            let inside = after.strip_prefix('{').ok_or_else(braces)?;
            let (word, behind) = inside.split_once('}').ok_or_else(braces)?;
            if word.contains('{') {
                return Err(braces());
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(placeholder(word).ok_or_else(|| PatternError::Unknown {
                pattern: text.to_owned(),
                hint: suggest::hint(word, WORDS),
                word: word.to_owned(),
            })?);
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The text with what its placeholders stand for.
    pub fn fill(&self, values: &Values) -> Result<String, Unfilled> {
        let mut text = String::new();
        for part in &self.0 {
            let value = match part {
                Part::Text(literal) => Some(literal),
                Part::Word("name") => values.name.as_ref(),
                Part::Word("account") => values.account.as_ref(),
                Part::Word("region") => values.region.as_ref(),
                Part::Word(_) => values.environment.as_ref(),
                Part::Tag(key) => values.tags.get(key),
            };
            let value = value.filter(|value| !value.is_empty()).ok_or_else(|| Unfilled {
                pattern: self.to_string(),
                placeholder: part.to_string().trim_matches(['{', '}']).to_owned(),
            })?;
            text.push_str(value);
        }
        Ok(text)
    }

    /// What NAME would have given this text: the inverse of [`Pattern::fill`] where `{name}` is in the pattern once and all else
    /// is known. `spoke-dev` of `spoke-{name}` gives `dev`.
    pub fn name_of(&self, text: &str, values: &Values) -> Option<String> {
        let mut sides = self.0.splitn(2, |part| *part == Part::Word("name"));
        let (before, after) = (sides.next()?, sides.next()?);
        let fill = |parts: &[Part]| {
            Self(parts.to_vec())
                .fill(&Values {
                    name: None,
                    ..values.clone()
                })
                .ok()
        };
        text.strip_prefix(&fill(before)?)?
            .strip_suffix(&fill(after)?)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
    }
}

fn placeholder(word: &str) -> Option<Part> {
    match word.strip_prefix("tag:") {
        Some(key) => (!key.is_empty()).then(|| Part::Tag(key.to_owned())),
        None => WORDS.into_iter().find(|known| *known == word).map(Part::Word),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| part.fmt(f))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Word(word) => write!(f, "{{{word}}}"),
            Self::Tag(key) => write!(f, "{{tag:{key}}}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            name: Some("dev".into()),
            account: Some("111122223333".into()),
            region: Some("eu-west-1".into()),
            environment: None,
            tags: [("team".to_owned(), "a".to_owned())].into(),
        }
    }

    #[test]
    fn placeholders_are_filled() {
        for (pattern, filled) in [
            ("plain", "plain"),
            ("", ""),
            ("spoke-{name}", "spoke-dev"),
            (
                "arn:aws:iam::{account}:role/{tag:team}{name}",
                "arn:aws:iam::111122223333:role/adev",
            ),
            ("{region}", "eu-west-1"),
        ] {
            let parsed = Pattern::parse(pattern).unwrap();
            assert_eq!(parsed.to_string(), pattern);
            assert_eq!(parsed.fill(&values()).unwrap(), filled);
        }
        for (pattern, missing) in [
            ("{environment}", "{environment}"),
            ("{tag:x}", "no such tag in EKS"),
        ] {
            let error = Pattern::parse(pattern).unwrap().fill(&values()).unwrap_err();
            assert!(error.to_string().contains(missing), "{error}");
        }
    }

    #[test]
    fn slips_are_named() {
        for (pattern, part) in [
            ("{nam}", "did you mean \"name\"?"),
            ("{tag:}", "{tag:}"),
            ("{}", "{}"),
            ("{name", "do not match"),
            ("name}", "do not match"),
            ("{na{me}", "do not match"),
        ] {
            let error = Pattern::parse(pattern).unwrap_err().to_string();
            assert!(error.contains(part), "{pattern}: {error}");
        }
    }

    #[test]
    fn names_are_found_again() {
        for (pattern, text, name) in [
            ("spoke-{name}", "spoke-dev", Some("dev")),
            ("{tag:team}-{name}-{region}", "a-dev-eu-west-1", Some("dev")),
            ("{name}", "dev", Some("dev")),
            ("spoke-{name}", "dev", None),
            ("spoke-{name}", "spoke-", None),
            ("spoke", "spoke", None),
            ("{name}-{name}", "a-a", None),
            ("{environment}-{name}", "x-dev", None),
        ] {
            let parsed = Pattern::parse(pattern).unwrap();
            assert_eq!(parsed.name_of(text, &values()).as_deref(), name, "{pattern}");
        }
    }
}
