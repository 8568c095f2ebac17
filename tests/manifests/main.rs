//! The manifests that a hub installs, on a real API server: they apply, each account may do what it must and no more,
//! and the service runs under exactly that account.
#![expect(
    clippy::unwrap_used,
    reason = "what goes wrong in a helper is a failed test, with the place where it went wrong"
)]

mod applicationsets;
mod applies;
mod hub;
mod operators;
mod restricted;
mod service;
mod service_account;
mod token;
