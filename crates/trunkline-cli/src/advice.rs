//! A diagnosis as it is printed: the one place that knows what a remedy looks like.

use std::io::{self, Write};

use trunkline_core::diagnosis::Report;
use trunkline_core::{Diagnosis, Evidence, Retry};

use crate::output::{BOLD, plain};

/// What a diagnosis says, for programs too. The names of its fields are stable.
pub(crate) fn advice(diagnosis: &Diagnosis) -> Report<'_> {
    diagnosis.report()
}

/// The same for people, a line each.
pub(crate) fn write(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let Report { family, cause, actor, retry, remedy, link, evidence, .. } = advice(diagnosis);
    let family = serde_json::to_value(family)?;
    writeln!(out, "{BOLD}cause{BOLD:#}     {cause}: {}", cause.summary())?;
    writeln!(out, "{BOLD}family{BOLD:#}    {}", family.as_str().unwrap_or_default())?;
    writeln!(out, "{BOLD}actor{BOLD:#}     {actor}")?;
    writeln!(out, "{BOLD}retry{BOLD:#}     {}", when(retry))?;
    for (index, step) in remedy.iter().enumerate() {
        let name = if index == 0 { "remedy" } else { "" };
        writeln!(out, "{BOLD}{name:<9}{BOLD:#} {}", plain(step))?;
    }
    if let Some(link) = link {
        writeln!(out, "{BOLD}link{BOLD:#}      {}", plain(link))?;
    }
    let facts = facts(evidence);
    if !facts.is_empty() {
        writeln!(out, "{BOLD}evidence{BOLD:#}  {}", facts.join(", "))?;
    }
    Ok(())
}

fn when(retry: Retry) -> String {
    match retry {
        Retry::AfterRenewal => "after the access token is renewed".to_owned(),
        Retry::After { after_s } => format!("after {after_s} s"),
        _ => "not before the actor has acted".to_owned(),
    }
}

fn facts(evidence: &Evidence) -> Vec<String> {
    let status = evidence.status.map(|status| format!("status {status}"));
    let codes = evidence.codes.iter().map(|code| format!("code {code}"));
    let message = evidence.message.as_ref().map(|message| format!("message \"{message}\""));
    let support = evidence.support_id.as_ref().map(|id| format!("support id {id}"));
    let call = evidence.call.as_deref().map(|call| format!("during {}", plain(call)));
    let at = evidence.at.map(|at| format!("at {at:.0}"));
    status.into_iter().chain(codes).chain([message, support, call, at].into_iter().flatten()).collect()
}
