//! What EKS says about a cluster, as plain values, and the annotations it becomes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{keys, selector::Map};

/// A cluster as `DescribeCluster` of EKS describes it (API version 2017-11-01). Every member is optional there; what a
/// registration cannot do without is checked where it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EksFacts {
    /// ARN; the only globally unique key of a cluster.
    pub arn: EksArn,
    /// Status: `CREATING`, `ACTIVE`, `DELETING`, `FAILED`, `UPDATING`, `PENDING`.
    pub status: String,
    /// URL of the API server; absent while the cluster is being created.
    pub endpoint: Option<String>,
    /// Certificate authority, base64 of PEM; absent while the cluster is being created.
    pub certificate_authority: Option<String>,
    /// Kubernetes version, `1.34`.
    pub version: Option<String>,
    /// EKS platform version, `eks.4`.
    pub platform_version: Option<String>,
    /// VPC of the cluster.
    pub vpc_id: Option<String>,
    /// Security group that EKS made for the cluster.
    pub security_group_id: Option<String>,
    /// `API`, `API_AND_CONFIG_MAP` or `CONFIG_MAP`.
    pub authentication_mode: Option<String>,
    /// URL of the OIDC issuer.
    pub oidc_issuer: Option<String>,
    /// When EKS created it: another time under the same ARN is another cluster.
    pub created_at: Option<Timestamp>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Who reaches the API server.
    pub endpoint_access: Option<EndpointAccess>,
    /// CIDR of Service addresses, of the family in use.
    pub service_cidr: Option<String>,
    /// `ipv4` or `ipv6`.
    pub ip_family: Option<String>,
    /// Whether EKS Auto Mode manages compute, storage and load balancing.
    pub auto_mode: Option<bool>,
    /// `STANDARD` or `EXTENDED` support.
    pub support_type: Option<String>,
    /// Joined through the EKS Connector: EKS does not run its control plane.
    pub is_connected: bool,
}

/// `arn:<partition>:eks:<region>:<account>:cluster/<name>`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EksArn {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// AWS region.
    pub region: String,
    /// Account id, twelve digits.
    pub account: String,
    /// Name in EKS, up to 100 characters, `_` and upper case included.
    pub name: String,
}

/// Who reaches the API server of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointAccess {
    /// From the internet.
    pub public: bool,
    /// From the VPC.
    pub private: bool,
    /// Source CIDRs that the public endpoint admits.
    pub public_cidrs: Vec<String>,
}

/// Not the ARN of an EKS cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not the ARN of an EKS cluster (arn:<partition>:eks:<region>:<account>:cluster/<name>)")]
pub struct NotAnEksArn(pub String);

impl EksArn {
    /// Takes an ARN apart.
    pub fn parse(text: &str) -> Result<Self, NotAnEksArn> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts[..] {
            ["arn", partition, "eks", region, account, resource]
                if !partition.is_empty() && !region.is_empty() && !account.is_empty() =>
            {
                resource
                    .strip_prefix("cluster/")
                    .filter(|name| !name.is_empty() && !name.contains(['/', ':']))
                    .map(|name| Self {
                        partition: partition.to_owned(),
                        region: region.to_owned(),
                        account: account.to_owned(),
                        name: name.to_owned(),
                    })
            }
            _ => None,
        }
        .ok_or_else(|| NotAnEksArn(text.to_owned()))
    }
}

impl std::fmt::Display for EksArn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            partition,
            region,
            account,
            name,
        } = self;
        write!(f, "arn:{partition}:eks:{region}:{account}:cluster/{name}")
    }
}

impl EndpointAccess {
    /// `public`, `private`, `public-and-private` or `none`.
    pub fn word(&self) -> &'static str {
        match (self.public, self.private) {
            (true, true) => "public-and-private",
            (true, false) => "public",
            (false, true) => "private",
            (false, false) => "none",
        }
    }
}

