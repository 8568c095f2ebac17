//! A cluster Secret beside what EKS says today: where the cluster is, what has changed, what to write.

mod discover;
mod refresh;

use crate::{
    cluster::same_server,
    connection::Connection,
    facts::{EksArn, EksFacts},
    keys,
    secret::ClusterSecret,
};

pub use discover::{AccountRegion, Discovered, Listed, Scan, State, compare};
pub use refresh::{Refresh, RefreshError, TagLabel, refresh};

/// Where a registered cluster is in AWS, as far as its Secret tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Name in EKS.
    pub name: String,
    /// Region.
    pub region: Option<String>,
    /// Account.
    pub account: Option<String>,
    /// Partition.
    pub partition: Option<String>,
}

impl Target {
    /// Where this cluster is; `None` where nothing says that it is in EKS.
    pub fn of(secret: &ClusterSecret) -> Option<Self> {
        let cluster = &secret.cluster;
        let arn = [cluster.annotations.get(keys::CLUSTER_ARN), Some(&cluster.server)]
            .into_iter()
            .flatten()
            .find_map(|text| EksArn::parse(text).ok());
        if let Some(arn) = arn {
            return Some(Self {
                name: arn.name,
                region: Some(arn.region),
                account: Some(arn.account),
                partition: Some(arn.partition),
            });
        }
        let in_config = match secret.connection() {
            Connection::EksDirect { cluster_name } | Connection::EksRole { cluster_name, .. } => {
                Some(cluster_name).filter(|name| !name.is_empty())
            }
            _ => None,
        };
        let annotation = |key: &str| {
            cluster
                .either(key)
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
        };
        let name = in_config.or_else(|| annotation(keys::AWS_CLUSTER_NAME))?;
        Some(Self {
            name,
            region: annotation(keys::AWS_REGION).or_else(|| region_of(&cluster.server)),
            account: annotation(keys::AWS_ACCOUNT_ID),
            partition: annotation(keys::AWS_PARTITION),
        })
    }

    /// Whether this is that cluster, as far as both are known.
    pub fn is(&self, arn: &EksArn) -> bool {
        let agrees =
            |known: &Option<String>, value: &str| known.as_deref().is_none_or(|known| known == value);
        self.name == arn.name
            && agrees(&self.region, &arn.region)
            && agrees(&self.account, &arn.account)
            && agrees(&self.partition, &arn.partition)
    }
}

/// The region in an EKS endpoint: `https://<id>.gr7.eu-west-1.eks.amazonaws.com`.
fn region_of(server: &str) -> Option<String> {
    let host = server.strip_prefix("https://")?;
    let host = host.split(['/', ':']).next()?;
    let (front, _) = host.split_once(".eks.amazonaws.com")?;
    front
        .rsplit('.')
        .next()
        .filter(|region| region.contains('-'))
        .map(str::to_owned)
}

/// Signs that a cluster was made anew under its old name, as sentences: each differs from what the Secret holds. EKS changes none of
/// them in the life of a cluster.
pub fn recreated(secret: &ClusterSecret, facts: &EksFacts) -> Vec<String> {
    let mut signs = Vec::new();
    if let (Some(before), Some(now)) = (
        secret.cluster.annotations.get(keys::CREATED_AT),
        facts.annotations().get(keys::CREATED_AT),
    ) && before != now
    {
        signs.push(format!("it was created {now}, the registered one {before}"));
    }
    signs.extend(
        endpoint_changed(secret, facts).map(|(was, now)| format!("its endpoint is {now}, not {was}")),
    );
    if authority_changed(secret, facts) {
        signs.push("its certificate authority is another one".to_owned());
    }
    signs
}

/// Server in the Secret and endpoint in EKS, where Argo CD uses the endpoint and they differ.
pub fn endpoint_changed(secret: &ClusterSecret, facts: &EksFacts) -> Option<(String, String)> {
    let endpoint = facts.endpoint.as_ref()?;
    let server = &secret.cluster.server;
    (uses_endpoint(secret) && !same_server(server, endpoint)).then(|| (server.clone(), endpoint.clone()))
}

/// Whether the certificate authority in the Secret is another one than EKS gives.
pub fn authority_changed(secret: &ClusterSecret, facts: &EksFacts) -> bool {
    let (Some(now), Ok(Some(config))) = (&facts.certificate_authority, &secret.config) else {
        return false;
    };
    uses_endpoint(secret)
        && config
            .certificate_authority()
            .is_some_and(|was| was.trim() != now.trim())
}

/// Facts in the Secret that EKS has otherwise today, as sentences; a fact that the Secret does not hold is none.
pub fn outdated(secret: &ClusterSecret, facts: &EksFacts) -> Vec<String> {
    let cluster = &secret.cluster;
    let mut old = Vec::new();
    if let (Some(was), Some(now)) = (cluster.kubernetes_version(), &facts.version)
        && was != now
    {
        old.push(format!("{} is {was}, not {now}", keys::KUBERNETES_VERSION));
    }
    for (key, now) in facts.annotations() {
        // That of a recreated cluster is told by itself.
        if key == keys::CREATED_AT {
            continue;
        }
        if let Some(was) = cluster.annotations.get(&key).filter(|was| **was != now) {
            old.push(format!("{key} is {was}, not {now}"));
        }
    }
    old
}

