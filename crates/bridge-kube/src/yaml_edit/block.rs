//! Block mappings: a line a key.

use super::{
    EditError,
    scalar::{Quote, render},
    tree::{Entry, Shape},
};
use granit_parser::ScalarStyle;

/// `    key: value`, with its line break.
pub(super) fn line(indent: usize, newline: &str, key: &str, value: &str, quote: Quote) -> String {
    format!(
        "{}{}: {}{newline}",
        " ".repeat(indent),
        render(key, quote),
        render(value, quote)
    )
}

/// Takes out the lines of an entry.
pub(super) fn remove(text: &str, entry: &Entry) -> Result<String, EditError> {
    if !starts_line(text, &entry.key) {
        return Err(super::unsupported(
            text,
            &entry.key,
            entry.name().unwrap_or_default(),
        ));
    }
    let start = line_start(text, entry.key.start);
    let end = line_end(text, entry.end());
    if end < text.len() {
        let end = end + text[end..].find('\n').map_or(0, |at| at + 1);
        return Ok(format!("{}{}", &text[..start], &text[end..]));
    }
    // The last line of a text without a line break at its end stays one.
    Ok(text[..start]
        .trim_end_matches('\n')
        .trim_end_matches('\r')
        .to_owned())
}

/// Adds an entry: at its sorted place if the entries are sorted, else behind the last.
pub(super) fn insert(
    text: &str,
    entries: &[Entry],
    key: &str,
    lines: impl FnOnce(usize, &'static str, Quote) -> String,
) -> Result<String, EditError> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Err(EditError::Syntax { line: 1 });
    };
    if !starts_line(text, &first.key) {
        return Err(super::unsupported(text, &first.key, key));
    }
    let new = lines(first.key.col, newline(text), quote_of(entries));
    let names: Vec<&str> = entries.iter().filter_map(Entry::name).collect();
    let follows = if names.is_sorted() {
        names.iter().position(|name| *name > key)
    } else {
        None
    };
    Ok(match follows {
        // Directly before the first key, below a comment on the mapping but above none that belongs to the key.
        Some(0) => {
            let at = above_comments(text, line_start(text, first.key.start), first.key.col);
            format!("{}{new}{}", &text[..at], &text[at..])
        }
        Some(next) => after_line(text, entries[next - 1].end(), &new),
        None => after_line(text, last.end(), &new),
    })
}

/// Inserts lines behind the line that holds `at`.
pub(super) fn after_line(text: &str, at: usize, lines: &str) -> String {
    let end = line_end(text, at);
    if let Some(line_break) = text[end..].find('\n') {
        let at = end + line_break + 1;
        return format!("{}{lines}{}", &text[..at], &text[at..]);
    }
    let newline = newline(text);
    format!("{text}{newline}{}", lines.trim_end_matches(['\r', '\n']))
}

/// The start of the comment lines directly above a line that have its indentation.
fn above_comments(text: &str, mut start: usize, indent: usize) -> usize {
    while start > 0 {
        let before = line_start(text, start - 1);
        let above = &text[before..start];
        let is_comment = above.trim_start_matches(' ').starts_with('#')
            && above.len() - above.trim_start_matches(' ').len() == indent;
        if !is_comment {
            break;
        }
        start = before;
    }
    start
}

/// The quotes that the entries already use.
fn quote_of(entries: &[Entry]) -> Quote {
    let single = entries.iter().find_map(|entry| match &entry.value.shape {
        Shape::Scalar {
            style: ScalarStyle::SingleQuoted,
            ..
        } => Some(true),
        Shape::Scalar {
            style: ScalarStyle::DoubleQuoted,
            ..
        } => Some(false),
        _ => None,
    });
    if single == Some(true) {
        Quote::Single
    } else {
        Quote::Double
    }
}

/// Whether only blanks stand before a key on its line.
pub(super) fn starts_line(text: &str, key: &super::tree::Node) -> bool {
    text[line_start(text, key.start)..key.start]
        .bytes()
        .all(|b| b == b' ')
}

/// Start of the line that holds `at`.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// End of the line that holds `at`, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
    if end > at && text.as_bytes()[end - 1] == b'\r' {
        end - 1
    } else {
        end
    }
}

pub(super) fn line_number(text: &str, at: usize) -> usize {
    text[..at].bytes().filter(|b| *b == b'\n').count() + 1
}

/// Indentation of the line that holds `at`.
pub(super) fn indent_of_line(text: &str, at: usize) -> usize {
    let line = &text[line_start(text, at)..];
    line.len() - line.trim_start_matches(' ').len()
}

/// The line break that the text uses.
pub(super) fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// How far the text indents: the first indented line that is not a comment.
pub(super) fn unit(text: &str) -> usize {
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .find(|indent| *indent > 0)
        .unwrap_or(2)
}
