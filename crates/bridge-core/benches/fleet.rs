//! What a change of one cluster costs on a large hub: rendering and ordering the fleet, an answer, and the fingerprints of
//! a set for each addon, as the pattern has them.

use std::{hint::black_box, sync::Arc};

use bridge_core::{
    applicationset::{ApplicationSet, ApplicationSetError},
    cluster::Cluster,
    fleet::{EmptyFleet, Fleet, Member},
    parameters,
    request::{Request, RequestError},
};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

const CLUSTERS: usize = 1_000;
const ADDONS: usize = 48;
const PLUGIN: &str = "bridge-generator";

/// A cluster as Terraform makes it: a toggle for each addon, ten of them on, and four annotations for each addon.
fn cluster(number: usize) -> Cluster {
    let name = format!("cluster-{number:04}");
    let pair = |key: String, value: &str| (key, value.to_owned());
    let toggles = (0..ADDONS).map(|addon| {
        let on = (number + addon) % ADDONS < 10;
        pair(format!("enable_addon_{addon}"), if on { "true" } else { "false" })
    });
    let environment = ["dev", "staging", "prod"][number % 3];
    let facts = (0..ADDONS).flat_map(|addon| {
        ["iam_role_arn", "namespace", "service_account", "queue"].map(|fact| {
            pair(
                format!("addon_{addon}_{fact}"),
                "arn:aws:iam::111122223333:role/addon",
            )
        })
    });
    let repository = [
        "addons_repo_url",
        "addons_repo_revision",
        "addons_repo_basepath",
        "aws_region",
    ];
    Cluster {
        secret_name: name.clone(),
        server: format!("https://{number:032x}.gr7.eu-west-1.eks.amazonaws.com"),
        labels: toggles
            .chain([
                pair("argocd.argoproj.io/secret-type".to_owned(), "cluster"),
                pair("environment".to_owned(), environment),
                pair("cluster_name".to_owned(), &name),
            ])
            .collect(),
        annotations: facts
            .chain(repository.map(|key| pair(key.to_owned(), "https://git.example.com/addons")))
            .collect(),
        name,
        ..Cluster::default()
    }
}

fn members() -> Vec<Arc<Member>> {
    (0..CLUSTERS)
        .map(|number| Arc::new(Member::new(cluster(number))))
        .collect()
}

fn child(selector: &Value, version: &str) -> Value {
    json!({"plugin": {
        "configMapRef": {"name": PLUGIN},
        "input": {"parameters": {"generate": "clusters", "selector": selector}},
        "values": {"version": version},
    }})
}

fn addon_set(addon: usize) -> Result<ApplicationSet, ApplicationSetError> {
    let enabled = json!({"matchExpressions": [{"key": format!("enable_addon_{addon}"), "operator": "In", "values": ["true"]}]});
    let environment = |name: &str| json!({"matchLabels": {"environment": name}});
    ApplicationSet::from_json(&json!({
        "metadata": {"name": format!("addons-{addon}"), "namespace": "argocd"},
        "spec": {
            "generators": [{"merge": {"mergeKeys": ["server"], "generators":
                [child(&enabled, "1.0.0"), child(&environment("staging"), "1.0.1"), child(&environment("prod"), "0.9.0")]}}],
            "template": {
                "metadata": {"name": format!("addon-{{{{nameNormalized}}}}-{addon}")},
                "spec": {
                    "source": {
                        "repoURL": "{{metadata.annotations.addons_repo_url}}",
                        "targetRevision": "{{metadata.annotations.addons_repo_revision}}",
                        "path": "{{metadata.annotations.addons_repo_basepath}}{{metadata.labels.environment}}",
                        "helm": {"values": format!("role: {{{{metadata.annotations.addon_{addon}_iam_role_arn}}}}")},
                    },
                    "destination": {"name": "{{name}}", "namespace": format!("{{{{metadata.annotations.addon_{addon}_namespace}}}}")},
                },
            },
        },
    }))
}

fn ask(parameters: &Value) -> Result<Request, RequestError> {
    Request::parse(parameters.as_object().unwrap_or(&serde_json::Map::new()))
}

fn building(criterion: &mut Criterion) {
    let members = members();
    criterion.bench_function("render one cluster", |bencher| {
        let cluster = cluster(1);
        bencher.iter(|| Member::new(black_box(cluster.clone())));
    });
    criterion.bench_function("fleet of 1,000 clusters, rendered before", |bencher| {
        bencher.iter(|| Fleet::new(black_box(members.iter().cloned())));
    });
}

fn answering(criterion: &mut Criterion) -> Result<(), EmptyFleet> {
    let fleet = Fleet::new(members())?;
    for (name, parameters) in [
        (
            "answer with all of 1,000 clusters",
            json!({"generate": "clusters"}),
        ),
        (
            "answer with the 208 of 1,000 that have an addon on",
            json!({"generate": "clusters", "selector": {"matchLabels": {"enable_addon_7": "true"}}}),
        ),
        (
            "answer with two fields of 1,000 clusters",
            json!({"generate": "clusters", "fields": ["name", "metadata.labels.environment"]}),
        ),
    ] {
        if let Ok(request) = ask(&parameters) {
            criterion.bench_function(name, |bencher| {
                bencher.iter(|| parameters::answer(black_box(&fleet), &request));
            });
        }
    }
    Ok(())
}

fn fingerprinting(criterion: &mut Criterion) -> Result<(), EmptyFleet> {
    let fleet = Fleet::new(members())?;
    let sets: Vec<ApplicationSet> = (0..ADDONS).filter_map(|addon| addon_set(addon).ok()).collect();
    criterion.bench_function("fingerprints of 48 sets over 1,000 clusters", |bencher| {
        bencher.iter(|| {
            sets.iter()
                .map(|set| set.fingerprint(PLUGIN, black_box(&fleet)))
                .collect::<Vec<_>>()
        });
    });
    Ok(())
}

fn all(criterion: &mut Criterion) {
    building(criterion);
    // The fleet is not empty, so neither fails.
    let _ = answering(criterion).and_then(|()| fingerprinting(criterion));
}

criterion_group!(benches, all);
criterion_main!(benches);
