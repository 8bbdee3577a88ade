//! `/objects/{application}/{object}[/{key}]`: list, read, create, update, delete.

use serde_json::{Value, json};

use super::catalogue::{ObjectType, Verb, find};
use super::company::Company;
use super::entity;
use super::envelope::{self, ApiError};
use super::payload::{self, Payload};
use super::permission::{self, Action};
use super::record::Fields;
use super::session::Caller;
use super::state::World;
use super::{amount, batch};
use crate::exchange::{Call, Reply};

const LIST_PAGE: usize = 100;

/// Answers a call under `/objects/`; `path` is what follows.
pub(crate) fn answer(world: &mut World, call: &Call, caller: &Caller, path: &str) -> Result<Reply, ApiError> {
    let path = percent_decode(path);
    let mut parts = path.trim_end_matches('/').splitn(3, '/');
    let (Some(application), Some(name), keys) = (parts.next(), parts.next(), parts.next()) else {
        return Err(ApiError::bad_request("Malformed URL"));
    };
    let path = format!("{application}/{name}");
    let object = find(&path).ok_or_else(|| ApiError::not_found(&path))?;
    match (call.method.as_str(), keys) {
        ("GET", None) => list(world, call, caller, object),
        ("GET", Some(key)) => read(world, caller, object, key),
        ("POST", None) => batch::create(world, call, caller, object),
        ("PATCH", Some(key)) => {
            let body = batch::body(call, "UPDATE")?;
            update(world, caller, object, key, &body).map(|done| envelope::result(200, &done))
        }
        ("DELETE", Some(keys)) => batch::delete(world, call, caller, object, keys),
        _ => Err(method_not_allowed()),
    }
}

pub(crate) fn method_not_allowed() -> ApiError {
    ApiError::api(405, "invalidRequest", "The method is not allowed here")
}

fn percent_decode(path: &str) -> String {
    // The form decoder would turn a plus sign into a blank, which paths do not do.
    let escaped = path.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(escaped.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

fn gate<'w>(
    world: &'w World,
    caller: &Caller,
    object: &ObjectType,
    verb: Verb,
    action: Action,
) -> Result<&'w Company, ApiError> {
    let company = world.companies.get(&caller.company).ok_or_else(|| ApiError::not_found("company"))?;
    if !object.verbs.contains(&verb) {
        return Err(method_not_allowed());
    }
    permission::check(company, &world.knobs, caller, object, action)?;
    Ok(company)
}

fn list(world: &World, call: &Call, caller: &Caller, object: &ObjectType) -> Result<Reply, ApiError> {
    let company = gate(world, caller, object, Verb::Read, Action::List)?;
    let number = |name, default| match call.parameter(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| ApiError::bad_request(format!("{name} is not a valid number"))),
    };
    let (start, size) = (number("start", 1)?, number("size", LIST_PAGE)?.min(super::query::MAX_SIZE));
    let rows: Vec<Value> = company
        .rows(object.path)
        .filter(|row| entity::lists(caller, row, false) && permission::is_listed(company, object, row))
        .map(|row| Value::Object(row.handle(object.path)))
        .collect();
    Ok(page(&rows, start, size))
}

/// One page of rows under `ia::result`, with the paging block of `ia::meta`.
pub(crate) fn page(rows: &[Value], start: usize, size: usize) -> Reply {
    let total = rows.len();
    let shown: Vec<_> = rows.iter().skip(start - 1).take(size).cloned().collect();
    let next = (start.saturating_add(size) <= total).then_some(start.saturating_add(size));
    let previous = (start > 1).then(|| start.saturating_sub(size).max(1));
    let meta = json!({
        "totalCount": total, "start": start, "pageSize": size, "next": next, "previous": previous,
    });
    envelope::with_meta(200, &shown.into(), &meta)
}

fn read(world: &World, caller: &Caller, object: &ObjectType, key: &str) -> Result<Reply, ApiError> {
    let company = gate(world, caller, object, Verb::Read, Action::View)?;
    let key = visible_key(company, caller, object, key)?;
    Ok(envelope::result(200, &full_view(company, object, key).into()))
}

/// The key, if the caller can address a record by it.
fn visible_key(company: &Company, caller: &Caller, object: &ObjectType, key: &str) -> Result<u64, ApiError> {
    let record = key.parse().ok().and_then(|key| company.by_key(object.path, key));
    record
        .filter(|record| entity::reaches(caller, record) && permission::is_listed(company, object, record))
        .map(|record| record.key)
        .ok_or_else(|| ApiError::not_found(&format!("{} {key}", object.path)))
}

