//! What Argo CD looked at before it knew the cluster, asked to be looked at again.
//!
//! An Application that is compared while the cluster Secret is missing is `Unknown`, with the condition `InvalidSpecError`, and a
//! new Secret does not wake it: its next turn comes when `timeout.reconciliation` and its jitter have passed, up to 3 minutes by
//! default (`controller/appcontroller.go`, `refreshAppConditions` and `needRefreshAppStatus`). And an ApplicationSet may see a new
//! Secret a moment before the part of its controller that checks destinations does: then it makes no Application, and is looked
//! at again after 3 minutes (`applicationset/controllers/applicationset_controller.go`, `ReconcileRequeueOnValidationError`).

use std::time::Duration;

use bridge_core::{application::Application, applicationset::Condition, cluster::Cluster, effect::Effect};
use bridge_kube::{Hub, LiveHub};
use tokio::time::sleep;

use super::super::unregister::{
    applications,
    other_argo_cd::{OtherArgoCds, lives_in},
};
use crate::{context::Context, output::cell, report};

/// Before each look. What is asked for before Argo CD has seen the Secret changes nothing and is asked for again.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(1),
];

/// Has Applications compared again that could not reach the cluster, of those `known` before.
pub async fn compare_again(
    ctx: &Context,
    hub: &Hub,
    cluster: &Cluster,
    known: &[Application],
) -> anyhow::Result<()> {
    let Hub::Live(live) = hub else { return Ok(()) };
    let mut lost: Vec<Application> = known
        .iter()
        .filter(|one| one.sync.as_deref() == Some("Unknown") && !one.deleting && one.targets(cluster))
        .cloned()
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    let asking = async {
        OtherArgoCds::default().leave_out(ctx, live, &mut lost).await?;
        let mut told = false;
        for pause in PAUSES {
            sleep(pause).await;
            lost = ask_for_applications(live, lost).await?;
            if lost.is_empty() {
                break;
            }
            let names: Vec<&str> = lost.iter().map(|one| one.name.as_str()).collect();
            let text = format!(
                "Argo CD is asked to compare again what could not reach the cluster: {}",
                applications::listed(&names)
            );
            once(ctx, &mut told, &text)?;
        }
        Ok(())
    };
    warn_of(ctx, asking.await)
}

/// Has ApplicationSets looked at again that began to select the cluster before Argo CD knew it.
pub async fn generate_again(ctx: &Context, hub: &Hub, effect: Option<&Effect>) -> anyhow::Result<()> {
    let Hub::Live(live) = hub else { return Ok(()) };
    let all = begun(effect);
    if all.is_empty() {
        return Ok(());
    }
    let asking = async {
        let mut begun = Vec::new();
        for one in all {
            if !lives_in(live, &one.namespace).await? {
                begun.push(one);
            }
        }
        let mut told = false;
        for pause in PAUSES {
            sleep(pause).await;
            let refused = ask_for_sets(live, &mut begun).await?;
            if begun.is_empty() {
                break;
            }
            if !refused.is_empty() {
                let text = format!(
                    "Argo CD is asked to look again at what did not know the cluster yet: ApplicationSet {}",
                    refused.join(", ")
                );
                once(ctx, &mut told, &text)?;
            }
        }
        Ok(())
    };
    warn_of(ctx, asking.await)
}

fn once(ctx: &Context, told: &mut bool, text: &str) -> std::io::Result<()> {
    if std::mem::replace(told, true) {
        return Ok(());
    }
    ctx.out.note(text)
}

/// The registration is done: what fails from then on is a warning.
fn warn_of(ctx: &Context, done: anyhow::Result<()>) -> anyhow::Result<()> {
    if let Err(error) = done {
        ctx.out.warn(format_args!(
            "what Argo CD looked at before it knew the cluster is looked at again within about 3 minutes, not at once: {}",
            cell(&report::chain(&error))
        ))?;
    }
    Ok(())
}

/// Asks for those that could not find the cluster; gives them back.
async fn ask_for_applications(live: &LiveHub, all: Vec<Application>) -> anyhow::Result<Vec<Application>> {
    let mut lost = Vec::new();
    for one in all {
        let Some(raw) = applications::get(live, &one.namespace, &one.name).await? else {
            continue;
        };
        if raw.is_invalid() {
            if !raw.is_asked() {
                applications::ask_to_compare(live, &one.namespace, &one.name).await?;
            }
            lost.push(one);
        }
    }
    Ok(lost)
}

/// An ApplicationSet that begins to select the cluster.
struct Begun {
    namespace: String,
    name: String,
    /// Its Applications for the cluster.
    applications: Vec<String>,
}

/// Those of which it can be told when they are done.
fn begun(effect: Option<&Effect>) -> Vec<Begun> {
    let begins = effect.into_iter().flat_map(|effect| &effect.begins);
    begins
        .filter_map(|begin| {
            Some(Begun {
                namespace: begin.namespace.clone(),
                name: begin.application_set.clone(),
                applications: begin.applications.clone()?,
            })
        })
        .collect()
}

/// Leaves out those that have made their Applications, and asks for those that could not find the cluster; gives back the
/// names of the latter.
async fn ask_for_sets(live: &LiveHub, begun: &mut Vec<Begun>) -> anyhow::Result<Vec<String>> {
    let sets = live.applicationsets().await?;
    let mut refused = Vec::new();
    for one in std::mem::take(begun) {
        let set = sets
            .iter()
            .find(|set| set.name == one.name && set.namespace == one.namespace);
        let Some(set) = set else { continue };
        if has_made_all(live, &one).await? {
            continue;
        }
        if set.error().is_some_and(Condition::is_unknown_destination) {
            if set.refresh.is_none() {
                applications::ask_to_generate(live, &one.namespace, &one.name).await?;
            }
            refused.push(format!("{}/{}", one.namespace, one.name));
        }
        begun.push(one);
    }
    Ok(refused)
}

async fn has_made_all(live: &LiveHub, begun: &Begun) -> anyhow::Result<bool> {
    for name in &begun.applications {
        let found = applications::get(live, &begun.namespace, name).await?;
        if found.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use bridge_core::effect::Begin;

    use super::*;

    #[test]
    fn only_sets_whose_applications_can_be_named() {
        let begin = |name: &str, applications: Option<&[&str]>| Begin {
            application_set: name.into(),
            namespace: "argocd".into(),
            applications: applications.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            error: None,
        };
        let effect = Effect {
            begins: vec![begin("a", Some(&["a-dev"])), begin("b", None)],
            ..Effect::default()
        };
        let names: Vec<String> = begun(Some(&effect)).into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["a"]);
        assert!(begun(None).is_empty());
    }
}
