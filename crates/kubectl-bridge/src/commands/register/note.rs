//! The note of a registration: so that what a run made that was ended half-way is found again, whatever is done next.

use bridge_core::access::Grants;
use bridge_kube::{Hub, LiveHub};

use super::super::unregister::operation::{Kind, Operation};
use crate::{args::RegisterOptions, context::Context, grant::Undoing};

/// A note, where there is one.
pub struct Note<'a> {
    live: &'a LiveHub,
    operation: Operation,
}

impl<'a> Note<'a> {
    /// Writes down what is about to be made, and what was made before and is not wanted any more. A folder has no notes: what is
    /// made carries marks all the same.
    pub async fn begin(
        hub: &'a Hub,
        name: &str,
        secret_name: &str,
        begun: &Grants,
        before: Option<Grants>,
        has_steps: bool,
    ) -> anyhow::Result<Option<Self>> {
        let Hub::Live(live) = hub else { return Ok(None) };
        let found = Operation::find(live, name).await?;
        let outdated = before.filter(|before| before.anything() && before.principal != begun.principal);
        if found.is_none() && outdated.is_none() && !has_steps {
            return Ok(None);
        }
        let exists = found.is_some();
        let mut operation = found.unwrap_or_else(|| Operation::of_access(Kind::Register, name, secret_name));
        let mut changed = operation.add_grants(begun.clone());
        if let Some(grants) = outdated {
            changed |= operation.add_grants(grants);
        }
        if !exists {
            operation.create(live).await?;
        } else if changed {
            operation.save(live).await?;
        }
        Ok(Some(Self { live, operation }))
    }

    /// Takes back what is not wanted any more, then the note away.
    pub async fn finish(self, ctx: &Context, options: &RegisterOptions, now: &Grants) -> anyhow::Result<()> {
        let outdated = self
            .operation
            .access
            .iter()
            .filter(|grants| grants.principal != now.principal);
        for grants in outdated {
            let undoing = Undoing::look(grants, &options.aws, &options.hub_aws).await?;
            undoing.run(&ctx.out).await?;
        }
        // One of a drain that lost its Secret has more to remember.
        if self.operation.is_settled() {
            self.operation.delete(self.live).await?;
        }
        Ok(())
    }
}
