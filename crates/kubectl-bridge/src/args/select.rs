//! Which clusters.

use bridge_core::selector::Selector;
use clap::Args;

use crate::{
    select::Which,
    usage::{UsageError, usage},
};

/// Which clusters: by name, by label, all.
#[derive(Debug, Args)]
pub struct SelectArgs {
    /// Clusters with these labels: a=b,c!=d,e in (x,y),!f
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// All clusters
    #[arg(long)]
    all: bool,
}

impl SelectArgs {
    /// Whether neither -l nor --all was given.
    pub fn is_empty(&self) -> bool {
        self.selector.is_none() && !self.all
    }

    /// The clusters that are meant; an error unless exactly one way was used.
    pub fn resolve(self, names: Vec<String>) -> anyhow::Result<Which> {
        let Self { selector, all } = self;
        match (names.is_empty(), selector, all) {
            (false, None, false) => Ok(Which::Names(names)),
            (true, Some(text), false) => {
                let selector = parse_selector(&text)?;
                // An unset variable in a script is not all clusters.
                if selector.is_empty() {
                    return usage("-l is empty and would select every cluster: say --all if that is meant");
                }
                Ok(Which::Selected(selector))
            }
            (true, None, true) => Ok(Which::Selected(Selector::default())),
            (true, None, false) => usage("name the clusters, or select them with -l SELECTOR or --all"),
            _ => usage("give cluster names, -l SELECTOR or --all: one of them"),
        }
    }
}

/// `-l`.
pub(crate) fn parse_selector(text: &str) -> anyhow::Result<Selector> {
    Selector::parse(text).map_err(|error| UsageError::new(format!("-l: {error}")).into())
}
