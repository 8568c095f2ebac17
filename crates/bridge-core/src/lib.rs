//! The fleet of a GitOps Bridge hub as plain values: facts in; Secrets, parameters, effects and findings out.
//!
//! Nothing here awaits, reads a file or opens a connection.

pub mod access;
pub mod application;
pub mod applicationset;
pub mod catalog;
pub mod change;
pub mod check;
pub mod cluster;
pub mod connection;
pub mod defaults;
pub mod drift;
pub mod effect;
pub mod facts;
pub mod finding;
pub mod fleet;
pub mod keys;
pub mod metadata_file;
pub mod name;
pub mod parameters;
pub mod registration;
pub mod request;
pub mod secret;
pub mod selector;
pub mod suggest;
