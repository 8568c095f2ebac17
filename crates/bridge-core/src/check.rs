//! What is wrong with a hub and its clusters, by cause. Looks come in, findings go out; nothing is asked here.

mod eks;
mod entry;
mod hub;
mod names;
mod secrets;
#[cfg(test)]
mod tests;

pub use eks::{EksLook, eks};
pub use entry::{AccessLook, access, principal};
pub use hub::{HubLook, Note, TESTED_ARGO_CD, hub};
pub use names::{LONG_NAME_HINT, MAX_APPLICATION_NAME, long_application_names, long_name_words};

/// What came of a look at something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<T> {
    /// It is there.
    Seen(T),
    /// It is not there.
    Absent,
    /// It could not be looked at: why.
    Unknown(String),
}

impl<T> Look<T> {
    /// What is there, if it is.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(seen) => Some(seen),
            Self::Absent | Self::Unknown(_) => None,
        }
    }
}