/// A record with what is kept elsewhere: its lines, and a role's assignments.
fn full_view(company: &Company, object: &ObjectType, key: u64) -> Fields {
    let Some(record) = company.by_key(object.path, key) else { return Fields::new() };
    let mut view = record.view(object.path);
    let attached = |path: &str, owner: &str| -> Value {
        let rows = company.rows(path).filter(|row| row.reference_key(owner) == Some(key));
        rows.map(|row| Value::Object(row.view(path))).collect()
    };
    if let Some((path, owner)) = object.lines {
        view.insert("lines".into(), attached(path, owner));
    }
    if object.path == "company-config/user" {
        let items = view.get_mut("permissionAssignments").and_then(Value::as_array_mut);
        for permission in
            items.into_iter().flatten().filter_map(|item| item.get_mut("permission")?.as_object_mut())
        {
            // A user's own assignments name the permission by key and id alone.
            permission.retain(|name, _| ["key", "id", "href"].contains(&name.as_str()));
        }
    } else if object.path == "company-config/role" {
        view.insert(
            "rolePermissionAssignments".into(),
            attached("company-config/role-permission-assignment", "role"),
        );
    }
    view
}

/// Creates one record and answers its `key`, `id` and `href`.
pub(crate) fn create(
    world: &mut World,
    caller: &Caller,
    object: &'static ObjectType,
    body: &Value,
) -> Result<Value, ApiError> {
    let company = gate(world, caller, object, Verb::Create, Action::Add)?;
    let payload = payload::check(company, &world.knobs, object, body, None)?;
    if payload.id.as_ref().is_some_and(|id| company.by_id(object.path, id).is_some()) {
        let text = "Another record has this id";
        let details = vec![envelope::plain_detail(text, "/id")];
        return Err(ApiError::operation_failed(409, "CREATE", object.path, details));
    }
    check_lines(object, &payload, "CREATE")?;
    check_features(company, object, &payload)?;
    let company = company_mut(world, caller)?;
    let Payload { id, mut fields, lines } = payload;
    let assignments = take_assignments(object, &mut fields);
    // A record made inside an entity belongs to it; one made at the top level is shared.
    let key = company.insert(object, id, caller.entity.clone(), fields);
    set_defaults(company, object, key);
    if let Some(lines) = lines {
        store_lines(company, object, key, lines);
    }
    store_assignments(company, key, &assignments);
    let handle = company.by_key(object.path, key).map(|record| record.handle(object.path));
    Ok(handle.unwrap_or_default().into())
}

/// Updates one record and answers its `key`, `id` and `href`.
pub(crate) fn update(
    world: &mut World,
    caller: &Caller,
    object: &'static ObjectType,
    key: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    let company = gate(world, caller, object, Verb::Update, Action::Edit)?;
    let key = visible_key(company, caller, object, key)?;
    let payload = payload::check(company, &world.knobs, object, body, company.by_key(object.path, key))?;
    check_lines(object, &payload, "UPDATE")?;
    let company = company_mut(world, caller)?;
    let Payload { mut fields, lines, .. } = payload;
    let assignments = take_assignments(object, &mut fields);
    let table = company.tables.get_mut(object.path);
    let Some(record) = table.and_then(|table| table.get_mut(&key)) else {
        return Err(ApiError::not_found(object.path));
    };
    merge(&mut record.fields, fields);
    let handle = record.handle(object.path);
    if let Some(lines) = lines {
        store_lines(company, object, key, lines);
    }
    store_assignments(company, key, &assignments);
    Ok(handle.into())
}

/// Deletes one record and what hangs on it.
pub(crate) fn delete(
    world: &mut World,
    caller: &Caller,
    object: &'static ObjectType,
    key: &str,
) -> Result<(), ApiError> {
    let company = gate(world, caller, object, Verb::Delete, Action::Delete)?;
    let key = visible_key(company, caller, object, key)?;
    let company = company_mut(world, caller)?;
    company.remove(object.path, key);
    if let Some((path, owner)) = object.lines {
        remove_owned(company, path, owner, key);
    }
    if object.path == "company-config/role" {
        remove_owned(company, "company-config/role-permission-assignment", "role", key);
    }
    Ok(())
}

