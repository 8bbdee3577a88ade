//! Reading what the connected user may do, without side effects: one description an object, and one query for
//! all records.

use std::collections::BTreeSet;

use serde_json::Value;
use trunkline_core::permission::{Operation, Permission};
use trunkline_core::{Account, Cause, Cx, Diagnosis, Error, Session};

use super::ask::{Answer, Asker};
use super::judge;
use super::layer::{self, API_ENABLED};
use super::rights::{Access, Description, Held, Seen};
use super::subject::{Part, Subject};
use crate::identity;
use crate::provider::CAPTURE_USER_ID;

/// What Salesforce says of missing rights on an object or a record, whichever it is.
pub(super) const NO_ACCESS: &[&str] = &["INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY"];

/// Most records that one query asks about, by Salesforce's documentation.
const MAX_RECORDS: usize = 200;

/// Most records that are asked about at once; a bound of ours.
const MAX_QUERIES: usize = 5;

pub(super) async fn read(
    cx: &Cx,
    session: &Session,
    account: &Account,
    operations: &[Operation],
) -> Result<Held, Error> {
    let asker = Asker { cx, session };
    let mut held = Held::default();
    let mut records = BTreeSet::new();
    for operation in operations {
        let Some(subject) = Subject::of(operation) else { continue };
        // A field that relationships lead to needs the objects on the way.
        while let Some(object) = judge::lacks(&held, &subject) {
            match describe(&asker, &object).await? {
                Ok(seen) => held.objects.insert(&object, seen),
                Err(gate) => return Ok(Held { gate: Some(gate), ..held }),
            }
        }
        if let Part::Record(id) = subject.part {
            records.insert(id);
        }
    }
    let user =
        identity::long(&account.user).or_else(|| identity::long(session.captures().get(CAPTURE_USER_ID)?));
    let records: Vec<String> = records.into_iter().collect();
    for (number, ids) in records.chunks(MAX_RECORDS).enumerate() {
        held.records.extend(ids.iter().map(|id| (id.clone(), None)));
        if let Some(user) = user.as_deref().filter(|_| number < MAX_QUERIES) {
            access(&asker, user, ids, &mut held).await?;
        }
    }
    Ok(held)
}

/// What the user sees of an object, or what stands before every object.
async fn describe(asker: &Asker<'_>, object: &str) -> Result<Result<Seen, Permission>, Error> {
    let diagnosis = match asker.describe(object).await? {
        Answer::Given(body) => {
            return Ok(Ok(Description::read(&body).map_or_else(Seen::Unreadable, Seen::Open)));
        }
        Answer::TooLong => return Ok(Ok(Seen::Unreadable("its description is too long"))),
        Answer::Refused(diagnosis) => diagnosis,
    };
    if let Some(gate) = gate(&diagnosis) {
        return Ok(Err(gate));
    }
    Ok(Ok(match diagnosis.cause() {
        Cause::FeatureDenied => Seen::NotEnabled,
        Cause::NotFound => Seen::Absent,
        _ if has_code(&diagnosis, &["INVALID_TYPE"]) || has_code(&diagnosis, NO_ACCESS) => Seen::Absent,
        _ => Seen::Unreadable("Salesforce refuses to describe it"),
    }))
}

/// The layer before every object that a refusal comes from.
pub(super) fn gate(diagnosis: &Diagnosis) -> Option<Permission> {
    if has_code(diagnosis, &["API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"]) {
        return Some(API_ENABLED.permission());
    }
    layer::of_cause(diagnosis.cause())
}

pub(super) fn has_code(diagnosis: &Diagnosis, codes: &[&str]) -> bool {
    diagnosis.evidence().codes.iter().any(|code| codes.contains(&code.as_str()))
}

/// Asks what `user` may do with these records. A record of which Salesforce says nothing stays unknown.
async fn access(asker: &Asker<'_>, user: &str, ids: &[String], held: &mut Held) -> Result<(), Error> {
    let list = ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(",");
    let soql = format!(
        "SELECT RecordId, HasReadAccess, HasEditAccess, HasDeleteAccess FROM UserRecordAccess \
         WHERE UserId = '{user}' AND RecordId IN ({list})"
    );
    let body = match asker.query(&soql).await? {
        Answer::Given(body) => body,
        Answer::TooLong | Answer::Refused(_) => return Ok(()),
    };
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    for record in told.get("records").and_then(Value::as_array).map_or(&[][..], Vec::as_slice) {
        let may = |name: &str| record.get(name).and_then(Value::as_bool);
        let id = record.get("RecordId").and_then(Value::as_str).and_then(identity::long);
        let (Some(id), Some(read), Some(edit), Some(delete)) =
            (id, may("HasReadAccess"), may("HasEditAccess"), may("HasDeleteAccess"))
        else {
            continue;
        };
        if let Some(known) = held.records.get_mut(&id) {
            *known = Some(Access { read, edit, delete });
        }
    }
    Ok(())
}
