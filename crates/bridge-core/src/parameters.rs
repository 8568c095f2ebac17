//! What the generator answers: the parameters of Argo CD's `clusters` generator
//! (`applicationset/generators/cluster.go`), every scalar a string because numbers become floats in Argo CD.

use serde::{Serialize, Serializer};

use crate::{
    cluster::Cluster,
    fleet::{Fleet, Member},
    keys, name,
    request::{Fields, Keys, Request},
    selector::Map,
};

/// The parameter set of one cluster, a JSON object in a stable order.
pub fn render(cluster: &Cluster) -> String {
    json(cluster, None)
}

/// The whole response body, `{"output":{"parameters":[…]}}`.
pub fn answer(fleet: &Fleet, request: &Request) -> String {
    const HEAD: &str = r#"{"output":{"parameters":["#;
    const TAIL: &str = "]}}";
    let in_cluster = fleet.in_cluster().filter(|_| request.selector.is_empty());
    let selected: Vec<&Member> = fleet.select(&request.selector).chain(in_cluster).collect();
    let size: usize = match &request.fields {
        None => selected.iter().map(|member| member.json().len() + 1).sum(),
        Some(_) => 0,
    };
    let mut body = String::with_capacity(HEAD.len() + TAIL.len() + size + 16);
    body.push_str(HEAD);
    if request.flat_list {
        body.push_str(r#"{"clusters":["#);
    }
    for (at, member) in selected.into_iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        match &request.fields {
            None => body.push_str(member.json()),
            Some(fields) => body.push_str(&json(member.cluster(), Some(fields))),
        }
    }
    if request.flat_list {
        body.push_str("]}");
    }
    body.push_str(TAIL);
    body
}

/// All parameters of a cluster, or those of `fields`.
fn json(cluster: &Cluster, fields: Option<&Fields>) -> String {
    let given = |name: &str| fields.is_none_or(|fields| fields.has(name));
    let parameters = Parameters {
        metadata: metadata(cluster, fields),
        name: given("name").then_some(&*cluster.name),
        name_normalized: given("nameNormalized").then(|| name::sanitize(&cluster.name)),
        project: given("project").then_some(&*cluster.project),
        server: given("server").then_some(&*cluster.server),
    };
    // Strings in maps of strings: there is no way for this to fail.
    serde_json::to_string(&parameters).unwrap_or_default()
}

/// Parameters that are left out are absent, not null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameters<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_normalized: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Served<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Served<'a>>,
}

/// The part of a map that is served.
struct Served<'a> {
    map: &'a Map,
    keys: &'a Keys,
    hidden: fn(&str) -> bool,
}

/// `None` for Argo CD's own entry of the hub, which has no Secret, and where no field asks for it.
fn metadata<'a>(cluster: &'a Cluster, fields: Option<&'a Fields>) -> Option<Metadata<'a>> {
    let (labels, annotations) = fields.map_or((&Keys::All, &Keys::All), |fields| {
        (&fields.labels, &fields.annotations)
    });
    if cluster.is_synthetic() || labels.is_empty() && annotations.is_empty() {
        return None;
    }
    // Left out only where the Secret has none at all, as Argo CD does: a template may index an empty map.
    let served = |map: &'a Map, keys: &'a Keys, hidden: fn(&str) -> bool| {
        (!map.is_empty() && !keys.is_empty()).then_some(Served { map, keys, hidden })
    };
    Some(Metadata {
        annotations: served(&cluster.annotations, annotations, keys::is_unserved_annotation),
        labels: served(&cluster.labels, labels, keys::is_own),
    })
}

impl Serialize for Served<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let visible = |(key, _): &(&String, &String)| !(self.hidden)(key);
        match self.keys {
            Keys::All => serializer.collect_map(self.map.iter().filter(visible)),
            Keys::Some(keys) => serializer.collect_map(
                keys.iter()
                    .filter_map(|key| self.map.get_key_value(key))
                    .filter(visible),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::IN_CLUSTER_SERVER;
    use serde_json::{Value, json};
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
        let metadata =
            |cluster: &Cluster| serde_json::from_str::<Value>(&render(cluster)).unwrap()["metadata"].take();
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
    fn fields_leave_keys_out_and_never_the_maps_around_them() {
        let mut bare = cluster("b", "https://b");
        bare.annotations.clear();
        let fleet = fleet(vec![cluster("a", "https://a"), bare]);
        let ask = |fields: Value| ask(&fleet, &json!({"generate": "clusters", "fields": fields}));
        // A goTemplate that looks into a map that is not there fails; one that looks for a missing key does not.
        assert_eq!(
            ask(json!([
                "name",
                "metadata.labels.missing",
                "metadata.annotations.missing"
            ])),
            json!([
                {"name": "a", "metadata": {"labels": {}, "annotations": {}}},
                {"name": "b", "metadata": {"labels": {}}},
                {"name": "in-cluster"},
            ])
        );
        assert_eq!(
            ask(json!([format!("metadata.labels.{}", keys::DRAIN), "server"]))[0],
            json!({"server": "https://a", "metadata": {"labels": {}}})
        );
        assert_eq!(
            ask(json!(["nameNormalized", "project"]))[2],
            json!({"nameNormalized": "in-cluster", "project": ""})
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
