//! The note of a run under way: a Secret of its own, written first and deleted last.
//!
//! It holds what must be known after an Application is gone: no credential, no values. It is no cluster Secret: a note on
//! that would wake every ApplicationSet with a `clusters` generator.

use bridge_core::{access::Grants, keys, name, secret::ClusterSecret};
use bridge_kube::LiveHub;
use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::register::failed;

/// Key in the Secret's data.
const DATA_KEY: &str = "operation";
/// Beginning of the Secret's name.
const PREFIX: &str = "kubectl-bridge-op-";

/// What runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `register`, that makes access in AWS.
    Register,
    /// `unregister --drain`.
    Drain,
    /// `unregister` without a drain, that takes access in AWS back.
    Unregister,
}

/// A run under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// What it is.
    pub kind: Kind,
    /// Name of the cluster.
    pub cluster: String,
    /// Name of its Secret.
    pub secret_name: String,
    /// UID of its Secret: one made anew under its name is another cluster.
    pub secret_uid: Option<String>,
    /// When it began, RFC 3339.
    pub started: String,
    /// Toggles that it switched off.
    pub toggles: Vec<String>,
    /// The Applications that pointed at the cluster.
    pub applications: Vec<Taken>,
    /// What was made in AWS, or may have been: one for each principal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<Grants>,
}

/// An Application that goes, as far as it has to be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// Its namespace.
    pub namespace: String,
    /// Its name: Argo CD finds what it deployed by that.
    pub name: String,
    /// The ApplicationSet that makes it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its project, source and destination: what an Application needs to be one.
    pub spec: Value,
    /// Whether what it deployed outlives it and has to be deleted by an Application of the same name.
    pub leaves_resources: bool,
    /// Whether it is gone with all it deployed.
    #[serde(default)]
    pub removed: bool,
}

impl Operation {
    /// A new one about the cluster that goes by this name.
    pub fn new(
        cluster: &str,
        secret: &ClusterSecret,
        toggles: Vec<String>,
        applications: Vec<Taken>,
    ) -> Self {
        let now = jiff::Timestamp::now();
        Self {
            kind: Kind::Drain,
            cluster: cluster.to_owned(),
            secret_name: secret.cluster.secret_name.clone(),
            secret_uid: secret.uid.clone(),
            started: now.round(jiff::Unit::Second).unwrap_or(now).to_string(),
            toggles,
            applications,
            access: Vec::new(),
        }
    }

    /// A new one about access in AWS.
    pub fn of_access(kind: Kind, cluster: &str, secret_name: &str) -> Self {
        let nothing = ClusterSecret::from_secret(Secret::default());
        Self {
            kind,
            secret_name: secret_name.to_owned(),
            ..Self::new(cluster, &nothing, Vec::new(), Vec::new())
        }
    }

    /// Adds what was made in AWS; of one principal the last counts. Whether anything changed.
    pub fn add_grants(&mut self, grants: Grants) -> bool {
        if self.access.contains(&grants) {
            return false;
        }
        self.access.retain(|one| one.principal != grants.principal);
        self.access.push(grants);
        true
    }

    /// Whether it is about exactly this Secret.
    pub fn is_of(&self, secret: &ClusterSecret) -> bool {
        self.secret_uid == secret.uid && self.secret_name == secret.cluster.secret_name
    }

    /// Adds Applications that are not in it yet; one that is keeps what is known of it. Whether anything was added.
    pub fn add(&mut self, applications: impl IntoIterator<Item = Taken>) -> bool {
        let before = self.applications.len();
        for taken in applications {
            if !self.knows(&taken.namespace, &taken.name) {
                self.applications.push(taken);
            }
        }
        self.applications.len() > before
    }

    /// Applications that outlive what they deployed, as long as that is not removed.
    pub fn left_behind(&self) -> impl Iterator<Item = &Taken> {
        self.unfinished().filter(|taken| taken.leaves_resources)
    }

    /// Applications that are not known to be gone with all they deployed. Once the cluster Secret is gone too early, none of
    /// them can have taken its resources along for certain.
    pub fn unfinished(&self) -> impl Iterator<Item = &Taken> {
        self.applications.iter().filter(|taken| !taken.removed)
    }

    /// What to say where the cluster Secret is gone and Applications are not known to have taken all along that they deployed.
    pub fn lost(&self) -> Option<String> {
        let left: Vec<String> = self
            .unfinished()
            .map(|taken| format!("{}/{}", taken.namespace, taken.name))
            .collect();
        (!left.is_empty()).then(|| {
            format!(
                "the cluster Secret of \"{}\" was deleted while it was being drained, and what these Applications deployed may \
                 still be on the cluster: {}; register it again and run this again with --drain, or leave it there with \
                 --keep-workloads",
                self.cluster,
                left.join(", ")
            )
        })
    }

