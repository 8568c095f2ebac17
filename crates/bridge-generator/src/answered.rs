//! Which ApplicationSets are known, and when each was last answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The longest name of an object.
const LONGEST_NAME: usize = 253;
/// A new ApplicationSet may ask before the watch has told of it: so long, and no more of them, are remembered.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);
const UNKNOWN_AT_MOST: usize = 1000;

/// Names of the ApplicationSets that exist, with the time of the last answer. A request carries only a name: two
/// ApplicationSets of one name in two namespaces look the same.
#[derive(Debug, Default)]
pub struct Answered(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    known: BTreeMap<String, Option<Instant>>,
    unknown: BTreeMap<String, Instant>,
}

impl Answered {
    /// These exist, and no others. Gives those that did before.
    pub fn exist(&self, names: BTreeSet<String>) -> Vec<String> {
        let Names { known, unknown } = &mut *self.names();
        let mut before = std::mem::take(known);
        *known = names
            .into_iter()
            .map(|name| {
                let last = before.remove(&name).flatten().or_else(|| unknown.remove(&name));
                (name, last)
            })
            .collect();
        before.into_keys().collect()
    }

    /// Notes an answer.
    pub fn note(&self, name: &str) {
        let now = Instant::now();
        let Names { known, unknown } = &mut *self.names();
        if let Some(last) = known.get_mut(name) {
            *last = Some(now);
            return;
        }
        unknown.retain(|_, at| now < *at + UNKNOWN_FOR);
        if name.len() <= LONGEST_NAME && unknown.len() < UNKNOWN_AT_MOST {
            unknown.insert(name.to_owned(), now);
        }
    }

    /// Whether an ApplicationSet of this name exists.
    pub fn knows(&self, name: &str) -> bool {
        self.names().known.contains_key(name)
    }

    /// When this one was last answered.
    pub fn last(&self, name: &str) -> Option<Instant> {
        let names = self.names();
        match names.known.get(name) {
            Some(last) => *last,
            None => names.unknown.get(name).copied(),
        }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exist(answered: &Answered, names: &[&str]) -> Vec<String> {
        answered.exist(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn an_answer_before_the_watch_told_of_it_counts_and_names_do_not_pile_up() {
        let answered = Answered::default();
        answered.note("early");
        assert!(!answered.knows("early"));
        let at = answered.last("early");
        assert!(at.is_some());
        assert!(exist(&answered, &["early"]).is_empty());
        assert_eq!(answered.last("early"), at);
        assert!(answered.knows("early"));
        assert_eq!(exist(&answered, &["other"]), ["early"]);
        assert_eq!(answered.last("early"), None);
        for n in 0..5000 {
            answered.note(&n.to_string());
        }
        answered.note(&"x".repeat(1000));
        assert!(answered.names().unknown.len() <= UNKNOWN_AT_MOST);
    }
}
