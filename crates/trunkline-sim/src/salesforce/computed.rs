//! Objects whose rows are made for each query: what users may do, and their approvals.

use serde_json::{Value, json};

use super::error::RestError;
use super::org::object_of;
use super::query::Reader;
use super::record::Record;
use super::rights::{RecordRights, Rights};
use super::schema::ObjectType;
use super::soql::{Condition, Literal, Query, Set};
use crate::clock::service_time;

/// Records that one query may ask about.
const MAX_RECORDS: usize = 200;

pub(crate) fn rows(
    reader: &Reader<'_>,
    object: &ObjectType,
    query: &Query,
) -> Result<Vec<Record>, RestError> {
    let rows = match object.name.as_str() {
        "UserEntityAccess" => entities(reader),
        "UserFieldAccess" => fields(reader),
        "UserRecordAccess" => records(reader, query)?,
        _ => approvals(reader),
    };
    Ok(rows.into_iter().map(|row| Record::new(object_of(row))).collect())
}

/// The users that may be asked about: everybody by those who view setup, else only oneself.
fn users<'r>(reader: &'r Reader<'_>) -> Vec<(&'r str, Rights<'r>)> {
    let all = reader.rights.system("PermissionsViewSetup");
    let now_s = reader.world.clock.now_s();
    let users = reader.org.users.iter().filter(|user| all || user.id == reader.who.user);
    users.map(|user| (user.id.as_str(), Rights::of(reader.org, &user.id, now_s))).collect()
}

fn entities(reader: &Reader<'_>) -> Vec<Value> {
    let mut rows = Vec::new();
    for (user, rights) in users(reader) {
        for object in reader.org.schema.values() {
            let may = rights.object(object);
            rows.push(json!({
                "DurableId": format!("{user}.{}", object.name), "UserId": user,
                "EntityDefinitionId": object.name, "IsReadable": may.read, "IsCreatable": may.create,
                "IsEditable": may.edit, "IsDeletable": may.delete, "IsUndeletable": may.delete,
                "IsMergeable": false,
            }));
        }
    }
    rows
}

fn fields(reader: &Reader<'_>) -> Vec<Value> {
    let mut rows = Vec::new();
    for (user, rights) in users(reader) {
        for object in reader.org.schema.values() {
            for field in &object.fields {
                let may = rights.field(object, field);
                let definition = format!("{}.{}", object.name, field.name);
                rows.push(json!({
                    "DurableId": format!("{user}.{definition}"), "UserId": user,
                    "EntityDefinitionId": object.name, "FieldDefinitionId": definition,
                    "IsAccessible": may.read, "IsCreatable": may.create, "IsUpdatable": may.update,
                }));
            }
        }
    }
    rows
}

fn records(reader: &Reader<'_>, query: &Query) -> Result<Vec<Value>, RestError> {
    let selected = query.fields.iter().flatten().any(|field| field.eq_ignore_ascii_case("RecordId"));
    let mut asked = Vec::new();
    if let Some(condition) = &query.condition {
        compared_with(condition, "RecordId", &mut asked);
    }
    if !selected || asked.is_empty() || asked.len() > MAX_RECORDS {
        let message = "UserRecordAccess wants RecordId selected and filtered, for 200 records at most";
        return Err(RestError::malformed_query(message));
    }
    let mut rows = Vec::new();
    for (user, rights) in users(reader) {
        for id in &asked {
            let object = reader.org.object_of(id);
            let record = object.and_then(|object| reader.org.find(&object.name, id));
            let found = object.zip(record).filter(|(_, record)| !record.deleted);
            let may = found.map_or(RecordRights::Nothing, |(object, record)| rights.record(object, record));
            rows.push(json!({
                "UserId": user, "RecordId": id, "HasReadAccess": may >= RecordRights::Read,
                "HasEditAccess": may >= RecordRights::Edit, "HasDeleteAccess": may == RecordRights::All,
                "HasTransferAccess": may == RecordRights::All, "MaxAccessLevel": format!("{may:?}")
                    .replace("Nothing", "None"),
            }));
        }
    }
    Ok(rows)
}

/// Texts that a field is compared with.
fn compared_with(condition: &Condition, name: &str, found: &mut Vec<String>) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().for_each(|condition| compared_with(condition, name, found));
        }
        Condition::Not(inner) => compared_with(inner, name, found),
        Condition::Compare { field, value: Literal::Text(text), .. } if field.eq_ignore_ascii_case(name) => {
            found.push(text.clone());
        }
        Condition::In { field, values: Set::List(list) } if field.eq_ignore_ascii_case(name) => {
            found.extend(list.iter().filter_map(|literal| match literal {
                Literal::Text(text) => Some(text.clone()),
                _ => None,
            }));
        }
        _ => {}
    }
}

/// `OauthToken`: a user's own, or everybody's for those who customise applications.
fn approvals(reader: &Reader<'_>) -> Vec<Value> {
    let all = reader.rights.system("PermissionsCustomizeApplication");
    let world = reader.world;
    let grants = world.grants.iter().filter(|grant| {
        let seen = all || grant.who.user == reader.who.user;
        seen && grant.ended.is_none() && grant.refresh_token.is_some() && grant.who.org == reader.who.org
    });
    grants
        .map(|grant| {
            json!({
                "AppName": world.app(&grant.client).map(|app| app.name.clone()),
                "UserId": grant.who.user, "LastUsedDate": service_time(grant.used_at_s),
                "UseCount": grant.counts.refreshed, "RequestToken": null, "DeleteToken": grant.delete_token,
            })
        })
        .collect()
}
