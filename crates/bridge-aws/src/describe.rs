//! The answer of `DescribeCluster` as plain values.

use aws_sdk_eks::types::{Cluster, ComputeConfigResponse, IpFamily, VpcConfigResponse};
use aws_smithy_types::DateTime;
use bridge_core::facts::{EksArn, EksFacts, EndpointAccess};
use jiff::Timestamp;

use crate::error::AwsError;

/// Reads a cluster as EKS describes it.
///
/// # Errors
/// [`AwsError::Missing`] without ARN or status, [`AwsError::Arn`] with one that is none. The other members may be absent.
pub fn facts(name: &str, cluster: &Cluster) -> Result<EksFacts, AwsError> {
    let missing = |member| AwsError::Missing {
        cluster: name.to_owned(),
        member,
    };
    let arn = cluster.arn().ok_or_else(|| missing("arn"))?;
    let arn = EksArn::parse(arn).map_err(|source| AwsError::Arn {
        cluster: name.to_owned(),
        source,
    })?;
    let status = cluster
        .status()
        .ok_or_else(|| missing("status"))?
        .as_str()
        .to_owned();
    let vpc = cluster.resources_vpc_config();
    let network = cluster.kubernetes_network_config();
    let ip_family = network.and_then(|network| network.ip_family());
    Ok(EksFacts {
        arn,
        status,
        endpoint: text(cluster.endpoint()),
        certificate_authority: cluster.certificate_authority().and_then(|ca| text(ca.data())),
        version: text(cluster.version()),
        platform_version: text(cluster.platform_version()),
        vpc_id: vpc.and_then(|vpc| text(vpc.vpc_id())),
        security_group_id: vpc.and_then(|vpc| text(vpc.cluster_security_group_id())),
        authentication_mode: cluster
            .access_config()
            .and_then(|access| access.authentication_mode())
            .map(|mode| mode.as_str().to_owned()),
        oidc_issuer: cluster
            .identity()
            .and_then(|identity| identity.oidc())
            .and_then(|oidc| text(oidc.issuer())),
        created_at: cluster.created_at().and_then(timestamp),
        tags: cluster
            .tags()
            .map(|tags| tags.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
            .unwrap_or_default(),
        endpoint_access: vpc.map(endpoint_access),
        service_cidr: network.and_then(|network| match ip_family {
            Some(IpFamily::Ipv6) => text(network.service_ipv6_cidr()),
            _ => text(network.service_ipv4_cidr()),
        }),
        ip_family: ip_family.map(|family| family.as_str().to_owned()),
        auto_mode: cluster.compute_config().and_then(ComputeConfigResponse::enabled),
        support_type: cluster
            .upgrade_policy()
            .and_then(|policy| policy.support_type())
            .map(|support| support.as_str().to_owned()),
        is_connected: cluster.connector_config().is_some(),
    })
}

pub(crate) fn text(value: Option<&str>) -> Option<String> {
    value.filter(|value| !value.is_empty()).map(str::to_owned)
}

pub(crate) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let nanos = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanos).ok()
}

fn endpoint_access(vpc: &VpcConfigResponse) -> EndpointAccess {
    EndpointAccess {
        public: vpc.endpoint_public_access(),
        private: vpc.endpoint_private_access(),
        public_cidrs: vpc.public_access_cidrs().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::types::{
        Certificate, ClusterStatus, ConnectorConfigResponse, KubernetesNetworkConfigResponse,
        builders::ClusterBuilder,
    };

    use super::*;

    const ARN: &str = "arn:aws:eks:us-west-2:111122223333:cluster/dev";

    fn least() -> ClusterBuilder {
        Cluster::builder().arn(ARN).status(ClusterStatus::Active)
    }

    #[test]
    fn only_arn_and_status_are_needed() {
        let read = facts("dev", &least().build()).unwrap();
        assert_eq!(read.arn.to_string(), ARN);
        assert_eq!(read.status, "ACTIVE");
        assert_eq!(
            EksFacts {
                arn: read.arn.clone(),
                status: read.status.clone(),
                ..EksFacts::default()
            },
            read
        );
        for (cluster, member) in [
            (Cluster::builder().status(ClusterStatus::Active).build(), "arn"),
            (Cluster::builder().arn(ARN).build(), "status"),
        ] {
            let error = facts("dev", &cluster).unwrap_err().to_string();
            assert!(
                error.contains(&format!("without {member}")) && error.contains("\"dev\""),
                "{error}"
            );
        }
        let error = facts("dev", &least().arn("nonsense").build()).unwrap_err();
        assert!(matches!(error, AwsError::Arn { .. }));
    }

    #[test]
    fn members_find_their_places() {
        let cluster = least()
            .endpoint("https://x")
            .certificate_authority(Certificate::builder().data("Q0E=").build())
            .created_at(DateTime::from_secs_and_nanos(1_760_000_000, 250_000_000))
            .tags("Environment", "prod")
            .connector_config(ConnectorConfigResponse::builder().build())
            .resources_vpc_config(
                VpcConfigResponse::builder()
                    .endpoint_private_access(true)
                    .public_access_cidrs("10.0.0.0/8")
                    .build(),
            )
            .kubernetes_network_config(
                KubernetesNetworkConfigResponse::builder()
                    .ip_family(IpFamily::Ipv6)
                    .service_ipv4_cidr("172.20.0.0/16")
                    .service_ipv6_cidr("fd00::/108")
                    .build(),
            )
            .build();
        let read = facts("dev", &cluster).unwrap();
        assert_eq!(read.certificate_authority.as_deref(), Some("Q0E="));
        assert_eq!(read.created_at.unwrap().to_string(), "2025-10-09T08:53:20.25Z");
        assert_eq!(read.environment_tag(), Some(("Environment", "prod")));
        assert_eq!(read.service_cidr.as_deref(), Some("fd00::/108"));
        assert!(read.is_connected);
        let access = read.endpoint_access.unwrap();
        assert_eq!(access.word(), "private");
        assert_eq!(access.public_cidrs, ["10.0.0.0/8"]);
    }
}
