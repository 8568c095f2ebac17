//! How long it takes from a label of a cluster Secret to the Application, and what that costs: ApplicationSets shaped
//! like the pattern's on `clusters` generators and on the plugin generator, side by side on one API server, each with a
//! real applicationset-controller. Prints the table that the README carries; what it asserts is counts, not times.

#[path = "fresh/fleet.rs"]
mod fleet;
#[path = "fresh/flips.rs"]
mod flips;
#[path = "fresh/table.rs"]
mod table;
#[path = "fresh/watch.rs"]
mod watch;

mod support;

use std::ops::RangeInclusive;

use fleet::{ADDONS, CLUSTERS};
use flips::{Bench, Cost, Flip};
use support::{side::Side, twin::twin};
use table::Table;

/// Flips of each kind, in each environment.
const TIMES: usize = 3;

#[tokio::test]
async fn one_flip_costs_one_reconcile() {
    let (secrets, sets) = (fleet::secrets(), fleet::sets());
    let on_clusters = async {
        let side = Side::with_clusters(&secrets).await?;
        side.apply(sets.iter().cloned()).await?;
        Bench::new(side).await
    };
    let on_plugin = async {
        let side = Side::with_plugin(&secrets).await?;
        side.apply(sets.iter().map(twin)).await?;
        Bench::new(side).await
    };
    let (mut clusters, mut plugin) = tokio::try_join!(on_clusters, on_plugin).unwrap();
    let applications = clusters.applications();
    assert_eq!(applications, fleet::toggles_that_are_on());
    assert_eq!(applications, plugin.applications());

    let mut table = Table::new(ADDONS.len(), CLUSTERS, applications);
    for environment in ["dev", "prod"] {
        for (on, word) in [(false, "off"), (true, "on")] {
            let mut costs: [Vec<Cost>; 2] = Default::default();
            for (addon, cluster) in &fleet::flips(environment, TIMES) {
                let flip = Flip { addon, cluster, on };
                costs[0].push(clusters.flip(&flip).await.unwrap());
                costs[1].push(plugin.flip(&flip).await.unwrap());
            }
            table.add(&format!("{environment}, an addon switched {word}"), &costs);
            // Argo CD looks at a set again when an Application of it was deleted, also when it did that itself
            // (`applicationset_controller.go`, `getApplicationOwnsHandler`), unless that falls together with the first
            // look. Whatever it does, it was asked once.
            let again = u64::from(!on);
            assert_reconciles(&costs[0], sets.len() as u64..=sets.len() as u64 + again, &table);
            assert_reconciles(&costs[1], 1..=1 + again, &table);
            assert!(costs[1].iter().all(|cost| cost.pushes == 1), "{costs:?}");
        }
    }
    let mut costs: [Vec<Cost>; 2] = Default::default();
    for cluster in 0..TIMES {
        costs[0].push(clusters.annotate(cluster).await.unwrap());
        costs[1].push(plugin.annotate(cluster).await.unwrap());
    }
    table.add("an annotation that no template reads", &costs);
    assert_reconciles(&costs[0], sets.len() as u64..=sets.len() as u64, &table);
    assert_reconciles(&costs[1], 0..=0, &table);
    assert!(costs[1].iter().all(|cost| cost.pushes == 0), "{costs:?}");
    println!("{table}");
}

fn assert_reconciles(costs: &[Cost], expected: RangeInclusive<u64>, table: &Table) {
    assert_eq!(costs.len(), TIMES);
    let as_expected = costs.iter().all(|cost| expected.contains(&cost.reconciles));
    assert!(
        as_expected,
        "{expected:?} reconciles expected of each: {costs:?}\n{table}"
    );
}
