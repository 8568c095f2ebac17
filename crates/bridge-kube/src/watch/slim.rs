//! A cluster Secret as the service takes it in: no `config`, no last-applied copy of it, no managed fields.
//!
//! The type has no place for them, so that no later change can let them through.

use bridge_core::{cluster::Cluster, keys, selector::Map};
use k8s_openapi::ByteString;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

#[derive(Deserialize)]
pub(super) struct SlimSecret {
    metadata: Metadata,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    labels: Option<Map>,
    #[serde(default, deserialize_with = "last_applied_emptied")]
    annotations: Map,
}

#[derive(Deserialize, Default)]
struct Data {
    name: Option<ByteString>,
    server: Option<ByteString>,
    project: Option<ByteString>,
}

impl SlimSecret {
    pub(super) fn into_cluster(self) -> Cluster {
        let text = |value: Option<ByteString>| {
            value
                .map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned())
                .unwrap_or_default()
        };
        let data = self.data.unwrap_or_default();
        Cluster {
            secret_name: self.metadata.name,
            name: text(data.name),
            server: text(data.server),
            project: text(data.project),
            labels: self.metadata.labels.unwrap_or_default(),
            annotations: self.metadata.annotations,
        }
    }
}

/// Annotations, where the value of last-applied is skipped as it is read: it holds the credentials in base64. That the
/// Secret is annotated at all is kept: a template may index an empty map, but none that is not there.
fn last_applied_emptied<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map, D::Error> {
    struct Annotations;
    impl<'de> Visitor<'de> for Annotations {
        type Value = Map;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("annotations")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Map, A::Error> {
            let mut map = Map::new();
            while let Some(key) = access.next_key::<String>()? {
                if key == keys::LAST_APPLIED {
                    access.next_value::<IgnoredAny>()?;
                    map.insert(key, String::new());
                } else {
                    map.insert(key, access.next_value()?);
                }
            }
            Ok(map)
        }
    }
    deserializer.deserialize_map(Annotations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn credentials_and_bookkeeping_stay_outside() {
        let secret = json!({
            "metadata": {
                "name": "dev", "labels": {"environment": "dev"},
                "annotations": {"aws_region": "eu-west-1", (keys::LAST_APPLIED): "{\"stringData\":\"hunter2\"}"},
                "managedFields": [{"manager": "hunter2"}],
            },
            "data": {"name": "ZGV2", "server": "aHR0cHM6Ly9kZXYv", "config": "aHVudGVyMg=="},
        });
        let cluster = serde_json::from_value::<SlimSecret>(secret)
            .unwrap()
            .into_cluster();
        assert_eq!(
            (cluster.name.as_str(), cluster.server.as_str()),
            ("dev", "https://dev/")
        );
        assert_eq!(cluster.project, "");
        assert_eq!(cluster.annotations[keys::LAST_APPLIED], "");
        assert_eq!(cluster.annotations.len(), 2);
        let shown = format!("{cluster:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("aHVudGVyMg"),
            "{shown}"
        );
    }

    #[test]
    fn a_secret_without_data_is_a_cluster_without_a_name() {
        let bare = json!({"metadata": {"name": "bare", "labels": null}, "data": null});
        let cluster = serde_json::from_value::<SlimSecret>(bare).unwrap().into_cluster();
        assert_eq!(
            (cluster.secret_name.as_str(), cluster.name.as_str()),
            ("bare", "")
        );
    }
}
