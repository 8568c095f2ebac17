//! `get`, `describe`, `version`: what only looks.

use serde_json::Value;

use crate::{
    fleet::{cluster, sample},
    run::Bridge,
};

#[test]
fn get_prints_a_table() {
    let bridge = Bridge::folder(&sample());
    let expected = "\
NAME      ENVIRONMENT   SERVER                        VERSION   ADDONS   AGE
dev       dev           https://dev.example.com       1.33      1        <unknown>
prod      prod          https://prod.example.com      1.32      1        <unknown>
staging   staging       https://staging.example.com   <none>    0        <unknown>
";
    assert_eq!(bridge.line("get").quiet(), expected);
    assert_eq!(bridge.line("list").quiet(), expected);
    // Without headers the cells alone make the width, as in kubectl.
    let rows = "\
dev       dev       https://dev.example.com       1.33     1     <unknown>
prod      prod      https://prod.example.com      1.32     1     <unknown>
staging   staging   https://staging.example.com   <none>   0     <unknown>
";
    assert_eq!(bridge.line("get --no-headers").quiet(), rows);
}

#[test]
fn get_finds_by_name_and_by_label() {
    let bridge = Bridge::folder(&sample());
    for (line, names) in [
        ("get prod dev -o name", "cluster/prod\ncluster/dev\n"),
        ("get dev dev -o name", "cluster/dev\n"),
        (
            "get -l environment!=dev -o name",
            "cluster/prod\ncluster/staging\n",
        ),
        ("get -l enable_karpenter -o name", "cluster/dev\n"),
        ("get gone --ignore-not-found -o name", ""),
        ("get gone --ignore-not-found -o json", ""),
    ] {
        assert_eq!(bridge.line(line).quiet(), names, "{line}");
    }
    let spaced = bridge.run(&["get", "-l", "environment in (dev, prod)", "-o", "name"]);
    assert_eq!(spaced.quiet(), "cluster/dev\ncluster/prod\n");
}

#[test]
fn get_adds_columns() {
    let bridge = Bridge::folder(&sample());
    let wide = bridge.line("get dev -o wide").quiet();
    assert!(wide.starts_with("NAME   ENVIRONMENT"), "{wide}");
    for part in ["ACCESS", "token", "REGION", "eu-west-1", "SECRET", "registered"] {
        assert!(wide.contains(part), "{part}: {wide}");
    }
    let more = bridge
        .line("get dev -L kubernetes_version,aws_region --show-labels")
        .quiet();
    let header: Vec<&str> = more.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(header[6..], ["KUBERNETES_VERSION", "AWS_REGION", "LABELS"]);
    assert!(more.contains("enable_karpenter=true,enable_keda=false"), "{more}");
}

#[test]
fn one_name_is_a_cluster_and_all_else_a_list() {
    let bridge = Bridge::folder(&sample());
    let one: Value = serde_json::from_str(&bridge.line("get dev -o json").quiet()).unwrap();
    assert_eq!(one["apiVersion"], "kubectl-bridge/v1alpha1");
    assert_eq!(one["kind"], "Cluster");
    assert_eq!(one["metadata"]["name"], "dev");
    assert_eq!(one["metadata"]["labels"]["enable_karpenter"], "true");
    assert_eq!(one["access"]["type"], "token");
    assert_eq!(one["addons"]["enabled"], serde_json::json!(["karpenter"]));
    assert_eq!(one["addons"]["disabled"], serde_json::json!(["keda"]));
    assert_eq!(one.get("data"), None);
    let all: Value = serde_json::from_str(&bridge.line("get -ojson").quiet()).unwrap();
    assert_eq!(all["kind"], "ClusterList");
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    let yaml = bridge.line("get dev --output=yaml").quiet();
    for line in [
        "apiVersion: kubectl-bridge/v1alpha1",
        "kind: Cluster",
        "    enable_karpenter: \"true\"",
    ] {
        let unquoted = line.replace('"', "'");
        assert!(
            yaml.lines().any(|have| have == line || have == unquoted),
            "{line}: {yaml}"
        );
    }
}

