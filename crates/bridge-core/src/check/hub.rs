//! The hub by itself: what its own objects tell, without AWS.

use super::{Look, names, secrets};
use crate::{
    applicationset::ApplicationSet,
    defaults::Defaults,
    finding::{Check, Finding, or_ok},
    secret::ClusterSecret,
};

const DRAINS: Check = Check::new("KB110", "no cluster is left half unregistered");
const VERSION: Check = Check::new("KB111", "Argo CD is one that this tool was tested with");
const SETS: Check = Check::new("KB112", "no ApplicationSet is in error");
const PLUGIN: Check = Check::new("KB113", "no plugin generator on a managed hub");
const DEFAULTS: Check = Check::new("KB114", "the team's defaults can be read");

/// Oldest minor release of Argo CD that the tests run on.
pub const TESTED_ARGO_CD: (u32, u32) = (3, 6);

/// What was seen of a hub. `Absent`: a folder, where there is no such thing to see.
#[derive(Debug)]
pub struct HubLook<'a> {
    /// Argo CD's namespace.
    pub namespace: &'a str,
    /// All cluster Secrets.
    pub clusters: &'a [ClusterSecret],
    /// All ApplicationSets.
    pub sets: Look<Vec<ApplicationSet>>,
    /// Notes of unfinished runs.
    pub notes: Look<Vec<Note>>,
    /// Images of Argo CD's own containers in its namespace.
    pub images: Look<Vec<String>>,
    /// The team's defaults; `Absent` also where there are none.
    pub defaults: Look<Defaults>,
}

/// The note of an unfinished run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// Name of its Secret.
    pub secret: String,
    /// What runs: `drain`, …
    pub kind: String,
    /// Name of the cluster; empty where the note cannot be read.
    pub cluster: String,
    /// When it began.
    pub started: String,
}

/// Whether Argo CD is the EKS capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Managed {
    Yes,
    No,
    /// It cannot be told.
    Unknown,
}

impl HubLook<'_> {
    /// A managed hub runs no Argo CD of its own in the namespace, and knows clusters by their ARNs only.
    pub(super) fn managed(&self) -> Managed {
        if self.images.seen().is_some_and(|images| !images.is_empty()) {
            return Managed::No;
        }
        let capability = self
            .defaults
            .seen()
            .is_some_and(|defaults| defaults.access.as_deref() == Some("capability"));
        let arns = self
            .clusters
            .iter()
            .filter(|secret| secret.cluster.server.starts_with("arn:"))
            .count();
        if capability || (arns > 0 && arns == self.clusters.len()) {
            Managed::Yes
        } else {
            Managed::Unknown
        }
    }

    pub(super) fn object(&self, secret: &ClusterSecret) -> String {
        format!("Secret {}/{}", self.namespace, secret.cluster.secret_name)
    }
}

/// All findings about the hub and its Secrets. Those about one cluster name it.
pub fn hub(look: &HubLook<'_>) -> Vec<Finding> {
    let mut findings = secrets::secrets(look);
    findings.extend(names::names(look));
    findings.extend(drains(look));
    findings.extend(version(look));
    findings.extend(sets(look));
    findings.extend(plugin(look));
    match &look.defaults {
        Look::Absent => {}
        Look::Seen(_) => findings.push(DEFAULTS.ok()),
        Look::Unknown(reason) => findings.push(DEFAULTS.failure(
            reason.clone(),
            "set it right with \"kubectl bridge init\", or edit the ConfigMap",
        )),
    }
    findings
}

