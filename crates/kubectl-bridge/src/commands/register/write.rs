//! Writing the Secret: created at once, or updated in two requests that touch different keys.

use bridge_core::registration::Plan;
use bridge_kube::{DryRun, Hub, HubError, Verb, WriteOptions, Written};

/// Finds what refuses it before anything is written: of two requests the second must not fail where the first has gone
/// through. A live hub goes through it itself, for the rights and policies that only it knows.
pub async fn check(hub: &Hub, plan: &Plan, write: &WriteOptions) -> Result<(), HubError> {
    let dry_run = if hub.is_folder() || write.dry_run == DryRun::Client {
        DryRun::Client
    } else {
        DryRun::Server
    };
    let look = WriteOptions {
        dry_run,
        ..write.clone()
    };
    match &plan.current {
        None => hub.create(&plan.secret, &look).await.map(drop),
        Some(current) => {
            hub.apply(current, &plan.secret, &look).await?;
            hub.change(&current.cluster.secret_name, &plan.changes, &look)
                .await
                .map(drop)
        }
    }
}

/// Writes the plan.
pub async fn write(hub: &Hub, plan: &Plan, write: &WriteOptions) -> Result<Written, HubError> {
    let Some(current) = &plan.current else {
        return hub.create(&plan.secret, write).await;
    };
    if plan.changes.is_empty() {
        return hub.apply(current, &plan.secret, write).await;
    }
    check(hub, plan, write).await?;
    let first = hub.apply(current, &plan.secret, write).await?;
    let second = hub
        .change(&current.cluster.secret_name, &plan.changes, write)
        .await?;
    Ok(Written {
        before: first.before,
        after: second.after,
        diffs: first.diffs.into_iter().chain(second.diffs).collect(),
        warnings: first.warnings.into_iter().chain(second.warnings).collect(),
        verb: if first.verb == Verb::Unchanged {
            second.verb
        } else {
            first.verb
        },
    })
}
