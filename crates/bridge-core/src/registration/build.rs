//! The Secret of a registration.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use super::{Access, FIXED_ANNOTATIONS, FIXED_LABELS, Plan, Registration, RegistrationError, checks};
use crate::{
    change::{KeyChanges, KeyDiff},
    cluster::{Cluster, IN_CLUSTER_SERVER},
    connection::Config,
    facts::EksFacts,
    keys, name,
    secret::ClusterSecret,
    selector::Map,
};

impl Registration {
    /// Works out what to write, given all cluster Secrets of the hub.
    ///
    /// An update writes what it knows now and keeps what it is not told: keys of the fixed set that have no new value keep
    /// theirs, for a server-side apply that leaves a key out takes it away.
    pub fn plan(&self, hub: &[ClusterSecret]) -> Result<Plan, RegistrationError> {
        let secret_name =
            name::secret_name(&self.name).ok_or_else(|| RegistrationError::Name(self.name.clone()))?;
        name::check_label_value(keys::CLUSTER_NAME, &self.name)?;
        checks::usable(self)?;
        let current = checks::current(self, &secret_name, hub)?;
        checks::same_cluster(self.facts.as_ref(), current)?;
        let (server, config) = self.connection(current)?;
        checks::unique(&server, self.facts.as_ref(), current, hub)?;
        let was = current.map(|secret| &secret.cluster);
        let environment = checks::environment(self, was)?;

        let mut labels = self.fixed_labels(&environment);
        let mut annotations = self.fixed_annotations(&environment);
        let changes = KeyChanges {
            labels: further("label", &FIXED_LABELS, &self.labels, &mut labels)?,
            annotations: further(
                "annotation",
                &FIXED_ANNOTATIONS,
                &self.annotations,
                &mut annotations,
            )?,
        };
        changes.check()?;
        if let Some(was) = was {
            keep(&FIXED_LABELS, &was.labels, &mut labels);
            keep(&FIXED_ANNOTATIONS, &was.annotations, &mut annotations);
        }
        if let Some(current) = current {
            annotations
                .entry(keys::ACCESS.to_owned())
                .or_insert_with(|| current.connection().word().to_owned());
        }
        for (key, value) in &labels {
            name::check_label_value(key, value)?;
        }

        let data = self.data(&server, config, current);
        let mut after = was.cloned().unwrap_or_else(|| Cluster {
            secret_name,
            ..Cluster::default()
        });
        after.name.clone_from(&self.name);
        after.server.clone_from(&server);
        after.project = text(&data, "project").unwrap_or_default();
        after.labels.extend(labels.clone());
        after.annotations.extend(annotations.clone());
        let after = changes.applied_to(&after);

        let create = current.is_none();
        if create {
            labels.clone_from(&after.labels);
            annotations.clone_from(&after.annotations);
        }
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(after.secret_name.clone()),
                labels: Some(labels),
                annotations: Some(annotations),
                ..ObjectMeta::default()
            },
            type_: create.then(|| "Opaque".to_owned()),
            data: Some(data.clone()),
            ..Secret::default()
        };
        Ok(Plan {
            diffs: diffs(current, &after, &data),
            warnings: checks::warnings(self, &server, current, hub),
            current: current.cloned(),
            secret,
            changes: if create { KeyChanges::default() } else { changes },
            after,
        })
    }

    /// `server` and, where the shape has one, `config`.
    fn connection(
        &self,
        current: Option<&ClusterSecret>,
    ) -> Result<(String, Option<Config>), RegistrationError> {
        let facts = || {
            self.facts
                .as_ref()
                .ok_or_else(|| RegistrationError::NoFacts(self.access.word()))
        };
        let eks = |role_arn: Option<&str>| {
            let facts = facts()?;
            let server = required(facts, facts.endpoint.as_ref(), "endpoint")?;
            let ca = required(
                facts,
                facts.certificate_authority.as_ref(),
                "certificateAuthority.data",
            )?;
            let config = Config::eks(&facts.arn.name, &ca, role_arn);
            Ok::<_, RegistrationError>((server, Some(config)))
        };
        let (server, config) = match &self.access {
            Access::Direct => eks(None)?,
            Access::Role { role_arn } => eks(Some(role_arn))?,
            Access::Capability => (facts()?.arn.to_string(), None),
            Access::Token { server, token, ca } => {
                (server.clone(), Some(Config::token(token, ca.as_deref())))
            }
            Access::Certificate {
                server,
                certificate,
                key,
                ca,
            } => (
                server.clone(),
                Some(Config::client_certificate(certificate, key, ca.as_deref())),
            ),
            Access::InCluster => (IN_CLUSTER_SERVER.to_owned(), Some(Config::in_cluster())),
            Access::Keep => {
                let current = current.ok_or_else(|| RegistrationError::NothingToKeep(self.name.clone()))?;
                let config = match (&self.proxy_url, &current.config) {
                    // Written only where something in it changes.
                    (None, _) => None,
                    (Some(_), Ok(Some(config))) => Some(config.clone()),
                    (Some(_), Ok(None) | Err(_)) => return Err(RegistrationError::ProxyWithoutConfig),
                };
                (current.cluster.server.clone(), config)
            }
        };
        let config = config.map(|config| match &self.proxy_url {
            Some(url) => config.with_proxy(url),
            None => config,
        });
        let config = config.map(|config| match &self.tls_server_name {
            Some(name) => config.with_server_name(name),
            None => config,
        });
        Ok((server, config))
    }

    fn fixed_labels(&self, environment: &str) -> Map {
        let facts = self.facts.as_ref();
        let version = facts
            .and_then(|facts| facts.version.as_ref())
            .or(self.kubernetes_version.as_ref());
        let aws_name = facts
            .map(|facts| &facts.arn.name)
            .filter(|eks| name::check_label_value(keys::AWS_CLUSTER_NAME, eks).is_ok());
        [
            (keys::SECRET_TYPE, Some(keys::SECRET_TYPE_CLUSTER)),
            (keys::CLUSTER_NAME, Some(self.name.as_str())),
            (keys::ENVIRONMENT, Some(environment)),
            (keys::KUBERNETES_VERSION, version.map(String::as_str)),
            (keys::AWS_CLUSTER_NAME, aws_name.map(String::as_str)),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
        .collect()
    }

    fn fixed_annotations(&self, environment: &str) -> Map {
        let mut annotations = self.facts.as_ref().map(EksFacts::annotations).unwrap_or_default();
        for (key, value) in [
            (keys::CLUSTER_NAME, self.name.as_str()),
            (keys::ENVIRONMENT, environment),
            (keys::SCHEMA, keys::SCHEMA_VERSION),
        ] {
            annotations.insert(key.to_owned(), value.to_owned());
        }
        if let Some(grants) = &self.grants {
            annotations.insert(keys::GRANTS.to_owned(), grants.to_annotation());
        }
        if self.access != Access::Keep {
            annotations.insert(keys::ACCESS.to_owned(), self.access.word().to_owned());
        }
        annotations
    }

    fn data(
        &self,
        server: &str,
        config: Option<Config>,
        current: Option<&ClusterSecret>,
    ) -> BTreeMap<String, ByteString> {
        let kept_project = current
            .map(|current| current.cluster.project.clone())
            .filter(|project| !project.is_empty());
        // The capability knows no cluster outside a project.
        let default_project = (self.access == Access::Capability).then(|| "default".to_owned());
        let namespaces = match &self.namespaces {
            Some(namespaces) => Some(namespaces.clone()),
            None => current.map(|current| current.namespaces.clone()),
        }
        .map(|namespaces| namespaces.join(","))
        .filter(|list| !list.is_empty() || self.namespaces.is_some());
        let cluster_resources = self
            .cluster_resources
            .or_else(|| current.and_then(|current| current.cluster_resources.then_some(true)));
        let config = config.map(|config| {
            match current.map(|current| &current.config) {
                Some(Ok(Some(existing))) => config.merged_over(existing),
                _ => config,
            }
            .expose()
        });
        [
            ("name", Some(self.name.clone())),
            ("server", Some(server.to_owned())),
            ("config", config),
            (
                "project",
                self.project.clone().or(kept_project).or(default_project),
            ),
            (
                "shard",
                self.shard
                    .map(|shard| shard.to_string())
                    .or_else(|| current.and_then(|current| current.shard.clone())),
            ),
            ("namespaces", namespaces),
            ("clusterResources", cluster_resources.map(|on| on.to_string())),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), ByteString(value?.into_bytes()))))
        .collect()
    }
}

