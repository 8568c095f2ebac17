//! `-o`.

use super::jsonpath::Template;

/// Formats that `-o` takes.
#[derive(Debug, Clone)]
pub enum Format {
    /// A table for people.
    Table,
    /// The same with more columns.
    Wide,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
    /// `cluster/NAME` lines.
    Name,
    /// kubectl's `jsonpath` templates over the JSON document.
    JsonPath(Template),
}

impl Format {
    /// Words that may follow `-o`.
    pub const WORDS: [&str; 6] = ["table", "wide", "json", "yaml", "name", "jsonpath="];

    /// Reads the value of `-o`.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "table" => Self::Table,
            "wide" => Self::Wide,
            "json" => Self::Json,
            "yaml" => Self::Yaml,
            "name" => Self::Name,
            "jsonpath" => {
                return Err("jsonpath needs a template: -o jsonpath='{.items[*].metadata.name}'".to_owned());
            }
            _ => match text.strip_prefix("jsonpath=") {
                Some(template) => {
                    Self::JsonPath(Template::parse(template).map_err(|error| error.to_string())?)
                }
                None => {
                    return Err(format!(
                        "no such format (table, wide, json, yaml, name, jsonpath=TEMPLATE){}",
                        bridge_core::suggest::hint(text, Self::WORDS)
                    ));
                }
            },
        })
    }

    /// The word that names it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Wide => "wide",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Name => "name",
            Self::JsonPath(_) => "jsonpath",
        }
    }
}
