//! What came of one of many.

use bridge_core::{access::StepView, cluster::Cluster, effect::Effect, secret::ClusterSecret};
use bridge_kube::DryRun;
use k8s_openapi::api::core::v1::Secret;
use serde::Serialize;

use super::{
    choose::{Candidate, Failed},
    grouped::Subject,
    prepare::Done,
};
use crate::{
    commands::register::suffix,
    context::Context,
    output::cell,
    report,
    surroundings::Surroundings,
    view::{self, ClusterChange},
};

/// What came of one cluster.
pub struct Outcome {
    subject: Subject,
    change: ClusterChange,
    steps: Vec<String>,
    aws_steps: Vec<StepView>,
    error: Option<anyhow::Error>,
    tried: bool,
}

/// The same for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item<'a> {
    #[serde(flatten)]
    change: &'a ClusterChange,
    arn: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    steps: &'a [String],
    #[serde(skip_serializing_if = "<[StepView]>::is_empty")]
    aws_steps: &'a [StepView],
}

impl Outcome {
    /// Of one that was tried.
    pub fn of(candidate: Candidate, done: anyhow::Result<Done>, effect: Option<Effect>) -> Self {
        let subject = candidate.subject;
        match done {
            Err(error) => Self::failed(Failed { subject, error }),
            Ok(Done::Access(granted, steps, aws_steps)) => {
                let result = if granted {
                    "access granted"
                } else {
                    "access unchanged"
                };
                Self {
                    change: ClusterChange::done(named(&subject), result),
                    subject,
                    steps,
                    aws_steps,
                    error: None,
                    tried: true,
                }
            }
            Ok(Done::Written(registering, written)) => {
                let aws_steps = registering.aws_views();
                let (planned, steps) = registering.planned();
                Self {
                    subject,
                    change: ClusterChange::written(planned, *written, effect),
                    steps,
                    aws_steps,
                    error: None,
                    tried: true,
                }
            }
        }
    }

    /// Of one that cannot be registered.
    pub fn failed(Failed { subject, error }: Failed) -> Self {
        Self {
            change: ClusterChange::failed(named(&subject), report::chain(&error)),
            subject,
            steps: Vec::new(),
            aws_steps: Vec::new(),
            error: Some(error),
            tried: true,
        }
    }

    /// Of one that had no turn.
    pub fn not_tried(candidate: Candidate) -> Self {
        let subject = candidate.subject;
        Self {
            change: ClusterChange::done(named(&subject), "not tried"),
            subject,
            steps: Vec::new(),
            aws_steps: Vec::new(),
            error: None,
            tried: false,
        }
    }

    /// Which cluster.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Why it failed, if it did.
    pub fn error(&self) -> Option<&anyhow::Error> {
        self.error.as_ref()
    }

    /// Its name, if it had no turn.
    pub fn untried(&self) -> Option<&str> {
        (!self.tried).then_some(self.subject.name.as_str())
    }

    /// Whether it is through.
    pub fn is_done(&self) -> bool {
        self.tried && self.error.is_none()
    }

    /// What comes of it, where that is known and anything was written.
    pub fn effect(&self) -> Option<&Effect> {
        self.change.effect()
    }

    /// The cluster as it is now, if it was written.
    pub fn after(&self) -> Option<&Cluster> {
        self.change.after.as_ref().map(|secret| &secret.cluster)
    }

    /// `cluster/dev`
    pub fn line(&self) -> String {
        view::line(&self.subject.name)
    }

    /// For programs.
    pub fn item(&self) -> Item<'_> {
        Item {
            change: &self.change,
            arn: self.subject.arn.to_string(),
            steps: &self.steps,
            aws_steps: &self.aws_steps,
        }
    }

    /// Tells what was done, as it happens; under a dry run all that would be.
    pub fn tell(
        &self,
        ctx: &Context,
        surroundings: Option<&Surroundings>,
        dry_run: DryRun,
    ) -> anyhow::Result<()> {
        let line = self.line();
        for warning in self.change.warnings() {
            ctx.out.warn(format_args!("{line}: {}", cell(warning)))?;
        }
        if !self.tried || ctx.out.is_machine() {
            return Ok(());
        }
        if dry_run != DryRun::None {
            for step in &self.steps {
                ctx.out.line(step)?;
            }
            let writes = self.after().is_some() && self.change.result() != "unchanged";
            for line in surroundings
                .filter(|_| writes)
                .into_iter()
                .flat_map(|surroundings| surroundings.lines(self.change.effect()))
            {
                ctx.out.line(format_args!("  {line}"))?;
            }
        }
        Ok(ctx
            .out
            .line(format_args!("{line} {}{}", self.change.result(), suffix(dry_run)))?)
    }
}

/// A cluster of which nothing but the name is known.
fn named(subject: &Subject) -> ClusterSecret {
    let mut secret = ClusterSecret::from_secret(Secret::default());
    secret.cluster.name.clone_from(&subject.name);
    secret
}