fn required(
    facts: &EksFacts,
    value: Option<&String>,
    member: &'static str,
) -> Result<String, RegistrationError> {
    value
        .filter(|value| !value.is_empty())
        .cloned()
        .ok_or_else(|| RegistrationError::MissingFact {
            cluster: facts.arn.name.clone(),
            member,
        })
}

/// Splits what the user gave: keys of the fixed set join it where nothing is known, the others are further changes.
fn further(
    kind: &'static str,
    fixed_keys: &[&str],
    given: &Map,
    fixed: &mut Map,
) -> Result<BTreeMap<String, Option<String>>, RegistrationError> {
    let mut changes = BTreeMap::new();
    for (key, value) in given {
        if keys::is_own(key) {
            return Err(RegistrationError::OwnKey {
                kind,
                key: key.clone(),
            });
        }
        if !fixed_keys.contains(&key.as_str()) || key == keys::SECRET_TYPE {
            changes.insert(key.clone(), Some(value.clone()));
            continue;
        }
        match fixed.get(key) {
            Some(known) if known != value => {
                return Err(RegistrationError::Contradiction {
                    kind,
                    key: key.clone(),
                    known: known.clone(),
                    given: value.clone(),
                    hint: if key == keys::ENVIRONMENT {
                        ", or say it with --environment"
                    } else {
                        ""
                    },
                });
            }
            _ => {
                fixed.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(changes)
}

fn keep(fixed_keys: &[&str], was: &Map, fixed: &mut Map) {
    for key in fixed_keys {
        if let Some(value) = was.get(*key) {
            fixed.entry((*key).to_owned()).or_insert_with(|| value.clone());
        }
    }
}

fn text(data: &BTreeMap<String, ByteString>, key: &str) -> Option<String> {
    data.get(key)
        .map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned())
}

fn diffs(
    current: Option<&ClusterSecret>,
    after: &Cluster,
    data: &BTreeMap<String, ByteString>,
) -> Vec<KeyDiff> {
    let empty = Map::new();
    let was = current.map(|current| &current.cluster);
    let mut all = side("label", was.map_or(&empty, |was| &was.labels), &after.labels);
    all.extend(side(
        "annotation",
        was.map_or(&empty, |was| &was.annotations),
        &after.annotations,
    ));
    for key in data.keys() {
        let to = text(data, key);
        let from = current.and_then(|current| data_of(current, key));
        if from == to {
            continue;
        }
        // A config holds credentials: that it changes is all there is to say, as `kubectl diff` says it.
        let (from, to) = if key == "config" {
            (
                from.map(|_| "*** (before)".to_owned()),
                to.map(|_| "*** (after)".to_owned()),
            )
        } else {
            (from, to)
        };
        all.push(KeyDiff {
            kind: "data",
            key: key.clone(),
            from,
            to,
        });
    }
    all
}

fn side(kind: &'static str, was: &Map, after: &Map) -> Vec<KeyDiff> {
    after
        .iter()
        .filter(|(key, to)| was.get(*key) != Some(to))
        .map(|(key, to)| KeyDiff {
            kind,
            key: key.clone(),
            from: was.get(key).cloned(),
            to: Some(to.clone()),
        })
        .collect()
}

fn data_of(current: &ClusterSecret, key: &str) -> Option<String> {
    match key {
        "name" => Some(current.cluster.name.clone()),
        "server" => Some(current.cluster.server.clone()),
        "project" => Some(current.cluster.project.clone()).filter(|project| !project.is_empty()),
        "shard" => current.shard.clone(),
        "namespaces" => Some(current.namespaces.join(",")).filter(|list| !list.is_empty()),
        "clusterResources" => current.cluster_resources.then(|| "true".to_owned()),
        "config" => match &current.config {
            Ok(Some(config)) => Some(config.expose()),
            Ok(None) => None,
            Err(_) => Some(String::new()),
        },
        _ => None,
    }
}
