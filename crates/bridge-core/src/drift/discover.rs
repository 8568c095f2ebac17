//! What runs in EKS beside what the hub knows.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::{Target, outdated, recreated};
use crate::{
    access::{AccessEntry, HUB_TAG, Owner, owner},
    cluster::same_server,
    facts::{EksArn, EksFacts},
    secret::ClusterSecret,
};

/// How a cluster stands between EKS and the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In EKS, and not on the hub.
    Missing,
    /// On the hub, and not in EKS any more.
    Gone,
    /// On the hub with other facts than EKS has.
    Changed,
    /// On the hub as it is in EKS.
    Registered,
    /// Another hub's; or on this one, in an account and region that was not looked at.
    Elsewhere,
    /// It could not be told.
    Unknown,
}

impl State {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::Registered => "registered",
            Self::Elsewhere => "elsewhere",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the hub and EKS disagree.
    pub fn is_drift(self) -> bool {
        matches!(self, Self::Missing | Self::Gone | Self::Changed)
    }
}

/// A cluster that EKS lists.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Where it is.
    pub arn: EksArn,
    /// What EKS says of it, or why it does not.
    pub facts: Result<EksFacts, String>,
}

/// An account and region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountRegion {
    /// Account id.
    pub account: String,
    /// Region.
    pub region: String,
}

/// What was looked at.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// All clusters of the places in `whole`; some may come from others.
    pub clusters: Vec<Listed>,
    /// Places whose list is whole: what is not in it is not there.
    pub whole: BTreeSet<AccountRegion>,
    /// Places that should have been looked at and could not.
    pub failed: BTreeSet<AccountRegion>,
}

/// A cluster, in EKS or on the hub or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Discovered {
    /// How it stands.
    pub state: State,
    /// Its name on the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Its name in EKS.
    pub aws_cluster_name: String,
    /// Its ARN, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Account id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Kubernetes version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Status in EKS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// ARN of the hub whose mark is on its access entries, of a cluster that is not on this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marked_by: Option<String>,
    /// What differs, or why it could not be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

impl Discovered {
    /// Takes note of the marks on the access entries of a missing cluster: one of another hub's is not missing here. Where it is
    /// not known which EKS cluster this hub is, a mark says nothing of whose it is.
    pub fn settle(&mut self, entries: &[AccessEntry], hub: Option<&str>) {
        let arn = self.arn.clone().unwrap_or_default();
        let marks = || entries.iter().filter_map(|entry| entry.tags.get(HUB_TAG));
        let Some(hub) = hub else {
            self.marked_by = marks().next().cloned();
            self.details.extend(self.marked_by.as_ref().map(|mark| {
                format!("hub {mark} has access there, which may be this one: it is not known which EKS cluster this hub is")
            }));
            return;
        };
        let owners: Vec<Owner> = entries
            .iter()
            .map(|entry| owner(&entry.tags, hub, &arn))
            .collect();
        if let Some(Owner::OtherHub(other)) = owners.iter().find(|one| matches!(one, Owner::OtherHub(_))) {
            self.state = State::Elsewhere;
            self.details = vec![format!("it belongs to another hub, {other}")];
            self.marked_by = Some(other.clone());
        } else if owners.contains(&Owner::Ours) {
            self.details
                .push("access in AWS is made, and the cluster is not registered".to_owned());
            self.marked_by = Some(hub.to_owned());
        }
    }
}

