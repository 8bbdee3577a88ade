//! `sobjects/…`: describe, and one record at a time.

use serde_json::{Value, json};

use super::describe;
use super::error::RestError;
use super::id;
use super::query::Reader;
use super::record::{Fields, Record};
use super::rights::RecordRights;
use super::schema::ObjectType;
use super::session::Caller;
use super::state::World;
use super::write;
use crate::exchange::{Call, Reply};
use crate::random;

/// Since this version an upsert that updates has a body.
const UPSERT_BODY_SINCE: u32 = 46;

pub(crate) fn answer(
    world: &mut World,
    caller: &Caller,
    call: &Call,
    version: &str,
    path: &[&str],
) -> Result<Reply, RestError> {
    match (call.method.as_str(), path) {
        ("GET", []) => Ok(tagged(call, &describe::global(&Reader::new(world, &caller.who, version)?))),
        ("GET", [object]) => {
            let reader = Reader::new(world, &caller.who, version)?;
            let object = reader.object(object).ok_or_else(RestError::not_found)?;
            let body = json!({ "objectDescribe": describe::summary(&reader, object), "recentItems": [] });
            Ok(Reply::json(200, &body))
        }
        ("GET", [object, "describe"]) => {
            let reader = Reader::new(world, &caller.who, version)?;
            let object = reader.object(object).ok_or_else(RestError::not_found)?;
            Ok(tagged(call, &describe::object(&reader, object)))
        }
        ("POST", [object]) => {
            let id = write::create(world, caller, version, object, body_of(call)?)?;
            Ok(Reply::json(201, &json!({ "id": id, "success": true, "errors": [] })))
        }
        ("GET", [object, id]) => read(world, caller, call, version, (object, id)),
        ("PATCH", [object, id]) => {
            write::update(world, caller, version, (object, id), body_of(call)?)?;
            Ok(Reply::empty(204))
        }
        ("DELETE", [object, id]) => {
            write::delete(world, caller, version, (object, id))?;
            Ok(Reply::empty(204))
        }
        (_, [object, field, value]) => by_key(world, caller, call, version, (object, field, value)),
        (method, [] | [_] | [_, _]) => Err(RestError::method_not_allowed(method)),
        _ => Err(RestError::not_found()),
    }
}

/// A description, or 304 for a client that has it.
fn tagged(call: &Call, body: &Value) -> Reply {
    let tag = format!("\"{}\"", random::sha256(body.to_string().as_bytes()));
    let known = call.header("if-none-match").is_some_and(|tags| tags.contains(&tag));
    let reply = if known { Reply::empty(304) } else { Reply::json(200, body) };
    reply.with_header("etag", tag)
}

fn body_of(call: &Call) -> Result<Fields, RestError> {
    serde_json::from_slice(&call.body)
        .map_err(|error| RestError::new(400, "JSON_PARSER_ERROR", error.to_string()))
}

fn read(
    world: &World,
    caller: &Caller,
    call: &Call,
    version: &str,
    (object, id): (&str, &str),
) -> Result<Reply, RestError> {
    let reader = Reader::new(world, &caller.who, version)?;
    let object = reader.object(object).ok_or_else(RestError::not_found)?;
    let record = visible(&reader, object, id).ok_or_else(RestError::not_found)?;
    let names: Vec<String> = match call.parameter("fields") {
        Some(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        None => {
            let readable = object.fields.iter().filter(|field| reader.rights.field(object, field).read);
            readable.map(|field| field.name.clone()).collect()
        }
    };
    let paths = names.iter().map(|name| reader.path(object, name)).collect::<Result<Vec<_>, _>>()?;
    Ok(Reply::json(200, &reader.view(object, record, &paths)))
}

/// A record that is not deleted and that the user may read.
pub(crate) fn visible<'o>(reader: &Reader<'o>, object: &ObjectType, id: &str) -> Option<&'o Record> {
    let record = reader.org.find(&object.name, id).filter(|record| !record.deleted)?;
    (reader.rights.record(object, record) > RecordRights::Nothing).then_some(record)
}

/// The ids of the records that an external id names, of those the user sees.
pub(crate) fn keyed(
    world: &World,
    caller: &Caller,
    version: &str,
    (object, field, value): (&str, &str, &str),
) -> Result<Vec<String>, RestError> {
    let reader = Reader::new(world, &caller.who, version)?;
    let object = reader.object(object).ok_or_else(RestError::not_found)?;
    let readable = object.field(field).filter(|field| reader.rights.field(object, field).read);
    let Some(key) = readable.filter(|field| field.external_id || field.kind == "id") else {
        let message = format!("Provided external ID field does not exist or is not accessible: {field}");
        return Err(RestError::new(404, "NOT_FOUND", message));
    };
    let wanted = if key.kind == "id" { id::long(value) } else { Some(value.to_owned()) };
    let found = reader.org.rows(&object.name).filter(|record| {
        Some(record.text(&key.name)) == wanted.as_deref()
            && reader.rights.record(object, record) > RecordRights::Nothing
    });
    Ok(found.map(|record| record.text("Id").to_owned()).collect())
}

fn by_key(
    world: &mut World,
    caller: &Caller,
    call: &Call,
    version: &str,
    key: (&str, &str, &str),
) -> Result<Reply, RestError> {
    let object = key.0;
    let found = keyed(world, caller, version, key)?;
    let id = match (found.as_slice(), call.method.as_str()) {
        ([], "PATCH") => {
            let body = keyed_body(call, key.1, key.2)?;
            let id = write::create(world, caller, version, object, body)?;
            return Ok(upserted(201, &id, true));
        }
        ([], _) => return Err(RestError::not_found()),
        ([id], _) => id.clone(),
        (several, _) => {
            let urls: Vec<_> = several
                .iter()
                .map(|id| format!("/services/data/v{version}/sobjects/{object}/{id}"))
                .collect();
            return Ok(Reply::json(300, &json!(urls)));
        }
    };
    match call.method.as_str() {
        "GET" => read(world, caller, call, version, (object, &id)),
        "DELETE" => {
            write::delete(world, caller, version, (object, &id))?;
            Ok(Reply::empty(204))
        }
        "PATCH" => {
            write::update(world, caller, version, (object, &id), body_of(call)?)?;
            let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
            let has_body = major.is_none_or(|major| major >= UPSERT_BODY_SINCE);
            Ok(if has_body { upserted(200, &id, false) } else { Reply::empty(204) })
        }
        method => Err(RestError::method_not_allowed(method)),
    }
}

/// The body of an upsert that creates: the key comes from the URL.
fn keyed_body(call: &Call, field: &str, value: &str) -> Result<Fields, RestError> {
    let mut body = body_of(call)?;
    if !field.eq_ignore_ascii_case("Id") {
        body.insert(field.to_owned(), value.into());
    }
    Ok(body)
}

fn upserted(status: u16, id: &str, created: bool) -> Reply {
    Reply::json(status, &json!({ "id": id, "success": true, "errors": [], "created": created }))
}
