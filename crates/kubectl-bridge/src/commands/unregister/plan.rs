//! What a drain will do, worked out before anything is written.

use bridge_core::{
    applicationset::{ApplicationSet, Membership, Policy},
    catalog::Catalog,
    change::KeyChanges,
    cluster::Cluster,
    keys,
};

use super::{applications::Raw, operation::Taken};

/// What a drain will do.
#[derive(Default)]
pub struct DrainPlan {
    /// The label that takes the cluster out, and its toggles switched off: one change.
    pub changes: KeyChanges,
    /// Toggles that are switched off.
    pub toggles: Vec<String>,
    /// The Applications, with what becomes of each.
    pub going: Vec<Going>,
    /// Reasons why it cannot be done, each with what to do.
    pub obstacles: Vec<String>,
    /// What may come of it otherwise than planned.
    pub doubts: Vec<String>,
}

/// One Application that goes.
pub struct Going {
    /// What is to be remembered of it.
    pub taken: Taken,
    /// Who takes it away.
    pub by: By,
}

/// Who takes an Application away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Its ApplicationSet, which no longer selects the cluster.
    Set(String),
    /// This program: nobody else would.
    Us,
}

impl DrainPlan {
    /// Works it out from the cluster, all ApplicationSets, and the Applications that point at the cluster.
    pub fn new(cluster: &Cluster, sets: &[ApplicationSet], applications: &[Raw]) -> Self {
        let toggles: Vec<String> = cluster
            .toggles()
            .filter(|(_, on)| *on)
            .map(|(label, _)| label.to_owned())
            .collect();
        let mut changes = KeyChanges::default();
        changes.labels.insert(keys::DRAIN.into(), Some("true".into()));
        for label in &toggles {
            changes.labels.insert(label.clone(), Some("false".into()));
        }
        let after = changes.applied_to(cluster);
        let mut plan = Self {
            changes,
            toggles,
            ..Self::default()
        };
        for raw in applications {
            plan.add(raw, sets, &after);
        }
        plan
    }

    fn add(&mut self, raw: &Raw, sets: &[ApplicationSet], after: &Cluster) {
        let application = &raw.application;
        let shown = format!("Application {}/{}", application.namespace, application.name);
        let owner = application.owner.as_ref().and_then(|owner| {
            sets.iter()
                .find(|set| set.name == *owner && set.namespace == application.namespace)
        });
        let by = match owner {
            None => {
                if application.owner.is_none()
                    && let Some(parent) = raw.parent()
                {
                    self.obstacles.push(format!(
                        "{shown} is deployed by Application {parent}, which would bring it back: take it out of what {parent} \
                         deploys"
                    ));
                }
                By::Us
            }
            Some(set) => self.by_set(set, after, &shown),
        };
        let leaves = !application.cascades() || owner.is_some_and(|set| set.preserves_resources);
        // One of ours with no owner can be given the finalizer, which lasts there.
        let leaves = leaves && !(by == By::Us && application.owner.is_none());
        self.going.push(Going {
            taken: raw.taken(leaves),
            by,
        });
    }

