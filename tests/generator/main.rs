//! The service: its answers and refusals in this process, and the real program on real hubs with a real
//! applicationset-controller.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod answers;
mod controller;
mod fail_closed;
mod folder;
mod life;
mod program;
mod push;
mod secrecy;
mod staleness;
mod wire;
