//! `params`: what the generator answers.

use serde_json::{Value, json};

use crate::{fleet::sample, run::Bridge};

#[test]
fn params_are_the_answer_of_the_generator() {
    let bridge = Bridge::folder(&sample());
    let answer: Value = serde_json::from_str(&bridge.line("params -o json").quiet()).unwrap();
    let sets = answer["output"]["parameters"].as_array().unwrap();
    let names: Vec<&str> = sets.iter().map(|set| set["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["dev", "prod", "staging", "in-cluster"]);
    assert_eq!(sets[0]["metadata"]["annotations"]["addons_repo_revision"], "main");
    let dev: Value = serde_json::from_str(&bridge.line("params -l environment=dev -o json").quiet()).unwrap();
    assert_eq!(dev["output"]["parameters"].as_array().unwrap().len(), 1);
    let table = bridge.line("params").quiet();
    assert!(
        table.starts_with("NAME         NAMENORMALIZED   SERVER"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 5);
    let none = bridge.line("params -l environment=none");
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert!(none.stderr.contains("empty list"), "{}", none.stderr);
}

#[test]
fn an_application_set_asks_its_own_question() {
    let bridge = Bridge::folder(&sample());
    let answer: Value =
        serde_json::from_str(&bridge.line("params --appset workloads -o json").quiet()).unwrap();
    assert_eq!(
        answer,
        json!({"output": {"parameters": [{"name": "dev", "server": "https://dev.example.com"}]}})
    );
    bridge.line("params --appset workload").fails(
        1,
        &["ApplicationSet \"workload\" not found in folder hub; did you mean \"workloads\"?"],
    );
    bridge
        .line("params --appset addons-keda")
        .fails(1, &["\"addons-keda\" has no plugin generator"]);
    bridge
        .line("params --appset workloads --config-map other")
        .fails(1, &["no plugin generator with ConfigMap \"other\""]);
}

#[test]
fn an_empty_fleet_is_no_answer() {
    let bridge = Bridge::folder(&[("clusters/.keep".into(), String::new())]);
    bridge.line("params").fails(
        1,
        &[
            "the generator would not answer for folder hub",
            "no cluster Secret",
        ],
    );
}
