//! What a change of a cluster meets on the hub: the ApplicationSets and the Applications there are.

use bridge_core::{
    application::Application,
    applicationset::ApplicationSet,
    cluster::Cluster,
    effect::{Effect, effect},
};
use bridge_kube::{Hub, HubError};

use crate::{output::cell, report};

/// ApplicationSets and Applications of a hub, as far as they may be seen.
#[derive(Debug)]
pub struct Surroundings {
    sets: Vec<ApplicationSet>,
    applications: Vec<Application>,
    /// Why the ApplicationSets are not known: then no effect is known.
    no_sets: Option<String>,
    /// Why the Applications are not known: then an effect names no live ones.
    no_applications: Option<String>,
}

impl Surroundings {
    /// Looks around. What may not be listed is a blind spot; a hub that cannot be used at all is an error.
    pub async fn look(hub: &Hub) -> Result<Self, HubError> {
        let (sets, no_sets) = seen(hub.applicationsets().await)?;
        let (applications, no_applications) = seen(hub.applications().await)?;
        Ok(Self {
            sets,
            applications,
            no_sets,
            no_applications,
        })
    }

    /// The ApplicationSets that could be seen.
    pub fn sets(&self) -> &[ApplicationSet] {
        &self.sets
    }

    /// The Applications that could be seen.
    pub fn applications(&self) -> &[Application] {
        &self.applications
    }

    /// What a change of one cluster does; `None` where the ApplicationSets are not known.
    pub fn effect(&self, before: Option<&Cluster>, after: Option<&Cluster>) -> Option<Effect> {
        self.no_sets
            .is_none()
            .then(|| effect(before, after, &self.sets, &self.applications))
    }

    /// An effect in words, a line for each thing.
    pub fn lines(&self, effect: Option<&Effect>) -> Vec<String> {
        match effect {
            None => vec!["effect: unknown".to_owned()],
            Some(effect) if effect.is_empty() => vec![match self.sets.len() {
                0 => "effect: none, the hub has no ApplicationSet".to_owned(),
                1 => "effect: none, the only ApplicationSet takes no notice".to_owned(),
                sets => format!("effect: none, none of {sets} ApplicationSets takes notice"),
            }],
            Some(effect) => effect
                .lines()
                .iter()
                .map(|line| format!("effect: {}", cell(line)))
                .collect(),
        }
    }

    /// What could not be seen, and what that means.
    pub fn blind_spots(&self) -> Vec<String> {
        let mut spots = Vec::new();
        if let Some(reason) = &self.no_sets {
            spots.push(format!(
                "the effect is unknown, ApplicationSets cannot be listed: {reason}"
            ));
        }
        if let Some(reason) = &self.no_applications {
            spots.push(format!(
                "Applications cannot be listed, so none is named: {reason}"
            ));
        }
        spots
    }
}

/// What was seen, or why nothing was.
fn seen<T>(result: Result<Vec<T>, HubError>) -> Result<(Vec<T>, Option<String>), HubError> {
    match result {
        Ok(seen) => Ok((seen, None)),
        Err(error) if error.is_fatal() => Err(error),
        Err(error) => Ok((Vec::new(), Some(report::chain(&error.into())))),
    }
}

/// An Application in a line: `argocd/addon-dev-x: OutOfSync, Degraded: its message`.
pub fn application_line(application: &Application) -> String {
    let Application {
        namespace,
        name,
        sync,
        health,
        message,
        ..
    } = application;
    let mut line = format!(
        "{namespace}/{name}: {}, {}",
        sync.as_deref().unwrap_or("not compared yet"),
        health.as_deref().unwrap_or("health unknown")
    );
    if application.deleting {
        line.push_str(", being deleted");
    }
    if let Some(message) = message {
        line.push_str(": ");
        line.push_str(&cell(message));
    }
    line
}
