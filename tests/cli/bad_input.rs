//! Bad input: a clear error that names the object, the cause and the next step; the exit code; nothing half-written.

use crate::{
    fleet::{cluster, sample},
    run::Bridge,
};

const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
contexts: [{name: dev-hub, context: {cluster: c, user: u}}]
current-context: dev-hub
";

#[test]
fn kubeconfigs_that_cannot_be_used() {
    let bridge = Bridge::bare();
    let home = bridge.home();
    std::fs::write(home.join("broken"), "clusters: [unclosed").unwrap();
    std::fs::write(home.join("config"), KUBECONFIG).unwrap();
    for (line, parts) in [
        ("get", &["error: ", "kubeconfig", "hint: "][..]),
        ("get --kubeconfig nowhere", &["error: ", "nowhere", "hint: "]),
        ("get --kubeconfig broken", &["error: ", "broken", "hint: "]),
        (
            "get --kubeconfig config --context dev-hbu",
            &["error: ", "dev-hbu", "hint: "],
        ),
    ] {
        bridge.line(line).fails(1, parts);
    }
}

#[test]
fn a_token_that_fits_into_no_header() {
    let bridge = Bridge::bare();
    let config = |token: &str| KUBECONFIG.replace("user: {}", &format!("user: {{token: \"{token}\"}}"));
    std::fs::write(bridge.home().join("config"), config("secret\\nvalue")).unwrap();
    let ran = bridge.line("get --kubeconfig config").fails(
        1,
        &[
            "error: getting credentials from the kubeconfig: the token holds characters that a request header cannot",
            "hint: ",
        ],
    );
    assert!(!ran.stderr.contains("value"), "{}", ran.stderr);
    std::fs::write(bridge.home().join("config"), KUBECONFIG).unwrap();
    bridge
        .run(&["get", "--kubeconfig", "config", "--token", "a\nb"])
        .fails(1, &["error: getting credentials from --token: "]);
}

