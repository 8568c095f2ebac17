use std::path::Path;

use anyhow::Result;

use crate::binaries::Binaries;
use crate::component::Launch;
use crate::ports;
use crate::service::{self, Ready, Service};

/// Starts kube-controller-manager with the two controllers that deletion needs: without the garbage collector a
/// deletion in the foreground, which is Argo CD's, never ends; without the namespace controller no namespace goes.
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
        .flag(
            "--controllers",
            "garbage-collector-controller,namespace-controller",
        )
        .flag("--leader-elect", "false")
        .flag("--bind-address", "127.0.0.1")
        .flag("--secure-port", port.to_string())
        .flag("--cert-dir", folder.join("controller-manager-certificates"));
        Ok((launch, Ready::Listening(port)))
    })
    .await
}
