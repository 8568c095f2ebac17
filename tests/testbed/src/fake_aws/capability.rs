use std::collections::BTreeMap;

use serde_json::{Value, json};

/// An EKS capability of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct EksCapability {
    /// Its name.
    pub name: String,
    /// `ARGOCD`, `ACK` or `KRO`.
    pub kind: String,
    /// `ACTIVE` by default.
    pub status: String,
    /// The role that it works with.
    pub role_arn: String,
    /// Its version.
    pub version: String,
    /// The member `configuration` of `DescribeCapability`.
    pub configuration: Value,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was created, in seconds since 1970.
    pub created_at: f64,
}

impl EksCapability {
    /// The managed Argo CD, in namespace `argocd`.
    pub fn argo_cd(name: &str, role_arn: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: "ARGOCD".to_owned(),
            status: "ACTIVE".to_owned(),
            role_arn: role_arn.to_owned(),
            version: "3.1.8-eks-1".to_owned(),
            configuration: json!({"argoCd": {
                "namespace": "argocd",
                "awsIdc": {
                    "idcInstanceArn": "arn:aws:sso:::instance/ssoins-0123456789abcdef",
                    "idcRegion": "us-west-2",
                    "idcManagedApplicationArn": "arn:aws:sso::111122223333:application/ssoins-0123456789abcdef/apl-0123456789abcdef",
                },
                "rbacRoleMappings": [{
                    "role": "ADMIN",
                    "identities": [{"id": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "type": "SSO_GROUP"}],
                }],
                "serverUrl": "https://0123456789abcdef.eks-capabilities.us-west-2.amazonaws.com",
            }}),
            tags: BTreeMap::new(),
            created_at: 1_763_000_000.5,
        }
    }

    /// Another kind, `ACK` or `KRO`, named so in lower case.
    pub fn other(kind: &str, role_arn: &str) -> Self {
        Self {
            name: kind.to_lowercase(),
            kind: kind.to_owned(),
            configuration: Value::Null,
            ..Self::argo_cd("", role_arn)
        }
    }
}