#[test]
#[cfg(unix)]
fn ctrl_c_is_heard_while_a_credential_plugin_hangs() {
    let bridge = Bridge::bare();
    let plugin = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, args: [-c, 'echo > asked; exec sleep 20'], interactiveMode: Never}}";
    let config = KUBECONFIG.replace("user: {}", &format!("user: {plugin}"));
    std::fs::write(bridge.home().join("config"), config).unwrap();
    let started = std::time::Instant::now();
    let child = bridge
        .command(&["addons", "dev", "--enable", "keda", "--kubeconfig", "config"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .env("PATH", "/bin:/usr/bin")
        .spawn()
        .unwrap();
    while !bridge.home().join("asked").exists() {
        assert!(started.elapsed().as_secs() < 10, "the plugin was never asked");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
}

#[test]
fn hubs_that_cannot_be_reached() {
    let bridge = Bridge::bare();
    std::fs::write(bridge.home().join("config"), KUBECONFIG).unwrap();
    for line in [
        "get --kubeconfig config",
        "describe dev --kubeconfig config",
        "addons dev prod --enable keda --yes --kubeconfig config",
        "label dev a=b --kubeconfig config",
        "annotate dev a=b --kubeconfig config",
        "params --kubeconfig config",
    ] {
        let ran = bridge.line(line).fails(1, &[
            "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
            "hint: ",
        ]);
        assert_eq!(
            ran.stderr.matches("was refused").count(),
            1,
            "{line} tells it once: {}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("error: The connection"), "{}", ran.stderr);
    }
}

#[test]
fn folders_that_are_no_hub() {
    let bridge = Bridge::bare();
    bridge.line("get --hub-dir nowhere").fails(1, &["nowhere"]);
    bridge
        .line("get --hub-dir hub --context x")
        .fails(2, &["--context names a live hub, but the hub is the folder hub"]);
    let from_environment = bridge
        .command(&["get", "--kubeconfig", "x"])
        .env("BRIDGE_HUB_DIR", "hub")
        .output()
        .unwrap();
    assert_eq!(from_environment.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&from_environment.stderr).contains("BRIDGE_HUB_DIR"));
    let empty = bridge
        .command(&["get", "--kubeconfig", "nowhere"])
        .env("BRIDGE_HUB_DIR", "")
        .output()
        .unwrap();
    assert_eq!(empty.status.code(), Some(1), "an empty variable is an unset one");
    assert!(String::from_utf8_lossy(&empty.stderr).contains("nowhere"));
}

#[test]
fn what_a_folder_cannot_do_is_refused_by_name() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    for (line, part) in [
        ("addons dev --enable keda --wait", "--wait"),
        ("addons dev --enable keda --dry-run=server", "--dry-run=server"),
        ("label dev a=b --dry-run=server", "--dry-run=server"),
        ("annotate dev a=b --dry-run=server", "--dry-run=server"),
    ] {
        bridge
            .line(line)
            .fails(1, &["a folder hub cannot", part, "leave --hub-dir out"]);
    }
    assert_eq!(bridge.hub_files(), before);
}

#[test]
fn unknown_clusters_name_the_nearest() {
    let bridge = Bridge::folder(&sample());
    for line in [
        "get stagng",
        "describe stagng",
        "addons stagng",
        "label stagng a=b",
        "annotate stagng a=b",
    ] {
        bridge.line(line).fails(
            1,
            &[
                "error: cluster \"stagng\" not found in folder hub; did you mean \"staging\"?",
                "hint: \"kubectl bridge get\" lists the clusters",
            ],
        );
    }
}

#[test]
fn selectors_that_cannot_be_read() {
    let bridge = Bridge::folder(&sample());
    for words in [
        ["get", "-l", "a in (b"],
        ["describe", "-l", "a in (b"],
        ["addons", "-l", "a in (b"],
        ["params", "-l", "a in (b"],
    ] {
        bridge
            .run(&words)
            .fails(2, &["-l", "unbalanced parentheses in selector \"a in (b\""]);
    }
    bridge
        .line("label dev -l a=b c=d")
        .fails(2, &["give cluster names, -l SELECTOR or --all: one of them"]);
    bridge
        .line("label a=b")
        .fails(2, &["name the clusters, or select them"]);
    let none = bridge.line("label -l environment=none a=b");
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert!(
        none.stderr
            .contains("No clusters in folder hub have the labels environment=none"),
        "{}",
        none.stderr
    );
}

/// What a script makes of a variable that is not set.
#[test]
fn nothing_is_not_all() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    for words in [
        &["addons", "-l", "", "--enable", "keda", "--yes"][..],
        &["label", "-l", " ", "a=b", "--yes"],
        &["annotate", "-l", "", "a=b", "--yes"],
    ] {
        bridge
            .run(words)
            .fails(2, &["-l is empty and would select every cluster: say --all"]);
    }
    for words in [
        &["get", ""][..],
        &["addons", "", "--enable", "keda"],
        &["describe", "dev", ""],
    ] {
        bridge.run(words).fails(2, &["the name of a cluster is empty"]);
    }
    assert_eq!(bridge.hub_files(), before);
    let config = Bridge::bare();
    config
        .run(&["get", "-n", "Argo CD"])
        .fails(2, &["-n \"Argo CD\" is not the name of a namespace"]);
}

#[test]
fn templates_that_cannot_be_read() {
    let bridge = Bridge::folder(&sample());
    for (template, part) in [
        ("{.items[*", "is not closed"),
        (".items", "has no {path}"),
        ("{range .items[*]}{.a}", "has no {end}"),
        ("{.items[?(@.a=)]}", "cannot read the path"),
        ("{.items[?(@.a==1]}", "has an unclosed ["),
    ] {
        let output = format!("jsonpath={template}");
        bridge
            .run(&["get", "-o", &output])
            .fails(2, &[part, "See 'kubectl bridge get -h'"]);
    }
    bridge
        .line("get -o jsonpath")
        .fails(2, &["jsonpath needs a template"]);
}

