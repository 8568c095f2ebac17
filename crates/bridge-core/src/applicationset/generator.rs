//! The generators of an ApplicationSet, as a tree (Argo CD `applicationset_types.go`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::doubt::Doubt;
use crate::{
    request::{Fields, Request},
    selector::{Operator, Requirement, Selector},
};

/// One generator with its post-filter.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    pub kind: Kind,
    /// `selector` beside the generator: conditions on the flattened parameters. Empty lets all pass.
    pub filter: Vec<Requirement>,
    /// The selector of clusters as it is written, which may be a template.
    pub selector: Value,
}

/// What a generator is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Clusters(Result<Source, Doubt>),
    Plugin {
        config_map: String,
        /// `input.parameters`, as they stand.
        parameters: Map<String, Value>,
        source: Result<Source, Doubt>,
    },
    /// At least two children; the first is the base.
    Merge {
        keys: Vec<String>,
        children: Vec<Generator>,
    },
    /// Exactly two children.
    Matrix(Vec<Generator>),
    /// Its elements, flattened with dots.
    List(Vec<BTreeMap<String, String>>),
    /// One that knows nothing of the fleet, by its name.
    Other(&'static str),
    /// One that Argo CD refuses.
    Invalid(&'static str),
}

/// Clusters as parameters: a `clusters` generator, or a plugin generator that asks for the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    pub selector: Selector,
    /// One parameter set `{clusters: […]}` in place of one for each cluster.
    pub flat_list: bool,
    /// Only these parameters.
    pub fields: Option<Fields>,
    /// `values` beside them, as templates.
    pub values: BTreeMap<String, String>,
    /// Whether `bridge-generator` gives them: it leaves out clusters being drained, and our own keys.
    pub served: bool,
}

const OTHERS: [&str; 5] = [
    "git",
    "scmProvider",
    "pullRequest",
    "clusterDecisionResource",
    "oci",
];

/// Reads one entry of `generators`. Argo CD takes every kind that is set at the top level, but only one when nested.
pub(super) fn parse_entry(entry: &Value) -> Vec<Generator> {
    let Some(filter) = filter(entry.get("selector").unwrap_or(&Value::Null)) else {
        return vec![invalid("a generator selector cannot be read")];
    };
    kinds(entry)
        .into_iter()
        .map(|kind| Generator {
            kind,
            filter: filter.clone(),
            selector: ["/clusters/selector", "/plugin/input/parameters/selector"]
                .into_iter()
                .find_map(|pointer| entry.pointer(pointer).cloned())
                .unwrap_or_default(),
        })
        .collect()
}

fn nested(entry: &Value) -> Generator {
    let mut all = parse_entry(entry);
    match all.pop() {
        Some(one) if all.is_empty() => one,
        Some(_) => invalid("a nested generator holds more than one kind"),
        None => invalid("a nested generator is of no known kind"),
    }
}

fn invalid(why: &'static str) -> Generator {
    Generator {
        kind: Kind::Invalid(why),
        filter: Vec::new(),
        selector: Value::Null,
    }
}

fn kinds(entry: &Value) -> Vec<Kind> {
    let part = |name: &str| entry.get(name).filter(|part| !part.is_null());
    let mut all = Vec::new();
    all.extend(part("list").map(list));
    all.extend(part("clusters").map(|part| Kind::Clusters(clusters(part))));
    all.extend(
        OTHERS
            .into_iter()
            .filter(|name| part(name).is_some())
            .map(Kind::Other),
    );
    all.extend(part("matrix").map(matrix));
    all.extend(part("merge").map(merge));
    all.extend(part("plugin").map(plugin));
    all
}

fn children(part: &Value) -> Vec<Generator> {
    part.get("generators")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(nested)
        .collect()
}

fn matrix(part: &Value) -> Kind {
    let children = children(part);
    if children.len() == 2 {
        Kind::Matrix(children)
    } else {
        Kind::Invalid("a matrix takes two generators")
    }
}

fn merge(part: &Value) -> Kind {
    let keys: Vec<String> = part
        .get("mergeKeys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let children = children(part);
    if children.len() < 2 {
        Kind::Invalid("a merge takes two generators or more")
    } else if keys.is_empty() {
        Kind::Invalid("a merge needs mergeKeys")
    } else {
        Kind::Merge { keys, children }
    }
}

fn list(part: &Value) -> Kind {
    if part
        .get("elementsYaml")
        .and_then(Value::as_str)
        .is_some_and(|text| !text.is_empty())
    {
        return Kind::Other("list (elementsYaml)");
    }
    let elements = part.get("elements").and_then(Value::as_array);
    Kind::List(
        elements
            .into_iter()
            .flatten()
            .map(|element| {
                let mut flat = BTreeMap::new();
                flatten(element, String::new(), &mut flat);
                flat
            })
            .collect(),
    )
}

fn flatten(value: &Value, path: String, into: &mut BTreeMap<String, String>) {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(k, v)| flatten(v, below(k), into)),
        Value::Array(array) => array
            .iter()
            .enumerate()
            .for_each(|(i, v)| flatten(v, below(&i.to_string()), into)),
        Value::String(text) => {
            into.insert(path, text.clone());
        }
        other => {
            into.insert(path, other.to_string());
        }
    }
}

