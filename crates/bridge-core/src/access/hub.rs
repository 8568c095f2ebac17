//! As whom Argo CD of a hub comes to its spokes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::observed::{Capability, PodIdentity};

/// The `ServiceAccount`s of Argo CD that talk to spokes or list them.
pub const SERVICE_ACCOUNTS: [&str; 3] = [
    "argocd-application-controller",
    "argocd-applicationset-controller",
    "argocd-server",
];

/// Annotation by which a ServiceAccount gets a role through the cluster's OIDC provider (IRSA).
pub const IRSA: &str = "eks.amazonaws.com/role-arn";

/// The hub in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HubIdentity {
    /// ARN of its EKS cluster: whose mark is on what is made.
    pub arn: String,
    /// Role that Argo CD there works with.
    pub role: String,
    /// How it got that role.
    pub kind: IdentityKind,
}

/// How Argo CD got its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityKind {
    /// Pod identity associations: sessions carry tags, so who assumes another role tags that session too.
    PodIdentity,
    /// The annotation of its `ServiceAccount`s.
    Irsa,
    /// It is an EKS capability.
    Capability,
}

impl IdentityKind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::PodIdentity => "by pod identity",
            Self::Irsa => "by IRSA",
            Self::Capability => "of the EKS capability",
        }
    }
}

/// Why the role of Argo CD on the hub cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubRoleError {
    /// No role at all.
    #[error(
        "Argo CD in namespace {namespace} of hub \"{hub}\" has no AWS role: neither do pod identity associations name its \
         ServiceAccounts ({accounts}), nor do these carry annotation {IRSA}{unread}; give them one, or say --skip-access to write \
         the Secret only",
        accounts = SERVICE_ACCOUNTS.join(", ")
    )]
    None {
        /// EKS name of the hub.
        hub: String,
        /// Namespace of Argo CD.
        namespace: String,
        /// What could not be looked at.
        unread: &'static str,
    },
    /// Several roles.
    #[error(
        "the ServiceAccounts of Argo CD in namespace {namespace} of hub \"{hub}\" have different AWS roles ({roles}): one spoke \
         would admit some of them only; give all three the same role"
    )]
    Different {
        /// EKS name of the hub.
        hub: String,
        /// Namespace of Argo CD.
        namespace: String,
        /// Account and role of each.
        roles: String,
    },
}

/// What was found of the role of Argo CD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRole {
    /// The role.
    pub role: String,
    /// How it got it.
    pub kind: IdentityKind,
    /// Those of [`SERVICE_ACCOUNTS`] without any role.
    pub without: Vec<&'static str>,
}

/// The capability that is Argo CD, if the cluster has one.
pub fn argo_cd_capability(capabilities: &[Capability]) -> Option<&Capability> {
    capabilities
        .iter()
        .find(|capability| capability.kind == "ARGOCD" && capability.status != "DELETING")
}

/// The role of a self-managed Argo CD, from the associations of its namespace and from the annotations of its
/// service accounts (`None`: they could not be looked at). A pod identity association wins over the annotation.
pub fn hub_role(
    hub: &str,
    namespace: &str,
    associations: &[PodIdentity],
    annotations: Option<&BTreeMap<String, String>>,
) -> Result<HubRole, HubRoleError> {
    let mut found: Vec<(&str, &str, IdentityKind)> = Vec::new();
    let mut without = Vec::new();
    for account in SERVICE_ACCOUNTS {
        let associated = associations
            .iter()
            .find(|one| one.namespace == namespace && one.service_account == account)
            .map(|one| (one.effective_role(), IdentityKind::PodIdentity));
        let annotated = || {
            annotations
                .and_then(|all| all.get(account))
                .filter(|role| !role.is_empty())
                .map(|role| (role.as_str(), IdentityKind::Irsa))
        };
        match associated.or_else(annotated) {
            Some((role, kind)) => found.push((account, role, kind)),
            None => without.push(account),
        }
    }
    let Some((_, role, kind)) = found.first().copied() else {
        return Err(HubRoleError::None {
            hub: hub.to_owned(),
            namespace: namespace.to_owned(),
            unread: if annotations.is_some() {
                ""
            } else {
                " as far as can be told without a look at the hub"
            },
        });
    };
    if found.iter().any(|(_, other, _)| *other != role) {
        return Err(HubRoleError::Different {
            hub: hub.to_owned(),
            namespace: namespace.to_owned(),
            roles: found
                .iter()
                .map(|(account, role, _)| format!("{account}: {role}"))
                .collect::<Vec<_>>()
                .join(", "),
        });
    }
    // With pod identity on any of them a session may carry tags.
    let kind = if found.iter().any(|(.., kind)| *kind == IdentityKind::PodIdentity) {
        IdentityKind::PodIdentity
    } else {
        kind
    };
    Ok(HubRole {
        role: role.to_owned(),
        kind,
        without,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/hub";

    fn associated(account: &str, role: &str) -> PodIdentity {
        PodIdentity {
            namespace: "argocd".into(),
            service_account: account.into(),
            role_arn: role.into(),
            ..PodIdentity::default()
        }
    }

    #[test]
    fn pod_identity_before_irsa_and_gaps_are_told() {
        let pods = [
            associated("argocd-server", ROLE),
            associated("argocd-application-controller", ROLE),
            associated("other", "arn:aws:iam::111122223333:role/other"),
        ];
        let irsa = BTreeMap::from([("argocd-server".to_owned(), "arn:x".to_owned())]);
        let found = hub_role("hub", "argocd", &pods, Some(&irsa)).unwrap();
        assert_eq!(
            (found.role.as_str(), found.kind),
            (ROLE, IdentityKind::PodIdentity)
        );
        assert_eq!(found.without, ["argocd-applicationset-controller"]);
        let irsa: BTreeMap<_, _> = SERVICE_ACCOUNTS
            .iter()
            .map(|account| ((*account).to_owned(), ROLE.to_owned()))
            .collect();
        let found = hub_role("hub", "argocd", &[], Some(&irsa)).unwrap();
        assert_eq!((found.kind, found.without.len()), (IdentityKind::Irsa, 0));
    }

    #[test]
    fn a_target_role_is_what_counts() {
        let mut pod = associated("argocd-server", ROLE);
        pod.target_role_arn = Some("arn:aws:iam::444455556666:role/there".into());
        let found = hub_role("hub", "argocd", &[pod], None).unwrap();
        assert_eq!(found.role, "arn:aws:iam::444455556666:role/there");
    }

    #[test]
    fn none_and_different_are_errors() {
        let none = hub_role("hub", "argocd", &[], None).unwrap_err().to_string();
        assert!(
            none.contains("as far as can be told") && none.contains("--skip-access"),
            "{none}"
        );
        let pods = [
            associated("argocd-server", ROLE),
            associated(
                "argocd-application-controller",
                "arn:aws:iam::111122223333:role/b",
            ),
        ];
        let different = hub_role("hub", "argocd", &pods, None).unwrap_err().to_string();
        assert!(
            different.contains("argocd-server: arn:aws:iam::111122223333:role/hub"),
            "{different}"
        );
    }

    #[test]
    fn the_capability_that_counts() {
        let capability = |kind: &str, status: &str| Capability {
            kind: kind.into(),
            status: status.into(),
            ..Capability::default()
        };
        let all = [capability("ACK", "ACTIVE"), capability("ARGOCD", "DEGRADED")];
        assert_eq!(argo_cd_capability(&all).unwrap().status, "DEGRADED");
        assert!(argo_cd_capability(&[capability("ARGOCD", "DELETING")]).is_none());
    }
}
