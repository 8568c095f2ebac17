use std::fmt;

use crate::flips::Cost;

/// The table of the README: `clusters` and the service side by side, one row for each kind of change.
pub struct Table {
    title: String,
    rows: Vec<String>,
}

impl Table {
    pub fn new(sets: usize, clusters: usize, applications: usize) -> Self {
        Self {
            title: format!("{sets} ApplicationSets, {clusters} clusters, {applications} Applications"),
            rows: Vec::new(),
        }
    }

    /// Adds what a kind of change cost on `clusters` and with the service.
    pub fn add(&mut self, change: &str, [clusters, service]: &[Vec<Cost>; 2]) {
        let cpu = [cpu_seconds(clusters), cpu_seconds(service)];
        let ratio = if cpu[1] >= 0.01 {
            format!("{:.0}x", cpu[0] / cpu[1])
        } else {
            "–".to_owned()
        };
        self.rows.push(format!(
            "| {change} | {} | {} | {} | {} | {:.2} s | {:.2} s | {ratio} |",
            latency(clusters),
            latency(service),
            reconciles(clusters),
            reconciles(service),
            cpu[0],
            cpu[1],
        ));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; times: the median and the longest\n", self.title)?;
        writeln!(
            f,
            "| change of one cluster Secret | Application there or gone: `clusters` | `bridge-generator` | \
             reconciles: `clusters` | `bridge-generator` | controller CPU: `clusters` | `bridge-generator` | ratio |"
        )?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        Ok(())
    }
}

/// The median and the longest; a dash where no Application was waited for.
fn latency(costs: &[Cost]) -> String {
    let mut latencies: Vec<_> = costs.iter().filter_map(|cost| cost.latency).collect();
    latencies.sort();
    match (latencies.get(latencies.len() / 2), latencies.last()) {
        (Some(median), Some(longest)) => {
            format!("{:.2} s ({:.2} s)", median.as_secs_f64(), longest.as_secs_f64())
        }
        _ => "–".to_owned(),
    }
}

/// One number if all are alike, else the fewest and the most.
fn reconciles(costs: &[Cost]) -> String {
    let counts = || costs.iter().map(|cost| cost.reconciles);
    match (counts().min(), counts().max()) {
        (Some(fewest), Some(most)) if fewest != most => format!("{fewest} to {most}"),
        (Some(all), _) => all.to_string(),
        (None, _) => "–".to_owned(),
    }
}

/// The mean: the kernel counts in steps of 10 ms.
fn cpu_seconds(costs: &[Cost]) -> f64 {
    let count = u32::try_from(costs.len()).unwrap_or(u32::MAX).max(1);
    costs.iter().map(|cost| cost.cpu_seconds).sum::<f64>() / f64::from(count)
}
