//! The list and watch loop on one collection of the API.

mod failure;
#[cfg(test)]
mod tests;
mod wire;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::AsyncBufReadExt as _;
use kube::{
    Client,
    core::{
        Request,
        params::{ListParams, WatchParams},
    },
};
use serde::de::DeserializeOwned;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout_at},
};
use tracing::{debug, info, warn};

use super::backoff::Backoff;
use failure::Failure;
use wire::{Page, change};

/// Objects in one page of a list: about 1 MB of cluster Secrets.
const PAGE: u32 = 250;
/// A page that takes longer comes from a server that hangs. Between these, as long as a watch is waited for.
const PAGE_AT_LEAST: Duration = Duration::from_secs(5);
const PAGE_AT_MOST: Duration = Duration::from_secs(20);
/// What asks for next to nothing is answered at once, or not at all.
const PROOF_AT_LEAST: Duration = Duration::from_secs(1);
/// A watch that ended sooner than this was no success.
const STABLE_AFTER: Duration = Duration::from_millis(900);

/// How often the hub is asked for a sign of life.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long one watch runs before it is renewed. The API counts in whole seconds.
    watch: Duration,
    /// How long after that the answer of a server that hangs is waited for.
    grace: Duration,
}

impl Pace {
    /// A pace at which a view on a living hub never gets as old as `max_staleness`, which is at least 3 s. On a quiet hub
    /// the proof comes when the watch is renewed.
    pub fn for_staleness(max_staleness: Duration) -> Self {
        let watch = Duration::from_secs((max_staleness / 3).as_secs().clamp(1, 45));
        let grace = (max_staleness / 6).clamp(Duration::from_millis(500), Duration::from_secs(5));
        Self { watch, grace }
    }
}

/// How often a watch had to be begun anew because something failed; renewals do not count.
#[derive(Debug, Clone, Default)]
pub struct Restarts(Arc<AtomicU64>);

impl Restarts {
    /// The number so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What happened to a collection.
#[derive(Debug)]
pub(super) enum Change<T> {
    /// It holds exactly these.
    Reset(Vec<T>),
    /// This one is new or changed.
    Set(T),
    /// This one is gone.
    Gone(T),
    /// What was told so far is what the hub holds.
    Alive,
}

/// A collection to follow.
pub(super) struct Collection {
    pub(super) client: Client,
    /// `/api/v1/namespaces/argocd/secrets`
    pub(super) path: String,
    pub(super) label_selector: Option<&'static str>,
    /// For people, in logs.
    pub(super) what: &'static str,
    pub(super) pace: Pace,
    pub(super) restarts: Restarts,
}

impl Collection {
    /// Reports all that happens to the collection, first [`Change::Reset`], until nobody listens any more.
    pub(super) async fn follow<T: DeserializeOwned + Send>(self, out: mpsc::Sender<Change<T>>) {
        let mut backoff = Backoff::default();
        let mut last_failure = String::new();
        let mut version: Option<String> = None;
        while !out.is_closed() {
            let started = Instant::now();
            let watches = version.is_some();
            let outcome = if let Some(version) = &mut version {
                self.watch(version, &out).await
            } else {
                self.list(&out).await.map(|listed| version = Some(listed))
            };
            let stable = watches && started.elapsed() >= STABLE_AFTER;
            // However long a list takes to fail, the next one is no better for being soon.
            if stable {
                backoff.reset();
            }
            let Err(failure) = outcome else {
                if stable && !last_failure.is_empty() {
                    info!(what = self.what, "following again");
                    last_failure.clear();
                }
                continue;
            };
            if failure.needs_list() {
                version = None;
            }
            self.restarts.add();
            let text = failure.text();
            if text == last_failure {
                debug!(what = self.what, failure = text, "still cannot follow");
            } else {
                warn!(what = self.what, failure = text, "cannot follow, trying again");
                last_failure = text;
            }
            sleep(backoff.next()).await;
        }
    }

    /// Lists all pages: complete or nothing. Gives the version to watch from.
    async fn list<T: DeserializeOwned>(&self, out: &mpsc::Sender<Change<T>>) -> Result<String, Failure> {
        let mut params = ListParams {
            limit: Some(PAGE),
            label_selector: self.label_selector.map(str::to_owned),
            ..ListParams::default()
        };
        let within = (self.pace.watch + self.pace.grace).clamp(PAGE_AT_LEAST, PAGE_AT_MOST);
        let mut items = Vec::new();
        loop {
            let request = Request::new(self.path.clone()).list(&params)?;
            let text = tokio::time::timeout(within, self.client.request_text(request))
                .await
                .map_err(|_| Failure::Silence(within))??;
            let page: Page<T> = serde_json::from_str(&text).map_err(Failure::Shape)?;
            items.extend(page.items.unwrap_or_default());
            let Some(token) = page.metadata.next.filter(|token| !token.is_empty()) else {
                let version = page
                    .metadata
                    .resource_version
                    .filter(|version| !version.is_empty());
                let version = version.ok_or(Failure::NoList)?;
                drop(out.send(Change::Reset(items)).await);
                return Ok(version);
            };
            params.continue_token = Some(token);
        }
    }

    /// Asks for the newest state of one object, without its contents. An API server that has lost etcd still takes
    /// watches and sends bookmarks, out of its memory; this it cannot answer.
    async fn proof(&self) -> Result<(), Failure> {
        let params = ListParams {
            limit: Some(1),
            label_selector: self.label_selector.map(str::to_owned),
            ..ListParams::default()
        };
        let within = self.pace.grace.max(PROOF_AT_LEAST);
        let request = Request::new(self.path.clone()).list_metadata(&params)?;
        tokio::time::timeout(within, self.client.request_text(request))
            .await
            .map_err(|_| Failure::Silence(within))??;
        Ok(())
    }

    /// Watches from `version`, and moves it on, after a proof that the hub lives, until the server ends the watch in good order or something fails.
    async fn watch<T: DeserializeOwned>(
        &self,
        version: &mut String,
        out: &mpsc::Sender<Change<T>>,
    ) -> Result<(), Failure> {
        let params = WatchParams {
            label_selector: self.label_selector.map(str::to_owned),
            timeout: u32::try_from(self.pace.watch.as_secs()).ok(),
            bookmarks: true,
            ..WatchParams::default()
        };
        self.proof().await?;
        let mut request = Request::new(self.path.clone()).watch(&params, version)?;
        // API servers from 1.37 on compress a watch event by event, which no decoder here reads.
        let plain = http::HeaderValue::from_static("identity");
        request.headers_mut().insert(http::header::ACCEPT_ENCODING, plain);
        let started = Instant::now();
        let patience = self.pace.watch + self.pace.grace;
        let deadline = started + patience;
        let silence = |_| Failure::Silence(patience);
        let stream = timeout_at(deadline, self.client.request_stream(request))
            .await
            .map_err(silence)??;
        let mut stream = std::pin::pin!(stream);
        drop(out.send(Change::Alive).await);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = timeout_at(deadline, stream.read_until(b'\n', &mut line))
                .await
                .map_err(silence)??;
            if read > 0 && line.last() != Some(&b'\n') {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            if read == 0 {
                return if started.elapsed() < STABLE_AFTER {
                    Err(Failure::TooShort)
                } else {
                    Ok(())
                };
            }
            if let Some(change) = change(&line, version)?
                && out.send(change).await.is_err()
            {
                return Ok(());
            }
        }
    }
}
