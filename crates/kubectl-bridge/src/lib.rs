//! kubectl plugin for the GitOps Bridge pattern: registers spokes and edits their addons.
//!
//! Words in ([`args`]), words out ([`output`]), one file a subcommand in [`commands`].

use std::{ffi::OsString, time::Duration};

use clap::Parser;
use tokio::{runtime::Handle, sync::oneshot};

pub mod args;
mod aws;
pub mod commands;
mod complete;
pub mod context;
mod edit;
pub mod exit;
mod grant;
pub mod output;
pub mod prompt;
pub mod report;
pub mod select;
pub mod surroundings;
pub mod usage;
pub mod view;
pub mod waiting;

use args::Cli;
use context::Context;
use exit::Exit;

/// Name of the plugin: `kubectl <PLUGIN>`. krew may force a change of it; the field manager and key prefix do not follow.
pub const PLUGIN: &str = "bridge";
/// What help and errors call the program.
pub const BIN_NAME: &str = "kubectl bridge";

/// How long interrupted work may take to let go.
const LAST_BREATH: Duration = Duration::from_millis(300);

/// The whole program: parses the words, runs them, reports a failure once.
pub fn main_with(words: &[OsString]) -> Exit {
    if let Some(words) = complete::asked(words) {
        return complete::serve(words);
    }
    if let Some(exit) = complete::serve_script() {
        return exit;
    }
    output::colour_from_environment();
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => return report::parsing(&error),
    };
    cli.global.apply();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report::failure(&anyhow::Error::new(error).context("starting the runtime")),
    };
    let exit = runtime.block_on(until_interrupted(cli));
    // A second Ctrl-C or a stuck blocking read must not keep the process.
    runtime.shutdown_background();
    exit.unwrap_or_else(|error| report::failure(&error))
}

/// Runs one command line.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { global, command } = cli;
    let ctx = Context::new(global.resolve()?);
    command.run(&ctx).await
}

/// Runs it on a thread of its own: a credential plugin that hangs blocks that thread, and Ctrl-C must be heard all the same.
async fn until_interrupted(cli: Cli) -> anyhow::Result<Exit> {
    let (stop, stopped) = oneshot::channel::<()>();
    let handle = Handle::current();
    let mut work = tokio::task::spawn_blocking(move || {
        handle.block_on(async {
            tokio::select! {
                result = run(cli) => result,
                _ = stopped => Ok(Exit::Interrupted),
            }
        })
    });
    tokio::select! {
        result = &mut work => result?,
        _ = tokio::signal::ctrl_c() => {
            drop(stop);
            // What it holds, a temporary folder say, is dropped with it, if it listens at all.
            let _ = tokio::time::timeout(LAST_BREATH, work).await;
            Ok(report::interrupted())
        }
    }
}
