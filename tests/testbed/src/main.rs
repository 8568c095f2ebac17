//! `testbed up`: a hub, a spoke and all of Argo CD on this machine, to play with.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use testbed::{ArgoCd, Binaries, GitRepo, Hub, Spoke};
use tokio::signal::unix::{SignalKind, signal};

/// Real control planes on loopback, built by tests/control-plane/build.
#[derive(Debug, Parser)]
#[command(name = "testbed")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Boots a hub with Argo CD and a spoke, and stays until Ctrl-C. Then everything is gone.
    Up {
        /// Only the hub, with nothing of Argo CD but the applicationset-controller: Applications appear and nothing
        /// deploys them.
        #[arg(long)]
        light: bool,
    },
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "where the program reports its failure")]
async fn main() -> ExitCode {
    let Arguments {
        command: Command::Up { light },
    } = Arguments::parse();
    match up(light).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn up(light: bool) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        result = stay(light) => result,
        // Dropping the other branch ends all that it holds, also half-way through its start.
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn stay(light: bool) -> Result<()> {
    let start = Instant::now();
    say(if light {
        "Starting a hub …"
    } else {
        "Starting a hub, a spoke and Argo CD …"
    });
    let (hub, spoke) = if light {
        (Hub::start().await?, None)
    } else {
        let (hub, spoke) = tokio::try_join!(Hub::start(), Spoke::start())?;
        (hub, Some(spoke))
    };
    let argo_cd = if light {
        ArgoCd::applicationsets(&hub).await?
    } else {
        ArgoCd::full(&hub).await?
    };
    let addon = sample_addon()?;
    hub.create(&sample_applicationset(&addon)).await?;
    say(&format!(
        "Up after {:.1} s.\n\n{}",
        start.elapsed().as_secs_f64(),
        guide(&hub, spoke.as_ref(), &addon)?
    ));
    std::future::pending::<()>().await;
    drop(argo_cd);
    Ok(())
}

/// Something to deploy that needs no network.
fn sample_addon() -> Result<GitRepo> {
    let repo = GitRepo::create()?;
    repo.write(
        "metrics-server/settings.yaml",
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: metrics-server
data:
  about: stands for an addon
",
    )?;
    repo.commit("Deploy a ConfigMap in the place of an addon")?;
    Ok(repo)
}

/// In the manner of GitOps Bridge: an Application for each cluster with the addon's toggle.
fn sample_applicationset(addon: &GitRepo) -> String {
    let url = addon.url();
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: addons-metrics-server
spec:
  goTemplate: true
  generators:
  - clusters:
      selector:
        matchLabels: {{enable_metrics_server: 'true'}}
  syncPolicy:
    preserveResourcesOnDeletion: true
  template:
    metadata:
      name: 'addon-{{{{.nameNormalized}}}}-metrics-server'
    spec:
      project: default
      source: {{repoURL: '{url}', path: metrics-server, targetRevision: main}}
      destination: {{name: '{{{{.name}}}}', namespace: demo}}
      syncPolicy:
        automated: {{prune: true}}
        syncOptions: [CreateNamespace=true]
"
    )
}

/// Where things are, and what to do with them.
fn guide(hub: &Hub, spoke: Option<&Spoke>, addon: &GitRepo) -> Result<String> {
    let kubectl = Binaries::locate()?.path("kubectl");
    let kubectl = kubectl.display();
    let bridge = "cargo run -q -p kubectl-bridge --";
    let hub_file = hub.kubeconfig().display();
    let url = addon.url();
    let Some(spoke) = spoke else {
        return Ok(format!(
            "\
hub    export KUBECONFIG={hub_file}

On it is an ApplicationSet, addons-metrics-server, for clusters that have the addon switched on.

To try next, in another terminal at the root of this repository, with the line above:
  {bridge} register hub --in-cluster --environment control-plane
  {bridge} addons hub --enable metrics-server
  {bridge} get
  {kubectl} get applications

Ctrl-C ends everything."
        ));
    };
    let spoke_file = spoke.kubeconfig().display();
    let context = spoke.context();
    Ok(format!(
        "\
hub    export KUBECONFIG={hub_file}
spoke  export KUBECONFIG={spoke_file}
both   export KUBECONFIG={hub_file}:{spoke_file}

On the hub is an ApplicationSet, addons-metrics-server. To each cluster that has the addon switched on
it deploys {url}, folder metrics-server: a ConfigMap.

To try next, in another terminal at the root of this repository, with the last line above:
  {bridge} register hub --in-cluster --environment control-plane
  {bridge} register dev --spoke-context {context} --environment dev
  {bridge} addons dev --enable metrics-server
  {bridge} get -o wide
  {kubectl} get applications
  {kubectl} get configmaps -n demo --context {context}

Ctrl-C ends everything."
    ))
}

#[expect(clippy::print_stdout, reason = "what this program is for")]
fn say(text: &str) {
    println!("{text}");
}
