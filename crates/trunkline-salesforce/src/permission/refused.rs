//! From a refusal back to what is missing.

use trunkline_core::permission::{Operation, Reason, Verdict};
use trunkline_core::{Cause, Diagnosis};

use super::judge;
use super::layer::{self, Right, Share};
use super::objects;
use super::read::{NO_ACCESS, gate, has_code};
use super::rights::{Held, Seen};
use super::subject::{Part, Subject, is_name};

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
        return hidden(&subject, message, held);
    }
    if message.to_ascii_lowercase().contains("external id field") {
        let name = message.rsplit(':').next().unwrap_or_default().trim();
        return fields(&subject, vec![name], false, held);
    }
    if has(&["INVALID_TYPE"]) {
        let named = quoted(message, "type '").unwrap_or(subject.object);
        return match named.eq_ignore_ascii_case(subject.object) {
            true => judge::absent(subject.object, wanted),
            false => Verdict::unknown(Reason::DependsOnRecord, "the refusal is about another object"),
        };
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
            Verdict::denied(right.on(object))
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
            _ if objects::field(row, name).is_some() => missing.push(layer::field(object, name, false)),
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

/// `No such column 'A' on entity 'B'`, and `Didn't understand relationship 'A' in field path`. What stands before
/// it is the query, whose own quotes count for nothing.
fn hidden(subject: &Subject<'_>, message: &str, held: Option<&Held>) -> Verdict {
    if let Some(column) = quoted(message, "No such column '") {
        let entity = quoted(message, "on entity '").unwrap_or(subject.object);
        let is_ours = entity.eq_ignore_ascii_case(subject.object);
        return fields(subject, if is_ours { vec![column] } else { Vec::new() }, false, held);
    }
    let relationship = quoted(message, "understand relationship '").unwrap_or_default();
    let seen = held.and_then(|held| held.objects.get(subject.object));
    let Some(Seen::Open(described)) = seen.filter(|_| is_name(relationship)) else {
        return fields(subject, Vec::new(), false, held);
    };
    match described.relation(relationship).map(|relation| &*relation.targets) {
        // The reference is shown, so that it is the object behind it that is closed.
        Some([target]) => judge::absent(target, &[Right::Read]),
        Some(_) => fields(subject, Vec::new(), false, held),
        None => judge::no_field(described, subject.object, &judge::reference(relationship)),
    }
}

/// The text in single quotes behind `lead`, which ends with the opening one.
fn quoted<'m>(message: &'m str, lead: &str) -> Option<&'m str> {
    let (_, rest) = message.rsplit_once(lead)?;
    rest.split_once('\'').map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refusal_names_is_read_behind_the_query_that_it_quotes() {
        let message = "SELECT Id FROM Account WHERE Name = 'No' ^ ERROR at Row:1:Column:12 No such column 'Foo' on \
                       entity 'Account'. If you are attempting";
        assert_eq!(quoted(message, "No such column '"), Some("Foo"));
        assert_eq!(quoted(message, "on entity '"), Some("Account"));
        assert_eq!(quoted("No such column 'Foo", "No such column '"), None);
        assert_eq!(quoted("", "on entity '"), None);
    }

    #[test]
    fn the_fields_that_cannot_be_written_are_read_from_the_text() {
        for (text, expected) in [
            ("Unable to create/update fields: Name", vec!["Name"]),
            (
                "Unable to create/update fields: A, B__c. Please check the security settings of this field",
                vec!["A", "B__c"],
            ),
            ("Unable to create/update fields:", vec![""]),
            ("something else", vec![""]),
        ] {
            assert_eq!(unwritable(text), expected, "{text}");
        }
    }
}
