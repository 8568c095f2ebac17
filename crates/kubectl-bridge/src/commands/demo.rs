//! `demo`: the whole idea in half a minute, on a folder, without a cluster and without AWS.

mod ask;
mod sample;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bridge_kube::Hub;
use clap::Parser;
use tokio::net::TcpListener;

use crate::{
    args::{Cli, DemoArgs},
    context::Context,
    exit::Exit,
    output::Output,
};

/// The sample hub: gone at the end, unless it is kept.
enum Folder {
    Kept(PathBuf),
    Passing(tempfile::TempDir),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Passing(folder) => folder.path(),
        }
    }
}

/// Runs `demo`.
pub async fn run(ctx: &Context, args: DemoArgs) -> anyhow::Result<Exit> {
    let DemoArgs { keep } = args;
    let out = &ctx.out;
    let folder = match keep {
        Some(path) => Folder::Kept(empty(path)?),
        None => Folder::Passing(tempfile::tempdir().context("making a folder for the sample hub")?),
    };
    let dir = folder.path();
    sample::lay_out(dir).with_context(|| format!("making the sample hub in {}", dir.display()))?;

    title(
        out,
        "1. A hub is a set of cluster Secrets. Here it is a folder, with facts as EKS would give them",
    )?;
    let hub = Hub::folder(dir)?;
    for registration in sample::registrations() {
        out.line(format_args!(
            "$ kubectl bridge register {}",
            sample::words(&registration)
        ))?;
        let plan = registration.plan(&hub.clusters().await?)?;
        let written = hub
            .create(&plan.secret, &bridge_kube::WriteOptions::default())
            .await?;
        out.line(format_args!(
            "{} {}",
            crate::view::line(&registration.name),
            written.verb
        ))?;
    }

    title(
        out,
        "2. An addon is a label, and a switch says what will come of it",
    )?;
    command(out, dir, &["addons", "dev", "--enable", "karpenter"]).await?;

    title(out, "3. The fleet")?;
    command(out, dir, &["get"]).await?;
    command(out, dir, &["addons"]).await?;

    title(
        out,
        "4. What Argo CD gets: an ApplicationSet asks bridge-generator, here on loopback",
    )?;
    exchange(out, dir).await?;

    next(out, &folder)?;
    Ok(Exit::Success)
}

/// A folder that holds nothing yet.
fn empty(path: PathBuf) -> anyhow::Result<PathBuf> {
    match std::fs::read_dir(&path) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                bail!(
                    "--keep {}: the folder is not empty; name another one",
                    path.display()
                );
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(&path).with_context(|| format!("--keep {}", path.display()))?;
        }
        Err(error) => return Err(error).with_context(|| format!("--keep {}", path.display())),
    }
    Ok(path)
}

fn title(out: &Output, text: &str) -> std::io::Result<()> {
    let bold = anstyle::Style::new().bold();
    out.line(format_args!("\n{bold}{text}{bold:#}"))
}

/// Runs a command line of our own as it would be typed, on the sample hub.
async fn command(out: &Output, dir: &Path, words: &[&str]) -> anyhow::Result<()> {
    out.line(format_args!("$ kubectl bridge {}", words.join(" ")))?;
    let folder = dir.to_string_lossy();
    let line = ["kubectl-bridge", "--hub-dir", &folder]
        .into_iter()
        .chain(words.iter().copied());
    let cli = Cli::try_parse_from(line)?;
    // This command is one of those that `run` runs.
    match Box::pin(crate::run(cli)).await? {
        Exit::Success => Ok(()),
        _ => bail!("\"{}\" failed on the sample hub", words.join(" ")),
    }
}

/// Starts the service on the folder and asks it.
async fn exchange(out: &Output, dir: &Path) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .context("listening on loopback")?;
    let token = ask::token();
    let serving = bridge_generator::serve_folder(dir, listener, &token).context("starting the service")?;
    serving
        .ready(std::time::Duration::from_secs(10))
        .await
        .context("the service did not read the sample hub")?;
    let question = sample::question();
    out.line(format_args!("> POST {}{}", serving.base_url(), ask::PATH))?;
    out.line(format_args!("> {question}"))?;
    let answer = ask::ask(serving.address(), &token, &question).await?;
    out.line(format_args!("< {}", answer.status))?;
    for line in sample::short(&answer.body) {
        out.line(format_args!("< {line}"))?;
    }
    serving.stop().await;
    out.line("From this the ApplicationSet \"karpenter\" makes one Application for each cluster: karpenter-dev, karpenter-prod.")?;
    Ok(())
}

fn next(out: &Output, folder: &Folder) -> std::io::Result<()> {
    title(out, "Next")?;
    match folder {
        Folder::Kept(path) => {
            let dir = path.display();
            out.line(format_args!("The sample hub is in {dir}. On it:"))?;
            out.line(format_args!("  export BRIDGE_HUB_DIR={dir}"))?;
        }
        Folder::Passing(_) => {
            out.line("The sample hub is gone now. To play with it:")?;
            out.line("  kubectl bridge demo --keep ./hub")?;
            out.line("  export BRIDGE_HUB_DIR=./hub")?;
        }
    }
    out.line("  kubectl bridge describe dev")?;
    out.line("  kubectl bridge addons -l environment!=control-plane --enable cert-manager --dry-run")?;
    out.line("  kubectl bridge params --appset karpenter")?;
    out.line("On a hub of your own, writing nothing:")?;
    out.line("  kubectl bridge get; kubectl bridge addons; kubectl bridge register dev --dry-run")
}
