//! Answers of plain API calls, and their failures in kubectl's words and without credentials.

use anyhow::anyhow;
use k8s_openapi::apimachinery::pkg::version::Info;

/// `1.34`: EKS calls its minor version "34+".
pub fn version(info: &Info) -> String {
    let minor: String = info.minor.chars().take_while(char::is_ascii_digit).collect();
    format!("{}.{minor}", info.major)
}

/// A failed API call. The library's own texts are not kept: they may quote what a credential plugin printed.
pub(in crate::commands) fn failed(what: &str, error: &kube::Error) -> anyhow::Error {
    let cause = match error {
        kube::Error::Api(status) => {
            let reason = if status.reason.is_empty() {
                status.code.to_string()
            } else {
                status.reason.clone()
            };
            format!("Error from server ({reason}): {}", status.message)
        }
        kube::Error::Auth(_) => "the kubeconfig's credential cannot be used".to_owned(),
        kube::Error::SerdeError(_) => "the answer cannot be read".to_owned(),
        other => {
            let chain = std::iter::successors(Some(other as &dyn std::error::Error), |error| error.source());
            chain.last().map_or_else(String::new, ToString::to_string)
        }
    };
    anyhow!("{what}: {cause}")
}