fn company_mut<'w>(world: &'w mut World, caller: &Caller) -> Result<&'w mut Company, ApiError> {
    world.companies.get_mut(&caller.company).ok_or_else(|| ApiError::not_found("company"))
}

fn merge(old: &mut Fields, new: Fields) {
    for (name, value) in new {
        match (old.get_mut(&name), value) {
            (Some(Value::Object(group)), Value::Object(change)) if !change.contains_key("key") => {
                merge(group, change);
            }
            (_, value) => {
                old.insert(name, value);
            }
        }
    }
}

fn check_lines(object: &ObjectType, payload: &Payload, operation: &str) -> Result<(), ApiError> {
    let Some(lines) = &payload.lines else { return Ok(()) };
    let balanced = object.path != "general-ledger/journal-entry" || amount::balances(lines);
    match amount::total(lines) {
        Some(_) if balanced => Ok(()),
        Some(_) => {
            let text = "Debits and credits do not balance";
            Err(payload::failed(operation, object, vec![envelope::plain_detail(text, "/lines")]))
        }
        None => {
            let text = "txnAmount of every line must be a decimal number";
            Err(payload::failed(operation, object, vec![envelope::plain_detail(text, "/lines")]))
        }
    }
}

/// The switch that lets invoices name accounts; a refusal about permissions in the guise of a business rule.
fn check_features(company: &Company, object: &ObjectType, payload: &Payload) -> Result<(), ApiError> {
    let lines = payload.lines.iter().flatten();
    let named = lines.filter(|line| line.contains_key("glAccount")).count();
    if company.account_override || object.path != "accounts-receivable/invoice" || named == 0 {
        return Ok(());
    }
    let text = "This needs configuration changes or user permissions";
    let details = vec![envelope::detail("AR-0279", "", text, "/lines")];
    Err(payload::failed("CREATE", object, details))
}

fn set_defaults(company: &mut Company, object: &ObjectType, key: u64) {
    let Some(record) = company.tables.get_mut(object.path).and_then(|table| table.get_mut(&key)) else {
        return;
    };
    if object.field("status").is_some() {
        record.fields.entry("status").or_insert_with(|| "active".into());
    }
    if object.field("state").is_some() {
        record.fields.insert("state".into(), "posted".into());
    }
    if object.path == "company-config/user" {
        record.fields.entry("adminPrivileges").or_insert_with(|| "off".into());
        record.fields.entry("roles").or_insert_with(|| json!([]));
    }
}

pub(crate) fn store_lines(company: &mut Company, object: &ObjectType, key: u64, lines: Vec<Fields>) {
    let Some((path, owner)) = object.lines else { return };
    let Some(line_type) = find(path) else { return };
    let Some(record) = company.by_key(object.path, key) else { return };
    let (reference, entity) = (company.reference(object.path, record), record.entity.clone());
    let total = amount::total(&lines).unwrap_or_default();
    remove_owned(company, path, owner, key);
    for (index, mut line) in lines.into_iter().enumerate() {
        line.insert(owner.into(), reference.clone());
        line.insert("lineNumber".into(), (index + 1).into());
        company.insert(line_type, None, entity.clone(), line);
    }
    let table = company.tables.get_mut(object.path);
    if let Some(record) = table.and_then(|table| table.get_mut(&key))
        && object.field("totalTxnAmount").is_some()
    {
        for name in ["totalTxnAmount", "totalTxnAmountDue"] {
            record.fields.insert(name.into(), amount::text(total).into());
        }
    }
}

fn remove_owned(company: &mut Company, path: &str, owner: &str, key: u64) {
    if let Some(table) = company.tables.get_mut(path) {
        table.retain(|_, row| row.reference_key(owner) != Some(key));
    }
}

fn take_assignments(object: &ObjectType, fields: &mut Fields) -> Vec<Value> {
    if object.path != "company-config/role" {
        return Vec::new();
    }
    match fields.remove("rolePermissionAssignments") {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// A role's assignments are records of their own; a second one for the same permission replaces the first.
fn store_assignments(company: &mut Company, role: u64, items: &[Value]) {
    for item in items {
        let rights: Vec<&str> = item
            .get("accessRights")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if let Some(permission) = item.get("permission").and_then(super::record::reference_key) {
            company.assign(role, permission, &rights);
        }
    }
}
