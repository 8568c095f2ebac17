//! Flags that every command takes, before or after its name: kubectl hands a plugin no parsed flag.

use std::{ffi::OsString, path::PathBuf};

use bridge_kube::ConnectionFlags;
use clap::{ArgAction, Args, ValueEnum};

use super::write::duration;
use crate::{
    output::{Format, Output},
    usage::usage,
};

const CONNECTION: &str = "Connection to the hub";
const OUTPUT: &str = "Output";

/// Global flags as text.
#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// Path of the kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE", help_heading = CONNECTION)]
    kubeconfig: Option<PathBuf>,
    /// Context of the hub in the kubeconfig
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION,
          add = crate::complete::contexts())]
    context: Option<String>,
    /// Cluster entry of the kubeconfig
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    cluster: Option<String>,
    /// User entry of the kubeconfig
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    user: Option<String>,
    /// Namespace of Argo CD on the hub [default: argocd]
    #[arg(short, long, global = true, value_name = "NAMESPACE", help_heading = CONNECTION,
          add = crate::complete::namespaces())]
    namespace: Option<String>,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER", help_heading = CONNECTION)]
    as_user: Option<String>,
    /// Group to impersonate; may be given several times
    #[arg(long = "as-group", global = true, value_name = "GROUP", help_heading = CONNECTION)]
    as_group: Vec<String>,
    /// UID to impersonate
    #[arg(long = "as-uid", global = true, value_name = "UID", help_heading = CONNECTION)]
    as_uid: Option<String>,
    /// How long one request may take, with a unit (1s, 2m); 0 means as long as it takes
    #[arg(long, global = true, value_name = "DURATION", help_heading = CONNECTION)]
    request_timeout: Option<String>,
    /// Address and port of the hub's API server
    #[arg(short, long, global = true, value_name = "URL", help_heading = CONNECTION)]
    server: Option<String>,
    /// Bearer token for the hub's API server
    #[arg(long, global = true, value_name = "TOKEN", help_heading = CONNECTION)]
    token: Option<String>,
    /// Certificate file of the authority that signed the API server's certificate
    #[arg(long, global = true, value_name = "FILE", help_heading = CONNECTION)]
    certificate_authority: Option<PathBuf>,
    /// Client certificate file
    #[arg(long, global = true, value_name = "FILE", help_heading = CONNECTION)]
    client_certificate: Option<PathBuf>,
    /// Client key file
    #[arg(long, global = true, value_name = "FILE", help_heading = CONNECTION)]
    client_key: Option<PathBuf>,
    /// Do not check the API server's certificate
    #[arg(long, global = true, help_heading = CONNECTION)]
    insecure_skip_tls_verify: bool,
    /// Name that the API server's certificate must have
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    tls_server_name: Option<String>,
    /// Use a folder of manifests (clusters/, applicationsets/) as the hub
    #[arg(long, global = true, value_name = "DIR", env = "BRIDGE_HUB_DIR", value_hint = clap::ValueHint::DirPath, help_heading = CONNECTION)]
    hub_dir: Option<OsString>,

    /// table, wide, json, yaml, name or jsonpath=TEMPLATE
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "table", hide_default_value = true,
          value_parser = Format::parse, help_heading = OUTPUT, add = crate::complete::formats())]
    output: Format,
    /// Leave out the header line of tables
    #[arg(long, global = true, help_heading = OUTPUT)]
    no_headers: bool,
    /// Colour: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_default_value = true, value_enum,
          hide_possible_values = true, help_heading = OUTPUT)]
    color: Colour,
    /// Log what is done on stderr; twice for more
    #[arg(short, long = "verbose", global = true, action = ArgAction::Count, help_heading = OUTPUT)]
    verbose: u8,
}

/// `--color`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

/// Global flags, checked.
#[derive(Debug)]
pub struct GlobalOptions {
    /// How to reach the hub.
    pub hub: HubOptions,
    /// How to print.
    pub output: Output,
}

/// Which hub.
#[derive(Debug, Clone)]
pub enum HubOptions {
    /// A live API server.
    Live(Box<ConnectionFlags>),
    /// A folder of manifests.
    Folder(PathBuf),
}

impl GlobalArgs {
    /// What must be in force before the first line is printed: colour and logs.
    pub fn apply(&self) {
        match self.color {
            Colour::Auto => {}
            Colour::Always => anstream::ColorChoice::Always.write_global(),
            Colour::Never => anstream::ColorChoice::Never.write_global(),
        }
        crate::output::log_to_stderr(self.verbose);
    }

    /// Checks the flags.
    pub fn resolve(self) -> anyhow::Result<GlobalOptions> {
        let Self {
            kubeconfig,
            context,
            cluster,
            user,
            namespace,
            as_user,
            as_group,
            as_uid,
            request_timeout,
            server,
            token,
            certificate_authority,
            client_certificate,
            client_key,
            insecure_skip_tls_verify,
            tls_server_name,
            hub_dir,
            output,
            no_headers,
            color: _,
            verbose: _,
        } = self;
        let output = Output::new(output, !no_headers);
        // An empty variable is an unset one.
        if let Some(dir) = hub_dir.filter(|dir| !dir.is_empty()).map(PathBuf::from) {
            let live = [
                ("--kubeconfig", kubeconfig.is_some()),
                ("--context", context.is_some()),
                ("--cluster", cluster.is_some()),
                ("--user", user.is_some()),
                ("--server", server.is_some()),
                ("--as", as_user.is_some()),
                ("--token", token.is_some()),
            ];
            if let Some((flag, _)) = live.into_iter().find(|(_, given)| *given) {
                return usage(format!(
                    "{flag} names a live hub, but the hub is the folder {} (--hub-dir or BRIDGE_HUB_DIR): give one of them",
                    dir.display()
                ));
            }
            return Ok(GlobalOptions {
                hub: HubOptions::Folder(dir),
                output,
            });
        }
        if as_user.is_none() && (!as_group.is_empty() || as_uid.is_some()) {
            return usage("--as-group and --as-uid need --as USER");
        }
        if let Some(namespace) = namespace.as_deref().filter(|name| !is_namespace(name)) {
            return usage(format!(
                "-n \"{namespace}\" is not the name of a namespace: lower-case letters, digits and \"-\", 63 at most"
            ));
        }
        let request_timeout = request_timeout
            .as_deref()
            .map(|text| duration("--request-timeout", text))
            .transpose()?
            .filter(|limit| !limit.is_zero());
        Ok(GlobalOptions {
            hub: HubOptions::Live(Box::new(ConnectionFlags {
                kubeconfig,
                context,
                cluster,
                user,
                namespace,
                as_user,
                as_groups: as_group,
                as_uid,
                request_timeout,
                server,
                token,
                certificate_authority,
                client_certificate,
                client_key,
                insecure_skip_tls_verify,
                tls_server_name,
                user_agent: user_agent(),
            })),
            output,
        })
    }
}

/// An RFC 1123 label. Empty is not given.
fn is_namespace(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= 63 && name.chars().all(inside) && !name.starts_with('-') && !name.ends_with('-')
}

/// `kubectl-bridge/0.1.0 (linux/amd64)`, os and architecture in Go's words as kubectl has them.
pub(crate) fn user_agent() -> String {
    format!(
        "{}/{} ({})",
        bridge_core::keys::FIELD_MANAGER,
        env!("CARGO_PKG_VERSION"),
        platform()
    )
}

/// `linux/amd64`.
pub(crate) fn platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    format!("{os}/{arch}")
}
