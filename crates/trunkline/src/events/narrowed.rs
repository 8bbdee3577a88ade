//! Less was granted than was asked for, or than before.

use jiff::Timestamp;
use trunkline_core::{Cause, ConnectionKey, Credential, Diagnosis, ScopeSet};
use trunkline_store::{EventKind, NewEvent};

/// The event that says which of the scopes `wanted` a credential lacks, where the service told which it has. The
/// grant serves all the same, and the log says so, too.
pub(crate) fn narrowed(
    key: &ConnectionKey,
    wanted: &ScopeSet,
    credential: &Credential,
    at: Timestamp,
) -> Option<NewEvent> {
    let missing = wanted.missing_from(credential.scopes.as_ref()?);
    if missing.is_empty() {
        return None;
    }
    tracing::warn!(
        target: "trunkline",
        connector = %key.connector(), tenant = %key.tenant(), missing = %missing.join(' '),
        "scopes narrowed"
    );
    let why = Diagnosis::new(Cause::ScopeMissing).message(&format!("not granted: {missing}"));
    Some(NewEvent::new(EventKind::ScopesNarrowed, at).because(why))
}