fn drains(look: &HubLook<'_>) -> Vec<Finding> {
    let notes = match &look.notes {
        Look::Unknown(reason) => return vec![DRAINS.unknown(reason.clone())],
        Look::Seen(notes) => notes.as_slice(),
        Look::Absent => &[],
    };
    let mut found = Vec::new();
    for note in notes {
        let object = format!("Secret {}/{}", look.namespace, note.secret);
        if note.cluster.is_empty() {
            let cause = "the note of an unfinished run cannot be read";
            found.push(
                DRAINS
                    .warning(cause, "delete it once you know what it was about")
                    .on(object),
            );
            continue;
        }
        let there = look
            .clusters
            .iter()
            .any(|secret| secret.cluster.name == note.cluster);
        let state = if there {
            ""
        } else {
            ", and its Secret is gone already"
        };
        found.push(
            DRAINS
                .warning(
                    format!(
                        "a {} of \"{}\" that began {} has not ended{state}",
                        note.kind, note.cluster, note.started
                    ),
                    format!(
                        "if nobody is at it, go on with \"kubectl bridge unregister {} --drain\"",
                        note.cluster
                    ),
                )
                .on(object)
                .of(&note.cluster),
        );
    }
    for secret in look.clusters.iter().filter(|secret| secret.cluster.is_draining()) {
        let name = &secret.cluster.name;
        if notes.iter().any(|note| note.cluster == *name) {
            continue;
        }
        found.push(
            DRAINS
                .warning(
                    "it has label kubectl-bridge/drain=true, so it is left out of every answer of the service, and no unregister runs",
                    format!(
                        "go on with \"kubectl bridge unregister {name} --drain\", or take it back with \"kubectl bridge label {name} \
                         kubectl-bridge/drain-\""
                    ),
                )
                .on(look.object(secret))
                .of(name),
        );
    }
    or_ok(DRAINS, found)
}

fn version(look: &HubLook<'_>) -> Vec<Finding> {
    let images = match &look.images {
        Look::Absent => return Vec::new(),
        Look::Unknown(reason) => return vec![VERSION.unknown(reason.clone())],
        Look::Seen(images) => images,
    };
    if images.is_empty() {
        let reason = format!("no Argo CD runs in namespace {}", look.namespace);
        return vec![VERSION.unknown(reason)];
    }
    let (major, minor) = TESTED_ARGO_CD;
    let mut found = Vec::new();
    let mut known = false;
    for image in images {
        let Some(version) = release(image) else { continue };
        known = true;
        if version < TESTED_ARGO_CD {
            found.push(
                VERSION
                    .warning(
                        format!(
                            "{image} is older than {major}.{minor}, the oldest release that the tests run on"
                        ),
                        format!("upgrade to {major}.{minor} or later, or try first with --dry-run"),
                    )
                    .on(image.clone()),
            );
        }
    }
    if known {
        return or_ok(VERSION, found);
    }
    let reason = format!("the image {} does not tell its release", images.join(", "));
    vec![VERSION.unknown(reason)]
}

/// Major and minor of an image tag: `quay.io/argoproj/argocd:v3.6.1@sha256:…`.
fn release(image: &str) -> Option<(u32, u32)> {
    let image = image.split('@').next()?;
    let (_, tag) = image.rsplit('/').next()?.split_once(':')?;
    let mut parts = tag.trim_start_matches('v').split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn sets(look: &HubLook<'_>) -> Vec<Finding> {
    match &look.sets {
        Look::Absent => Vec::new(),
        Look::Unknown(reason) => vec![SETS.unknown(reason.clone())],
        Look::Seen(sets) => or_ok(
            SETS,
            sets.iter()
                .filter_map(|set| {
                    let error = set.error()?;
                    let cause = format!("{}: {}", error.reason, error.message);
                    Some(
                        SETS.failure(
                            cause,
                            "until it is mended, it may neither make nor take away any Application",
                        )
                        .on(format!("ApplicationSet {}/{}", set.namespace, set.name)),
                    )
                })
                .collect(),
        ),
    }
}

fn plugin(look: &HubLook<'_>) -> Vec<Finding> {
    let Some(sets) = look.sets.seen().filter(|_| look.managed() == Managed::Yes) else {
        return Vec::new();
    };
    or_ok(
        PLUGIN,
        sets.iter()
            .filter(|set| !set.plugin_inputs(None).is_empty())
            .map(|set| {
                PLUGIN
                    .warning(
                        "it has a plugin generator, which Argo CD as an EKS capability is reported not to run",
                        "use the ApplicationSets on the clusters generator instead (plugin-manifests/overlays)",
                    )
                    .on(format!("ApplicationSet {}/{}", set.namespace, set.name))
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_images() {
        for (image, version) in [
            ("quay.io/argoproj/argocd:v3.6.1", Some((3, 6))),
            ("localhost:5000/argocd:v2.14.0-rc1@sha256:ab", Some((2, 14))),
            ("argocd:3.10", Some((3, 10))),
            ("localhost:5000/argocd", None),
            ("argocd@sha256:ab", None),
            ("argocd:latest", None),
        ] {
            assert_eq!(release(image), version, "{image}");
        }
    }
}
