//! Shell completion: kubectl runs `kubectl_complete-bridge`, which is this program under another name.

use std::{
    ffi::{OsStr, OsString},
    io::Write,
    path::Path,
    time::Duration,
};

use bridge_core::catalog::Catalog;
use bridge_kube::Hub;
use clap::{CommandFactory, FromArgMatches};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use kube::config::Kubeconfig;

use crate::{
    args::{Cli, GlobalArgs, HubOptions},
    exit::Exit,
    output::Format,
    select::shown_name,
};

/// A shell waits for this: better no cluster names than a prompt that hangs.
const DEADLINE: Duration = Duration::from_millis(1500);
/// Set by the script of `kubectl bridge completion SHELL`.
const VARIABLE: &str = "COMPLETE";

/// cobra's directives, which kubectl passes on to the shell.
const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;

/// The words to complete, if kubectl asks: the program is called `kubectl_complete-…`.
pub fn asked(words: &[OsString]) -> Option<&[OsString]> {
    let stem = Path::new(words.first()?).file_stem()?.to_str()?;
    stem.starts_with("kubectl_complete-").then_some(words)
}

/// Answers kubectl: a candidate a line, the directive last. On any trouble nothing, and success: whatever is said here
/// lands in somebody's prompt.
pub fn serve(words: &[OsString]) -> Exit {
    let mut words = words.to_vec();
    if words.len() == 1 {
        words.push(OsString::new());
    }
    let last = words.len() - 1;
    let folder = std::env::current_dir().ok();
    let candidates = clap_complete::engine::complete(&mut Cli::command(), words, last, folder.as_deref())
        .unwrap_or_default();
    let mut answer = String::new();
    let mut directive = NO_FILES;
    for candidate in candidates.iter().filter(|candidate| !candidate.is_hide_set()) {
        let Some(value) = candidate.get_value().to_str() else {
            continue;
        };
        // The rest of a path or of an assignment follows without a space.
        if value.ends_with(['/', '=']) {
            directive |= NO_SPACE;
        }
        answer.push_str(value);
        if let Some(help) = candidate.get_help() {
            answer.push('\t');
            answer.push_str(help.to_string().lines().next().unwrap_or_default());
        }
        answer.push('\n');
    }
    let _ = writeln!(std::io::stdout(), "{answer}:{directive}");
    Exit::Success
}

/// Answers the script of `kubectl bridge completion SHELL`; `None` if it does not ask.
pub fn serve_script() -> Option<Exit> {
    std::env::var_os(VARIABLE)?;
    let served = clap_complete::CompleteEnv::with_factory(Cli::command)
        .var(VARIABLE)
        .try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref());
    matches!(served, Ok(true) | Err(_)).then_some(Exit::Success)
}

/// The script that makes SHELL ask this program, for calls of `kubectl-bridge` by that name.
pub fn script(shell: &str) -> anyhow::Result<String> {
    let shells = clap_complete::env::Shells::builtins();
    let name = Cli::command().get_name().to_owned();
    let mut script = Vec::new();
    if let Some(shell) = shells.completer(shell) {
        shell.write_registration(VARIABLE, &name, &name, &name, &mut script)?;
    }
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// Contexts of the kubeconfig, read without a network.
pub fn contexts() -> ArgValueCompleter {
    completer(|globals| {
        let kubeconfig = kubeconfig(globals?)?;
        Some(
            kubeconfig
                .contexts
                .into_iter()
                .map(|context| (context.name, None))
                .collect(),
        )
    })
}

/// Namespaces that the kubeconfig names, and Argo CD's usual one.
pub fn namespaces() -> ArgValueCompleter {
    completer(|globals| {
        let mut names: Vec<String> = globals
            .and_then(kubeconfig)
            .into_iter()
            .flat_map(|kubeconfig| kubeconfig.contexts)
            .filter_map(|context| context.context?.namespace)
            .chain([bridge_core::keys::DEFAULT_NAMESPACE.to_owned()])
            .collect();
        names.sort_unstable();
        names.dedup();
        Some(names.into_iter().map(|name| (name, None)).collect())
    })
}

/// Names of registered clusters, if the hub answers in time.
pub fn clusters() -> ArgValueCompleter {
    completer(|globals| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .ok()?;
        let options = globals?.resolve().ok()?;
        let found = runtime.block_on(async {
            tokio::time::timeout(DEADLINE, async {
                match options.hub {
                    HubOptions::Live(flags) => Hub::connect(&flags).await.ok()?,
                    HubOptions::Folder(dir) => Hub::folder(&dir).ok()?,
                }
                .clusters()
                .await
                .ok()
            })
            .await
            .ok()?
        });
        runtime.shutdown_background();
        Some(
            found?
                .iter()
                .map(|secret| {
                    let environment = secret.cluster.environment().map(str::to_owned);
                    (shown_name(secret).to_owned(), environment)
                })
                .collect(),
        )
    })
}

/// Addons of the catalog; after a comma the next one.
pub fn addons() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let current = current.to_string_lossy();
        let (before, word) = current
            .rsplit_once(',')
            .map_or(("", &*current), |(before, word)| {
                (&current[..=before.len()], word)
            });
        Catalog::builtin()
            .addons()
            .iter()
            .filter(|addon| addon.name.starts_with(word))
            .map(|addon| {
                let help = (!addon.aliases.is_empty()).then(|| addon.aliases.join(", ").into());
                CompletionCandidate::new(format!("{before}{}", addon.name)).help(help)
            })
            .collect()
    })
}

/// Formats of `-o`.
pub fn formats() -> ArgValueCandidates {
    ArgValueCandidates::new(|| Format::WORDS.into_iter().map(CompletionCandidate::new).collect())
}

type Named = Vec<(String, Option<String>)>;

fn completer(
    find: impl Fn(Option<GlobalArgs>) -> Option<Named> + Send + Sync + 'static,
) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let current = current.to_string_lossy();
        find(globals())
            .unwrap_or_default()
            .into_iter()
            .filter(|(name, _)| name.starts_with(&*current))
            // What a Secret holds must not reach the shell as anything but a word.
            .filter(|(name, _)| !name.contains(char::is_control))
            .map(|(name, help)| CompletionCandidate::new(name).help(help.map(Into::into)))
            .collect()
    })
}

/// The global flags among the words so far, as far as they can be read.
fn globals() -> Option<GlobalArgs> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    if std::env::var_os(VARIABLE).is_some()
        && let Some(at) = words.iter().position(|word| word == "--")
    {
        words.drain(..=at);
    }
    // The word that is being completed is no flag value yet.
    words.pop();
    let matches = Cli::command()
        .ignore_errors(true)
        .try_get_matches_from(words)
        .ok()?;
    GlobalArgs::from_arg_matches(&matches).ok()
}

fn kubeconfig(globals: GlobalArgs) -> Option<Kubeconfig> {
    let HubOptions::Live(flags) = globals.resolve().ok()?.hub else {
        return None;
    };
    match flags.kubeconfig {
        Some(file) => Kubeconfig::read_from(file).ok(),
        None => Kubeconfig::read().ok(),
    }
}
