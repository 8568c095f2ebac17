//! Metadata handed over in a file: `terraform output -json`, or a flat map in JSON or YAML.

use serde_json::Value;

use crate::{name, selector::Map};

/// Outputs that are taken unless told otherwise: `gitops_metadata` and whatever begins so.
const TERRAFORM_PREFIX: &str = "gitops_metadata";

/// A metadata file that cannot be used. No message quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataFileError {
    /// Neither JSON nor YAML.
    #[error("neither JSON nor YAML: {0}")]
    Syntax(String),
    /// Not a map at the top.
    #[error("the top level is {0}, not a map of keys to values")]
    NotAMap(&'static str),
    /// Terraform marks the output as sensitive; annotations are readable to all who may read Secrets' metadata.
    #[error(
        "Terraform output \"{0}\" is sensitive: annotations are no place for secrets; \
         leave them out of that output, or name another with --metadata-key"
    )]
    Sensitive(String),
    /// A Terraform document without the outputs looked for.
    #[error("no Terraform output {wanted}{hint}")]
    NoOutput {
        /// What was looked for.
        wanted: String,
        /// What there is.
        hint: String,
    },
    /// `--metadata-key` with a flat map.
    #[error(
        "--metadata-key {0} names a Terraform output, and the file is not the JSON of \"terraform output -json\""
    )]
    NotTerraform(String),
    /// A list, a map, or an absent value where a text belongs.
    #[error("key \"{key}\" holds {what}: metadata values are texts, numbers or true and false")]
    NotAScalar {
        /// Offending key.
        key: String,
        /// `a list`, `a map`, `nothing`.
        what: &'static str,
    },
    /// Two outputs disagree.
    #[error("Terraform outputs \"{first}\" and \"{second}\" both hold \"{key}\", with different values")]
    Clash {
        /// Key in both.
        key: String,
        /// Output that came first.
        first: String,
        /// Output that disagrees with it.
        second: String,
    },
    /// Not an annotation key.
    #[error(transparent)]
    Key(#[from] name::NameError),
}

/// Reads a metadata file.
///
/// A document of `terraform output -json` gives its outputs `gitops_metadata*`, or the one that `key` names: maps,
/// flattened as the pattern's Terraform does (an addon's own map under `cert_manager` becomes `cert_manager_<key>`), null
/// values left out. Anything else is a flat map. Numbers and booleans become the text that stands in the file.
pub fn parse(text: &str, key: Option<&str>) -> Result<Map, MetadataFileError> {
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(_) => serde_saphyr::from_str(text)
            .map_err(|error| MetadataFileError::Syntax(syntax(&error.to_string())))?,
    };
    let Value::Object(members) = &document else {
        return Err(MetadataFileError::NotAMap(kind(&document)));
    };
    let metadata = if is_terraform(members) {
        from_terraform(members, key)?
    } else {
        if let Some(key) = key {
            return Err(MetadataFileError::NotTerraform(key.to_owned()));
        }
        from_flat(text, members)?
    };
    for key in metadata.keys() {
        name::check_key(key)?;
    }
    Ok(metadata)
}

/// Every member of a `terraform output -json` document is an object with `value`, `type` and `sensitive`.
fn is_terraform(members: &serde_json::Map<String, Value>) -> bool {
    !members.is_empty()
        && members.values().all(|member| {
            member.get("value").is_some() && member.get("sensitive").is_some_and(Value::is_boolean)
        })
}

fn from_terraform(
    outputs: &serde_json::Map<String, Value>,
    key: Option<&str>,
) -> Result<Map, MetadataFileError> {
    let mut metadata = Map::new();
    let mut sources: std::collections::BTreeMap<String, &str> = std::collections::BTreeMap::new();
    let mut found = false;
    for (output, body) in outputs {
        let wanted = key.map_or_else(|| output.starts_with(TERRAFORM_PREFIX), |key| key == output);
        if !wanted {
            continue;
        }
        found = true;
        if body.get("sensitive") != Some(&Value::Bool(false)) {
            return Err(MetadataFileError::Sensitive(output.clone()));
        }
        let flat = flatten(output, body.get("value").unwrap_or(&Value::Null))?;
        for (key, value) in flat {
            match metadata.get(&key) {
                Some(other) if *other != value => {
                    return Err(MetadataFileError::Clash {
                        first: sources.get(&key).copied().unwrap_or_default().to_owned(),
                        second: output.clone(),
                        key,
                    });
                }
                _ => {
                    sources.insert(key.clone(), output);
                    metadata.insert(key, value);
                }
            }
        }
    }
    if found {
        return Ok(metadata);
    }
    let names: Vec<&str> = outputs.keys().map(String::as_str).collect();
    Err(MetadataFileError::NoOutput {
        wanted: key.map_or_else(|| format!("\"{TERRAFORM_PREFIX}*\""), |key| format!("\"{key}\"")),
        hint: format!(
            "; there are {}{}",
            names.join(", "),
            if key.is_none() {
                " (choose one with --metadata-key)"
            } else {
                ""
            }
        ),
    })
}

/// The value of one output: scalars, or one map of scalars per addon, whose name goes before its keys.
fn flatten(output: &str, value: &Value) -> Result<Vec<(String, String)>, MetadataFileError> {
    let Value::Object(members) = value else {
        return Err(MetadataFileError::NotAScalar {
            key: output.to_owned(),
            what: kind(value),
        });
    };
    let mut flat = Vec::new();
    for (key, value) in members {
        match value {
            Value::Object(nested) => {
                for (inner, value) in nested {
                    let key = format!("{key}_{inner}");
                    if !value.is_null() {
                        flat.push((key.clone(), scalar(&key, value)?));
                    }
                }
            }
            Value::Null => {}
            _ => flat.push((key.clone(), scalar(key, value)?)),
        }
    }
    Ok(flat)
}

