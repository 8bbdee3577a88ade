//! `POST /services/core/query`.

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::catalogue::{COMMON, Kind, ObjectType, find};
use super::entity;
use super::envelope::{ApiError, detail};
use super::filter::{self, Filter};
use super::knobs::{Knobs, UnknownFields};
use super::objects;
use super::permission::{self, Action};
use super::record::{Fields, lookup};
use super::session::Caller;
use super::state::World;
use crate::exchange::{Call, Reply};

pub(crate) const MAX_SIZE: usize = 4000;

/// A query. Unknown members are refused: `caseSensitiveComparison` at this level is a known mistake.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Query {
    object: String,
    fields: Vec<String>,
    #[serde(default)]
    filters: Vec<Value>,
    filter_expression: Option<String>,
    #[serde(default)]
    filter_parameters: FilterParameters,
    #[serde(default)]
    order_by: Vec<Map<String, Value>>,
    start: Option<usize>,
    size: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FilterParameters {
    case_sensitive_comparison: Option<bool>,
    include_private: Option<bool>,
    // Accepted, and without effect on the seeded data.
    #[serde(rename = "asOfDate")]
    _as_of_date: Option<String>,
    #[serde(rename = "includeHierarchyFields")]
    _include_hierarchy_fields: Option<bool>,
}

pub(crate) fn answer(world: &World, call: &Call, caller: &Caller) -> Result<Reply, ApiError> {
    let body = super::batch::body(call, "QUERY")?;
    let query: Query =
        serde_json::from_value(body).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let object = find(&query.object).ok_or_else(|| ApiError::not_found(&query.object))?;
    let company = world.companies.get(&caller.company).ok_or_else(|| ApiError::not_found("company"))?;
    permission::check(company, &world.knobs, caller, object, Action::List)?;
    check_fields(object, &world.knobs, &query.fields)?;

    let case_sensitive = query.filter_parameters.case_sensitive_comparison.unwrap_or(true);
    let filter = Filter::parse(&query.filters, query.filter_expression.as_deref(), case_sensitive)
        .map_err(ApiError::bad_request)?;
    let (start, size) = window(&query)?;
    let private = query.filter_parameters.include_private.unwrap_or(false);
    let mut rows: Vec<Fields> = company
        .rows(object.path)
        .filter(|row| entity::lists(caller, row, private) && permission::is_listed(company, object, row))
        .map(|row| row.view(object.path))
        .filter(|view| filter.accepts(view))
        .collect();
    sort(&mut rows, &query.order_by)?;
    let rows: Vec<Value> = rows.iter().map(|row| select(row, &query.fields)).collect();
    Ok(objects::page(&rows, start, size))
}

fn window(query: &Query) -> Result<(usize, usize), ApiError> {
    let (start, size) = (query.start.unwrap_or(1), query.size.unwrap_or(100));
    if start == 0 || size == 0 || size > MAX_SIZE {
        return Err(ApiError::bad_request(format!("start counts from 1, size is 1 to {MAX_SIZE}")));
    }
    Ok((start, size))
}

fn check_fields(object: &ObjectType, knobs: &Knobs, fields: &[String]) -> Result<(), ApiError> {
    if fields.is_empty() {
        return Err(ApiError::bad_request("fields must name at least one field"));
    }
    let invalid = |name: &str| {
        let head = name.split('.').next().unwrap_or(name);
        let listed = object.field(head);
        let unknown = listed.is_none() && !COMMON.contains(&head);
        name == "*"
            || name == "href"
            || listed.is_some_and(|field| field.kind == Kind::List)
            || (unknown && knobs.unknown_fields == UnknownFields::Refuse)
    };
    let errors: Vec<Value> = fields
        .iter()
        .enumerate()
        .filter(|(_, name)| invalid(name))
        .map(|(index, name)| {
            let text = format!("{name} is not a valid field");
            detail("REST-1043", "IA.NOT_A_VALID_FIELD", &text, &format!("/fields/{index}"))
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(ApiError::payload_errors(errors)) }
}

/// Flat row: dotted names stay one key.
fn select(row: &Fields, fields: &[String]) -> Value {
    fields
        .iter()
        .map(|name| (name.clone(), lookup(row, name).cloned().unwrap_or(Value::Null)))
        .collect::<Fields>()
        .into()
}

fn sort(rows: &mut [Fields], order_by: &[Map<String, Value>]) -> Result<(), ApiError> {
    let mut keys = Vec::new();
    for (field, direction) in order_by.iter().flatten() {
        let descending = match direction.as_str() {
            Some("asc") => false,
            Some("desc") => true,
            _ => return Err(ApiError::bad_request("orderBy takes asc or desc")),
        };
        keys.push((field.as_str(), descending));
    }
    rows.sort_by(|left, right| {
        keys.iter()
            .map(|(field, descending)| {
                let order = filter::compare(
                    lookup(left, field).unwrap_or(&Value::Null),
                    lookup(right, field).unwrap_or(&Value::Null),
                );
                if *descending { order.reverse() } else { order }
            })
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    });
    Ok(())
}