/// Every cluster of the scan that `wanted` admits, and every EKS cluster of the hub, by place and name. A cluster that is in EKS and
/// that `wanted` does not admit is left out, whether it is on the hub or not.
pub fn compare(clusters: &[ClusterSecret], scan: &Scan, wanted: impl Fn(&Listed) -> bool) -> Vec<Discovered> {
    let targets: Vec<Option<Target>> = clusters.iter().map(Target::of).collect();
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, target) in targets.iter().enumerate() {
        if let Some(target) = target {
            by_name.entry(&target.name).or_default().push(at);
        }
    }
    let mut met = vec![false; clusters.len()];
    let mut all = Vec::new();
    for listed in &scan.clusters {
        let mut on_hub = Vec::new();
        for &at in by_name.get(listed.arn.name.as_str()).into_iter().flatten() {
            if let Some(target) = &targets[at]
                && is_it(&clusters[at], target, listed)
            {
                met[at] = true;
                on_hub.push(&clusters[at]);
            }
        }
        if !wanted(listed) {
            continue;
        }
        if on_hub.is_empty() {
            all.push(missing(listed));
        }
        all.extend(on_hub.into_iter().map(|secret| registered(secret, listed)));
    }
    for ((secret, target), met) in clusters.iter().zip(targets).zip(met) {
        if let Some(target) = target.filter(|_| !met) {
            all.push(unmet(secret, target, scan));
        }
    }
    all.sort_by(|a, b| {
        let key = |one: &Discovered| {
            (
                one.account.clone(),
                one.region.clone(),
                one.aws_cluster_name.clone(),
                one.cluster.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    all
}

/// Whether a Secret is about this cluster. One that does not tell where it is can only be known by its endpoint.
fn is_it(secret: &ClusterSecret, target: &Target, listed: &Listed) -> bool {
    if !target.is(&listed.arn) {
        return false;
    }
    if target.account.is_some() && target.region.is_some() {
        return true;
    }
    let endpoint = listed
        .facts
        .as_ref()
        .ok()
        .and_then(|facts| facts.endpoint.as_deref());
    endpoint.is_some_and(|endpoint| same_server(&secret.cluster.server, endpoint))
}

fn of(listed: &Listed, state: State) -> Discovered {
    let facts = listed.facts.as_ref().ok();
    Discovered {
        state,
        cluster: None,
        aws_cluster_name: listed.arn.name.clone(),
        arn: Some(listed.arn.to_string()),
        account: Some(listed.arn.account.clone()),
        region: Some(listed.arn.region.clone()),
        version: facts.and_then(|facts| facts.version.clone()),
        status: facts.map(|facts| facts.status.clone()),
        marked_by: None,
        details: listed.facts.as_ref().err().cloned().into_iter().collect(),
    }
}

fn missing(listed: &Listed) -> Discovered {
    let mut discovered = of(listed, State::Missing);
    if let Ok(facts) = &listed.facts
        && facts.status != "ACTIVE"
    {
        discovered.details.push(format!("it is {}", facts.status));
    }
    discovered
}

fn registered(secret: &ClusterSecret, listed: &Listed) -> Discovered {
    let mut discovered = of(listed, State::Unknown);
    discovered.cluster = Some(secret.cluster.name.clone());
    if let Ok(facts) = &listed.facts {
        discovered.details = recreated(secret, facts);
        discovered.details.extend(outdated(secret, facts));
        if !matches!(facts.status.as_str(), "ACTIVE" | "UPDATING") {
            discovered.details.push(format!("it is {}", facts.status));
        }
        discovered.state = if discovered.details.is_empty() {
            State::Registered
        } else {
            State::Changed
        };
    }
    discovered
}

/// On the hub, and not among what was listed.
fn unmet(secret: &ClusterSecret, target: Target, scan: &Scan) -> Discovered {
    let mut details = Vec::new();
    let state = if let (Some(account), Some(region)) = (&target.account, &target.region) {
        let place = AccountRegion {
            account: account.clone(),
            region: region.clone(),
        };
        if scan.whole.contains(&place) {
            State::Gone
        } else if scan.failed.contains(&place) {
            details.push("its account and region could not be looked at".to_owned());
            State::Unknown
        } else {
            details.push("its account and region were not looked at".to_owned());
            State::Elsewhere
        }
    } else {
        details.push("its Secret does not tell its account and region".to_owned());
        State::Unknown
    };
    let arn = match (&target.partition, &target.region, &target.account) {
        (Some(partition), Some(region), Some(account)) => Some(
            EksArn {
                partition: partition.clone(),
                region: region.clone(),
                account: account.clone(),
                name: target.name.clone(),
            }
            .to_string(),
        ),
        _ => None,
    };
    Discovered {
        state,
        cluster: Some(secret.cluster.name.clone()),
        aws_cluster_name: target.name,
        arn,
        account: target.account,
        region: target.region,
        version: secret.cluster.kubernetes_version().map(str::to_owned),
        status: None,
        marked_by: None,
        details,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{facts, secret};
    use super::*;
    use crate::{
        access::{Tags, marks},
        keys,
    };

    fn listed(name: &str, account: &str) -> Listed {
        let arn = EksArn {
            partition: "aws".into(),
            region: "eu-west-1".into(),
            account: account.into(),
            name: name.into(),
        };
        let facts = EksFacts {
            arn: arn.clone(),
            endpoint: Some(format!("https://{name}.{account}")),
            ..facts()
        };
        Listed {
            arn,
            facts: Ok(facts),
        }
    }

    fn on_hub(name: &str, account: &str) -> ClusterSecret {
        let arn = listed(name, account).arn.to_string();
        secret(&arn, &json!(null), &[(keys::CLUSTER_ARN, &arn)])
    }

    fn place(account: &str) -> AccountRegion {
        AccountRegion {
            account: account.into(),
            region: "eu-west-1".into(),
        }
    }

    fn states(found: &[Discovered]) -> Vec<String> {
        found
            .iter()
            .map(|one| format!("{} {}", one.state.word(), one.aws_cluster_name))
            .collect()
    }

    #[test]
    fn every_state() {
        let moved = secret(
            "https://old",
            &json!({"awsAuthConfig": {"clusterName": "moved"}}),
            &[(keys::CLUSTER_ARN, &listed("moved", "1").arn.to_string())],
        );
        let clusters = [
            on_hub("same", "1"),
            moved,
            on_hub("gone", "1"),
            on_hub("far", "2"),
            on_hub("dark", "3"),
            secret("https://token", &json!({"bearerToken": "t"}), &[]),
            // Nothing but its endpoint tells which one it is.
            secret(
                "https://hand-made.1/",
                &json!({"awsAuthConfig": {"clusterName": "hand-made"}}),
                &[],
            ),
            secret(
                "https://nowhere",
                &json!({"awsAuthConfig": {"clusterName": "nowhere"}}),
                &[],
            ),
        ];
        let mut failing = listed("denied", "1");
        failing.facts = Err("denied".into());
        let scan = Scan {
            clusters: vec![
                listed("same", "1"),
                listed("moved", "1"),
                listed("new", "1"),
                listed("hand-made", "1"),
                failing,
            ],
            whole: [place("1")].into(),
            failed: [place("3")].into(),
        };
        assert_eq!(
            states(&compare(&clusters, &scan, |_| true)),
            [
                "unknown nowhere",
                "missing denied",
                "gone gone",
                "registered hand-made",
                "changed moved",
                "missing new",
                "registered same",
                "elsewhere far",
                "unknown dark",
            ]
        );
        // Who is not wanted is left out, but not taken for gone.
        let some = compare(&clusters, &scan, |listed| listed.arn.name == "new");
        assert_eq!(
            states(&some),
            [
                "unknown nowhere",
                "gone gone",
                "missing new",
                "elsewhere far",
                "unknown dark"
            ]
        );
    }

    #[test]
    fn one_name_in_two_accounts() {
        let clusters = [on_hub("dev", "1")];
        let scan = Scan {
            clusters: vec![listed("dev", "1"), listed("dev", "2")],
            whole: [place("1"), place("2")].into(),
            ..Scan::default()
        };
        assert_eq!(
            states(&compare(&clusters, &scan, |_| true)),
            ["registered dev", "missing dev"]
        );
    }

    #[test]
    fn marks_tell_whose_a_missing_cluster_is() {
        let scan = Scan {
            clusters: vec![listed("dev", "1")],
            ..Scan::default()
        };
        let arn = listed("dev", "1").arn.to_string();
        let settled = |marks: &[Tags], hub| {
            let mut found = compare(&[], &scan, |_| true).remove(0);
            let entries: Vec<AccessEntry> = marks
                .iter()
                .map(|tags| AccessEntry {
                    tags: tags.clone(),
                    ..AccessEntry::default()
                })
                .collect();
            found.settle(&entries, hub);
            (found.state, found.marked_by, found.details.join("; "))
        };
        let (ours, theirs) = (marks("arn:hub", &arn), marks("arn:other", &arn));
        let hub = Some("arn:hub");
        assert_eq!(
            settled(&[Tags::new()], hub),
            (State::Missing, None, String::new())
        );
        let (state, by, details) = settled(&[ours.clone(), theirs.clone()], hub);
        assert_eq!((state, by.as_deref()), (State::Elsewhere, Some("arn:other")));
        assert!(details.contains("another hub, arn:other"), "{details}");
        let (state, by, details) = settled(std::slice::from_ref(&ours), hub);
        assert_eq!((state, by.as_deref()), (State::Missing, Some("arn:hub")));
        assert!(details.contains("is not registered"), "{details}");
        let (state, by, details) = settled(&[theirs], None);
        assert_eq!((state, by.as_deref()), (State::Missing, Some("arn:other")));
        assert!(details.contains("may be this one"), "{details}");
    }

    #[test]
    fn five_thousand_are_compared_in_no_time() {
        let names: Vec<String> = (0..5000).map(|at| format!("c{at}")).collect();
        let clusters: Vec<_> = names.iter().map(|name| on_hub(name, "1")).collect();
        let scan = Scan {
            clusters: names.iter().map(|name| listed(name, "1")).collect(),
            whole: [place("1")].into(),
            ..Scan::default()
        };
        let found = compare(&clusters, &scan, |_| true);
        assert!(found.iter().all(|one| one.state == State::Registered));
        assert_eq!(found.len(), 5000);
    }
}
