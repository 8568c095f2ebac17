//! kubectl's `jsonpath` templates: literal text, `{path}`, `{range path}…{end}` and quoted text, over RFC 9535 paths.

mod path;

use jsonpath_rust::{parser::model::JpQuery, query::js_path_process};
use serde_json::Value;

/// A template, read once.
#[derive(Debug, Clone)]
pub struct Template(Vec<Item>);

#[derive(Debug, Clone)]
enum Item {
    Text(String),
    Path(Path),
    Range(Path, Vec<Item>),
}

#[derive(Debug, Clone)]
struct Path {
    query: JpQuery,
    /// Begins with `$`: the whole document, also within a range.
    from_root: bool,
}

/// A template that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

/// The values cannot be found.
#[derive(Debug, thiserror::Error)]
#[error("the jsonpath template cannot be applied")]
pub struct RenderError(#[source] jsonpath_rust::parser::errors::JsonPathError);

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if !text.contains('{') {
            return Err(error(format!(
                "the template \"{text}\" has no {{path}}: write jsonpath='{{.items[*].metadata.name}}'"
            )));
        }
        let mut rest = text;
        let (items, ended) = items(&mut rest)?;
        if ended {
            return Err(error("{end} without {range …}"));
        }
        Ok(Self(items))
    }

    /// Fills in a document. What is not there is left out, as `kubectl get` does. No line break is added.
    pub fn render(&self, document: &Value) -> Result<String, RenderError> {
        let mut text = String::new();
        render(&self.0, document, document, &mut text)?;
        Ok(text)
    }
}

fn render(items: &[Item], root: &Value, current: &Value, text: &mut String) -> Result<(), RenderError> {
    for item in items {
        match item {
            Item::Text(literal) => text.push_str(literal),
            Item::Path(path) => {
                let found: Vec<String> = path.find(root, current)?.into_iter().map(shown).collect();
                text.push_str(&found.join(" "));
            }
            Item::Range(path, body) => {
                for element in path.find(root, current)? {
                    render(body, root, element, text)?;
                }
            }
        }
    }
    Ok(())
}

impl Path {
    fn find<'a>(&self, root: &'a Value, current: &'a Value) -> Result<Vec<&'a Value>, RenderError> {
        let from = if self.from_root { root } else { current };
        js_path_process(&self.query, from)
            .map(|found| {
                found
                    .into_iter()
                    .map(jsonpath_rust::query::QueryRef::val)
                    .collect()
            })
            .map_err(RenderError)
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn error(text: impl Into<String>) -> TemplateError {
    TemplateError(text.into())
}

/// Reads up to the end, or up to the `{end}` of the range that this is the body of (then `true`).
fn items(rest: &mut &str) -> Result<(Vec<Item>, bool), TemplateError> {
    let mut items = Vec::new();
    loop {
        let literal = rest.find('{').unwrap_or(rest.len());
        if literal > 0 {
            items.push(Item::Text(rest[..literal].to_owned()));
        }
        if literal == rest.len() {
            return Ok((items, false));
        }
        let action = action(&rest[literal + 1..])?;
        *rest = &rest[literal + 1 + action.len() + 1..];
        match action.trim() {
            "end" => return Ok((items, true)),
            "" => return Err(error("empty {} in the template")),
            quoted if quoted.starts_with(['"', '\'']) => items.push(Item::Text(unquoted(quoted)?)),
            words => match words
                .strip_prefix("range")
                .filter(|path| path.starts_with([' ', '\t']))
            {
                Some(over) => {
                    let over = read_path(over.trim())?;
                    let (body, ended) = self::items(rest)?;
                    if !ended {
                        return Err(error(format!("{{{words}}} has no {{end}}")));
                    }
                    items.push(Item::Range(over, body));
                }
                None => items.push(Item::Path(read_path(words)?)),
            },
        }
    }
}

/// What stands between `{` and its `}`; a `}` within quotes does not count.
fn action(text: &str) -> Result<&str, TemplateError> {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '}') => return Ok(&text[..at]),
            _ => {}
        }
    }
    Err(error(format!(
        "\"{{{text}\" in the template is not closed with }}"
    )))
}

fn unquoted(quoted: &str) -> Result<String, TemplateError> {
    let unfinished = || error(format!("cannot read {quoted} in the template"));
    let mut chars = quoted.chars();
    let open = chars.next().ok_or_else(unfinished)?;
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next().ok_or_else(unfinished)? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                other => text.push(other),
            },
            c if c == open => {
                return if chars.as_str().trim().is_empty() {
                    Ok(text)
                } else {
                    Err(unfinished())
                };
            }
            c => text.push(c),
        }
    }
    Err(unfinished())
}

fn read_path(text: &str) -> Result<Path, TemplateError> {
    let standard = path::standard(text).map_err(error)?;
    let query = jsonpath_rust::parser::parse_json_path(&standard)
        .map_err(|_| error(format!("cannot read the path {{{text}}} in the template")))?;
    Ok(Path {
        query,
        from_root: text.starts_with('$'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({
            "kind": "ClusterList",
            "items": [
                {"metadata": {"name": "dev", "labels": {"enable_x": "true", "a.b/c-d": "odd"}}, "addons": ["x", "y"], "n": 3},
                {"metadata": {"name": "prod", "labels": {"enable_x": "false"}}, "addons": [], "on": true},
            ],
        })
    }

    #[test]
    fn what_kubectl_users_write() {
        for (template, expected) in [
            ("{.kind}", "ClusterList"),
            ("{.items[*].metadata.name}", "dev prod"),
            ("names: {.items[*].metadata.name}!", "names: dev prod!"),
            (
                r#"{range .items[*]}{.metadata.name}{"\t"}{.n}{"\n"}{end}"#,
                "dev\t3\nprod\t\n",
            ),
            (r"{.items[0].metadata.labels.a\.b/c-d}", "odd"),
            ("{.items[0].metadata.labels['a.b/c-d']}", "odd"),
            (r"{.items[0].metadata.labels['a\.b/c-d']}", "odd"),
            (r#"{.items[?(@.metadata.name=="prod")].on}"#, "true"),
            (
                r"{.items[?(@.metadata.labels.a\.b/c-d == 'odd')].metadata.name}",
                "dev",
            ),
            ("{.items[-1:].metadata.name}", "prod"),
            ("{.items[-1].metadata.name}", "prod"),
            ("{..name}", "dev prod"),
            ("{.items[0].addons}", r#"["x","y"]"#),
            (
                "{range .items[*]}{.metadata.name}:{range .addons[*]}{@},{end};{end}",
                "dev:x,y,;prod:;",
            ),
            ("{range .items[0,1]}{$.kind} {end}", "ClusterList ClusterList "),
            ("{.missing}", ""),
            ("{ .kind }", "ClusterList"),
            ("{$.kind}", "ClusterList"),
            ("{'}'}{\"{\"}", "}{"),
            ("{@.kind}", "ClusterList"),
        ] {
            let template_read =
                Template::parse(template).unwrap_or_else(|error| panic!("{template}: {error}"));
            assert_eq!(template_read.render(&document()).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_at_once() {
        for bad in [
            ".kind",
            "",
            "{.kind",
            "{}",
            "{range .items[*]}",
            "{end}",
            "{.items[}",
            "{\"a}",
            "{kind.}",
            "{.a[?(@.b=]}",
            "{.a..}",
        ] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }
}
