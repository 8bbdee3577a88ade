//! `services/core`: session id, model and allowed operations.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::catalogue::{Kind, OBJECTS, ObjectType, Verb, find};
use super::entity;
use super::envelope::{self, ApiError};
use super::permission::{self, Action};
use super::session::Caller;
use super::state::World;
use crate::exchange::{Call, Reply};

/// Seconds a lifted session lives, as the service's example has it.
const SESSION_LIFETIME_S: u64 = 21_600;

pub(crate) fn session_id(caller: &Caller) -> Reply {
    envelope::result(200, &json!({ "sessionId": caller.session_id, "expiresIn": SESSION_LIFETIME_S }))
}

/// Describes one object, or lists all; an unknown one is answered with an empty list, as seen live.
pub(crate) fn model(call: &Call) -> Reply {
    match call.parameter("name") {
        Some(name) => match find(&name) {
            Some(object) => envelope::result(200, &describe(object)),
            None => envelope::result(200, &json!([])),
        },
        None => {
            let all: Vec<Value> = OBJECTS
                .iter()
                .map(|object| json!({ "apiObject": object.path, "httpMethods": methods(object) }))
                .collect();
            envelope::result(200, &all.into())
        }
    }
}

fn describe(object: &ObjectType) -> Value {
    let mut fields = Map::new();
    for name in super::catalogue::COMMON {
        fields.insert((*name).to_owned(), json!({ "readOnly": *name != "id" }));
    }
    for field in object.fields.iter().filter(|field| field.kind == Kind::Plain) {
        fields.insert(field.name.to_owned(), json!({ "readOnly": field.read_only }));
    }
    let mut refs = Map::new();
    for field in object.fields {
        if let Kind::Reference(target) = field.kind {
            refs.insert(field.name.to_owned(), json!({ "apiObject": target }));
        }
    }
    json!({
        "name": object.path,
        "fields": fields,
        "refs": refs,
        "httpMethods": methods(object),
        "idempotenceSupported": object.verbs.contains(&Verb::Create),
    })
}

fn methods(object: &ObjectType) -> String {
    let name = |verb: &Verb| match verb {
        Verb::Read => "GET",
        Verb::Create => "POST",
        Verb::Update => "PATCH",
        Verb::Delete => "DELETE",
    };
    object.verbs.iter().map(name).collect::<Vec<_>>().join(",")
}

#[derive(Debug, Deserialize)]
struct AllowedOperations {
    object: String,
    keys: Vec<Value>,
    operations: Option<Vec<String>>,
}

/// What the caller may do to records that exist.
pub(crate) fn allowed_operations(world: &World, call: &Call, caller: &Caller) -> Result<Reply, ApiError> {
    let request: AllowedOperations = serde_json::from_value(super::batch::body(call, "LIST")?)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    if request.keys.len() > 1000 {
        return Err(ApiError::bad_request("keys takes at most 1000 keys"));
    }
    let object = find(&request.object).ok_or_else(|| ApiError::not_found(&request.object))?;
    let company = world.companies.get(&caller.company).ok_or_else(|| ApiError::not_found("company"))?;
    let asked = |name: &str| {
        request.operations.as_ref().is_none_or(|list| list.iter().any(|operation| operation == name))
    };
    let allowed: Vec<&str> =
        [("canView", Action::View), ("canEdit", Action::Edit), ("canDelete", Action::Delete)]
            .into_iter()
            .filter(|(name, action)| {
                asked(name) && permission::is_allowed(company, &world.knobs, caller, object, *action)
            })
            .map(|(name, _)| name)
            .collect();
    let rows: Vec<Value> = request
        .keys
        .iter()
        .map(|key| {
            let text = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            let record = text.parse().ok().and_then(|key| company.by_key(object.path, key));
            let reachable = record.is_some_and(|record| entity::reaches(caller, record));
            json!({ "key": text, "operations": if reachable { &allowed[..] } else { &[] } })
        })
        .collect();
    let meta = json!({ "totalCount": rows.len(), "totalSuccess": rows.len(), "totalError": 0 });
    Ok(envelope::with_meta(200, &rows.into(), &meta))
}
