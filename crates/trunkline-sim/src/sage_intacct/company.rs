//! A company as the service keeps it: gates, entities, users and records.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{Identity, ObjectType};
use super::record::{Fields, Record, Table, href};

/// One company; its users, roles and permissions are records like all others, so that what a
/// client changes through the API changes what it may do.
#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) id: String,
    pub(crate) active: bool,
    pub(crate) demo_expired: bool,
    pub(crate) production: bool,
    pub(crate) maintenance: bool,
    pub(crate) sender_authorised: bool,
    /// Whether the company's IP filter lets calls in.
    pub(crate) address_admitted: bool,
    /// Whether lines of an invoice may name a general ledger account.
    pub(crate) account_override: bool,
    pub(crate) application_concurrency: u32,
    pub(crate) company_concurrency: u32,
    pub(crate) subscriptions: BTreeSet<String>,
    pub(crate) permission_type: PermissionType,
    /// Permissions that this company's catalogue calls otherwise, by module and usual name.
    pub(crate) renamed: BTreeMap<(String, String), String>,
    /// Client id → its row in "Authorized client applications".
    pub(crate) clients: BTreeMap<String, AuthorisedClient>,
    pub(crate) entities: Vec<String>,
    pub(crate) passwords: BTreeMap<String, String>,
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) next_key: u64,
}

/// Where a company keeps its permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionType {
    /// On roles, which users have themselves or by their groups.
    RoleBased,
    /// On each user.
    UserBased,
}

#[derive(Debug, Clone)]
pub(crate) struct AuthorisedClient {
    pub(crate) active: bool,
    /// The Web Services user that may use client credentials with this client.
    pub(crate) ws_user: Option<String>,
}

impl Company {
    pub(crate) fn new(id: &str, production: bool) -> Self {
        Self {
            id: id.to_owned(),
            active: true,
            demo_expired: false,
            production,
            maintenance: false,
            sender_authorised: true,
            address_admitted: true,
            account_override: true,
            application_concurrency: 6,
            company_concurrency: 8,
            subscriptions: BTreeSet::new(),
            permission_type: PermissionType::RoleBased,
            renamed: BTreeMap::new(),
            clients: BTreeMap::new(),
            entities: Vec::new(),
            passwords: BTreeMap::new(),
            tables: BTreeMap::new(),
            next_key: 1,
        }
    }

    /// Records of an object; a document type shares its object's table.
    pub(crate) fn rows(&self, path: &str) -> impl Iterator<Item = &Record> {
        self.tables.get(base(path)).into_iter().flat_map(Table::values)
    }

    pub(crate) fn by_key(&self, path: &str, key: u64) -> Option<&Record> {
        self.tables.get(base(path))?.get(&key)
    }

    pub(crate) fn by_id(&self, path: &str, id: &str) -> Option<&Record> {
        self.rows(path).find(|record| record.id == id)
    }

    pub(crate) fn by_id_mut(&mut self, path: &str, id: &str) -> Option<&mut Record> {
        self.tables.get_mut(base(path))?.values_mut().find(|record| record.id == id)
    }

    pub(crate) fn user(&self, login: &str) -> Option<&Record> {
        self.by_id("company-config/user", login)
    }

    /// Adds a record and returns its key.
    pub(crate) fn insert(
        &mut self,
        object: &ObjectType,
        id: Option<String>,
        entity: Option<String>,
        fields: Fields,
    ) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        let id = match (object.identity, id) {
            (Identity::Given | Identity::GivenOrNumbered(_), Some(id)) => id,
            (Identity::GivenOrNumbered(prefix), None) => format!("{prefix}{key:05}"),
            _ => key.to_string(),
        };
        let record = Record { key, id, entity, fields };
        self.tables.entry(object.path.to_owned()).or_default().insert(key, record);
        key
    }

    pub(crate) fn remove(&mut self, path: &str, key: u64) -> Option<Record> {
        self.tables.get_mut(base(path))?.remove(&key)
    }

    /// What a reference to this record looks like inside another.
    pub(crate) fn reference(&self, path: &str, record: &Record) -> serde_json::Value {
        let mut value = serde_json::json!({
            "key": record.key.to_string(), "id": record.id, "href": href(path, record.key),
        });
        for name in ["name", "module"] {
            if let Some(text) = record.fields.get(name).filter(|text| text.is_string()) {
                value[name] = text.clone();
            }
        }
        value
    }
}

fn base(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

/// Users, roles and permissions.
impl Company {
    /// Gives a role these rights on a permission, in place of those it had.
    pub(crate) fn assign(&mut self, role: u64, permission: u64, rights: &[&str]) {
        const PATH: &str = "company-config/role-permission-assignment";
        let reference = |path: &str, key| Some(self.reference(path, self.by_key(path, key)?));
        let (Some(role_value), Some(permission_value), Some(object)) = (
            reference("company-config/role", role),
            reference("company-config/permission", permission),
            super::catalogue::find(PATH),
        ) else {
            return;
        };
        if let Some(table) = self.tables.get_mut(PATH) {
            table.retain(|_, row| {
                row.reference_key("role") != Some(role) || row.reference_key("permission") != Some(permission)
            });
        }
        let mut fields = Fields::new();
        fields.insert("role".into(), role_value);
        fields.insert("permission".into(), permission_value);
        fields.insert("accessRights".into(), rights.into());
        self.insert(object, None, None, fields);
    }

    /// What the company's catalogue calls the permission of this usual name.
    pub(crate) fn name_of_permission<'a>(&'a self, module: &str, name: &'a str) -> &'a str {
        // Nearly always empty: no key is made then.
        if self.renamed.is_empty() {
            return name;
        }
        self.renamed.get(&(module.to_owned(), name.to_owned())).map_or(name, String::as_str)
    }

    /// Key of the permission with this module and name.
    pub(crate) fn permission(&self, module: &str, name: &str) -> Option<u64> {
        self.rows("company-config/permission")
            .find(|row| row.text("module") == module && row.text("name") == name)
            .map(|row| row.key)
    }
}
