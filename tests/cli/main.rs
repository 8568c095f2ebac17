//! The plugin as its users meet it: command lines in; stdout, stderr and exit codes out.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod addons;
mod bad_input;
mod completion;
mod demo;
mod drain;
mod fleet;
mod help;
mod keys;
mod live;
mod looking;
mod params;
mod parsing;
mod register;
mod register_live;
mod register_refused;
mod run;
mod unregister;