impl EksFacts {
    /// The tag `environment`, whatever the case of its key; a key written exactly so wins.
    pub fn environment_tag(&self) -> Option<(&str, &str)> {
        self.tags
            .get_key_value(keys::ENVIRONMENT)
            .or_else(|| {
                self.tags
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(keys::ENVIRONMENT))
            })
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .filter(|(_, value)| !value.is_empty())
    }

    /// The annotations that ApplicationSets read, `aws_cluster_name` first among them; what EKS leaves out is left out.
    pub fn annotations(&self) -> Map {
        let text = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        [
            (keys::AWS_CLUSTER_NAME, Some(self.arn.name.clone())),
            (keys::AWS_REGION, Some(self.arn.region.clone())),
            (keys::AWS_ACCOUNT_ID, Some(self.arn.account.clone())),
            (keys::AWS_PARTITION, Some(self.arn.partition.clone())),
            (keys::AWS_VPC_ID, text(&self.vpc_id)),
            (keys::AWS_CLUSTER_SECURITY_GROUP_ID, text(&self.security_group_id)),
            // As IAM names an OIDC provider: without the scheme.
            (
                keys::AWS_OIDC_PROVIDER,
                text(&self.oidc_issuer)
                    .map(|url| url.strip_prefix("https://").map(str::to_owned).unwrap_or(url)),
            ),
            (keys::AWS_SERVICE_CIDR, text(&self.service_cidr)),
            (keys::AWS_IP_FAMILY, text(&self.ip_family)),
            (
                keys::AWS_ENDPOINT_ACCESS,
                self.endpoint_access
                    .as_ref()
                    .map(|access| access.word().to_owned()),
            ),
            (keys::AWS_AUTHENTICATION_MODE, text(&self.authentication_mode)),
            (keys::AWS_PLATFORM_VERSION, text(&self.platform_version)),
            (keys::AWS_SUPPORT_TYPE, text(&self.support_type)),
            (keys::AWS_AUTO_MODE, self.auto_mode.map(|on| on.to_string())),
            (keys::CLUSTER_ARN, Some(self.arn.to_string())),
            (keys::CREATED_AT, self.created_at.map(whole_seconds)),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
    }
}

/// RFC 3339 without fractions: EKS gives some, and they are not always the same digits.
fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_there_and_back() {
        for text in [
            "arn:aws:eks:us-west-2:111122223333:cluster/dev",
            "arn:aws-cn:eks:cn-north-1:111122223333:cluster/A_b-9",
        ] {
            assert_eq!(EksArn::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "dev",
            "arn:aws:iam::111122223333:role/dev",
            "arn:aws:eks:us-west-2:111122223333:cluster/",
            "arn:aws:eks:us-west-2:111122223333:access-entry/dev",
            "arn:aws:eks::111122223333:cluster/dev",
            "arn:aws:eks:us-west-2:111122223333:cluster/a/b",
        ] {
            assert!(EksArn::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_environment_tag_in_any_case() {
        let facts = |tags: &[(&str, &str)]| EksFacts {
            tags: tags
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            ..EksFacts::default()
        };
        assert_eq!(
            facts(&[("Environment", "prod")]).environment_tag(),
            Some(("Environment", "prod"))
        );
        assert_eq!(
            facts(&[("ENVIRONMENT", "a"), ("environment", "b")]).environment_tag(),
            Some(("environment", "b"))
        );
        assert_eq!(facts(&[("environment", "")]).environment_tag(), None);
        assert_eq!(facts(&[("env", "prod")]).environment_tag(), None);
    }

    #[test]
    fn facts_become_annotations_and_gaps_stay_gaps() {
        let facts = EksFacts {
            arn: EksArn::parse("arn:aws:eks:eu-west-1:111122223333:cluster/dev").unwrap(),
            oidc_issuer: Some("https://oidc.eks.eu-west-1.amazonaws.com/id/AB".into()),
            created_at: Some("2026-01-02T03:04:05.678Z".parse().unwrap()),
            auto_mode: Some(false),
            vpc_id: Some(String::new()),
            ..EksFacts::default()
        };
        let annotations = facts.annotations();
        assert_eq!(annotations["aws_region"], "eu-west-1");
        assert_eq!(
            annotations["aws_oidc_provider"],
            "oidc.eks.eu-west-1.amazonaws.com/id/AB"
        );
        assert_eq!(annotations["kubectl-bridge/created-at"], "2026-01-02T03:04:05Z");
        assert_eq!(annotations["aws_auto_mode"], "false");
        assert!(!annotations.contains_key("aws_vpc_id"));
        assert!(!annotations.contains_key("aws_endpoint_access"));
    }
}
