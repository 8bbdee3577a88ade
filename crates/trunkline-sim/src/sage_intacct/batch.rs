//! Bodies of writes, one record or up to 500 at once.

use serde_json::{Value, json};

use super::catalogue::ObjectType;
use super::envelope::{self, ApiError};
use super::objects;
use super::session::Caller;
use super::state::World;
use crate::exchange::{Call, Reply};

const MAX_BATCH: usize = 500;

/// The JSON body of a write.
pub(crate) fn body(call: &Call, operation: &str) -> Result<Value, ApiError> {
    if call.body.trim_ascii().is_empty() {
        return Err(ApiError::payload_missing(operation));
    }
    if call.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("xml")) {
        return Err(ApiError::gateway(400, "GW-0014", "XML content is not accepted here"));
    }
    serde_json::from_slice(&call.body).map_err(|_| ApiError::bad_request("The payload is not valid JSON"))
}

pub(crate) fn create(
    world: &mut World,
    call: &Call,
    caller: &Caller,
    object: &'static ObjectType,
) -> Result<Reply, ApiError> {
    match body(call, "CREATE")? {
        Value::Array(items) => run(world, call, caller, &items, 201, |world, item| {
            objects::create(world, caller, object, item).map(Some)
        }),
        single => objects::create(world, caller, object, &single).map(|done| envelope::result(201, &done)),
    }
}

pub(crate) fn delete(
    world: &mut World,
    call: &Call,
    caller: &Caller,
    object: &'static ObjectType,
    keys: &str,
) -> Result<Reply, ApiError> {
    if !keys.contains(',') {
        return objects::delete(world, caller, object, keys).map(|()| Reply::empty(204));
    }
    let keys: Vec<Value> = keys.split(',').map(|key| key.trim().into()).collect();
    run(world, call, caller, &keys, 204, |world, key| {
        objects::delete(world, caller, object, key.as_str().unwrap_or_default()).map(|()| None)
    })
}

type Step<'s> = dyn Fn(&mut World, &Value) -> Result<Option<Value>, ApiError> + 's;

/// Runs a batch: one entry per item, and 207 as soon as one failed.
fn run(
    world: &mut World,
    call: &Call,
    caller: &Caller,
    items: &[Value],
    success: u16,
    step: impl Fn(&mut World, &Value) -> Result<Option<Value>, ApiError>,
) -> Result<Reply, ApiError> {
    if items.is_empty() || items.len() > MAX_BATCH {
        return Err(ApiError::bad_request(format!("A batch holds 1 to {MAX_BATCH} records")));
    }
    let atomic =
        call.header("x-ia-api-param-transaction").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let outcomes =
        if atomic { all_or_nothing(world, caller, items, &step) } else { each(world, items, &step) };
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let entries: Vec<Value> = outcomes.into_iter().map(|outcome| entry(success, outcome)).collect();
    let meta = json!({
        "totalCount": items.len(), "totalSuccess": items.len() - failed, "totalError": failed,
    });
    let status = match (failed, success) {
        (0, 204) => 200,
        (0, _) => success,
        _ => 207,
    };
    Ok(envelope::with_meta(status, &entries.into(), &meta))
}

fn each(world: &mut World, items: &[Value], step: &Step<'_>) -> Vec<Result<Option<Value>, ApiError>> {
    items.iter().map(|item| step(world, item)).collect()
}

fn all_or_nothing(
    world: &mut World,
    caller: &Caller,
    items: &[Value],
    step: &Step<'_>,
) -> Vec<Result<Option<Value>, ApiError>> {
    let before = world.companies.get(&caller.company).map(|company| company.tables.clone());
    let mut outcomes = each(world, items, step);
    if outcomes.iter().any(Result::is_err) {
        if let (Some(company), Some(before)) = (world.companies.get_mut(&caller.company), before) {
            company.tables = before;
        }
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
            *outcome = Err(ApiError::api(422, "unprocessed", "Skipped because another record failed"));
        }
    }
    outcomes
}

fn entry(success: u16, outcome: Result<Option<Value>, ApiError>) -> Value {
    match outcome {
        Ok(Some(done)) => json!({ "ia::status": success, "ia::result": done }),
        Ok(None) => json!({ "ia::status": success }),
        Err(error) => json!({ "ia::status": error.status, "ia::error": error.object() }),
    }
}
