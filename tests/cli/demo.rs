//! `demo`: the whole of it, as a person sees it.

use crate::run::Bridge;

#[test]
fn the_demo_tells_its_story() {
    let bridge = Bridge::bare();
    let text = bridge.line("demo").fine();
    for part in [
        "$ kubectl bridge register control-plane --in-cluster --aws-cluster-name acme-control-plane --enable cert-manager",
        "cluster/dev created",
        "$ kubectl bridge addons dev --enable karpenter",
        "cluster/dev configured",
        "NAME",
        "control-plane",
        "> POST http://127.0.0.1:",
        "< 200 OK",
        "<   {\"metadata\":{\"annotations\":{\"aws_vpc_id\":\"vpc-0",
        "\"name\":\"dev\"",
        "kubectl bridge demo --keep ./hub",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.lines().count() < 55, "readable in twenty seconds: {text}");
    let made: Vec<_> = std::fs::read_dir(bridge.home()).unwrap().collect();
    assert!(made.is_empty(), "{made:?}");
}

#[test]
fn a_kept_hub_is_one_to_work_on() {
    let bridge = Bridge::bare();
    bridge.line("demo --keep hub").fine();
    bridge
        .line("demo --keep hub")
        .fails(1, &["--keep hub", "not empty"]);
    let bridge = bridge.with_globals(&["--hub-dir", "hub"]);
    assert_eq!(
        bridge.line("get -o name").quiet(),
        "cluster/control-plane\ncluster/dev\ncluster/prod\ncluster/staging\n"
    );
    bridge
        .line("addons -l environment!=control-plane --enable cert-manager --dry-run")
        .fine();
    bridge.line("params --appset karpenter").fine();
}
