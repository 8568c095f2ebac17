//! Who owns a key of a cluster Secret (`managedFields`), and whether they would set it back.

use std::fmt;

use bridge_core::{change::KeyDiff, keys};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

/// A key that belongs to a manager who will set it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// `label`, `annotation` or `data`.
    pub kind: &'static str,
    /// The key.
    pub key: String,
    /// Field manager as the API server knows it.
    pub manager: String,
    /// Who reverts it and when.
    pub reverts: String,
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {} (field manager \"{}\")",
            self.kind, self.key, self.reverts, self.manager
        )
    }
}

/// What a look at `managedFields` found for the keys of a change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Keys that somebody would set back: refused unless forced.
    pub conflicts: Vec<Owned>,
    /// Lines for the person; nothing is refused for them.
    pub warnings: Vec<String>,
}

impl Look {
    /// The conflicts as warnings, for a write that is forced.
    pub fn forced(mut self) -> Vec<String> {
        let taken = self.conflicts.iter().map(|owned| format!("taking over {owned}"));
        self.warnings.splice(0..0, taken);
        self.warnings
    }
}

/// Looks up the owners of the keys that differ.
pub(crate) fn look(managers: &[ManagedFieldsEntry], diffs: &[KeyDiff]) -> Look {
    let mut found = Look::default();
    for diff in diffs {
        let mut others: Vec<(&str, bool)> = managers
            .iter()
            .filter(|entry| entry.subresource.as_deref().unwrap_or_default().is_empty())
            .filter(|entry| owns(entry, diff.kind, &diff.key))
            .map(|entry| {
                let applies = entry.operation.as_deref() == Some("Apply");
                (entry.manager.as_deref().unwrap_or_default(), applies)
            })
            .filter(|(manager, _)| *manager != keys::FIELD_MANAGER)
            .collect();
        others.sort_unstable();
        others.dedup();
        for (manager, applies) in others {
            match reverter(manager, applies) {
                Some(reverts) => found.conflicts.push(Owned {
                    kind: diff.kind,
                    key: diff.key.clone(),
                    manager: manager.to_owned(),
                    reverts,
                }),
                None => found.warnings.push(note_on(manager, diff)),
            }
        }
    }
    if let Some(warning) = terraform_warning(managers, diffs, &found.conflicts) {
        found.warnings.push(warning);
    }
    found
}

/// Whether an entry owns `metadata.labels`, `metadata.annotations` or `data` at `key`.
pub(crate) fn owns(entry: &ManagedFieldsEntry, kind: &str, key: &str) -> bool {
    fields(entry, kind).is_some_and(|fields| fields.get(format!("f:{key}")).is_some())
}

/// The keys of one kind that an entry owns.
pub(crate) fn owned_keys<'a>(entry: &'a ManagedFieldsEntry, kind: &str) -> impl Iterator<Item = &'a str> {
    fields(entry, kind)
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|fields| fields.keys())
        .filter_map(|field| field.strip_prefix("f:"))
}

fn fields<'a>(entry: &'a ManagedFieldsEntry, kind: &str) -> Option<&'a Value> {
    let all = &entry.fields_v1.as_ref()?.0;
    match kind {
        "label" => all.get("f:metadata")?.get("f:labels"),
        "annotation" => all.get("f:metadata")?.get("f:annotations"),
        _ => all.get("f:data"),
    }
}

/// Terraform's provider (seen live: hashicorp/kubernetes, `kubernetes_secret_v1`).
const TERRAFORM: &str = "HashiCorp";

/// Who would set a key back and when, for those known to do so.
fn reverter(manager: &str, applies: bool) -> Option<String> {
    let known = |word: &str| {
        manager == word
            || manager
                .strip_prefix(word)
                .is_some_and(|rest| rest.starts_with(['-', '.', '/', '_']))
    };
    let text = if manager == TERRAFORM || known("Terraform") || known("terraform") {
        "Terraform sets it back at its next apply"
    } else if known("pulumi") {
        "Pulumi sets it back at its next update"
    } else if known("external-secrets") {
        "External Secrets sets it back at the next refresh of its ExternalSecret"
    } else if known("argocd") {
        "Argo CD sets it back when it next syncs or rewrites this Secret (a sync, \"argocd cluster set\", its UI)"
    } else if manager.contains("crossplane") || known("upbound") {
        "Crossplane sets it back at its next reconcile, within minutes"
    } else if known("kro") {
        "kro sets it back at its next reconcile, within minutes"
    } else if known("kustomize-controller") || known("helm-controller") || known("flux") {
        "Flux sets it back at its next reconcile, within minutes"
    } else if applies {
        "whoever applies this Secret under that name sets it back at the next apply"
    } else {
        return None;
    };
    Some(text.to_owned())
}

