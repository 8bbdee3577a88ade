//! Creates, updates and deletes records, as far as the user may.

use serde_json::Value;

use super::error::RestError;
use super::id;
use super::query::Reader;
use super::record::{Fields, Record};
use super::rights::RecordRights;
use super::schema::{Access, Field, ObjectType};
use super::session::Caller;
use super::state::World;

/// Creates a record and returns its id.
pub(crate) fn create(
    world: &mut World,
    caller: &Caller,
    version: &str,
    object: &str,
    body: Fields,
) -> Result<String, RestError> {
    let (name, fields) = {
        let reader = Reader::new(world, &caller.who, version)?;
        let object = reader.object(object).ok_or_else(RestError::not_found)?;
        if !reader.rights.object(object).create {
            return Err(RestError::refusal(&world.knobs.object_refusal));
        }
        let mut fields = accept(&reader, object, body, |field| reader.rights.field(object, field).create)?;
        require(object, &fields)?;
        fill(object, &mut fields);
        (object.name.clone(), fields)
    };
    let now_s = world.clock.now_s();
    let org = world.org_mut(&caller.who.org).ok_or_else(RestError::session)?;
    Ok(org.insert(&name, &caller.who.user, now_s, fields))
}

/// Changes a record.
pub(crate) fn update(
    world: &mut World,
    caller: &Caller,
    version: &str,
    (object, id): (&str, &str),
    body: Fields,
) -> Result<(), RestError> {
    let (name, fields) = {
        let reader = Reader::new(world, &caller.who, version)?;
        let object = reader.object(object).ok_or_else(RestError::not_found)?;
        if !reader.rights.object(object).edit {
            return Err(RestError::refusal(&world.knobs.object_refusal));
        }
        let record = existing(&reader, object, id)?;
        let rights = reader.rights.record(object, record);
        // Ownership is given away by those who could delete.
        let transfers = body.keys().any(|name| name.eq_ignore_ascii_case("OwnerId"));
        let wanted = if transfers { RecordRights::All } else { RecordRights::Edit };
        if rights < wanted {
            return Err(RestError::refusal(&world.knobs.record_refusal));
        }
        let fields = accept(&reader, object, body, |field| reader.rights.field(object, field).update)?;
        (object.name.clone(), fields)
    };
    let now_s = world.clock.now_s();
    let org = world.org_mut(&caller.who.org).ok_or_else(RestError::session)?;
    org.update(&name, id, &caller.who.user, now_s, fields);
    Ok(())
}

/// Deletes a record; it stays for `queryAll`.
pub(crate) fn delete(
    world: &mut World,
    caller: &Caller,
    version: &str,
    (object, id): (&str, &str),
) -> Result<(), RestError> {
    let name = {
        let reader = Reader::new(world, &caller.who, version)?;
        let object = reader.object(object).ok_or_else(RestError::not_found)?;
        if !reader.rights.object(object).delete {
            return Err(RestError::refusal(&world.knobs.object_refusal));
        }
        let record = existing(&reader, object, id)?;
        if reader.rights.record(object, record) < RecordRights::All {
            return Err(RestError::refusal(&world.knobs.record_refusal));
        }
        object.name.clone()
    };
    let org = world.org_mut(&caller.who.org).ok_or_else(RestError::session)?;
    if let Some(record) = org.find_mut(&name, id) {
        record.deleted = true;
        record.fields.insert("IsDeleted".into(), true.into());
    }
    Ok(())
}

/// A record to write to: one that the user does not see is not found, a deleted one is said to be.
fn existing<'o>(reader: &Reader<'o>, object: &ObjectType, id: &str) -> Result<&'o Record, RestError> {
    if id::long(id).is_none() {
        return Err(RestError::new(400, "MALFORMED_ID", format!("{}: bad id {id}", object.name)));
    }
    let record = reader.org.find(&object.name, id).ok_or_else(RestError::not_found)?;
    if reader.rights.record(object, record) == RecordRights::Nothing {
        return Err(RestError::not_found());
    }
    if record.deleted {
        return Err(RestError::new(400, "ENTITY_IS_DELETED", "entity is deleted"));
    }
    Ok(record)
}

