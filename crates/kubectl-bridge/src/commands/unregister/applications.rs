//! Argo CD Applications, written: deleted, and made once more so that Argo CD deletes what they left behind.

use bridge_core::{
    application::{Application, RESOURCES_FINALIZER},
    keys,
};
use bridge_kube::LiveHub;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::{Map, Value, json};

use super::{super::register::failed, operation::Taken, plan::cut};

/// Annotation on an Application that was made only to delete what its namesake left behind.
const REMOVAL: &str = "kubectl-bridge/removal";

/// Annotation that asks for a look (Argo CD `pkg/apis/application/v1alpha1/application_annotations.go`).
const REFRESH: &str = "argocd.argoproj.io/refresh";

/// Labels and annotations by which Argo CD finds the parent of an Application.
const TRACKING: [&str; 2] = [
    "/metadata/annotations/argocd.argoproj.io~1tracking-id",
    "/metadata/labels/argocd.argoproj.io~1instance",
];

/// An Application as it stands.
pub struct Raw {
    /// What is known of it.
    pub application: Application,
    /// The object.
    pub object: Value,
}

impl Raw {
    /// The Application that deploys this one, if Argo CD tracks it as a resource: it would come back.
    pub fn parent(&self) -> Option<String> {
        TRACKING.iter().find_map(|pointer| {
            let text = self.object.pointer(pointer)?.as_str()?;
            // `<application>:<group>/<kind>:<namespace>/<name>`
            Some(text.split(':').next().unwrap_or(text).to_owned())
        })
    }

    /// Whether Argo CD found its destination or project missing when it last looked: it is `Unknown`, and nothing is compared.
    pub fn is_invalid(&self) -> bool {
        let conditions = self
            .object
            .pointer("/status/conditions")
            .and_then(Value::as_array);
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition.get("type").and_then(Value::as_str) == Some("InvalidSpecError"))
    }

    /// Whether somebody asked for a look that has not begun: Argo CD takes the annotation off when it looks.
    pub fn is_asked(&self) -> bool {
        self.object
            .pointer("/metadata/annotations/argocd.argoproj.io~1refresh")
            .is_some()
    }

    /// What has to be remembered of it.
    pub fn taken(&self, leaves_resources: bool) -> Taken {
        Taken {
            namespace: self.application.namespace.clone(),
            name: self.application.name.clone(),
            owner: self.application.owner.clone(),
            spec: least_spec(self.object.get("spec").unwrap_or(&Value::Null)),
            leaves_resources,
            removed: false,
        }
    }
}

/// Project, destination and where the manifests are: enough to be an Application, and nothing that could be a secret, as
/// values or parameters could.
fn least_spec(spec: &Value) -> Value {
    let mut least = Map::new();
    for key in ["project", "destination"] {
        if let Some(value) = spec.get(key) {
            least.insert(key.into(), value.clone());
        }
    }
    if let Some(source) = spec.get("source") {
        least.insert("source".into(), least_source(source));
    }
    if let Some(Value::Array(sources)) = spec.get("sources") {
        least.insert("sources".into(), sources.iter().map(least_source).collect());
    }
    Value::Object(least)
}

fn least_source(source: &Value) -> Value {
    ["repoURL", "path", "chart", "targetRevision", "ref"]
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), source.get(*key)?.clone())))
        .collect::<Map<String, Value>>()
        .into()
}

/// Reads one; `None` if it is gone.
pub async fn get(live: &LiveHub, namespace: &str, name: &str) -> anyhow::Result<Option<Raw>> {
    let found = api(live, namespace)
        .get_opt(name)
        .await
        .map_err(|error| failed(&format!("reading Application {namespace}/{name}"), &error))?;
    Ok(match found {
        None => None,
        Some(object) => {
            let object = serde_json::to_value(object)?;
            Some(Raw {
                application: Application::from_json(&object),
                object,
            })
        }
    })
}

/// Asks Argo CD to compare one again, as "Refresh" in its UI does.
pub async fn ask_to_compare(live: &LiveHub, namespace: &str, name: &str) -> anyhow::Result<()> {
    let what = format!("asking Argo CD to compare Application {namespace}/{name} again");
    annotate(&api(live, namespace), name, REFRESH, "normal", &what).await
}

/// Asks Argo CD to look at an ApplicationSet again.
pub async fn ask_to_generate(live: &LiveHub, namespace: &str, name: &str) -> anyhow::Result<()> {
    let what = format!("asking Argo CD to look at ApplicationSet {namespace}/{name} again");
    let api = api_of(live, namespace, "ApplicationSet");
    annotate(&api, name, keys::REFRESH, "true", &what).await
}

/// That it is gone meanwhile is fine.
async fn annotate(
    api: &Api<DynamicObject>,
    name: &str,
    key: &str,
    value: &str,
    what: &str,
) -> anyhow::Result<()> {
    let patch = json!({ "metadata": { "annotations": { key: value } } });
    let params = PatchParams {
        field_manager: Some(keys::FIELD_MANAGER.into()),
        ..PatchParams::default()
    };
    match api.patch(name, &params, &Patch::Merge(&patch)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(failed(what, &error)),
    }
}

