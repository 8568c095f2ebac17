use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use crate::component::{Component, Launch};
use crate::http_get::http_get;
use crate::ports;

const TRIES: u32 = 5;
const READY_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(25);

/// What tells that a component is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ready {
    /// It listens on this port.
    Listening(u16),
    /// It listens on this port and serves its metrics there.
    Metrics(u16),
}

impl Ready {
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Listening(port) | Self::Metrics(port) => port,
        }
    }

    async fn is_ready(self, component: &Component) -> Result<bool> {
        component.check_alive()?;
        if !ports::is_held_by(self.port(), component.pid()?) {
            return Ok(false);
        }
        Ok(match self {
            Self::Listening(_) => true,
            Self::Metrics(port) => http_get(port, "/metrics").await.is_ok(),
        })
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
    while !ready.is_ready(component).await? {
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::TcpListener;

    use super::*;
    use crate::binaries::Binaries;
    use crate::scratch::Scratch;

    #[tokio::test]
    async fn a_port_that_another_process_took_is_replaced() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = (taken.local_addr().unwrap().port(), taken);
        let scratch = Scratch::create("service").unwrap();
        let redis = Binaries::locate().unwrap().path("redis");
        let starts = Cell::new(0);
        let service = start(scratch.path(), || {
            starts.set(starts.get() + 1);
            let port = if starts.get() == 1 {
                taken.0
            } else {
                ports::free()?
            };
            let launch = Launch::new("redis", redis.clone()).flag("--addr", format!("127.0.0.1:{port}"));
            Ok((launch, Ready::Listening(port)))
        })
        .await
        .unwrap();
        assert_eq!(starts.get(), 2);
        assert_ne!(service.port, taken.0);
        service.component.check_alive().unwrap();
    }
}
