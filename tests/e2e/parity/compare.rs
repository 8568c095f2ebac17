use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DynamicObject, ListParams};
use serde_json::{Value, json};
use similar::TextDiff;

use crate::support::side::Side;

/// What one ApplicationSet made: its Applications by name, and what it says about itself.
#[derive(PartialEq)]
pub struct Outcome {
    pub applications: BTreeMap<String, Value>,
    pub conditions: Vec<Value>,
}

/// Applies the sets on one side and their twins on the other, and fails with a diff where the outcomes are not equal,
/// or where a set made nothing. Gives the names of the Applications.
pub async fn assert_equal(
    secrets: &[Secret],
    sets: &[Value],
    twin: impl Fn(&Value) -> Value,
) -> Result<BTreeSet<String>> {
    ensure!(!sets.is_empty(), "no ApplicationSet to compare");
    let twins: Vec<Value> = sets.iter().map(&twin).collect();
    let (clusters, plugin) = both(secrets, sets, &twins).await?;
    let mut complaints = String::new();
    for (set, twin) in sets.iter().zip(&twins) {
        let name = set["metadata"]["name"].as_str().unwrap_or_default();
        let (left, right) = (&clusters[name], &plugin[name]);
        if set == twin {
            writeln!(complaints, "{name}: has no clusters generator to swap")?;
        }
        if left.applications.is_empty() || !is_content(left) {
            writeln!(complaints, "{name} on clusters proves nothing:\n{}", text(left))?;
        }
        if left != right {
            let (left, right) = (text(left), text(right));
            let diff = TextDiff::from_lines(&left, &right);
            let diff = diff.unified_diff().header("clusters", "plugin").to_string();
            writeln!(complaints, "{name} differs:\n{diff}")?;
        }
    }
    ensure!(complaints.is_empty(), "{complaints}");
    Ok(clusters
        .into_values()
        .flat_map(|outcome| outcome.applications.into_keys())
        .collect())
}

/// What the sets make on a side with `clusters` generators, and the twins on a side with the service, by set.
pub async fn both(
    secrets: &[Secret],
    sets: &[Value],
    twins: &[Value],
) -> Result<(BTreeMap<String, Outcome>, BTreeMap<String, Outcome>)> {
    let on_clusters = async { outcomes(&Side::with_clusters(secrets).await?, sets).await };
    let on_plugin = async { outcomes(&Side::with_plugin(secrets).await?, twins).await };
    tokio::try_join!(on_clusters, on_plugin)
}

async fn outcomes(side: &Side, sets: &[Value]) -> Result<BTreeMap<String, Outcome>> {
    side.apply(sets.iter().cloned()).await?;
    if let Some(generator) = &side.generator {
        generator.check_alive()?;
    }
    let applications = objects(side, "Application").await?;
    let sets = objects(side, "ApplicationSet").await?;
    Ok(sets
        .into_iter()
        .map(|(name, set)| {
            let outcome = Outcome {
                applications: applications
                    .iter()
                    .filter(|(_, application)| owner(application) == Some(&name))
                    .map(|(name, application)| (name.clone(), content(application)))
                    .collect(),
                conditions: conditions(&set),
            };
            (name, outcome)
        })
        .collect())
}

async fn objects(side: &Side, kind: &str) -> Result<BTreeMap<String, DynamicObject>> {
    let objects = side.api(kind).list(&ListParams::default()).await?.items;
    Ok(objects
        .into_iter()
        .map(|object| (object.metadata.name.clone().unwrap_or_default(), object))
        .collect())
}

fn owner(application: &DynamicObject) -> Option<&String> {
    application
        .metadata
        .owner_references
        .as_ref()?
        .first()
        .map(|owner| &owner.name)
}

/// All of an Application that its ApplicationSet decides.
fn content(application: &DynamicObject) -> Value {
    let metadata = &application.metadata;
    json!({
        "labels": metadata.labels,
        "annotations": metadata.annotations,
        "finalizers": metadata.finalizers,
        "spec": application.data["spec"],
        "operation": application.data["operation"],
    })
}

fn conditions(set: &DynamicObject) -> Vec<Value> {
    let mut conditions = set.data["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for condition in &mut conditions {
        if let Some(condition) = condition.as_object_mut() {
            condition.remove("lastTransitionTime");
        }
    }
    conditions.sort_by_key(|condition| condition["type"].to_string());
    conditions
}

/// Whether nothing went wrong.
fn is_content(outcome: &Outcome) -> bool {
    !outcome
        .conditions
        .iter()
        .any(|condition| condition["type"] == "ErrorOccurred" && condition["status"] == "True")
}

fn text(outcome: &Outcome) -> String {
    let all = json!({"applications": outcome.applications, "conditions": outcome.conditions});
    format!("{all:#}\n")
}
