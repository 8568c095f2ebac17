//! `version`.

use serde::Serialize;

use crate::{
    args::{VersionArgs, platform},
    context::Context,
    exit::Exit,
    view::API_VERSION,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    api_version: &'static str,
    kind: &'static str,
    version: &'static str,
    platform: String,
    addons: usize,
    field_manager: &'static str,
}

/// Runs `version`.
pub fn run(ctx: &Context, args: &VersionArgs) -> anyhow::Result<Exit> {
    let VersionArgs {} = args;
    let known = Known {
        api_version: API_VERSION,
        kind: "Version",
        version: env!("CARGO_PKG_VERSION"),
        platform: platform(),
        addons: bridge_core::catalog::Catalog::builtin().addons().len(),
        field_manager: bridge_core::keys::FIELD_MANAGER,
    };
    if !ctx.out.object(&known, [format!("version/{}", known.version)])? {
        ctx.out.line(format_args!(
            "{} {} ({})",
            crate::BIN_NAME,
            known.version,
            known.platform
        ))?;
        ctx.out
            .line(format_args!("catalog: {} addons, built in", known.addons))?;
        ctx.out.line(format_args!("output: {API_VERSION}"))?;
    }
    Ok(Exit::Success)
}
