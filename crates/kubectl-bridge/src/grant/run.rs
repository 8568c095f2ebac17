//! Steps in AWS, one by one. Each may be run again: what is done already counts as done.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bridge_aws::AwsError;
use bridge_core::access::{Do, HUB_TAG, Owner, SPOKE_TAG, Step, Tags, owner, way_out};
use tokio::time::{Instant, sleep};

use super::sides::Sides;
use crate::output::{Output, Waiting};

/// First pause between two tries; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Runs the steps in order, with a line each. What AWS knows only a moment later is tried for `timeout`.
pub async fn run(out: &Output, sides: &Sides, steps: &[Step], timeout: Duration) -> anyhow::Result<()> {
    for step in steps {
        out.note(step)?;
        let runner = Runner {
            out,
            sides,
            step,
            timeout,
        };
        Box::pin(runner.run())
            .await
            .with_context(|| format!("{step}: not done; run the same command again to go on from here"))?;
    }
    Ok(())
}

struct Runner<'a> {
    out: &'a Output,
    sides: &'a Sides,
    step: &'a Step,
    timeout: Duration,
}

impl Runner<'_> {
    async fn run(&self) -> anyhow::Result<()> {
        let eks = self.sides.eks();
        let cluster = &self.step.cluster;
        let iam = async || self.sides.iam(self.step.side).await;
        match &self.step.does {
            Do::CreateRole(new) => {
                let iam = iam().await?;
                let made = self.until_known(async || iam.create_role(new).await.map(drop)).await;
                if made.as_ref().is_err_and(is_taken) {
                    // An answer that was lost, or somebody else at the same moment.
                    let there = iam.role(&new.name).await?;
                    return is_as_made(there.map(|role| role.tags), &new.tags, made);
                }
                made
            }
            Do::UpdateTrust { role, trust } => {
                let iam = iam().await?;
                self.until_known(async || iam.update_trust(role, trust).await).await
            }
            Do::CreateEntry {
                principal,
                groups,
                tags,
            } => {
                let made = self
                    .until_known(async || {
                        eks.create_access_entry(cluster, principal, groups, tags)
                            .await
                            .map(drop)
                    })
                    .await;
                if made.as_ref().is_err_and(is_taken) {
                    let there = eks.access_entry(cluster, principal).await?;
                    return is_as_made(there.map(|entry| entry.tags), tags, made);
                }
                made
            }
            Do::TagEntry { entry, tags } => Ok(eks.tag_access_entry(cluster, entry, tags).await?),
            Do::UpdateEntry { principal, groups } => {
                Ok(eks.update_access_entry(cluster, principal, groups).await?)
            }
            Do::Associate {
                principal,
                policy_arn,
                scope,
            } => {
                self.retry(
                    async || eks.associate_policy(cluster, principal, policy_arn, scope).await,
                    |error| error.is_absent() && !matches!(error, AwsError::NotFound { .. }),
                    "either the access entry was deleted meanwhile, or EKS takes longer than usual to show it",
                )
                .await
            }
            Do::Disassociate {
                principal,
                policy_arn,
            } => Ok(eks
                .disassociate_policy(cluster, principal, policy_arn)
                .await
                .map(drop)?),
            Do::WaitForEntry {
                principal,
                policy_arn,
            } => self.wait_for_entry(principal, policy_arn.as_deref()).await,
            Do::DeleteEntry { principal } => match eks.delete_access_entry(cluster, principal).await {
                // With the cluster its entries are gone.
                Ok(_) | Err(AwsError::NotFound { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            },
            other => self.right(other).await,
        }
    }

    /// Steps of IAM that wait for nothing.
    async fn right(&self, does: &Do) -> anyhow::Result<()> {
        let iam = self.sides.iam(self.step.side).await?;
        match does {
            Do::TagRole { role, tags } => Ok(iam.tag_role(role, tags).await?),
            Do::PutHubPolicy {
                hub_role,
                name,
                role,
                policy,
            } => {
                let written = iam.put_inline_policy(hub_role, name, policy).await;
                if written
                    .as_ref()
                    .is_err_and(|error| error.code() == Some("LimitExceeded"))
                {
                    return written.with_context(|| {
                        format!(
                            "{hub_role} has no room for another inline policy. {}",
                            way_out(hub_role, role, policy)
                        )
                    });
                }
                Ok(written?)
            }
            Do::DeleteRole { role } => {
                let deleted = iam.delete_role(role).await;
                if deleted
                    .as_ref()
                    .is_err_and(|error| error.code() == Some("DeleteConflict"))
                {
                    return deleted.map(drop).with_context(|| {
                        format!(
                            "somebody gave {role} policies, or an instance profile, in the meantime: run the same command again to \
                             see them"
                        )
                    });
                }
                Ok(deleted.map(drop)?)
            }
            Do::DeleteHubPolicy { hub_role, name } => {
                Ok(iam.delete_inline_policy(hub_role, name).await.map(drop)?)
            }
            other => bail!("{other:?} is not done in IAM"),
        }
    }

    /// Tries until AWS knows the principal everywhere.
    async fn until_known(&self, call: impl AsyncFn() -> Result<(), AwsError>) -> anyhow::Result<()> {
        self.retry(
            call,
            AwsError::is_unknown_principal,
            "either there is no such principal (a wrong account, name or path), or it was made a moment ago and AWS takes longer than \
             usual to know it everywhere",
        )
        .await
    }

    /// Tries as long as `passing` says that the failure may pass.
    async fn retry(
        &self,
        call: impl AsyncFn() -> Result<(), AwsError>,
        passing: impl Fn(&AwsError) -> bool,
        causes: &str,
    ) -> anyhow::Result<()> {
        let mut waits = Waits::new(self.timeout, self.out);
        loop {
            match call().await {
                Err(error) if passing(&error) => {
                    if !waits.pause().await? {
                        return Err(error).with_context(|| {
                            format!("AWS still says no after {:?}: {causes}", self.timeout)
                        });
                    }
                }
                done => return Ok(done?),
            }
        }
    }

    async fn wait_for_entry(&self, principal: &str, policy_arn: Option<&str>) -> anyhow::Result<()> {
        let eks = self.sides.eks();
        let cluster = &self.step.cluster;
        let mut waits = Waits::new(self.timeout, self.out);
        loop {
            let shown = eks.access_entry(cluster, principal).await?.is_some()
                && match policy_arn {
                    None => true,
                    Some(wanted) => eks
                        .access_policies(cluster, principal)
                        .await?
                        .iter()
                        .any(|policy| policy.policy_arn == wanted),
                };
            if shown {
                return Ok(());
            }
            if !waits.pause().await? {
                bail!("EKS does not show it after {:?}", self.timeout);
            }
        }
    }
}

/// Whether what was to be made is there already, as the error says.
fn is_taken(error: &anyhow::Error) -> bool {
    error.downcast_ref::<AwsError>().is_some_and(AwsError::is_taken)
}

/// What is there is fine if it carries the marks that it would have got.
fn is_as_made(there: Option<Tags>, tags: &Tags, made: anyhow::Result<()>) -> anyhow::Result<()> {
    let mark = |key: &str| tags.get(key).map(String::as_str).unwrap_or_default();
    match there {
        Some(there) if owner(&there, mark(HUB_TAG), mark(SPOKE_TAG)) == Owner::Ours => Ok(()),
        _ => made.map_err(|error| anyhow!(error).context("somebody else made it at the same moment")),
    }
}

/// Pauses until a deadline.
struct Waits<'a> {
    deadline: Instant,
    pause: Duration,
    waiting: Waiting<'a>,
}

impl<'a> Waits<'a> {
    fn new(timeout: Duration, out: &'a Output) -> Self {
        Self {
            deadline: Instant::now() + timeout,
            pause: PAUSE,
            waiting: out.waiting(),
        }
    }

    /// Waits a little; `false` once the time is up.
    async fn pause(&mut self) -> std::io::Result<bool> {
        let now = Instant::now();
        if now >= self.deadline {
            return Ok(false);
        }
        self.waiting
            .on("  AWS does not know it everywhere yet: waiting")?;
        sleep(self.pause.min(self.deadline - now)).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(true)
    }
}
