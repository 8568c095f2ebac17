//! What AWS knows about clusters. All AWS crates stay behind this one: they are slow to build.
//!
//! Configuration is the SDK's own: `AWS_REGION`, `AWS_PROFILE`, `~/.aws/config`, `AWS_ENDPOINT_URL`,
//! `AWS_ENDPOINT_URL_EKS`, `AWS_MAX_ATTEMPTS`, `AWS_RETRY_MODE`, proxies; [`AwsOptions`] overrides region and profile.

mod describe;
mod eks;
mod error;

pub use describe::facts;
pub use eks::{AwsOptions, Eks};
pub use error::{AwsError, Place};
