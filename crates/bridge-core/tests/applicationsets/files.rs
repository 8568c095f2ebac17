//! ApplicationSets from files and from text, clusters from a few words.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use bridge_core::{
    applicationset::ApplicationSet,
    cluster::Cluster,
    fleet::{Fleet, Member},
};
use serde_json::{Map, Value, json};

/// The ConfigMap in the plugin form of a set.
pub const PLUGIN: &str = "bridge-generator";

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All fixtures, by file name without its ending.
pub fn fixtures() -> Vec<(String, Value)> {
    folder(&root().join("tests/fixtures/applicationsets"))
}

pub fn fixture(name: &str) -> Value {
    let found = fixtures().into_iter().find(|(file, _)| file == name);
    found.unwrap_or_else(|| panic!("no fixture {name}")).1
}

/// The ApplicationSets of the field, where they are at hand.
pub fn from_the_field() -> Vec<(String, Value)> {
    let place =
        env::var_os("BRIDGE_TESTDATA").map_or_else(|| root().join("../shared/testdata"), PathBuf::from);
    if !place.is_dir() {
        eprintln!("skipped: no ApplicationSets of the field here; BRIDGE_TESTDATA names their folder");
        return Vec::new();
    }
    ["applicationsets", "bootstrap"]
        .iter()
        .flat_map(|part| folder(&place.join(part)))
        .collect()
}

fn folder(folder: &Path) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, yaml(&fs::read_to_string(&path).unwrap()))
        })
        .collect();
    assert!(!all.is_empty(), "nothing in {}", folder.display());
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

pub fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The same set on the plugin generator: every `clusters` generator swapped.
pub fn on_plugin(mut set: Value) -> Value {
    swap(&mut set["spec"]["generators"]);
    set
}

fn swap(generators: &mut Value) {
    for entry in generators.as_array_mut().unwrap() {
        for nested in ["merge", "matrix"] {
            if let Some(nested) = entry.get_mut(nested) {
                swap(&mut nested["generators"]);
            }
        }
        let entry = entry.as_object_mut().unwrap();
        if let Some(Value::Object(mut clusters)) = entry.remove("clusters") {
            let mut parameters = Map::from_iter([("generate".to_owned(), json!("clusters"))]);
            for key in ["selector", "flatList"] {
                parameters.extend(clusters.remove(key).map(|value| (key.to_owned(), value)));
            }
            clusters.insert("configMapRef".to_owned(), json!({ "name": PLUGIN }));
            clusters.insert("input".to_owned(), json!({ "parameters": parameters }));
            entry.insert("plugin".to_owned(), Value::Object(clusters));
        }
    }
}

pub fn set(value: &Value) -> ApplicationSet {
    ApplicationSet::from_json(value).unwrap()
}

/// A set of these generators (YAML, a list) and this template of `spec` (YAML), in goTemplate or not.
pub fn made_of(go: bool, generators: &str, template: &str) -> ApplicationSet {
    set(&json!({
        "kind": "ApplicationSet",
        "metadata": {"name": "made", "namespace": "argocd"},
        "spec": {"goTemplate": go, "generators": yaml(generators), "template": yaml(template)},
    }))
}

/// A cluster with these labels (`k=v,k=v`).
pub fn cluster(name: &str, labels: &str) -> Cluster {
    let labels = labels
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    Cluster {
        secret_name: name.to_owned(),
        name: name.to_owned(),
        server: format!("https://{name}.example.com"),
        labels: [("argocd.argoproj.io/secret-type".to_owned(), "cluster".to_owned())]
            .into_iter()
            .chain(labels)
            .collect(),
        annotations: [
            ("addons_repo_url", "https://git.example.com/addons"),
            ("unread", "1"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into(),
        ..Cluster::default()
    }
}

pub fn fleet(clusters: &[Cluster]) -> Fleet {
    Fleet::new(
        clusters
            .iter()
            .map(|cluster| Arc::new(Member::new(cluster.clone()))),
    )
    .unwrap()
}
