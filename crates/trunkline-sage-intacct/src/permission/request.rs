//! Which operations a request is.

use std::borrow::Cow;

use serde::Deserialize;
use trunkline_core::http::Method;
use trunkline_core::permission::{Operation, Outgoing, Reason, Unknown};

/// Most requests inside a composite one, by the service's documentation.
const MAX_COMPOSITE: usize = 10;

/// Each operation once, in the order in which they come.
pub(super) fn operations(request: &Outgoing<'_>) -> Result<Vec<Operation>, Unknown> {
    let path = request.path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    let found = match path {
        "services/core/query" => vec![Operation::list(queried(request.body)?)],
        "services/core/composite" => composite(request.body)?,
        // They need a token and nothing else, and the last only tells what the caller may do.
        "services/core/session/id"
        | "services/core/model"
        | "services/core/async/job-status"
        | "services/core/allowed-operations/list" => Vec::new(),
        _ => vec![addressed(request.method, path)?],
    };
    let mut once: Vec<Operation> = Vec::new();
    for operation in found {
        if !once.contains(&operation) {
            once.push(operation);
        }
    }
    Ok(once)
}

/// An operation by method and path. Several keys, set apart by commas, are one operation on one object.
fn addressed(method: &Method, path: &str) -> Result<Operation, Unknown> {
    let parts: Vec<Cow<'_, str>> = path.split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    let object = |application: &str, name: &str| format!("{application}/{name}");
    match parts[..] {
        ["objects", application, name] => match *method {
            Method::GET => Ok(Operation::list(object(application, name))),
            Method::POST => Ok(Operation::create(object(application, name))),
            _ => Err(unmapped(method)),
        },
        ["objects", application, name, _keys] => match *method {
            Method::GET => Ok(Operation::read(object(application, name))),
            Method::PATCH => Ok(Operation::update(object(application, name))),
            Method::DELETE => Ok(Operation::delete(object(application, name))),
            _ => Err(unmapped(method)),
        },
        ["workflows", application, name, action] if *method == Method::POST => {
            let text = format!("{action}:{application}/{name}");
            text.parse().map_err(|_| unmapped(method))
        }
        _ => Err(unmapped(method)),
    }
}

fn unmapped(method: &Method) -> Unknown {
    Unknown::new(Reason::NotMapped, format!("no operation is known of a {method} to this path"))
}

fn unreadable() -> Unknown {
    Unknown::new(Reason::DependsOnRecord, "the request's body does not say which objects it is about")
}

fn queried(body: &[u8]) -> Result<String, Unknown> {
    #[derive(Deserialize)]
    struct Query {
        object: String,
    }

    let query: Query = serde_json::from_slice(body).map_err(|_| unreadable())?;
    Ok(query.object)
}

fn composite(body: &[u8]) -> Result<Vec<Operation>, Unknown> {
    #[derive(Deserialize)]
    struct Inner {
        method: String,
        path: String,
        #[serde(default)]
        body: serde_json::Value,
    }

    let inner: Vec<Inner> = serde_json::from_slice(body).map_err(|_| unreadable())?;
    if inner.len() > MAX_COMPOSITE {
        return Err(unreadable());
    }
    let mut all = Vec::new();
    for request in &inner {
        let method =
            Method::from_bytes(request.method.to_ascii_uppercase().as_bytes()).map_err(|_| unreadable())?;
        let path = request.path.strip_prefix(crate::connector::API_ROOT).unwrap_or(&request.path);
        let body = request.body.to_string();
        // One inside another has no bound, and the service does not document it.
        if path.trim_matches('/').starts_with("services/core/composite") {
            return Err(unreadable());
        }
        all.extend(operations(&Outgoing { method: &method, path, body: body.as_bytes() })?);
    }
    Ok(all)
}

/// A segment without its percent signs; as it is, where they make no text.
fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or_default() * 16 + hex(*low).unwrap_or_default());
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(segment), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, path: &str, body: &str) -> Result<Vec<String>, Reason> {
        let found = operations(&Outgoing { method, path, body: body.as_bytes() });
        found.map(|all| all.iter().map(Operation::to_string).collect()).map_err(|unknown| unknown.reason)
    }

    #[test]
    fn a_request_is_the_operation_that_its_method_and_path_say() {
        for (method, path, expected) in [
            (Method::GET, "/objects/accounts-payable/bill?size=2", "list:accounts-payable/bill"),
            (Method::GET, "/objects/accounts-payable/bill/12", "read:accounts-payable/bill"),
            (Method::POST, "/objects/accounts-payable/bill/", "create:accounts-payable/bill"),
            (Method::PATCH, "/objects/accounts-payable/bill/12", "update:accounts-payable/bill"),
            (Method::DELETE, "/objects/accounts-payable/bill/12,13", "delete:accounts-payable/bill"),
            (Method::POST, "/workflows/accounts-payable/bill/approve", "approve:accounts-payable/bill"),
            (
                Method::POST,
                "/workflows/accounts-receivable/invoice/generate-pdf",
                "generate-pdf:accounts-receivable/invoice",
            ),
            (
                Method::GET,
                "/objects/order-entry/document%3A%3ASales%20Invoice/4",
                "read:order-entry/document::Sales Invoice",
            ),
        ] {
            assert_eq!(of(&method, path, ""), Ok(vec![expected.to_owned()]), "{path}");
        }
    }

    #[test]
    fn a_query_lists_the_object_in_its_body() {
        let body = r#"{"object":"general-ledger/account","fields":["key"]}"#;
        assert_eq!(
            of(&Method::POST, "/services/core/query", body),
            Ok(vec!["list:general-ledger/account".to_owned()])
        );
        assert_eq!(of(&Method::POST, "/services/core/query", "{}"), Err(Reason::DependsOnRecord));
    }

    #[test]
    fn a_composite_request_is_what_it_holds_each_once() {
        let body = r#"[
            {"method":"post","path":"/ia/api/v1/objects/accounts-payable/vendor","body":{"name":"A"}},
            {"method":"POST","path":"/objects/accounts-payable/vendor","body":{"name":"B"}},
            {"method":"POST","path":"/services/core/query","body":{"object":"accounts-payable/bill"}}
        ]"#;
        let expected =
            vec!["create:accounts-payable/vendor".to_owned(), "list:accounts-payable/bill".to_owned()];
        assert_eq!(of(&Method::POST, "/services/core/composite", body), Ok(expected));
        let nested = r#"[{"method":"POST","path":"/services/core/composite","body":[]}]"#;
        assert_eq!(of(&Method::POST, "/services/core/composite", nested), Err(Reason::DependsOnRecord));
    }

    #[test]
    fn a_request_that_needs_a_token_alone_is_no_operation() {
        for path in ["/services/core/session/id", "/services/core/model?name=a/b"] {
            assert_eq!(of(&Method::GET, path, ""), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_request_that_is_not_understood_is_unknown_and_no_panic() {
        for (method, path) in [
            (Method::PUT, "/objects/accounts-payable/bill"),
            (Method::POST, "/services/bulk/job/create"),
            // The key stands in the body, and nothing is read of a workflow.
            (Method::POST, "/workflows/accounts-payable/bill/approve/12"),
            (Method::GET, "/workflows/accounts-payable/bill/approve"),
            (Method::GET, ""),
            (Method::GET, "/objects//"),
            (Method::GET, "/objects/%/%f/%zz/%ff/x"),
        ] {
            assert!(of(&method, path, "\u{0}").is_err(), "{path}");
        }
    }
}
