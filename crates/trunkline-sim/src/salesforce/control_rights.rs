//! What a test does to permissions, sharing, objects and records.

use serde_json::{Value, json};

use super::grant_rights::is_object_right;
use super::org::{Org, Shared, Sharing, User, object_of};
use super::policy::UserPolicy;
use super::schema::{self, Field};
use super::{Control, id};
use crate::control::NotFound;

impl Control {
    /// Adds a user with this profile and the password of the others; returns its id.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such org or profile, or the username is taken.
    pub fn add_user(&self, org: &str, username: &str, profile: &str) -> Result<String, NotFound> {
        if self.who(username).is_ok() {
            return Err(NotFound(format!("place for a second user {username}")));
        }
        self.with_org(org, |org, now_s| {
            let like = org.users.first().cloned().ok_or_else(|| NotFound("user to copy".to_owned()))?;
            org.named("Profile", profile).ok_or_else(|| NotFound(format!("profile {profile}")))?;
            let id = id::mint("005", 100_000 + org.users.len() as u64);
            let user = User {
                id: id.clone(),
                username: username.to_owned(),
                policy: UserPolicy::default(),
                logins: std::collections::VecDeque::new(),
                ..like
            };
            org.add_user(user, profile, now_s);
            Ok(id)
        })
    }

    /// Adds a permission set without a right; returns its id.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such org.
    pub fn add_permission_set(&self, org: &str, name: &str) -> Result<String, NotFound> {
        self.with_org(org, |org, now_s| {
            let fields = json!({
                "Name": name, "Label": name, "IsOwnedByProfile": false, "ProfileId": null, "Type": "Regular",
            });
            Ok(org.insert("PermissionSet", "", now_s, object_of(fields)))
        })
    }

    /// Adds a profile with no right but that to the API; returns the id of the permission set that it owns.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such org.
    pub fn add_profile(&self, org: &str, name: &str) -> Result<String, NotFound> {
        self.with_org(org, |org, now_s| {
            let fields = object_of(json!({ "Name": name, "UserType": "Standard" }));
            let profile = org.insert("Profile", "", now_s, fields);
            let fields = json!({
                "Name": name, "Label": name, "IsOwnedByProfile": true, "ProfileId": profile,
                "Type": "Profile", "PermissionsApiEnabled": true,
            });
            Ok(org.insert("PermissionSet", "", now_s, object_of(fields)))
        })
    }

    /// Assigns a permission set to a user.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such user or permission set.
    pub fn assign(&self, username: &str, set: &str) -> Result<(), NotFound> {
        self.with_set_of(username, set, |org, user, set, now_s| {
            org.assign(user, set, now_s);
        })
    }

    /// Takes a permission set from a user.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such user or permission set.
    pub fn unassign(&self, username: &str, set: &str) -> Result<(), NotFound> {
        self.with_set_of(username, set, |org, user, set, _| org.unassign(user, set))
    }

    /// Gives a permission set, or a profile, these rights on an object in place of those it had: `read`,
    /// `create`, `edit`, `delete`, `view_all`, `modify_all`.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the org, the set, the object or a right is missing.
    pub fn set_object_permissions(
        &self,
        org: &str,
        set: &str,
        object: &str,
        rights: &[&str],
    ) -> Result<(), NotFound> {
        if let Some(unknown) = rights.iter().find(|right| !is_object_right(right)) {
            return Err(NotFound(format!("right {unknown}")));
        }
        self.with_set(org, set, |org, set, now_s| {
            let name = org.object(object).ok_or_else(|| NotFound(format!("object {object}")))?.name.clone();
            org.permit_object(set, &name, rights, now_s);
            Ok(())
        })
    }

    /// Gives a permission set, or a profile, these rights on a field such as `Account.Industry`, in place of
    /// those it had: `read`, `edit`.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the org, the set, the field or a right is missing.
    pub fn set_field_permissions(
        &self,
        org: &str,
        set: &str,
        field: &str,
        rights: &[&str],
    ) -> Result<(), NotFound> {
        if let Some(unknown) = rights.iter().find(|right| !["read", "edit"].contains(right)) {
            return Err(NotFound(format!("right {unknown}")));
        }
        self.with_set(org, set, |org, set, now_s| {
            let object = field.split('.').next().unwrap_or_default();
            if !org.permissionable(object).iter().any(|known| known == field) {
                return Err(NotFound(format!("field permission {field}")));
            }
            org.permit_field(set, field, rights.contains(&"read"), rights.contains(&"edit"), now_s);
            Ok(())
        })
    }

