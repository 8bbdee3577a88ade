//! The smallest permission set for a set of operations.
//!
//! Its machine form is a file of the Metadata API's type `PermissionSet`, as the Metadata API Developer Guide
//! describes it (`api_meta/meta_permissionset.htm`): kept as `permissionsets/{name}.permissionset`, with
//! `fieldPermissions`, `objectPermissions` and `userPermissions`. Fields without field permissions may not stand
//! in it.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_core::permission::{LeastRole, MachineForm, Operation, Permission, UnknownOperation};

use super::layer::{self, API_ENABLED, Right, Share, System};
use super::need;
use super::objects::{self, Opened};
use super::rights::{Held, Seen};
use super::subject::Part;

/// Most characters of a label, and of a name for the API.
const MAX_LABEL: usize = 80;

/// What the set is to hold.
#[derive(Default)]
struct Wanted {
    system: BTreeSet<System>,
    objects: BTreeMap<String, BTreeSet<Right>>,
    /// Object and field → whether to edit.
    fields: BTreeMap<(String, String), bool>,
    /// What no permission set gives: records to share, and fields that relationships lead to.
    by_hand: BTreeSet<String>,
    /// Operations on objects that are not known by name.
    assumed: BTreeSet<String>,
}

pub(super) fn least(
    name: &str,
    operations: &[Operation],
    held: Option<&Held>,
) -> Result<LeastRole, UnknownOperation> {
    let mut wanted = Wanted::default();
    wanted.system.insert(API_ENABLED);
    for operation in operations {
        wanted.add(operation, held)?;
    }
    let label: String = name.chars().filter(|c| !c.is_control()).take(MAX_LABEL).collect();
    let file = developer_name(&label);
    Ok(LeastRole {
        name: name.to_owned(),
        permissions: wanted.permissions(),
        steps: wanted.steps(&label, &file),
        machine: Some(MachineForm {
            takes: format!("Metadata API, PermissionSet: permissionsets/{file}.permissionset").into(),
            media_type: "application/xml".into(),
            text: wanted.xml(&label),
        }),
    })
}

impl Wanted {
    fn add(&mut self, operation: &Operation, held: Option<&Held>) -> Result<(), UnknownOperation> {
        let (subject, rights) = need::known(operation)?;
        let row = objects::find(subject.object);
        let described = held.and_then(|held| match held.objects.get(subject.object)? {
            Seen::Open(described) => Some(described),
            _ => None,
        });
        let object =
            row.map(|row| row.name).or_else(|| described.map(|it| &*it.name)).unwrap_or(subject.object);
        match row.map(|row| row.opened) {
            Some(Opened::BySystem { read, write }) => {
                self.system.extend(read);
                self.system.extend(Some(write).filter(|_| rights.len() > 1));
            }
            _ => self.objects.entry(object.to_owned()).or_default().extend(rights),
        }
        if row.is_none() && !objects::is_custom(object) {
            self.assumed.insert(object.to_owned());
        }
        match subject.part {
            Part::Whole => {}
            Part::Field(path) if path.contains('.') => {
                self.by_hand.insert(format!(
                    "Give it Read on the objects that {object}.{path} leads to, and Read Access to the field at its end."
                ));
            }
            Part::Field(field) => {
                let is_fixed =
                    described.and_then(|it| it.fields.get(field)).is_some_and(|it| !it.permissionable);
                if !is_fixed && !objects::is_unpermitted(row, field) {
                    let edits = rights.len() > 1;
                    let spelt = described.and_then(|it| it.fields.spelt(field));
                    let field = objects::field(row, field).or(spelt).unwrap_or(field);
                    *self.fields.entry((object.to_owned(), field.to_owned())).or_default() |= edits;
                }
            }
            Part::Record(id) => {
                let share = Share::of(operation.action()).unwrap_or(Share::Read);
                self.by_hand.insert(format!(
                    "Share the record with the user, unless Sharing Settings do already: {}.",
                    share.to(&id).name
                ));
            }
        }
        Ok(())
    }

    fn permissions(&self) -> Vec<Permission> {
        let system = self.system.iter().map(|system| system.permission());
        let objects =
            self.objects.iter().flat_map(|(object, rights)| rights.iter().map(move |right| right.on(object)));
        let fields = self.fields.iter().map(|((object, field), edit)| layer::field(object, field, *edit));
        system.chain(objects).chain(fields).collect()
    }

