//! What the templates of an ApplicationSet read of a cluster.

use serde_json::Value;

use super::{generator::Generator, generator::Kind, go_template, placeholder};
use crate::request::Keys;

/// What the templates of an ApplicationSet read of each cluster that it is given. Whatever is not understood precisely
/// counts as a read of everything: too much costs a reconcile, too little leaves Applications stale.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Labels.
    pub labels: Keys,
    /// Annotations.
    pub annotations: Keys,
    /// `server`.
    pub server: bool,
    /// `project`.
    pub project: bool,
}

impl Reads {
    /// What the template, the template patch and the generators of this `spec` read.
    pub(super) fn of<'g>(spec: &Value, generators: impl Iterator<Item = &'g Generator>, go: bool) -> Self {
        let mut reads = Self::default();
        for part in ["template", "templatePatch", "generators"] {
            reads.scan(spec.get(part).unwrap_or(&Value::Null), go);
        }
        for generator in generators {
            generator.each(&mut |generator| reads.parameters_of(generator));
        }
        reads
    }

    /// Parameters that a generator names without a template.
    fn parameters_of(&mut self, generator: &Generator) {
        for requirement in &generator.filter {
            if requirement.key.contains("{{") {
                // Which parameter that names only the generator knows that fills it in.
                self.everything();
            }
            self.parameter(&requirement.key);
        }
        if let Kind::Merge { keys, .. } = &generator.kind {
            for key in keys {
                self.parameter(key);
            }
        }
    }

    /// Every string in it is a template: keys too, and in generators the `values` and whatever a matrix fills in.
    fn scan(&mut self, value: &Value, go: bool) {
        match value {
            Value::String(text) => self.template(text, go),
            Value::Array(array) => array.iter().for_each(|value| self.scan(value, go)),
            Value::Object(object) => {
                for (key, value) in object {
                    self.template(key, go);
                    self.scan(value, go);
                }
            }
            _ => {}
        }
    }

    fn template(&mut self, text: &str, go: bool) {
        if !text.contains("{{") {
            return;
        }
        if go {
            if go_template::scan(text, self).is_err() {
                self.everything();
            }
        } else {
            for tag in placeholder::tags(text) {
                self.parameter(tag);
            }
        }
    }

    /// A parameter by its flattened name. A name that the fleet does not give is none of its keys.
    pub(super) fn parameter(&mut self, name: &str) {
        let whole = |name: &str| matches!(name, "clusters" | "metadata") || name.starts_with("clusters.");
        if let Some(key) = name.strip_prefix("metadata.labels.") {
            self.labels.add(key);
        } else if let Some(key) = name.strip_prefix("metadata.annotations.") {
            self.annotations.add(key);
        } else if name == "metadata.labels" {
            self.labels = Keys::All;
        } else if name == "metadata.annotations" {
            self.annotations = Keys::All;
        } else if whole(name) {
            self.everything();
        } else if name == "server" {
            self.server = true;
        } else if name == "project" {
            self.project = true;
        }
    }

    pub(super) fn everything(&mut self) {
        *self = Self {
            labels: Keys::All,
            annotations: Keys::All,
            server: true,
            project: true,
        };
    }
}
