//! Command lines that clap takes, and those that it refuses and why.

use clap::{CommandFactory, Parser, error::ErrorKind};
use kubectl_bridge::args::Cli;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(["kubectl-bridge"].into_iter().chain(line.split_whitespace()))
}

#[test]
fn the_command_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn valid_lines() {
    for line in [
        "get",
        "list",
        "get dev staging",
        "get -l a=b",
        "get -ojson",
        "get -o=json",
        "get --output json",
        "get -o jsonpath={.items}",
        "-n argo get",
        "get -n argo",
        "--context x get --cluster y",
        "get --as me --as-group a --as-group b --as-uid 7",
        "get -s https://hub --token t --insecure-skip-tls-verify --tls-server-name n",
        "get --certificate-authority a --client-certificate b --client-key c",
        "get -vv",
        "addons",
        "addons dev --enable a,b --enable c --disable d",
        "addons dev --enable a --wait",
        "addons dev --enable a --wait=synced --timeout 1m",
        "addons dev --enable a --dry-run",
        "addons dev --enable a --dry-run=server",
        "addons -l a=b --enable a -y --max-clusters 3",
        "label dev a=b c-",
        "annotate dev a=b --metadata-file - --metadata-key k",
        "params --appset a --config-map b",
        "completion bash",
        "completion --install",
        "version",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn invalid_lines() {
    for (line, kind) in [
        ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("frobnicate", ErrorKind::InvalidSubcommand),
        ("get --nope", ErrorKind::UnknownArgument),
        ("get dev -l a=b", ErrorKind::ArgumentConflict),
        ("get -o", ErrorKind::InvalidValue),
        ("get -o xml", ErrorKind::ValueValidation),
        ("get -o jsonpath={.a", ErrorKind::ValueValidation),
        ("get -A", ErrorKind::UnknownArgument),
        ("get --color red", ErrorKind::InvalidValue),
        ("describe", ErrorKind::MissingRequiredArgument),
        ("addons dev --enable a --dry-run=maybe", ErrorKind::InvalidValue),
        ("addons dev --enable a --wait=soon", ErrorKind::InvalidValue),
        (
            "addons dev --enable a --timeout 5m",
            ErrorKind::MissingRequiredArgument,
        ),
        ("addons dev --max-clusters many", ErrorKind::ValueValidation),
        (
            "annotate dev --metadata-key k",
            ErrorKind::MissingRequiredArgument,
        ),
        ("params -l a=b --appset x", ErrorKind::ArgumentConflict),
        ("completion", ErrorKind::MissingRequiredArgument),
        ("completion tcsh", ErrorKind::InvalidValue),
        ("completion bash --install", ErrorKind::ArgumentConflict),
        ("--help", ErrorKind::DisplayHelp),
        ("get --help", ErrorKind::DisplayHelp),
        ("--version", ErrorKind::DisplayVersion),
    ] {
        match parse(line) {
            Ok(_) => panic!("{line} was taken"),
            Err(error) => assert_eq!(error.kind(), kind, "{line}: {error}"),
        }
    }
}
