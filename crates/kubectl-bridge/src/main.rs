//! `kubectl bridge`: see the library for all of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One TLS provider for the whole tree. A second installation can only find the first one in place.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let words: Vec<_> = std::env::args_os().collect();
    kubectl_bridge::main_with(&words).into()
}
