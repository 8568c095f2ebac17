//! `addons`: showing and switching, on a folder hub.

use serde_json::Value;

use crate::{
    fleet::{cluster, sample},
    run::Bridge,
};

#[test]
fn one_cluster_is_a_list_of_the_whole_catalog() {
    let bridge = Bridge::folder(&sample());
    let text = bridge.line("addons dev").quiet();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["ADDON", "STATE"]);
    assert_eq!(rows.len(), 1 + 48);
    for row in [["karpenter", "on"], ["keda", "off"], ["velero", "-"]] {
        assert!(rows.contains(&row.to_vec()), "{row:?}: {text}");
    }
    let prod = bridge.line("addons prod -o wide").quiet();
    let own = prod.lines().find(|line| line.starts_with("my-own ")).unwrap();
    assert!(
        own.contains("on") && own.contains("enable_my_own") && own.contains("not in the catalog"),
        "{own}"
    );
}

#[test]
fn the_fleet_is_a_matrix() {
    let bridge = Bridge::folder(&sample());
    let expected = "\
ADDON       DEV   PROD   STAGING
karpenter   on    -      -
keda        off   -      -
my-own      -     on     -
";
    assert_eq!(bridge.line("addons").quiet(), expected);
    assert_eq!(bridge.line("addons --all").quiet(), expected);
    let mut many = sample();
    for i in 0..8 {
        let name = format!("spoke-{i}");
        many.push((
            format!("clusters/{name}.yaml"),
            cluster(&name, &["enable_velero: 'true'"], &[]),
        ));
    }
    let turned = Bridge::folder(&many).line("addons").quiet();
    assert!(
        turned.starts_with("CLUSTER   karpenter   keda   my-own   velero\n"),
        "{turned}"
    );
    assert_eq!(turned.lines().count(), 12);
}

#[test]
fn a_switch_changes_just_its_labels() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    let ran =
        bridge.line("addons dev --enable aws-lbc,keda --disable karpenter --toggle enable_my_own=false");
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "cluster/dev configured\n"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.starts_with("hub: folder hub\n"), "{}", ran.stderr);
    for line in [
        "  + label enable_aws_load_balancer_controller: \"true\"",
        "  ~ label enable_karpenter: \"true\" -> \"false\"",
        "  ~ label enable_keda: \"false\" -> \"true\"",
        "  + label enable_my_own: \"false\"",
    ] {
        assert!(
            ran.stderr.lines().any(|have| have == line),
            "{line}: {}",
            ran.stderr
        );
    }
    assert!(
        ran.stderr
            .contains("effect: addons-keda: Application addon-dev-keda will appear on dev"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("effect: addons-karpenter: no longer selects dev"),
        "{}",
        ran.stderr
    );
    let one: Value = serde_json::from_str(&bridge.line("get dev -o json").quiet()).unwrap();
    let labels = &one["metadata"]["labels"];
    for (label, value) in [
        ("enable_aws_load_balancer_controller", "true"),
        ("enable_karpenter", "false"),
        ("enable_keda", "true"),
        ("enable_my_own", "false"),
        ("environment", "dev"),
    ] {
        assert_eq!(labels[label], value, "{label}");
    }
    let after = bridge.hub_files();
    let changed: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(old, new)| old != new)
        .collect();
    assert_eq!(changed.len(), 1, "only dev's file");
    let text = &changed[0].1.1;
    assert!(
        text.starts_with("# Kept by hand.\n") && text.contains("planted-credential"),
        "{text}"
    );
    let again = bridge.line("addons dev --enable keda");
    assert_eq!(again.fine(), "cluster/dev unchanged\n");
    assert_eq!(bridge.hub_files(), after);
}

#[test]
fn a_dry_run_shows_and_writes_nothing() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    for line in [
        "addons dev --enable velero --dry-run",
        "addons dev --enable velero --dry-run=client",
    ] {
        let text = bridge.line(line).fine();
        assert!(text.contains("  + label enable_velero: \"true\"\n"), "{text}");
        assert!(
            text.contains("effect: none, none of 3 ApplicationSets takes notice"),
            "{text}"
        );
        assert!(text.ends_with("cluster/dev configured (dry run)\n"), "{text}");
    }
    let plan: Value = serde_json::from_str(
        &bridge
            .line("addons dev --disable karpenter --dry-run -o json")
            .fine(),
    )
    .unwrap();
    assert_eq!(plan["kind"], "Plan");
    assert_eq!(plan["dryRun"], "client");
    assert_eq!(plan["items"][0]["cluster"], "dev");
    assert_eq!(plan["items"][0]["result"], "configured");
    assert_eq!(plan["items"][0]["keys"][0]["key"], "enable_karpenter");
    assert_eq!(
        plan["items"][0]["effect"]["ends"][0]["applicationSet"],
        "addons-karpenter"
    );
    assert_eq!(bridge.hub_files(), before);
}

#[test]
fn many_clusters_change_only_once_that_is_agreed() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    for line in [
        "addons dev prod --enable velero",
        "addons --all --enable velero",
        "addons -l environment!=dev --enable velero",
    ] {
        let ran = bridge
            .line(line)
            .fails(1, &["add --yes", "cluster/prod", "+ label enable_velero"]);
        assert!(ran.stderr.contains("Change "), "{}", ran.stderr);
    }
    bridge
        .line("addons --all --enable velero -o json")
        .fails(1, &["under -o json: add --yes"]);
    bridge
        .line("addons --all --enable velero --yes --max-clusters 2")
        .fails(1, &["3 clusters would change, more than --max-clusters 2"]);
    assert_eq!(bridge.hub_files(), before);
    let text = bridge
        .line("addons --all --enable velero --yes --max-clusters 3")
        .fine();
    assert_eq!(
        text,
        "cluster/dev configured\ncluster/prod configured\ncluster/staging configured\n"
    );
    let names = bridge
        .line("addons --all --enable velero,keda --yes -o name")
        .fine();
    assert_eq!(names, "cluster/dev\ncluster/prod\ncluster/staging\n");
    // One cluster of several that changes needs no question.
    bridge.line("addons dev --disable velero").fine();
    assert_eq!(
        bridge.line("addons --all --enable velero").fine(),
        "cluster/dev configured\ncluster/prod unchanged\ncluster/staging unchanged\n"
    );
}

#[test]
fn one_that_is_missing_does_not_stop_the_others() {
    let bridge = Bridge::folder(&sample());
    let ran = bridge.line("addons stagng dev --enable velero");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "cluster/dev configured\n"));
    assert!(
        ran.stderr.contains("cluster \"stagng\" not found"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("did you mean \"staging\"?"), "{}", ran.stderr);
}

/// `… 2>&1 | head -1` must not leave the half of a fleet switched.
#[test]
fn readers_that_go_away_stop_nothing() {
    let bridge = Bridge::folder(&sample());
    let mut child = bridge
        .command(&["addons", "--all", "--enable", "velero", "--yes"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let switched = bridge.line("get -l enable_velero=true -o name").quiet();
    assert_eq!(switched.lines().count(), 3, "{switched}");
}
