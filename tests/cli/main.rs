//! The plugin as its users meet it: command lines in; stdout, stderr and exit codes out.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod access;
mod access_actions;
mod access_limits;
mod access_rules;
mod access_table;
mod addons;
mod audit;
mod bad_input;
mod check;
mod check_eks;
mod completion;
mod demo;
mod discover;
mod drain;
mod emulators;
mod fleet;
mod help;
mod init;
mod keys;
mod kills_live;
mod live;
mod looking;
mod params;
mod parsing;
mod register;
mod register_live;
mod register_many;
mod register_refused;
mod run;
mod secrets_live;
mod terminal;
mod unregister;
mod update;
mod whole_live;
