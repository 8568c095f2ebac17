use std::{
    collections::BTreeSet,
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use kube::{
    Api,
    api::{DynamicObject, ListParams, WatchEvent, WatchParams},
};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinHandle,
    time::timeout,
};

/// Longer than the test may take.
const WATCH_SECONDS: u32 = 290;
const FLIP_WITHIN: Duration = Duration::from_mins(1);

/// An Application that came or went, as soon as the API server says so.
struct Change {
    name: String,
    is_there: bool,
    seen: Instant,
}

/// The Applications of a namespace, watched.
pub struct Watch {
    changes: UnboundedReceiver<Result<Change>>,
    there: BTreeSet<String>,
    task: JoinHandle<()>,
}

impl Watch {
    pub async fn start(applications: Api<DynamicObject>) -> Result<Self> {
        let list = applications.list_metadata(&ListParams::default()).await?;
        let there = list
            .items
            .into_iter()
            .filter_map(|application| application.metadata.name)
            .collect();
        let version = list
            .metadata
            .resource_version
            .context("a list without a version")?;
        let (sender, changes) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            if let Err(error) = follow(&applications, &version, &sender).await {
                drop(sender.send(Err(error)));
            }
        });
        Ok(Self { changes, there, task })
    }

    /// How many Applications there are.
    pub fn len(&self) -> usize {
        self.there.len()
    }

    /// Waits until an Application is there, or gone; gives the moment when that became known.
    pub async fn until(&mut self, name: &str, is_there: bool) -> Result<Instant> {
        let found = async {
            loop {
                let change = self
                    .changes
                    .recv()
                    .await
                    .context("the watch of Applications ended")??;
                if change.is_there {
                    self.there.insert(change.name.clone());
                } else {
                    self.there.remove(&change.name);
                }
                if change.name == name && change.is_there == is_there {
                    return Ok(change.seen);
                }
            }
        };
        let what = if is_there { "is not there" } else { "is not gone" };
        timeout(FLIP_WITHIN, found)
            .await
            .with_context(|| format!("Application {name} {what} after {} s", FLIP_WITHIN.as_secs()))?
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    applications: &Api<DynamicObject>,
    version: &str,
    sender: &UnboundedSender<Result<Change>>,
) -> Result<()> {
    let parameters = WatchParams::default().timeout(WATCH_SECONDS);
    let mut events = pin!(applications.watch_metadata(&parameters, version).await?);
    while let Some(event) = events.next().await {
        let seen = Instant::now();
        let (object, is_there) = match event? {
            WatchEvent::Added(object) => (object, true),
            WatchEvent::Deleted(object) => (object, false),
            WatchEvent::Modified(_) | WatchEvent::Bookmark(_) => continue,
            WatchEvent::Error(status) => bail!("the watch of Applications broke: {status:?}"),
        };
        let name = object.metadata.name.unwrap_or_default();
        if sender.send(Ok(Change { name, is_there, seen })).is_err() {
            return Ok(());
        }
    }
    bail!("the API server ended the watch of Applications")
}
