//! The objects that Argo CD expects to find in its namespace.

/// What an install of Argo CD leaves in its namespace, as far as its components look for it. `secret_key` signs
/// sessions; it is in base64.
pub(crate) fn argo_cd_namespace(namespace: &str, secret_key: &str) -> String {
    use std::fmt::Write as _;
    let mut text = format!(
        "apiVersion: v1
kind: Namespace
metadata:
  name: {namespace}
---
apiVersion: v1
kind: Secret
metadata:
  name: argocd-secret
  namespace: {namespace}
  labels: {{app.kubernetes.io/name: argocd-secret, app.kubernetes.io/part-of: argocd}}
data:
  server.secretkey: {secret_key}
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: default
  namespace: {namespace}
spec:
  sourceRepos: ['*']
  destinations: [{{namespace: '*', server: '*'}}]
  clusterResourceWhitelist: [{{group: '*', kind: '*'}}]
"
    );
    for name in [
        "argocd-cm",
        "argocd-rbac-cm",
        "argocd-cmd-params-cm",
        "argocd-tls-certs-cm",
        "argocd-ssh-known-hosts-cm",
        "argocd-gpg-keys-cm",
    ] {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  namespace: {namespace}
  labels: {{app.kubernetes.io/name: {name}, app.kubernetes.io/part-of: argocd}}
"
        );
    }
    text
}
