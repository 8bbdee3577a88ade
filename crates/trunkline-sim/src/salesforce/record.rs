//! Rows of an org's objects.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(crate) type Fields = Map<String, Value>;

/// One record, with every field it has, `Id` among them.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) fields: Fields,
    pub(crate) deleted: bool,
}

/// All records of one object in one org, by their long id, which is also their age.
pub(crate) type Table = BTreeMap<String, Record>;

impl Record {
    pub(crate) fn new(fields: Fields) -> Self {
        Self { fields, deleted: false }
    }

    /// The value, `null` where there is none.
    pub(crate) fn get(&self, field: &str) -> &Value {
        self.fields.get(field).unwrap_or(&Value::Null)
    }

    /// Text of a field, empty if it has none.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.get(field).as_str().unwrap_or_default()
    }

    /// Whether the field is `true`.
    pub(crate) fn flag(&self, field: &str) -> bool {
        self.get(field).as_bool() == Some(true)
    }
}
