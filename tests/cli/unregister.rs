//! `unregister` on a folder hub.

use crate::{fleet::sample, run::Bridge};

#[test]
fn a_folder_loses_one_file() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    let ran = bridge.line("unregister dev --dry-run");
    assert_eq!(ran.fine(), "cluster/dev deleted (dry run)\n");
    assert_eq!(bridge.hub_files(), before);
    let ran = bridge.line("unregister dev");
    assert!(
        ran.stderr.contains("a folder does not know Applications"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "cluster/dev deleted\n");
    let gone: Vec<_> = before
        .iter()
        .filter(|file| !bridge.hub_files().contains(file))
        .map(|(path, _)| path.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(gone, ["dev.yaml"]);
    let plan = bridge.line("unregister prod -o json").fine();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(
        (&plan["kind"], &plan["items"][0]["result"]),
        (&"Plan".into(), &"deleted".into())
    );
}

#[test]
fn what_a_folder_cannot_do_and_what_is_not_there() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    for (line, code, parts) in [
        (
            "unregister dev --drain",
            1,
            &["a folder hub cannot drain a cluster", "--drain"][..],
        ),
        ("unregister dev --dry-run=server", 1, &["--dry-run=server"]),
        (
            "unregister stagng",
            1,
            &["cluster \"stagng\" not found", "did you mean \"staging\"?"],
        ),
        (
            "unregister dev --drain --keep-workloads",
            2,
            &["--keep-workloads"],
        ),
        ("unregister dev --timeout 5m", 2, &["--drain"]),
        (
            "unregister dev --drain --timeout 5",
            2,
            &["--timeout \"5\" is not a duration"],
        ),
        ("unregister", 2, &["NAME"]),
    ] {
        bridge.line(line).fails(code, parts);
    }
    assert_eq!(bridge.line("unregister gone --ignore-not-found").fine(), "");
    assert_eq!(bridge.hub_files(), before);
}
