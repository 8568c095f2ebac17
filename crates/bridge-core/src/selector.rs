//! Label selectors: the `LabelSelector` object of the API, and the `-l` text of kubectl.

use std::collections::BTreeMap;

use serde_json::Value;

/// Labels or annotations.
pub type Map = BTreeMap<String, String>;

/// A label selector. [`Selector::default`] selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// One condition on one key (apimachinery `labels.Requirement`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Label key.
    pub key: String,
    /// What the value must be.
    pub operator: Operator,
}

/// The condition. A missing key satisfies `NotIn` and `DoesNotExist` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// The value is one of these.
    In(Vec<String>),
    /// The value is none of these, or there is none.
    NotIn(Vec<String>),
    /// The key is there.
    Exists,
    /// The key is not there.
    DoesNotExist,
}

/// A selector that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(String);

impl Selector {
    /// Whether there is no condition at all: Argo CD adds its in-cluster entry only then.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The conditions, all of which must hold.
    pub(crate) fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether a cluster with these labels is selected.
    pub fn matches(&self, labels: &Map) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.matches(labels))
    }

    /// Reads a `LabelSelector` object (`matchLabels`, `matchExpressions`); `null` selects everything.
    pub fn from_json(value: &Value) -> Result<Self, SelectorError> {
        let object = match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(object) => object,
            _ => {
                return Err(error(
                    "a selector is an object with matchLabels and matchExpressions",
                ));
            }
        };
        let mut requirements = Vec::new();
        for (key, part) in object {
            match (key.as_str(), part) {
                (_, Value::Null) => {}
                ("matchLabels", Value::Object(labels)) => {
                    for (key, value) in labels {
                        let value = string(value, || format!("matchLabels.{key} must be a string"))?;
                        requirements.push(Requirement::new(key, Operator::In(vec![value.to_owned()]))?);
                    }
                }
                ("matchExpressions", Value::Array(expressions)) => {
                    for expression in expressions {
                        requirements.push(expression_from_json(expression)?);
                    }
                }
                ("matchLabels", _) => return Err(error("matchLabels must be an object")),
                ("matchExpressions", _) => return Err(error("matchExpressions must be a list")),
                (other, _) => {
                    return Err(error(format!(
                        "unknown field \"{other}\" (matchLabels, matchExpressions)"
                    )));
                }
            }
        }
        Ok(Self { requirements })
    }

    /// Reads kubectl's `-l` text: `a=b,c!=d,e in (x,y),f notin (z),g,!h`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        split_outside_parentheses(text)?
            .into_iter()
            .map(|part| requirement_from_text(part.trim(), text))
            .collect::<Result<_, _>>()
            .map(|requirements| Self { requirements })
    }
}

impl Requirement {
    fn new(key: &str, operator: Operator) -> Result<Self, SelectorError> {
        crate::name::check_key(key).map_err(|cause| error(cause.to_string()))?;
        if let Operator::In(values) | Operator::NotIn(values) = &operator {
            if values.is_empty() {
                return Err(error(format!("the condition on \"{key}\" has no values")));
            }
            for value in values {
                crate::name::check_label_value(key, value).map_err(|cause| error(cause.to_string()))?;
            }
        }
        Ok(Self {
            key: key.to_owned(),
            operator,
        })
    }

