//! Asking the objects themselves, where the rights that were read leave something open.
//!
//! A query of a few rows tells whether an object may be listed: a refusal closes it to every action that needs one
//! of its permissions, since each requires List. Where rows came, the service is asked once more what the caller
//! may do to them. What creating needs, and what an approval needs, only the try itself would tell.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use trunkline_core::permission::{Certainty, Operation, Reason, Verdict};
use trunkline_core::{Cause, Error};

use super::ask::{Answer, Asker};
use super::judge::{is_open, is_told, lacking};
use super::read::key_of;
use super::refused::behind;
use super::rights::{Held, Profile, Seen};
use super::table;
use super::user_type::{Ceiling, ceiling};

/// How many records of an object are asked about: more than one, since a record may be closed for itself.
const ROWS: usize = 10;

/// Settles what can be settled of `operations`, with at most two calls for an object.
pub(super) async fn ask(asker: &Asker<'_>, held: &mut Held, operations: &[Operation]) -> Result<(), Error> {
    let mut keys: HashMap<&str, Vec<String>> = HashMap::new();
    for operation in operations {
        let object = operation.object();
        if is_open(held, operation) && !held.seen.contains_key(object) {
            let list = list(asker, held, operation, &mut keys).await?;
            held.seen.insert(object.to_owned(), Seen { list, records: None });
        }
        if is_open(held, operation) && is_told(operation.action()) {
            let done = match keys.get(object).filter(|keys| !keys.is_empty()) {
                Some(keys) => asker.allowed(object, keys).await?,
                None => Vec::new(),
            };
            if let Some(seen) = held.seen.get_mut(object) {
                seen.records = Some(done);
            }
        }
    }
    Ok(())
}

/// Whether the operation's object may be listed.
async fn list<'o>(
    asker: &Asker<'_>,
    held: &mut Held,
    operation: &'o Operation,
    keys: &mut HashMap<&'o str, Vec<String>>,
) -> Result<Verdict, Error> {
    let object = operation.object();
    let list = Operation::list(object.to_owned());
    Ok(match asker.query(object, &["key"], &Value::Null, ROWS).await? {
        Answer::Given(given) => {
            let found: Option<Vec<_>> = given.rows().iter().map(|row| key_of(row.get("key")?)).collect();
            let Some(found) = found else {
                return Ok(Verdict::unknown(Reason::NotReadable, "the object's answer was not understood"));
            };
            keys.insert(object, found);
            learn(held.profile.as_deref_mut(), &list, true);
            Verdict::Allowed
        }
        Answer::Refused(diagnosis) if diagnosis.cause() == Cause::PermissionMissing => {
            learn(held.profile.as_deref_mut(), &list, false);
            lacking(held.profile.as_deref(), false, &list)
        }
        Answer::Refused(diagnosis) => Verdict::denied(behind(&diagnosis, &list, Some(held))),
        Answer::NotThere => Verdict::unknown(Reason::NotReadable, "this object cannot be queried"),
    })
}

/// A role that applies to one kind of sign-in: where nothing else gives List, the answer tells whether a call counts
/// as that, for all that such roles give.
fn learn(profile: Option<&mut Profile>, list: &Operation, allowed: bool) {
    let (Some(profile), Some(row)) = (profile, table::find(list)) else { return };
    // More may give it than was read.
    let obscure = profile.partial || profile.administrates || row.certainty == Certainty::Assumed;
    if obscure || row.pairs.iter().any(|permission| profile.holds(*permission, "list")) {
        return;
    }
    let on = |permission| profile.depends_on(permission, "list");
    let kinds: BTreeSet<_> = row.pairs.iter().flat_map(|permission| on(*permission)).collect();
    let open = ceiling(&profile.user_type, list) == Ceiling::Open;
    // Of two kinds that may have given it, neither is known to; a ceiling may have refused what a role gives.
    let tells = if allowed { kinds.len() == 1 } else { open };
    if tells {
        profile.counts.extend(kinds.into_iter().map(|kind| (kind, allowed)));
    }
}
