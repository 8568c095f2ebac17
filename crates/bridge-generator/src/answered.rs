//! Which ApplicationSets are known, and when and from which fleet each was last answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use bridge_core::fleet::Fleet;

/// The longest name of an object.
const LONGEST_NAME: usize = 253;
/// A new ApplicationSet may ask before the watch has told of it: so long, and no more of them, are remembered.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);
const UNKNOWN_AT_MOST: usize = 1000;

/// Names of the ApplicationSets that exist, with the last answer. A request carries only a name: two
/// ApplicationSets of one name in two namespaces look the same.
#[derive(Debug, Default)]
pub struct Answered(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    known: BTreeMap<String, Option<Answer>>,
    unknown: BTreeMap<String, Answer>,
}

#[derive(Debug, Clone)]
struct Answer {
    at: Instant,
    fleet: Weak<Fleet>,
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

    /// Notes an answer, and gives the fleet that it is from. That is looked up here: whoever asks [`Answered::before`] for
    /// a newer fleet has either seen this note, or is followed by an answer from that fleet.
    pub fn note<E>(
        &self,
        name: &str,
        fleet: impl FnOnce() -> Result<Arc<Fleet>, E>,
    ) -> Result<Arc<Fleet>, E> {
        let Names { known, unknown } = &mut *self.names();
        let fleet = fleet()?;
        let answer = Answer {
            at: Instant::now(),
            fleet: Arc::downgrade(&fleet),
        };
        if let Some(last) = known.get_mut(name) {
            *last = Some(answer);
        } else {
            unknown.retain(|_, before| answer.at < before.at + UNKNOWN_FOR);
            if name.len() <= LONGEST_NAME && unknown.len() < UNKNOWN_AT_MOST {
                unknown.insert(name.to_owned(), answer);
            }
        }
        Ok(fleet)
    }

    /// Whether an ApplicationSet of this name exists.
    pub fn knows(&self, name: &str) -> bool {
        self.names().known.contains_key(name)
    }

    /// When this one was last answered, if that was from another fleet than this.
    pub fn before(&self, name: &str, fleet: &Arc<Fleet>) -> Option<Instant> {
        let names = self.names();
        let answer = match names.known.get(name) {
            Some(last) => last.as_ref(),
            None => names.unknown.get(name),
        }?;
        let same = std::ptr::eq(answer.fleet.as_ptr(), Arc::as_ptr(fleet));
        (!same).then_some(answer.at)
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_core::{cluster::Cluster, fleet::Member};

    fn fleet() -> Arc<Fleet> {
        Arc::new(Fleet::new([Arc::new(Member::new(Cluster::default()))]).unwrap())
    }

    fn exist(answered: &Answered, names: &[&str]) -> Vec<String> {
        answered.exist(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn note(answered: &Answered, name: &str, fleet: &Arc<Fleet>) {
        answered.note(name, || Ok::<_, ()>(Arc::clone(fleet))).unwrap();
    }

    #[test]
    fn an_answer_before_the_watch_told_of_it_counts_and_names_do_not_pile_up() {
        let (answered, old, new) = (Answered::default(), fleet(), fleet());
        note(&answered, "early", &old);
        assert!(!answered.knows("early"));
        let at = answered.before("early", &new);
        assert!(at.is_some());
        assert!(exist(&answered, &["early"]).is_empty());
        assert_eq!(answered.before("early", &new), at);
        assert!(answered.knows("early"));
        assert_eq!(exist(&answered, &["other"]), ["early"]);
        assert_eq!(answered.before("early", &new), None);
        for n in 0..5000 {
            note(&answered, &n.to_string(), &old);
        }
        note(&answered, &"x".repeat(1000), &old);
        assert!(answered.names().unknown.len() <= UNKNOWN_AT_MOST);
    }

    #[test]
    fn an_answer_from_this_fleet_is_none_from_before_and_a_refusal_is_no_answer() {
        let (answered, old, new) = (Answered::default(), fleet(), fleet());
        exist(&answered, &["addons"]);
        assert_eq!(answered.note("addons", || Err("stale")).unwrap_err(), "stale");
        assert_eq!(answered.before("addons", &old), None);
        note(&answered, "addons", &old);
        assert_eq!(answered.before("addons", &old), None);
        drop(old);
        assert!(answered.before("addons", &new).is_some());
        note(&answered, "addons", &new);
        assert_eq!(answered.before("addons", &new), None);
    }
}
