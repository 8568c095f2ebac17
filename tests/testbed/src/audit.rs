//! What service accounts asked of an API server, from its audit log.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// The policy: what service accounts ask for, without bodies. Administrators, as whom everything else here works, would drown it.
pub(crate) const POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: Metadata
  userGroups: ['system:serviceaccounts']
- level: None
";

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// As RBAC names it: `secrets`, `applications.argoproj.io`, `serviceaccounts/token`; a path such as `/version` for what is
    /// no resource.
    pub resource: String,
    /// `None` for all namespaces, and for what has none.
    pub namespace: Option<String>,
    /// The object, where one is named.
    pub name: Option<String>,
    /// When it came in, RFC 3339 with microseconds: sorts as text.
    pub received: String,
    /// Whether it asked for a dry run.
    pub dry_run: bool,
    /// HTTP status of the answer, once that is given.
    pub code: Option<u64>,
}

/// Reads the log. A request is written down before it is looked at, so whoever has an answer finds it here.
pub(crate) fn read(log: &Path, user: &str) -> Result<Vec<AuditEvent>> {
    let text = std::fs::read_to_string(log)
        .with_context(|| format!("cannot read the audit log {}", log.display()))?;
    let mut events: BTreeMap<String, AuditEvent> = BTreeMap::new();
    // The last line may be half-written.
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    for line in lines {
        let event: Value = serde_json::from_str(line).context("the audit log has a line that is no JSON")?;
        if event["user"]["username"] != user {
            continue;
        }
        let id = event["auditID"].as_str().unwrap_or_default().to_owned();
        let code = event["responseStatus"]["code"].as_u64();
        let known = events.entry(id).or_insert_with(|| read_one(&event));
        known.code = known.code.or(code);
    }
    let mut events: Vec<AuditEvent> = events.into_values().collect();
    events.sort_by(|a, b| a.received.cmp(&b.received));
    Ok(events)
}

fn read_one(event: &Value) -> AuditEvent {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let uri = event["requestURI"].as_str().unwrap_or_default();
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let object = &event["objectRef"];
    let resource = match text(&object["resource"]) {
        None => path.to_owned(),
        Some(resource) => {
            let group = text(&object["apiGroup"]).map(|group| format!(".{group}"));
            let sub = text(&object["subresource"]).map(|sub| format!("/{sub}"));
            format!(
                "{resource}{}{}",
                group.unwrap_or_default(),
                sub.unwrap_or_default()
            )
        }
    };
    AuditEvent {
        verb: text(&event["verb"]).unwrap_or_default(),
        resource,
        namespace: text(&object["namespace"]),
        name: text(&object["name"]),
        received: text(&event["requestReceivedTimestamp"]).unwrap_or_default(),
        dry_run: query.contains("dryRun="),
        code: None,
    }
}