    fn by_set(&mut self, set: &ApplicationSet, after: &Cluster, shown: &str) -> By {
        let named = format!("ApplicationSet {}/{}", set.namespace, set.name);
        match set.selects(after) {
            Membership::Yes => {
                let selectors = set.selectors(after);
                let selector = if selectors.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", selectors.join("; "))
                };
                let obstacle = format!(
                    "{named} still selects the cluster{selector} and would bring {shown} back: add the expression \
                     {{key: {}, operator: DoesNotExist}} to its cluster selector, or change a label that it selects by",
                    keys::DRAIN
                );
                self.obstacles.push(obstacle);
            }
            Membership::Unknown(reason) => self.doubts.push(format!(
                "whether {named} lets the cluster go cannot be told ({reason}): if {shown} stays, its selector has to leave out \
                 clusters with label {}",
                keys::DRAIN
            )),
            Membership::No => {}
        }
        if let Some(error) = set.error() {
            self.doubts.push(format!(
                "{named} is in error and may take nothing away: {}",
                crate::output::cell(&error.message)
            ));
        }
        match set.policy {
            Policy::CreateOnly | Policy::CreateUpdate => By::Us,
            Policy::CreateDelete | Policy::Sync => By::Set(set.name.clone()),
        }
    }

    /// Warns of addons that are off and whose ApplicationSets keep what they deployed: if one was on before, that is still
    /// there, and nobody knows. `ours` were switched off by this very drain.
    pub fn doubt_the_past(&mut self, cluster: &Cluster, sets: &[ApplicationSet], ours: &[String]) {
        let keeps = |label: &str| {
            let mut on = cluster.clone();
            on.labels.insert(label.to_owned(), "true".to_owned());
            on.labels.remove(keys::DRAIN);
            sets.iter().any(|set| {
                set.preserves_resources
                    && set.selects(cluster) == Membership::No
                    && set.selects(&on) == Membership::Yes
            })
        };
        let names: Vec<String> = cluster
            .toggles()
            .filter(|(label, on)| !on && !ours.iter().any(|one| one == label) && keeps(label))
            .map(|(label, _)| Catalog::name_of(label))
            .collect();
        if names.is_empty() {
            return;
        }
        let list = cut(&names.iter().map(String::as_str).collect::<Vec<_>>());
        self.doubts.push(format!(
            "ApplicationSets keep what these addons deployed, and they are off: {list}. If one of them was on before, its \
             resources are still on the cluster and stay there, unless it is switched on before the drain"
        ));
    }

    /// What is to be remembered.
    pub fn taken(&self) -> Vec<Taken> {
        self.going.iter().map(|going| going.taken.clone()).collect()
    }

    /// What will happen, in order, for people; `aws`: what is done there.
    pub fn steps(&self, namespace: &str, operation: &str, secret: &str, aws: Vec<String>) -> Vec<String> {
        let mut steps = vec![format!(
            "write the note of this run, Secret {namespace}/{operation}"
        )];
        let mut labels = vec![format!("{}=true", keys::DRAIN)];
        labels.extend(self.toggles.iter().map(|label| format!("{label}=false")));
        steps.push(format!("label cluster Secret {secret}: {}", labels.join(" ")));
        for Going { taken, by } in &self.going {
            let who = match by {
                By::Set(set) => format!("taken away by ApplicationSet {set}"),
                By::Us => "deleted".to_owned(),
            };
            let what = if taken.leaves_resources {
                "; it leaves behind what it deployed, so it is made once more and deleted with it"
            } else {
                ", with what it deployed"
            };
            steps.push(format!(
                "Application {}/{}: {who}{what}",
                taken.namespace, taken.name
            ));
        }
        steps.push("wait until no Application points at the cluster".into());
        if aws.is_empty() {
            steps.push(format!(
                "delete cluster Secret {namespace}/{secret}, then the note"
            ));
        } else {
            steps.push(format!("delete cluster Secret {namespace}/{secret}"));
            steps.extend(aws);
            steps.push("delete the note".into());
        }
        steps
    }
}

/// `a, b, c`, cut where there are many.
pub fn cut(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        rest => format!("{shown} and {rest} more"),
    }
}

#[cfg(test)]
mod tests {
    use bridge_core::application::{Application, RESOURCES_FINALIZER};
    use serde_json::{Value, json};

    use super::*;

