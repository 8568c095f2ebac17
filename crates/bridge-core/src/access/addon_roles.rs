//! Roles of addons, from the pod identity associations of their cluster.

use super::observed::PodIdentity;
use crate::selector::Map;

/// Where the pattern runs an addon that has a role: prefix of its annotations, namespace, `ServiceAccount`, and the member of its
/// key that says which, for addons with several (aws-ia/terraform-aws-eks-blueprints-addons, `gitops_metadata`; for ACK
/// aws-ia/terraform-aws-eks-ack-addons).
const ADDONS: [(&str, &str, &str, &str); 24] = [
    ("ack_apigatewayv2", "ack-system", "ack-apigatewayv2", ""),
    ("ack_dynamodb", "ack-system", "ack-dynamodb", ""),
    ("ack_emrcontainers", "ack-system", "ack-emrcontainers", ""),
    ("ack_eventbridge", "ack-system", "ack-eventbridge", ""),
    ("ack_prometheusservice", "ack-system", "ack-prometheusservice", ""),
    ("ack_rds", "ack-system", "ack-rds", ""),
    ("ack_s3", "ack-system", "ack-s3", ""),
    ("ack_sfn", "ack-system", "ack-sfn", ""),
    (
        "aws_cloudwatch_metrics",
        "amazon-cloudwatch",
        "aws-cloudwatch-metrics",
        "",
    ),
    (
        "aws_efs_csi_driver",
        "kube-system",
        "efs-csi-controller-sa",
        "controller_",
    ),
    ("aws_efs_csi_driver", "kube-system", "efs-csi-node-sa", "node_"),
    ("aws_for_fluentbit", "kube-system", "aws-for-fluent-bit-sa", ""),
    (
        "aws_fsx_csi_driver",
        "kube-system",
        "aws-fsx-csi-controller-sa",
        "controller_",
    ),
    (
        "aws_fsx_csi_driver",
        "kube-system",
        "aws-fsx-csi-node-sa",
        "node_",
    ),
    (
        "aws_gateway_api_controller",
        "aws-application-networking-system",
        "gateway-api-controller",
        "",
    ),
    (
        "aws_load_balancer_controller",
        "kube-system",
        "aws-load-balancer-controller-sa",
        "",
    ),
    (
        "aws_node_termination_handler",
        "aws-node-termination-handler",
        "aws-node-termination-handler-sa",
        "",
    ),
    (
        "aws_privateca_issuer",
        "cert-manager",
        "aws-privateca-issuer-sa",
        "",
    ),
    ("cert_manager", "cert-manager", "cert-manager", ""),
    ("cluster_autoscaler", "kube-system", "cluster-autoscaler-sa", ""),
    ("external_dns", "external-dns", "external-dns-sa", ""),
    ("external_secrets", "external-secrets", "external-secrets-sa", ""),
    ("karpenter", "karpenter", "karpenter", ""),
    ("velero", "velero", "velero-server", ""),
];

/// The annotations `<addon>_iam_role_arn`, `_namespace` and `_service_account` of known addons that have an association: that of
/// the addon's usual namespace, else the only one with its `ServiceAccount`'s name.
pub fn addon_roles(associations: &[PodIdentity]) -> Map {
    let mut annotations = Map::new();
    for (addon, namespace, account, which) in ADDONS {
        let named: Vec<&PodIdentity> = associations
            .iter()
            .filter(|one| one.service_account == account)
            .collect();
        let usual = named.iter().find(|one| one.namespace == namespace).copied();
        let Some(one) = usual.or(if let [only] = named[..] { Some(only) } else { None }) else {
            continue;
        };
        let mut set = |key: String, value: &str| {
            // Of an addon with several accounts the first, the controller's, says the role.
            annotations.entry(key).or_insert_with(|| value.to_owned());
        };
        set(format!("{addon}_iam_role_arn"), one.effective_role());
        set(format!("{addon}_namespace"), &one.namespace);
        set(format!("{addon}_{which}service_account"), account);
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(namespace: &str, account: &str, role: &str) -> PodIdentity {
        PodIdentity {
            namespace: namespace.into(),
            service_account: account.into(),
            role_arn: role.into(),
            ..PodIdentity::default()
        }
    }

    #[test]
    fn known_addons_in_their_places() {
        let found = addon_roles(&[
            one("karpenter", "karpenter", "arn:k"),
            one("kube-system", "efs-csi-node-sa", "arn:node"),
            one("kube-system", "efs-csi-controller-sa", "arn:controller"),
            one("dns", "external-dns-sa", "arn:dns"),
            one("team-a", "velero-server", "arn:a"),
            one("team-b", "velero-server", "arn:b"),
            one("default", "app", "arn:app"),
        ]);
        let expected: Map = [
            (
                "aws_efs_csi_driver_controller_service_account",
                "efs-csi-controller-sa",
            ),
            ("aws_efs_csi_driver_iam_role_arn", "arn:controller"),
            ("aws_efs_csi_driver_namespace", "kube-system"),
            ("aws_efs_csi_driver_node_service_account", "efs-csi-node-sa"),
            ("external_dns_iam_role_arn", "arn:dns"),
            ("external_dns_namespace", "dns"),
            ("external_dns_service_account", "external-dns-sa"),
            ("karpenter_iam_role_arn", "arn:k"),
            ("karpenter_namespace", "karpenter"),
            ("karpenter_service_account", "karpenter"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        assert_eq!(found, expected);
    }
}
