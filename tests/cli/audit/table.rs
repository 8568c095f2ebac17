//! The README's table of what each command needs on the hub.

use std::collections::{BTreeMap, BTreeSet};

/// A verb on a resource, in Argo CD's namespace or in the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    pub everywhere: bool,
    pub resource: String,
    pub verb: String,
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.everywhere { "everywhere" } else { "there" };
        write!(f, "{} {} {place}", self.verb, self.resource)
    }
}

const HEADER: &str = "| command | in Argo CD's namespace | in all namespaces |";

/// The rows by their first cell, without code marks.
pub fn rows() -> BTreeMap<String, BTreeSet<Right>> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let (_, table) = readme.split_once(HEADER).unwrap();
    table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 3, "{line}");
            let (command, there, everywhere) = (cells[0], cells[1], cells[2]);
            let rights = rights(there, false).chain(rights(everywhere, true)).collect();
            (command.replace('`', ""), rights)
        })
        .collect()
}

/// `` `get`, `list` secrets, configmaps; `create` secrets ``
fn rights(cell: &str, everywhere: bool) -> impl Iterator<Item = Right> {
    let parts = cell.split(';').filter(|part| part.contains('`'));
    parts.flat_map(move |part| {
        let pieces: Vec<&str> = part.split('`').collect();
        let verbs: Vec<&str> = pieces.iter().skip(1).step_by(2).copied().collect();
        let resources = pieces.last().copied().unwrap_or_default();
        let mut rights = Vec::new();
        for resource in resources.split(',').map(str::trim) {
            assert!(!resource.is_empty(), "verbs of nothing: {part}");
            for verb in &verbs {
                rights.push(Right {
                    everywhere,
                    resource: resource.to_owned(),
                    verb: (*verb).to_owned(),
                });
            }
        }
        rights
    })
}

/// A `Role` and a `ClusterRole` of these rights, bound to an account.
pub fn grant(rights: &BTreeSet<Right>, namespace: &str, account: &str) -> String {
    let one = |everywhere: bool| {
        let (kind, name) = if everywhere {
            ("ClusterRole", format!("{account}-{namespace}"))
        } else {
            ("Role", account.to_owned())
        };
        let rules: Vec<String> = rights
            .iter()
            .filter(|right| right.everywhere == everywhere)
            .map(|right| {
                let (resource, group) = right.resource.split_once('.').unwrap_or((&right.resource, ""));
                format!(
                    "{{apiGroups: ['{group}'], resources: ['{resource}'], verbs: ['{}']}}",
                    right.verb
                )
            })
            .collect();
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nrules: [{}]\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}Binding\nmetadata: {{name: {name}}}\nroleRef: {{apiGroup: \
             rbac.authorization.k8s.io, kind: {kind}, name: {name}}}\nsubjects: [{{kind: ServiceAccount, name: {account}, \
             namespace: {namespace}}}]\n",
            rules.join(", ")
        )
    };
    [one(false), one(true)].concat()
}
