//! An org as the service keeps it: users, records, and how records are shared.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::id;
use super::policy::{OrgPolicy, UserPolicy};
use super::record::{Fields, Record, Table};
use super::schema::{self, ObjectType};
use crate::clock::service_time;

const DAY_S: i64 = 86_400;

/// One org. Profiles, permission sets and assignments are records like all others, so that what a client
/// changes through the API changes what it may do.
#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) id: String,
    pub(crate) policy: OrgPolicy,
    /// Its address for data calls, without a slash at the end.
    pub(crate) instance_url: String,
    pub(crate) users: Vec<User>,
    pub(crate) schema: BTreeMap<String, ObjectType>,
    pub(crate) tables: BTreeMap<String, Table>,
    /// Who sees records that are not their own, by object.
    pub(crate) defaults: BTreeMap<String, Sharing>,
    /// Record and user → what was shared beyond the default.
    pub(crate) shares: HashMap<(String, String), Shared>,
    next: u64,
    /// When the calls of the last 24 hours were made.
    calls: VecDeque<i64>,
}

/// A user, beside the record that the API shows.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) security_token: String,
    pub(crate) policy: UserPolicy,
    /// When sign-ins without a person were made, in the last hour.
    pub(crate) logins: VecDeque<i64>,
}

/// The org-wide default of an object: what everybody with the object permission may do with the records
/// of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// Nothing.
    Private,
    /// Read.
    ReadOnly,
    /// Read and edit.
    ReadWrite,
}

/// What a share gives to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    /// Read.
    Read,
    /// Read and edit.
    Edit,
}

impl Org {
    pub(crate) fn new(id: &str, policy: OrgPolicy) -> Self {
        Self {
            id: id.to_owned(),
            policy,
            instance_url: String::new(),
            users: Vec::new(),
            schema: schema::catalogue(),
            tables: BTreeMap::new(),
            defaults: BTreeMap::new(),
            shares: HashMap::new(),
            next: 1,
            calls: VecDeque::new(),
        }
    }

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(crate) fn user_mut(&mut self, id: &str) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.id == id)
    }

    pub(crate) fn by_username(&self, username: &str) -> Option<&User> {
        self.users.iter().find(|user| user.username.eq_ignore_ascii_case(username))
    }

    /// An object type by its name in any case, as the service takes it.
    pub(crate) fn object(&self, name: &str) -> Option<&ObjectType> {
        self.schema
            .get(name)
            .or_else(|| self.schema.values().find(|object| object.name.eq_ignore_ascii_case(name)))
    }

    /// Records that are not deleted, by age.
    pub(crate) fn rows(&self, object: &str) -> impl Iterator<Item = &Record> {
        self.tables.get(object).into_iter().flat_map(Table::values).filter(|record| !record.deleted)
    }

    /// A record by an id in either form, deleted ones too.
    pub(crate) fn find(&self, object: &str, id: &str) -> Option<&Record> {
        self.tables.get(object)?.get(&id::long(id)?)
    }

    pub(crate) fn find_mut(&mut self, object: &str, id: &str) -> Option<&mut Record> {
        self.tables.get_mut(object)?.get_mut(&id::long(id)?)
    }

    /// The object that an id belongs to, by its first three characters.
    pub(crate) fn object_of(&self, id: &str) -> Option<&ObjectType> {
        let prefix = id.get(..3)?;
        self.schema.values().find(|object| object.key_prefix == prefix)
    }

    /// Adds a record on behalf of a user and returns its id.
    pub(crate) fn insert(&mut self, object: &str, by: &str, at_s: i64, mut fields: Fields) -> String {
        let Some(object) = self.schema.get(object) else { return String::new() };
        let (name, has_owner) = (object.name.clone(), object.field("OwnerId").is_some());
        let id = match fields.get("Id").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => id::mint(&object.key_prefix, self.next),
        };
        self.next += 1;
        let at = service_time(at_s);
        fields.insert("Id".into(), id.as_str().into());
        fields.insert("IsDeleted".into(), false.into());
        for field in ["CreatedDate", "LastModifiedDate", "SystemModstamp"] {
            fields.insert(field.into(), at.as_str().into());
        }
        for field in ["CreatedById", "LastModifiedById"] {
            fields.insert(field.into(), by.into());
        }
        if has_owner && !fields.contains_key("OwnerId") {
            fields.insert("OwnerId".into(), by.into());
        }
        full_name(&name, &mut fields);
        self.tables.entry(name).or_default().insert(id.clone(), Record::new(fields));
        id
    }

    /// Puts these values into a record; `false` if there is none.
    pub(crate) fn update(&mut self, object: &str, id: &str, by: &str, at_s: i64, changes: Fields) -> bool {
        let Some(record) = self.find_mut(object, id) else { return false };
        record.fields.extend(changes);
        let at = service_time(at_s);
        for field in ["LastModifiedDate", "SystemModstamp"] {
            record.fields.insert(field.into(), at.as_str().into());
        }
        record.fields.insert("LastModifiedById".into(), by.into());
        full_name(object, &mut record.fields);
        true
    }

    /// API calls of the last 24 hours, other integrations' included, and how many there may be.
    pub(crate) fn usage(&mut self, now_s: i64) -> (u64, u64) {
        while self.calls.front().is_some_and(|at| at.saturating_add(DAY_S) <= now_s) {
            self.calls.pop_front();
        }
        let own = u64::try_from(self.calls.len()).unwrap_or(u64::MAX);
        (self.policy.used_elsewhere.saturating_add(own), self.policy.daily_calls)
    }

    /// Counts a call; `false` if there may be no more.
    pub(crate) fn count_call(&mut self, now_s: i64) -> bool {
        let (used, limit) = self.usage(now_s);
        if used < limit {
            self.calls.push_back(now_s);
        }
        used < limit
    }

    /// Adds a user with the profile of that name.
    pub(crate) fn add_user(&mut self, user: User, profile: &str, at_s: i64) {
        let Some(profile) = self.named("Profile", profile) else { return };
        let (first, last) = user.username.split_once('@').unwrap_or((&user.username, "user"));
        let fields = json!({
            "Id": user.id, "Username": user.username, "Email": user.username, "IsActive": user.policy.active,
            "FirstName": first, "LastName": last.split('.').next().unwrap_or_default(),
            "ProfileId": profile,
        });
        let own = self.rows("PermissionSet").find(|set| set.text("ProfileId") == profile);
        let own = own.map(|set| set.text("Id").to_owned()).unwrap_or_default();
        self.insert("User", &user.id, at_s, object_of(fields));
        self.assign(&user.id, &own, at_s);
        self.users.push(user);
    }

    /// Id of the record of that name.
    pub(crate) fn named(&self, object: &str, name: &str) -> Option<String> {
        self.rows(object)
            .find(|record| record.text("Name") == name)
            .map(|record| record.text("Id").to_owned())
    }

    /// Assigns a permission set to a user, and returns the assignment's id.
    pub(crate) fn assign(&mut self, user: &str, set: &str, at_s: i64) -> String {
        let fields = json!({
            "AssigneeId": user, "PermissionSetId": set, "IsActive": true, "ExpirationDate": null,
        });
        self.insert("PermissionSetAssignment", user, at_s, object_of(fields))
    }
}

/// The members of a JSON object.
pub(crate) fn object_of(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

/// People have a name made of two.
fn full_name(object: &str, fields: &mut Fields) {
    if !matches!(object, "Contact" | "Lead" | "User") {
        return;
    }
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let name = format!("{} {}", text("FirstName"), text("LastName"));
    fields.insert("Name".into(), name.trim().into());
}
