//! `composite/sobjects`: up to 200 records in one call. Errors stand inside an answer of 200.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::RestError;
use super::query::Reader;
use super::record::Fields;
use super::session::Caller;
use super::sobjects::{keyed, visible};
use super::state::World;
use super::write;
use crate::exchange::{Call, Reply};

const MAX_RECORDS: usize = 200;

/// What became of one record: its id, and whether it is new.
type Done = Result<(String, Option<bool>), RestError>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    all_or_none: bool,
    #[serde(default)]
    records: Vec<Fields>,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    fields: Vec<String>,
}

pub(crate) fn answer(
    world: &mut World,
    caller: &Caller,
    call: &Call,
    version: &str,
    path: &[&str],
) -> Result<Reply, RestError> {
    match (call.method.as_str(), path) {
        ("POST", []) => {
            let body = body_of(call)?;
            all(world, caller, body.all_or_none, body.records, |world, record| {
                let object = type_of(&record)?;
                write::create(world, caller, version, &object, record).map(|id| (id, None))
            })
        }
        ("PATCH", []) => {
            let body = body_of(call)?;
            all(world, caller, body.all_or_none, body.records, |world, mut record| {
                let object = type_of(&record)?;
                let id = taken(&mut record, "id").ok_or_else(|| {
                    RestError::new(400, "MISSING_ARGUMENT", "Id not specified in an update call")
                })?;
                write::update(world, caller, version, (&object, &id), record).map(|()| (id, None))
            })
        }
        ("PATCH", [object, field]) => {
            let body = body_of(call)?;
            all(world, caller, body.all_or_none, body.records, |world, record| {
                upsert(world, caller, version, (object, field), record)
            })
        }
        ("DELETE", []) => {
            let ids = call.parameter("ids").unwrap_or_default();
            let all_or_none = call.parameter("allOrNone").as_deref() == Some("true");
            let ids = ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
            all(world, caller, all_or_none, ids, |world, id: String| {
                let org = world.org(&caller.who.org).ok_or_else(RestError::session)?;
                let object = org.object_of(&id).map(|object| object.name.clone());
                let malformed = || RestError::new(400, "MALFORMED_ID", format!("bad id {id}"));
                write::delete(world, caller, version, (&object.ok_or_else(malformed)?, &id))
                    .map(|()| (id, None))
            })
        }
        ("POST", [object]) => {
            let body = body_of(call)?;
            retrieve(world, caller, version, object, &body.ids, &body.fields)
        }
        ("GET", [object]) => {
            let list = |name: &str| -> Vec<String> {
                let text = call.parameter(name).unwrap_or_default();
                text.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect()
            };
            retrieve(world, caller, version, object, &list("ids"), &list("fields"))
        }
        (method, [] | [_] | [_, _]) => Err(RestError::method_not_allowed(method)),
        _ => Err(RestError::not_found()),
    }
}

fn body_of(call: &Call) -> Result<Body, RestError> {
    serde_json::from_slice(&call.body)
        .map_err(|error| RestError::new(400, "JSON_PARSER_ERROR", error.to_string()))
}

/// Does each of them; all are undone if one fails and `all_or_none` says so.
fn all<T>(
    world: &mut World,
    caller: &Caller,
    all_or_none: bool,
    items: Vec<T>,
    mut one: impl FnMut(&mut World, T) -> Done,
) -> Result<Reply, RestError> {
    if items.len() > MAX_RECORDS {
        let message = format!("no more than {MAX_RECORDS} records in one call");
        return Err(RestError::new(400, "EXCEEDED_ID_LIMIT", message));
    }
    let before = world.org(&caller.who.org).map(|org| org.tables.clone()).filter(|_| all_or_none);
    let mut done: Vec<Done> = items.into_iter().map(|item| one(world, item)).collect();
    if done.iter().any(Result::is_err)
        && let Some((org, tables)) = world.org_mut(&caller.who.org).zip(before)
    {
        org.tables = tables;
        for result in done.iter_mut().filter(|result| result.is_ok()) {
            let message = "Record rolled back because not all records were valid and the request was using \
                           AllOrNone header";
            *result = Err(RestError::new(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", message));
        }
    }
    let results: Vec<_> = done.iter().map(result_of).collect();
    Ok(Reply::json(200, &json!(results)))
}

fn result_of(done: &Done) -> Value {
    match done {
        Ok((id, created)) => {
            let mut result = json!({ "id": id, "success": true, "errors": [] });
            if let Some(created) = created {
                result["created"] = (*created).into();
            }
            result
        }
        Err(error) => json!({ "success": false, "errors": [error.inner()] }),
    }
}

fn upsert(
    world: &mut World,
    caller: &Caller,
    version: &str,
    (object, field): (&str, &str),
    mut record: Fields,
) -> Done {
    let value = taken(&mut record, field).unwrap_or_default();
    let found = keyed(world, caller, version, (object, field, &value))?;
    match found.as_slice() {
        [] => {
            if !field.eq_ignore_ascii_case("Id") {
                record.insert(field.to_owned(), value.into());
            }
            write::create(world, caller, version, object, record).map(|id| (id, Some(true)))
        }
        [id] => {
            write::update(world, caller, version, (object, id), record).map(|()| (id.clone(), Some(false)))
        }
        _ => Err(RestError::new(400, "DUPLICATE_EXTERNAL_ID", "the external id names several records")),
    }
}

fn retrieve(
    world: &World,
    caller: &Caller,
    version: &str,
    object: &str,
    ids: &[String],
    fields: &[String],
) -> Result<Reply, RestError> {
    let reader = Reader::new(world, &caller.who, version)?;
    let object = reader.object(object).ok_or_else(RestError::not_found)?;
    let paths = fields.iter().map(|field| reader.path(object, field)).collect::<Result<Vec<_>, _>>()?;
    let records: Vec<_> = ids
        .iter()
        .map(|id| {
            visible(&reader, object, id).map_or(Value::Null, |record| reader.view(object, record, &paths))
        })
        .collect();
    Ok(Reply::json(200, &json!(records)))
}

fn type_of(record: &Fields) -> Result<String, RestError> {
    let kind = record.get("attributes").and_then(|attributes| attributes.get("type"));
    let kind = kind.and_then(Value::as_str).map(str::to_owned);
    kind.ok_or_else(|| RestError::new(400, "MISSING_ARGUMENT", "attributes.type is missing"))
}

/// The text of a field, which leaves the record.
fn taken(record: &mut Fields, name: &str) -> Option<String> {
    let key = record.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    record.remove(&key)?.as_str().map(str::to_owned)
}
