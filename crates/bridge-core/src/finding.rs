//! What a check found: a code that stays, how bad it is, the cause and the next step.

use serde::{Serialize, Serializer};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is well.
    Ok,
    /// Could not be judged: nobody's failure.
    Unknown,
    /// Works, or may work, and should be looked at.
    Warning,
    /// Broken.
    Failure,
}

impl Severity {
    /// The sign in front of its line.
    pub fn sign(self) -> char {
        match self {
            Self::Ok => '√',
            Self::Unknown => '?',
            Self::Warning => '‼',
            Self::Failure => '×',
        }
    }
}

/// Something that is looked at. Codes are never given to another check: `KB1xx` the hub, `KB2xx` a cluster in EKS, `KB3xx` access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// `KB101`.
    pub code: &'static str,
    /// What is so when all is well.
    pub title: &'static str,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check: its code and title.
    #[serde(flatten, serialize_with = "check")]
    pub check: Check,
    /// How bad it is.
    pub severity: Severity,
    /// Name of the cluster that it is about; none for the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The object that it is about: `Secret argocd/dev`, an ARN.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// Why; empty where all is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// What to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

fn check<S: Serializer>(check: &Check, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap as _;
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("code", check.code)?;
    map.serialize_entry("check", check.title)?;
    map.end()
}

impl Check {
    /// A check with this code.
    pub const fn new(code: &'static str, title: &'static str) -> Self {
        Self { code, title }
    }

    /// All is well.
    pub fn ok(self) -> Finding {
        self.found(Severity::Ok, String::new(), String::new())
    }

    /// It could not be judged, for this reason.
    pub fn unknown(self, reason: impl Into<String>) -> Finding {
        self.found(
            Severity::Unknown,
            format!("could not be judged: {}", reason.into()),
            String::new(),
        )
    }

    /// Something to look at.
    pub fn warning(self, cause: impl Into<String>, hint: impl Into<String>) -> Finding {
        self.found(Severity::Warning, cause.into(), hint.into())
    }

    /// Something is broken.
    pub fn failure(self, cause: impl Into<String>, hint: impl Into<String>) -> Finding {
        self.found(Severity::Failure, cause.into(), hint.into())
    }

    fn found(self, severity: Severity, cause: String, hint: String) -> Finding {
        Finding {
            check: self,
            severity,
            cluster: None,
            object: String::new(),
            cause,
            hint,
        }
    }
}

impl Finding {
    /// This finding, about that object.
    #[must_use]
    pub fn on(mut self, object: impl Into<String>) -> Self {
        self.object = object.into();
        self
    }

    /// This finding, about that cluster.
    #[must_use]
    pub fn of(mut self, cluster: &str) -> Self {
        self.cluster = Some(cluster.to_owned());
        self
    }
}

/// The findings, or that all is well where there are none.
pub(crate) fn or_ok(check: Check, findings: Vec<Finding>) -> Vec<Finding> {
    if findings.is_empty() {
        vec![check.ok()]
    } else {
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_json() {
        const CHECK: Check = Check::new("KB999", "it works");
        let json = serde_json::to_value(CHECK.failure("why", "do").on("Secret a/b").of("dev")).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"code": "KB999", "check": "it works", "severity": "failure", "cluster": "dev",
                "object": "Secret a/b", "cause": "why", "hint": "do"})
        );
        let json = serde_json::to_value(CHECK.ok()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"code": "KB999", "check": "it works", "severity": "ok"})
        );
        assert!(Severity::Failure > Severity::Warning && Severity::Warning > Severity::Unknown);
    }
}