/// Has Argo CD delete what the Application deployed when it goes. Lasts only where no ApplicationSet looks after it.
pub async fn let_cascade(live: &LiveHub, application: &Application) -> anyhow::Result<()> {
    let mut finalizers = application.finalizers.clone();
    finalizers.push(RESOURCES_FINALIZER.to_owned());
    let Application { namespace, name, .. } = application;
    let patch = json!({ "metadata": { "finalizers": finalizers } });
    let params = PatchParams {
        field_manager: Some(keys::FIELD_MANAGER.into()),
        ..PatchParams::default()
    };
    api(live, namespace)
        .patch(name, &params, &Patch::Merge(&patch))
        .await
        .map(drop)
        .map_err(|error| {
            failed(
                &format!("giving Application {namespace}/{name} a finalizer"),
                &error,
            )
        })
}

/// Deletes one; that it is gone already is fine.
pub async fn delete(live: &LiveHub, namespace: &str, name: &str) -> anyhow::Result<()> {
    match api(live, namespace).delete(name, &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(failed(
            &format!("deleting Application {namespace}/{name}"),
            &error,
        )),
    }
}

/// Whether this one was made by [`make_to_remove`].
pub fn is_removal(raw: &Raw) -> bool {
    raw.object
        .pointer("/metadata/annotations/kubectl-bridge~1removal")
        .is_some()
}

/// Makes an Application like one that is gone, with the finalizer by which Argo CD deletes all that carries its name, and
/// without anything that would let it deploy. To be deleted at once.
///
/// Argo CD knows no other way: a finalizer put on an Application of an ApplicationSet is taken off within a second.
pub async fn make_to_remove(live: &LiveHub, taken: &Taken) -> anyhow::Result<()> {
    let Taken {
        namespace,
        name,
        spec,
        ..
    } = taken;
    let object = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "finalizers": [RESOURCES_FINALIZER],
            "annotations": { REMOVAL: "true" },
        },
        "spec": spec,
    });
    let object: DynamicObject = serde_json::from_value(object)?;
    let params = PostParams {
        field_manager: Some(keys::FIELD_MANAGER.into()),
        ..PostParams::default()
    };
    api(live, namespace)
        .create(&params, &object)
        .await
        .map(drop)
        .map_err(|error| {
            failed(
                &format!("making Application {namespace}/{name} once more, to have Argo CD delete what it left behind"),
                &error,
            )
        })
}

/// `3 Applications: a, b, c`.
pub fn listed(names: &[&str]) -> String {
    let noun = if names.len() == 1 {
        "Application"
    } else {
        "Applications"
    };
    format!("{} {noun}: {}", names.len(), cut(names))
}

fn api(live: &LiveHub, namespace: &str) -> Api<DynamicObject> {
    api_of(live, namespace, "Application")
}

fn api_of(live: &LiveHub, namespace: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", kind));
    Api::namespaced_with(live.client(), namespace, &resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_application_needs_is_remembered() {
        let spec = json!({
            "project": "default",
            "destination": {"name": "dev", "namespace": "x"},
            "syncPolicy": {"automated": {}},
            "sources": [
                {"repoURL": "https://charts", "chart": "c", "targetRevision": "1.0.0",
                 "helm": {"values": "password: planted", "parameters": [{"name": "p", "value": "planted"}]}},
                {"repoURL": "https://git", "ref": "values"},
            ],
        });
        let least = least_spec(&spec);
        assert_eq!(
            least,
            json!({
                "project": "default",
                "destination": {"name": "dev", "namespace": "x"},
                "sources": [{"repoURL": "https://charts", "chart": "c", "targetRevision": "1.0.0"},
                            {"repoURL": "https://git", "ref": "values"}],
            })
        );
        assert_eq!(
            least_spec(&json!({"source": {"repoURL": "r", "path": "p", "kustomize": {}}})),
            json!({"source": {"repoURL": "r", "path": "p"}})
        );
    }

    #[test]
    fn a_parent_is_found_by_tracking() {
        let raw = |object: Value| Raw {
            application: Application::from_json(&object),
            object,
        };
        let tracked = raw(json!({"metadata": {"annotations": {
            "argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/child"}}}));
        assert_eq!(tracked.parent().as_deref(), Some("root"));
        let labelled = raw(json!({"metadata": {"labels": {"argocd.argoproj.io/instance": "root"}}}));
        assert_eq!(labelled.parent().as_deref(), Some("root"));
        assert_eq!(raw(json!({"metadata": {}})).parent(), None);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(&["a"]), "1 Application: a");
        assert_eq!(
            listed(&["a", "b", "c", "d", "e", "f", "g"]),
            "7 Applications: a, b, c, d, e and 2 more"
        );
    }
}
