//! Turns a request body into the fields of a record: rules of fields and references.

use serde_json::{Value, json};

use super::catalogue::{COMMON, Field, Kind, ObjectType, find};
use super::company::Company;
use super::envelope::{ApiError, detail, plain_detail};
use super::knobs::{Knobs, UnknownFields};
use super::record::{Fields, Record};

/// A checked body.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) id: Option<String>,
    pub(crate) fields: Fields,
    pub(crate) lines: Option<Vec<Fields>>,
}

/// Checks the body of a create (`old` is `None`) or an update.
pub(crate) fn check(
    company: &Company,
    knobs: &Knobs,
    object: &ObjectType,
    body: &Value,
    old: Option<&Record>,
) -> Result<Payload, ApiError> {
    let operation = if old.is_some() { "UPDATE" } else { "CREATE" };
    let Some(body) = body.as_object().filter(|body| !body.is_empty()) else {
        return Err(ApiError::payload_missing(operation));
    };
    let mut errors = Vec::new();
    let mut payload = Payload { id: None, fields: Fields::new(), lines: None };
    for (name, value) in body {
        match name.as_str() {
            "id" => read_id(object, old, value, &mut payload, &mut errors),
            "key" | "href" | "audit" => read_only(name, &mut errors),
            "lines" if object.lines.is_some() => {
                payload.lines = Some(lines(company, knobs, object, value, &mut errors));
            }
            _ => {
                let value = field(company, knobs, object, name, value, &mut errors);
                payload.fields.insert(name.clone(), value);
            }
        }
    }
    if !errors.is_empty() {
        return Err(ApiError::payload_errors(errors));
    }
    let missing = missing(object, &payload, old);
    if missing.is_empty() { Ok(payload) } else { Err(failed(operation, object, missing)) }
}

/// `REST-7001`, the wrapper of every business rule.
pub(crate) fn failed(operation: &str, object: &ObjectType, details: Vec<Value>) -> ApiError {
    ApiError::operation_failed(422, operation, object.path, details)
}

fn read_id(
    object: &ObjectType,
    old: Option<&Record>,
    value: &Value,
    payload: &mut Payload,
    errors: &mut Vec<Value>,
) {
    use super::catalogue::Identity;
    match (value.as_str(), old) {
        (Some(id), Some(old)) if id == old.id => {}
        (Some(id), None) if object.identity != Identity::Key && !id.is_empty() => {
            payload.id = Some(id.to_owned());
        }
        _ => read_only("id", errors),
    }
}

fn read_only(name: &str, errors: &mut Vec<Value>) {
    let text = format!("{name} is a read-only field");
    errors.push(detail("REST-1050", "IA.READ_ONLY_FIELD", &text, &format!("/{name}")));
}

fn field(
    company: &Company,
    knobs: &Knobs,
    object: &ObjectType,
    name: &str,
    value: &Value,
    errors: &mut Vec<Value>,
) -> Value {
    match object.field(name) {
        Some(Field { read_only: true, .. }) => read_only(name, errors),
        Some(Field { kind: Kind::Reference(target), .. }) => {
            return resolve(company, target, value).unwrap_or_else(|| {
                errors.push(plain_detail(&format!("{name} does not name a record"), &format!("/{name}")));
                Value::Null
            });
        }
        Some(Field { kind: Kind::List, .. }) => return resolve_items(company, name, value),
        Some(_) => {}
        None if knobs.unknown_fields == UnknownFields::Refuse && !COMMON.contains(&name) => {
            let text = format!("{name} is not a valid field");
            errors.push(detail("REST-1043", "IA.NOT_A_VALID_FIELD", &text, &format!("/{name}")));
        }
        None => {}
    }
    value.clone()
}

/// A reference by key or id, completed; `null` clears it.
fn resolve(company: &Company, target: &str, value: &Value) -> Option<Value> {
    if value.is_null() {
        return Some(Value::Null);
    }
    let named = |record: &&Record| match value.get("id").and_then(Value::as_str) {
        Some(id) => record.id == id,
        None => true,
    };
    let record = match super::record::reference_key(value) {
        Some(key) => company.by_key(target, key).filter(named),
        None => value.get("id").and_then(Value::as_str).and_then(|id| company.by_id(target, id)),
    }?;
    Some(company.reference(target, record))
}

/// Completes the references in lists whose items are records, and leaves other items as they are.
fn resolve_items(company: &Company, name: &str, value: &Value) -> Value {
    let Some(items) = value.as_array() else { return value.clone() };
    let complete = |item: &Value| -> Value {
        let whole = match name {
            "roles" => {
                let role = item.get("role").unwrap_or(item);
                resolve(company, "company-config/role", role)
            }
            "entities" | "locations" => resolve(company, "company-config/entity", item),
            _ => None,
        };
        let mut item = whole.unwrap_or_else(|| item.clone());
        let permission = item.get("permission").cloned();
        if let Some(permission) = permission.and_then(|it| resolve(company, "company-config/permission", &it))
        {
            item["permission"] = permission;
        }
        item
    };
    items.iter().map(complete).collect()
}

fn lines(
    company: &Company,
    knobs: &Knobs,
    object: &ObjectType,
    value: &Value,
    errors: &mut Vec<Value>,
) -> Vec<Fields> {
    let line_type = object.lines.and_then(|(path, _)| find(path));
    let (Some(line_type), Some(items)) = (line_type, value.as_array()) else {
        errors.push(plain_detail("lines must be a list", "/lines"));
        return Vec::new();
    };
    let mut checked = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(item) = item.as_object() else {
            errors.push(plain_detail("a line must be an object", &format!("/lines/{index}")));
            continue;
        };
        let mut line_errors = Vec::new();
        let fields = item.iter().filter(|(name, _)| !COMMON.contains(&name.as_str()));
        checked.push(
            fields
                .map(|(name, value)| {
                    (name.clone(), field(company, knobs, line_type, name, value, &mut line_errors))
                })
                .collect(),
        );
        for mut error in line_errors {
            let target = error.get("target").and_then(Value::as_str).unwrap_or_default().to_owned();
            error["target"] = json!(format!("/lines/{index}{target}"));
            errors.push(error);
        }
    }
    checked
}

fn missing(object: &ObjectType, payload: &Payload, old: Option<&Record>) -> Vec<Value> {
    use super::catalogue::Identity;
    let mut missing = Vec::new();
    let mut need = |name: &str| {
        missing.push(plain_detail(&format!("{name} is required"), &format!("/{name}")));
    };
    for field in object.fields.iter().filter(|field| field.required) {
        let value = payload.fields.get(field.name);
        let absent = value.is_none() && old.is_none();
        if absent || value.is_some_and(|value| value.is_null() || *value == json!("")) {
            need(field.name);
        }
    }
    if old.is_none() && object.identity == Identity::Given && payload.id.is_none() {
        need("id");
    }
    let empty = payload.lines.as_ref().map(Vec::is_empty);
    if object.lines.is_some() && (empty == Some(true) || (empty.is_none() && old.is_none())) {
        need("lines");
    }
    missing
}
