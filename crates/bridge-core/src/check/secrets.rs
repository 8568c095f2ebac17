//! The cluster Secrets among each other, and each by itself.

use std::collections::BTreeMap;

use super::hub::{HubLook, Managed};
use crate::{
    cluster,
    connection::Connection,
    finding::{Check, Finding, or_ok},
    keys,
    secret::ClusterSecret,
};

const COMPLETE: Check = Check::new("KB101", "each cluster Secret has a name and a server");
const NAMES: Check = Check::new("KB102", "each cluster has a name of its own");
const SERVERS: Check = Check::new("KB103", "each cluster has a server of its own");
const CONFIGS: Check = Check::new("KB104", "each config is a JSON object");
const CREDENTIALS: Check = Check::new("KB105", "each Secret says how Argo CD gets in");
const SHAPES: Check = Check::new("KB106", "each Secret has the shape that this Argo CD takes");
const SIDES: Check = Check::new(
    "KB107",
    "labels and annotations agree on environment and cluster_name",
);

pub(super) fn secrets(look: &HubLook<'_>) -> Vec<Finding> {
    let mut findings = each(look, COMPLETE, complete);
    findings.extend(shared(look, NAMES, |secret| secret.cluster.name.clone()));
    findings.extend(shared(look, SERVERS, |secret| {
        secret.cluster.server.trim_end_matches('/').to_owned()
    }));
    findings.extend(each(look, CONFIGS, config));
    findings.extend(each(look, CREDENTIALS, credential));
    let managed = look.managed();
    findings.extend(each(look, SHAPES, |secret| shape(secret, managed)));
    findings.extend(each(look, SIDES, sides));
    findings
}

/// One look at each Secret.
fn each(look: &HubLook<'_>, check: Check, judge: impl Fn(&ClusterSecret) -> Option<Finding>) -> Vec<Finding> {
    let found = look
        .clusters
        .iter()
        .filter_map(|secret| Some(judge(secret)?.on(look.object(secret)).of(shown(secret))))
        .collect();
    or_ok(check, found)
}

fn shown(secret: &ClusterSecret) -> &str {
    let cluster = &secret.cluster;
    if cluster.name.is_empty() {
        &cluster.secret_name
    } else {
        &cluster.name
    }
}

fn complete(secret: &ClusterSecret) -> Option<Finding> {
    let missing = match (secret.cluster.name.is_empty(), secret.cluster.server.is_empty()) {
        (true, true) => "neither name nor server",
        (true, false) => "no name",
        (false, true) => "no server",
        (false, false) => return None,
    };
    Some(COMPLETE.failure(
        format!("it has {missing} in its data"),
        "register the cluster again, or delete the Secret",
    ))
}

/// A value that should be one Secret's alone.
fn shared(look: &HubLook<'_>, check: Check, value: impl Fn(&ClusterSecret) -> String) -> Vec<Finding> {
    let mut holders: BTreeMap<String, Vec<&ClusterSecret>> = BTreeMap::new();
    for secret in look.clusters {
        holders.entry(value(secret)).or_default().push(secret);
    }
    let what = if check == NAMES { "name" } else { "server" };
    let mut found = Vec::new();
    for (value, holders) in holders
        .iter()
        .filter(|(value, holders)| !value.is_empty() && holders.len() > 1)
    {
        let secrets: Vec<&str> = holders
            .iter()
            .map(|secret| secret.cluster.secret_name.as_str())
            .collect();
        let result = if check == NAMES {
            "the clusters generator keeps a random one of them, and the Applications of the others go"
        } else {
            "Argo CD uses one of them, and an ApplicationSet that merges by server fails as a whole"
        };
        for secret in holders {
            found.push(
                check
                    .failure(
                        format!(
                            "the Secrets {} have one {what}, \"{value}\": {result}",
                            secrets.join(", ")
                        ),
                        "delete all but one; first look which of them the Applications and toggles are on",
                    )
                    .on(look.object(secret))
                    .of(shown(secret)),
            );
        }
    }
    or_ok(check, found)
}

fn config(secret: &ClusterSecret) -> Option<Finding> {
    let error = secret.config.as_ref().err()?;
    Some(CONFIGS.failure(
        format!(
            "{error}: as long as it is there Argo CD deletes no Application of any ApplicationSet, and its controller starts over \
             and over"
        ),
        format!(
            "register \"{}\" again, which writes config anew, or delete the Secret",
            shown(secret)
        ),
    ))
}

fn credential(secret: &ClusterSecret) -> Option<Finding> {
    (secret.connection() == Connection::Anonymous).then(|| {
        CREDENTIALS.failure(
            "config holds no credential, and the server is not the hub itself",
            format!(
                "say how with \"kubectl bridge register {} --access direct\" (or role, or --spoke-context)",
                shown(secret)
            ),
        )
    })
}

fn shape(secret: &ClusterSecret, managed: Managed) -> Option<Finding> {
    let cluster = &secret.cluster;
    let name = shown(secret);
    let is_arn = cluster.server.starts_with("arn:");
    match managed {
        Managed::No if is_arn => Some(SHAPES.failure(
            "the server is a cluster ARN, which only Argo CD as an EKS capability takes, and this hub runs its own Argo CD",
            format!("\"kubectl bridge register {name} --access direct\" (or role)"),
        )),
        Managed::Yes if !is_arn && !cluster.server.is_empty() => Some(SHAPES.failure(
            format!(
                "the server is {}, and Argo CD as an EKS capability takes cluster ARNs only",
                if cluster.is_in_cluster() {
                    "the hub as seen from inside"
                } else {
                    "a URL"
                }
            ),
            format!("\"kubectl bridge register {name} --access capability\""),
        )),
        _ if is_arn && cluster.project.is_empty() => Some(SHAPES.failure(
            "the server is a cluster ARN and the Secret names no project: Argo CD as an EKS capability wants exactly one",
            format!("\"kubectl bridge register {name} --project PROJECT\""),
        )),
        _ if is_arn && matches!(secret.config, Ok(Some(_))) => Some(SHAPES.warning(
            "the server is a cluster ARN, and the Secret has a config, which nobody reads",
            "take data.config out of the Secret: it only misleads",
        )),
        _ => None,
    }
}

/// The pattern keeps both as label and annotation; a cluster whose sides disagree is in two environments at once.
fn sides(secret: &ClusterSecret) -> Option<Finding> {
    let cluster::Cluster {
        labels, annotations, ..
    } = &secret.cluster;
    let differing = [keys::ENVIRONMENT, keys::CLUSTER_NAME]
        .into_iter()
        .find_map(|key| {
            let (label, annotation) = (labels.get(key)?, annotations.get(key)?);
            (label != annotation).then_some((key, label, annotation))
        })?;
    let (key, label, annotation) = differing;
    Some(SIDES.warning(
        format!("{key} is \"{label}\" as a label and \"{annotation}\" as an annotation"),
        format!(
            "\"kubectl bridge label {} {key}=VALUE --overwrite\" sets both",
            shown(secret)
        ),
    ))
}
