//! `POST /services/core/composite`: up to ten calls in a row, without rollback.

use std::collections::HashMap;

use axum::http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::envelope::{self, ApiError};
use super::session::Caller;
use super::state::World;
use crate::exchange::{Call, Reply};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubRequest {
    method: String,
    path: String,
    body: Option<Value>,
    result_reference: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
}

/// Runs the sub-requests until one fails; the answer ends with that one.
///
/// A later request may use `@{reference.field}` of an earlier result; the notation is this
/// simulator's, since the material read does not show the service's.
pub(crate) fn answer(world: &mut World, call: &Call, caller: &Caller) -> Result<Reply, ApiError> {
    let requests: Vec<SubRequest> = serde_json::from_value(super::batch::body(call, "COMPOSITE")?)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    if !(2..=10).contains(&requests.len()) {
        return Err(ApiError::bad_request("A composite request holds 2 to 10 requests"));
    }
    let mut results: HashMap<String, Value> = HashMap::new();
    let mut entries = Vec::new();
    let mut failed = 0;
    for request in &requests {
        let outcome = sub_call(request, call, &results).and_then(|sub| run(world, &sub, caller));
        match outcome {
            Ok(mut entry) => {
                if let (Some(name), Some(result)) = (&request.result_reference, entry.get_mut("ia::result")) {
                    results.insert(name.clone(), result.clone());
                }
                entries.push(entry);
            }
            Err(error) => {
                failed = 1;
                entries.push(json!({ "ia::status": error.status, "ia::error": error.object() }));
                break;
            }
        }
    }
    let meta = json!({
        "totalCount": entries.len(), "totalSuccess": entries.len() - failed, "totalError": failed,
    });
    Ok(envelope::with_meta(if failed == 0 { 200 } else { 207 }, &entries.into(), &meta))
}

fn run(world: &mut World, call: &Call, caller: &Caller) -> Result<Value, ApiError> {
    let path = call.path.as_str();
    // Composite inside composite would have no bound.
    if path.starts_with("services/core/composite") {
        return Err(ApiError::bad_request("Malformed URL"));
    }
    let caller = super::session::rescope(world, caller, call)?;
    let reply = super::gateway::api(world, call, &caller, path)?;
    let mut entry = json!({ "ia::status": reply.status });
    if let Ok(Value::Object(body)) = serde_json::from_str(&reply.body) {
        for (name, value) in body {
            entry[name.as_str()] = value;
        }
    }
    Ok(entry)
}

fn sub_call(request: &SubRequest, outer: &Call, results: &HashMap<String, Value>) -> Result<Call, ApiError> {
    let method = Method::from_bytes(request.method.to_uppercase().as_bytes())
        .map_err(|_| ApiError::bad_request("The method of a sub-request is invalid"))?;
    let path = fill(&request.path, results);
    let path = path.trim_start_matches(super::API_ROOT).trim_start_matches('/');
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut headers = outer.headers.clone();
    for (name, value) in &request.headers {
        let value = value.as_str().unwrap_or_default();
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    let body = request.body.as_ref().map(|body| fill(&body.to_string(), results)).unwrap_or_default();
    Ok(Call { method, path: path.to_owned(), query: query.to_owned(), headers, body: body.into() })
}

fn fill(text: &str, results: &HashMap<String, Value>) -> String {
    results.iter().fold(text.to_owned(), |text, (name, result)| {
        let fields = result.as_object().into_iter().flatten();
        fields.fold(text, |text, (field, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.replace(&format!("@{{{name}.{field}}}"), &value)
        })
    })
}
