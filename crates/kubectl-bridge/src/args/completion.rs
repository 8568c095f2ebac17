//! `completion`.

use clap::Args;

/// Set up completion of kubectl bridge in the shell.
///
/// kubectl asks an executable kubectl_complete-bridge on PATH for candidates. It is this very program under another
/// name; --install makes the link beside it. With a shell named, prints a script for those who call kubectl-bridge
/// directly.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl bridge completion --install
  source <(kubectl bridge completion bash)")]
pub struct CompletionArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "elvish", "powershell"],
          required_unless_present = "install", conflicts_with = "install")]
    pub shell: Option<String>,
    /// Link kubectl_complete-bridge to this program, in the folder it is in
    #[arg(long)]
    pub install: bool,
}
