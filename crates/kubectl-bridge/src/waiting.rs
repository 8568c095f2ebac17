//! `--wait`: until the Applications that a change makes are there, or those that it ends are gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::bail;
use bridge_core::{
    application::Application,
    change::KeyChanges,
    cluster::Cluster,
    effect::{Begin, End},
};
use bridge_kube::Hub;
use tokio::time::{Instant, sleep};

use crate::{
    args::{WaitFor, WaitOptions},
    context::Context,
    output::cell,
    select::shown_name,
    surroundings::{Surroundings, application_line},
    view::ClusterChange,
};

/// Between two looks. One list of Applications a second is what an open Argo CD window costs as well.
const PAUSE: Duration = Duration::from_secs(1);

/// One ApplicationSet begins or ends to select one cluster.
#[derive(Debug)]
pub struct Goal {
    cluster: Cluster,
    shown: String,
    namespace: String,
    set: String,
    /// Applications by name, where the names can be told.
    names: Option<BTreeSet<String>>,
    /// Whether they are to appear; else to vanish.
    begins: bool,
}

/// What to wait for after these changes. A switch that was set already counts as well: a run that timed out goes on waiting
/// when it is repeated.
pub fn goals(changes: &[ClusterChange], asked: &KeyChanges, surroundings: &Surroundings) -> Vec<Goal> {
    let mut goals = Vec::new();
    for change in changes {
        let before = unswitched(&change.secret.cluster, asked);
        let Some(after) = change.after.as_ref().map(|after| &after.cluster) else {
            continue;
        };
        let Some(effect) = surroundings.effect(Some(&before), Some(after)) else {
            continue;
        };
        let goal = |namespace: String, set: String, names: Option<BTreeSet<String>>, begins: bool| Goal {
            cluster: after.clone(),
            shown: crate::view::line(shown_name(&change.secret)),
            namespace,
            set,
            names,
            begins,
        };
        for begin in effect.begins {
            let Begin {
                application_set,
                namespace,
                applications,
                error: _,
            } = begin;
            let names = applications.map(|names| names.into_iter().collect());
            goals.push(goal(namespace, application_set, names, true));
        }
        for end in effect.ends {
            let End {
                application_set,
                namespace,
                applications,
                error: _,
            } = end;
            let names: BTreeSet<String> = applications
                .into_iter()
                .filter(|fate| fate.vanishes)
                .map(|fate| fate.application)
                .collect();
            if !names.is_empty() {
                goals.push(goal(namespace, application_set, Some(names), false));
            }
        }
    }
    goals
}

/// The cluster as if each toggle that stands as asked stood the other way.
fn unswitched(cluster: &Cluster, asked: &KeyChanges) -> Cluster {
    let mut before = cluster.clone();
    for (label, wanted) in &asked.labels {
        if cluster.labels.get(label) != wanted.as_ref() {
            continue;
        }
        if wanted.as_deref() == Some("true") {
            before.labels.remove(label);
        } else {
            before.labels.insert(label.clone(), "true".into());
        }
    }
    before
}

