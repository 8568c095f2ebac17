//! Templates simple enough to be filled in here: text with plain parameters in it.

use std::borrow::Cow;

/// A part of a simple template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// A parameter by its flattened name.
    Parameter(String),
}

/// What stands between `{{` and `}}`, trimmed, as fasttemplate takes it: no nesting, no quoting.
pub(super) fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(tag, _)| tag.trim())
}

/// Fills in a template that consists of text and plain parameters. `None`: it is more than that, or `value` does not
/// know one of the parameters.
pub(super) fn fill<'v>(
    template: &str,
    go: bool,
    value: impl Fn(&str) -> Option<Cow<'v, str>>,
) -> Option<String> {
    let mut out = String::new();
    for piece in pieces(template, go)? {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Parameter(name) => out.push_str(&value(&name)?),
        }
    }
    Some(out)
}

fn pieces(mut template: &str, go: bool) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    while let Some((text, rest)) = template.split_once("{{") {
        let (tag, rest) = rest.split_once("}}")?;
        pieces.push(Piece::Text(text));
        let tag = tag.trim();
        pieces.push(Piece::Parameter(if go {
            go_parameter(tag)?
        } else {
            tag.to_owned()
        }));
        template = rest;
    }
    pieces.push(Piece::Text(template));
    Some(pieces)
}

/// `.a.b.c`, or `index .metadata.labels "key"`.
fn go_parameter(action: &str) -> Option<String> {
    let path = |text: &str| -> Option<String> {
        let path = text.strip_prefix('.')?;
        path.split('.')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_'))
            .then(|| path.to_owned())
    };
    if let Some(found) = path(action) {
        return Some(found);
    }
    let mut words = action.strip_prefix("index")?.split_whitespace();
    let (map, key, end) = (words.next()?, words.next()?, words.next());
    let key = key.strip_prefix('"')?.strip_suffix('"')?;
    (end.is_none() && !key.contains(['"', '\\'])).then_some(format!("{}.{key}", path(map)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_parameters_are_filled_in_and_nothing_else() {
        let value = |name: &str| -> Option<Cow<'static, str>> {
            match name {
                "name" => Some("dev".into()),
                "metadata.labels.a.b/c" => Some("x".into()),
                _ => None,
            }
        };
        for (template, go, expected) in [
            ("addon-{{name}}-x", false, Some("addon-dev-x")),
            ("{{ metadata.labels.a.b/c }}", false, Some("x")),
            ("{{unknown}}", false, None),
            ("{{name", false, None),
            ("a-{{ .name }}", true, Some("a-dev")),
            (r#"{{index .metadata.labels "a.b/c"}}"#, true, Some("x")),
            ("{{.name | upper}}", true, None),
            ("{{name}}", true, None),
            ("plain", true, Some("plain")),
        ] {
            assert_eq!(fill(template, go, value).as_deref(), expected, "{template}");
        }
    }
}