#[test]
fn jsonpath_is_kubectls() {
    let bridge = Bridge::folder(&sample());
    for (template, expected) in [
        ("{.items[*].metadata.name}", "dev prod staging"),
        (
            r#"{range .items[*]}{.metadata.name}{"\t"}{.environment}{"\n"}{end}"#,
            "dev\tdev\nprod\tprod\nstaging\tstaging\n",
        ),
        (
            r#"{.items[?(@.environment=="prod")].server}"#,
            "https://prod.example.com",
        ),
        (
            r"{.items[0].metadata.labels.argocd\.argoproj\.io/secret-type}",
            "cluster",
        ),
    ] {
        let output = format!("jsonpath={template}");
        assert_eq!(
            bridge.run(&["get", "-o", &output]).quiet(),
            expected,
            "{template}"
        );
    }
}

#[test]
fn an_empty_hub_is_no_failure() {
    let bridge = Bridge::folder(&[("clusters/.keep".into(), String::new())]);
    let ran = bridge.line("get");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(ran.stderr, "No clusters found in folder hub.\n");
    let list: Value = serde_json::from_str(&bridge.line("get -o json").quiet()).unwrap();
    assert_eq!(list["items"], serde_json::json!([]));
    assert_eq!(bridge.line("get -o name").quiet(), "");
}

#[test]
fn describe_shows_all_but_credentials() {
    let bridge = Bridge::folder(&sample());
    let text = bridge.line("describe dev").fine();
    for line in [
        "Name:            dev",
        "Environment:     dev",
        "Server:          https://dev.example.com",
        "Access:          token",
        "Region:          eu-west-1",
        "Project:         <none>",
        "Secret:          argocd/dev",
        "Addons on:       karpenter",
        "Addons off:      keda",
        "Last change:     <none>",
        "                 enable_karpenter=true",
    ] {
        assert!(
            text.lines().any(|have| have == line),
            "{line:?} is not in\n{text}"
        );
    }
    assert!(text.contains("/addons-karpenter"), "{text}");
    assert!(!text.contains("/addons-keda"), "{text}");
    let two = bridge.line("describe dev prod").fine();
    assert!(two.contains("\n\n\nName:            prod\n"), "{two}");
}

#[test]
fn describe_tells_who_changed_what_and_why() {
    let bridge = Bridge::folder(&sample());
    bridge
        .run(&["label", "dev", "team=a", "--reason", "OPS-7 asked for it"])
        .fine();
    let text = bridge.line("describe dev").fine();
    let line = text
        .lines()
        .find(|line| line.starts_with("Last change:"))
        .unwrap();
    assert!(
        line.ends_with(": team (OPS-7 asked for it)") && line.contains(" by "),
        "{line}"
    );
    let note: Value = serde_json::from_str(&bridge.line("get dev -o json").quiet()).unwrap();
    assert_eq!(note["lastChange"]["reason"], "OPS-7 asked for it");
    assert_eq!(note["lastChange"]["keys"], serde_json::json!(["team"]));
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let evil = cluster(
        "evil",
        &[],
        &["note: \"\\e[2Jgone\\nsecond line\"", "aws_region: \"\\e[31mred\""],
    );
    let bridge = Bridge::folder(&[("clusters/evil.yaml".into(), evil)]);
    // `run` refuses any escape sequence on stdout and stderr.
    let text = bridge.line("describe evil").fine();
    assert!(text.contains("note=^[[2Jgone..."), "{text}");
    let wide = bridge.line("get -o wide").quiet();
    assert!(wide.contains("^[[31mred"), "{wide}");
}

#[test]
fn version_needs_no_hub() {
    let bridge = Bridge::bare();
    let text = bridge.line("version").quiet();
    assert!(
        text.starts_with(concat!("kubectl bridge ", env!("CARGO_PKG_VERSION"))),
        "{text}"
    );
    let json: Value = serde_json::from_str(&bridge.line("version -o json").quiet()).unwrap();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    let flag = bridge.line("--version").quiet();
    assert!(flag.contains(env!("CARGO_PKG_VERSION")), "{flag}");
}

#[test]
#[cfg(unix)]
fn a_closed_pipe_is_quiet() {
    // More than a pipe holds, so that the writer meets the closed end.
    let mut files = sample();
    for i in 0..600 {
        let name = format!("cluster-{i:04}");
        let long = format!("note: {}", "x".repeat(300));
        files.push((
            format!("clusters/{name}.yaml"),
            cluster(&name, &["environment: dev"], &[&long]),
        ));
    }
    let bridge = Bridge::folder(&files);
    for line in ["get -o yaml", "get --show-labels", "describe -l environment=dev"] {
        let words: Vec<&str> = line.split(' ').collect();
        let mut child = bridge
            .command(&words)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            !stderr.contains("error") && !stderr.contains("panicked"),
            "{line}: {stderr}"
        );
    }
}
