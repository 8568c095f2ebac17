use std::time::Duration;

use anyhow::Result;
use testbed::ArgoCd;
use tokio::time::sleep;

/// Long enough for one reconcile to cause the next.
const QUIET: Duration = Duration::from_secs(1);
/// A controller that never comes to rest is retrying something that fails.
const AT_REST_WITHIN: usize = 90;

/// Waits until the applicationset-controller has done nothing for a second; gives how many reconciles it has run since
/// its start. It is asked seldom: what it costs to answer is part of its CPU time.
pub async fn at_rest(argo_cd: &ArgoCd) -> Result<u64> {
    let mut before = None;
    for _ in 0..AT_REST_WITHIN {
        sleep(QUIET).await;
        let metrics = argo_cd.metrics().await?;
        let total = reconciles(&metrics);
        if busy(&metrics) == 0 && before == Some(total) {
            return Ok(total);
        }
        before = Some(total);
    }
    anyhow::bail!(
        "the applicationset-controller does not come to rest; its log ends with:\n{}",
        argo_cd.log_tail()
    )
}

fn reconciles(metrics: &str) -> u64 {
    sum(metrics, "controller_runtime_reconcile_total")
}

fn busy(metrics: &str) -> u64 {
    sum(metrics, "controller_runtime_active_workers") + sum(metrics, "workqueue_depth")
}

/// The samples of a counter or gauge that speak of the ApplicationSet controller, added up.
fn sum(metrics: &str, name: &str) -> u64 {
    metrics
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once("} "))
        .filter(|(labels, _)| labels.contains(r#""applicationset""#))
        .filter_map(|(_, value)| value.trim().parse::<u64>().ok())
        .sum()
}
