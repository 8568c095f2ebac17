//! One file a subcommand: each resolves its words first, then does the work.

pub mod addons;
pub mod annotate;
pub mod check;
pub mod completion;
pub mod demo;
pub mod describe;
pub mod discover;
pub mod get;
pub mod init;
pub mod label;
pub mod params;
pub mod register;
pub mod unregister;
pub mod update;
pub mod version;
