use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use crate::component::{Component, Launch};
use crate::http_get::{http_get, is_open};

const TRIES: u32 = 5;
const READY_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(25);

/// What tells that a component is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ready {
    /// It accepts connections on this port.
    Open(u16),
    /// It serves its metrics on this port.
    Metrics(u16),
}

impl Ready {
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Open(port) | Self::Metrics(port) => port,
        }
    }

    async fn is_ready(self) -> bool {
        match self {
            Self::Open(port) => is_open(port).await,
            Self::Metrics(port) => http_get(port, "/metrics").await.is_ok(),
        }
    }
}

/// A component that is ready, and the port that told so.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) component: Component,
    pub(crate) port: u16,
}

/// Starts a component and waits until it is ready. `launch` picks ports; it is called again when another process was
/// faster to take one of them.
pub(crate) async fn start(folder: &Path, launch: impl Fn() -> Result<(Launch, Ready)>) -> Result<Service> {
    let mut tries = 0;
    loop {
        tries += 1;
        let (launch, ready) = launch()?;
        let component = Component::start(folder, &launch)?;
        match wait_until_ready(&component, ready).await {
            Ok(()) => {
                return Ok(Service {
                    component,
                    port: ready.port(),
                });
            }
            Err(error) if tries == TRIES || !component.lost_its_port() => return Err(error),
            Err(_) => {}
        }
    }
}

async fn wait_until_ready(component: &Component, ready: Ready) -> Result<()> {
    let start = Instant::now();
    while !ready.is_ready().await {
        component.check_alive()?;
        if start.elapsed() > READY_WITHIN {
            bail!(
                "{} is not ready after {} s; its log ends with:\n{}",
                component.name(),
                READY_WITHIN.as_secs(),
                component.log_tail()
            );
        }
        sleep(POLL).await;
    }
    // Whoever answered on that port may have been somebody else.
    component.check_alive()
}
