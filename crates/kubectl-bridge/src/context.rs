//! What every command gets: the way to the hub, and the way to print.

use bridge_kube::{ConnectionFlags, Hub};

use crate::{
    args::{GlobalOptions, HubOptions},
    output::Output,
};

/// What every command gets.
#[derive(Debug)]
pub struct Context {
    hub: HubOptions,
    /// How to print.
    pub out: Output,
}

impl Context {
    /// A context of the global flags.
    pub fn new(options: GlobalOptions) -> Self {
        let GlobalOptions { hub, output } = options;
        Self { hub, out: output }
    }

    /// Connects to the hub, or opens the folder.
    pub async fn hub(&self) -> anyhow::Result<Hub> {
        Ok(match &self.hub {
            HubOptions::Live(flags) => Hub::connect(flags).await?,
            HubOptions::Folder(dir) => Hub::folder(dir)?,
        })
    }

    /// [`Context::hub`] for a command that writes: says on stderr first which hub it is.
    pub async fn hub_to_write(&self) -> anyhow::Result<Hub> {
        let hub = self.hub().await?;
        self.out.note(format_args!("hub: {hub}"))?;
        Ok(hub)
    }

    /// Flags for another cluster: of the hub's only its kubeconfig file, the deadline and who we are.
    pub fn spoke_flags(&self) -> ConnectionFlags {
        let HubOptions::Live(flags) = &self.hub else {
            return ConnectionFlags {
                user_agent: crate::args::user_agent(),
                ..ConnectionFlags::default()
            };
        };
        ConnectionFlags {
            kubeconfig: flags.kubeconfig.clone(),
            request_timeout: flags.request_timeout,
            user_agent: flags.user_agent.clone(),
            ..ConnectionFlags::default()
        }
    }

    /// The same for one of many things that are done at once: see [`Output::about`].
    #[must_use]
    pub fn about(&self, what: impl Into<String>) -> Self {
        Self {
            hub: self.hub.clone(),
            out: self.out.about(what),
        }
    }

    /// Whether the hub is a folder, known without opening it.
    pub fn is_folder(&self) -> bool {
        matches!(self.hub, HubOptions::Folder(_))
    }

    /// Says on stderr that the list is empty; stdout stays empty, as kubectl does it.
    pub fn note_no_clusters(&self, hub: &Hub) -> std::io::Result<()> {
        if hub.is_folder() {
            self.out.note(format_args!("No clusters found in {hub}."))
        } else {
            self.out.note(format_args!(
                "No clusters found in {} namespace.",
                hub.namespace()
            ))
        }
    }
}