    fn cluster() -> Cluster {
        Cluster {
            secret_name: "dev".into(),
            name: "dev".into(),
            server: "https://dev".into(),
            labels: [
                (keys::SECRET_TYPE, "cluster"),
                ("environment", "dev"),
                ("enable_x", "true"),
                ("enable_y", "false"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
            ..Cluster::default()
        }
    }

    fn set(name: &str, selector: &Value, policy: &Value) -> ApplicationSet {
        ApplicationSet::from_json(&json!({
            "kind": "ApplicationSet",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {"generators": [{"clusters": {"selector": selector}}], "syncPolicy": policy,
                "template": {"metadata": {"name": "{{name}}"}, "spec": {}}},
        }))
        .unwrap()
    }

    fn application(name: &str, owner: Option<&str>, finalizer: bool) -> Raw {
        let mut object = json!({
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {"project": "default", "destination": {"name": "dev"}},
        });
        if let Some(owner) = owner {
            object["metadata"]["ownerReferences"] = json!([{"kind": "ApplicationSet", "name": owner}]);
        }
        if finalizer {
            object["metadata"]["finalizers"] = json!([RESOURCES_FINALIZER]);
        }
        Raw {
            application: Application::from_json(&object),
            object,
        }
    }

    fn toggled() -> Value {
        json!({"matchLabels": {"enable_x": "true"}})
    }

    #[test]
    fn toggles_go_off_with_the_drain_label() {
        let plan = DrainPlan::new(&cluster(), &[], &[]);
        let labels: Vec<_> = plan.changes.labels.iter().collect();
        assert_eq!(
            labels,
            [
                (&"enable_x".to_owned(), &Some("false".to_owned())),
                (&keys::DRAIN.to_owned(), &Some("true".to_owned())),
            ]
        );
    }

    #[test]
    fn sets_that_let_go_and_sets_that_do_not() {
        let sets = [
            set(
                "by-toggle",
                &toggled(),
                &json!({"preserveResourcesOnDeletion": true}),
            ),
            set("all", &json!({"matchLabels": {"environment": "dev"}}), &json!({})),
            set("keeps", &toggled(), &json!({"applicationsSync": "create-update"})),
        ];
        let plan = DrainPlan::new(
            &cluster(),
            &sets,
            &[
                application("a", Some("by-toggle"), false),
                application("b", Some("keeps"), true),
                application("c", None, false),
            ],
        );
        assert!(plan.obstacles.is_empty(), "{:?}", plan.obstacles);
        let fates: Vec<(&str, &By, bool)> = plan
            .going
            .iter()
            .map(|going| (going.taken.name.as_str(), &going.by, going.taken.leaves_resources))
            .collect();
        assert_eq!(
            fates,
            [
                ("a", &By::Set("by-toggle".into()), true),
                ("b", &By::Us, false),
                ("c", &By::Us, false),
            ]
        );
        let plan = DrainPlan::new(&cluster(), &sets, &[application("d", Some("all"), true)]);
        assert_eq!(plan.obstacles.len(), 1);
        let obstacle = &plan.obstacles[0];
        assert!(
            obstacle.contains("ApplicationSet argocd/all still selects the cluster (environment=dev)")
                && obstacle.contains("operator: DoesNotExist"),
            "{obstacle}"
        );
    }

    #[test]
    fn addons_that_were_on_before_are_doubted() {
        let sets = [
            set(
                "y",
                &json!({"matchLabels": {"enable_y": "true"}}),
                &json!({"preserveResourcesOnDeletion": true}),
            ),
            set("x", &toggled(), &json!({"preserveResourcesOnDeletion": true})),
        ];
        let doubts = |ours: &[String]| {
            let mut plan = DrainPlan::new(&cluster(), &sets, &[]);
            plan.doubt_the_past(&cluster(), &sets, ours);
            plan.doubts
        };
        let found = doubts(&[]);
        assert!(
            found.len() == 1 && found[0].contains("they are off: y. If"),
            "{found:?}"
        );
        assert!(doubts(&["enable_y".to_owned()]).is_empty());
    }

    #[test]
    fn a_child_of_another_application_would_come_back() {
        let mut child = application("child", None, true);
        child.object["metadata"]["labels"] = json!({"argocd.argoproj.io/instance": "root"});
        let plan = DrainPlan::new(&cluster(), &[], &[child]);
        assert!(
            plan.obstacles[0].contains("deployed by Application root"),
            "{:?}",
            plan.obstacles
        );
    }
}
