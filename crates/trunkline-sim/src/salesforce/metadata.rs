//! The deployment of a permission set, as a file of the Metadata API's type `PermissionSet`.

use roxmltree::{Document, Node};
use serde_json::json;

use super::Control;
use super::org::{Org, object_of};

const NAMESPACE: &str = "http://soap.sforce.com/2006/04/metadata";

/// Elements of a file and the object permissions that they give, with those that they need.
const OBJECT_RIGHTS: [(&str, &str, &[&str]); 6] = [
    ("allowRead", "read", &[]),
    ("allowCreate", "create", &["allowRead"]),
    ("allowEdit", "edit", &["allowRead"]),
    ("allowDelete", "delete", &["allowRead", "allowEdit"]),
    ("viewAllRecords", "view_all", &["allowRead"]),
    ("modifyAllRecords", "modify_all", &["allowRead", "allowEdit", "allowDelete", "viewAllRecords"]),
];

/// Why a permission set was not deployed. The texts are like the service's, not taken from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the permission set was not deployed: {0}")]
pub struct NotDeployed(String);

fn refused(why: impl Into<String>) -> NotDeployed {
    NotDeployed(why.into())
}

impl Control {
    /// Deploys `permissionsets/{name}.permissionset`: creates the permission set or puts the file's rights in
    /// place of those it had; all of it or nothing. Returns its id.
    ///
    /// # Errors
    ///
    /// [`NotDeployed`] if the org is missing, the file is none, or it gives what the service does not let it
    /// give: an unknown object, field or permission, a permission without one that it depends on, a field that
    /// has no field permissions.
    pub fn deploy_permission_set(&self, org: &str, name: &str, xml: &str) -> Result<String, NotDeployed> {
        let now_s = self.front.clock.now_s();
        let mut world = self.inner.world();
        let org = world.org_mut(org).ok_or_else(|| refused(format!("there is no org {org}")))?;
        let set = read(org, name, xml)?;
        Ok(put(org, name, &set, now_s))
    }
}

/// What a file says, checked.
struct File {
    label: String,
    objects: Vec<(String, Vec<&'static str>)>,
    /// Field, to read, to edit.
    fields: Vec<(String, bool, bool)>,
    /// Columns of `PermissionSet`.
    system: Vec<String>,
}

fn read(org: &Org, name: &str, xml: &str) -> Result<File, NotDeployed> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.contains("__")
        && !name.ends_with('_');
    if !is_name {
        return Err(refused(format!("{name} is no API name")));
    }
    let document = Document::parse(xml).map_err(|error| refused(error.to_string()))?;
    let root = document.root_element();
    if !root.has_tag_name((NAMESPACE, "PermissionSet")) {
        return Err(refused("the file is no PermissionSet"));
    }
    let mut file = File { label: String::new(), objects: Vec::new(), fields: Vec::new(), system: Vec::new() };
    for node in root.children().filter(Node::is_element) {
        match node.tag_name().name() {
            "label" => file.label = node.text().unwrap_or_default().to_owned(),
            "objectPermissions" => file.objects.push(object(org, node)?),
            "fieldPermissions" => file.fields.push(field(org, node)?),
            "userPermissions" => file.system.extend(system(org, node)?),
            "description" | "hasActivationRequired" | "license" => {}
            other => return Err(refused(format!("Element {other} invalid at this location"))),
        }
    }
    if file.label.is_empty() || file.label.chars().count() > 80 {
        return Err(refused("Required field is missing: label"));
    }
    Ok(file)
}

/// The text of a member, which must be there.
fn text<'n>(node: Node<'n, '_>, member: &str) -> Result<&'n str, NotDeployed> {
    let found = node.children().find(|child| child.has_tag_name((NAMESPACE, member)));
    let missing = || refused(format!("Required field is missing: {member}"));
    found.and_then(|child| child.text()).ok_or_else(missing)
}

fn flag(node: Node<'_, '_>, member: &str) -> Result<bool, NotDeployed> {
    match text(node, member)? {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(refused(format!("{member}: {other} is no boolean"))),
    }
}

fn object(org: &Org, node: Node<'_, '_>) -> Result<(String, Vec<&'static str>), NotDeployed> {
    let name = text(node, "object")?;
    if org
        .object(name)
        .is_none_or(|object| org.permissionable(&object.name).is_empty() && !object.is_custom())
    {
        return Err(refused(format!("In field: object - no object named {name} found")));
    }
    let mut rights = Vec::new();
    for (member, right, needs) in OBJECT_RIGHTS {
        if flag(node, member)? {
            for needed in needs {
                if !flag(node, needed)? {
                    return Err(refused(format!("{member} of {name} depends on {needed}")));
                }
            }
            rights.push(right);
        }
    }
    Ok((name.to_owned(), rights))
}

fn field(org: &Org, node: Node<'_, '_>) -> Result<(String, bool, bool), NotDeployed> {
    let name = text(node, "field")?;
    let object = name.split('.').next().unwrap_or_default();
    if !org.permissionable(object).iter().any(|known| known == name) {
        return Err(refused(format!("In field: field - {name} has no field permissions")));
    }
    let (read, edit) = (flag(node, "readable")?, flag(node, "editable")?);
    if edit && !read {
        return Err(refused(format!("editable of {name} depends on readable")));
    }
    Ok((name.to_owned(), read, edit))
}

fn system(org: &Org, node: Node<'_, '_>) -> Result<Option<String>, NotDeployed> {
    let name = text(node, "name")?;
    let column = org.object("PermissionSet").and_then(|object| object.field(&format!("Permissions{name}")));
    let column = column.ok_or_else(|| refused(format!("Unknown user permission: {name}")))?.name.clone();
    Ok(flag(node, "enabled")?.then_some(column))
}

fn put(org: &mut Org, name: &str, file: &File, now_s: i64) -> String {
    let set = org.permission_set(name).unwrap_or_else(|| {
        let fields = json!({
            "Name": name, "Label": file.label, "IsOwnedByProfile": false, "ProfileId": null, "Type": "Regular",
        });
        org.insert("PermissionSet", "", now_s, object_of(fields))
    });
    org.clear_rights(&set);
    if let Some(record) = org.find_mut("PermissionSet", &set) {
        record.fields.insert("Label".into(), file.label.as_str().into());
        for (_, value) in record.fields.iter_mut().filter(|(column, _)| column.starts_with("Permissions")) {
            *value = false.into();
        }
        for column in &file.system {
            record.fields.insert(column.clone(), true.into());
        }
    }
    for (object, rights) in &file.objects {
        let object = org.object(object).map(|object| object.name.clone()).unwrap_or_default();
        org.permit_object(&set, &object, rights, now_s);
    }
    for (field, read, edit) in &file.fields {
        org.permit_field(&set, field, *read, *edit, now_s);
    }
    set
}