    /// Gives or takes a system permission, by its column in `PermissionSet`.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the org, the set or the permission is missing.
    pub fn set_system_permission(
        &self,
        org: &str,
        set: &str,
        permission: &str,
        on: bool,
    ) -> Result<(), NotFound> {
        self.with_set(org, set, |org, set, _| {
            let known = org.object("PermissionSet").and_then(|object| object.field(permission));
            let known = known.filter(|field| field.name.starts_with("Permissions"));
            let column = known.ok_or_else(|| NotFound(format!("permission {permission}")))?.name.clone();
            if let Some(record) = org.find_mut("PermissionSet", set) {
                record.fields.insert(column, on.into());
            }
            Ok(())
        })
    }

    /// Changes an object's org-wide default.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such org or object.
    pub fn set_sharing(&self, org: &str, object: &str, sharing: Sharing) -> Result<(), NotFound> {
        self.with_org(org, |org, _| {
            let name = org.object(object).ok_or_else(|| NotFound(format!("object {object}")))?.name.clone();
            org.defaults.insert(name, sharing);
            Ok(())
        })
    }

    /// Shares a record with a user, or ends that.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such user.
    pub fn share(&self, record: &str, username: &str, share: Option<Shared>) -> Result<(), NotFound> {
        let record = id::long(record).ok_or_else(|| NotFound(format!("record {record}")))?;
        self.with_user(username, |org, user, _| {
            let key = (record, user.to_owned());
            match share {
                Some(share) => org.shares.insert(key, share),
                None => org.shares.remove(&key),
            };
        })
    }

    /// Adds a custom object with a name and an owner.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such org.
    pub fn add_object(&self, org: &str, name: &str) -> Result<(), NotFound> {
        self.with_org(org, |org, _| {
            let prefix = format!("a{:02}", org.schema.len());
            org.schema.insert(name.to_owned(), schema::custom_object(name, &prefix));
            Ok(())
        })
    }

    /// Adds a field to an object. `kind` is its type as describe names it, with `!` for required, `~` for an
    /// external id, and `>Object.Relationship` for a reference.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such org or object.
    pub fn add_field(&self, org: &str, object: &str, name: &str, kind: &str) -> Result<(), NotFound> {
        self.with_org(org, |org, _| {
            let object = org.schema.get_mut(object).ok_or_else(|| NotFound(format!("object {object}")))?;
            object.fields.push(Field::parse(name, kind));
            Ok(())
        })
    }

    /// Adds a record with this owner, whatever the owner may do; returns its id.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such user or object.
    pub fn add_record(&self, owner: &str, object: &str, fields: Value) -> Result<String, NotFound> {
        let who = self.who(owner)?;
        self.with_org(&who.org, |org, now_s| {
            let name = org.object(object).ok_or_else(|| NotFound(format!("object {object}")))?.name.clone();
            Ok(org.insert(&name, &who.user, now_s, object_of(fields)))
        })
    }

    fn with_set(
        &self,
        org: &str,
        set: &str,
        change: impl FnOnce(&mut Org, &str, i64) -> Result<(), NotFound>,
    ) -> Result<(), NotFound> {
        self.with_org(org, |org, now_s| {
            let id = org.permission_set(set).ok_or_else(|| NotFound(format!("permission set {set}")))?;
            change(org, &id, now_s)
        })
    }

    fn with_set_of(
        &self,
        username: &str,
        set: &str,
        change: impl FnOnce(&mut Org, &str, &str, i64),
    ) -> Result<(), NotFound> {
        let who = self.who(username)?;
        self.with_set(&who.org, set, |org, set, now_s| {
            change(org, &who.user, set, now_s);
            Ok(())
        })
    }
}
