//! What the end-to-end tests share: one side of a comparison is an Argo CD namespace with its own real controller, on
//! Argo CD's `clusters` generator or on the plugin generator that the real service answers.

pub mod cluster_secret;
pub mod controller;
pub mod side;
pub mod twin;