/// The values of a body under the fields' own names, each of them known, writable and of its type.
fn accept(
    reader: &Reader<'_>,
    object: &ObjectType,
    body: Fields,
    writable: impl Fn(&Field) -> bool,
) -> Result<Fields, RestError> {
    let (mut fields, mut refused) = (Fields::new(), Vec::new());
    for (name, value) in body {
        if name == "attributes" {
            continue;
        }
        let field = object.field(&name).filter(|field| reader.rights.field(object, field).read);
        let field = field.ok_or_else(|| RestError::no_such_column(&name, &object.name))?;
        if !writable(field) {
            refused.push(field.name.clone());
            continue;
        }
        typed(field, &value)?;
        fields.insert(field.name.clone(), referenced(reader, field, value)?);
    }
    if refused.is_empty() { Ok(fields) } else { Err(RestError::not_writable(refused)) }
}

fn typed(field: &Field, value: &Value) -> Result<(), RestError> {
    let fits = match field.kind.as_str() {
        _ if value.is_null() => !field.required,
        "boolean" => value.is_boolean(),
        "int" | "double" | "currency" => value.is_number(),
        _ => value.is_string(),
    };
    if value.is_null() && !fits {
        return Err(missing(&[&field.name]));
    }
    if !fits {
        let message = format!("Cannot deserialize instance of {} from {value}", field.kind);
        return Err(RestError::new(400, "JSON_PARSER_ERROR", message));
    }
    Ok(())
}

/// A reference with its long id, to a record that there is and that the user sees.
fn referenced(reader: &Reader<'_>, field: &Field, value: Value) -> Result<Value, RestError> {
    let (Some((target, _)), Some(text)) = (&field.reference, value.as_str()) else { return Ok(value) };
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let malformed = || {
        let message = format!("{}: id value of incorrect type: {text}", field.name);
        RestError::new(400, "MALFORMED_ID", message).with_fields(&[&field.name])
    };
    let id = id::long(text).ok_or_else(malformed)?;
    let object = reader.org.object(target).ok_or_else(malformed)?;
    let record = reader.org.find(&object.name, &id).filter(|record| !record.deleted);
    let Some(record) = record else {
        let message = format!("invalid cross reference id: {id}");
        return Err(RestError::new(400, "INVALID_CROSS_REFERENCE_KEY", message));
    };
    if reader.rights.record(object, record) == RecordRights::Nothing {
        let message = format!("insufficient access rights on cross-reference id: {id}");
        return Err(RestError::new(400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message));
    }
    Ok(id.into())
}

fn require(object: &ObjectType, fields: &Fields) -> Result<(), RestError> {
    let absent = |field: &&Field| {
        let value = fields.get(&field.name).unwrap_or(&Value::Null);
        field.required && (value.is_null() || value.as_str() == Some(""))
    };
    let names: Vec<_> = object.fields.iter().filter(absent).map(|field| field.name.as_str()).collect();
    if names.is_empty() { Ok(()) } else { Err(missing(&names)) }
}

fn missing(names: &[&str]) -> RestError {
    let message = format!("Required fields are missing: [{}]", names.join(", "));
    RestError::new(400, "REQUIRED_FIELD_MISSING", message).with_fields(names)
}

/// What a record has that a client left out.
fn fill(object: &ObjectType, fields: &mut Fields) {
    for field in object.fields.iter().filter(|field| field.kind == "boolean" && !field.system) {
        fields.entry(field.name.clone()).or_insert(false.into());
    }
    match object.access {
        Access::Assignment => {
            fields.insert("IsActive".into(), true.into());
        }
        Access::Setup if object.name == "PermissionSet" => {
            fields.insert("IsOwnedByProfile".into(), false.into());
            fields.insert("Type".into(), "Regular".into());
        }
        _ => {}
    }
}
