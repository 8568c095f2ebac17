//! Questions, on stderr, with No as the default.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::Context as _;

use crate::output::Output;

/// Asks `question [y/N]`. Refuses, instead of hanging, without a terminal and under machine output; `yes` answers it.
pub fn confirm(out: &Output, question: &str, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if out.is_machine() {
        anyhow::bail!(
            "{question} Nobody is asked under -o {}: add --yes",
            out.format().word()
        );
    }
    if !std::io::stdin().is_terminal() {
        anyhow::bail!("{question} There is no terminal to ask on: add --yes");
    }
    let mut stderr = anstream::stderr().lock();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("reading the answer")?;
    Ok(agrees(&answer))
}

/// Asks for a word; `None` without a terminal and under machine output, where nobody is asked.
pub fn ask(out: &Output, question: &str) -> anyhow::Result<Option<String>> {
    if out.is_machine() || !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut stderr = anstream::stderr().lock();
    write!(stderr, "{question} ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("reading the answer")?;
    Ok(Some(answer.trim().to_owned()))
}

/// Anything but a clear yes is a no, the end of input included.
fn agrees(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_is_the_default() {
        for yes in ["y\n", "Y\n", " yes \n", "YES"] {
            assert!(agrees(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no", "yep", "ja", "y n"] {
            assert!(!agrees(no), "{no:?}");
        }
    }
}
