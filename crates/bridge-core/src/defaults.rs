//! Defaults of a team: what `init` writes into ConfigMap [`CONFIG_MAP`] on the hub, so that `register dev` needs one word.
//!
//! ```
//! # use std::collections::BTreeMap;
//! use bridge_core::defaults::{Defaults, Values};
//! let data = BTreeMap::from([("aws-cluster-name".to_owned(), "spoke-{name}".to_owned())]);
//! let defaults = Defaults::from_data(&data).unwrap();
//! let values = Values { name: Some("dev".into()), ..Values::default() };
//! assert_eq!(defaults.aws_cluster_name.unwrap().fill(&values).unwrap(), "spoke-dev");
//! ```
//! `bridge_kube::Hub::defaults` reads it; a flag wins over it, and it wins over what a command takes by itself.

mod pattern;

use std::collections::BTreeMap;

pub use pattern::{Pattern, PatternError, Unfilled, Values};

use crate::{facts::EksArn, secret::comma_list, selector::Map, suggest};

/// Name of the ConfigMap, in Argo CD's namespace; in a folder hub the file `kubectl-bridge-defaults.yaml`.
pub const CONFIG_MAP: &str = "kubectl-bridge-defaults";

/// Metadata of the pattern that tells where addons and workloads come from: keys of the ConfigMap and, unchanged, annotations of
/// every cluster that is registered.
pub const REPOSITORY_KEYS: [&str; 8] = [
    "addons_repo_url",
    "addons_repo_basepath",
    "addons_repo_path",
    "addons_repo_revision",
    "workload_repo_url",
    "workload_repo_basepath",
    "workload_repo_path",
    "workload_repo_revision",
];

const REGION: &str = "region";
const ACCESS: &str = "access";
const ACCESS_POLICY: &str = "access-policy";
const ACCESS_NAMESPACES: &str = "access-namespaces";
const PROJECT: &str = "project";
const AWS_CLUSTER_NAME: &str = "aws-cluster-name";
const NAME_PATTERN: &str = "name-pattern";
const AWS_ROLE_ARN: &str = "aws-role-arn";
const ASSUME_ROLE: &str = "assume-role";
const HUB_CLUSTER_ARN: &str = "hub-cluster-arn";
const HUB_ROLE_ARN: &str = "hub-role-arn";
const HUB_IDENTITY: &str = "hub-identity";

/// Keys of the ConfigMap that are no repository.
const KEYS: [&str; 12] = [
    REGION,
    ACCESS,
    ACCESS_POLICY,
    ACCESS_NAMESPACES,
    PROJECT,
    AWS_CLUSTER_NAME,
    NAME_PATTERN,
    AWS_ROLE_ARN,
    ASSUME_ROLE,
    HUB_CLUSTER_ARN,
    HUB_ROLE_ARN,
    HUB_IDENTITY,
];

/// What a team decided once. All of it is optional, and none of it secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// `region`: AWS region of spokes.
    pub region: Option<String>,
    /// `access`: `direct`, `role` or `capability`.
    pub access: Option<String>,
    /// `access-policy`: name or ARN of the EKS access policy that a spoke's entry gets.
    pub access_policy: Option<String>,
    /// `access-namespaces`: the only namespaces it is good for, comma-separated; empty means the whole cluster.
    pub access_namespaces: Vec<String>,
    /// `project`: Argo CD project of spokes.
    pub project: Option<String>,
    /// `aws-cluster-name`: name in EKS, such as `spoke-{name}`. Only `{name}` and `{region}` are known when it is filled.
    pub aws_cluster_name: Option<Pattern>,
    /// `name-pattern`: name on the hub of a cluster that was discovered, such as `{name}-{region}`; `{name}` is the short name that
    /// `aws-cluster-name` makes of its name in EKS, or that name.
    pub name_pattern: Option<Pattern>,
    /// `aws-role-arn`: role that Argo CD assumes, such as `arn:aws:iam::{account}:role/{name}-argocd`.
    pub aws_role_arn: Option<Pattern>,
    /// `assume-role`: role of this tool in a spoke's account, such as `arn:aws:iam::{account}:role/bridge`.
    pub assume_role: Option<Pattern>,
    /// `hub-cluster-arn`: the hub in EKS.
    pub hub_cluster_arn: Option<EksArn>,
    /// `hub-role-arn`: the role that Argo CD has, or the role of the capability: whom a spoke's access entry names.
    pub hub_role_arn: Option<String>,
    /// `hub-identity`: how it got that role: `pod-identity`, `irsa` or `capability`.
    pub hub_identity: Option<String>,
    /// Repositories of addons and workloads: [`REPOSITORY_KEYS`], for the annotations of a new registration.
    pub repositories: Map,
}

/// A ConfigMap that does not say what it should. Nobody guesses then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefaultsError {
    /// A key that nobody reads: most likely a slip, whose value would be missed.
    #[error("ConfigMap {CONFIG_MAP} has an unknown key \"{key}\"{hint}")]
    Unknown {
        /// The key.
        key: String,
        /// What may be meant.
        hint: String,
    },
    /// A value that cannot be.
    #[error("ConfigMap {CONFIG_MAP}: {key} \"{value}\" is not {wanted}")]
    Value {
        /// Its key.
        key: &'static str,
        /// The value.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A pattern that cannot be read.
    #[error("ConfigMap {CONFIG_MAP}: {key}")]
    Pattern {
        /// Its key.
        key: &'static str,
        /// Why.
        source: PatternError,
    },
}

