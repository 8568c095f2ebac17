//! The log of the program, on standard error. No token and no Secret ever gets in there: neither is kept in a form that
//! could be printed.

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Starts logging. `RUST_LOG` chooses what; `info` unless set.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_target(false).try_init(),
    };
    if started.is_err() {
        tracing::debug!("a log was there already");
    }
}
