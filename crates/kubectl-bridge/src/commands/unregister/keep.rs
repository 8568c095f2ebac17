//! Letting a cluster go with what is deployed there, because that is wanted or because the cluster is gone for good.

use std::collections::BTreeSet;

use bridge_core::application::Application;

use super::Leaving;
use crate::{
    exit::Exit,
    output::{Output, cell},
    surroundings::application_line,
};

impl Leaving<'_> {
    /// Takes the cluster off the hub with nothing drained; `gone`: there is no cluster any more.
    pub(super) async fn let_go(&self, gone: bool) -> anyhow::Result<Exit> {
        let applications = self.applications().await?;
        let steps: Vec<String> = applications.iter().map(|one| fate(one, gone)).collect();
        let left_behind = self.left_behind(&applications, gone);
        self.warn_of_folder()?;
        self.tell(&steps)?;
        let how = if gone {
            "whose cluster is gone"
        } else {
            "keeping what it deployed running there, unmanaged"
        };
        if !applications.is_empty() && !self.agreed(how)? {
            return Ok(Exit::Failure);
        }
        self.remove(steps, &left_behind).await
    }

    /// What is there afterwards with nobody to look after it; of Applications that a drain took away as well.
    fn left_behind(&self, applications: &[Application], gone: bool) -> Vec<String> {
        let lonely = applications
            .iter()
            .filter(|one| one.owner.is_none() && !one.deleting)
            .map(lonely);
        let there = applications.iter().map(|one| (&one.namespace, &one.name));
        let drained = self.found.iter().filter(|found| found.is_of(&self.secret));
        let taken = drained.flat_map(|found| found.unfinished().map(|taken| (&taken.namespace, &taken.name)));
        let deployed: BTreeSet<String> = there
            .chain(taken)
            .filter(|_| !gone)
            .map(|(namespace, name)| deployed(namespace, name))
            .collect();
        lonely.chain(deployed).collect()
    }
}

/// What becomes of an Application once its cluster is no longer registered.
fn fate(application: &Application, gone: bool) -> String {
    let Application {
        namespace,
        name,
        owner,
        deleting,
        ..
    } = application;
    let whereto = match owner {
        // Without its cluster Argo CD lets go of it (`finalizeApplicationDeletion`).
        _ if *deleting => "is being deleted, and goes at once".to_owned(),
        Some(owner) => format!("goes with ApplicationSet {owner}'s next look"),
        None => "stays and cannot reach the cluster any more".to_owned(),
    };
    let resources = if gone {
        ""
    } else {
        ", what it deployed keeps running"
    };
    format!("Application {namespace}/{name}: {whereto}{resources}")
}

/// An Application that nothing takes away.
fn lonely(application: &Application) -> String {
    let Application { namespace, name, .. } = application;
    format!(
        "Application {namespace}/{name}, which nothing generates (kubectl delete applications.argoproj.io {name} -n {namespace})"
    )
}

/// What an Application leaves on the cluster.
pub fn deployed(namespace: &str, name: &str) -> String {
    format!("on the cluster, what Application {namespace}/{name} deployed")
}

/// Says what is left behind.
pub fn tell(out: &Output, left_behind: &[String]) -> std::io::Result<()> {
    if out.is_machine() {
        return Ok(());
    }
    for one in left_behind {
        out.note(format_args!("left behind: {}", cell(one)))?;
    }
    Ok(())
}

/// Why a cluster stays that Applications point at.
pub fn refusal(line: &str, applications: &[Application]) -> String {
    let count = applications.len();
    let (noun, verb) = if count == 1 {
        ("Application", "points")
    } else {
        ("Applications", "point")
    };
    let mut text = format!("{line} stays: {count} {noun} still {verb} at it");
    for application in applications {
        text.push_str("\n* ");
        text.push_str(&application_line(application));
    }
    text.push_str(
        "\nWithout the cluster Secret Argo CD cannot reach the cluster: what they deployed would stay there, with nothing left to \
         update or delete it. --drain takes it away first, --keep-workloads leaves it running",
    );
    text
}
