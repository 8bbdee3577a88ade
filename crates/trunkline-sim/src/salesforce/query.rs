//! Runs queries, page by page, with the rights of the user who asks.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Value, json};

use super::computed;
use super::error::RestError;
use super::filter::Path;
use super::org::Org;
use super::record::{Fields, Record};
use super::rights::{RecordRights, Rights};
use super::schema::{Access, ObjectType};
use super::session::Caller;
use super::soql::{self, Order, Query};
use super::state::{Who, World};
use crate::exchange::Call;
use crate::random;

/// Open cursors of one user; one more closes the oldest.
const MAX_CURSORS: usize = 10;
/// What a client may ask a page to hold.
const PAGE: (usize, usize) = (200, 2000);

/// What a query found and has not yet delivered.
#[derive(Debug)]
pub(crate) struct Cursor {
    who: Who,
    number: usize,
    records: Vec<Value>,
}

/// An org as one user sees it.
#[derive(Debug)]
pub(crate) struct Reader<'o> {
    pub(crate) world: &'o World,
    pub(crate) org: &'o Org,
    pub(crate) rights: Rights<'o>,
    pub(crate) who: &'o Who,
    pub(crate) version: &'o str,
    /// Whether deleted records are seen too.
    pub(crate) with_deleted: bool,
}

impl<'o> Reader<'o> {
    pub(crate) fn new(world: &'o World, who: &'o Who, version: &'o str) -> Result<Self, RestError> {
        let org = world.org(&who.org).ok_or_else(RestError::session)?;
        let rights = Rights::of(org, &who.user, world.clock.now_s());
        Ok(Self { world, org, rights, who, version, with_deleted: false })
    }

