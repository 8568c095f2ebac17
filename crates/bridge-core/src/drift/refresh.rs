//! What EKS says today, as the part of a cluster Secret that changes.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use super::{Target, recreated, uses_endpoint};
use crate::{
    connection::{Config, Connection},
    facts::EksFacts,
    keys, name,
    secret::ClusterSecret,
    selector::Map,
};

/// An EKS tag that becomes a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagLabel {
    /// Key of the tag.
    pub tag: String,
    /// Key of the label.
    pub label: String,
}

impl TagLabel {
    /// `team`, or `Team=owner` for a label of another name.
    ///
    /// # Errors
    /// A label key that cannot be, or that is not for tags to set.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (tag, label) = text.split_once('=').unwrap_or((text, text));
        if tag.is_empty() {
            return Err(format!("\"{text}\" names no tag (TAG, or TAG=LABEL)"));
        }
        name::check_key(label).map_err(|error| error.to_string())?;
        let fixed = crate::registration::FIXED_LABELS.contains(&label);
        if keys::is_own(label) || fixed || keys::toggle_addon(label).is_some() {
            return Err(format!("label {label} is not for a tag to set"));
        }
        Ok(Self {
            tag: tag.to_owned(),
            label: label.to_owned(),
        })
    }
}

/// What to write.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// Just the keys that EKS knows, for a server-side apply. Holds a `config` only where the cluster was made anew.
    pub secret: Secret,
    /// What to know about it.
    pub warnings: Vec<String>,
}

/// Why a Secret is not brought up to date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// EKS described some other cluster: other credentials were used.
    #[error(
        "EKS describes {described}, and \"{cluster}\" is registered for another one: other credentials or --region are needed"
    )]
    Other {
        /// Short name.
        cluster: String,
        /// ARN that EKS gives.
        described: String,
    },
    /// There is nothing to connect to.
    #[error("EKS cluster \"{eks}\" is {status}: only an ACTIVE or UPDATING cluster tells what Argo CD needs")]
    Status {
        /// EKS name.
        eks: String,
        /// Its status.
        status: String,
    },
    /// Made anew under its old name.
    #[error(
        "\"{cluster}\" seems to be another cluster under the old name: {}; whatever was deployed to the old one is gone, and so are \
         its access entries; look at it, then say --accept-recreated, or register it again",
        signs.join(", ")
    )]
    Recreated {
        /// Short name.
        cluster: String,
        /// What differs, as sentences.
        signs: Vec<String>,
    },
}

/// What EKS says, laid out for this Secret. What EKS leaves out stays as it is.
///
/// # Errors
/// Another cluster, one that is not there to be used, and without `accept_recreated` one made anew.
pub fn refresh(
    current: &ClusterSecret,
    facts: &EksFacts,
    tags: &[TagLabel],
    accept_recreated: bool,
) -> Result<Refresh, RefreshError> {
    let cluster = &current.cluster;
    if Target::of(current).is_some_and(|target| !target.is(&facts.arn)) {
        return Err(RefreshError::Other {
            cluster: cluster.name.clone(),
            described: facts.arn.to_string(),
        });
    }
    if !matches!(facts.status.as_str(), "ACTIVE" | "UPDATING") {
        return Err(RefreshError::Status {
            eks: facts.arn.name.clone(),
            status: facts.status.clone(),
        });
    }
    let signs = recreated(current, facts);
    let mut warnings = Vec::new();
    let mut data = BTreeMap::new();
    if !signs.is_empty() {
        if !accept_recreated {
            return Err(RefreshError::Recreated {
                cluster: cluster.name.clone(),
                signs,
            });
        }
        data = connection(current, facts);
        warnings.push(format!(
            "\"{}\" was made anew ({}): its access entries went with the old one",
            cluster.name,
            signs.join(", ")
        ));
    }
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(cluster.secret_name.clone()),
            labels: Some(labels(facts, tags, &mut warnings)),
            annotations: Some(facts.annotations()),
            ..ObjectMeta::default()
        },
        data: Some(data).filter(|data| !data.is_empty()),
        ..Secret::default()
    };
    Ok(Refresh { secret, warnings })
}