    fn steps(&self, label: &str, file: &str) -> Vec<String> {
        let mut steps = vec![format!(
            "Open Setup > Permission Sets, choose New, and enter the Label \"{label}\" and the API Name {file}, with \
             no License."
        )];
        let labels: Vec<_> = self.system.iter().map(|system| format!("\"{}\"", system.label)).collect();
        steps.push(format!("Open System Permissions, choose Edit, and enable {}.", labels.join(", ")));
        for (object, rights) in &self.objects {
            let words: Vec<_> = rights.iter().map(|right| right.word()).collect();
            let mut step = format!(
                "Open Object Settings > {object}, choose Edit, and enable under Object Permissions: {}",
                words.join(", ")
            );
            let fields = |edit: bool| {
                let of_object =
                    self.fields.iter().filter(|((owner, _), edits)| owner == object && **edits == edit);
                of_object.map(|((_, field), _)| field.as_str()).collect::<Vec<_>>().join(", ")
            };
            for (edit, access) in [(false, "Read Access"), (true, "Read Access and Edit Access")] {
                let fields = fields(edit);
                if !fields.is_empty() {
                    step.push_str(&format!("; under Field Permissions, {access} for {fields}"));
                }
            }
            steps.push(step + ".");
        }
        steps.extend(self.by_hand.iter().cloned());
        if !self.assumed.is_empty() {
            let names: Vec<_> = self.assumed.iter().map(String::as_str).collect();
            steps.push(format!(
                "Confirm that these have object permissions, since not every object does: {}.",
                names.join(", ")
            ));
        }
        steps.push(
            "Where Salesforce says that a permission depends on another one, enable that too: a detail object needs \
             Read on its master."
                .to_owned(),
        );
        steps.push(
            "Choose Manage Assignments > Add Assignments, and assign the set to the user of the connection."
                .to_owned(),
        );
        steps.push(
            "Check that the app's Selected OAuth Scopes have Manage user data via APIs (api): no permission set gives it."
                .to_owned(),
        );
        steps
    }

    /// Elements in the order in which Salesforce writes them.
    fn xml(&self, label: &str) -> String {
        let mut lines = vec![
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned(),
            "<PermissionSet xmlns=\"http://soap.sforce.com/2006/04/metadata\">".to_owned(),
        ];
        for ((object, field), edit) in &self.fields {
            let name = escaped(&format!("{object}.{field}"));
            let members =
                [("editable", if *edit { "true" } else { "false" }), ("field", &name), ("readable", "true")];
            element(&mut lines, "fieldPermissions", &members);
        }
        lines.push("    <hasActivationRequired>false</hasActivationRequired>".to_owned());
        lines.push(format!("    <label>{}</label>", escaped(label)));
        for (object, rights) in &self.objects {
            let has = |right: Right| if rights.contains(&right) { "true" } else { "false" };
            let members = [
                ("allowCreate", has(Right::Create)),
                ("allowDelete", has(Right::Delete)),
                ("allowEdit", has(Right::Edit)),
                ("allowRead", has(Right::Read)),
                ("modifyAllRecords", "false"),
                ("object", &escaped(object)),
                ("viewAllRecords", "false"),
            ];
            element(&mut lines, "objectPermissions", &members);
        }
        for system in &self.system {
            element(&mut lines, "userPermissions", &[("enabled", "true"), ("name", system.name)]);
        }
        lines.push("</PermissionSet>\n".to_owned());
        lines.join("\n")
    }
}

fn element(lines: &mut Vec<String>, name: &str, members: &[(&str, &str)]) {
    lines.push(format!("    <{name}>"));
    lines.extend(members.iter().map(|(member, value)| format!("        <{member}>{value}</{member}>")));
    lines.push(format!("    </{name}>"));
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // No XML holds them.
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// A name for the API: letters, digits and single underscores, a letter first and no underscore last.
fn developer_name(label: &str) -> String {
    let mut name = String::new();
    for c in label.chars() {
        if c.is_ascii_alphanumeric() {
            if name.is_empty() && c.is_ascii_digit() {
                name.push('P');
            }
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    name.truncate(MAX_LABEL);
    let name = name.trim_end_matches('_');
    if name.is_empty() { "Trunkline".to_owned() } else { name.to_owned() }
}
