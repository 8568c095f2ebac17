//! `testbed up`: a hub, a spoke and all of Argo CD on this machine, to play with.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use testbed::{ArgoCd, Binaries, Hub, Spoke};
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
    say(&format!(
        "Up after {:.1} s.\n\n{}",
        start.elapsed().as_secs_f64(),
        guide(&hub, spoke.as_ref())?
    ));
    std::future::pending::<()>().await;
    drop(argo_cd);
    Ok(())
}

/// Where things are, and what to do with them.
fn guide(hub: &Hub, spoke: Option<&Spoke>) -> Result<String> {
    let kubectl = Binaries::locate()?.path("kubectl");
    let kubectl = kubectl.display();
    let bridge = "cargo run -q -p kubectl-bridge --";
    let hub_file = hub.kubeconfig().display();
    let Some(spoke) = spoke else {
        return Ok(format!(
            "\
hub    export KUBECONFIG={hub_file}

To try next, in another terminal at the root of this repository, with the line above:
  {bridge} register hub --in-cluster --environment control-plane
  {bridge} get
  {kubectl} get secrets,applicationsets,applications

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

To try next, in another terminal at the root of this repository, with the last line above:
  {bridge} register hub --in-cluster --environment control-plane
  {bridge} register dev --spoke-context {context} --environment dev
  {bridge} addons dev --enable metrics-server
  {bridge} get -o wide
  {kubectl} get secrets,applicationsets,applications

Ctrl-C ends everything."
    ))
}

#[expect(clippy::print_stdout, reason = "what this program is for")]
fn say(text: &str) {
    println!("{text}");
}