/// Server and config of the new cluster, for a Secret that uses its endpoint.
fn connection(current: &ClusterSecret, facts: &EksFacts) -> BTreeMap<String, ByteString> {
    let mut data = BTreeMap::new();
    let (Some(endpoint), Some(ca)) = (&facts.endpoint, &facts.certificate_authority) else {
        return data;
    };
    if !uses_endpoint(current) {
        return data;
    }
    let role = match current.connection() {
        Connection::EksRole { role_arn, .. } => Some(role_arn),
        _ => None,
    };
    let new = Config::eks(&facts.arn.name, ca, role.as_deref());
    let config = match &current.config {
        Ok(Some(old)) => new.merged_over(old),
        _ => new,
    };
    data.insert("server".into(), ByteString(endpoint.clone().into_bytes()));
    data.insert("config".into(), ByteString(config.expose().into_bytes()));
    data
}

fn labels(facts: &EksFacts, tags: &[TagLabel], warnings: &mut Vec<String>) -> Map {
    let mut labels = Map::new();
    if let Some(version) = &facts.version {
        labels.insert(keys::KUBERNETES_VERSION.into(), version.clone());
    }
    for TagLabel { tag, label } in tags {
        let Some(value) = facts.tags.get(tag) else {
            continue;
        };
        match name::check_label_value(label, value) {
            Ok(()) => {
                labels.insert(label.clone(), value.clone());
            }
            Err(error) => warnings.push(format!("tag {tag} of {} is no label: {error}", facts.arn)),
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{facts, secret};
    use super::*;

    fn direct(ca: &str) -> serde_json::Value {
        json!({"awsAuthConfig": {"clusterName": "acme-dev", "roleARN": "arn:r"}, "tlsClientConfig": {"caData": ca},
            "proxyUrl": "http://p"})
    }

    const SAME: &str = "https://A.gr7.eu-west-1.eks.amazonaws.com";

    #[test]
    fn facts_only_where_nothing_was_made_anew() {
        let current = secret(SAME, &direct("Q0E="), &[]);
        let mut facts = facts();
        facts.tags = [
            ("Team".to_owned(), "a".to_owned()),
            ("bad".to_owned(), "no label!".to_owned()),
        ]
        .into();
        let tags = ["Team=team", "bad", "missing"].map(|text| TagLabel::parse(text).unwrap());
        let refresh = refresh(&current, &facts, &tags, false).unwrap();
        let metadata = refresh.secret.metadata;
        let labels = metadata.labels.unwrap();
        assert_eq!(labels.get("team").map(String::as_str), Some("a"));
        assert_eq!(labels["kubernetes_version"], "1.34");
        assert_eq!(labels.len(), 2);
        assert_eq!(metadata.annotations.unwrap(), facts.annotations());
        assert_eq!(refresh.secret.data, None);
        assert_eq!(refresh.warnings.len(), 1, "{:?}", refresh.warnings);
    }

    #[test]
    fn a_recreated_cluster_is_for_a_person_to_accept() {
        let current = secret("https://old", &direct("b2xk"), &[]);
        let error = refresh(&current, &facts(), &[], false).unwrap_err();
        assert!(
            matches!(&error, RefreshError::Recreated { signs, .. } if signs.len() == 2),
            "{error}"
        );
        let accepted = refresh(&current, &facts(), &[], true).unwrap();
        let data = accepted.secret.data.unwrap();
        assert_eq!(data["server"].0, SAME.as_bytes());
        let config: serde_json::Value = serde_json::from_slice(&data["config"].0).unwrap();
        assert_eq!(
            (
                &config["tlsClientConfig"]["caData"],
                &config["proxyUrl"],
                &config["awsAuthConfig"]["roleARN"]
            ),
            (&json!("Q0E="), &json!("http://p"), &json!("arn:r"))
        );
    }

    #[test]
    fn what_is_not_this_cluster() {
        let current = secret(SAME, &direct("Q0E="), &[(keys::AWS_ACCOUNT_ID, "999999999999")]);
        assert!(matches!(
            refresh(&current, &facts(), &[], true),
            Err(RefreshError::Other { .. })
        ));
        let current = secret(SAME, &direct("Q0E="), &[]);
        let mut gone = facts();
        gone.status = "DELETING".into();
        assert!(matches!(
            refresh(&current, &gone, &[], true),
            Err(RefreshError::Status { .. })
        ));
    }

    #[test]
    fn labels_that_are_not_for_tags() {
        for bad in [
            "",
            "=a",
            "a b",
            "environment",
            "x=enable_keda",
            "x=kubectl-bridge/drain",
        ] {
            assert!(TagLabel::parse(bad).is_err(), "{bad}");
        }
    }
}
