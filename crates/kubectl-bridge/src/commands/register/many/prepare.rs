//! One of many, worked out by the same steps as one that is named.

use bridge_core::{
    access::{AccessPlan, Step, StepView},
    effect::Effect,
    registration::Plan,
};
use bridge_kube::Written;

use super::choose::Candidate;
use crate::{
    args::RegisterOptions,
    commands::register::{
        access,
        grant::{self, Given, Granting, LetIn},
        registering::{Base, Registering},
        team,
    },
    context::Context,
    surroundings::Surroundings,
};

/// A registration that is worked out.
pub enum Prepared {
    /// Access in AWS, then the Secret.
    Whole(Box<Registering>),
    /// `--access-only`.
    Access(Box<Granting>, Box<RegisterOptions>, Vec<String>),
}

/// What came of it.
pub enum Done {
    /// The Secret.
    Written(Box<Registering>, Box<Written>),
    /// Access in AWS; whether anything had to be done.
    Access(bool, Vec<String>, Vec<StepView>),
}

/// Works it out; nothing is written. `given` is what all of them start from.
pub async fn prepare(
    base: Base<'_>,
    given: &Given<'_>,
    to: Option<&LetIn>,
    candidate: &Candidate,
) -> anyhow::Result<Prepared> {
    let current = candidate.current.and_then(|at| given.clusters.get(at));
    let options = RegisterOptions {
        name: candidate.subject.name.clone(),
        many: None,
        aws_cluster_name: Some(candidate.subject.arn.to_string()),
        // Those that found it, whatever role the team has for one that is named.
        aws: candidate.aws.clone(),
        ..given.options.clone()
    };
    let options = team::fill(&options, given.defaults, current)?;
    let mut steps = Vec::new();
    let mut found = access::known(
        &options,
        current,
        candidate.facts.clone(),
        candidate.session.clone(),
        &mut steps,
    )?;
    let given = Given {
        options: &options,
        current,
        ..*given
    };
    let granting = grant::look_again(&given, &mut found, to, candidate.entries.clone(), &mut steps).await?;
    if !options.grant.only {
        let registering = Registering::work_out(base, options, current, found, granting, steps).await?;
        return Ok(Prepared::Whole(Box::new(registering)));
    }
    match granting {
        Some(granting) => Ok(Prepared::Access(Box::new(granting), Box::new(options), steps)),
        None => anyhow::bail!("there is no access in AWS to be made"),
    }
}

impl Prepared {
    /// The Secret.
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Whole(registering) => Some(&registering.plan),
            Self::Access(..) => None,
        }
    }

    /// What was found out.
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Whole(registering) => &registering.notes,
            Self::Access(granting, ..) => &granting.plan.notes,
        }
    }

    /// What to know.
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Whole(registering) => &registering.warnings,
            Self::Access(granting, ..) => &granting.plan.warnings,
        }
    }

    /// What is wrong with the names that Applications get.
    pub fn long_name(&self, surroundings: &Surroundings) -> Option<String> {
        match self {
            Self::Whole(registering) => registering.long_name(surroundings),
            Self::Access(..) => None,
        }
    }

    /// What comes of it; `None` where that is not known. Access alone is nothing that Argo CD notices.
    pub fn effect(&self, surroundings: &Surroundings) -> Option<Effect> {
        match self {
            Self::Whole(registering) => registering.effect(surroundings),
            Self::Access(..) => Some(Effect::default()),
        }
    }

    /// Access in AWS, if any is made.
    pub fn access(&self) -> Option<&AccessPlan> {
        match self {
            Self::Whole(registering) => registering.access(),
            Self::Access(granting, ..) => Some(&granting.plan),
        }
    }

    /// What will be done in AWS.
    pub fn aws_steps(&self) -> &[Step] {
        self.access().map_or(&[], |plan| &plan.steps)
    }

    /// Does it, or under a dry run sees what would come of it.
    pub async fn run(self, ctx: &Context, base: Base<'_>) -> anyhow::Result<Done> {
        match self {
            Self::Whole(mut registering) => {
                let written = registering.run(ctx, base).await?;
                Ok(Done::Written(registering, Box::new(written)))
            }
            Self::Access(granting, options, steps) => {
                if options.write.dry_run == bridge_kube::DryRun::None {
                    granting.run(ctx, &options).await?;
                }
                let views = granting.views();
                Ok(Done::Access(!views.is_empty(), steps, views))
            }
        }
    }
}