    /// Forgets the drain; what it says of AWS is kept.
    pub fn give_up(&mut self) {
        self.kind = Kind::Unregister;
        self.toggles.clear();
        self.applications.clear();
    }

    /// Whether it remembers nothing that a new cluster Secret of that name does not say as well.
    pub fn is_settled(&self) -> bool {
        self.kind != Kind::Drain || self.unfinished().next().is_none()
    }

    /// Whether this Application is in it.
    pub fn knows(&self, namespace: &str, name: &str) -> bool {
        self.applications
            .iter()
            .any(|taken| taken.namespace == namespace && taken.name == name)
    }

    /// Name of its Secret.
    pub fn secret_name(&self) -> String {
        operation_name(&self.cluster)
    }

    /// The one about a cluster of this name, if there is one.
    pub async fn find(live: &LiveHub, cluster: &str) -> anyhow::Result<Option<Self>> {
        let name = operation_name(cluster);
        let secret = secrets(live)
            .get_opt(&name)
            .await
            .map_err(|error| failed(&format!("looking for an unfinished run in Secret {name}"), &error))?;
        let Some(secret) = secret else { return Ok(None) };
        let unreadable = || {
            anyhow::anyhow!(
                "Secret {}/{name} should hold the note of an unfinished run and cannot be read; delete it to start anew",
                live.namespace()
            )
        };
        let data = secret
            .data
            .and_then(|mut data| data.remove(DATA_KEY))
            .ok_or_else(unreadable)?;
        serde_json::from_slice(&data.0)
            .map(Some)
            .map_err(|_| unreadable())
    }

    /// Writes it for the first time; of two runs at once one fails here.
    pub async fn create(&self, live: &LiveHub) -> anyhow::Result<()> {
        let name = self.secret_name();
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                labels: Some(
                    [(
                        "app.kubernetes.io/managed-by".to_owned(),
                        keys::FIELD_MANAGER.to_owned(),
                    )]
                    .into(),
                ),
                ..ObjectMeta::default()
            },
            type_: Some("Opaque".into()),
            data: Some([(DATA_KEY.to_owned(), ByteString(self.bytes()?))].into()),
            ..Secret::default()
        };
        let params = PostParams {
            field_manager: Some(keys::FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        secrets(live)
            .create(&params, &secret)
            .await
            .map(drop)
            .map_err(|error| failed(&format!("writing the note of this run, Secret {name}"), &error))
    }

    /// Writes how far it has come.
    pub async fn save(&self, live: &LiveHub) -> anyhow::Result<()> {
        let name = self.secret_name();
        let patch = json!({ "data": { DATA_KEY: ByteString(self.bytes()?) } });
        let params = PatchParams {
            field_manager: Some(keys::FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        secrets(live)
            .patch(&name, &params, &Patch::Merge(&patch))
            .await
            .map(drop)
            .map_err(|error| {
                failed(
                    &format!("writing the progress of this run, Secret {name}"),
                    &error,
                )
            })
    }

    /// Takes it away; that it is gone already is fine.
    pub async fn delete(&self, live: &LiveHub) -> anyhow::Result<()> {
        let name = self.secret_name();
        match secrets(live).delete(&name, &DeleteParams::default()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(failed(
                &format!("deleting the note of this run, Secret {name}"),
                &error,
            )),
        }
    }

    fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }
}

fn secrets(live: &LiveHub) -> Api<Secret> {
    Api::namespaced(live.client(), live.namespace())
}

/// A Secret name holds 253 characters.
fn operation_name(cluster: &str) -> String {
    let mut name = format!("{PREFIX}{}", name::sanitize(cluster));
    name.truncate(253);
    name.trim_end_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(name: &str) -> Taken {
        Taken {
            namespace: "argocd".into(),
            name: name.into(),
            owner: None,
            spec: json!({}),
            leaves_resources: true,
            removed: false,
        }
    }

    #[test]
    fn names_of_notes() {
        assert_eq!(operation_name("My_Dev"), "kubectl-bridge-op-my-dev");
        assert_eq!(operation_name(&"x".repeat(253)).len(), 253);
        assert_eq!(operation_name("日本"), "kubectl-bridge-op");
    }

    #[test]
    fn what_is_known_is_kept() {
        let mut operation = Operation::new(
            "dev",
            &ClusterSecret::from_secret(Secret::default()),
            vec![],
            vec![taken("a")],
        );
        operation.applications[0].removed = true;
        assert!(operation.add([taken("a"), taken("b")]));
        assert!(!operation.add([taken("b")]));
        assert!(operation.applications[0].removed);
        assert_eq!(
            operation
                .left_behind()
                .map(|taken| taken.name.as_str())
                .collect::<Vec<_>>(),
            ["b"]
        );
        let again: Operation = serde_json::from_slice(&operation.bytes().unwrap()).unwrap();
        assert_eq!(again, operation);
    }
}