/// Whether Argo CD gets in as somebody EKS knows, by the cluster's own endpoint.
fn uses_endpoint(secret: &ClusterSecret) -> bool {
    matches!(
        secret.connection(),
        Connection::EksDirect { .. } | Connection::EksRole { .. }
    )
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{ByteString, api::core::v1::Secret};
    use serde_json::json;

    use super::*;

    pub(super) fn secret(
        server: &str,
        config: &serde_json::Value,
        annotations: &[(&str, &str)],
    ) -> ClusterSecret {
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        let mut secret = Secret::default();
        secret.metadata.name = Some("dev".into());
        secret.metadata.annotations = Some(
            annotations
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        );
        let mut data = std::collections::BTreeMap::from([
            ("name".to_owned(), bytes("dev")),
            ("server".to_owned(), bytes(server)),
        ]);
        if !config.is_null() {
            data.insert("config".into(), bytes(&config.to_string()));
        }
        secret.data = Some(data);
        ClusterSecret::from_secret(secret)
    }

    pub(super) fn facts() -> EksFacts {
        EksFacts {
            arn: EksArn::parse("arn:aws:eks:eu-west-1:111122223333:cluster/acme-dev").unwrap(),
            status: "ACTIVE".into(),
            endpoint: Some("https://A.gr7.eu-west-1.eks.amazonaws.com".into()),
            certificate_authority: Some("Q0E=".into()),
            version: Some("1.34".into()),
            created_at: Some("2026-01-02T03:04:05.5Z".parse().unwrap()),
            ..EksFacts::default()
        }
    }

    #[test]
    fn where_a_cluster_is() {
        let arn = "arn:aws:eks:eu-west-1:111122223333:cluster/acme-dev";
        let direct = json!({"awsAuthConfig": {"clusterName": "acme-dev"}});
        let target = |secret: &ClusterSecret| {
            Target::of(secret).map(|target| {
                let text = |value: Option<String>| value.unwrap_or_else(|| "-".into());
                format!("{} {} {}", target.name, text(target.region), text(target.account))
            })
        };
        let endpoint = "https://A.gr7.eu-west-1.eks.amazonaws.com";
        for (secret, expected) in [
            (
                secret(endpoint, &direct, &[(keys::CLUSTER_ARN, arn)]),
                Some("acme-dev eu-west-1 111122223333"),
            ),
            (
                secret(arn, &json!(null), &[]),
                Some("acme-dev eu-west-1 111122223333"),
            ),
            (secret(endpoint, &direct, &[]), Some("acme-dev eu-west-1 -")),
            (secret("https://x", &direct, &[]), Some("acme-dev - -")),
            (
                secret(
                    "https://x",
                    &json!({"bearerToken": "t"}),
                    &[("aws_cluster_name", "b"), ("aws_account_id", "1")],
                ),
                Some("b - 1"),
            ),
            (secret("https://x", &json!({"bearerToken": "t"}), &[]), None),
        ] {
            assert_eq!(target(&secret).as_deref(), expected);
        }
        let target = Target::of(&secret("https://x", &direct, &[])).unwrap();
        assert!(target.is(&EksArn::parse(arn).unwrap()));
        assert!(
            !Target {
                account: Some("1".into()),
                ..target
            }
            .is(&EksArn::parse(arn).unwrap())
        );
    }

    #[test]
    fn signs_of_a_recreated_cluster() {
        let config =
            json!({"awsAuthConfig": {"clusterName": "acme-dev"}, "tlsClientConfig": {"caData": "Q0E="}});
        let same = "https://A.gr7.eu-west-1.eks.amazonaws.com/";
        let created = |at: &'static str| [(keys::CREATED_AT, at)];
        let signs = |secret: &ClusterSecret| recreated(secret, &facts()).join("; ");
        assert_eq!(
            signs(&secret(same, &config, &created("2026-01-02T03:04:05Z"))),
            ""
        );
        assert_eq!(signs(&secret(same, &config, &[])), "");
        assert!(
            signs(&secret(same, &config, &created("2025-01-02T03:04:05Z")))
                .contains("created 2026-01-02T03:04:05Z")
        );
        assert!(signs(&secret("https://B", &config, &[])).contains("endpoint is https://A.gr7"));
        let other =
            json!({"awsAuthConfig": {"clusterName": "acme-dev"}, "tlsClientConfig": {"caData": "b2xk"}});
        assert_eq!(
            signs(&secret(same, &other, &[])),
            "its certificate authority is another one"
        );
        // A token reaches it by whatever way its maker chose.
        let token = json!({"bearerToken": "t", "tlsClientConfig": {"caData": "b2xk"}});
        assert_eq!(signs(&secret("https://proxy", &token, &[])), "");
    }
}