impl Defaults {
    /// Reads `data` of the ConfigMap; an empty value counts as absent.
    ///
    /// # Errors
    /// An unknown key, or a value that cannot be meant.
    pub fn from_data(data: &BTreeMap<String, String>) -> Result<Self, DefaultsError> {
        let known = || KEYS.into_iter().chain(REPOSITORY_KEYS);
        if let Some(key) = data.keys().find(|key| !known().any(|known| known == *key)) {
            return Err(DefaultsError::Unknown {
                hint: suggest::hint(key, known()),
                key: key.clone(),
            });
        }
        let text = |key: &str| data.get(key).filter(|value| !value.is_empty()).cloned();
        let pattern = |key: &'static str| {
            text(key)
                .map(|value| Pattern::parse(&value).map_err(|source| DefaultsError::Pattern { key, source }))
                .transpose()
        };
        let one = |key: &'static str, wanted: &'static str, fits: &dyn Fn(&str) -> bool| match text(key) {
            Some(value) if !fits(&value) => Err(DefaultsError::Value { key, value, wanted }),
            value => Ok(value),
        };
        Ok(Self {
            region: text(REGION),
            access: one(ACCESS, "direct, role or capability", &|value| {
                ["direct", "role", "capability"].contains(&value)
            })?,
            access_policy: text(ACCESS_POLICY),
            access_namespaces: text(ACCESS_NAMESPACES)
                .map(|list| comma_list(&list))
                .unwrap_or_default(),
            project: text(PROJECT),
            aws_cluster_name: pattern(AWS_CLUSTER_NAME)?,
            name_pattern: pattern(NAME_PATTERN)?,
            aws_role_arn: pattern(AWS_ROLE_ARN)?,
            assume_role: pattern(ASSUME_ROLE)?,
            hub_cluster_arn: one(HUB_CLUSTER_ARN, "the ARN of an EKS cluster", &|value| {
                EksArn::parse(value).is_ok()
            })?
            .and_then(|arn| EksArn::parse(&arn).ok()),
            hub_role_arn: one(HUB_ROLE_ARN, "the ARN of an IAM role", &|value| {
                value.starts_with("arn:") && value.contains(":role/")
            })?,
            hub_identity: one(HUB_IDENTITY, "pod-identity, irsa or capability", &|value| {
                ["pod-identity", "irsa", "capability"].contains(&value)
            })?,
            repositories: REPOSITORY_KEYS
                .into_iter()
                .filter_map(|key| Some((key.to_owned(), text(key)?)))
                .collect(),
        })
    }

    /// `data` of the ConfigMap that says this.
    pub fn to_data(&self) -> BTreeMap<String, String> {
        let pattern = |pattern: &Option<Pattern>| pattern.as_ref().map(ToString::to_string);
        let namespaces = self.access_namespaces.join(",");
        let mut data: BTreeMap<String, String> = [
            (REGION, self.region.clone()),
            (ACCESS, self.access.clone()),
            (ACCESS_POLICY, self.access_policy.clone()),
            (
                ACCESS_NAMESPACES,
                Some(namespaces).filter(|list| !list.is_empty()),
            ),
            (PROJECT, self.project.clone()),
            (AWS_CLUSTER_NAME, pattern(&self.aws_cluster_name)),
            (NAME_PATTERN, pattern(&self.name_pattern)),
            (AWS_ROLE_ARN, pattern(&self.aws_role_arn)),
            (ASSUME_ROLE, pattern(&self.assume_role)),
            (
                HUB_CLUSTER_ARN,
                self.hub_cluster_arn.as_ref().map(ToString::to_string),
            ),
            (HUB_ROLE_ARN, self.hub_role_arn.clone()),
            (HUB_IDENTITY, self.hub_identity.clone()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect();
        data.extend(self.repositories.clone());
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn there_and_back() {
        let all = data(&[
            ("region", "eu-west-1"),
            ("access", "role"),
            ("access-policy", "AmazonEKSEditPolicy"),
            ("access-namespaces", "a,b"),
            ("project", "team"),
            ("aws-cluster-name", "spoke-{name}"),
            ("name-pattern", "{name}-{region}"),
            (
                "aws-role-arn",
                "arn:aws:iam::{account}:role/{tag:team}-{environment}",
            ),
            ("assume-role", "arn:aws:iam::{account}:role/bridge"),
            (
                "hub-cluster-arn",
                "arn:aws:eks:eu-west-1:111122223333:cluster/hub",
            ),
            ("hub-role-arn", "arn:aws:iam::111122223333:role/path/hub"),
            ("hub-identity", "pod-identity"),
            ("addons_repo_url", "https://example.com/addons"),
            ("workload_repo_revision", "main"),
        ]);
        let read = Defaults::from_data(&all).unwrap();
        assert_eq!(read.to_data(), all);
        assert_eq!(read.access_namespaces, ["a", "b"]);
        assert_eq!(read.repositories.len(), 2);
        let empty = data(&[("region", ""), ("access", ""), ("addons_repo_path", "")]);
        assert_eq!(Defaults::from_data(&empty).unwrap(), Defaults::default());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (key, value, part) in [
            ("regoin", "x", "unknown key \"regoin\"; did you mean \"region\"?"),
            (
                "access",
                "admin",
                "access \"admin\" is not direct, role or capability",
            ),
            (
                "hub-cluster-arn",
                "hub",
                "hub-cluster-arn \"hub\" is not the ARN of an EKS cluster",
            ),
            ("hub-role-arn", "hub", "is not the ARN of an IAM role"),
            (
                "aws-cluster-name",
                "x-{nam}",
                "kubectl-bridge-defaults: aws-cluster-name",
            ),
        ] {
            let error = Defaults::from_data(&data(&[(key, value)]))
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "{key}: {error}");
        }
    }
}
