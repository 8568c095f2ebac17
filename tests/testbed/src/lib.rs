//! Real control planes on loopback, for the tests of `kubectl-bridge` and for people to play with.
//!
//! Everything here is the real thing, built by `tests/control-plane/build`: a [`Hub`] is etcd and kube-apiserver with
//! the Argo CD objects, [`ArgoCd`] its components, a [`Spoke`] a second cluster, a [`GitRepo`] what Argo CD deploys.
//! Only AWS is an imitation: [`FakeAws`], and for a second opinion [`AwsEndpoint`].
//!
//! # Life and death
//! Each process runs under a small shell wrapper that holds a pipe from this process on its standard input and ends
//! it when the pipe closes. So nothing outlives the test: not when a value is dropped, not when the test panics, not
//! when the test process is killed with SIGKILL. Temporary folders go the same way.
//!
//! # When a test fails
//! A value that is dropped while its thread panics, or after an [`eventually`] on that thread ran out of time, prints
//! the end of its components' logs to stderr. In the test body prefer `unwrap` to `?`: a test that returns an error
//! does not panic.

mod api_server;
mod argo_cd;
mod audit;
mod binaries;
mod component;
mod controller_manager;
mod eks_auth;
mod emulator;
mod eventually;
mod failure;
mod fake_aws;
mod gate;
mod generator;
mod git_repo;
mod http_get;
mod hub;
mod kubeconfig;
mod kubectl;
mod objects;
mod pki;
mod ports;
mod presigned;
mod rights;
mod scratch;
mod service;
mod spoke;
mod token;

pub use argo_cd::ArgoCd;
pub use audit::AuditEvent;
pub use binaries::Binaries;
pub use eks_auth::EksAuth;
pub use emulator::{AWAY_ACCOUNT, AwsCli, AwsEndpoint, HOME_ACCOUNT, Refused};
pub use eventually::eventually;
pub use fake_aws::{
    Access, AwsCall, Delay, EksAccessEntry, EksAccessPolicy, EksCapability, EksCluster, EksPodIdentity,
    EksRequest, FakeAws, FakeEks, Fault, IamRole,
};
pub use gate::Gate;
pub use generator::Generator;
pub use git_repo::GitRepo;
pub use hub::Hub;
pub use kubectl::Output;
pub use spoke::Spoke;
