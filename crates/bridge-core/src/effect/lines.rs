//! The effect of a change in plain words.

use super::{Begin, Change, Effect, End, Fate, Unknown};

impl Effect {
    /// Whether nothing happens, as far as can be known, and everything can be known.
    pub fn is_empty(&self) -> bool {
        self.begins.is_empty()
            && self.ends.is_empty()
            && self.changes.is_empty()
            && self.unknown.is_empty()
            && self.stranded.is_empty()
    }

    /// The effect in plain words, a line for each thing.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for begin in &self.begins {
            lines.extend(self.begin_lines(begin));
        }
        for end in &self.ends {
            lines.extend(self.end_lines(end));
        }
        for change in &self.changes {
            lines.push(self.change_line(change));
        }
        for Unknown {
            application_set,
            reason,
            ..
        } in &self.unknown
        {
            lines.push(format!("{application_set}: unknown: {reason}"));
        }
        for application in &self.stranded {
            lines.push(format!(
                "Application {application} stays and loses its cluster {}",
                self.cluster
            ));
        }
        lines
    }

    fn begin_lines(&self, begin: &Begin) -> Vec<String> {
        let Begin {
            application_set: set,
            applications,
            error,
            ..
        } = begin;
        let tail = in_error(error.as_deref());
        match applications.as_deref() {
            None | Some([]) => vec![format!("{set}: begins to select {}{tail}", self.cluster)],
            Some(names) => names
                .iter()
                .map(|name| format!("{set}: Application {name} will appear on {}{tail}", self.cluster))
                .collect(),
        }
    }

    fn end_lines(&self, end: &End) -> Vec<String> {
        let cluster = &self.cluster;
        let set = &end.application_set;
        let tail = in_error(end.error.as_deref());
        if end.applications.is_empty() {
            return vec![format!(
                "{set}: no longer selects {cluster}; it has no Application there{tail}"
            )];
        }
        end.applications
            .iter()
            .map(|fate| {
                let Fate {
                    application,
                    because,
                    ..
                } = fate;
                match (fate.vanishes, fate.resources_stay) {
                    (false, _) => format!("{set}: Application {application} stays ({because}){tail}"),
                    (true, true) => format!(
                        "{set}: Application {application} will vanish; its resources stay running on {cluster} ({because}){tail}"
                    ),
                    (true, false) => format!(
                        "{set}: Application {application} will vanish, and its resources on {cluster} with it{tail}"
                    ),
                }
            })
            .collect()
    }

    fn change_line(&self, change: &Change) -> String {
        let what = match change.applications.as_slice() {
            [] => format!("Applications for {}", self.cluster),
            [one] => format!("Application {one}"),
            many => format!("Applications {}", many.join(", ")),
        };
        let unless = change
            .unless
            .as_ref()
            .map(|reason| format!("; not while {reason}"))
            .unwrap_or_default();
        format!(
            "{}: {what} may change (reads {}){unless}",
            change.application_set,
            change.keys.join(", ")
        )
    }
}

fn in_error(error: Option<&str>) -> String {
    error
        .map(|error| format!("; but the ApplicationSet is in error and may do nothing: {error}"))
        .unwrap_or_default()
}
