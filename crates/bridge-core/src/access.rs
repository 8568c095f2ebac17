//! Access of Argo CD to a spoke: what is there, what is wanted, and the steps in between.

mod observed;

pub use observed::{AccessEntry, AssociatedPolicy, Capability, NewRole, PodIdentity, Role, Scope, Tags};
