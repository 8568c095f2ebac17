//! Changes of single keys in a YAML manifest that leave everything else as it is, byte for byte.
//!
//! A parser that knows positions finds the place, the text is spliced there, and the result is parsed again: if it does
//! not hold exactly what was intended, nothing comes of it.

mod block;
mod flow;
mod scalar;
mod tree;

use serde_json::{Map, Value};

pub(crate) use scalar::{Quote, literal, render};
use tree::{Entry, Node, Shape};

/// One key to set or remove in a mapping of strings. No `Debug`: the value may be a credential.
pub(crate) struct Edit {
    /// The mapping: `["metadata", "labels"]`, `["stringData"]`. Only its last part may be missing.
    pub path: &'static [&'static str],
    pub key: String,
    /// `None` removes the key.
    pub value: Option<String>,
}

/// Why a manifest is not edited. Never quotes it: it may hold credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EditError {
    #[error("line {line}: it is not YAML")]
    Syntax { line: usize },
    #[error("it holds several documents")]
    Several,
    #[error("line {line}: {what} is written in a way that cannot be edited in place")]
    Unsupported { line: usize, what: String },
    #[error("the edit would have changed more than {0}")]
    Mismatch(String),
}

/// The manifest with all edits made, or an error and nothing.
pub(crate) fn edit(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let mut intended = parse_one(text)?;
    let mut edited = text.to_owned();
    for edit in edits {
        intend(&mut intended, edit);
        edited = splice(&edited, edit)?;
    }
    let names: Vec<&str> = edits.iter().map(|edit| edit.key.as_str()).collect();
    let mismatch = || EditError::Mismatch(names.join(", "));
    let mut actual = parse_one(&edited).map_err(|_| mismatch())?;
    for edit in edits {
        normalize(&mut actual, edit.path);
        normalize(&mut intended, edit.path);
    }
    if actual == intended {
        Ok(edited)
    } else {
        Err(mismatch())
    }
}

/// Every document of a YAML text that is not empty.
pub(crate) fn parse_all(text: &str) -> Result<Vec<Value>, EditError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| EditError::Syntax {
        line: error
            .location()
            .map_or(1, |location| usize::try_from(location.line()).unwrap_or(1)),
    })?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}

fn parse_one(text: &str) -> Result<Value, EditError> {
    let mut documents = parse_all(text)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => Ok(document),
        (None, _) => Err(EditError::Syntax { line: 1 }),
        _ => Err(EditError::Several),
    }
}

/// The edit on the plain values.
fn intend(document: &mut Value, edit: &Edit) {
    let mut at = document;
    for part in edit.path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(members) = at else { return };
        at = members.entry((*part).to_owned()).or_insert(Value::Null);
    }
    if at.is_null() {
        *at = Value::Object(Map::new());
    }
    if let Value::Object(members) = at {
        match &edit.value {
            Some(value) => members.insert(edit.key.clone(), Value::String(value.clone())),
            None => members.remove(&edit.key),
        };
    }
}

/// A mapping that is absent, null or empty is the same to Kubernetes.
fn normalize(document: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let mut at = document;
    for part in parents {
        let Some(next) = at.get_mut(*part) else { return };
        at = next;
    }
    let Value::Object(members) = at else { return };
    let empty = match members.get(*last) {
        Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        _ => false,
    };
    if empty {
        members.remove(*last);
    }
}

/// One edit on the text.
fn splice(text: &str, edit: &Edit) -> Result<String, EditError> {
    let root = tree::parse(text)?;
    let mut at = &root;
    for (depth, part) in edit.path.iter().enumerate() {
        let Shape::Mapping { entries, .. } = &at.shape else {
            return Err(unsupported(text, at, part));
        };
        let is_last = depth + 1 == edit.path.len();
        match entries.iter().find(|entry| entry.is(part)) {
            Some(entry) if is_last && entry.value.is_null() => return fill(text, entry, edit),
            Some(entry) => at = &entry.value,
            None if is_last && edit.value.is_none() => return Ok(text.to_owned()),
            None if is_last => return add_mapping(text, at, part, edit),
            None => return Err(unsupported(text, at, part)),
        }
    }
    let Shape::Mapping { flow, entries } = &at.shape else {
        return Err(unsupported(text, at, &edit.key));
    };
    let entry = entries.iter().find(|entry| entry.is(&edit.key));
    match (&edit.value, entry) {
        (None, None) => Ok(text.to_owned()),
        (None, Some(entry)) if *flow => Ok(flow::remove(text, entries, entry)),
        (None, Some(entry)) => block::remove(text, entry),
        (Some(value), Some(entry)) => scalar::replace(text, entry, value, *flow),
        (Some(value), None) if *flow => Ok(add_to_flow(text, at, entries, &edit.key, value, edit)),
        (Some(value), None) => block::insert(text, entries, &edit.key, |indent, newline, quote| {
            block::line(indent, newline, &edit.key, value, quote)
        }),
    }
}

/// An empty `{}` at the end of its line becomes a block like those around it; any other flow mapping grows in place.
fn add_to_flow(text: &str, at: &Node, entries: &[Entry], key: &str, value: &str, edit: &Edit) -> String {
    let rest = &text[at.end..block::line_end(text, at.end)];
    let in_block = tree::parse(text).is_ok_and(|root| tree::is_block_path(&root, edit.path));
    if entries.is_empty() && rest.trim().is_empty() && in_block {
        let newline = block::newline(text);
        let indent = block::indent_of_line(text, at.start) + block::unit(text);
        let before = text[..at.start].trim_end_matches(' ');
        let line = block::line(indent, newline, key, value, Quote::Double);
        return format!(
            "{before}{newline}{}{}",
            line.trim_end_matches(['\r', '\n']),
            &text[at.end..]
        );
    }
    flow::insert(text, at, entries, key, value)
}

/// `labels:` with nothing behind it.
fn fill(text: &str, entry: &Entry, edit: &Edit) -> Result<String, EditError> {
    let Some(value) = &edit.value else {
        return Ok(text.to_owned());
    };
    if entry.value.start < entry.value.end || !block::starts_line(text, &entry.key) {
        // `~` or `null`, or a key inside `{…}`.
        let mapping = flow::mapping(&edit.key, value, entry.key.is_double_quoted());
        return scalar::put(text, entry, &mapping);
    }
    let newline = block::newline(text);
    let indent = entry.key.col + block::unit(text);
    let line = block::line(indent, newline, &edit.key, value, Quote::Double);
    Ok(block::after_line(text, entry.key.end, &line))
}

/// The mapping itself is missing.
fn add_mapping(text: &str, parent: &Node, name: &str, edit: &Edit) -> Result<String, EditError> {
    let (Shape::Mapping { flow, entries }, Some(value)) = (&parent.shape, &edit.value) else {
        return Err(unsupported(text, parent, name));
    };
    if *flow {
        let double = entries.first().is_some_and(|entry| entry.key.is_double_quoted());
        let mapping = flow::mapping(&edit.key, value, double);
        return Ok(flow::insert_raw(text, parent, entries, name, &mapping));
    }
    let unit = block::unit(text);
    block::insert(text, entries, name, |indent, newline, _| {
        let line = block::line(indent + unit, newline, &edit.key, value, Quote::Double);
        format!("{}{name}:{newline}{line}", " ".repeat(indent))
    })
}

fn unsupported(text: &str, node: &Node, what: &str) -> EditError {
    EditError::Unsupported {
        line: block::line_number(text, node.start),
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests;
