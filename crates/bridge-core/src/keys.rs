//! Every label and annotation key that this project reads or writes, once.

/// Label that makes a Secret a cluster Secret (Argo CD `common/common.go`, `LabelKeySecretType`).
pub const SECRET_TYPE: &str = "argocd.argoproj.io/secret-type";
/// Value of [`SECRET_TYPE`] on a cluster Secret.
pub const SECRET_TYPE_CLUSTER: &str = "cluster";
/// `SECRET_TYPE=cluster`, as a label selector for list and watch calls.
pub const CLUSTER_SECRETS: &str = "argocd.argoproj.io/secret-type=cluster";
/// Annotation that asks the ApplicationSet controller for a reconcile (Argo CD `common/common.go`,
/// `AnnotationApplicationSetRefresh`).
pub const REFRESH: &str = "argocd.argoproj.io/application-set-refresh";
/// Annotation in which `kubectl apply` keeps a copy of the whole object, for a Secret its credentials too.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Prefix of a toggle label: `enable_<addon>`.
pub const TOGGLE_PREFIX: &str = "enable_";
/// Short name of the cluster; label and annotation.
pub const CLUSTER_NAME: &str = "cluster_name";
/// Environment of the cluster; label and annotation.
pub const ENVIRONMENT: &str = "environment";
/// Kubernetes version, `1.33`; a label of the pattern.
pub const KUBERNETES_VERSION: &str = "kubernetes_version";
/// Name of the cluster in EKS; annotation, and label where it fits.
pub const AWS_CLUSTER_NAME: &str = "aws_cluster_name";
/// AWS region; annotation.
pub const AWS_REGION: &str = "aws_region";
/// AWS account id; annotation.
pub const AWS_ACCOUNT_ID: &str = "aws_account_id";
/// VPC id; annotation.
pub const AWS_VPC_ID: &str = "aws_vpc_id";

/// AWS partition, `aws`, `aws-cn`, …; annotation.
pub const AWS_PARTITION: &str = "aws_partition";
/// Security group that EKS made for the cluster; annotation.
pub const AWS_CLUSTER_SECURITY_GROUP_ID: &str = "aws_cluster_security_group_id";
/// OIDC provider of the cluster as IAM names it, the issuer without its scheme; annotation.
pub const AWS_OIDC_PROVIDER: &str = "aws_oidc_provider";
/// CIDR of Service addresses; annotation.
pub const AWS_SERVICE_CIDR: &str = "aws_service_cidr";
/// `ipv4` or `ipv6`; annotation.
pub const AWS_IP_FAMILY: &str = "aws_ip_family";
/// Who reaches the API server: `public`, `private`, `public-and-private`; annotation.
pub const AWS_ENDPOINT_ACCESS: &str = "aws_endpoint_access";
/// `API`, `API_AND_CONFIG_MAP` or `CONFIG_MAP`; annotation.
pub const AWS_AUTHENTICATION_MODE: &str = "aws_authentication_mode";
/// EKS platform version, `eks.4`; annotation.
pub const AWS_PLATFORM_VERSION: &str = "aws_platform_version";
/// `STANDARD` or `EXTENDED` support; annotation.
pub const AWS_SUPPORT_TYPE: &str = "aws_support_type";
/// Whether EKS Auto Mode is on, `true` or `false`; annotation.
pub const AWS_AUTO_MODE: &str = "aws_auto_mode";

/// Prefix of the keys that are this project's own. Frozen: Secrets in the field carry it.
pub const OWN_PREFIX: &str = "kubectl-bridge/";
/// Label `true`: the cluster is being taken out; the generator leaves it out of every answer.
pub const DRAIN: &str = "kubectl-bridge/drain";
/// Annotation: who changed what last, as JSON.
pub const LAST_CHANGE: &str = "kubectl-bridge/last-change";
/// Annotation: the EKS cluster ARN.
pub const CLUSTER_ARN: &str = "kubectl-bridge/cluster-arn";
/// Annotation: when EKS created the cluster (RFC 3339); another value under the same ARN is another cluster.
pub const CREATED_AT: &str = "kubectl-bridge/created-at";
/// Annotation: how Argo CD gets in: `direct`, `role`, `capability`, `token`, `certificate`, `in-cluster`.
pub const ACCESS: &str = "kubectl-bridge/access";
/// Annotation: what was made in AWS for this cluster, as JSON; missing where nothing was.
pub const GRANTS: &str = "kubectl-bridge/grants";
/// Annotation: version of the keys above.
pub const SCHEMA: &str = "kubectl-bridge/schema";
/// Value of [`SCHEMA`] written today.
pub const SCHEMA_VERSION: &str = "1";

/// Field manager of every write, and the first word of the user agent. Frozen: managed fields in the field carry it.
pub const FIELD_MANAGER: &str = "kubectl-bridge";
/// Namespace of Argo CD unless told otherwise.
pub const DEFAULT_NAMESPACE: &str = "argocd";

/// Whether `key` belongs to this project and so stays out of generator answers.
pub fn is_own(key: &str) -> bool {
    key.starts_with(OWN_PREFIX)
}

/// Annotations that Argo CD's own cluster generator leaves out: state of Argo CD and kubectl, or a trigger that must not
/// be copied into an Application (Argo CD 3.6 `applicationset/generators/cluster.go`, `excludedClusterAnnotations`).
const EXCLUDED_BY_ARGO_CD: [&str; 7] = [
    LAST_APPLIED,
    "argocd.argoproj.io/refresh",
    "argocd.argoproj.io/refresh-timestamp",
    "argocd.argoproj.io/hydrate",
    "argocd.argoproj.io/hydrate-timestamp",
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/installation-id",
];

/// Whether an annotation stays out of generator answers: our own, and those that Argo CD leaves out itself.
pub(crate) fn is_unserved_annotation(key: &str) -> bool {
    is_own(key) || EXCLUDED_BY_ARGO_CD.contains(&key)
}

/// The toggle's addon part: `enable_metrics_server` gives `metrics_server`.
pub fn toggle_addon(label: &str) -> Option<&str> {
    label
        .strip_prefix(TOGGLE_PREFIX)
        .filter(|addon| !addon.is_empty())
}
