//! From a refusal back to what is missing.

use trunkline_core::permission::{Operation, Reason, Verdict};
use trunkline_core::{Cause, Diagnosis};

use super::judge;
use super::layer::{self, Right, Share};
use super::objects;
use super::read::{gate, has_code};
use super::rights::{Held, Seen};
use super::subject::{Part, Subject, is_name};

const NO_ACCESS: &[&str] = &["INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY"];

/// What is missing in the layer that refused: the code says which it is, the rights that were read say more.
pub(super) fn refused(operation: &Operation, diagnosis: &Diagnosis, held: Option<&Held>) -> Verdict {
    let cause = diagnosis.cause();
    if let Some(gate) = gate(diagnosis) {
        return Verdict::denied(gate);
    }
    let (Some(subject), Some(wanted)) = (Subject::of(operation), Right::of(operation.action())) else {
        return Verdict::unknown(Reason::NotMapped, "the operation is not known");
    };
    let has = |codes: &[&str]| has_code(diagnosis, codes);
    let message = diagnosis.evidence().message.as_ref().map_or("", |text| text.as_str());
    if cause == Cause::FeatureDenied {
        return Verdict::denied(layer::feature(judge::spelt(subject.object)));
    }
    if has(&["INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"]) {
        return Verdict::denied(Share::Read.to("the record that the request refers to"));
    }
    if has(&["INVALID_FIELD_FOR_INSERT_UPDATE"]) {
        return fields(&subject, unwritable(message), true, held);
    }
    if has(&["INVALID_FIELD"]) {
        return fields(&subject, quoted(message).take(1).collect(), false, held);
    }
    if message.to_ascii_lowercase().contains("external id field") {
        let name = message.rsplit(':').next().unwrap_or_default().trim();
        return fields(&subject, vec![name], false, held);
    }
    if has(&["INVALID_TYPE"]) {
        return judge::absent(subject.object, wanted);
    }
    // The rest is the object's permission, or the record's sharing. What was read last may tell which.
    let by_rights = held.map(|held| judge::judge(Some(held), operation));
    match (cause, by_rights) {
        (Cause::PermissionMissing | Cause::NotFound, Some(denied @ Verdict::Denied { .. })) => denied,
        (Cause::PermissionMissing, Some(Verdict::Allowed))
            if has(NO_ACCESS) && is_of_record(&subject, operation, message) =>
        {
            let share = Share::of(operation.action()).unwrap_or(Share::Read);
            let record = match &subject.part {
                Part::Record(id) => id.as_str(),
                _ => "the record",
            };
            Verdict::denied(share.to(record))
        }
        // The object's permission was taken away since the rights were read.
        (Cause::PermissionMissing, Some(Verdict::Allowed)) if has(NO_ACCESS) => {
            let object = judge::spelt(subject.object);
            let right = wanted.last().unwrap_or(&Right::Read);
            Verdict::denied(right.on(object, true))
        }
        (Cause::PermissionMissing, _) => Verdict::unknown(
            Reason::DependsOnRecord,
            "an object permission is missing, or the record is not shared",
        ),
        (Cause::NotFound, _) => Verdict::unknown(
            Reason::DependsOnRecord,
            "the record is not there, or it is not shared with the user",
        ),
        _ => Verdict::unknown(Reason::DependsOnRecord, cause.summary()),
    }
}

/// Whether a refusal may come from the record: one can only be made in an object, and the text names the id.
fn is_of_record(subject: &Subject<'_>, operation: &Operation, message: &str) -> bool {
    let names_id = message.to_ascii_lowercase().contains("object id");
    Share::of(operation.action()).is_some() && (names_id || matches!(subject.part, Part::Record(_)))
}

/// Denied for the fields that a refusal names, as far as permissions decide about them.
fn fields(subject: &Subject<'_>, named: Vec<&str>, edit: bool, held: Option<&Held>) -> Verdict {
    let object = judge::spelt(subject.object);
    let about = |name: &str| match &subject.part {
        Part::Field(path) => path.split('.').any(|part| part.eq_ignore_ascii_case(name)),
        _ => true,
    };
    let named: Vec<&str> = named.into_iter().filter(|name| is_name(name)).collect();
    let mut missing = Vec::new();
    let mut unclear = None;
    for name in named.iter().copied().filter(|name| about(name)) {
        let seen = held.and_then(|held| held.objects.get(object));
        let described = match seen {
            Some(Seen::Open(described)) => Some(described),
            _ => None,
        };
        let field = described.and_then(|described| described.fields.get(name));
        let row = objects::find(object);
        match (field, described) {
            _ if objects::is_unpermitted(row, name) => {}
            (Some(field), _) if edit && (!field.permissionable || field.calculated) => {}
            _ if edit => missing.push(layer::field(object, name, true)),
            _ if objects::is_field(row, name) => missing.push(layer::field(object, name, false)),
            // It was described, and so hidden since.
            (Some(_), _) => missing.push(layer::field(object, name, false)),
            (None, Some(described)) => match judge::no_field(described, object, name) {
                Verdict::Denied { missing: hidden } => missing.extend(hidden),
                verdict => unclear = Some(verdict),
            },
            (None, None) => {}
        }
    }
    match (missing.is_empty(), unclear) {
        (false, _) => Verdict::Denied { missing },
        (true, Some(verdict)) => verdict,
        (true, None) if edit => Verdict::unknown(
            Reason::DependsOnRecord,
            "the request writes a field that nobody writes, or another one",
        ),
        (true, None) => Verdict::unknown(
            Reason::DependsOnRecord,
            "a field that the request names is hidden from the user, or there is none",
        ),
    }
}

/// `Unable to create/update fields: A, B. Please check …`
fn unwritable(message: &str) -> Vec<&str> {
    let list = message.split_once("fields:").map_or("", |(_, list)| list);
    let list = list.split(". ").next().unwrap_or_default();
    list.split(',').map(|name| name.trim().trim_end_matches('.')).collect()
}

/// The texts in single quotes.
fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message.split('\'').skip(1).step_by(2)
}
