//! Help and exit codes of the command line itself.

use crate::run::Bridge;

const COMMANDS: [&str; 15] = [
    "get",
    "describe",
    "addons",
    "label",
    "annotate",
    "init",
    "register",
    "update",
    "check",
    "discover",
    "unregister",
    "params",
    "demo",
    "version",
    "completion",
];

#[test]
fn help_speaks_of_kubectl_bridge() {
    let bridge = Bridge::bare();
    let top = bridge.line("--help").quiet();
    assert!(top.contains("Usage: kubectl bridge "), "{top}");
    assert!(
        top.contains("Exit codes: 0 done, 1 failed, 2 usage error, 130 interrupted."),
        "{top}"
    );
    for command in COMMANDS {
        assert!(
            top.lines().any(|line| line.trim_start().starts_with(command)),
            "{command}: {top}"
        );
        let help = bridge.line(&format!("{command} --help")).quiet();
        assert!(
            help.contains(&format!("Usage: kubectl bridge {command}")),
            "{help}"
        );
        assert!(
            help.contains("Examples:\n") && help.contains(&format!("kubectl bridge {command}")),
            "{help}"
        );
        assert!(
            help.contains("Connection to the hub:\n"),
            "{command} takes the connection flags"
        );
        for flag in [
            "--kubeconfig",
            "--context",
            "--as-group",
            "--request-timeout",
            "-n, --namespace",
            "--hub-dir",
        ] {
            assert!(help.contains(flag), "{command} {flag}");
        }
        assert!(
            help.lines().all(|line| line.chars().count() <= 120),
            "{command}: {help}"
        );
    }
}

#[test]
fn usage_errors_are_2_and_point_to_help() {
    let bridge = Bridge::bare();
    for (line, parts) in [
        (
            "gte",
            &[
                "unrecognized subcommand 'gte'",
                "See 'kubectl bridge -h' for help and examples",
            ][..],
        ),
        (
            "get --selectr a",
            &["'--selectr'", "See 'kubectl bridge get -h' for help and examples"],
        ),
        ("describe", &["<NAME>", "See 'kubectl bridge describe -h'"]),
        (
            "get -o xml",
            &[
                "no such format (table, wide, json, yaml, name, jsonpath=TEMPLATE)",
                "See 'kubectl bridge get -h'",
            ],
        ),
        ("get -o jsn", &["did you mean \"json\"?"]),
        (
            "label dev",
            &[
                "at least one label change is needed",
                "See 'kubectl bridge label -h'",
            ],
        ),
        ("addons dev --enable keda --dry-run=maybe", &["maybe"]),
        ("addons dev --timeout 5m", &["--wait"]),
        ("addons dev --wait", &["--wait waits for a switch"]),
        (
            "get --request-timeout 5",
            &["--request-timeout \"5\" is not a duration"],
        ),
        ("get --as-group g", &["need --as USER"]),
    ] {
        bridge.line(line).fails(2, parts);
    }
    let bare = bridge.line("");
    assert_eq!(bare.code, 2);
    assert!(bare.stderr.contains("Examples:"), "{}", bare.stderr);
    let with_folder = Bridge::bare()
        .command(&[])
        .env("BRIDGE_HUB_DIR", "hub")
        .output()
        .unwrap();
    assert_eq!(with_folder.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&with_folder.stderr).contains("Examples:"));
}

#[test]
fn a_slip_of_a_command_is_recognised() {
    Bridge::bare().line("adons").fails(2, &["addons"]);
    Bridge::bare().line("regster dev").fails(2, &["register"]);
}

#[test]
fn colour_only_where_it_is_asked_for() {
    let bridge = Bridge::bare();
    let coloured = bridge
        .command(&["get", "gone", "--hub-dir", "nowhere", "--color", "always"])
        .env_remove("NO_COLOR")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&coloured.stderr).contains("\u{1b}["));
    let plain = bridge
        .command(&["get", "gone", "--hub-dir", "nowhere"])
        .env_remove("NO_COLOR")
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&plain.stderr).contains('\u{1b}'));
}
