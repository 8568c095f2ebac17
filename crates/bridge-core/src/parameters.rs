//! What the generator answers: the parameters of Argo CD's `clusters` generator
//! (`applicationset/generators/cluster.go`), every scalar a string because numbers become floats in Argo CD.

use serde_json::{Map, Value, json};

use crate::{
    cluster::{Cluster, IN_CLUSTER_SERVER},
    fleet::{Fleet, Member},
    keys, name,
    request::{Field, Request},
};

/// The parameter set of one cluster, a JSON object in a stable order.
pub fn render(cluster: &Cluster) -> String {
    of(cluster).to_string()
}

/// The whole response body, `{"output":{"parameters":[…]}}`.
pub fn answer(fleet: &Fleet, request: &Request) -> String {
    const HEAD: &str = r#"{"output":{"parameters":["#;
    const TAIL: &str = "]}}";
    let selected: Vec<&Member> = fleet.select(&request.selector).collect();
    let size: usize = selected.iter().map(|member| member.json().len() + 1).sum();
    let mut body = String::with_capacity(HEAD.len() + TAIL.len() + size + 256);
    body.push_str(HEAD);
    if request.flat_list {
        body.push_str(r#"{"clusters":["#);
    }
    let start = body.len();
    let mut push = |text: &str| {
        if body.len() > start {
            body.push(',');
        }
        body.push_str(text);
    };
    match &request.fields {
        None => selected.iter().for_each(|member| push(member.json())),
        Some(fields) => selected
            .iter()
            .for_each(|member| push(&chosen(&of(member.cluster()), fields).to_string())),
    }
    if fleet.adds_in_cluster(&request.selector) {
        let entry = in_cluster();
        match &request.fields {
            None => push(&entry.to_string()),
            Some(fields) => push(&chosen(&entry, fields).to_string()),
        }
    }
    if request.flat_list {
        body.push_str("]}");
    }
    body.push_str(TAIL);
    body
}

fn of(cluster: &Cluster) -> Value {
    let visible = |map: &crate::selector::Map, is_hidden: fn(&str) -> bool| -> Value {
        map.iter()
            .filter(|(key, _)| !is_hidden(key))
            .map(|(key, value)| (key.clone(), value.as_str().into()))
            .collect::<Map<_, _>>()
            .into()
    };
    let mut metadata = Map::new();
    // Left out only where the Secret has none at all, as Argo CD does: a template may index an empty map.
    if !cluster.annotations.is_empty() {
        let annotations = visible(&cluster.annotations, keys::is_unserved_annotation);
        metadata.insert("annotations".into(), annotations);
    }
    if !cluster.labels.is_empty() {
        metadata.insert("labels".into(), visible(&cluster.labels, keys::is_own));
    }
    json!({
        "name": cluster.name,
        "nameNormalized": name::sanitize(&cluster.name),
        "server": cluster.server,
        "project": cluster.project,
        "metadata": metadata,
    })
}

/// Argo CD's entry for the hub where it has no Secret: no `metadata`.
fn in_cluster() -> Value {
    json!({ "name": "in-cluster", "nameNormalized": "in-cluster", "server": IN_CLUSTER_SERVER, "project": "" })
}

fn chosen(parameters: &Value, fields: &[Field]) -> Value {
    let mut out = Map::new();
    for field in fields {
        match field {
            Field::Top(key) => {
                if let Some(value) = parameters.get(key) {
                    out.insert(key.clone(), value.clone());
                }
            }
            Field::Metadata { map, key } => {
                let Some(value) = parameters.get("metadata").and_then(|metadata| metadata.get(map)) else {
                    continue;
                };
                let target = out.entry("metadata").or_insert_with(|| json!({}));
                match key {
                    None => target[map] = value.clone(),
                    Some(key) => {
                        if let Some(value) = value.get(key) {
                            if target.get(map).is_none() {
                                target[map] = json!({});
                            }
                            target[map][key] = value.clone();
                        }
                    }
                }
            }
        }
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn cluster(name: &str, server: &str) -> Cluster {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Cluster {
            secret_name: format!("{name}-secret"),
            name: name.into(),
            server: server.into(),
            labels: [
                pair(keys::SECRET_TYPE, "cluster"),
                pair("environment", name),
                pair(keys::DRAIN, "false"),
            ]
            .into(),
            annotations: [
                pair("aws_account_id", "0123"),
                pair(keys::LAST_APPLIED, "hunter2"),
                pair(keys::SCHEMA, "1"),
            ]
            .into(),
            ..Cluster::default()
        }
    }

    fn fleet(clusters: Vec<Cluster>) -> Fleet {
        Fleet::new(clusters.into_iter().map(|cluster| Arc::new(Member::new(cluster)))).unwrap()
    }

    fn ask(fleet: &Fleet, parameters: &Value) -> Value {
        let request = Request::parse(parameters.as_object().unwrap()).unwrap();
        serde_json::from_str::<Value>(&answer(fleet, &request)).unwrap()["output"]["parameters"].take()
    }

    #[test]
    fn a_set_holds_what_the_clusters_generator_gives() {
        let fleet = fleet(vec![cluster("Dev_1", "https://dev/")]);
        let got = ask(
            &fleet,
            &json!({"generate": "clusters", "selector": {"matchLabels": {"environment": "Dev_1"}}}),
        );
        assert_eq!(
            got,
            json!([{
                "name": "Dev_1", "nameNormalized": "dev-1", "server": "https://dev/", "project": "",
                "metadata": {
                    "labels": {"argocd.argoproj.io/secret-type": "cluster", "environment": "Dev_1"},
                    "annotations": {"aws_account_id": "0123"},
                },
            }])
        );
    }

    #[test]
    fn annotations_are_an_empty_map_where_none_is_served_and_absent_where_there_are_none() {
        let mut hidden = cluster("hidden", "https://hidden");
        hidden.annotations = ["argocd.argoproj.io/refresh", keys::LAST_CHANGE]
            .map(|key| (key.to_owned(), "x".to_owned()))
            .into();
        let mut none = cluster("none", "https://none");
        none.annotations.clear();
        let metadata = |cluster: &Cluster| of(cluster)["metadata"].take();
        assert_eq!(metadata(&hidden)["annotations"], json!({}));
        assert!(metadata(&none).get("annotations").is_none());
    }

    #[test]
    fn in_cluster_is_added_last_and_only_without_a_selector() {
        let all = json!({"generate": "clusters"});
        let spokes = fleet(vec![cluster("b", "https://b"), cluster("a", "https://a")]);
        let names = |value: Value| -> Vec<String> {
            value
                .as_array()
                .unwrap()
                .iter()
                .map(|set| set["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names(ask(&spokes, &all)), ["a", "b", "in-cluster"]);
        let none = json!({"generate": "clusters", "selector": {"matchLabels": {"environment": "none"}}});
        assert_eq!(ask(&spokes, &none), json!([]));
        let hub = fleet(vec![cluster("z", IN_CLUSTER_SERVER)]);
        assert_eq!(names(ask(&hub, &all)), ["z"]);
        let slashed = fleet(vec![cluster("z", "https://kubernetes.default.svc/")]);
        assert_eq!(names(ask(&slashed, &all)), ["z", "in-cluster"]);
    }

    #[test]
    fn flat_list_is_one_set_even_when_empty() {
        let fleet = fleet(vec![cluster("a", IN_CLUSTER_SERVER)]);
        let got = ask(&fleet, &json!({"generate": "clusters", "flatList": "true"}));
        assert_eq!(got[0]["clusters"][0]["name"], "a");
        let none = json!({"generate": "clusters", "flatList": true, "selector": {"matchLabels": {"x": "y"}}});
        assert_eq!(ask(&fleet, &none), json!([{"clusters": []}]));
    }

    #[test]
    fn fields_choose_and_draining_hides() {
        let mut draining = cluster("gone", "https://gone");
        draining.labels.insert(keys::DRAIN.into(), "true".into());
        let fleet = fleet(vec![cluster("a", "https://a"), draining]);
        let fields = json!({"generate": "clusters", "fields": ["name", "metadata.labels.environment", "metadata.annotations"],
            "selector": {"matchExpressions": [{"key": "environment", "operator": "Exists"}]}});
        assert_eq!(
            ask(&fleet, &fields),
            json!([{"name": "a", "metadata": {"labels": {"environment": "a"}, "annotations": {"aws_account_id": "0123"}}}])
        );
    }

    #[test]
    fn of_two_secrets_with_one_name_the_first_is_served_and_the_clash_told() {
        let mut twin = cluster("a", "https://other");
        twin.secret_name = "b-secret".into();
        let fleet = fleet(vec![twin, cluster("a", "https://a")]);
        assert_eq!(fleet.members().len(), 1);
        assert_eq!(fleet.members()[0].cluster().server, "https://a");
        assert_eq!(fleet.clashes()[0].left_out, ["b-secret"]);
        assert_eq!(Fleet::new([]).unwrap_err(), crate::fleet::EmptyFleet);
    }
}
