//! A stand-in for AWS: EKS (rest-json, service model `eks` 2017-11-01 as botocore ships it), and of IAM and STS (query)
//! what concerns roles.

mod access;
mod call;
mod capability;
mod cluster;
mod delay;
mod eks;
mod faults;
mod iam;
mod managed_policy;
mod page;
mod percent;
mod permissions;
mod pod_identity;
mod pods;
mod policy;
mod record;
mod reply;
mod rights;
mod role;
mod server;
mod setup;
mod snapshot;
mod sts;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;

pub use access::{Access, EksAccessEntry, EksAccessPolicy};
pub use capability::EksCapability;
pub use cluster::EksCluster;
pub use delay::Delay;
pub use faults::Fault;
pub use pod_identity::EksPodIdentity;
pub use record::{AwsCall, EksRequest};
pub use role::IamRole;

use faults::Faults;
use permissions::Permissions;
use world::World;

/// The name of a [`FakeAws`] where EKS is all that matters.
pub type FakeEks = FakeAws;

#[derive(Debug, Default)]
struct State {
    world: World,
    faults: Faults,
    permissions: Permissions,
    requests: Vec<EksRequest>,
    calls: Vec<AwsCall>,
    /// How many calls wait for an answer that never comes.
    hanging: usize,
    latency: Duration,
}

/// EKS, IAM and STS on one loopback port, told apart by what a request is signed for, with AWS's shapes and errors, for
/// any number of accounts and regions.
///
/// An access key of twelve digits is an administrator of that account, any other one of `111122223333`; `AssumeRole`
/// gives keys of the role's account. Signatures are not verified, but an unsigned request is refused, and a session needs its
/// token. Regions are those that requests are signed for.
///
/// It has a time of its own, in which every change takes a second, so that what came later also looks later.
///
/// It runs on a thread of its own, so a test may block while a program that it started talks to it.
#[derive(Debug)]
pub struct FakeAws {
    state: Arc<Mutex<State>>,
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeAws {
    /// Starts one, without clusters and roles.
    ///
    /// # Errors
    /// When no port can be had.
    // No await inside: async like its neighbours, so that tests read alike and it may come to need one.
    #[expect(clippy::unused_async, reason = "started like the other parts of a testbed")]
    pub async fn start() -> Result<Self> {
        let listener =
            std::net::TcpListener::bind("127.0.0.1:0").context("no loopback port for the fake AWS")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let served = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("fake-aws".to_owned())
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

    /// Answers the next `n` signed requests with an error, for example `ThrottlingException` and 429. Calls add up.
    pub fn fail_next(&self, n: usize, code: &str, http: u16) {
        self.inject(Fault::refuse(code, http).times(n));
    }

    /// Lets something go wrong, after what has been asked for before.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Lets nothing go wrong any more. Permissions are another thing.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Refuses an IAM action (`eks:CreateAccessEntry`) to all callers of an account.
    pub fn deny(&self, account: &str, action: &str) {
        self.state().permissions.deny(account, action);
    }

    /// Refuses all IAM actions but these to the callers of an account.
    pub fn allow_only(&self, account: &str, actions: &[&str]) {
        self.state().permissions.allow_only(account, actions);
    }

    /// Allows everyone everything again.
    pub fn allow_all(&self) {
        self.state().permissions.reset();
    }

    /// Waits so long before each answer.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// The most that a list answers at once, whatever the client asks for: 100 at first.
    pub fn set_page_size(&self, items: usize) {
        self.state().world.page_size = items;
    }

    /// How long a role that is created from now on is no valid principal, in access entries, pod identity associations
    /// and trust policies, and cannot be assumed.
    pub fn delay_roles(&self, delay: Delay) {
        self.state().world.role_delay = delay;
    }

    /// How long `AssociateAccessPolicy` does not find an access entry that is created from now on.
    pub fn delay_access_entries(&self, delay: Delay) {
        self.state().world.entry_delay = delay;
    }

    /// All EKS requests so far, and those without a signature, oldest first.
    pub fn requests(&self) -> Vec<EksRequest> {
        self.state().requests.clone()
    }

    /// All calls of all services so far, oldest first.
    pub fn calls(&self) -> Vec<AwsCall> {
        self.state().calls.clone()
    }

    /// Forgets the requests and calls so far.
    pub fn clear_calls(&self) {
        let mut state = self.state();
        state.requests.clear();
        state.calls.clear();
    }

    /// Blocks until a call hangs, by [`Fault::hang_before`] or [`Fault::hang_after`], that no earlier use of this has
    /// waited for. `false` if none did in that time.
    pub fn wait_until_hanging(&self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        loop {
            {
                let mut state = self.state();
                if state.hanging > 0 {
                    state.hanging -= 1;
                    return true;
                }
            }
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The secrets that it has given out: secret keys and tokens of sessions. None of them may show anywhere.
    pub fn secrets(&self) -> Vec<String> {
        let state = self.state();
        let sessions = state.world.sessions.values();
        sessions
            .flat_map(|session| [session.secret.clone(), session.token.clone()])
            .collect()
    }

    /// Every operation that it knows, as `service:Operation`.
    pub fn operations() -> Vec<String> {
        let all = [
            ("eks", eks::OPERATIONS),
            ("iam", iam::OPERATIONS),
            ("sts", sts::OPERATIONS),
        ];
        all.iter()
            .flat_map(|(service, operations)| {
                operations
                    .iter()
                    .map(move |operation| format!("{service}:{}", operation.name))
            })
            .collect()
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

impl Drop for FakeAws {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
