//! Argo CD's way from answers to parameter sets, in flat mode, written down once more and slowly: what the fingerprint is
//! measured against (`applicationset/generators/{plugin,merge,matrix,list}.go`).

use std::collections::{BTreeMap, BTreeSet};

use bridge_core::{fleet::Fleet, parameters, request::Request};
use serde_json::Value;

type Set = BTreeMap<String, String>;

/// What the templates make of the fleet: for each parameter set the parameters that they name.
pub fn rendered(set: &Value, fleet: &Fleet) -> BTreeSet<Vec<(String, String)>> {
    let spec = &set["spec"];
    let mut named = BTreeSet::from(["name".to_owned()]);
    tags(&spec["template"], &mut named);
    let generators = spec["generators"].as_array().unwrap();
    let sets = generators.iter().flat_map(|generator| sets(generator, fleet));
    sets.map(|set| set.into_iter().filter(|(key, _)| named.contains(key)).collect())
        .collect()
}

fn tags(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            for rest in text.split("{{").skip(1) {
                into.insert(rest.split("}}").next().unwrap().trim().to_owned());
            }
        }
        Value::Array(array) => array.iter().for_each(|value| tags(value, into)),
        Value::Object(object) => object.values().for_each(|value| tags(value, into)),
        _ => {}
    }
}

fn sets(generator: &Value, fleet: &Fleet) -> Vec<Set> {
    let nested = |kind: &str| -> Vec<Vec<Set>> {
        let children = generator[kind]["generators"].as_array().unwrap();
        children.iter().map(|child| sets(child, fleet)).collect()
    };
    let mut all = if generator.get("merge").is_some() {
        merge(&generator["merge"]["mergeKeys"], nested("merge"))
    } else if generator.get("matrix").is_some() {
        let children = nested("matrix");
        let pair = |a: &Set, b: &Set| a.iter().chain(b).map(|(k, v)| (k.clone(), v.clone())).collect();
        children[0]
            .iter()
            .flat_map(|a| children[1].iter().map(move |b| pair(a, b)))
            .collect()
    } else if generator.get("list").is_some() {
        let elements = generator["list"]["elements"].as_array().unwrap();
        elements.iter().map(flat).collect()
    } else {
        plugin(&generator["plugin"], fleet)
    };
    all.retain(|set| passes(&generator["selector"], set));
    all
}

fn plugin(plugin: &Value, fleet: &Fleet) -> Vec<Set> {
    let request = Request::parse(plugin["input"]["parameters"].as_object().unwrap()).unwrap();
    let answer: Value = serde_json::from_str(&parameters::answer(fleet, &request)).unwrap();
    let with_values = |parameters: &Value| {
        let mut set = flat(parameters);
        for (key, template) in plugin["values"].as_object().into_iter().flatten() {
            let mut text = template.as_str().unwrap().to_owned();
            for (key, value) in &set {
                text = text.replace(&format!("{{{{{key}}}}}"), value);
            }
            set.insert(format!("values.{key}"), text);
        }
        set
    };
    let sets = answer["output"]["parameters"].as_array().unwrap();
    sets.iter().map(with_values).collect()
}

fn merge(keys: &Value, mut children: Vec<Vec<Set>>) -> Vec<Set> {
    let keys: Vec<&str> = keys
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key.as_str().unwrap())
        .collect();
    let same = |a: &Set, b: &Set| keys.iter().all(|key| a.get(*key) == b.get(*key));
    let mut base = children.remove(0);
    for overrides in children {
        for set in &mut base {
            if let Some(found) = overrides.iter().find(|other| same(set, other)) {
                set.extend(found.clone());
            }
        }
    }
    base
}

fn passes(selector: &Value, set: &Set) -> bool {
    selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
        .all(|one| {
            let value = set.get(one["key"].as_str().unwrap()).map(String::as_str);
            let values = one["values"].as_array().unwrap();
            assert_eq!(one["operator"], "In");
            values.iter().any(|wanted| wanted.as_str() == value)
        })
}

fn flat(value: &Value) -> Set {
    fn into(value: &Value, path: &str, set: &mut Set) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    let dot = if path.is_empty() { "" } else { "." };
                    into(value, &format!("{path}{dot}{key}"), set);
                }
            }
            Value::String(text) => {
                set.insert(path.to_owned(), text.clone());
            }
            other => panic!("{path}: {other}"),
        }
    }
    let mut set = Set::new();
    into(value, "", &mut set);
    set
}
