//! Completion as kubectl asks for it.

use std::os::unix::fs::symlink;

use crate::{
    fleet::sample,
    run::{Bridge, binary},
};

const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
contexts:
- {name: dev-hub, context: {cluster: c, user: u, namespace: gitops}}
- {name: prod-hub, context: {cluster: c, user: u}}
current-context: dev-hub
";

/// Runs the program under the name that kubectl looks for. The last word is the one being completed.
fn complete(bridge: &Bridge, words: &[&str]) -> Vec<String> {
    let link = bridge.home().join("kubectl_complete-bridge");
    if !link.exists() {
        symlink(binary(), &link).unwrap();
    }
    let output = std::process::Command::new(&link)
        .args(words)
        .env_clear()
        .env("HOME", bridge.home())
        .current_dir(bridge.home())
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "",
        "lands in somebody's prompt"
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn values(lines: &[String]) -> Vec<&str> {
    lines
        .iter()
        .filter(|line| !line.starts_with(':'))
        .map(|line| line.split('\t').next().unwrap())
        .collect()
}

#[test]
fn candidates_and_directive() {
    let bridge = Bridge::folder(&sample());
    let commands = complete(&bridge, &["add"]);
    assert_eq!(values(&commands), ["addons"]);
    assert!(commands[0].starts_with("addons\t"), "{commands:?}");
    assert_eq!(commands.last().map(String::as_str), Some(":4"));
    assert!(values(&complete(&bridge, &[""])).contains(&"get"));
    assert!(values(&complete(&bridge, &["get", "--con"])).contains(&"--context"));
    assert_eq!(values(&complete(&bridge, &["get", "-o", "ya"])), ["yaml"]);
    std::fs::write(bridge.home().join("meta.yaml"), "").unwrap();
    assert_eq!(
        values(&complete(&bridge, &["annotate", "dev", "--metadata-file", "me"])),
        ["meta.yaml"]
    );
    let folder = complete(&bridge, &["get", "--hub-dir", "h"]);
    assert_eq!(values(&folder), ["hub/"]);
    assert_eq!(
        folder.last().map(String::as_str),
        Some(":6"),
        "more of the path follows"
    );
    assert_eq!(
        values(&complete(&bridge, &["addons", "dev", "--enable", "karp"])),
        ["karpenter"]
    );
    assert_eq!(
        values(&complete(&bridge, &["addons", "dev", "--enable", "keda,karp"])),
        ["keda,karpenter"]
    );
}

#[test]
fn cluster_names_come_from_the_hub() {
    let bridge = Bridge::folder(&sample());
    let lines = complete(&bridge, &["--hub-dir", "hub", "describe", ""]);
    let names = values(&lines);
    for name in ["dev", "prod", "staging"] {
        assert!(names.contains(&name), "{lines:?}");
    }
    assert_eq!(
        values(&complete(&bridge, &["describe", "--hub-dir", "hub", "st"])),
        ["staging"]
    );
    // No hub: no names, no noise.
    assert_eq!(
        values(&complete(&bridge, &["describe", "st"])),
        Vec::<&str>::new()
    );
}

#[test]
fn contexts_and_namespaces_come_from_the_kubeconfig() {
    let bridge = Bridge::bare();
    std::fs::write(bridge.home().join("config"), KUBECONFIG).unwrap();
    let words = ["--kubeconfig", "config", "get", "--context", "pro"];
    assert_eq!(values(&complete(&bridge, &words)), ["prod-hub"]);
    let words = ["--kubeconfig", "config", "get", "-n", ""];
    assert_eq!(values(&complete(&bridge, &words)), ["argocd", "gitops"]);
}

#[test]
fn the_link_is_made_beside_the_program() {
    let bridge = Bridge::bare();
    let program = bridge.home().join("kubectl-bridge");
    std::fs::copy(binary(), &program).unwrap();
    let install = || {
        std::process::Command::new(&program)
            .args(["completion", "--install"])
            .env_clear()
            .env("HOME", bridge.home())
            .output()
            .unwrap()
    };
    let link = bridge.home().join("kubectl_complete-bridge");
    for _ in 0..2 {
        assert!(install().status.success());
        assert_eq!(
            std::fs::read_link(&link).unwrap().to_str(),
            Some("kubectl-bridge")
        );
    }
    std::fs::remove_file(&link).unwrap();
    std::fs::write(&link, "mine").unwrap();
    let refused = install();
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&link).unwrap(), "mine");
}

#[test]
fn scripts_for_direct_calls() {
    let bridge = Bridge::bare();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = bridge.line(&format!("completion {shell}")).quiet();
        assert!(
            script.contains("COMPLETE") && script.contains("kubectl-bridge"),
            "{shell}: {script}"
        );
    }
}
