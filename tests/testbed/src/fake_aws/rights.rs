//! What the policies of a role allow.

use serde_json::Value;

use super::policy;
use super::role::Role;
use super::world::World;

/// What the policies of a role say to an action on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// None of them allows it.
    No,
    /// One of them denies it.
    Denied,
    Allowed,
}

/// A policy of a role.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// Its name or ARN.
    pub(super) name: &'a str,
    /// Its document; `None` for one of AWS's own that allows everything.
    document: Option<&'a Value>,
}

impl Source<'_> {
    /// Whether it has a statement of this effect on the action and the resource.
    pub(super) fn hits(&self, effect: &str, action: &str, resource: &str) -> bool {
        match self.document {
            None => effect == "Allow",
            Some(document) => policy::hits(document, effect, action, resource),
        }
    }
}

impl World {
    /// The policies of a role whose documents are known here: its inline ones, those that its account made, and
    /// `AdministratorAccess`.
    pub(super) fn sources<'a>(&'a self, role: &'a Role) -> Vec<Source<'a>> {
        let inline = role.spec.inline.iter().map(|(name, document)| Source {
            name,
            document: Some(document),
        });
        let attached = role.spec.attached.iter().filter_map(|arn| {
            let is_admin = arn.ends_with(":aws:policy/AdministratorAccess");
            let document = self.policy(arn).map(|policy| &policy.document);
            (is_admin || document.is_some()).then_some(Source { name: arn, document })
        });
        inline.chain(attached).collect()
    }

    /// What the policies of a role say. Its permissions boundary, where its document is known here, has to allow it as well.
    pub(super) fn right(&self, role: &Role, action: &str, resource: &str) -> Right {
        let sources = self.sources(role);
        let boundary = role
            .spec
            .boundary
            .as_deref()
            .and_then(|arn| self.policy(arn))
            .map(|policy| &policy.document);
        let hit = |effect: &str| sources.iter().any(|source| source.hits(effect, action, resource));
        let bounded =
            |effect: &str| boundary.is_some_and(|document| policy::hits(document, effect, action, resource));
        if hit("Deny") || bounded("Deny") {
            Right::Denied
        } else if hit("Allow") && (boundary.is_none() || bounded("Allow")) {
            Right::Allowed
        } else {
            Right::No
        }
    }
}
