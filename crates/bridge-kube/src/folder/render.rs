//! A new cluster Secret as a file.

use std::{collections::BTreeMap, fmt::Write as _};

use k8s_openapi::api::core::v1::Secret;

use crate::yaml_edit::{Quote, literal, render};

/// The manifest of a Secret: readable `stringData`, base64 only for what is no text.
pub(super) fn manifest(secret: &Secret) -> String {
    let metadata = &secret.metadata;
    let mut text = String::from("apiVersion: v1\nkind: Secret\nmetadata:\n");
    let names = [("name", &metadata.name), ("namespace", &metadata.namespace)];
    for (key, value) in names {
        if let Some(value) = value {
            line(&mut text, 2, key, value);
        }
    }
    mapping(&mut text, 2, "labels", metadata.labels.as_ref());
    mapping(&mut text, 2, "annotations", metadata.annotations.as_ref());
    line(&mut text, 0, "type", secret.type_.as_deref().unwrap_or("Opaque"));
    let mut strings = BTreeMap::new();
    let mut bytes = BTreeMap::new();
    for (key, value) in secret.data.iter().flatten() {
        match std::str::from_utf8(&value.0) {
            Ok(string) => strings.insert(key.clone(), string.to_owned()),
            Err(_) => bytes.insert(key.clone(), base64(value)),
        };
    }
    strings.extend(secret.string_data.clone().unwrap_or_default());
    mapping(&mut text, 0, "stringData", Some(&strings));
    mapping(&mut text, 0, "data", Some(&bytes));
    text
}

/// The manifest of a ConfigMap.
pub(super) fn config_map(name: &str, data: &BTreeMap<String, String>) -> String {
    let mut text = String::from("apiVersion: v1\nkind: ConfigMap\nmetadata:\n");
    line(&mut text, 2, "name", name);
    mapping(&mut text, 0, "data", Some(data));
    text
}

/// Base64, as `data` has it.
pub(super) fn base64(value: &k8s_openapi::ByteString) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        // A byte string always serializes to a string.
        _ => String::new(),
    }
}

fn mapping(text: &mut String, indent: usize, name: &str, entries: Option<&BTreeMap<String, String>>) {
    let Some(entries) = entries.filter(|entries| !entries.is_empty()) else {
        return;
    };
    text.push_str(&" ".repeat(indent));
    text.push_str(name);
    text.push_str(":\n");
    for (key, value) in entries {
        line(text, indent + 2, key, value);
    }
}

fn line(text: &mut String, indent: usize, key: &str, value: &str) {
    // JSON reads better without a backslash before each quote.
    let value = if value.contains('"') && indent < 4 {
        literal(value, indent + 2, "\n").unwrap_or_else(|| render(value, Quote::Double))
    } else {
        render(value, Quote::Double)
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{}{}: {value}",
        " ".repeat(indent),
        render(key, Quote::Double)
    );
}