/// Waits for all of them; on timeout says what is missing, with the Applications' own messages.
pub async fn wait(ctx: &Context, hub: &Hub, options: WaitOptions, goals: &[Goal]) -> anyhow::Result<()> {
    if goals.is_empty() {
        ctx.out
            .note("nothing to wait for: no Application appears or vanishes with this change")?;
        return Ok(());
    }
    let deadline = Instant::now() + options.timeout;
    let mut told: BTreeMap<usize, String> = BTreeMap::new();
    let mut waiting = ctx.out.waiting();
    loop {
        let applications = hub.applications().await?;
        let mut missing = BTreeMap::new();
        for (at, goal) in goals.iter().enumerate() {
            let state = match goal.missing(options.until, &applications) {
                Some(state) => {
                    missing.insert(at, state.clone());
                    state
                }
                None => goal.reached(options.until).to_owned(),
            };
            // What is on its way is said on the line that lives, if there is one.
            let said = !waiting.lives() || !missing.contains_key(&at);
            if told.insert(at, state.clone()).as_ref() != Some(&state) && said {
                ctx.out.note(format_args!("{}: {state}", goal.title()))?;
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        if waiting.lives() {
            waiting.on(awaited(goals, &missing))?;
        }
        if Instant::now() >= deadline {
            bail!(not_reached(hub, options, goals, &missing).await);
        }
        sleep(PAUSE.min(deadline - Instant::now())).await;
    }
}

/// `waiting for cluster/dev, ApplicationSet argocd/x: no Application yet, and 2 more`.
fn awaited(goals: &[Goal], missing: &BTreeMap<usize, String>) -> String {
    let Some((at, state)) = missing.first_key_value() else {
        return String::new();
    };
    let more = match missing.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("waiting for {}: {state}{more}", goals[*at].title())
}

impl Goal {
    fn title(&self) -> String {
        format!("{}, ApplicationSet {}/{}", self.shown, self.namespace, self.set)
    }

    /// What to say once it is reached.
    fn reached(&self, until: WaitFor) -> &'static str {
        match (self.begins, until) {
            (false, _) => "gone",
            (true, WaitFor::Exists) => "there",
            (true, WaitFor::Synced) => "synced",
            (true, WaitFor::Healthy) => "synced and healthy",
        }
    }

    /// What is missing, if anything is.
    fn missing(&self, until: WaitFor, applications: &[Application]) -> Option<String> {
        let mine: Vec<&Application> = applications.iter().filter(|one| self.is_mine(one)).collect();
        let mut late: Vec<String> = if self.begins {
            let absent = self
                .names
                .iter()
                .flatten()
                .filter(|name| !mine.iter().any(|application| application.name == **name))
                .map(|name| format!("no Application {name} yet"));
            let behind = mine
                .iter()
                .filter(|application| !far_enough(application, until))
                .map(|application| application_line(application));
            absent.chain(behind).collect()
        } else {
            mine.iter()
                .map(|application| application_line(application))
                .collect()
        };
        if self.begins && mine.is_empty() && late.is_empty() {
            late.push("no Application yet".to_owned());
        }
        (!late.is_empty()).then(|| late.join("; "))
    }

    fn is_mine(&self, application: &Application) -> bool {
        let owned = application.owner.as_deref() == Some(self.set.as_str())
            && (application.namespace == self.namespace || self.namespace.is_empty());
        owned
            && match &self.names {
                Some(names) => names.contains(&application.name),
                None => application.targets(&self.cluster),
            }
    }
}

fn far_enough(application: &Application, until: WaitFor) -> bool {
    let synced = application.sync.as_deref() == Some("Synced");
    let healthy = application.health.as_deref() == Some("Healthy");
    !application.deleting
        && match until {
            WaitFor::Exists => true,
            WaitFor::Synced => synced,
            WaitFor::Healthy => synced && healthy,
        }
}

/// The message of a timeout: each goal with what it lacks, and what the ApplicationSets say of errors of their own.
async fn not_reached(
    hub: &Hub,
    options: WaitOptions,
    goals: &[Goal],
    missing: &BTreeMap<usize, String>,
) -> String {
    let mut lines = vec![format!("not there within {:?}:", options.timeout)];
    let mut sets = BTreeSet::new();
    for (at, state) in missing {
        let goal = &goals[*at];
        lines.push(format!("* {}: {state}", goal.title()));
        sets.insert((goal.namespace.as_str(), goal.set.as_str()));
    }
    // Only an aid: that they cannot be read now does not matter.
    for set in hub.applicationsets().await.unwrap_or_default() {
        if let Some(error) = set
            .error()
            .filter(|_| sets.contains(&(set.namespace.as_str(), set.name.as_str())))
        {
            lines.push(format!(
                "* ApplicationSet {}/{} is in error: {}",
                set.namespace,
                set.name,
                cell(&error.message)
            ));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(names: Option<&[&str]>, begins: bool) -> Goal {
        Goal {
            cluster: Cluster {
                name: "dev".into(),
                server: "https://dev".into(),
                ..Cluster::default()
            },
            shown: "cluster/dev".into(),
            namespace: "argocd".into(),
            set: "addons-x".into(),
            names: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            begins,
        }
    }

    fn application(name: &str, sync: &str, health: &str) -> Application {
        Application {
            namespace: "argocd".into(),
            name: name.into(),
            owner: Some("addons-x".into()),
            destination_name: Some("dev".into()),
            sync: Some(sync.into()),
            health: Some(health.into()),
            message: (health == "Degraded").then(|| "pod crashes".into()),
            ..Application::default()
        }
    }

    #[test]
    fn what_is_missing_until_it_is_there() {
        let named = goal(Some(&["a"]), true);
        let cases = [
            (vec![], WaitFor::Exists, Some("no Application a yet")),
            (
                vec![application("b", "Synced", "Healthy")],
                WaitFor::Exists,
                Some("no Application a yet"),
            ),
            (
                vec![application("a", "OutOfSync", "Missing")],
                WaitFor::Exists,
                None,
            ),
            (
                vec![application("a", "OutOfSync", "Missing")],
                WaitFor::Synced,
                Some("argocd/a: OutOfSync, Missing"),
            ),
            (
                vec![application("a", "Synced", "Degraded")],
                WaitFor::Healthy,
                Some("argocd/a: Synced, Degraded: pod crashes"),
            ),
            (
                vec![application("a", "Synced", "Degraded")],
                WaitFor::Synced,
                None,
            ),
            (
                vec![application("a", "Synced", "Healthy")],
                WaitFor::Healthy,
                None,
            ),
        ];
        for (applications, until, expected) in cases {
            assert_eq!(
                named.missing(until, &applications).as_deref(),
                expected,
                "{applications:?} {until:?}"
            );
        }
        let unnamed = goal(None, true);
        assert_eq!(
            unnamed.missing(WaitFor::Exists, &[]).as_deref(),
            Some("no Application yet")
        );
        assert_eq!(
            unnamed.missing(WaitFor::Exists, &[application("any", "", "")]),
            None
        );
    }

    #[test]
    fn a_switch_that_stands_as_asked_is_seen_from_the_other_side() {
        let cluster = Cluster {
            labels: [("enable_a", "true"), ("enable_b", "false"), ("enable_c", "false")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..Cluster::default()
        };
        let asked = KeyChanges {
            labels: [("enable_a", "true"), ("enable_b", "false"), ("enable_c", "true")]
                .map(|(key, value)| (key.to_owned(), Some(value.to_owned())))
                .into(),
            ..KeyChanges::default()
        };
        let before = unswitched(&cluster, &asked);
        let expected = [("enable_b", "true"), ("enable_c", "false")];
        assert_eq!(
            before.labels,
            expected
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into()
        );
    }

    #[test]
    fn what_ends_is_awaited_until_it_is_gone() {
        let ends = goal(Some(&["a"]), false);
        let going = Application {
            deleting: true,
            ..application("a", "Synced", "Healthy")
        };
        assert_eq!(
            ends.missing(WaitFor::Healthy, &[going]).as_deref(),
            Some("argocd/a: Synced, Healthy, being deleted")
        );
        assert_eq!(
            ends.missing(WaitFor::Healthy, &[application("b", "Synced", "Healthy")]),
            None
        );
    }
}
