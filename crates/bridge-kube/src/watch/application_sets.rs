//! Follows the ApplicationSets of a hub.

use std::sync::Arc;

use bridge_core::applicationset::ApplicationSet;
use futures::future::join_all;
use kube::Client;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tracing::warn;

use super::collection::{Change, Collection, Pace, Restarts};

/// Changes that wait between the connection and whoever listens.
const QUEUE: usize = 1024;

/// Which namespaces are followed: that of Argo CD, and others by name or pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespaces {
    hub: String,
    others: Vec<String>,
}

/// A namespace pattern that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the namespace pattern \"{0}\" is a regular expression; use names, * and ?")]
pub struct NamespacesError(String);

/// An ApplicationSet as it was seen.
#[derive(Debug, Clone)]
pub struct SeenSet {
    /// The ApplicationSet.
    pub set: Arc<ApplicationSet>,
    /// `metadata.generation`: another one means another spec.
    pub generation: Option<i64>,
}

/// What happened to the ApplicationSets. Every change is told, none is skipped: the refresh annotation may be there for
/// milliseconds only.
#[derive(Debug)]
pub enum SetEvent {
    /// In this namespace, or in all of them, there are exactly these.
    Listed {
        /// `None`: all namespaces.
        namespace: Option<String>,
        /// All of them.
        sets: Vec<SeenSet>,
    },
    /// This one is new or changed.
    Changed(SeenSet),
    /// This one is gone, or cannot be read any more.
    Gone {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl Namespaces {
    /// The namespace of Argo CD, and patterns as its `--applicationset-namespaces` has them (Argo CD `util/glob`), but
    /// for regular expressions.
    pub fn new(hub: &str, patterns: &[String]) -> Result<Self, NamespacesError> {
        let patterns = patterns.iter().map(|pattern| pattern.trim());
        let others: Vec<String> = patterns
            .filter(|pattern| !pattern.is_empty() && *pattern != hub)
            .map(str::to_owned)
            .collect();
        if let Some(regex) = others.iter().find(|pattern| pattern.starts_with('/')) {
            return Err(NamespacesError(regex.clone()));
        }
        Ok(Self {
            hub: hub.to_owned(),
            others,
        })
    }

    /// Whether one of the patterns takes a look at all namespaces.
    fn is_wide(&self) -> bool {
        self.others.iter().any(|pattern| pattern.contains(['*', '?']))
    }

    fn contains(&self, namespace: &str) -> bool {
        namespace == self.hub
            || self
                .others
                .iter()
                .any(|pattern| glob(pattern.as_bytes(), namespace.as_bytes()))
    }

    /// `None` is all namespaces.
    fn scopes(&self) -> Vec<Option<String>> {
        if self.is_wide() {
            vec![None]
        } else {
            std::iter::once(&self.hub)
                .chain(&self.others)
                .cloned()
                .map(Some)
                .collect()
        }
    }
}

/// Follows the ApplicationSets in these namespaces.
pub fn follow_application_sets(
    client: &Client,
    namespaces: &Namespaces,
    pace: Pace,
) -> (
    mpsc::Receiver<SetEvent>,
    Restarts,
    impl Future<Output = ()> + Send + use<>,
) {
    let (events, receiver) = mpsc::channel(QUEUE);
    let restarts = Restarts::default();
    let followers: Vec<_> = namespaces
        .scopes()
        .into_iter()
        .map(|scope| {
            let within = scope
                .as_ref()
                .map(|name| format!("namespaces/{name}/"))
                .unwrap_or_default();
            let collection = Collection {
                client: client.clone(),
                path: format!("/apis/argoproj.io/v1alpha1/{within}applicationsets"),
                label_selector: None,
                what: "ApplicationSets",
                pace,
                restarts: restarts.clone(),
            };
            let (sender, changes) = mpsc::channel(QUEUE);
            let translator = Translator {
                namespaces: namespaces.clone(),
                scope,
                events: events.clone(),
            };
            async move {
                tokio::join!(collection.follow::<Value>(sender), translator.run(changes));
            }
        })
        .collect();
    let work = async move {
        join_all(followers).await;
    };
    (receiver, restarts, work)
}

/// From objects of the API to ApplicationSets of the namespaces that count.
struct Translator {
    namespaces: Namespaces,
    scope: Option<String>,
    events: mpsc::Sender<SetEvent>,
}

impl Translator {
    async fn run(self, mut changes: mpsc::Receiver<Change<Value>>) {
        while let Some(change) = changes.recv().await {
            let event = match change {
                Change::Reset(values) => Some(SetEvent::Listed {
                    namespace: self.scope.clone(),
                    sets: values.iter().filter_map(|value| self.read(value)).collect(),
                }),
                Change::Set(value) => self
                    .read(&value)
                    .map(SetEvent::Changed)
                    .or_else(|| self.gone(&value)),
                Change::Gone(value) => self.gone(&value),
                Change::Alive => None,
            };
            if let Some(event) = event
                && self.events.send(event).await.is_err()
            {
                return;
            }
        }
    }

    fn read(&self, value: &Value) -> Option<SeenSet> {
        let set = match ApplicationSet::from_json(value) {
            Ok(set) => set,
            Err(error) => {
                warn!(%error, "cannot read an ApplicationSet, leaving it out");
                return None;
            }
        };
        self.namespaces.contains(&set.namespace).then(|| SeenSet {
            set: Arc::new(set),
            generation: value.pointer("/metadata/generation").and_then(Value::as_i64),
        })
    }

    fn gone(&self, value: &Value) -> Option<SetEvent> {
        #[derive(Deserialize)]
        struct Object {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            #[serde(default)]
            namespace: String,
            name: String,
        }
        let Object { metadata } = Object::deserialize(value).ok()?;
        self.namespaces
            .contains(&metadata.namespace)
            .then_some(SetEvent::Gone {
                namespace: metadata.namespace,
                name: metadata.name,
            })
    }
}

/// `*` any run of characters, `?` any one.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => glob(&pattern[1..], text) || (!text.is_empty() && glob(pattern, &text[1..])),
        (Some(b'?'), Some(_)) => glob(&pattern[1..], &text[1..]),
        (Some(wanted), Some(found)) if wanted == found => glob(&pattern[1..], &text[1..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces(patterns: &[&str]) -> Namespaces {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Namespaces::new("argocd", &patterns).unwrap()
    }

    #[test]
    fn names_are_followed_one_by_one_and_patterns_in_one_go() {
        let named = namespaces(&["team-a", "argocd", " "]);
        assert_eq!(
            named.scopes(),
            [Some("argocd".to_owned()), Some("team-a".to_owned())]
        );
        let wide = namespaces(&["team-*", "x?"]);
        assert_eq!(wide.scopes(), [None]);
        for (namespace, expected) in [
            ("argocd", true),
            ("team-a", true),
            ("team-", true),
            ("xy", true),
            ("x", false),
            ("other", false),
        ] {
            assert_eq!(wide.contains(namespace), expected, "{namespace}");
        }
        assert!(Namespaces::new("argocd", &["/team-.*/".to_owned()]).is_err());
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_gone_and_other_namespaces_are_left_out() {
        let (events, mut seen) = mpsc::channel(8);
        let (sender, changes) = mpsc::channel(8);
        let translator = Translator {
            namespaces: namespaces(&["team-*"]),
            scope: None,
            events,
        };
        let set = |namespace: &str, generators: Value| serde_json::json!({"kind": "ApplicationSet", "metadata": {"namespace": namespace, "name": "a", "generation": 3}, "spec": {"generators": generators}});
        let list = serde_json::json!([]);
        sender
            .send(Change::Reset(vec![
                set("team-x", list.clone()),
                set("other", list.clone()),
            ]))
            .await
            .unwrap();
        sender.send(Change::Set(set("other", list))).await.unwrap();
        sender
            .send(Change::Set(set("team-x", "broken".into())))
            .await
            .unwrap();
        drop(sender);
        translator.run(changes).await;
        let Some(SetEvent::Listed { sets, .. }) = seen.recv().await else {
            panic!("a list first");
        };
        assert_eq!((sets.len(), sets[0].generation), (1, Some(3)));
        assert!(matches!(seen.recv().await, Some(SetEvent::Gone { namespace, .. }) if namespace == "team-x"));
        assert!(seen.recv().await.is_none());
    }
}
