//! Findings for people, as linkerd's `check` has them: √ ‼ × and, for what is not well, cause and hint.

use anstyle::{AnsiColor, Style};
use bridge_core::finding::{Finding, Severity};

use super::Section;
use crate::{context::Context, output::cell};

/// Clusters up to which each check is listed that went well.
const LISTED: usize = 3;

/// Prints them, and a line that sums them up.
pub fn sections(ctx: &Context, sections: &[Section]) -> anyhow::Result<()> {
    let all = sections.len() <= LISTED || ctx.out.is_wide();
    for section in sections {
        let title = cell(&section.title);
        ctx.out.line(&title)?;
        ctx.out.line("-".repeat(title.chars().count()))?;
        let well = section
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Ok)
            .count();
        for finding in &section.findings {
            if all || finding.severity != Severity::Ok {
                show(ctx, finding)?;
            }
        }
        if section.findings.is_empty() {
            ctx.out.line(format_args!(
                "{} not in EKS: nothing more to check",
                sign(Severity::Ok)
            ))?;
        } else if !all && well > 0 {
            ctx.out
                .line(format_args!("{} {well} checks", sign(Severity::Ok)))?;
        }
        ctx.out.line("")?;
    }
    let count = |severity| {
        let findings = sections.iter().flat_map(|section| &section.findings);
        findings.filter(|finding| finding.severity == severity).count()
    };
    ctx.out.line(format_args!(
        "{} failed, {} with warnings, {} could not be judged, {} fine",
        count(Severity::Failure),
        count(Severity::Warning),
        count(Severity::Unknown),
        count(Severity::Ok)
    ))?;
    Ok(())
}

fn show(ctx: &Context, finding: &Finding) -> std::io::Result<()> {
    let Finding {
        check,
        severity,
        object,
        cause,
        hint,
        ..
    } = finding;
    ctx.out
        .line(format_args!("{} {} {}", sign(*severity), check.code, check.title))?;
    if *severity == Severity::Ok {
        return Ok(());
    }
    let object = if object.is_empty() {
        String::new()
    } else {
        format!("{}: ", cell(object))
    };
    ctx.out.line(format_args!("    {object}{}", cell(cause)))?;
    if !hint.is_empty() {
        let style = AnsiColor::Cyan.on_default();
        ctx.out
            .line(format_args!("    {style}hint:{style:#} {}", cell(hint)))?;
    }
    Ok(())
}

fn sign(severity: Severity) -> String {
    let style = match severity {
        Severity::Ok => AnsiColor::Green.on_default(),
        Severity::Warning => AnsiColor::Yellow.on_default(),
        Severity::Failure => AnsiColor::Red.on_default(),
        Severity::Unknown => Style::new(),
    };
    format!("{style}{}{style:#}", severity.sign())
}
