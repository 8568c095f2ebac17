//! Words out: the one place that prints.

mod age;
mod cell;
mod format;
mod jsonpath;
mod live;
mod table;

use std::{
    fmt::Display,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

pub use age::age;
pub use cell::cell;
pub use format::Format;
pub use live::Waiting;
pub use table::Table;

/// How to print. The answer goes to stdout; notes, warnings, progress and questions to stderr.
#[derive(Debug, Clone)]
pub struct Output {
    format: Format,
    headers: bool,
    about: Option<String>,
}

impl Output {
    /// Prints in this format, tables with a header line or without.
    pub fn new(format: Format, headers: bool) -> Self {
        Self {
            format,
            headers,
            about: None,
        }
    }

    /// For one of many things that are done at once: its warnings say what they are about, and its notes are logged only.
    #[must_use]
    pub fn about(&self, what: impl Into<String>) -> Self {
        Self {
            about: Some(what.into()),
            ..self.clone()
        }
    }

    /// The format asked for.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Whether the answer is for a program: nothing else on stdout, no question.
    pub fn is_machine(&self) -> bool {
        !matches!(self.format, Format::Table | Format::Wide)
    }

    /// Whether more columns are wanted.
    pub fn is_wide(&self) -> bool {
        matches!(self.format, Format::Wide)
    }

    /// Prints a machine-readable object: one of the kinds in [`crate::view`]. `names` are the lines of `-o name`.
    /// Does nothing, and says so with `false`, for tables.
    pub fn object(
        &self,
        object: &impl Serialize,
        names: impl IntoIterator<Item = String>,
    ) -> anyhow::Result<bool> {
        let text = match &self.format {
            Format::Table | Format::Wide => return Ok(false),
            Format::Json => format!("{}\n", serde_json::to_string_pretty(object)?),
            Format::Yaml => serde_saphyr::to_string(object)?,
            Format::Name => names.into_iter().map(|name| name + "\n").collect(),
            Format::JsonPath(template) => template.render(&serde_json::to_value(object)?)?,
        };
        self.text(&text)?;
        Ok(true)
    }

    /// Prints a table.
    pub fn table(&self, table: &Table) -> anyhow::Result<()> {
        Ok(self.text(&table.render(self.headers))?)
    }

    /// Prints text as it is.
    pub fn text(&self, text: &str) -> io::Result<()> {
        unless_closed(live::beside(|| {
            let mut stdout = anstream::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        }))
    }

    /// Prints a line of the answer.
    pub fn line(&self, text: impl Display) -> io::Result<()> {
        unless_closed(live::beside(|| writeln!(anstream::stdout(), "{text}")))
    }

    /// Prints a line beside the answer: what happens, what was found out.
    pub fn note(&self, text: impl Display) -> io::Result<()> {
        if let Some(about) = &self.about {
            tracing::info!("{about}: {text}");
            return Ok(());
        }
        unless_closed(live::beside(|| writeln!(anstream::stderr(), "{text}")))
    }

    /// Prints a warning.
    pub fn warn(&self, text: impl Display) -> io::Result<()> {
        let style = AnsiColor::Yellow.on_default();
        let about = self.about.iter().map(|about| format!("{about}: "));
        let about: String = about.collect();
        unless_closed(writeln!(
            anstream::stderr(),
            "{style}warning:{style:#} {about}{text}"
        ))
    }
}

/// A reader that has gone away (`| head`) is nobody's failure, and no reason to stop in the middle of several writes.
fn unless_closed(printed: io::Result<()>) -> io::Result<()> {
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A line on stderr that nothing can be done about if it fails; a leading `word:` is coloured.
pub(crate) fn stderr_line(text: &str) {
    let mut stderr = anstream::stderr();
    let _ = live::beside(|| match text.split_once(": ") {
        Some((word @ ("error" | "hint" | "interrupted"), rest)) => {
            let style = match word {
                "hint" => AnsiColor::Cyan.on_default(),
                _ => AnsiColor::Red.on_default().bold(),
            };
            writeln!(stderr, "{style}{word}:{style:#} {rest}")
        }
        _ => writeln!(stderr, "{text}"),
    });
}

/// [`stderr_line`] for the last words: what was awaited is not awaited any more.
pub(crate) fn last_line(text: &str) {
    live::clear();
    stderr_line(text);
}

/// Text that is styled already, on stderr.
pub(crate) fn stderr_text(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// kubectl takes an empty `NO_COLOR` for a set one; anstream does not.
pub(crate) fn colour_from_environment() {
    if std::env::var_os("NO_COLOR").is_some() {
        anstream::ColorChoice::Never.write_global();
    }
}

/// Sends logs to stderr: warnings, with `-v` also information, with `-vv` everything of this project.
pub(crate) fn log_to_stderr(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    if verbose > 0 {
        live::plain();
    }
    let filter = match verbose {
        // kube logs a failed connection as an error; the command says it itself, with what to do next.
        0 => "error,kube_client=off",
        1 => "warn,kubectl_bridge=info,bridge_core=info,bridge_kube=info,bridge_aws=info",
        2 => "info,kubectl_bridge=debug,bridge_core=debug,bridge_kube=debug,bridge_aws=debug",
        _ => "debug",
    };
    // A second subscriber in one process (tests) is refused; the first one stays.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(anstream::stderr)
        .with_target(false)
        .compact()
        .try_init();
}

/// The style of a line that is added, removed or neither.
pub(crate) fn diff_style(sign: char) -> Style {
    match sign {
        '+' => AnsiColor::Green.on_default(),
        '-' => AnsiColor::Red.on_default(),
        '~' => AnsiColor::Yellow.on_default(),
        _ => Style::new(),
    }
}
