//! What is awaited: one line that lives on a terminal, a line each in a pipe.

use std::{
    fmt::Display,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle, TermLike};

use super::Output;

/// The line that lives now: a process has one terminal, and whatever else is printed has to make room for it.
static LIVE: Mutex<Option<ProgressBar>> = Mutex::new(None);
/// Logs go to the same terminal, a line each and whenever they like: then nothing lives there.
static PLAIN: AtomicBool = AtomicBool::new(false);

const TICK: Duration = Duration::from_millis(120);

/// Something that is waited for. Its line vanishes when it is dropped.
#[derive(Debug)]
pub struct Waiting<'a> {
    out: &'a Output,
    bar: ProgressBar,
    told: String,
}

impl Output {
    /// Begins to wait; nothing is shown until it is said for what. Of many things at once none has the line for itself.
    pub fn waiting(&self) -> Waiting<'_> {
        Waiting {
            out: self,
            bar: bar(PLAIN.load(Ordering::Relaxed) || self.about.is_some()),
            told: String::new(),
        }
    }
}

impl Waiting<'_> {
    /// Says for what: in place of what was said before, with the time that has passed; in a pipe as a line, once.
    pub fn on(&mut self, what: impl Display) -> io::Result<()> {
        let what = what.to_string();
        if self.told == what {
            return Ok(());
        }
        self.told = what;
        if self.bar.is_hidden() {
            return self.out.note(&self.told);
        }
        self.bar.set_message(self.told.clone());
        self.bar.enable_steady_tick(TICK);
        *live() = Some(self.bar.clone());
        Ok(())
    }

    /// Says how far it has come, as [`Waiting::on`] does; in a pipe nothing.
    pub fn at(&mut self, what: impl Display) -> io::Result<()> {
        if self.lives() { self.on(what) } else { Ok(()) }
    }

    /// Whether the line lives, so that nothing of it is left once it is over.
    pub fn lives(&self) -> bool {
        !self.bar.is_hidden()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.lives() {
            clear();
        }
        self.bar.finish_and_clear();
    }
}

fn bar(plain: bool) -> ProgressBar {
    // Where standard error is no terminal, or a dumb one, nothing lives either.
    let target = if plain || ProgressDrawTarget::stderr().is_hidden() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::term_like(Box::new(Unfilled(Term::buffered_stderr())))
    };
    // Without colours, and readable in every font.
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars("-\\|/ ");
    ProgressBar::with_draw_target(None, target)
        .with_style(style)
        .with_finish(ProgressFinish::AndClear)
}

/// A terminal on which a line ends where its text does. Filled up to the edge, as indicatif has it, it stays there after
/// Ctrl-C: the `^C` that the terminal itself writes then goes to the next line, and that one is cleared.
#[derive(Debug)]
struct Unfilled(Term);

impl TermLike for Unfilled {
    fn width(&self) -> u16 {
        TermLike::width(&self.0)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.0)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        if text.chars().all(|c| c == ' ') {
            return Ok(());
        }
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Prints beside the line that lives, if one does.
pub(super) fn beside<T>(print: impl FnOnce() -> T) -> T {
    let bar = live().clone();
    match bar {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

/// Takes the line away for good: before the last words of a run that ends without dropping what it waits for.
pub(super) fn clear() {
    if let Some(bar) = live().take() {
        bar.finish_and_clear();
    }
}

/// From now on a line each, on a terminal too.
pub(super) fn plain() {
    PLAIN.store(true, Ordering::Relaxed);
}

fn live() -> std::sync::MutexGuard<'static, Option<ProgressBar>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;

    #[test]
    fn without_a_terminal_nothing_lives() {
        let out = Output::new(Format::Table, true);
        let mut waiting = out.waiting();
        waiting.on("waiting for a test").unwrap();
        assert!(!waiting.lives() || live().is_some());
        drop(waiting);
        assert!(live().is_none());
    }
}