fn values(part: &Value) -> BTreeMap<String, String> {
    part.get("values")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn clusters(part: &Value) -> Result<Source, Doubt> {
    let selector = part.get("selector").unwrap_or(&Value::Null);
    if holds_template(selector) {
        return Err(Doubt::Templated);
    }
    Ok(Source {
        selector: Selector::from_json(selector).map_err(|_| Doubt::Selector)?,
        flat_list: part.get("flatList").and_then(Value::as_bool).unwrap_or_default(),
        values: values(part),
        ..Source::default()
    })
}

fn plugin(part: &Value) -> Kind {
    let parameters = part
        .pointer("/input/parameters")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let config_map = part
        .pointer("/configMapRef/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Kind::Plugin {
        config_map: config_map.to_owned(),
        source: served(&parameters, part),
        parameters,
    }
}

fn served(parameters: &Map<String, Value>, part: &Value) -> Result<Source, Doubt> {
    if parameters.values().any(holds_template) {
        return Err(Doubt::Templated);
    }
    let request = Request::parse(parameters).map_err(|_| Doubt::Input)?;
    Ok(Source {
        selector: request.selector,
        flat_list: request.flat_list,
        fields: request.fields,
        values: values(part),
        served: true,
    })
}

/// Whether a template begins anywhere in it, in keys as in values.
pub(super) fn holds_template(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(array) => array.iter().any(holds_template),
        Value::Object(object) => object
            .iter()
            .any(|(key, value)| key.contains("{{") || holds_template(value)),
        _ => false,
    }
}

/// A post-filter. Argo CD reads it without the limits on label values, so that a URL can be matched
/// (`applicationset/utils/selector.go`). `None`: not readable.
fn filter(selector: &Value) -> Option<Vec<Requirement>> {
    let mut all = Vec::new();
    let mut push = |key: &str, operator| {
        all.push(Requirement {
            key: key.to_owned(),
            operator,
        });
    };
    if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
        for (key, value) in labels {
            push(key, Operator::In(vec![value.as_str()?.to_owned()]));
        }
    }
    if let Some(expressions) = selector.get("matchExpressions").and_then(Value::as_array) {
        for expression in expressions {
            let values = expression
                .get("values")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|value| value.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()?;
            let operator = match expression.get("operator")?.as_str()? {
                "In" => Operator::In(values),
                "NotIn" => Operator::NotIn(values),
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return None,
            };
            push(expression.get("key")?.as_str()?, operator);
        }
    }
    Some(all)
}

impl Requirement {
    /// Whether a generator further out in a matrix fills it in.
    pub(super) fn is_template(&self) -> bool {
        let values = match &self.operator {
            Operator::In(values) | Operator::NotIn(values) => values.as_slice(),
            Operator::Exists | Operator::DoesNotExist => &[],
        };
        values.iter().chain([&self.key]).any(|text| text.contains("{{"))
    }
}

impl Generator {
    /// Whether any generator here or below satisfies `test`.
    pub fn any(&self, test: &impl Fn(&Self) -> bool) -> bool {
        test(self) || self.children().iter().any(|child| child.any(test))
    }

    /// Generators directly below.
    pub fn children(&self) -> &[Self] {
        match &self.kind {
            Kind::Merge { children, .. } | Kind::Matrix(children) => children,
            _ => &[],
        }
    }

    /// Whether what it yields depends on the clusters of the hub. A plugin that is asked something else than clusters is
    /// somebody else's.
    pub fn reads_fleet(&self) -> bool {
        self.any(&|generator| {
            generator
                .source()
                .is_some_and(|source| !matches!(source, Err(Doubt::Input)))
        })
    }

    /// Whether this very generator has a selector that another one fills in, which may look at this label.
    pub fn may_select_by(&self, label: &str) -> bool {
        let is = |key: &str| key == label || key.contains("{{");
        let expression = |one: &Value| one.get("key").and_then(Value::as_str).is_none_or(is);
        matches!(self.source(), Some(Err(Doubt::Templated)))
            && match (
                self.selector.get("matchLabels"),
                self.selector.get("matchExpressions"),
            ) {
                (None, None) => true,
                (labels, expressions) => {
                    let labels = labels.and_then(Value::as_object).into_iter().flatten();
                    let expressions = expressions.and_then(Value::as_array).into_iter().flatten();
                    labels.into_iter().any(|(key, _)| is(key)) || expressions.into_iter().any(expression)
                }
            }
    }

    /// Whether a plugin generator with this ConfigMap is here or below.
    pub fn uses_plugin(&self, name: &str) -> bool {
        self.any(
            &|generator| matches!(&generator.kind, Kind::Plugin { config_map, .. } if config_map == name),
        )
    }

    /// The clusters that this very generator yields, where it yields clusters.
    pub fn source(&self) -> Option<&Result<Source, Doubt>> {
        match &self.kind {
            Kind::Clusters(source) | Kind::Plugin { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Calls `visit` for this generator and each below, in order.
    pub fn each<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        for child in self.children() {
            child.each(visit);
        }
    }
}
