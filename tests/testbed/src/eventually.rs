use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep, timeout_at};

use crate::failure;

const PAUSE: Duration = Duration::from_millis(50);

/// Calls `f` every 50 ms until it returns a value. `Ok(None)` means "not yet"; an error means the same and is
/// remembered: when the time is up, the last one is the cause of the returned error.
///
/// # Errors
/// When `f` has returned no value within `limit`; the message holds `what`, which should read well after "waited for".
pub async fn eventually<T, F>(what: &str, limit: Duration, mut f: F) -> Result<T>
where
    F: AsyncFnMut() -> Result<Option<T>>,
{
    let start = Instant::now();
    let deadline = start + limit;
    let mut last = anyhow!("the first look did not come back in time");
    loop {
        match timeout_at(deadline, f()).await {
            Ok(Ok(Some(value))) => return Ok(value),
            Ok(Ok(None)) => last = anyhow!("it is not there yet"),
            Ok(Err(error)) => last = error,
            // Cut off by the deadline: what the look before it saw says more.
            Err(_) => {}
        }
        if Instant::now() + PAUSE > deadline {
            failure::note();
            return Err(last.context(format!(
                "waited for {what}, {:.1} s",
                start.elapsed().as_secs_f64()
            )));
        }
        sleep(PAUSE).await;
    }
}
