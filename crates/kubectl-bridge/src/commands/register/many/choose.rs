//! Which of the clusters that were found are registered, and under which names.

use std::collections::{BTreeMap, HashMap};

use anyhow::{anyhow, bail};
use bridge_aws::{AccessEntry, AwsOptions, Session};
use bridge_core::{
    access::Seen,
    drift::{Discovered, State},
    facts::{EksArn, EksFacts},
    keys, name,
    secret::ClusterSecret,
};
use bridge_kube::Hub;
use serde::Serialize;

use super::grouped::Subject;
use crate::{
    args::ManyOptions,
    commands::{
        discover::{self, Looked},
        register::grant::Given,
    },
};

/// A cluster to be registered.
pub struct Candidate {
    /// Which.
    pub subject: Subject,
    /// What EKS says of it.
    pub facts: EksFacts,
    /// The way there.
    pub session: Session,
    /// The flags that lead there.
    pub aws: AwsOptions,
    /// Its access entries, where they were looked at.
    pub entries: Option<Seen<Vec<AccessEntry>>>,
    /// Where it is among the hub's, if a run was ended before it was through with it.
    pub current: Option<usize>,
}

/// A cluster that is not registered, and that is as it should be.
pub struct LeftOut {
    /// Which.
    pub subject: Subject,
    /// Why.
    pub why: String,
}

/// The same for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOutView<'a> {
    aws_cluster_name: &'a str,
    arn: String,
    reason: &'a str,
}

impl LeftOut {
    /// For programs.
    pub fn view(&self) -> LeftOutView<'_> {
        LeftOutView {
            aws_cluster_name: &self.subject.arn.name,
            arn: self.subject.arn.to_string(),
            reason: &self.why,
        }
    }
}

/// A cluster that cannot be registered.
pub struct Failed {
    /// Which.
    pub subject: Subject,
    /// Why.
    pub error: anyhow::Error,
}

impl Failed {
    /// A candidate that failed.
    pub fn of(candidate: &Candidate, error: anyhow::Error) -> Self {
        Self {
            subject: candidate.subject.clone(),
            error,
        }
    }
}

/// What was chosen.
#[derive(Default)]
pub struct Chosen {
    /// To be registered.
    pub candidates: Vec<Candidate>,
    /// Left out.
    pub left_out: Vec<LeftOut>,
    /// Failed already.
    pub failed: Vec<Failed>,
}

/// Chooses: what is missing, and what a run that was ended has left half-way.
///
/// # Errors
/// Where several of them would get one name: nobody guesses which of them is meant.
pub async fn choose(
    hub: &Hub,
    looked: &mut Looked,
    given: &Given<'_>,
    many: &ManyOptions,
) -> anyhow::Result<Chosen> {
    let unfinished: Vec<String> = match hub {
        Hub::Live(live) => live
            .unfinished()
            .await?
            .into_iter()
            .filter(|note| note.kind == "register")
            .map(|note| note.cluster)
            .collect(),
        Hub::Folder(_) => Vec::new(),
    };
    let mut chosen = Chosen::default();
    for one in std::mem::take(&mut looked.found) {
        let Some(arn) = one.arn.as_deref().and_then(|arn| EksArn::parse(arn).ok()) else {
            continue;
        };
        let half_way = matches!(one.state, State::Registered | State::Changed)
            && one.cluster.as_ref().is_some_and(|name| unfinished.contains(name));
        match one.state {
            State::Missing if !looked.is_hub(&one) => missing(&mut chosen, looked, given, many, &one, &arn),
            State::Elsewhere if one.marked_by.is_none() => {}
            State::Missing | State::Elsewhere => chosen.left_out.push(LeftOut {
                why: one.details.join("; "),
                subject: Subject {
                    name: arn.name.clone(),
                    arn,
                },
            }),
            _ if half_way => {
                let current = given
                    .clusters
                    .iter()
                    .position(|secret| Some(&secret.cluster.name) == one.cluster.as_ref());
                let name = one.cluster.clone().unwrap_or_default();
                if let Some(candidate) = candidate(looked, &one, Subject { name, arn }, current) {
                    chosen.candidates.push(candidate);
                }
            }
            _ => {}
        }
    }
    apart(&chosen.candidates)?;
    not_taken(&mut chosen, given.clusters);
    Ok(chosen)
}

