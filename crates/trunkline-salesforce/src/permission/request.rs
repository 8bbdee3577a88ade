//! Which operations a request is.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value};
use trunkline_core::http::Method;
use trunkline_core::permission::{Action, Operation, Outgoing, Reason, Unknown};
use trunkline_core::url::form_urlencoded;

use super::judge::spelt;
use super::objects;
use super::soql::{self, Selected};
use super::subject::{is_id, is_name, is_path};

/// Most requests inside one, by Salesforce's documentation: of `composite` and `composite/batch`, and of all
/// graphs together.
const MAX_COMPOSITE: usize = 500;

/// Deepest nesting of a tree of records.
const MAX_LEVELS: usize = 5;

/// Each operation once, in the order in which they come.
pub(super) fn operations(request: &Outgoing<'_>) -> Result<Vec<Operation>, Unknown> {
    let mut found = Found::default();
    found.add_request(request.method, request.path, &Body::Text(request.body), true)?;
    Ok(found.operations)
}

fn unmapped() -> Unknown {
    Unknown::new(Reason::NotMapped, "no operation is known of this method and path")
}

fn unreadable() -> Unknown {
    Unknown::new(Reason::DependsOnRecord, "the request does not say which objects it is about")
}

/// What a request carries: as it is sent, or as it stands inside another one.
enum Body<'a> {
    Text(&'a [u8]),
    Inner(&'a Value),
}

impl Body<'_> {
    fn json(&self) -> Option<Cow<'_, Value>> {
        match self {
            Self::Text(text) => serde_json::from_slice(text).ok().map(Cow::Owned),
            Self::Inner(value) => Some(Cow::Borrowed(value)),
        }
    }

    fn read<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Unknown> {
        let json = self.json().ok_or_else(unreadable)?;
        T::deserialize(json.as_ref()).map_err(|_| unreadable())
    }
}

#[derive(Default)]
struct Found {
    operations: Vec<Operation>,
    known: HashSet<Operation>,
}

