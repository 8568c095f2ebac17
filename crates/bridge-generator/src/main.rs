//! Entry point.

use std::process::ExitCode;

use bridge_generator::{args::Args, logging, run};
use clap::Parser as _;

fn main() -> ExitCode {
    let args = Args::parse();
    logging::init(args.log_format);
    // One TLS provider in the whole process, before the first client.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        tracing::debug!("a TLS provider was there already");
    }
    let outcome = tokio::runtime::Builder::new_multi_thread()
        // Work on a large fleet must not keep an answer waiting, not even in a Pod that has one processor.
        .worker_threads(std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 4)))
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let outcome = runtime.block_on(run::run(args));
            // A look at a disk that hangs is not waited for.
            runtime.shutdown_background();
            outcome
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "bridge-generator ends");
            ExitCode::FAILURE
        }
    }
}
