//! Waits until the API server grants what a binding says. Its authorizer reads roles through a watch, so that for
//! some milliseconds after they were accepted (on a busy machine: longer) it still refuses.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::rbac::v1::{PolicyRule, Subject};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::Value;

use crate::eventually::eventually;
use crate::kubeconfig;
use crate::kubectl::Kubectl;

/// Returns when every right that the bindings among `objects` grant is granted. `objects` is what kubectl printed
/// with `-o json`: one after the other, or in a list.
pub(crate) async fn in_effect(kubectl: &Kubectl, objects: &str) -> Result<()> {
    let mut items = Vec::new();
    for printed in serde_json::Deserializer::from_str(objects).into_iter::<Value>() {
        let mut printed = printed.context("kubectl printed no JSON")?;
        match printed["items"].as_array_mut() {
            Some(list) => items.append(list),
            None => items.push(printed),
        }
    }
    let client = kubeconfig::client(&kubectl.kubeconfig).await?;
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    for binding in items.iter().filter(|item| is_binding(item)) {
        let rules = rules(&client, binding).await?;
        let subjects: Vec<Subject> = serde_json::from_value(binding["subjects"].clone())?;
        let namespace = binding["metadata"]["namespace"].as_str();
        for spec in reviews_of(&rules, &subjects, namespace) {
            let what = format!("{spec:?} to be granted");
            let review = SubjectAccessReview {
                spec,
                ..SubjectAccessReview::default()
            };
            eventually(&what, Duration::from_secs(90), async || {
                let answer = reviews.create(&PostParams::default(), &review).await?;
                Ok(answer.status.filter(|status| status.allowed))
            })
            .await?;
        }
    }
    Ok(())
}

fn is_binding(object: &Value) -> bool {
    object["kind"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("RoleBinding"))
}

async fn rules(client: &Client, binding: &Value) -> Result<Vec<PolicyRule>> {
    use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
    let name = binding["roleRef"]["name"].as_str().unwrap_or_default();
    Ok(match binding["roleRef"]["kind"].as_str() {
        Some("ClusterRole") => Api::<ClusterRole>::all(client.clone()).get(name).await?.rules,
        Some("Role") => {
            let namespace = binding["metadata"]["namespace"].as_str().unwrap_or_default();
            Api::<Role>::namespaced(client.clone(), namespace)
                .get(name)
                .await?
                .rules
        }
        other => bail!("a binding to {other:?}"),
    }
    .unwrap_or_default())
}

/// One question for each subject, verb and resource.
fn reviews_of(
    rules: &[PolicyRule],
    subjects: &[Subject],
    namespace: Option<&str>,
) -> Vec<SubjectAccessReviewSpec> {
    let mut found = Vec::new();
    for subject in subjects {
        for attributes in rules.iter().flat_map(|rule| attributes(rule, namespace)) {
            let (user, groups) = identity(subject, namespace);
            found.push(SubjectAccessReviewSpec {
                user: Some(user),
                groups: Some(groups),
                resource_attributes: Some(attributes),
                ..SubjectAccessReviewSpec::default()
            });
        }
    }
    found
}

fn attributes(rule: &PolicyRule, namespace: Option<&str>) -> Vec<ResourceAttributes> {
    let mut found = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            let (resource, subresource) = match resource.split_once('/') {
                Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
                None => (resource.as_str(), None),
            };
            for verb in &rule.verbs {
                found.push(ResourceAttributes {
                    group: Some(group.clone()),
                    resource: Some(resource.to_owned()),
                    subresource: subresource.clone(),
                    verb: Some(verb.clone()),
                    name: rule.resource_names.iter().flatten().next().cloned(),
                    namespace: namespace.map(str::to_owned),
                    ..ResourceAttributes::default()
                });
            }
        }
    }
    found
}

/// A ServiceAccount without a namespace is one of the binding's.
fn identity(subject: &Subject, binding: Option<&str>) -> (String, Vec<String>) {
    match subject.kind.as_str() {
        "ServiceAccount" => {
            let namespace = subject.namespace.as_deref().or(binding).unwrap_or_default();
            (
                format!("system:serviceaccount:{namespace}:{}", subject.name),
                Vec::new(),
            )
        }
        "Group" => ("somebody".to_owned(), vec![subject.name.clone()]),
        _ => (subject.name.clone(), Vec::new()),
    }
}
