//! An Argo CD Application, as far as clusters matter to it.

use serde_json::Value;

use crate::cluster::{Cluster, IN_CLUSTER_NAME, same_server};

/// Finalizer that makes Argo CD delete what an Application deployed before it goes (`application_defaults.go`); it may be
/// followed by `/foreground` or `/background`.
pub const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";

/// A live Application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Application {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The ApplicationSet that owns it, which is in the same namespace.
    pub owner: Option<String>,
    /// `spec.destination.name`.
    pub destination_name: Option<String>,
    /// `spec.destination.server`.
    pub destination_server: Option<String>,
    /// `spec.project`.
    pub project: String,
    /// `status.sync.status`: `Synced`, `OutOfSync`, `Unknown`.
    pub sync: Option<String>,
    /// `status.health.status`: `Healthy`, `Progressing`, `Degraded`, `Missing`, …
    pub health: Option<String>,
    /// What it says is wrong, from the most telling place: an error condition, a failed operation, the health.
    pub message: Option<String>,
    /// `metadata.finalizers`.
    pub finalizers: Vec<String>,
    /// Whether it is being deleted.
    pub deleting: bool,
}

impl Application {
    /// Reads an Application; what is missing stays empty.
    pub fn from_json(value: &Value) -> Self {
        let text = |pointer: &str| {
            value
                .pointer(pointer)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        Self {
            namespace: text("/metadata/namespace").unwrap_or_default(),
            name: text("/metadata/name").unwrap_or_default(),
            owner: owner(value),
            destination_name: text("/spec/destination/name"),
            destination_server: text("/spec/destination/server"),
            project: text("/spec/project").unwrap_or_default(),
            sync: text("/status/sync/status"),
            health: text("/status/health/status"),
            message: message(value),
            finalizers: list(value, "/metadata/finalizers")
                .filter_map(|finalizer| finalizer.as_str().map(str::to_owned))
                .collect(),
            deleting: text("/metadata/deletionTimestamp").is_some(),
        }
    }

    /// Whether it deploys to this cluster: by the name, or by the server without trailing slashes.
    pub fn targets(&self, cluster: &Cluster) -> bool {
        let by_name = self.destination_name.as_ref().is_some_and(|name| {
            *name == cluster.name || (name == IN_CLUSTER_NAME && cluster.is_in_cluster())
        });
        by_name
            || self
                .destination_server
                .as_ref()
                .is_some_and(|server| same_server(server, &cluster.server))
    }

    /// Whether what it deployed is deleted with it.
    pub fn cascades(&self) -> bool {
        self.finalizers
            .iter()
            .any(|finalizer| finalizer.split('/').next() == Some(RESOURCES_FINALIZER))
    }
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn owner(value: &Value) -> Option<String> {
    list(value, "/metadata/ownerReferences")
        .find(|owner| owner.get("kind").and_then(Value::as_str) == Some("ApplicationSet"))
        .and_then(|owner| owner.get("name")?.as_str())
        .map(str::to_owned)
}

fn message(value: &Value) -> Option<String> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let condition = |kind: &str| {
        list(value, "/status/conditions")
            .filter(|condition| {
                let is = condition.get("type").and_then(Value::as_str);
                is.is_some_and(|is| is.ends_with(kind))
            })
            .find_map(|condition| condition.get("message")?.as_str())
    };
    let operation = matches!(text("/status/operationState/phase"), Some("Failed" | "Error"))
        .then(|| text("/status/operationState/message"))
        .flatten();
    [
        condition("Error"),
        operation,
        text("/status/health/message"),
        condition("Warning"),
    ]
    .into_iter()
    .flatten()
    .map(str::trim)
    .find(|message| !message.is_empty())
    .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cluster(name: &str, server: &str) -> Cluster {
        Cluster {
            secret_name: name.into(),
            name: name.into(),
            server: server.into(),
            ..Cluster::default()
        }
    }

    #[test]
    fn everything_is_read() {
        let application = Application::from_json(&json!({
            "metadata": {"name": "addon-dev-x", "namespace": "argocd", "deletionTimestamp": "2026-01-01T00:00:00Z",
                "finalizers": ["resources-finalizer.argocd.argoproj.io/background"],
                "ownerReferences": [{"kind": "Other", "name": "o"}, {"kind": "ApplicationSet", "name": "addons-x"}]},
            "spec": {"project": "default", "destination": {"name": "dev", "namespace": "x"}},
            "status": {"sync": {"status": "OutOfSync"}, "health": {"status": "Missing"}},
        }));
        assert_eq!(application.owner.as_deref(), Some("addons-x"));
        assert_eq!(application.sync.as_deref(), Some("OutOfSync"));
        assert_eq!(application.health.as_deref(), Some("Missing"));
        assert_eq!((application.deleting, application.cascades()), (true, true));
        assert_eq!(application.message, None);
        assert!(application.targets(&cluster("dev", "https://elsewhere")));
        assert!(!application.targets(&cluster("prod", "https://prod")));
    }

    #[test]
    fn destinations() {
        let to = |destination: Value| Application::from_json(&json!({"spec": {"destination": destination}}));
        let dev = cluster("dev", "https://dev/");
        assert!(to(json!({"server": "https://dev"})).targets(&dev));
        assert!(to(json!({"server": "https://dev//"})).targets(&dev));
        assert!(!to(json!({"server": "https://dev2"})).targets(&dev));
        assert!(!to(json!({"name": "", "server": ""})).targets(&cluster("", "")));
        let hub = cluster("hub", crate::cluster::IN_CLUSTER_SERVER);
        assert!(to(json!({"name": "in-cluster"})).targets(&hub));
        assert!(!to(json!({"name": "in-cluster"})).targets(&dev));
    }

    #[test]
    fn the_most_telling_message_comes_first() {
        let all = json!({
            "conditions": [{"type": "OrphanedResourceWarning", "message": "orphans"}, {"type": "InvalidSpecError", "message": " no such cluster\n"}],
            "operationState": {"phase": "Failed", "message": "one or more objects failed"},
            "health": {"status": "Degraded", "message": "pod crashes"},
        });
        let without = |keys: &[&str]| {
            let mut status = all.clone();
            for key in keys {
                status.as_object_mut().unwrap().remove(*key);
            }
            Application::from_json(&json!({ "status": status })).message
        };
        assert_eq!(without(&[]).as_deref(), Some("no such cluster"));
        assert_eq!(
            without(&["conditions"]).as_deref(),
            Some("one or more objects failed")
        );
        assert_eq!(
            without(&["conditions", "operationState"]).as_deref(),
            Some("pod crashes")
        );
        let running = json!({"status": {"operationState": {"phase": "Succeeded", "message": "fine"},
            "conditions": [{"type": "OrphanedResourceWarning", "message": "orphans"}]}});
        assert_eq!(
            Application::from_json(&running).message.as_deref(),
            Some("orphans")
        );
    }
}
