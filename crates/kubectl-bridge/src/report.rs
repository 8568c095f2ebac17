//! How a failure is told: once, with its causes and the next step.

use bridge_kube::HubError;
use clap::{
    CommandFactory,
    error::{ContextKind, ErrorKind},
};

use crate::{
    exit::Exit,
    output::{last_line, stderr_line, stderr_text},
    usage::UsageError,
};

/// Reports what clap refused, or prints the help that was asked for.
pub fn parsing(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        // Help or version. A closed pipe is nobody's failure.
        let _ = error.print();
        return Exit::Success;
    }
    match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            return Exit::Usage;
        }
        // What clap takes for the former where an environment variable stands for a flag.
        ErrorKind::MissingSubcommand => {
            stderr_text(&crate::args::Cli::command().render_help().ansi().to_string());
            return Exit::Usage;
        }
        _ => {}
    }
    let text = error.render().ansi().to_string();
    let lines: Vec<&str> = text
        .lines()
        // Said below, with the command in it.
        .filter(|line| !line.starts_with("For more information, try"))
        .collect();
    stderr_text(lines.join("\n").trim_end());
    see_help(command_of(error).as_deref());
    Exit::Usage
}

/// Reports a failed command.
pub fn failure(error: &anyhow::Error) -> Exit {
    let usage = error.chain().any(<dyn std::error::Error>::is::<UsageError>);
    stderr_line(&headline(error));
    if let Some(hint) = hint(error) {
        stderr_line(&format!("hint: {hint}"));
    }
    if usage {
        see_help(command_on_the_line().as_deref());
        Exit::Usage
    } else {
        Exit::Failure
    }
}

/// Reports that one of several things failed.
pub fn failed(what: &str, error: &anyhow::Error) {
    stderr_line(&format!("error: {what}: {}", chain(error)));
    if let Some(hint) = hint(error) {
        stderr_line(&format!("hint: {hint}"));
    }
}

/// Reports Ctrl-C.
pub fn interrupted() -> Exit {
    last_line("interrupted: what was reported above is done; run the command again to go on");
    Exit::Interrupted
}

/// The message and its causes on one line. A cause that the message before it already ends with is left out.
pub fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !cause.is_empty() && !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// `error: …`, except where kubectl's users know the sentence by heart.
pub fn headline(error: &anyhow::Error) -> String {
    let text = chain(error);
    let whole = error
        .downcast_ref::<HubError>()
        // Not where a sentence of our own comes first.
        .is_some_and(|hub| hub.is_whole_line() && text.starts_with(&hub.to_string()));
    if whole { text } else { format!("error: {text}") }
}

/// What to do next, if the failure knows.
pub fn hint(error: &anyhow::Error) -> Option<String> {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<HubError>())
        .and_then(HubError::hint)
}

fn see_help(command: Option<&str>) {
    let command = command.map(|name| format!(" {name}")).unwrap_or_default();
    stderr_line(&format!(
        "See '{}{command} -h' for help and examples",
        crate::BIN_NAME
    ));
}

/// The subcommand that clap was parsing when it gave up, read from its usage line.
fn command_of(error: &clap::Error) -> Option<String> {
    if error.kind() == ErrorKind::InvalidSubcommand {
        return None;
    }
    let usage = error.context().find_map(|(kind, value)| match (kind, value) {
        (ContextKind::Usage, clap::error::ContextValue::StyledStr(text)) => Some(text.to_string()),
        _ => None,
    });
    let from_usage = usage.as_deref().and_then(|usage| {
        usage
            .split_once(crate::BIN_NAME)
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .and_then(known_command)
    });
    from_usage.or_else(command_on_the_line)
}

/// The first word of the command line that is a subcommand.
fn command_on_the_line() -> Option<String> {
    std::env::args().skip(1).find_map(|word| known_command(&word))
}

fn known_command(word: &str) -> Option<String> {
    crate::args::Cli::command()
        .find_subcommand(word)
        .map(|command| command.get_name().to_owned())
}
