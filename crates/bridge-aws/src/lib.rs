//! What AWS knows about clusters and grants. All AWS crates stay behind this one: they are slow to build.
//!
//! Configuration is the SDK's own: `AWS_REGION`, `AWS_PROFILE`, `~/.aws/config`, `AWS_ENDPOINT_URL`,
//! `AWS_ENDPOINT_URL_EKS`, `AWS_MAX_ATTEMPTS`, `AWS_RETRY_MODE`, proxies; [`AwsOptions`] overrides region and profile. Where no retry
//! mode is chosen, requests are paced by what AWS throttles: as many at once as it takes.

mod capabilities;
mod describe;
mod eks;
mod entries;
mod error;
mod iam;
mod pace;
mod pods;
mod session;

pub use bridge_core::access::{
    AccessEntry, AssociatedPolicy, Capability, NewRole, PodIdentity, Role, Scope, Tags,
};
pub use describe::facts;
pub use eks::Eks;
pub use error::{AwsError, Place};
pub use iam::Iam;
pub use session::{AwsOptions, Caller, Session};