    /// An object that the user may read.
    pub(crate) fn object(&self, name: &str) -> Option<&'o ObjectType> {
        self.org.object(name).filter(|object| self.rights.object(object).read)
    }

    /// What the user may see of an object, and what the query asks for in it.
    fn select(&self, query: &Query) -> Result<(&'o ObjectType, Vec<Cow<'o, Record>>), RestError> {
        let object = self.object(&query.object).ok_or_else(|| RestError::no_such_type(&query.object))?;
        let check = query.condition.as_ref().map(|condition| self.check(object, condition)).transpose()?;
        let rights = self.rights.object(object);
        let all: Vec<Cow<'o, Record>> = match object.access {
            Access::Computed => computed::rows(self, object, query)?.into_iter().map(Cow::Owned).collect(),
            _ => {
                let table = self.org.tables.get(&object.name);
                table.into_iter().flat_map(|table| table.values()).map(Cow::Borrowed).collect()
            }
        };
        let mut found: Vec<_> = all
            .into_iter()
            .filter(|record| !record.deleted || self.with_deleted)
            .filter(|record| check.as_ref().is_none_or(|check| self.holds(check, record)))
            .filter(|record| self.rights.record_under(rights, object, record) > RecordRights::Nothing)
            .collect();
        let order = query
            .order
            .iter()
            .map(|order| Ok((self.path(object, &order.field)?, order)))
            .collect::<Result<Vec<_>, RestError>>()?;
        found.sort_by(|left, right| self.order(&order, left, right));
        let limit = query.limit.unwrap_or(usize::MAX);
        Ok((object, found.into_iter().skip(query.offset).take(limit).collect()))
    }

    fn order(&self, order: &[(Path<'_>, &Order)], left: &Record, right: &Record) -> Ordering {
        let one = |(path, order): &(Path<'_>, &Order)| {
            let (left, right) = (self.value(left, path), self.value(right, path));
            match (left.is_null(), right.is_null()) {
                (true, true) => Ordering::Equal,
                (true, false) if order.nulls_last => Ordering::Greater,
                (true, false) => Ordering::Less,
                (false, true) if order.nulls_last => Ordering::Less,
                (false, true) => Ordering::Greater,
                _ if order.descending => ascending(right, left),
                _ => ascending(left, right),
            }
        };
        order.iter().map(one).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// The first column of a sub-select.
    pub(crate) fn column(&self, query: &Query) -> Result<Vec<Value>, RestError> {
        let field = query.fields.as_ref().and_then(|fields| fields.first());
        let field = field.ok_or_else(|| RestError::malformed_query("a sub-select needs a field"))?;
        let (object, found) = self.select(query)?;
        let path = self.path(object, field)?;
        Ok(found.iter().map(|record| self.value(record, &path).clone()).collect())
    }

    /// Everything that a query finds, in the form of its answer.
    fn run(&self, query: &Query) -> Result<(usize, Vec<Value>), RestError> {
        let (object, found) = self.select(query)?;
        let Some(fields) = &query.fields else { return Ok((found.len(), Vec::new())) };
        let paths = fields.iter().map(|field| self.path(object, field)).collect::<Result<Vec<_>, _>>()?;
        let records = found.iter().map(|record| self.view(object, record, &paths)).collect();
        Ok((found.len(), records))
    }

    /// A record with these fields, related ones inside the records they come from.
    pub(crate) fn view(&self, object: &ObjectType, record: &Record, paths: &[Path<'_>]) -> Value {
        let mut view = self.attributes(object, record);
        for path in paths {
            self.put(&mut view, record, &path.steps, path);
        }
        Value::Object(view)
    }

    fn put(
        &self,
        view: &mut Fields,
        record: &Record,
        steps: &[(&super::schema::Field, &str, &ObjectType)],
        path: &Path<'_>,
    ) {
        let Some(((field, relation, target), rest)) = steps.split_first() else {
            view.insert(path.field.name.clone(), record.get(&path.field.name).clone());
            return;
        };
        let Some(next) = self.org.find(&target.name, record.text(&field.name)) else {
            view.insert((*relation).to_owned(), Value::Null);
            return;
        };
        let entry = view
            .entry((*relation).to_owned())
            .or_insert_with(|| Value::Object(self.attributes(target, next)));
        if let Value::Object(inner) = entry {
            self.put(inner, next, rest, path);
        }
    }

    fn attributes(&self, object: &ObjectType, record: &Record) -> Fields {
        let id = record.text("Id");
        let mut attributes = json!({ "type": object.name });
        if !id.is_empty() {
            let url = format!("/services/data/v{}/sobjects/{}/{id}", self.version, object.name);
            attributes["url"] = url.into();
        }
        Fields::from_iter([("attributes".to_owned(), attributes)])
    }
}

fn ascending(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.to_lowercase().cmp(&right.to_lowercase()),
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        _ => Ordering::Equal,
    }
}

/// `GET query?q=…` and `GET queryAll?q=…`.
pub(crate) fn start(
    world: &mut World,
    caller: &Caller,
    call: &Call,
    version: &str,
    with_deleted: bool,
) -> Result<Value, RestError> {
    let text = call.parameter("q").ok_or_else(|| RestError::malformed_query("the query is missing"))?;
    let query = soql::parse(&text)?;
    let mut reader = Reader::new(world, &caller.who, version)?;
    reader.with_deleted = with_deleted;
    let (total, records) = reader.run(&query)?;
    let page = page_size(world, call);
    if records.len() <= page {
        return Ok(json!({ "totalSize": total, "done": true, "records": records }));
    }
    let id = format!("01gxx{}", random::hex::<5>());
    let number = world.cursors.values().map(|cursor| cursor.number + 1).max().unwrap_or_default();
    let cursor = Cursor { who: caller.who.clone(), number, records };
    let answer = page_of(&id, &cursor, 0, page, version);
    let mut own: Vec<_> = world
        .cursors
        .iter()
        .filter(|(_, it)| it.who == caller.who)
        .map(|(id, it)| (it.number, id.clone()))
        .collect();
    own.sort();
    for (_, id) in own.iter().take((own.len() + 1).saturating_sub(MAX_CURSORS)) {
        world.cursors.remove(id);
    }
    world.cursors.insert(id, cursor);
    Ok(answer)
}

/// `GET query/{locator}`: the next page, as often as it is asked for.
pub(crate) fn next(
    world: &World,
    caller: &Caller,
    call: &Call,
    version: &str,
    locator: &str,
) -> Result<Value, RestError> {
    let unknown = || RestError::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    let (id, from) = locator.split_once('-').ok_or_else(unknown)?;
    let from: usize = from.parse().map_err(|_| unknown())?;
    let cursor = world.cursors.get(id).filter(|cursor| cursor.who == caller.who).ok_or_else(unknown)?;
    if from > cursor.records.len() {
        return Err(unknown());
    }
    Ok(page_of(id, cursor, from, page_size(world, call), version))
}

fn page_of(id: &str, cursor: &Cursor, from: usize, page: usize, version: &str) -> Value {
    let total = cursor.records.len();
    let to = from.saturating_add(page).min(total);
    let records = cursor.records.get(from..to).unwrap_or_default();
    let mut answer = json!({ "totalSize": total, "done": to == total, "records": records });
    if to < total {
        answer["nextRecordsUrl"] = format!("/services/data/v{version}/query/{id}-{to}").into();
    }
    answer
}

/// What `Sforce-Query-Options: batchSize=…` asks for, within bounds.
fn page_size(world: &World, call: &Call) -> usize {
    let asked = call.header("sforce-query-options").and_then(|options| {
        let (_, size) = options.split(',').find_map(|option| option.trim().split_once("batchSize="))?;
        size.trim().parse::<usize>().ok()
    });
    asked.map_or(world.knobs.query_page.max(1), |size| size.clamp(PAGE.0, PAGE.1))
}