impl Found {
    /// `outer`: whether it may hold others.
    fn add_request(
        &mut self,
        method: &Method,
        path: &str,
        body: &Body<'_>,
        outer: bool,
    ) -> Result<(), Unknown> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query = query.split('#').next().unwrap_or_default();
        let parts: Vec<Cow<'_, str>> =
            below_version(path).split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        let parameter = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value)
        };
        // Clients without PATCH say it so.
        let method = match parameter("_HttpMethod") {
            Some(name) => Method::from_bytes(name.as_bytes()).map_err(|_| unmapped())?,
            None => method.clone(),
        };
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        match (method, &parts[..]) {
            // They need the scope and the API alone.
            ("GET", [] | ["sobjects"] | ["limits"]) => Ok(()),
            ("GET", ["query" | "queryAll"]) => {
                let soql = parameter("q").or_else(|| parameter("explain")).ok_or_else(unreadable)?;
                self.add_selected(soql::query(&soql))
            }
            ("GET", ["search"]) => {
                let sosl = parameter("q").ok_or_else(unreadable)?;
                self.add_selected(soql::search(&sosl))
            }
            // The text of the query is on the page before.
            ("GET", ["query" | "queryAll", _]) => Err(unreadable()),
            (_, ["sobjects", object, rest @ ..]) => self.add_object(method, object, rest, body),
            (_, ["composite", "sobjects", rest @ ..]) => {
                let list = |name: &str| -> Vec<String> {
                    let text = parameter(name).unwrap_or_default();
                    text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
                };
                self.add_collection(method, rest, body, (&list("ids"), &list("fields")))
            }
            ("POST", ["composite", "tree", object]) => self.add_tree(object, body),
            ("POST", ["composite"]) if outer => self.add_inner(&body.read::<Composite>()?.composite_request),
            ("POST", ["composite", "batch"]) if outer => {
                self.add_inner(&body.read::<Batch>()?.batch_requests)
            }
            ("POST", ["composite", "graph"]) if outer => {
                let graphs = body.read::<Graphs>()?.graphs;
                graphs.iter().try_for_each(|graph| self.add_inner(&graph.composite_request))
            }
            _ => Err(unmapped()),
        }
    }

    fn add(&mut self, action: Action, object: &str, field: Option<&str>) -> Result<(), Unknown> {
        if !is_name(object) {
            return Err(unreadable());
        }
        let object = spelt(object);
        let operation = match field {
            // Whoever reads a record reads its id.
            Some(field) if field.eq_ignore_ascii_case("Id") => return Ok(()),
            Some(field) => Operation::new(action, format!("{object}.{field}")),
            None => Operation::new(action, object.to_owned()),
        };
        if self.known.insert(operation.clone()) {
            self.operations.push(operation);
        }
        Ok(())
    }

    fn add_selected(&mut self, selected: Option<Vec<Selected>>) -> Result<(), Unknown> {
        for Selected { object, fields } in selected.ok_or_else(unreadable)? {
            self.add(Action::LIST, &object, None)?;
            for field in &fields {
                self.add(Action::LIST, &object, Some(field))?;
            }
        }
        Ok(())
    }

    /// A record's own values. What stands for a related record is none of them.
    fn add_record(
        &mut self,
        action: &Action,
        object: &str,
        record: &Map<String, Value>,
    ) -> Result<(), Unknown> {
        self.add(action.clone(), object, None)?;
        let own = record
            .iter()
            .filter(|(name, value)| is_name(name) && !value.is_object() && *name != "attributes");
        for (name, _) in own {
            self.add(action.clone(), object, Some(name))?;
        }
        Ok(())
    }

    /// A body that is no JSON, such as a file's, tells no fields.
    fn add_body(&mut self, action: &Action, object: &str, body: &Body<'_>) -> Result<(), Unknown> {
        match body.json().as_deref() {
            Some(Value::Object(record)) => self.add_record(action, object, record),
            _ => self.add(action.clone(), object, None),
        }
    }

    /// What follows `sobjects/{object}`.
    fn add_object(
        &mut self,
        method: &str,
        object: &str,
        rest: &[&str],
        body: &Body<'_>,
    ) -> Result<(), Unknown> {
        match (method, rest) {
            // What is described, changed or deleted lately is shown to whoever may read the object.
            ("GET", [] | ["describe" | "deleted" | "updated"]) => self.add(Action::LIST, object, None),
            ("POST", []) => self.add_body(&Action::CREATE, object, body),
            (_, [id]) if is_record(id) => match method {
                "GET" => self.add(Action::READ, object, None),
                "PATCH" => self.add_body(&Action::UPDATE, object, body),
                "DELETE" => self.add(Action::DELETE, object, None),
                _ => Err(unmapped()),
            },
            (_, [key, _value]) if is_name(key) && !is_id(key) && !RESOURCES.contains(key) => {
                self.add_keyed(method, object, key, body)
            }
            _ => Err(unmapped()),
        }
    }

    /// A record that an external id names.
    fn add_keyed(&mut self, method: &str, object: &str, key: &str, body: &Body<'_>) -> Result<(), Unknown> {
        match method {
            "GET" => self.add(Action::READ, object, None)?,
            "DELETE" => self.add(Action::DELETE, object, None)?,
            "PATCH" => {
                self.add_body(&Action::CREATE, object, body)?;
                self.add_body(&Action::UPDATE, object, body)?;
                self.add(Action::CREATE, object, Some(key))?;
            }
            _ => return Err(unmapped()),
        }
        self.add(Action::READ, object, Some(key))
    }

    /// What follows `composite/sobjects`.
    fn add_collection(
        &mut self,
        method: &str,
        rest: &[&str],
        body: &Body<'_>,
        (ids, fields): (&[String], &[String]),
    ) -> Result<(), Unknown> {
        match (method, rest) {
            ("POST", []) => self.add_records(&[Action::CREATE], None, body),
            ("PATCH", []) => self.add_records(&[Action::UPDATE], None, body),
            ("PATCH", [object, key]) => {
                if !is_name(key) {
                    return Err(unmapped());
                }
                self.add_records(&[Action::CREATE, Action::UPDATE], Some(object), body)?;
                self.add(Action::READ, object, Some(key))
            }
            ("DELETE", []) if !ids.is_empty() => ids.iter().try_for_each(|id| {
                let row = objects::of_id(id).ok_or_else(unreadable)?;
                self.add(Action::DELETE, row.name, None)
            }),
            ("GET", [object]) => self.add_retrieved(object, fields),
            ("POST", [object]) => {
                let fields = body.read::<Retrieved>()?.fields;
                self.add_retrieved(object, &fields)
            }
            _ => Err(unmapped()),
        }
    }

    fn add_retrieved(&mut self, object: &str, fields: &[String]) -> Result<(), Unknown> {
        self.add(Action::READ, object, None)?;
        for field in fields {
            if !is_path(field) {
                return Err(unreadable());
            }
            self.add(Action::READ, object, Some(field))?;
        }
        Ok(())
    }

    fn add_records(
        &mut self,
        actions: &[Action],
        object: Option<&str>,
        body: &Body<'_>,
    ) -> Result<(), Unknown> {
        let records = body.read::<Records>()?.records;
        if records.is_empty() {
            return Err(unreadable());
        }
        for record in &records {
            let object = object.or_else(|| type_of(record)).ok_or_else(unreadable)?;
            for action in actions {
                self.add_record(action, object, record)?;
            }
        }
        Ok(())
    }

    fn add_tree(&mut self, object: &str, body: &Body<'_>) -> Result<(), Unknown> {
        let mut level = body.read::<Records>()?.records;
        self.add(Action::CREATE, object, None)?;
        for _ in 0..MAX_LEVELS {
            let mut next = Vec::new();
            for record in level {
                let object = type_of(&record).ok_or_else(unreadable)?;
                self.add_record(&Action::CREATE, object, &record)?;
                for children in record.into_values().filter(|value| value.get("records").is_some()) {
                    next.extend(Records::deserialize(children).map_err(|_| unreadable())?.records);
                }
            }
            level = next;
        }
        if level.is_empty() { Ok(()) } else { Err(unreadable()) }
    }

    fn add_inner(&mut self, inner: &[Inner]) -> Result<(), Unknown> {
        if inner.len() > MAX_COMPOSITE {
            return Err(unreadable());
        }
        for request in inner {
            let method = Method::from_bytes(request.method.to_ascii_uppercase().as_bytes());
            let method = method.map_err(|_| unreadable())?;
            self.add_request(&method, &request.url, &Body::Inner(&request.body), false)?;
        }
        Ok(())
    }
}