    /// Whether these labels satisfy this condition.
    pub fn matches(&self, labels: &Map) -> bool {
        let value = labels.get(&self.key);
        match &self.operator {
            Operator::In(values) => value.is_some_and(|value| values.contains(value)),
            Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, Requirement { key, operator }) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            match operator {
                Operator::In(values) if values.len() == 1 => write!(f, "{key}={}", values[0])?,
                Operator::In(values) => write!(f, "{key} in ({})", values.join(","))?,
                Operator::NotIn(values) if values.len() == 1 => write!(f, "{key}!={}", values[0])?,
                Operator::NotIn(values) => write!(f, "{key} notin ({})", values.join(","))?,
                Operator::Exists => f.write_str(key)?,
                Operator::DoesNotExist => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

fn error(text: impl Into<String>) -> SelectorError {
    SelectorError(text.into())
}

fn string(value: &Value, message: impl Fn() -> String) -> Result<&str, SelectorError> {
    value.as_str().ok_or_else(|| error(message()))
}

fn expression_from_json(expression: &Value) -> Result<Requirement, SelectorError> {
    let field = |name: &str| expression.get(name).and_then(Value::as_str);
    let (Some(key), Some(operator)) = (field("key"), field("operator")) else {
        return Err(error("each of matchExpressions needs \"key\" and \"operator\""));
    };
    let values = match expression.get("values") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| {
                string(value, || format!("the values for \"{key}\" must be strings")).map(str::to_owned)
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(error(format!("the values for \"{key}\" must be a list"))),
    };
    let operator = match operator {
        "In" => Operator::In(values),
        "NotIn" => Operator::NotIn(values),
        "Exists" if values.is_empty() => Operator::Exists,
        "DoesNotExist" if values.is_empty() => Operator::DoesNotExist,
        "Exists" | "DoesNotExist" => return Err(error(format!("{operator} on \"{key}\" takes no values"))),
        other => {
            return Err(error(format!(
                "unknown operator \"{other}\" on \"{key}\" (In, NotIn, Exists, DoesNotExist)"
            )));
        }
    };
    Requirement::new(key, operator)
}

fn split_outside_parentheses(text: &str) -> Result<Vec<&str>, SelectorError> {
    let (mut parts, mut start, mut inside) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return Err(error(format!("unbalanced parentheses in selector \"{text}\""))),
            ',' if !inside => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(error(format!("unbalanced parentheses in selector \"{text}\"")));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn requirement_from_text(part: &str, text: &str) -> Result<Requirement, SelectorError> {
    let one = |value: &str| vec![value.trim().to_owned()];
    let (key, operator) = if let Some((head, values)) = part.split_once('(') {
        let values = values
            .trim_end()
            .strip_suffix(')')
            .ok_or_else(|| error(format!("cannot read selector \"{text}\" at \"{part}\"")))?;
        let values = if values.trim().is_empty() {
            Vec::new()
        } else {
            values.split(',').map(|value| value.trim().to_owned()).collect()
        };
        match head.split_whitespace().collect::<Vec<_>>()[..] {
            [key, "in"] => (key, Operator::In(values)),
            [key, "notin"] => (key, Operator::NotIn(values)),
            _ => {
                return Err(error(format!(
                    "cannot read selector \"{text}\" at \"{part}\" (key in (a,b), key notin (a,b))"
                )));
            }
        }
    } else if let Some((key, value)) = part.split_once("!=") {
        (key, Operator::NotIn(one(value)))
    } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        (key, Operator::In(one(value)))
    } else if let Some(key) = part.strip_prefix('!') {
        (key, Operator::DoesNotExist)
    } else {
        (part, Operator::Exists)
    };
    Requirement::new(key.trim(), operator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn labels(pairs: &[(&str, &str)]) -> Map {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn operators_and_missing_keys() {
        let here = labels(&[("environment", "dev"), ("enable_x", "true")]);
        for (text, expected) in [
            ("", true),
            ("environment=dev", true),
            ("environment==prod", false),
            ("environment!=prod,enable_x", true),
            ("environment in (staging, dev),!gone", true),
            ("environment notin (dev)", false),
            ("missing notin (a,b)", true),
            ("missing!=a", true),
            ("missing in (a)", false),
            ("missing", false),
        ] {
            assert_eq!(Selector::parse(text).unwrap().matches(&here), expected, "{text}");
        }
    }

    #[test]
    fn text_survives_a_round_trip() {
        for text in ["a=b,c!=d,e in (x,y),f notin (z,w),g,!h", "a=", "a in (,b)"] {
            assert_eq!(Selector::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_text_is_refused() {
        // An empty part, from an empty variable of a shell say, must not select more than was meant.
        for text in [
            "a in (b",
            "a b",
            "=x",
            "a in b)",
            "a=b=c",
            "!",
            "a like (b)",
            ",",
            "a=b,",
            "a=b,,c",
            "a in ()",
            "a notin ( )",
        ] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn json_form() {
        let selector = Selector::from_json(&json!({
            "matchLabels": {"environment": "dev"},
            "matchExpressions": [{"key": "enable_x", "operator": "In", "values": ["true"]}, {"key": "y", "operator": "DoesNotExist"}],
        }))
        .unwrap();
        assert!(selector.matches(&labels(&[("environment", "dev"), ("enable_x", "true")])));
        assert!(!selector.matches(&labels(&[("environment", "dev")])));
        assert!(Selector::from_json(&json!({})).unwrap().is_empty());
        assert!(Selector::from_json(&json!(null)).unwrap().is_empty());
        for bad in [
            json!([]),
            json!({"matchLabels": {"a": true}}),
            json!({"matchlabels": {"a": "b"}}),
            json!({"matchExpressions": [{"key": "a", "operator": "In"}]}),
            json!({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}),
            json!({"matchExpressions": [{"key": "a", "operator": "Near", "values": ["x"]}]}),
            json!({"matchExpressions": [{"operator": "Exists"}]}),
        ] {
            assert!(Selector::from_json(&bad).is_err(), "{bad}");
        }
    }
}
