//! A stand-in for the EKS API. Protocol: rest-json (service model `eks` 2017-11-01, as botocore ships it).

mod cluster;
mod server;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;

pub use cluster::EksCluster;

/// A request that a [`FakeEks`] has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EksRequest {
    /// `GET`, …
    pub method: String,
    /// The path, still percent-encoded, with the query if there is one.
    pub path: String,
    /// The region that the request was signed for; empty for an unsigned request.
    pub region: String,
    /// The access key that it was signed with; empty for an unsigned request.
    pub access_key: String,
    /// The `User-Agent` header.
    pub user_agent: String,
}

#[derive(Debug, Default)]
struct State {
    clusters: Vec<EksCluster>,
    failures: VecDeque<(String, u16)>,
    requests: Vec<EksRequest>,
}

/// The EKS API on a loopback port: `DescribeCluster`, with EKS's shapes and errors, for clusters in any number of
/// regions and accounts. Signatures are not verified; an unsigned request is refused.
///
/// It runs on a thread of its own, so a test may block while a program that it started talks to it.
#[derive(Debug)]
pub struct FakeEks {
    state: Arc<Mutex<State>>,
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeEks {
    /// Starts one, without clusters.
    ///
    /// # Errors
    /// When no port can be had.
    // No await inside: async like its neighbours, so that tests read alike and it may come to need one.
    #[expect(clippy::unused_async, reason = "started like the other parts of a testbed")]
    pub async fn start() -> Result<Self> {
        let listener =
            std::net::TcpListener::bind("127.0.0.1:0").context("no loopback port for the fake EKS")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let served = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("fake-eks".to_owned())
            .spawn(move || runtime.block_on(server::serve(listener, served, stopped)))?;
        Ok(Self {
            state,
            port,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// `http://127.0.0.1:…`, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Adds a cluster, in the place of one with the same name, region and account.
    pub fn add_cluster(&self, cluster: EksCluster) {
        self.remove_cluster(&cluster.arn());
        self.state().clusters.push(cluster);
    }

    /// Removes the cluster with this ARN, if there is one.
    pub fn remove_cluster(&self, arn: &str) {
        self.state().clusters.retain(|cluster| cluster.arn() != arn);
    }

    /// Answers the next `n` signed requests with an error, for example `ThrottlingException` and 429. Calls add up.
    pub fn fail_next(&self, n: usize, code: &str, http: u16) {
        self.state()
            .failures
            .extend(std::iter::repeat_n((code.to_owned(), http), n));
    }

    /// All requests so far, oldest first.
    pub fn requests(&self) -> Vec<EksRequest> {
        self.state().requests.clone()
    }

    /// The environment for a program that is to talk to this and to nothing else of AWS. It is in `us-west-2`, in the
    /// account `111122223333`; override `AWS_REGION` for another region, and `AWS_ACCESS_KEY_ID` with twelve digits
    /// for another account. Take `AWS_PROFILE` out of the program's environment.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint().as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIDTESTBED"),
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
            ("AWS_REGION", cluster::DEFAULT_REGION),
            ("AWS_DEFAULT_REGION", cluster::DEFAULT_REGION),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            // Loopback must not go through a proxy.
            ("NO_PROXY", "127.0.0.1,localhost"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for FakeEks {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