/// Resources below an object that have a further part and are no external ids.
const RESOURCES: &[&str] = &[
    "describe",
    "listviews",
    "quickActions",
    "approvalLayouts",
    "compactLayouts",
    "layouts",
    "namedFilters",
];

/// An id, or the result of another request of the same composite one: `@{new.id}`.
fn is_record(text: &str) -> bool {
    is_id(text) || (text.starts_with("@{") && text.ends_with('}'))
}

fn type_of(record: &Map<String, Value>) -> Option<&str> {
    record.get("attributes")?.get("type")?.as_str()
}

/// A path without `/services/data/v65.0`, which stands in those of composite requests.
fn below_version(path: &str) -> &str {
    let rest = path.strip_prefix("/services/data").unwrap_or(path).trim_start_matches('/');
    let (first, below) = rest.split_once('/').unwrap_or((rest, ""));
    let is_version = first.strip_prefix('v').is_some_and(|number| number.parse::<f32>().is_ok());
    if is_version { below } else { rest }
}

/// A segment without its percent signs.
fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    // The parser of forms knows percent signs; what else it knows is hidden from it.
    let hidden = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let name = form_urlencoded::parse(hidden.as_bytes()).next().map(|(name, _)| name.into_owned());
    Cow::Owned(name.unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Composite {
    composite_request: Vec<Inner>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    batch_requests: Vec<Inner>,
}

#[derive(Deserialize)]
struct Graphs {
    graphs: Vec<Composite>,
}

#[derive(Deserialize)]
struct Inner {
    method: String,
    url: String,
    #[serde(default, alias = "richInput")]
    body: Value,
}

#[derive(Deserialize)]
struct Records {
    records: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Retrieved {
    fields: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, path: &str, body: &str) -> Result<String, Reason> {
        let found = operations(&Outgoing { method, path, body: body.as_bytes() });
        let told = |all: Vec<Operation>| all.iter().map(Operation::to_string).collect::<Vec<_>>().join(" ");
        found.map(told).map_err(|unknown| unknown.reason)
    }

    #[test]
    fn a_request_is_the_operations_that_its_method_and_path_say() {
        for (method, path, body, expected) in [
            (Method::GET, "/sobjects/Account", "", "list:Account"),
            (Method::GET, "/sobjects/account/describe/", "", "list:Account"),
            (Method::GET, "/sobjects/Account/001xx000003DGb2?fields=Name", "", "read:Account"),
            (Method::HEAD, "/sobjects/Invoice__c/a00xx000003DGb2AAG", "", "read:Invoice__c"),
            (
                Method::POST,
                "/sobjects/Account",
                r#"{"Name":"A","Industry":null}"#,
                "create:Account create:Account.Industry create:Account.Name",
            ),
            (Method::POST, "/sobjects/ContentVersion", "--boundary", "create:ContentVersion"),
            (
                Method::PATCH,
                "/sobjects/Account/001xx000003DGb2AAG",
                r#"{"Parent":{"Key__c":"x"},"attributes":{"type":"Account"}}"#,
                "update:Account",
            ),
            (
                Method::POST,
                "/sobjects/Account/001xx000003DGb2?_HttpMethod=PATCH",
                r#"{"Phone":"1"}"#,
                "update:Account update:Account.Phone",
            ),
            (Method::DELETE, "/sobjects/Account/001xx000003DGb2", "", "delete:Account"),
            (
                Method::PATCH,
                "/sobjects/Account/Customer_Key__c/a%2Fb+c",
                r#"{"Phone":"1"}"#,
                "create:Account create:Account.Phone update:Account update:Account.Phone create:Account.Customer_Key__c read:Account.Customer_Key__c",
            ),
            (
                Method::GET,
                "/sobjects/Account/Customer_Key__c/x",
                "",
                "read:Account read:Account.Customer_Key__c",
            ),
            (
                Method::GET,
                "/query?q=SELECT+Id,Name+FROM+account+WHERE+Id+IN+(SELECT+AccountId+FROM+Contact)",
                "",
                "list:Contact list:Contact.AccountId list:Account list:Account.Name",
            ),
            (Method::GET, "/queryAll/?q=SELECT%20Id%20FROM%20Foo__c", "", "list:Foo__c"),
            (Method::GET, "/search/?q=FIND+%7Bx%7D+RETURNING+Lead(Email)", "", "list:Lead list:Lead.Email"),
            (Method::GET, "/services/data/v65.0/sobjects/Lead", "", "list:Lead"),
        ] {
            assert_eq!(of(&method, path, body).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn a_request_that_needs_the_api_alone_is_no_operation() {
        for path in ["", "/", "/limits", "/sobjects/", "/limits?x=1"] {
            assert_eq!(of(&Method::GET, path, "").as_deref(), Ok(""), "{path}");
        }
    }

    #[test]
    fn a_collection_is_what_its_records_are() {
        let two = r#"{"records":[{"attributes":{"type":"Account"},"Name":"A"},{"attributes":{"type":"Lead"},"id":"x"}]}"#;
        for (method, path, body, expected) in [
            (Method::POST, "/composite/sobjects", two, "create:Account create:Account.Name create:Lead"),
            (Method::PATCH, "/composite/sobjects/", two, "update:Account update:Account.Name update:Lead"),
            (
                Method::DELETE,
                "/composite/sobjects?ids=001xx000003DGb2,003xx000003DGb2",
                "",
                "delete:Account delete:Contact",
            ),
            (
                Method::GET,
                "/composite/sobjects/Account?ids=001&fields=Name,Owner.Name",
                "",
                "read:Account read:Account.Name read:Account.Owner.Name",
            ),
            (
                Method::POST,
                "/composite/sobjects/Account",
                r#"{"ids":["1"],"fields":["id","Phone"]}"#,
                "read:Account read:Account.Phone",
            ),
            (
                Method::PATCH,
                "/composite/sobjects/Foo__c/Key__c",
                r#"{"records":[{"Key__c":"1"}]}"#,
                "create:Foo__c create:Foo__c.Key__c update:Foo__c update:Foo__c.Key__c read:Foo__c.Key__c",
            ),
        ] {
            assert_eq!(of(&method, path, body).as_deref(), Ok(expected), "{path}");
        }
        // Whose record it is cannot be told of an object that a customer made.
        assert_eq!(
            of(&Method::DELETE, "/composite/sobjects?ids=a00xx000003DGb2", ""),
            Err(Reason::DependsOnRecord)
        );
        assert_eq!(
            of(&Method::POST, "/composite/sobjects", r#"{"records":[{"Name":"A"}]}"#),
            Err(Reason::DependsOnRecord)
        );
    }

    #[test]
    fn a_tree_creates_every_kind_of_record_in_it() {
        let body = r#"{"records":[{"attributes":{"type":"Account","referenceId":"a"},"Name":"A",
            "Contacts":{"records":[{"attributes":{"type":"Contact","referenceId":"b"},"Email":"x"}]}}]}"#;
        assert_eq!(
            of(&Method::POST, "/composite/tree/Account", body).as_deref(),
            Ok("create:Account create:Account.Name create:Contact create:Contact.Email")
        );
        let record = r#"{"attributes":{"type":"Account"},"Children":{"records":["#;
        let deep = format!(r#"{{"records":[{}{}]}}"#, record.repeat(6), "]}}".repeat(6));
        assert_eq!(of(&Method::POST, "/composite/tree/Account", &deep), Err(Reason::DependsOnRecord));
    }

    #[test]
    fn a_composite_request_is_what_it_holds_each_once() {
        let composite = r#"{"compositeRequest":[
            {"method":"POST","url":"/services/data/v65.0/sobjects/Account","referenceId":"new","body":{"Name":"A"}},
            {"method":"get","url":"/services/data/v65.0/sobjects/Account/@{new.id}","referenceId":"b"},
            {"method":"GET","url":"/services/data/v65.0/query/?q=SELECT+Id+FROM+Contact","referenceId":"c"},
            {"method":"POST","url":"/services/data/v65.0/sobjects/Account","referenceId":"d","body":{}}]}"#;
        let expected = "create:Account create:Account.Name read:Account list:Contact";
        assert_eq!(of(&Method::POST, "/composite", composite).as_deref(), Ok(expected));
        let graph = format!(r#"{{"graphs":[{{"graphId":"1",{}]}}"#, &composite[1..]);
        assert_eq!(of(&Method::POST, "/composite/graph", &graph).as_deref(), Ok(expected));
        let batch = r#"{"batchRequests":[{"method":"PATCH","url":"v65.0/sobjects/Lead/00Qxx000003DGb2","richInput":{"Email":"x"}},
            {"method":"GET","url":"v65.0/limits"}]}"#;
        assert_eq!(
            of(&Method::POST, "/composite/batch", batch).as_deref(),
            Ok("update:Lead update:Lead.Email")
        );
        let nested = r#"{"compositeRequest":[{"method":"POST","url":"/services/data/v65.0/composite","body":{"compositeRequest":[]}}]}"#;
        assert_eq!(of(&Method::POST, "/composite", nested), Err(Reason::NotMapped));
    }

    #[test]
    fn a_request_that_is_not_understood_is_unknown_and_no_panic() {
        for (method, path) in [
            (Method::PUT, "/sobjects/Account"),
            (Method::GET, "/sobjects/%/%f%zz%ff"),
            (Method::GET, "/sobjects/Acc%20ount"),
            (Method::GET, "/sobjects/Account/listviews"),
            (Method::GET, "/sobjects/Account/describe/layouts"),
            (Method::GET, "/sobjects/Attachment/00Pxx000003DGb2/Body"),
            (Method::GET, "/tooling/query?q=SELECT+Id+FROM+ApexClass"),
            (Method::GET, "/query"),
            (Method::GET, "/query?q=SELECT"),
            (Method::GET, "/query/01gxx0000000001-2000"),
            (Method::GET, "/search?q=FIND+%7Bx%7D"),
            (Method::POST, "/composite"),
            (Method::POST, "/composite/sobjects"),
            (Method::DELETE, "/composite/sobjects"),
            (Method::POST, "/composite/tree/Account"),
            (Method::POST, "/actions/standard/emailSimple"),
        ] {
            assert!(of(&method, path, "\u{0}").is_err(), "{path}");
        }
    }

    #[test]
    fn whatever_a_request_holds_there_is_no_panic_and_no_name_that_is_none() {
        let seeds = [
            (
                "/query?q=SELECT+Id,COUNT(Name)+n+FROM+Account+a+WHERE+a.Type+IN+(SELECT+Id+FROM+B__c)+ORDER+BY+n",
                "",
            ),
            ("/search?q=FIND+%7Ba%5C%7D%7D+RETURNING+Lead(Email+WHERE+Id!=null),Contact", ""),
            (
                "/composite",
                r#"{"compositeRequest":[{"method":"PATCH","url":"/services/data/v65.0/sobjects/A/001xx000003DGb2","body":{"B":1}}]}"#,
            ),
            (
                "/composite/tree/Account",
                r#"{"records":[{"attributes":{"type":"Account"},"C":{"records":[{"attributes":{"type":"D"}}]}}]}"#,
            ),
            ("/sobjects/Account/Key__c/%E4%BD%A0%2F", r#"{"Name":"A"}"#),
        ];
        let parts = [
            "(", ")", "'", "{", "}", ",", ".", "%", "/", "SELECT ", " FROM ", "ü", "\\", "\"", "@{", "[",
            "0", "__r.", "?", "&q=",
        ];
        let mut seed = 3_u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        let mut mapped = 0;
        for _ in 0..20_000 {
            let (path, body) = seeds[random(seeds.len())];
            let mut texts = [path.to_owned(), body.to_owned()];
            for _ in 0..=random(3) {
                let text = &mut texts[random(2)];
                let at = (0..=random(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
                text.insert_str(at, parts[random(parts.len())]);
            }
            let method = [Method::GET, Method::POST, Method::PATCH, Method::DELETE][random(4)].clone();
            let Ok(found) =
                operations(&Outgoing { method: &method, path: &texts[0], body: texts[1].as_bytes() })
            else {
                continue;
            };
            mapped += 1;
            for operation in found {
                assert!(super::super::subject::Subject::of(&operation).is_some(), "{operation} of {texts:?}");
            }
        }
        assert!(mapped > 1000, "{mapped}");
    }
}