fn note_on(manager: &str, diff: &KeyDiff) -> String {
    let KeyDiff { kind, key, .. } = diff;
    match manager {
        "kubectl-client-side-apply" => format!(
            "{kind} {key} comes from \"kubectl apply\": the next apply of that manifest sets it back unless the manifest changes too"
        ),
        _ if manager.starts_with("kubectl-") => format!(
            "{kind} {key} was last written with \"{}\"",
            manager.replacen('-', " ", 1)
        ),
        "" => format!("{kind} {key} was last written by somebody without a field manager"),
        _ => format!("{kind} {key} was last written by field manager \"{manager}\""),
    }
}

/// A Secret that Terraform manages loses keys that Terraform does not know, whoever owns them.
fn terraform_warning(
    managers: &[ManagedFieldsEntry],
    diffs: &[KeyDiff],
    conflicts: &[Owned],
) -> Option<String> {
    let terraform_is_one = managers
        .iter()
        .any(|entry| entry.manager.as_deref() == Some(TERRAFORM));
    let others: Vec<&str> = diffs
        .iter()
        .filter(|diff| diff.kind != "data" && diff.to.is_some())
        .filter(|diff| {
            !conflicts
                .iter()
                .any(|owned| owned.kind == diff.kind && owned.key == diff.key)
        })
        .map(|diff| diff.key.as_str())
        .collect();
    (terraform_is_one && !others.is_empty()).then(|| {
        format!(
            "Terraform manages this Secret: its next apply removes what its configuration does not name ({}), unless the \
             provider's ignore_labels and ignore_annotations match it. Do not take toggles out of the configuration \
             instead: that apply removes them, and their addons, at once. Hand the Secret over first (a removed block \
             with destroy = false, or terraform state rm)",
            others.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;
    use serde_json::json;

    fn entry(manager: &str, operation: &str, labels: &[&str]) -> ManagedFieldsEntry {
        let labels: serde_json::Map<String, Value> = labels
            .iter()
            .map(|label| (format!("f:{label}"), json!({})))
            .collect();
        ManagedFieldsEntry {
            manager: Some(manager.into()),
            operation: Some(operation.into()),
            fields_v1: Some(FieldsV1(json!({ "f:metadata": { "f:labels": labels } }))),
            ..Default::default()
        }
    }

    fn diff(key: &str) -> KeyDiff {
        KeyDiff {
            kind: "label",
            key: key.into(),
            from: None,
            to: Some("true".into()),
        }
    }

    #[test]
    fn reconcilers_and_appliers_are_in_the_way() {
        for (manager, operation, refused) in [
            ("HashiCorp", "Update", true),
            ("pulumi-kubernetes-1234", "Update", true),
            ("external-secrets", "Update", true),
            ("argocd-server", "Update", true),
            ("apiextensions.crossplane.io/composed/ab", "Apply", true),
            ("kro.run/applyset", "Apply", true),
            ("kro-controller", "Update", true),
            ("kronos", "Update", false),
            ("kubectl", "Apply", true),
            ("my-operator", "Apply", true),
            ("my-operator", "Update", false),
            ("kubectl-label", "Update", false),
            ("kubectl-client-side-apply", "Update", false),
        ] {
            let look = look(&[entry(manager, operation, &["enable_x"])], &[diff("enable_x")]);
            assert_eq!(
                look.conflicts.len(),
                usize::from(refused),
                "{manager} {operation}"
            );
            assert_eq!(
                look.warnings.len(),
                usize::from(!refused),
                "{manager} {operation}"
            );
        }
    }

    #[test]
    fn our_own_entries_are_not_foreign() {
        let ours = [
            entry("kubectl-bridge", "Update", &["enable_x"]),
            entry("kubectl-bridge", "Apply", &["enable_x"]),
        ];
        assert_eq!(look(&ours, &[diff("enable_x")]), Look::default());
    }

    #[test]
    fn other_keys_of_a_manager_do_not_matter() {
        let look = look(
            &[entry("argocd-server", "Update", &["enable_x"])],
            &[diff("enable_y")],
        );
        assert_eq!(look, Look::default());
    }

    #[test]
    fn terraform_is_warned_about_even_for_a_new_key() {
        let managers = [entry("HashiCorp", "Update", &["enable_x"])];
        let new = look(&managers, &[diff("enable_y")]);
        assert!(new.conflicts.is_empty());
        assert!(new.warnings[0].contains("enable_y") && new.warnings[0].contains("ignore_labels"));
        let named = look(&managers, &[diff("enable_x")]);
        assert!(
            named.conflicts[0]
                .to_string()
                .contains("Terraform sets it back at its next apply")
        );
        assert!(named.warnings.is_empty());
    }
}
