//! What is going to be done with many clusters, in few lines.

use std::collections::{BTreeMap, BTreeSet};

use bridge_core::{
    access::{Do, Step},
    effect::Effect,
};

use super::{choose::Candidate, grouped::Subject, prepare::Prepared};
use crate::{
    output::{Table, cell},
    surroundings::Surroundings,
};

/// How many ApplicationSets are named in a line.
const NAMED: usize = 5;

/// One row a cluster.
pub fn table(ready: &[(Candidate, Prepared)]) -> Table {
    let mut table = Table::new(["NAME", "CLUSTER", "ACCOUNT", "REGION", "ENVIRONMENT", "VERSION"]);
    for (candidate, prepared) in ready {
        let Subject { name, arn } = &candidate.subject;
        let environment = prepared.plan().and_then(|plan| plan.after.environment());
        table.row([
            name.clone(),
            arn.name.clone(),
            arn.account.clone(),
            arn.region.clone(),
            environment.unwrap_or_default().to_owned(),
            candidate.facts.version.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// What is done in AWS, a line for each kind of step, with one of them as an example.
pub fn in_aws(ready: &[(Candidate, Prepared)]) -> Vec<String> {
    let mut kinds: Vec<(&'static str, &Step, usize, BTreeSet<&str>)> = Vec::new();
    let steps = ready.iter().flat_map(|(_, prepared)| prepared.aws_steps());
    // A wait changes nothing.
    for step in steps.filter(|step| !matches!(step.does, Do::WaitForEntry { .. })) {
        let action = step.action();
        match kinds.iter_mut().find(|(known, ..)| *known == action) {
            Some((.., count, accounts)) => {
                *count += 1;
                accounts.insert(&step.account);
            }
            None => kinds.push((action, step, 1, [step.account.as_str()].into())),
        }
    }
    kinds
        .into_iter()
        .map(|(action, step, count, accounts)| match count {
            1 => step.to_string(),
            _ => format!(
                "AWS: {count} times {action} in {}, such as: {}",
                match accounts.len() {
                    1 => format!("account {}", step.account),
                    accounts => format!("{accounts} accounts"),
                },
                step.words()
            ),
        })
        .collect()
}

/// What one ApplicationSet makes of them.
#[derive(Default)]
struct Made<'a> {
    applications: usize,
    /// Clusters of which it is not known how many Applications it makes.
    uncounted: usize,
    /// Why it is not known what it makes, and for how many clusters.
    unknown: BTreeMap<&'a str, usize>,
    /// Clusters of which it may change Applications that are there, or take some away.
    other: usize,
    error: Option<&'a str>,
}

/// What comes of it, in few lines.
pub fn effects(effects: &[Option<Effect>], surroundings: &Surroundings) -> Vec<String> {
    if effects.iter().any(Option::is_none) {
        return vec!["effect: unknown".to_owned()];
    }
    let mut sets: BTreeMap<(&str, &str), Made<'_>> = BTreeMap::new();
    for effect in effects.iter().flatten() {
        for begin in &effect.begins {
            let made = sets
                .entry((&begin.namespace, &begin.application_set))
                .or_default();
            match begin.applications.as_deref() {
                None | Some([]) => made.uncounted += 1,
                Some(names) => made.applications += names.len(),
            }
            made.error = begin.error.as_deref();
        }
        for unknown in &effect.unknown {
            let made = sets
                .entry((&unknown.namespace, &unknown.application_set))
                .or_default();
            *made.unknown.entry(&unknown.reason).or_default() += 1;
        }
        let ends = effect
            .ends
            .iter()
            .map(|end| (&end.namespace, &end.application_set));
        let changes = effect
            .changes
            .iter()
            .map(|change| (&change.namespace, &change.application_set));
        for (namespace, set) in ends.chain(changes) {
            sets.entry((namespace, set)).or_default().other += 1;
        }
    }
    let lines = lines(&sets);
    if lines.is_empty() {
        // In the words of one.
        return surroundings.lines(Some(&Effect::default()));
    }
    lines
}

fn lines(sets: &BTreeMap<(&str, &str), Made<'_>>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut making: Vec<(&str, usize)> = sets
        .iter()
        .filter(|(_, made)| made.applications > 0)
        .map(|((_, set), made)| (*set, made.applications))
        .collect();
    making.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let total: usize = making.iter().map(|(_, count)| count).sum();
    if total > 0 {
        let named: Vec<String> = making
            .iter()
            .take(NAMED)
            .map(|(set, count)| format!("{count} of {set}"))
            .collect();
        let more = match making.len() - named.len() {
            0 => String::new(),
            more => format!(" and those of {more} more ApplicationSets"),
        };
        let applications = plural(total, "Application");
        lines.push(format!("{applications} will appear: {}{more}", named.join(", ")));
    }
    for ((_, set), made) in sets {
        if made.uncounted > 0 {
            let clusters = plural(made.uncounted, "cluster");
            lines.push(format!(
                "{set}: begins to select {clusters}, and how many Applications that makes cannot be told"
            ));
        }
        if made.other > 0 {
            let clusters = plural(made.other, "cluster");
            lines.push(format!(
                "{set}: Applications that are there may change, for {clusters}"
            ));
        }
        for (reason, clusters) in &made.unknown {
            let clusters = plural(*clusters, "cluster");
            lines.push(format!("{set}: unknown for {clusters}: {reason}"));
        }
        if let Some(error) = made.error {
            lines.push(format!("{set}: it is in error and may do nothing: {error}"));
        }
    }
    lines
        .into_iter()
        .map(|line| format!("effect: {}", cell(&line)))
        .collect()
}

/// `1 cluster`, `2 clusters`
pub fn plural(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use bridge_core::effect::{Begin, Unknown};

    use super::*;

    #[test]
    fn many_effects_in_few_lines() {
        let begin = |set: &str, names: Option<&[&str]>| Begin {
            application_set: set.into(),
            namespace: "argocd".into(),
            applications: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            error: None,
        };
        let unknown = Unknown {
            application_set: "c".into(),
            namespace: "argocd".into(),
            reason: "why".into(),
        };
        let one = Effect {
            begins: vec![begin("a", Some(&["x", "y"])), begin("b", None)],
            unknown: vec![unknown],
            ..Effect::default()
        };
        let all = [one.clone(), one];
        let mut sets: BTreeMap<(&str, &str), Made<'_>> = BTreeMap::new();
        for effect in &all {
            sets.entry(("argocd", "a")).or_default().applications += 2;
            sets.entry(("argocd", "b")).or_default().uncounted += 1;
            *sets
                .entry(("argocd", "c"))
                .or_default()
                .unknown
                .entry(&effect.unknown[0].reason)
                .or_default() += 1;
        }
        assert_eq!(
            lines(&sets),
            [
                "effect: 4 Applications will appear: 4 of a",
                "effect: b: begins to select 2 clusters, and how many Applications that makes cannot be told",
                "effect: c: unknown for 2 clusters: why",
            ]
        );
    }
}