#[test]
fn labels_that_no_server_would_take() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    let long = format!("team={}", "x".repeat(64));
    bridge.run(&["label", "dev", &long]).fails(
        1,
        &[
            "label team",
            "has 64 characters, a label value may have 63 at most",
        ],
    );
    bridge
        .run(&["label", "dev", "team=two words"])
        .fails(1, &["label team: the value \"two words\" is not a label value"]);
    bridge
        .run(&["annotate", "dev", "a b=c"])
        .fails(1, &["\"a b\" is not a label or annotation key"]);
    bridge
        .run(&["addons", "dev", "--toggle", "enable_a/b/c=true"])
        .fails(1, &["\"enable_a/b/c\" is not a label or annotation key"]);
    assert_eq!(bridge.hub_files(), before);
}

#[test]
fn addons_that_nobody_knows() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    bridge.line("addons dev --enable karpentr").fails(
        2,
        &[
            "unknown addon \"karpentr\"; did you mean \"karpenter\"?",
            "--toggle LABEL=true|false",
        ],
    );
    bridge.line("addons --enable karpenter").fails(
        2,
        &["name the clusters, or select them with -l SELECTOR or --all"],
    );
    assert_eq!(bridge.hub_files(), before);
}

#[test]
fn metadata_files_that_are_broken() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    let file = |name: &str, text: &str| std::fs::write(bridge.home().join(name), text).unwrap();
    file("list.json", "[1]");
    file("syntax.yaml", "a: [b");
    file(
        "sensitive.json",
        r#"{"gitops_metadata": {"sensitive": true, "type": "string", "value": {"a": "secret-value"}}}"#,
    );
    for (name, part) in [
        ("gone.json", "reading metadata file gone.json"),
        ("list.json", "not a map"),
        ("syntax.yaml", "neither JSON nor YAML"),
        ("sensitive.json", "sensitive"),
    ] {
        let ran = bridge
            .line(&format!("annotate dev --metadata-file {name}"))
            .fails(1, &[name, part]);
        assert!(!ran.stderr.contains("secret-value"), "{}", ran.stderr);
    }
    file(
        "large.yaml",
        &format!("a: {}\nb: {}\n", "x".repeat(200_000), "y".repeat(70_000)),
    );
    bridge.line("annotate dev --metadata-file large.yaml").fails(
        1,
        &["cluster/dev: its annotations would hold 264 KiB, and no API server takes more than 256"],
    );
    if cfg!(unix) {
        bridge
            .line("annotate dev --metadata-file /dev/zero")
            .fails(1, &["reading metadata file /dev/zero: it is longer than 32 MiB"]);
    }
    assert_eq!(bridge.hub_files(), before);
}

#[test]
fn a_malformed_secret_is_shown_and_hides_no_other() {
    let mut files = sample();
    let broken =
        cluster("broken", &["environment: dev"], &[]).replace("'{\"bearerToken\"", "'{{\"bearerToken\"");
    assert!(broken.contains("{{"));
    files.push(("clusters/broken.yaml".into(), broken));
    let nameless = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: nameless\n  labels: {argocd.argoproj.io/secret-type: cluster}\n";
    files.push(("clusters/nameless.yaml".into(), nameless.into()));
    let bridge = Bridge::folder(&files);
    let wide = bridge.line("get -o wide").quiet();
    let row = |name: &str| {
        wide.lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name}: {wide}"))
    };
    assert!(row("broken ").contains("malformed"), "{wide}");
    assert!(row("nameless ").contains("<none>"), "{wide}");
    row("dev ");
    let text = bridge.line("describe broken").fine();
    assert!(
        text.contains("malformed, problem config is not a JSON object"),
        "{text}"
    );
    bridge.line("label broken team=a").fine();
}