fn missing(
    chosen: &mut Chosen,
    looked: &mut Looked,
    given: &Given<'_>,
    many: &ManyOptions,
    one: &Discovered,
    arn: &EksArn,
) {
    let under = |name: &str| Subject {
        name: name.to_owned(),
        arn: arn.clone(),
    };
    let Some(facts) = looked.scanned.facts(one) else {
        chosen.failed.push(Failed {
            subject: under(&arn.name),
            error: anyhow!(one.details.join("; ")),
        });
        return;
    };
    if !matches!(facts.status.as_str(), "ACTIVE" | "UPDATING") {
        chosen.left_out.push(LeftOut {
            why: format!("it is {}, not ACTIVE", facts.status),
            subject: under(&arn.name),
        });
        return;
    }
    let environment = given.options.environment.as_deref();
    let named = discover::name(
        arn,
        Some(facts),
        given.defaults,
        many.name_pattern.as_ref(),
        environment,
    );
    let name = match named {
        Ok(name) => name,
        Err(error) => {
            chosen.failed.push(Failed {
                error: anyhow::Error::new(error).context("its name on the hub is not known"),
                subject: under(&arn.name),
            });
            return;
        }
    };
    match name::check_label_value(keys::CLUSTER_NAME, &name) {
        Ok(()) => chosen
            .candidates
            .extend(candidate(looked, one, under(&name), None)),
        Err(error) => chosen.failed.push(Failed {
            error: anyhow::Error::new(error).context(format!(
                "it cannot have that name on the hub: say --name-pattern, or register it by another name with --aws-cluster-name {arn}"
            )),
            subject: under(&name),
        }),
    }
}

fn candidate(
    looked: &mut Looked,
    one: &Discovered,
    subject: Subject,
    current: Option<usize>,
) -> Option<Candidate> {
    let facts = looked.scanned.facts(one)?.clone();
    let place = looked.scanned.place_of(&subject.arn)?;
    Some(Candidate {
        facts,
        session: place.session.clone(),
        aws: place.options.clone(),
        entries: looked.entries.remove(&subject.arn.to_string()),
        subject,
        current,
    })
}

/// Refuses two clusters under one name, or under names that one Secret stands for.
fn apart(candidates: &[Candidate]) -> anyhow::Result<()> {
    let mut names: BTreeMap<String, Vec<&Subject>> = BTreeMap::new();
    for candidate in candidates {
        let name = &candidate.subject.name;
        let key = name::secret_name(name).unwrap_or_else(|| name.clone());
        names.entry(key).or_default().push(&candidate.subject);
    }
    names.retain(|_, subjects| subjects.len() > 1);
    if names.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = names
        .iter()
        .map(|(name, subjects)| {
            let arns: Vec<String> = subjects.iter().map(|one| one.arn.to_string()).collect();
            format!("\n* {name}: {}", arns.join(", "))
        })
        .collect();
    bail!(
        "several clusters would get one name, and nothing was changed:{}\nTell them apart with --name-pattern, such as \
         {{name}}-{{region}} or {{account}}-{{name}}, look in fewer places, or register them by name with --aws-cluster-name ARN",
        lines.concat()
    )
}

/// What would write over another cluster's Secret fails: of a name that was typed one may think that it is meant.
fn not_taken(chosen: &mut Chosen, clusters: &[ClusterSecret]) {
    let mut taken: HashMap<String, &ClusterSecret> = HashMap::new();
    for secret in clusters {
        let cluster = &secret.cluster;
        taken.insert(cluster.secret_name.clone(), secret);
        taken.extend(name::secret_name(&cluster.name).map(|name| (name, secret)));
    }
    for candidate in std::mem::take(&mut chosen.candidates) {
        let name = &candidate.subject.name;
        let secret = name::secret_name(name).and_then(|name| taken.get(&name));
        let Some(secret) = secret.filter(|_| candidate.current.is_none()) else {
            chosen.candidates.push(candidate);
            continue;
        };
        let cluster = &secret.cluster;
        let error = anyhow!(
            "Secret \"{}\" on the hub has that name already, for {}: say --name-pattern, or register it by another name with \
             --aws-cluster-name {}",
            cluster.secret_name,
            cluster.server,
            candidate.subject.arn
        );
        chosen.failed.push(Failed::of(&candidate, error));
    }
}
