//! The flags of `bridge-generator`. Each has an environment variable.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

/// A shorter limit than this leaves no room for a renewal of the watch that fails once.
const SHORTEST_STALENESS: Duration = Duration::from_secs(3);

/// Argo CD asks, it answers: an ApplicationSet plugin generator for the clusters of a GitOps Bridge hub.
#[derive(Debug, Parser)]
#[command(name = "bridge-generator", version)]
pub struct Args {
    /// Kubeconfig of the hub [default: KUBECONFIG, else the account of the Pod]
    #[arg(long, env = "BRIDGE_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Context in the kubeconfig [default: its current one]
    #[arg(long, env = "BRIDGE_CONTEXT", value_name = "NAME")]
    pub context: Option<String>,

    /// Namespace of Argo CD, where the cluster Secrets are
    #[arg(long, env = "BRIDGE_NAMESPACE", value_name = "NAME", default_value = "argocd")]
    pub namespace: String,

    /// Further namespaces with ApplicationSets, as Argo CD's flag of this name has them (`*` and `?` match)
    #[arg(
        long,
        env = "BRIDGE_APPLICATIONSET_NAMESPACES",
        value_name = "NAME,…",
        value_delimiter = ','
    )]
    pub applicationset_namespaces: Vec<String>,

    /// The plugin ConfigMap by which ApplicationSets name this service
    #[arg(
        long,
        env = "BRIDGE_CONFIG_MAP",
        value_name = "NAME",
        default_value = "bridge-generator"
    )]
    pub config_map: String,

    /// Address to answer Argo CD on; 0.0.0.0 where there is no IPv6
    #[arg(
        long,
        env = "BRIDGE_LISTEN",
        value_name = "ADDRESS",
        default_value = "[::]:8080"
    )]
    pub listen: SocketAddr,

    /// Address of /livez, /readyz and /metrics
    #[arg(
        long,
        env = "BRIDGE_ADMIN_LISTEN",
        value_name = "ADDRESS",
        default_value = "[::]:8081"
    )]
    pub admin_listen: SocketAddr,

    /// Bearer tokens that may ask, one a line; read again when it changes
    #[arg(long, env = "BRIDGE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: PathBuf,

    /// No answer from a fleet whose last proof of life is older (3s or more)
    #[arg(
        long,
        env = "BRIDGE_MAX_STALENESS",
        value_name = "DURATION",
        default_value = "120s",
        value_parser = staleness
    )]
    pub max_staleness: Duration,

    /// Time between a SIGTERM and the last new connection, for the Service to notice
    #[arg(
        long,
        env = "BRIDGE_SHUTDOWN_DELAY",
        value_name = "DURATION",
        default_value = "3s",
        value_parser = duration
    )]
    pub shutdown_delay: Duration,

    /// Never refresh ApplicationSets: they see a change when they next ask (requeueAfterSeconds)
    #[arg(long, env = "BRIDGE_NO_PUSH")]
    pub no_push: bool,

    /// Serve a folder of manifests instead of a live hub; nothing is pushed
    #[arg(
        long,
        env = "BRIDGE_HUB_DIR",
        value_name = "DIR",
        conflicts_with_all = ["kubeconfig", "context"]
    )]
    pub hub_dir: Option<PathBuf>,

    /// How the log is written
    #[arg(
        long,
        env = "BRIDGE_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "json"
    )]
    pub log_format: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// `120s`, `2m`, `1500ms`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let at = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or("a duration needs a unit: 120s, 2m, 500ms, 1h")?;
    let (number, unit) = text.split_at(at);
    let number: u64 = number
        .parse()
        .map_err(|_| "a duration starts with a whole number: 120s")?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        _ => Err(format!("unknown unit \"{unit}\" (ms, s, m, h)")),
    }
}

fn staleness(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|limit| {
        if limit < SHORTEST_STALENESS {
            Err("at least 3s, so that one lost renewal of the watch does no harm".to_owned())
        } else {
            Ok(limit)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_flags_are_sound_and_each_has_a_variable() {
        Args::command().debug_assert();
        for argument in Args::command().get_arguments() {
            let name = argument.get_id().as_str();
            let variable = format!("BRIDGE_{}", name.to_uppercase());
            assert_eq!(
                argument.get_env().and_then(|env| env.to_str()),
                Some(variable.as_str()),
                "{name}"
            );
        }
    }

    #[test]
    fn durations() {
        for (text, seconds) in [("120s", 120), ("2m", 120), ("3000ms", 3), ("1h", 3600)] {
            assert_eq!(staleness(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "120", "s", "1.5s", "-1s", "2s", "1d", "99999999999999999999s"] {
            assert!(staleness(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_token_file_is_mandatory_and_a_folder_has_no_context() {
        let parse = |line: &str| Args::try_parse_from(line.split(' '));
        assert!(parse("bridge-generator").is_err());
        assert!(parse("bridge-generator --token-file t --hub-dir d --context c").is_err());
        let args = parse("bridge-generator --token-file t --applicationset-namespaces a,team-*").unwrap();
        assert_eq!(args.applicationset_namespaces, ["a", "team-*"]);
        assert_eq!(args.listen.to_string(), "[::]:8080");
    }
}
