//! What came of it, after it was done.

use serde::Serialize;

use super::{
    Run,
    choose::{Failed, LeftOut, LeftOutView},
    grouped::grouped,
    outcome::{Item, Outcome},
};
use crate::{exit::Exit, output::cell, report, view};

impl Run<'_> {
    /// Sums it up.
    pub(super) fn end(
        &self,
        outcomes: Vec<Outcome>,
        failed: Vec<Failed>,
        left_out: &[LeftOut],
        whole: bool,
    ) -> anyhow::Result<Exit> {
        let ran = !outcomes.is_empty();
        let outcomes: Vec<Outcome> = outcomes
            .into_iter()
            .chain(failed.into_iter().map(Outcome::failed))
            .collect();
        let out = &self.ctx.out;
        let items: Vec<_> = outcomes.iter().map(Outcome::item).collect();
        let done = outcomes.iter().filter(|one| one.is_done());
        let names: Vec<String> = done.map(Outcome::line).collect();
        let count = names.len();
        let object = ManyPlan {
            plan: view::Plan::new(self.base.hub, self.dry_run(), &items),
            left_out: left_out.iter().map(LeftOut::view).collect(),
        };
        out.object(&object, names)?;

        let untried: Vec<&str> = outcomes.iter().filter_map(Outcome::untried).collect();
        let failures: Vec<_> = outcomes
            .iter()
            .filter_map(|one| Some((one.subject(), reason(one.error()?))))
            .collect();
        let mut parts = vec![if outcomes.is_empty() {
            "nothing to register".to_owned()
        } else {
            format!("{count} {}", self.done_word())
        }];
        for (count, word) in [
            (failures.len(), "failed"),
            (untried.len(), "not tried"),
            (left_out.len(), "left out"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        let colon = if ran && !failures.is_empty() { ":" } else { "" };
        out.note(format_args!("{}{colon}", parts.join(", ")))?;
        if ran {
            let texts = failures.iter().map(|(subject, text)| (*subject, text.as_str()));
            for line in grouped(texts) {
                out.note(format_args!("  {}", cell(&line)))?;
            }
        }
        if failures.is_empty() && untried.is_empty() {
            return Ok(if whole { Exit::Success } else { Exit::Failure });
        }
        if self.acts() && ran {
            out.note("Run the same command again to go on: what is registered stays as it is.")?;
        }
        Ok(Exit::Failure)
    }

    fn done_word(&self) -> &'static str {
        match (self.options.grant.only, self.acts()) {
            (false, true) => "registered",
            (false, false) => "would be registered",
            (true, true) => "given access",
            (true, false) => "would be given access",
        }
    }
}

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManyPlan<'a> {
    #[serde(flatten)]
    plan: view::Plan<'a, Item<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<LeftOutView<'a>>,
}

/// An error with its causes, and what to do next where that is known, in one line.
pub fn reason(error: &anyhow::Error) -> String {
    let hint = report::hint(error).map(|hint| format!("; {hint}"));
    format!("{}{}", report::chain(error), hint.unwrap_or_default()).replace('\n', " ")
}
