//! `completion`: a script, or the link that kubectl looks for.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::{args::CompletionArgs, complete, context::Context, exit::Exit};

/// Runs `completion`.
pub fn run(ctx: &Context, args: CompletionArgs) -> anyhow::Result<Exit> {
    let CompletionArgs { shell, install } = args;
    if let Some(shell) = shell {
        ctx.out.text(&complete::script(&shell)?)?;
        return Ok(Exit::Success);
    }
    debug_assert!(install, "clap asks for one of both");
    let program = std::env::current_exe().context("finding this program's own file")?;
    let link = program.with_file_name(format!("kubectl_complete-{}", crate::PLUGIN));
    match std::fs::read_link(&link) {
        Ok(_) => std::fs::remove_file(&link).with_context(|| format!("replacing {}", link.display()))?,
        Err(_) if link.exists() => bail!(
            "{} exists and is no link: remove it, or put this program there yourself",
            link.display()
        ),
        Err(_) => {}
    }
    make_link(&program, &link)
        .with_context(|| format!("linking {} to {}", link.display(), program.display()))?;
    ctx.out.line(format_args!("linked {}", link.display()))?;
    ctx.out.note(
        "kubectl completes kubectl bridge once this folder is on PATH and kubectl's own completion is loaded \
         (kubectl completion -h)",
    )?;
    Ok(Exit::Success)
}

#[cfg(unix)]
fn make_link(program: &Path, link: &Path) -> std::io::Result<()> {
    // Relative, so that the folder can move.
    let target = program.file_name().map_or(program, Path::new);
    std::os::unix::fs::symlink(target, link)
}

/// A link needs a privilege on Windows, a copy does not.
#[cfg(windows)]
fn make_link(program: &Path, link: &Path) -> std::io::Result<()> {
    std::fs::copy(program, link.with_extension("exe")).map(|_| ())
}
