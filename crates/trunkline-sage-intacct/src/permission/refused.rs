//! From a refusal back to what is missing.

use trunkline_core::Cause;
use trunkline_core::permission::{Operation, Permission, Reason, Verdict};

use super::judge::judge;
use super::layer::Layer;
use super::rights::{Held, wants};
use super::table;

/// What is missing in the layer that refused.
pub(super) fn refused(operation: &Operation, cause: Cause, held: Option<&Held>) -> Verdict {
    let Some(layer) = Layer::of(cause) else {
        return Verdict::unknown(Reason::DependsOnRecord, cause.summary());
    };
    if layer != Layer::Permission {
        return Verdict::denied(layer.lacks(cause.summary().to_owned(), false));
    }
    // The rights that were read know which of the permission's rights is missing, or which layer it is.
    if let Some(denied @ Verdict::Denied { .. }) = held.map(|held| judge(Some(held), operation)) {
        return denied;
    }
    let want = table::find(operation).and_then(|row| wants(row, operation.action()).next());
    let missing: Vec<Permission> = want
        .map(|want| want.rights().map(|right| Layer::Permission.lacks(want.name(right), true)).collect())
        .unwrap_or_default();
    if missing.is_empty() {
        return Verdict::unknown(Reason::NotMapped, "Sage does not say which permission this needs");
    }
    Verdict::Denied { missing }
}
