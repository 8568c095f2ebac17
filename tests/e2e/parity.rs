//! The plugin generator against Argo CD's own `clusters` generator: the same ApplicationSets, once as they are and once
//! with every generator swapped, in two namespaces with equal cluster Secrets, each with a real
//! applicationset-controller. What comes out must be equal, except where Argo CD makes that impossible: those
//! differences are pinned in `parity/pins.rs`.

#[path = "parity/compare.rs"]
mod compare;
#[path = "parity/fleet.rs"]
mod fleet;
#[path = "parity/pins.rs"]
mod pins;
#[path = "parity/sets.rs"]
mod sets;
mod support;

use compare::assert_equal;
use serde_json::Value;
use support::twin::{each_generator, swap, twin};

/// Every shape of generator, on a fleet with names and values of every kind.
#[tokio::test]
async fn our_fixtures_make_the_same_applications() {
    let sets = sets::fixtures().unwrap();
    assert_equal(&fleet::varied(), &sets, twin).await.unwrap();
}

/// Where the hub has no cluster Secret, Argo CD adds an entry for it that no Secret stands behind.
#[tokio::test]
async fn a_hub_without_a_secret_is_served_as_argo_cd_does() {
    let spokes = fleet::without_the_hub();
    let outcome = assert_equal(&spokes, &sets::fixtures().unwrap(), twin)
        .await
        .unwrap();
    for name in ["plain-flat-in-cluster", "plain-go-in-cluster"] {
        assert!(outcome.contains(name), "{name} is not among {outcome:?}");
    }
}

/// Moving a merge over one generator at a time: the first child goes first.
#[tokio::test]
async fn the_first_generator_of_a_merge_can_move_alone() {
    let mut sets = sets::fixtures().unwrap();
    sets.retain(|set| {
        set.pointer("/spec/generators/0/merge/generators/0/clusters")
            .is_some()
    });
    assert!(sets.len() >= 2, "no fixture merges clusters generators");
    let first = |set: &Value| {
        let mut set = set.clone();
        each_generator(&mut set["spec"], |generator| {
            let merged = &mut generator["merge"]["generators"];
            swap(&mut merged[0]);
        });
        set
    };
    assert_equal(&fleet::varied(), &sets, first).await.unwrap();
}

#[tokio::test]
async fn real_addon_sets_make_the_same_applications() {
    let Some(sets) = sets::real("applicationsets").unwrap() else {
        return;
    };
    assert_equal(&fleet::varied(), &sets, twin).await.unwrap();
}

/// The pattern names these Applications after the environment, so there is one cluster in each.
#[tokio::test]
async fn real_workloads_make_the_same_applications() {
    let Some(mut sets) = sets::real("bootstrap").unwrap() else {
        return;
    };
    sets.retain(|set| set["metadata"]["name"] == "workloads");
    assert_equal(&fleet::one_for_each_environment(), &sets, twin)
        .await
        .unwrap();
}

/// The pattern's app of apps makes an Application of a fixed name, so there is one cluster.
#[tokio::test]
async fn the_real_app_of_apps_makes_the_same_application() {
    let Some(mut sets) = sets::real("bootstrap").unwrap() else {
        return;
    };
    sets.retain(|set| set["metadata"]["name"] == "cluster-addons");
    assert_equal(&fleet::varied()[..1], &sets, twin).await.unwrap();
}
