use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::AWAY_ACCOUNT;
use crate::component::Launch;
use crate::ports;
use crate::scratch::Scratch;
use crate::service::{self, Ready, Service};

/// Names the folder that holds the programs.
const FOLDER: &str = "BRIDGE_AWS_EMULATORS";

/// A program that serves on loopback, and where it works. Dropped in this order.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) service: Service,
    _scratch: Scratch,
}

/// Every AWS service on one port; for EKS without Docker no cluster has an API server.
pub(super) async fn ministack() -> Result<Running> {
    let program = program("ministack")?;
    let scratch = Scratch::create("ministack")?;
    let service = service::start(scratch.path(), || {
        let port = ports::free()?;
        let launch = Launch::new("ministack", program.clone())
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("TMPDIR", scratch.path())
            // Services with ports of their own, on every interface.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("LOG_LEVEL", "WARNING")
            // The account of keys that it has not given out itself: those of sessions of Moto.
            .env("MINISTACK_ACCOUNT_ID", AWAY_ACCOUNT)
            // It takes these of its environment for a user's.
            .env("AWS_ACCESS_KEY_ID", "unused")
            .env("AWS_SECRET_ACCESS_KEY", "unused");
        Ok((launch, Ready::Listening(port)))
    })
    .await?;
    Ok(Running {
        service,
        _scratch: scratch,
    })
}

/// Moto's server, which loads a service when it is first asked for it.
pub(super) async fn moto() -> Result<Running> {
    let program = program("moto_server")?;
    let scratch = Scratch::create("moto")?;
    let service = service::start(scratch.path(), || {
        let port = ports::free()?;
        let launch = Launch::new("moto_server", program.clone())
            .flag("--host", "127.0.0.1")
            .flag("--port", port.to_string());
        Ok((launch, Ready::Listening(port)))
    })
    .await?;
    Ok(Running {
        service,
        _scratch: scratch,
    })
}

fn program(name: &str) -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let program = PathBuf::from(folder).join(name);
        if !program.is_file() {
            bail!(
                "{FOLDER} names a folder without {name}: there is no {}",
                program.display()
            );
        }
        return Ok(program);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .with_context(|| {
            format!(
                "there is no {name} on PATH: install tests/requirements.txt and say with {FOLDER} where (tests/run does both)"
            )
        })
}
