//! What a test does to the service's apps, orgs, users, permissions and grants.

use serde_json::{Value, json};

use super::family::{Ended, Family};
use super::grant_rights::is_object_right;
use super::knobs::Knobs;
use super::org::{Org, Shared, Sharing, User, object_of};
use super::policy::{App, OrgPolicy, UserPolicy};
use super::schema::{self, Field};
use super::state::Who;
use super::{Control, id};
use crate::control::NotFound;

impl Control {
    /// Changes switches.
    pub fn knobs(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.inner.world().knobs);
    }

    /// Changes an app, as its developer or an administrator does.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such app.
    pub fn app(&self, client_id: &str, change: impl FnOnce(&mut App)) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        change(world.app_mut(client_id).ok_or_else(|| NotFound(format!("app {client_id}")))?);
        Ok(())
    }

    /// Adds a further app, which may not have the consumer key of another.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the consumer key is taken.
    pub fn add_app(&self, app: App) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        if world.app(&app.client_id).is_some() {
            return Err(NotFound(format!("place for a second app {}", app.client_id)));
        }
        world.apps.push(app);
        Ok(())
    }

    /// Changes an org, which is named by its id or its My Domain, as all of this API does.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such org.
    pub fn org(&self, org: &str, change: impl FnOnce(&mut OrgPolicy)) -> Result<(), NotFound> {
        self.with_org(org, |org, _| {
            change(&mut org.policy);
            Ok(())
        })
    }

    /// Changes a user, beside its permissions.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such user.
    pub fn user(&self, username: &str, change: impl FnOnce(&mut UserPolicy)) -> Result<(), NotFound> {
        self.with_user(username, |org, user, _| {
            let Some(entry) = org.user_mut(user) else { return };
            change(&mut entry.policy);
            let active = entry.policy.active;
            if let Some(record) = org.find_mut("User", user) {
                record.fields.insert("IsActive".into(), active.into());
            }
        })
    }

    /// Replaces an app's consumer secret, which ends every token of the app.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such app.
    pub fn set_client_secret(&self, client_id: &str, secret: &str) -> Result<(), NotFound> {
        self.app(client_id, |app| secret.clone_into(&mut app.client_secret))?;
        let mut world = self.inner.world();
        world.end_grants(Ended::SecretReplaced, |grant| grant.client == client_id);
        world.end_sessions(|session| session.client.as_deref() == Some(client_id));
        Ok(())
    }

    /// Ends every grant of the user, as the user or an administrator does.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such user.
    pub fn revoke_grants(&self, username: &str) -> Result<(), NotFound> {
        let who = self.who(username)?;
        self.inner.world().end_grants(Ended::Revoked, |grant| grant.who == who);
        Ok(())
    }

    /// Ends one grant with its tokens, and no other of its user.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no family of that number.
    pub fn end_family(&self, id: u64) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        world.grant(id).ok_or_else(|| NotFound(format!("family {id}")))?;
        world.end_grants(Ended::Revoked, |grant| grant.id == id);
        Ok(())
    }

    /// Lets a grant cover these scopes only, from its next refresh on.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no family of that number.
    pub fn narrow_family(&self, id: u64, scopes: &[&str]) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        let grant = world.grant_mut(id).ok_or_else(|| NotFound(format!("family {id}")))?;
        grant.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Ok(())
    }

    /// Ends one session, as an administrator does in Session Management; its grant lives.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if it is no access token of this simulator.
    pub fn end_session(&self, access_token: &str) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        let session = world.sessions.get_mut(access_token);
        session.ok_or_else(|| NotFound("such access token".to_owned()))?.ended = true;
        Ok(())
    }

    /// The same for every session that the user has now.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such user.
    pub fn end_sessions(&self, username: &str) -> Result<(), NotFound> {
        let who = self.who(username)?;
        self.inner.world().end_sessions(|session| session.who == who);
        Ok(())
    }

    /// Gives the org its other address, as a renamed My Domain does. The old one then serves no data.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such org, or with [`Hosts::One`](super::Hosts::One) no other address.
    pub fn rename_my_domain(&self, org: &str) -> Result<(), NotFound> {
        self.with_org(org, |org, _| {
            let other = self.inner.other_address(&org.id, &org.instance_url);
            org.instance_url = other.ok_or_else(|| NotFound(format!("other address of {}", org.id)))?;
            Ok(())
        })
    }

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

    /// All grants with their counts, in the order of approvals.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let world = self.inner.world();
        world.grants.iter().map(|grant| Family::of(&world, grant)).collect()
    }

    fn who(&self, username: &str) -> Result<Who, NotFound> {
        self.inner.world().by_username(username).ok_or_else(|| NotFound(format!("user {username}")))
    }

    fn with_org<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Org, i64) -> Result<T, NotFound>,
    ) -> Result<T, NotFound> {
        let now_s = self.front.clock.now_s();
        let mut world = self.inner.world();
        change(world.org_mut(name).ok_or_else(|| NotFound(format!("org {name}")))?, now_s)
    }

    fn with_user(&self, username: &str, change: impl FnOnce(&mut Org, &str, i64)) -> Result<(), NotFound> {
        let who = self.who(username)?;
        self.with_org(&who.org, |org, now_s| {
            change(org, &who.user, now_s);
            Ok(())
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
