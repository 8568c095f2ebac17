use std::path::Path;

use anyhow::Result;

use crate::binaries::Binaries;
use crate::component::Launch;
use crate::ports;
use crate::service::{self, Ready, Service};

const DELETION: &str = "garbage-collector-controller,namespace-controller";

/// Starts kube-controller-manager with the two controllers that deletion needs: without the garbage collector a
/// deletion in the foreground, which is Argo CD's, never ends; without the namespace controller no namespace goes.
/// Where the folder is that of the API server, with the key that it signs with, Secrets of the type
/// `kubernetes.io/service-account-token` get their tokens as well.
pub(crate) async fn start(binaries: &Binaries, folder: &Path, kubeconfig: &Path) -> Result<Service> {
    service::start(folder, || {
        let port = ports::free()?;
        let launch = Launch::new(
            "kube-controller-manager",
            binaries.path("kube-controller-manager"),
        )
        .flag("--kubeconfig", kubeconfig)
        .flag("--authentication-kubeconfig", kubeconfig)
        .flag("--authorization-kubeconfig", kubeconfig)
        .flag("--leader-elect", "false")
        .flag("--bind-address", "127.0.0.1")
        .flag("--secure-port", port.to_string())
        .flag("--cert-dir", folder.join("controller-manager-certificates"));
        let key = folder.join("service-account.key");
        let launch = if key.exists() {
            launch
                .flag(
                    "--controllers",
                    format!("{DELETION},serviceaccount-token-controller"),
                )
                .flag("--service-account-private-key-file", key)
                .flag("--root-ca-file", folder.join("ca.crt"))
        } else {
            launch.flag("--controllers", DELETION)
        };
        Ok((launch, Ready::Listening(port)))
    })
    .await
}
