//! Which ApplicationSets are known, and when each was last answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// Names of the ApplicationSets that exist, with the time of the last answer. A request carries only a name: two
/// ApplicationSets of one name in two namespaces look the same.
#[derive(Debug, Default)]
pub struct Answered(Mutex<BTreeMap<String, Option<Instant>>>);

impl Answered {
    /// These exist, and no others.
    pub fn exist(&self, names: BTreeSet<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = names
            .into_iter()
            .map(|name| {
                let last = known.get(&name).copied().flatten();
                (name, last)
            })
            .collect();
    }

    /// Notes an answer; says whether the name is known.
    pub fn note(&self, name: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get_mut(name)
            .map(|last| *last = Some(Instant::now()))
            .is_some()
    }

    /// Whether an ApplicationSet of this name exists.
    pub fn knows(&self, name: &str) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(name)
    }

    /// When this one was last answered.
    pub fn last(&self, name: &str) -> Option<Instant> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).copied().flatten()
    }
}
