//! What an ApplicationSet may ask: `input.parameters` of a plugin generator.

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
    pub fields: Option<Vec<Field>>,
}

/// A parameter by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// `name`, `nameNormalized`, `server`, `project`, or `metadata` whole.
    Top(String),
    /// `metadata.labels[.KEY]` or `metadata.annotations[.KEY]`.
    Metadata {
        /// `labels` or `annotations`.
        map: String,
        /// One key, or the whole map. May hold dots and slashes.
        key: Option<String>,
    },
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

fn fields(value: &Value) -> Option<Vec<Field>> {
    let fields: Vec<Field> = value
        .as_array()?
        .iter()
        .map(|name| field(name.as_str()?))
        .collect::<Option<_>>()?;
    (!fields.is_empty()).then_some(fields)
}

fn field(name: &str) -> Option<Field> {
    if ["name", "nameNormalized", "server", "project", "metadata"].contains(&name) {
        return Some(Field::Top(name.to_owned()));
    }
    let (map, key) = match name.strip_prefix("metadata.")?.split_once('.') {
        Some((map, key)) => (map, Some(key)),
        None => (name.strip_prefix("metadata.")?, None),
    };
    (["labels", "annotations"].contains(&map) && key != Some("")).then(|| Field::Metadata {
        map: map.to_owned(),
        key: key.map(str::to_owned),
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
            (json!({"generate": "clusters", "selector": "a=b"}), "\"selector\""),
        ] {
            let text = parse(&input).unwrap_err().to_string();
            assert!(text.contains(expected), "{input}: {text}");
        }
    }

    #[test]
    fn what_can_be_asked() {
        let request =
            parse(&json!({"generate": "clusters", "flatList": "true", "fields": ["metadata.labels.a.b/c"]}))
                .unwrap();
        assert!(request.flat_list && request.selector.is_empty());
        assert_eq!(
            request.fields,
            Some(vec![Field::Metadata {
                map: "labels".into(),
                key: Some("a.b/c".into())
            }])
        );
    }
}
