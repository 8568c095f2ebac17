//! What will be done, before it is done.

use bridge_core::effect::Effect;

use super::{
    Run,
    choose::{Candidate, Failed, LeftOut},
    end::reason,
    grouped::grouped,
    list,
    prepare::Prepared,
};
use crate::{
    output::{cell, stderr_line},
    prompt,
};

impl Run<'_> {
    /// Says what is left out, what was found out, what to know, and what cannot be registered.
    pub(super) fn tell(
        &self,
        ready: &[(Candidate, Prepared)],
        left_out: &[LeftOut],
        failed: &[Failed],
    ) -> anyhow::Result<()> {
        let out = &self.ctx.out;
        for line in grouped(left_out.iter().map(|one| (&one.subject, one.why.as_str()))) {
            out.note(format_args!("left out: {}", cell(&line)))?;
        }
        let notes = ready.iter().flat_map(|(candidate, prepared)| {
            prepared
                .notes()
                .iter()
                .map(|note| (&candidate.subject, note.as_str()))
        });
        for line in grouped(notes) {
            out.note(cell(&line))?;
        }
        let mut warnings = Vec::new();
        for (candidate, prepared) in ready {
            let texts = prepared.warnings().iter().cloned();
            let long = self
                .surroundings
                .as_ref()
                .and_then(|surroundings| prepared.long_name(surroundings));
            warnings.extend(texts.chain(long).map(|text| (&candidate.subject, text)));
        }
        for line in grouped(warnings.iter().map(|(subject, text)| (*subject, text.as_str()))) {
            out.warn(cell(&line))?;
        }
        for line in failures(failed) {
            stderr_line(&format!("error: {}", cell(&line)));
        }
        Ok(())
    }

    /// Shows what will be done and what comes of it; of each what that is.
    pub(super) fn show(&self, ready: &[(Candidate, Prepared)]) -> anyhow::Result<Vec<Option<Effect>>> {
        let Some(surroundings) = &self.surroundings else {
            return Ok(Vec::new());
        };
        let effects: Vec<Option<Effect>> = ready
            .iter()
            .map(|(_, prepared)| prepared.effect(surroundings))
            .collect();
        let out = &self.ctx.out;
        if ready.is_empty() || out.is_machine() {
            return Ok(effects);
        }
        if self.acts() {
            out.note(list::table(ready).render(true).trim_end())?;
        }
        for line in list::in_aws(ready) {
            out.note(cell(&line))?;
        }
        if !self.options.grant.only {
            for line in list::effects(&effects, surroundings) {
                out.note(line)?;
            }
            for blind in surroundings.blind_spots() {
                out.warn(blind)?;
            }
        }
        Ok(effects)
    }

    /// Whether to go on.
    pub(super) fn agreed(&self, count: usize, effects: &[Option<Effect>]) -> anyhow::Result<bool> {
        if !self.acts() {
            return Ok(true);
        }
        let unknown = effects
            .iter()
            .filter(|effect| effect.as_ref().is_none_or(|effect| !effect.unknown.is_empty()))
            .count();
        let doubt = match unknown {
            0 => String::new(),
            unknown => format!(" What comes of it is not known for {unknown} of them."),
        };
        let clusters = list::plural(count, "cluster");
        let question = if self.options.grant.only {
            format!("Give Argo CD access to {clusters}?")
        } else {
            format!("Register {clusters}?{doubt}")
        };
        prompt::confirm(&self.ctx.out, &question, self.many.yes)
    }
}

fn failures(failed: &[Failed]) -> Vec<String> {
    let texts: Vec<String> = failed.iter().map(|one| reason(&one.error)).collect();
    grouped(
        failed
            .iter()
            .zip(&texts)
            .map(|(one, text)| (&one.subject, text.as_str())),
    )
}
