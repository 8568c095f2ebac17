//! One registration, worked out and then done: that of a name, or one of many that were discovered.

use anyhow::bail;
use bridge_core::{
    access::{AccessPlan, Grants, Step, StepView},
    check::{LONG_NAME_HINT, long_name_words},
    effect::Effect,
    registration::{Access, Plan, Registration},
    secret::ClusterSecret,
    selector::Map,
};
use bridge_kube::{DryRun, Hub, Written};

use super::{HUB_STEP, access::Found, grant::Granting, note::Note, roles, spoke::Spoke, write};
use crate::{args::RegisterOptions, context::Context, surroundings::Surroundings};

/// What registrations start from.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// The hub.
    pub hub: &'a Hub,
    /// Its cluster Secrets.
    pub clusters: &'a [ClusterSecret],
    /// `--metadata-file`.
    pub metadata: &'a Map,
}

/// A registration that is worked out.
pub struct Registering {
    options: RegisterOptions,
    registration: Registration,
    granting: Option<Granting>,
    spoke: Option<Spoke>,
    /// The Secret.
    pub plan: Plan,
    /// What will be done, in order.
    pub steps: Vec<String>,
    /// What was found out.
    pub notes: Vec<String>,
    /// What to know.
    pub warnings: Vec<String>,
}

impl Registering {
    /// Works it out from what was found; nothing is written. `options` are those with the team's defaults filled in.
    pub async fn work_out(
        base: Base<'_>,
        options: RegisterOptions,
        current: Option<&ClusterSecret>,
        mut found: Found,
        granting: Option<Granting>,
        mut steps: Vec<String>,
    ) -> anyhow::Result<Self> {
        let (mut notes, mut warnings) = match &granting {
            Some(Granting { plan, .. }) => (plan.notes.clone(), plan.warnings.clone()),
            None => (Vec::new(), Vec::new()),
        };
        let spoke = found.spoke.take();
        let roles = roles::find(&options, current, &found, &mut notes).await?;
        let mut registration = registration(&options, base.metadata, found, granting.as_ref());
        for (key, value) in roles {
            registration.annotations.entry(key).or_insert(value);
        }
        let plan = registration.plan(base.clusters)?;
        refuse_credentials_in_folder(base.hub, &options, &registration.access)?;
        warnings.extend(plan.warnings.iter().cloned());
        if !plan.diffs.is_empty() || spoke.is_some() {
            steps.push(hub_step(base.hub, &plan));
        }
        Ok(Self {
            options,
            registration,
            granting,
            spoke,
            plan,
            steps,
            notes,
            warnings,
        })
    }

    /// What comes of it; `None` where that is not known.
    pub fn effect(&self, surroundings: &Surroundings) -> Option<Effect> {
        let before = self.plan.current.as_ref().map(|secret| &secret.cluster);
        surroundings.effect(before, Some(&self.plan.after))
    }

    /// What is wrong with the names of Applications that a new name makes too long.
    pub fn long_name(&self, surroundings: &Surroundings) -> Option<String> {
        if self.plan.current.is_some() {
            return None;
        }
        let words = long_name_words(&self.plan.after, surroundings.sets())?;
        Some(format!("{words}; {LONG_NAME_HINT}"))
    }

    /// Access in AWS, if any is made.
    pub fn access(&self) -> Option<&AccessPlan> {
        self.granting.as_ref().map(|granting| &granting.plan)
    }

    /// What will be done in AWS, for programs.
    pub fn aws_views(&self) -> Vec<StepView> {
        let steps = self.access().map_or(&[][..], |plan| &plan.steps);
        steps.iter().map(Step::view).collect()
    }

    /// The Secret as it was, or as it would be; and what was done, or would be.
    pub fn planned(self) -> (ClusterSecret, Vec<String>) {
        let Plan { current, secret, .. } = self.plan;
        let planned = current.unwrap_or_else(|| ClusterSecret::from_secret(secret));
        (planned, self.steps)
    }

    /// Does it, or under a dry run sees what would come of it.
    pub async fn run(&mut self, ctx: &Context, base: Base<'_>) -> anyhow::Result<Written> {
        let Self {
            options,
            registration,
            granting,
            ..
        } = self;
        let hub = base.hub;
        let acts = options.write.dry_run == DryRun::None;
        let spoke = self.spoke.take().filter(|_| acts);
        let granting = granting.as_ref().filter(|_| acts);
        if spoke.is_some() || granting.is_some() {
            // Now, and not later: a refusal of the hub's must leave nothing behind elsewhere.
            write::check(hub, &self.plan, &options.write).await?;
        }
        let mut note = None;
        if let Some(granting) = granting {
            let was = self
                .plan
                .current
                .as_ref()
                .and_then(|current| Grants::of(&current.cluster));
            let has_steps = !granting.plan.steps.is_empty();
            let secret_name = &self.plan.after.secret_name;
            note = Note::begin(hub, &options.name, secret_name, &granting.begun, was, has_steps).await?;
            // Before the Secret, as the account of a spoke below: Argo CD must find the door open when the Secret tells it of the
            // cluster.
            granting.run(ctx, options).await?;
        }
        if let Some(spoke) = spoke {
            registration.access = spoke.make_account(ctx).await?;
            self.plan = registration.plan(base.clusters)?;
        }
        let written = write::write(hub, &self.plan, &options.write).await?;
        if let (Some(note), Some(granting)) = (note, granting) {
            note.finish(ctx, options, &granting.plan.grants).await?;
        }
        Ok(written)
    }
}

fn registration(
    options: &RegisterOptions,
    metadata: &Map,
    found: Found,
    granting: Option<&Granting>,
) -> Registration {
    let mut annotations = metadata.clone();
    annotations.extend(options.annotations.clone());
    let granted = granting.and_then(|granting| granting.namespaces.clone());
    Registration {
        name: options.name.clone(),
        access: found.access,
        facts: found.facts,
        grants: granting.map(|granting| granting.plan.grants.clone()),
        kubernetes_version: found.kubernetes_version,
        environment: options.environment.clone(),
        labels: options.labels.clone(),
        annotations,
        project: options.project.clone(),
        shard: options.shard,
        // With rights in some namespaces only, Argo CD has to be told: it lists cluster-wide otherwise.
        cluster_resources: options
            .cluster_resources
            .or_else(|| granted.as_ref().filter(|names| !names.is_empty()).map(|_| false)),
        namespaces: options.namespaces.clone().or(granted),
        proxy_url: options.proxy_url.clone(),
        tls_server_name: found.tls_server_name,
    }
}

fn refuse_credentials_in_folder(hub: &Hub, options: &RegisterOptions, access: &Access) -> anyhow::Result<()> {
    if !hub.is_folder() || options.credentials_in_folder || !access.holds_credential() {
        return Ok(());
    }
    bail!(
        "a {} would be written into the files of {hub}, and a folder of manifests is made to be committed: \
         whoever reads it gets into \"{}\"; register EKS clusters without credentials (--access direct or role), \
         or say --allow-credentials-in-folder if the folder stays where it is",
        match access {
            Access::Certificate { .. } => "private key",
            _ => "bearer token",
        },
        options.name
    );
}

fn hub_step(hub: &Hub, plan: &Plan) -> String {
    let verb = if plan.current.is_some() {
        "update"
    } else {
        "create"
    };
    let name = &plan.after.secret_name;
    if hub.is_folder() {
        format!("{HUB_STEP}{verb} clusters/{name} in {hub}")
    } else {
        format!("{HUB_STEP}{verb} Secret {}/{name}", hub.namespace())
    }
}
