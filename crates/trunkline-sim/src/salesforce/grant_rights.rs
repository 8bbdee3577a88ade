//! What an administrator does to permission sets, as records.

use serde_json::json;

use super::org::{Org, object_of};
use super::schema::Access;

/// Names of object permissions, and their columns.
const OBJECT_RIGHTS: [(&str, &str); 6] = [
    ("read", "PermissionsRead"),
    ("create", "PermissionsCreate"),
    ("edit", "PermissionsEdit"),
    ("delete", "PermissionsDelete"),
    ("view_all", "PermissionsViewAllRecords"),
    ("modify_all", "PermissionsModifyAllRecords"),
];

impl Org {
    /// Id of a permission set by its name or by that of the profile that owns it.
    pub(crate) fn permission_set(&self, name: &str) -> Option<String> {
        self.named("PermissionSet", name)
    }

    /// Gives a permission set these rights on an object, in place of those it had; none take the row away.
    pub(crate) fn permit_object(&mut self, set: &str, object: &str, rights: &[&str], now_s: i64) {
        self.remove_rows("ObjectPermissions", |row| row("ParentId") == set && row("SobjectType") == object);
        if rights.is_empty() {
            return;
        }
        let mut fields = object_of(json!({ "ParentId": set, "SobjectType": object }));
        for (name, column) in OBJECT_RIGHTS {
            fields.insert(column.to_owned(), rights.contains(&name).into());
        }
        self.insert("ObjectPermissions", "", now_s, fields);
    }

    /// Gives a permission set these rights on a field such as `Account.Industry`, in place of those it had.
    pub(crate) fn permit_field(&mut self, set: &str, field: &str, read: bool, edit: bool, now_s: i64) {
        self.remove_rows("FieldPermissions", |row| row("ParentId") == set && row("Field") == field);
        if !read && !edit {
            return;
        }
        let object = field.split('.').next().unwrap_or_default();
        let fields = json!({
            "ParentId": set, "SobjectType": object, "Field": field,
            "PermissionsRead": read || edit, "PermissionsEdit": edit,
        });
        self.insert("FieldPermissions", "", now_s, object_of(fields));
    }

    /// Takes a permission set from a user.
    pub(crate) fn unassign(&mut self, user: &str, set: &str) {
        self.remove_rows("PermissionSetAssignment", |row| {
            row("AssigneeId") == user && row("PermissionSetId") == set
        });
    }

    /// Takes every right on objects and fields from a permission set.
    pub(crate) fn clear_rights(&mut self, set: &str) {
        for object in ["ObjectPermissions", "FieldPermissions"] {
            self.remove_rows(object, |row| row("ParentId") == set);
        }
    }

    fn remove_rows(&mut self, object: &str, select: impl Fn(&dyn Fn(&str) -> String) -> bool) {
        if let Some(table) = self.tables.get_mut(object) {
            table.retain(|_, record| !select(&|name: &str| record.text(name).to_owned()));
        }
    }

    /// Full names of an object's fields that field permissions decide about.
    pub(crate) fn permissionable(&self, object: &str) -> Vec<String> {
        let object = self.object(object).filter(|object| object.access == Access::Granted);
        object.map_or_else(Vec::new, |object| {
            let fields = object.fields.iter().filter(|field| field.is_permissionable());
            fields.map(|field| format!("{}.{}", object.name, field.name)).collect()
        })
    }
}

/// Whether this is the name of an object permission.
pub(crate) fn is_object_right(name: &str) -> bool {
    OBJECT_RIGHTS.iter().any(|(known, _)| *known == name)
}
