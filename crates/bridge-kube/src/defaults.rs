//! The team's defaults, wherever the hub keeps them.

use std::collections::BTreeMap;

use bridge_core::{change::KeyDiff, defaults::Defaults};

use crate::{
    error::{Cause, HubError},
    hub::Hub,
    write::{Verb, WriteOptions},
};

/// What a change of the defaults did, or under a dry run would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultsChange {
    /// In one word.
    pub verb: Verb,
    /// Keys that differ.
    pub diffs: Vec<KeyDiff>,
    /// All keys afterwards.
    pub after: BTreeMap<String, String>,
}

impl Hub {
    /// The team's defaults (see [`Defaults`]); `None` where nobody has run `init`.
    ///
    /// # Errors
    /// Also where they cannot be read as what they should be: a default that is not followed is worse than an error.
    pub async fn defaults(&self) -> Result<Option<Defaults>, HubError> {
        match self {
            Self::Live(hub) => hub.defaults().await,
            Self::Folder(hub) => hub.defaults(),
        }
    }

    /// Sets (`Some`) and removes (`None`) keys of the defaults; the others stay.
    pub async fn set_defaults(
        &self,
        wanted: &BTreeMap<String, Option<String>>,
        write: &WriteOptions,
    ) -> Result<DefaultsChange, HubError> {
        match self {
            Self::Live(hub) => hub.set_defaults(wanted, write).await,
            Self::Folder(hub) => hub.set_defaults(wanted, write).await,
        }
    }
}

/// Reads `data` of the ConfigMap.
pub(crate) fn read(data: &BTreeMap<String, String>) -> Result<Defaults, HubError> {
    Defaults::from_data(data).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        HubError::Malformed {
            what: "the team's defaults".into(),
            cause: Cause::new(cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))),
        }
    })
}

/// What setting these keys comes to; refuses what could not be read back.
pub(crate) fn changes(
    now: Option<&BTreeMap<String, String>>,
    wanted: &BTreeMap<String, Option<String>>,
) -> Result<DefaultsChange, HubError> {
    let mut after = now.cloned().unwrap_or_default();
    let mut diffs = Vec::new();
    for (key, to) in wanted {
        let from = after.get(key).cloned();
        if from == *to {
            continue;
        }
        match to {
            Some(value) => after.insert(key.clone(), value.clone()),
            None => after.remove(key),
        };
        diffs.push(KeyDiff {
            kind: "default",
            key: key.clone(),
            from,
            to: to.clone(),
        });
    }
    read(&after)?;
    let verb = match (now, diffs.is_empty()) {
        (None, _) => Verb::Created,
        (Some(_), true) => Verb::Unchanged,
        (Some(_), false) => Verb::Configured,
    };
    Ok(DefaultsChange { verb, diffs, after })
}