fn from_flat(text: &str, members: &serde_json::Map<String, Value>) -> Result<Map, MetadataFileError> {
    // The values as read are only looked at for their kind: as numbers, 1.30 would become 1.3.
    for (key, value) in members {
        scalar(key, value)?;
    }
    // JSON is YAML too, and this parser gives plain scalars as they stand.
    serde_saphyr::from_str(text).map_err(|error| MetadataFileError::Syntax(syntax(&error.to_string())))
}

fn scalar(key: &str, value: &Value) -> Result<String, MetadataFileError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(on) => Ok(on.to_string()),
        _ => Err(MetadataFileError::NotAScalar {
            key: key.to_owned(),
            what: kind(value),
        }),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) | Value::Number(_) | Value::String(_) => "a single value",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// Where it is wrong, and how, without the advice for programmers.
fn syntax(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let end = ["; use from_str", ", set DuplicateKeyPolicy"]
        .iter()
        .filter_map(|advice| line.find(advice))
        .min()
        .unwrap_or(line.len());
    line[..end].trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_says_where_and_how_and_no_more() {
        for (text, expected) in [
            ("a: b: c", "line 1 column 5: mapping values are not allowed"),
            ("a: 1\na: 2\n", "line 2 column 1: duplicate mapping key: a"),
            ("---\na: x\n---\nb: y\n", "multiple YAML documents detected"),
        ] {
            let message = parse(text, None).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            for word in ["error:", "from_str", "DuplicateKeyPolicy"] {
                assert!(!message.contains(word), "{message}");
            }
        }
    }

    fn pairs(map: &Map) -> Vec<(&str, &str)> {
        map.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()
    }

    const TERRAFORM: &str = r#"{
        "gitops_metadata": {"sensitive": false, "type": ["map", "string"], "value":
            {"cert_manager_namespace": "cert-manager", "aws_for_fluentbit_log_group_name": null, "replicas": 3}},
        "gitops_metadata_more": {"sensitive": false, "type": "x", "value":
            {"karpenter": {"sqs_queue_name": "q", "node_iam_role_name": null}, "spot": true,
             "cert_manager_namespace": "cert-manager"}},
        "configure_kubectl": {"sensitive": false, "type": "string", "value": "aws eks ..."},
        "admin_password": {"sensitive": true, "type": "string", "value": "hunter2"}
    }"#;

    #[test]
    fn terraform_gives_its_gitops_metadata_flattened() {
        assert_eq!(
            pairs(&parse(TERRAFORM, None).unwrap()),
            [
                ("cert_manager_namespace", "cert-manager"),
                ("karpenter_sqs_queue_name", "q"),
                ("replicas", "3"),
                ("spot", "true"),
            ]
        );
        assert_eq!(parse(TERRAFORM, Some("gitops_metadata_more")).unwrap().len(), 3);
    }

    #[test]
    fn terraform_refusals_name_the_output_and_never_the_value() {
        let error = parse(TERRAFORM, Some("admin_password")).unwrap_err().to_string();
        assert!(error.contains("\"admin_password\" is sensitive"), "{error}");
        assert!(!error.contains("hunter2"));
        let error = parse(TERRAFORM, Some("nope")).unwrap_err().to_string();
        assert!(
            error.contains("no Terraform output \"nope\"; there are admin_password, configure_kubectl"),
            "{error}"
        );
        let error = parse(TERRAFORM, Some("configure_kubectl")).unwrap_err();
        assert_eq!(
            error,
            MetadataFileError::NotAScalar {
                key: "configure_kubectl".into(),
                what: "a single value"
            }
        );
    }

    #[test]
    fn two_outputs_that_disagree_are_refused() {
        let text = r#"{"gitops_metadata_a": {"sensitive": false, "value": {"k": "1"}},
                       "gitops_metadata_b": {"sensitive": false, "value": {"k": "2"}}}"#;
        let error = parse(text, None).unwrap_err().to_string();
        assert!(
            error.contains("\"gitops_metadata_a\" and \"gitops_metadata_b\" both hold \"k\""),
            "{error}"
        );
    }

    #[test]
    fn a_flat_map_keeps_the_text_of_its_values() {
        let yaml = "# facts\nversion: 1.30\naccount: 012345678901\nspot: true\nrole: arn:aws:iam::1:role/x\nempty: ''\n";
        assert_eq!(
            pairs(&parse(yaml, None).unwrap()),
            [
                ("account", "012345678901"),
                ("empty", ""),
                ("role", "arn:aws:iam::1:role/x"),
                ("spot", "true"),
                ("version", "1.30"),
            ]
        );
        assert_eq!(
            pairs(
                &parse(
                    r#"{"version": 1.30, "text": "a\"b\u00e9\\/", "n": 12345678901234567890123}"#,
                    None
                )
                .unwrap()
            ),
            [
                ("n", "12345678901234567890123"),
                ("text", "a\"bé\\/"),
                ("version", "1.30")
            ]
        );
    }

    #[test]
    fn what_is_no_flat_map_is_refused_by_key() {
        for (text, what) in [
            ("a: [1]", "key \"a\" holds a list"),
            ("a: {b: c}", "key \"a\" holds a map"),
            ("a: ", "key \"a\" holds nothing"),
            ("[1, 2]", "the top level is a list"),
            ("hello", "the top level is a single value"),
            ("a: [", "neither JSON nor YAML: line 1"),
            ("", "the top level is nothing"),
            ("a b: c", "\"a b\" is not a label or annotation key"),
        ] {
            let error = parse(text, None).unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
        assert_eq!(
            parse("a: b", Some("a")).unwrap_err(),
            MetadataFileError::NotTerraform("a".into())
        );
    }
}
