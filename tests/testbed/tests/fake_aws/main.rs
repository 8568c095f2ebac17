//! The fake AWS is one that AWS's own client takes for real: `aws` parses its answers and errors by the service models.
//! What goes beyond shapes is asked for in plain requests, which take no time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail like the tests themselves"
)]

mod access_entries;
mod cli;
mod clusters;
mod faults;
mod operations;
mod raw;
mod roles;
mod trust;
