use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

pub(super) const DEFAULT_REGION: &str = "us-west-2";
pub(super) const DEFAULT_ACCOUNT: &str = "111122223333";

/// A cluster as EKS knows it. Fill in what matters and take the rest from `EksCluster::default()`.
#[derive(Clone, Debug)]
pub struct EksCluster {
    /// Its name, `dev` by default.
    pub name: String,
    /// Its region, `us-west-2` by default.
    pub region: String,
    /// The account that owns it, `111122223333` by default.
    pub account: String,
    /// `aws` by default; `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// The URL of its API server; empty for one made from the name and region.
    pub endpoint: String,
    /// Its certificate authority, PEM (EKS answers it in base64).
    pub ca: String,
    /// `ACTIVE` by default. While `CREATING` a cluster has neither endpoint nor certificate authority.
    pub status: String,
    /// Its Kubernetes version.
    pub version: String,
    /// `API`, `API_AND_CONFIG_MAP` (the default) or `CONFIG_MAP`.
    pub authentication_mode: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was created, in seconds since 1970.
    pub created_at: f64,
    /// Members to put into the answer, objects member by member, over what the fields above make; `null` takes a
    /// member out, as in EKS's model every one is optional.
    pub extra: Value,
}

impl Default for EksCluster {
    fn default() -> Self {
        Self {
            name: "dev".to_owned(),
            region: DEFAULT_REGION.to_owned(),
            account: DEFAULT_ACCOUNT.to_owned(),
            partition: "aws".to_owned(),
            endpoint: String::new(),
            ca: "-----BEGIN CERTIFICATE-----\nVGhpcyBpcyBub3QgYSBjZXJ0aWZpY2F0ZS4=\n-----END CERTIFICATE-----\n".to_owned(),
            status: "ACTIVE".to_owned(),
            version: "1.34".to_owned(),
            authentication_mode: "API_AND_CONFIG_MAP".to_owned(),
            vpc_id: "vpc-0a1b2c3d4e5f60718".to_owned(),
            tags: BTreeMap::new(),
            created_at: 1_760_000_000.25,
            extra: json!({}),
        }
    }
}

impl EksCluster {
    /// One with this name, and the rest by default.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// `arn:aws:eks:<region>:<account>:cluster/<name>`
    pub fn arn(&self) -> String {
        let Self {
            name,
            region,
            account,
            partition,
            ..
        } = self;
        format!("arn:{partition}:eks:{region}:{account}:cluster/{name}")
    }

    /// The output of `DescribeCluster`.
    pub(super) fn describe(&self) -> Value {
        let Self {
            name,
            region,
            account,
            partition,
            status,
            version,
            vpc_id,
            tags,
            created_at,
            ..
        } = self;
        // EKS names endpoints and OIDC issuers by a random id; here it follows from the name.
        let id: String = name
            .bytes()
            .map(|byte| format!("{byte:02X}"))
            .chain(["0".repeat(32)])
            .collect();
        let id = &id[..32];
        let mut cluster = json!({
            "name": name,
            "arn": self.arn(),
            "createdAt": created_at,
            "version": version,
            "roleArn": format!("arn:{partition}:iam::{account}:role/{name}-cluster"),
            "resourcesVpcConfig": {
                "subnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
                "securityGroupIds": [],
                "clusterSecurityGroupId": "sg-0123456789abcdef0",
                "vpcId": vpc_id,
                "endpointPublicAccess": true,
                "endpointPrivateAccess": true,
                "publicAccessCidrs": ["0.0.0.0/0"],
            },
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": "172.20.0.0/16",
                "ipFamily": "ipv4",
                "elasticLoadBalancing": {"enabled": false},
            },
            "logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": false}]},
            "identity": {"oidc": {"issuer": format!("https://oidc.eks.{region}.amazonaws.com/id/{id}")}},
            "status": status,
            "certificateAuthority": {},
            "platformVersion": "eks.4",
            "tags": tags,
            "health": {"issues": []},
            "accessConfig": {"authenticationMode": self.authentication_mode},
            "upgradePolicy": {"supportType": "EXTENDED"},
            "zonalShiftConfig": {"enabled": false},
            "computeConfig": {"enabled": false, "nodePools": []},
            "storageConfig": {"blockStorage": {"enabled": false}},
            "deletionProtection": false,
        });
        if status != "CREATING" {
            let made = format!("https://{id}.gr7.{region}.eks.amazonaws.com");
            let endpoint = if self.endpoint.is_empty() {
                made
            } else {
                self.endpoint.clone()
            };
            let data = BASE64_STANDARD.encode(&self.ca);
            merge(
                &mut cluster,
                &json!({"endpoint": endpoint, "certificateAuthority": {"data": data}}),
            );
        }
        merge(&mut cluster, &self.extra);
        json!({"cluster": cluster})
    }
}

/// JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let (Value::Object(members), Value::Object(changes)) = (&mut *target, patch) else {
        *target = patch.clone();
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), change);
        }
    }
}
