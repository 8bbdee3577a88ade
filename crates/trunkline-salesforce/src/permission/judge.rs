//! From rights to a verdict.

use trunkline_core::nearest;
use trunkline_core::permission::{Action, Operation, Permission, Reason, Verdict};

use super::layer::{self, Right, Share};
use super::objects::{self, Opened};
use super::rights::{Description, Held, Seen};
use super::subject::{Part, Subject};

/// The object that is to be described before the operation can be judged; `None` when all of them are.
pub(super) fn lacks(held: &Held, subject: &Subject<'_>) -> Option<String> {
    if held.gate.is_some() {
        return None;
    }
    let Some(seen) = held.objects.get(subject.object) else { return Some(spelt(subject.object).to_owned()) };
    let (Seen::Open(described), Part::Field(path)) = (seen, &subject.part) else { return None };
    let (mut described, mut path) = (described, *path);
    while let Some((relation, rest)) = path.split_once('.') {
        let [target] = &*described.relation(relation)?.targets else { return None };
        match held.objects.get(target) {
            None if super::subject::is_name(target) => return Some(target.to_string()),
            Some(Seen::Open(next)) => (described, path) = (next, rest),
            _ => return None,
        }
    }
    None
}

/// Salesforce's spelling of an object that is known; any other as it is.
pub(super) fn spelt(object: &str) -> &str {
    objects::find(object).map_or(object, |row| row.name)
}

/// The layers in their order: the scope and the API, the object, then the field or the record.
pub(super) fn judge(held: Option<&Held>, operation: &Operation) -> Verdict {
    let Some(held) = held else {
        return Verdict::unknown(Reason::NotReadable, "the rights are not those of Salesforce");
    };
    let action = operation.action();
    let (Some(subject), Some(wanted)) = (Subject::of(operation), Right::of(action)) else {
        return Verdict::unknown(Reason::NotMapped, "the operation is not known");
    };
    if let Some(gate) = &held.gate {
        return Verdict::denied(gate.clone());
    }
    let described = match reached(held, subject.object, wanted) {
        Ok(described) => described,
        Err(verdict) => return verdict,
    };
    let object = subject.object;
    if let Err(verdict) = of_object(described, object, action, wanted) {
        return verdict;
    }
    match &subject.part {
        Part::Whole => Verdict::Allowed,
        Part::Field(path) => of_field(held, described, object, path, action),
        Part::Record(id) if !objects::may_be_of(id, object) => {
            Verdict::unknown(Reason::NotMapped, "the id is that of another object's record")
        }
        Part::Record(id) => of_record(held, id, action),
    }
}

/// The description of an object, or the verdict where there is none.
fn reached<'h>(held: &'h Held, object: &str, wanted: &[Right]) -> Result<&'h Description, Verdict> {
    Err(match held.objects.get(object) {
        Some(Seen::Open(described)) => return Ok(described),
        Some(Seen::Absent) => absent(object, wanted),
        Some(Seen::NotEnabled) => Verdict::denied(layer::feature(spelt(object))),
        Some(Seen::Unreadable(why)) => Verdict::unknown(Reason::NotReadable, *why),
        None => Verdict::unknown(Reason::NotReadable, "this object was not asked for"),
    })
}

/// Salesforce hides what a user may not read: an object that is known is closed, another may be a typo.
pub(super) fn absent(object: &str, wanted: &[Right]) -> Verdict {
    let row = objects::find(object);
    match row.map(|row| row.opened) {
        Some(Opened::BySystem { read: Some(read), .. }) => Verdict::denied(read.permission()),
        Some(Opened::ByObject) => all(
            wanted,
            spelt(object),
            "; if it is there, the org or the user lacks the licence that the object needs",
        ),
        _ if objects::is_custom(object) => all(wanted, object, ", if the org has an object of that name"),
        _ => Verdict::unknown(
            Reason::NotMapped,
            format!("Salesforce shows this user no object {object}: it is closed, or there is none"),
        ),
    }
}

fn all(wanted: &[Right], object: &str, reserve: &'static str) -> Verdict {
    Verdict::Denied { missing: wanted.iter().map(|right| right.on_perhaps(object, reserve)).collect() }
}

/// How an object is called in texts: as Salesforce spells it, where that is the same name.
fn shown<'n>(described: &'n Description, object: &'n str) -> &'n str {
    if described.name.eq_ignore_ascii_case(object) { &described.name } else { spelt(object) }
}

/// What the object's own permissions say.
fn of_object(
    described: &Description,
    object: &str,
    action: &Action,
    wanted: &[Right],
) -> Result<(), Verdict> {
    let may = |right: Right| match right {
        Right::Read => true,
        Right::Create => described.createable,
        Right::Edit => described.updateable,
        Right::Delete => described.deletable,
    };
    // That holds for every user alike.
    let closed = match action.as_str() {
        "list" if !described.queryable => Some("queried"),
        "read" if !described.retrieveable => Some("read one by one"),
        _ => None,
    };
    if let Some(closed) = closed {
        let object = shown(described, object);
        return Err(Verdict::unknown(Reason::NotMapped, format!("records of {object} cannot be {closed}")));
    }
    if wanted.last().is_none_or(|right| may(*right)) {
        return Ok(());
    }
    let missing = match objects::find(object).map(|row| row.opened) {
        Some(Opened::BySystem { write, .. }) => vec![write.permission()],
        _ => {
            let object = shown(described, object);
            wanted.iter().filter(|right| !may(**right)).map(|right| right.on(object)).collect()
        }
    };
    Err(Verdict::Denied { missing })
}

