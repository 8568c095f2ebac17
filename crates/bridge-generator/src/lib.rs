//! Argo CD ApplicationSet plugin generator: serves the parameters of a GitOps Bridge fleet.
//!
//! Three parts that meet in [`service::Service`]: what is known ([`bridge_kube::watch`]), who asks ([`routes`]), and who
//! has to be told (`push`). [`run::run`] is the program; [`folder::serve_folder`] the same for a folder hub inside
//! another one.

pub mod admin;
pub mod answered;
pub mod args;
pub mod folder;
pub mod logging;
pub mod metrics;
mod patient;
mod push;
pub mod refusal;
pub mod routes;
pub mod run;
pub mod server;
pub mod service;
pub mod tokens;

pub use folder::{Serving, serve_folder};
pub use routes::router;
