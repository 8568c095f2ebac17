//! Strings as YAML scalars that no YAML reader takes for anything else.

use std::fmt::Write as _;

use granit_parser::ScalarStyle;

use super::{
    EditError, block,
    tree::{Entry, Shape},
};

/// How to quote where quotes are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quote {
    Single,
    Double,
}

/// A string as a scalar: plain where that is safe in YAML 1.1 and 1.2, in block and in flow; else quoted.
pub(crate) fn render(value: &str, quote: Quote) -> String {
    if is_plain(value) {
        return value.to_owned();
    }
    quoted(value, quote)
}

pub(super) fn quoted(value: &str, quote: Quote) -> String {
    if quote == Quote::Single && !value.chars().any(char::is_control) {
        return format!("'{}'", value.replace('\'', "''"));
    }
    // A JSON string is a double-quoted YAML scalar; U+007F and C1 controls it leaves bare, YAML does not.
    let mut text = String::from('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// Begins with a letter or `/`, so it is no number and no date; has nothing that means something in YAML; is no word
/// that a YAML 1.1 reader takes for a boolean or null.
fn is_plain(value: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    let lower = value.to_ascii_lowercase();
    value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_./:@+=-".contains(c))
        && !value.ends_with(':')
        && !WORDS.contains(&lower.as_str())
}

/// A literal block that holds exactly `value`, from its `|` on, or `None` where a block cannot.
pub(crate) fn literal(value: &str, indent: usize, newline: &str) -> Option<String> {
    let fits = !value.is_empty()
        && !value.starts_with([' ', '\n', '\t'])
        && !value.ends_with(['\n', ' ', '\t'])
        && !value.contains('\r')
        && !value
            .chars()
            .any(|c| (c.is_control() && c != '\n' && c != '\t') || c == '\u{feff}');
    fits.then(|| {
        let margin = " ".repeat(indent);
        let lines: Vec<String> = value
            .split('\n')
            .map(|line| {
                if line.is_empty() {
                    String::new()
                } else {
                    format!("{margin}{line}")
                }
            })
            .collect();
        format!("|-{newline}{}", lines.join(newline))
    })
}

/// Another value for a key that is there, in the manner of the old one.
pub(super) fn replace(text: &str, entry: &Entry, value: &str, in_flow: bool) -> Result<String, EditError> {
    let new = match &entry.value.shape {
        Shape::Scalar { style, .. } => match style {
            ScalarStyle::SingleQuoted => quoted(value, Quote::Single),
            ScalarStyle::DoubleQuoted => quoted(value, Quote::Double),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let indent = entry.key.col + block::unit(text);
                literal(value, indent, block::newline(text)).unwrap_or_else(|| render(value, Quote::Double))
            }
            ScalarStyle::Plain if in_flow && entry.key.is_double_quoted() => quoted(value, Quote::Double),
            ScalarStyle::Plain => render(value, Quote::Double),
        },
        Shape::Alias => render(value, Quote::Double),
        Shape::Mapping { .. } | Shape::Sequence => {
            return Err(super::unsupported(
                text,
                &entry.value,
                entry.name().unwrap_or_default(),
            ));
        }
    };
    put(text, entry, &new)
}

/// Puts a text in the place of an entry's scalar.
pub(super) fn put(text: &str, entry: &Entry, new: &str) -> Result<String, EditError> {
    let unsupported = || super::unsupported(text, &entry.key, entry.name().unwrap_or_default());
    let between = |from: usize, to: usize, wanted: &[char]| {
        text[from..to].find(|c| wanted.contains(&c)).map(|at| from + at)
    };
    let value = &entry.value;
    let is_block = matches!(
        value.shape,
        Shape::Scalar {
            style: ScalarStyle::Literal | ScalarStyle::Folded,
            ..
        }
    );
    if is_block {
        let header = between(entry.key.end, value.start, &['|', '>']).ok_or_else(unsupported)?;
        let end = value.end.max(block::line_end(text, header));
        return Ok(format!("{}{new}{}", &text[..header], &text[end..]));
    }
    if value.start == value.end {
        let colon =
            between(entry.key.end, block::line_end(text, entry.key.end), &[':']).ok_or_else(unsupported)?;
        return Ok(format!("{}: {new}{}", &text[..colon], &text[colon + 1..]));
    }
    Ok(format!("{}{new}{}", &text[..value.start], &text[value.end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_would_misread_is_quoted() {
        for word in [
            "true",
            "on",
            "y",
            "Y",
            "No",
            "off",
            "1.10",
            "012",
            "1e3",
            "0x1f",
            "~",
            "null",
            "1_000",
            "12:30:45",
            "2026-01-01",
            "=",
            "<<",
            "",
            "-",
            "- a",
            "a: b",
            "a #b",
            "a:",
            "@a",
            "&a",
            "*a",
            "!a",
            "%a",
            "[a]",
            "{}",
            ".5",
            ".inf",
            " a",
            "a ",
            "é",
            "a,b",
            "?",
            "|",
            ">",
            "'",
            "\"",
        ] {
            for quote in [Quote::Single, Quote::Double] {
                let text = render(word, quote);
                assert!(text.starts_with(['\'', '"']), "{word} {text}");
                let back: serde_json::Value = serde_saphyr::from_str(&format!("k: {text}")).unwrap();
                assert_eq!(back["k"], word, "{text}");
            }
        }
        for word in [
            "dev",
            "us-west-2",
            "https://github.com/a/b.git",
            "arn:aws:iam::1:role/x",
            "/a",
        ] {
            assert_eq!(render(word, Quote::Double), word);
            let back: serde_json::Value = serde_saphyr::from_str(&format!("k: {word}")).unwrap();
            assert_eq!(back["k"], word);
        }
        for odd in [
            "a\nb",
            "tab\there",
            "nul\u{0}",
            "del\u{7f}",
            "\u{85}",
            "\u{2028}",
            "back\\slash",
        ] {
            let back: serde_json::Value =
                serde_saphyr::from_str(&format!("k: {}", render(odd, Quote::Single))).unwrap();
            assert_eq!(back["k"], odd);
        }
    }
}
