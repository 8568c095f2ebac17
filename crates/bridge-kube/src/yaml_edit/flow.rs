//! Flow mappings: `{a: b}`, and JSON.

use super::{
    scalar::{Quote, quoted, render},
    tree::{Entry, Node},
};

/// Adds a string.
pub(super) fn insert(text: &str, mapping: &Node, entries: &[Entry], key: &str, value: &str) -> String {
    let double = is_json(entries);
    insert_raw(text, mapping, entries, key, &string(value, double))
}

/// Adds a value that is text already.
pub(super) fn insert_raw(text: &str, mapping: &Node, entries: &[Entry], key: &str, value: &str) -> String {
    let key = string(key, is_json(entries));
    match entries.last() {
        Some(last) => {
            let at = last.end();
            format!("{}, {key}: {value}{}", &text[..at], &text[at..])
        }
        None => format!(
            "{}{{{key}: {value}}}{}",
            &text[..mapping.start],
            &text[mapping.end..]
        ),
    }
}

/// `{key: value}`.
pub(super) fn mapping(key: &str, value: &str, double: bool) -> String {
    format!("{{{}: {}}}", string(key, double), string(value, double))
}

/// Takes out an entry with one comma.
pub(super) fn remove(text: &str, entries: &[Entry], entry: &Entry) -> String {
    let at = entries
        .iter()
        .position(|other| std::ptr::eq(other, entry))
        .unwrap_or_default();
    let (start, end) = match (
        at.checked_sub(1).and_then(|before| entries.get(before)),
        entries.get(at + 1),
    ) {
        (Some(before), _) => (before.end(), entry.end()),
        (None, Some(next)) => (entry.key.start, next.key.start),
        (None, None) => (entry.key.start, entry.end()),
    };
    format!("{}{}", &text[..start], &text[end..])
}

fn is_json(entries: &[Entry]) -> bool {
    entries.first().is_some_and(|entry| entry.key.is_double_quoted())
}

fn string(value: &str, double: bool) -> String {
    if double {
        quoted(value, Quote::Double)
    } else {
        render(value, Quote::Double)
    }
}
