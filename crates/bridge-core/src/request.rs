//! What an ApplicationSet may ask: `input.parameters` of a plugin generator.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::selector::{Selector, SelectorError};

/// A question that can be answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Which clusters.
    pub selector: Selector,
    /// One set `{"clusters":[…]}` instead of one set for each cluster.
    pub flat_list: bool,
    /// Only these parameters.
    pub fields: Option<Fields>,
}

/// Parameters by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Those of [`TOP`] that are named.
    top: BTreeSet<&'static str>,
    /// Keys of `metadata.labels`.
    pub labels: Keys,
    /// Keys of `metadata.annotations`.
    pub annotations: Keys,
}

/// Parameters that are no map.
const TOP: [&str; 4] = ["name", "nameNormalized", "server", "project"];

/// Keys of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// These. They may hold dots and slashes.
    Some(BTreeSet<String>),
    /// Any.
    All,
}

impl Default for Keys {
    fn default() -> Self {
        Self::Some(BTreeSet::new())
    }
}

impl Keys {
    /// Whether this key is one of them.
    pub fn contains(&self, key: &str) -> bool {
        match self {
            Self::Some(keys) => keys.contains(key),
            Self::All => true,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Some(keys) if keys.is_empty())
    }

    pub(crate) fn add(&mut self, key: &str) {
        if let Self::Some(keys) = self {
            keys.insert(key.to_owned());
        }
    }
}

impl Fields {
    /// Whether `name`, `nameNormalized`, `server` or `project` is among them.
    pub fn has(&self, top: &str) -> bool {
        self.top.contains(top)
    }

    /// Adds a parameter by its name; `None` if there is no such parameter.
    fn add(&mut self, name: &str) -> Option<()> {
        if let Some(top) = TOP.into_iter().find(|top| *top == name) {
            self.top.insert(top);
            return Some(());
        }
        if name == "metadata" {
            (self.labels, self.annotations) = (Keys::All, Keys::All);
            return Some(());
        }
        let path = name.strip_prefix("metadata.")?;
        let (map, key) = match path.split_once('.') {
            Some((map, key)) => (map, Some(key)),
            None => (path, None),
        };
        let keys = match map {
            "labels" => &mut self.labels,
            "annotations" => &mut self.annotations,
            _ => return None,
        };
        match key {
            None => *keys = Keys::All,
            Some("") => return None,
            Some(key) => keys.add(key),
        }
        Some(())
    }
}

/// A question that cannot be answered. The text is short and constant for one input: it ends up in the status of the
/// ApplicationSet, and a changing one would be a write a retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A key that means nothing here. Ignoring it could select more than was meant.
    #[error("unknown input parameter \"{0}\" (generate, selector, flatList, fields)")]
    UnknownKey(String),
    /// `generate` is missing.
    #[error("input parameter \"generate\" is missing (generate: clusters)")]
    NoGenerate,
    /// `generate` names nothing that is served.
    #[error("input parameter \"generate\" must be \"clusters\"")]
    Generate,
    /// The selector cannot be read.
    #[error("input parameter \"selector\" cannot be used")]
    Selector(#[source] SelectorError),
    /// `flatList` is neither true nor false.
    #[error("input parameter \"flatList\" must be true or false")]
    FlatList,
    /// `fields` is not a list of known parameters.
    #[error(
        "input parameter \"fields\" must list parameters (name, nameNormalized, server, project, metadata.labels.KEY, metadata.annotations.KEY)"
    )]
    Fields,
}

impl Request {
    /// Reads `input.parameters`.
    pub fn parse(parameters: &Map<String, Value>) -> Result<Self, RequestError> {
        let mut request = Self::default();
        let mut generate = None;
        for (key, value) in parameters {
            match key.as_str() {
                "generate" => generate = Some(value),
                "selector" => {
                    request.selector = Selector::from_json(value).map_err(RequestError::Selector)?;
                }
                "flatList" => request.flat_list = boolean(value).ok_or(RequestError::FlatList)?,
                "fields" => request.fields = Some(fields(value).ok_or(RequestError::Fields)?),
                other => return Err(RequestError::UnknownKey(other.chars().take(64).collect())),
            }
        }
        match generate.ok_or(RequestError::NoGenerate)? {
            Value::String(what) if what == "clusters" => Ok(request),
            _ => Err(RequestError::Generate),
        }
    }
}

/// A second matrix child gets its strings rendered, so a boolean may arrive as text.
fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn fields(value: &Value) -> Option<Fields> {
    let names = value.as_array().filter(|names| !names.is_empty())?;
    names.iter().try_fold(Fields::default(), |mut fields, name| {
        fields.add(name.as_str()?)?;
        Some(fields)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: &Value) -> Result<Request, RequestError> {
        Request::parse(value.as_object().unwrap())
    }

    #[test]
    fn refusals_name_the_key() {
        for (input, expected) in [
            (json!({}), "\"generate\" is missing"),
            (json!({"generate": "addons"}), "must be \"clusters\""),
            (json!({"generate": 1}), "must be \"clusters\""),
            (
                json!({"generate": "clusters", "selectr": {}}),
                "unknown input parameter \"selectr\"",
            ),
            (json!({"generate": "clusters", "flatList": "yes"}), "\"flatList\""),
            (json!({"generate": "clusters", "fields": []}), "\"fields\""),
            (
                json!({"generate": "clusters", "fields": ["config"]}),
                "\"fields\"",
            ),
            (
                json!({"generate": "clusters", "fields": ["metadata.labels."]}),
                "\"fields\"",
            ),
            (
                json!({"generate": "clusters", "fields": ["name", "metadata.uid"]}),
                "\"fields\"",
            ),
            (json!({"generate": "clusters", "selector": "a=b"}), "\"selector\""),
        ] {
            let text = parse(&input).unwrap_err().to_string();
            assert!(text.contains(expected), "{input}: {text}");
        }
    }

    #[test]
    fn what_can_be_asked() {
        let request = parse(&json!({"generate": "clusters", "flatList": "true",
            "fields": ["metadata.labels.a.b/c", "name", "metadata.annotations"]}))
        .unwrap();
        assert!(request.flat_list && request.selector.is_empty());
        let fields = request.fields.unwrap();
        assert_eq!(fields.labels, Keys::Some(["a.b/c".to_owned()].into()));
        assert_eq!(fields.annotations, Keys::All);
        assert!(fields.has("name") && !fields.has("server"));
    }
}
