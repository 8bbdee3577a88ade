//! Rows of a company's objects.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(crate) type Fields = Map<String, Value>;

/// One record: its fields without `key`, `id` and `href`, which are derived.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) key: u64,
    pub(crate) id: String,
    /// The entity that owns the record, or `None` for one shared from the top level.
    pub(crate) entity: Option<String>,
    pub(crate) fields: Fields,
}

/// All records of one object in one company, by key.
pub(crate) type Table = BTreeMap<u64, Record>;

impl Record {
    /// Text of a top-level field, empty if missing.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Key of the record that a reference field names.
    pub(crate) fn reference_key(&self, field: &str) -> Option<u64> {
        reference_key(self.fields.get(field)?)
    }

    /// Items of a list field, none if missing.
    pub(crate) fn items(&self, field: &str) -> &[Value] {
        self.fields.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The record as `GET` by key shows it.
    pub(crate) fn view(&self, path: &str) -> Fields {
        let mut view = self.fields.clone();
        view.extend(self.handle(path));
        let owner = self.entity.as_ref().map_or_else(
            || json!({ "key": null, "id": null, "name": null }),
            |id| json!({ "id": id, "name": id }),
        );
        view.insert("entity".into(), owner);
        view
    }

    /// `key`, `id` and `href`.
    pub(crate) fn handle(&self, path: &str) -> Fields {
        let mut handle = Fields::new();
        handle.insert("key".into(), self.key.to_string().into());
        handle.insert("id".into(), self.id.as_str().into());
        handle.insert("href".into(), href(path, self.key).into());
        handle
    }
}

/// The address of a record, as `href` states it.
pub(crate) fn href(path: &str, key: u64) -> String {
    format!("/objects/{path}/{key}")
}

/// The `key` of a reference value, which the service writes as text.
pub(crate) fn reference_key(value: &Value) -> Option<u64> {
    match value.get("key")? {
        Value::String(key) => key.parse().ok(),
        Value::Number(key) => key.as_u64(),
        _ => None,
    }
}

/// The value at a dotted path.
pub(crate) fn lookup<'v>(fields: &'v Fields, dotted: &str) -> Option<&'v Value> {
    // A flat name wins, so that a stored name with a dot stays reachable.
    if let Some(value) = fields.get(dotted) {
        return Some(value);
    }
    let (head, rest) = dotted.split_once('.')?;
    rest.split('.').try_fold(fields.get(head)?, |value, part| value.get(part))
}
