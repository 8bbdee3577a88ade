//! A service whose answers name a region, and a provider that makes it a label of a host.

use serde_json::Value;
use trunkline_core::{Captures, ConsentAnswer, Secret};

use crate::flaw::Flaw;

/// The flaws that are about a region; the profile of each declares one.
pub(crate) const OF_A_REGION: [Flaw; 4] = [
    Flaw::PutsALabelIntoTheHost,
    Flaw::ChecksALabelForSlashesOnly,
    Flaw::PutsTheCallbackIntoTheHost,
    Flaw::RenewsWhereACaptureSays,
];

/// What is captured of a token answer.
pub(crate) fn told(flaw: Flaw, answer: &Value) -> Option<&str> {
    let is_told = OF_A_REGION.contains(&flaw) && flaw != Flaw::PutsTheCallbackIntoTheHost;
    answer.get("region").and_then(Value::as_str).filter(|_| is_told)
}

/// What is captured of a callback.
pub(crate) fn called_back(flaw: Flaw, answer: &ConsentAnswer) -> Option<&str> {
    let is_told = flaw == Flaw::PutsTheCallbackIntoTheHost;
    answer.callback.get("realm").map(Secret::expose).filter(|_| is_told)
}

/// Where the API is, for a provider that believes its region.
pub(crate) fn api(flaw: Flaw, captures: &Captures) -> Option<String> {
    let region = captures.get("region")?;
    match flaw {
        Flaw::ChecksALabelForSlashesOnly if region.contains(['/', '\\']) => None,
        Flaw::RenewsWhereACaptureSays => None,
        _ => Some(format!("https://{region}.api.plain.test")),
    }
}

/// Where a renewal goes, for a provider that checks the host of the API alone.
pub(crate) fn token_url(flaw: Flaw, captures: &Captures) -> Option<String> {
    let region = captures.get("region").filter(|_| flaw == Flaw::RenewsWhereACaptureSays)?;
    Some(format!("https://{region}.login.plain.test/token"))
}
