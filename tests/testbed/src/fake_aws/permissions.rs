use std::collections::{BTreeMap, BTreeSet};

/// The IAM actions that callers may use: all, until a test says otherwise.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    /// By account, the only ones allowed.
    only: BTreeMap<String, BTreeSet<String>>,
    /// By account, what is not allowed.
    denied: BTreeMap<String, BTreeSet<String>>,
}

impl Permissions {
    pub(super) fn allow(&self, account: &str, action: &str) -> bool {
        self.only.get(account).is_none_or(|only| only.contains(action))
            && !self
                .denied
                .get(account)
                .is_some_and(|denied| denied.contains(action))
    }

    pub(super) fn deny(&mut self, account: &str, action: &str) {
        let denied = self.denied.entry(account.to_owned()).or_default();
        denied.insert(action.to_owned());
    }

    pub(super) fn allow_only(&mut self, account: &str, actions: &[&str]) {
        let only = actions.iter().map(|&action| action.to_owned()).collect();
        self.only.insert(account.to_owned(), only);
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}
