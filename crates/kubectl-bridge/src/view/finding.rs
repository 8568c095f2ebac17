//! `FindingList`.

use bridge_core::finding::{Finding, Severity};
use serde::Serialize;

use super::API_VERSION;

/// What a check found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingList<'a> {
    api_version: &'static str,
    kind: &'static str,
    hub: String,
    /// Whether nothing has failed.
    success: bool,
    items: Vec<FindingView<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingView<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    finding: &'a Finding,
}

impl<'a> FindingList<'a> {
    /// A list of these, about this hub.
    pub fn new(hub: String, findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let items: Vec<_> = findings
            .into_iter()
            .map(|finding| FindingView {
                api_version: API_VERSION,
                kind: "Finding",
                finding,
            })
            .collect();
        Self {
            api_version: API_VERSION,
            kind: "FindingList",
            hub,
            success: items
                .iter()
                .all(|item| item.finding.severity != Severity::Failure),
            items,
        }
    }
}