fn of_field(held: &Held, described: &Description, object: &str, path: &str, action: &Action) -> Verdict {
    if let Some((name, rest)) = path.split_once('.') {
        return related(held, described, object, (name, rest));
    }
    let Some(field) = described.fields.get(path) else { return no_field(described, object, path) };
    let may = match action.as_str() {
        "create" => field.createable,
        "update" => field.updateable,
        _ => true,
    };
    if may {
        return Verdict::Allowed;
    }
    let object = shown(described, object);
    let path = described.fields.spelt(path).unwrap_or(path);
    if !field.permissionable || field.calculated {
        return Verdict::unknown(
            Reason::NotMapped,
            format!("no permission lets anybody write {object}.{path}"),
        );
    }
    Verdict::denied(layer::field(object, path, true))
}

/// A field of another object.
fn related(held: &Held, described: &Description, object: &str, (name, rest): (&str, &str)) -> Verdict {
    let Some(relation) = described.relation(name) else {
        return no_field(described, object, &reference(name));
    };
    let [target] = &*relation.targets else {
        let text = format!("{object}.{name} leads to records of several objects");
        return Verdict::unknown(Reason::DependsOnRecord, text);
    };
    match reached(held, target, &[Right::Read]) {
        Ok(next) => of_field(held, next, target, rest, &Action::LIST),
        Err(verdict) => verdict,
    }
}

/// The field that a relationship is named after: `Account__r` belongs to `Account__c`, and `Account` to
/// `AccountId`.
pub(super) fn reference(relationship: &str) -> String {
    match relationship.strip_suffix("__r").or_else(|| relationship.strip_suffix("__R")) {
        Some(name) => format!("{name}__c"),
        None => format!("{relationship}Id"),
    }
}

/// A field that is not described: hidden, or not there. One that Salesforce is known to have is hidden.
pub(super) fn no_field(described: &Description, object: &str, name: &str) -> Verdict {
    let object = shown(described, object);
    if let Some(name) = objects::field(objects::find(object), name) {
        return Verdict::denied(layer::field(object, name, false));
    }
    let unknown = |text: String| Verdict::unknown(Reason::NotMapped, text);
    match like(name, described) {
        Some(near) => unknown(format!(
            "Salesforce shows this user no {object}.{name}: it is hidden, or {near} is meant"
        )),
        None if objects::is_custom(name) => Verdict::denied(layer::field(object, name, false)),
        None => {
            unknown(format!("Salesforce shows this user no {object}.{name}: it is hidden, or there is none"))
        }
    }
}

/// The field that may be meant. The ends that all custom fields share make none like another.
fn like<'d>(name: &str, described: &'d Description) -> Option<&'d str> {
    let base = |name: &str| objects::is_custom(name).then(|| name.len() - 3);
    let Some(end) = base(name) else { return nearest(name, described.fields.names()) };
    let custom = || described.fields.names().filter_map(|name| Some((name, name.get(..base(name)?)?)));
    let near = nearest(name.get(..end)?, custom().map(|(_, base)| base))?;
    custom().find(|(_, base)| *base == near).map(|(name, _)| name)
}

fn of_record(held: &Held, id: &str, action: &Action) -> Verdict {
    let Some(wanted) = Share::of(action) else {
        return Verdict::unknown(Reason::NotMapped, "the action is about no record");
    };
    match held.records.get(id) {
        Some(Some(access)) if access.has(wanted) => Verdict::Allowed,
        // A record that is not there looks alike.
        Some(Some(access)) => Verdict::denied(if access.read { wanted } else { Share::Read }.to(id)),
        Some(None) => {
            Verdict::unknown(Reason::NotReadable, "Salesforce does not say who has access to the record")
        }
        None => Verdict::unknown(Reason::NotReadable, "this record was not asked for"),
    }
}

/// Everything that an operation needs beside the scope, in the order of the layers.
pub(super) fn permissions(subject: &Subject<'_>, action: &Action, wanted: &[Right]) -> Vec<Permission> {
    let object = spelt(subject.object);
    let row = objects::find(object);
    let mut all = vec![layer::API_ENABLED.permission()];
    match row.map(|row| row.opened) {
        Some(Opened::BySystem { read, write }) => {
            let writes = wanted.len() > 1;
            all.extend(read.into_iter().chain(writes.then_some(write)).map(layer::System::permission));
        }
        _ => all.extend(wanted.iter().map(|right| right.on(object))),
    }
    match &subject.part {
        Part::Field(path) if !path.contains('.') && !objects::is_unpermitted(row, path) => {
            let path = objects::field(row, path).unwrap_or(path);
            all.push(layer::field(object, path, ["create", "update"].contains(&action.as_str())));
        }
        Part::Field(path) if path.contains('.') => all.push(layer::field(object, path, false)),
        Part::Record(id) => all.extend(Share::of(action).map(|share| share.to(id))),
        _ => {}
    }
    all
}
