//! What a manifest knows of a service beside its grants: permissions and pages.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_core::http::{HeaderMap, HeaderValue, Method, StatusCode};
use trunkline_core::permission::{Operation, Outgoing, PermissionMap, Reason, Report, Scopes, Verdict};
use trunkline_core::{Account, Call, Cause, Connector, Diagnosis, ErrorKind, Exchange, ScopeSet};
use trunkline_manifest::{Manifest, ManifestConnector, Page, Pages};

const PERMISSIONS: &str = "[permissions]\nset_at = 'Settings > Apps'\nset_by = 'an owner'\n\
    [permissions.operations]\n\
    'list:contact' = { scopes = ['contacts.read'], requests = ['GET /contacts', 'GET /lists/*/contacts'] }\n\
    'create:contact' = { scopes = ['contacts.read', 'contacts.write'], requests = ['POST /contacts'] }\n[api]";

fn operations(map: &dyn PermissionMap, method: &Method, path: &str) -> Option<Vec<String>> {
    let request = Outgoing { method, path, body: b"" };
    map.operations(&request).ok().map(|found| found.iter().map(Operation::to_string).collect())
}

#[test]
fn a_request_is_the_operation_whose_method_and_path_it_has() {
    let connector = connector(&acme(&[("[api]", PERMISSIONS)]));
    let map = connector.permissions().unwrap();
    for (method, path, expected) in [
        (Method::GET, "/contacts?page=2", Some("list:contact")),
        (Method::GET, "/lists/7/contacts", Some("list:contact")),
        (Method::POST, "/contacts", Some("create:contact")),
        (Method::DELETE, "/contacts", None),
        (Method::GET, "/contacts/7", None),
        (Method::GET, "/lists//contacts", None),
        (Method::GET, "/lists/7/8/contacts", None),
    ] {
        assert_eq!(operations(map, &method, path), expected.map(|one| vec![one.to_owned()]), "{path}");
    }
    assert_eq!(map.known().len(), 2);
}

#[tokio::test]
async fn a_scope_that_was_not_granted_denies_and_the_rest_is_honestly_unknown() {
    let (cx, stage) = stage();
    for (suffice, expected) in [("", false), ("scopes_suffice = true\n", true)] {
        let text = PERMISSIONS.replace("[permissions]\n", &format!("[permissions]\n{suffice}"));
        let connector = connector(&acme(&[("[api]", &text)]));
        let map = connector.permissions().unwrap();
        stage.play(
            "https://login.acme.example/token",
            json(200, r#"{"access_token":"t","scope":"contacts.read"}"#),
        );
        let grant = consent(&connector, &cx, &inputs(&[]), "code=c").await.unwrap();
        let session = session(&connector, &stage, None, &grant);
        stage.sent();
        let wanted = [Operation::list("contact"), Operation::create("contact")];
        let rights = map.read(&cx, &session, &Account::default(), &wanted).await.unwrap();
        assert!(stage.sent().is_empty() && wanted.iter().all(|one| map.covers(&rights, one)));
        let granted: ScopeSet = ["contacts.read"].into_iter().collect();
        let scopes = Scopes { requested: Some(granted.clone()), granted: Some(granted) };
        let report = Report::of(map, &rights, &scopes, &wanted).unwrap();
        assert_eq!(report.rows[0].effective.is_allowed(), expected);
        assert_eq!(
            matches!(&report.rows[0].effective, Verdict::Unknown(why) if why.reason == Reason::NotReadable),
            !expected
        );
        let Verdict::Denied { missing } = &report.rows[1].effective else { panic!("{:?}", report.rows[1]) };
        assert_eq!(
            (missing.len(), &*missing[0].name, &*missing[0].set_at),
            (1, "contacts.write", "Settings > Apps")
        );
        let role = map.least_role("Reader", &wanted, None).unwrap();
        assert_eq!(role.permissions.len(), 2);

        let unknown = map.need(&Operation::list("contct")).unwrap_err();
        assert_eq!(unknown.nearest, Some(Operation::list("contact")));
        let refused = map.refused(&wanted[1], &Diagnosis::new(Cause::ScopeMissing), None);
        assert!(refused.is_denied());
        let other = map.refused(&wanted[1], &Diagnosis::new(Cause::PermissionMissing), None);
        assert!(matches!(other, Verdict::Unknown(_)));
    }
    assert!(connector(ACME).permissions().is_none());
}

#[test]
fn permissions_that_say_nothing_are_refused() {
    for (from, to, expected) in [
        ("'list:contact'", "'list contact'", "is no operation"),
        ("'GET /contacts'", "'FETCH /contacts'", "this must be a method and a path"),
        ("'GET /contacts'", "'GET contacts'", "this must be a method and a path"),
        ("'GET /contacts'", "'GET /con*'", "this must be a method and a path"),
        ("['contacts.read'],", "[''],", "a scope is not empty"),
    ] {
        let text = acme(&[("[api]", &PERMISSIONS.replace(from, to))]);
        let problems = Manifest::parse("acme.toml", &text).unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}");
    }
}

/// What an API's 400 with this body is taken for.
fn judged(connector: &ManifestConnector, body: &str) -> Option<Diagnosis> {
    let exchange = Exchange {
        call: Call::Api,
        method: &Method::GET,
        path: "/x",
        status: StatusCode::BAD_REQUEST,
        headers: &HeaderMap::new(),
        body: body.as_bytes(),
    };
    connector.diagnose(&exchange)
}

/// ClickUp calls its code `ECODE`, QuickBooks has it within a list.
#[test]
fn a_code_in_a_member_of_the_services_own_is_matched_and_told() {
    let errors = "error_code_members = ['ECODE', 'Fault.Error.0.code']\n\
        [[errors]]\ncalls = ['api']\ncodes = ['OAUTH_019', '3200']\ncause = 'access_token_rejected'\n[identity]";
    let connector = connector(&acme(&[("[identity]", errors)]));
    let judged = |body: &str| judged(&connector, body);
    for body in [
        r#"{"err":"Token not found","ECODE":"OAUTH_019"}"#,
        r#"{"Fault":{"Error":[{"Message":"no","code":"3200"}],"type":"AUTHENTICATION"}}"#,
        r#"{"ECODE":3200}"#,
    ] {
        let diagnosis = judged(body).unwrap_or_else(|| panic!("{body}"));
        assert_eq!(diagnosis.cause(), Cause::AccessTokenRejected, "{body}");
        let codes = &diagnosis.evidence().codes;
        assert!(codes.iter().any(|code| ["OAUTH_019", "3200"].contains(&code.as_str())), "{codes:?}");
    }
    for body in
        [r#"{"ECODE":"OAUTH_020"}"#, r#"{"OTHER":"OAUTH_019"}"#, r#"{"ECODE":{"a":1}}"#, "ECODE=OAUTH_019"]
    {
        assert!(judged(body).is_none(), "{body}");
    }
}

/// Whatever stands in such a member comes from the service: only what looks like a code is told.
#[test]
fn what_is_no_code_is_not_told_from_a_member_of_the_services_own() {
    let errors = "error_code_members = ['ECODE']\n\
        [[errors]]\nstatus = [400]\ncause = 'request_invalid'\n[[errors]]\ncodes = ['x']\ncause = 'conflict'\n[identity]";
    let connector = connector(&acme(&[("[identity]", errors)]));
    for secret in ["canary secret", "0123456789abcdef0123456789abcdefcanary", "canary\\u0001"] {
        let body = format!(r#"{{"ECODE":"{secret}"}}"#);
        let diagnosis = judged(&connector, &body).unwrap();
        assert!(!format!("{diagnosis:?}").contains("canary"), "{diagnosis:?}");
    }
}

#[test]
fn members_of_codes_that_nothing_is_done_with_are_refused() {
    let codes = "[[errors]]\ncodes = ['x']\ncause = 'conflict'\n";
    for (members, matchers, expected) in [
        ("['ECODE']", "", "nothing is done with these codes"),
        ("['a..b']", codes, "this must be a member, or a path of members with dots"),
        ("['']", codes, "this must be a member, or a path of members with dots"),
    ] {
        let text = format!("error_code_members = {members}\n{matchers}[identity]");
        let problems = Manifest::parse("acme.toml", &acme(&[("[identity]", &text)])).unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}");
    }
}

fn pages(text: &str) -> Pages {
    manifest(&acme(&[("[api]", &format!("[pagination]\n{text}\n[api]"))])).pages().unwrap()
}

fn path(text: &str) -> Page {
    Page::Path(text.to_owned())
}

#[test]
fn the_next_page_is_where_the_link_the_cursor_or_the_count_says() {
    let none = HeaderMap::new();
    let mut linked = HeaderMap::new();
    let link = r#"<https://api.acme.example/v1/x?page=1>; rel="prev", <https://api.acme.example/v1/x?page=3>; title="a"; rel="last next""#;
    linked.insert("link", HeaderValue::from_static(link));
    let third = Page::Url(url("https://api.acme.example/v1/x?page=3"));
    let by_link = pages("style = 'link'");
    assert_eq!(by_link.next(&path("/x?page=2"), &linked, b"").unwrap(), Some(third.clone()));
    assert_eq!(by_link.next(&path("/x"), &none, b"").unwrap(), None);
    linked.insert("link", HeaderValue::from_static(r#"<https://api.acme.example/v1/x?page=1>; rel="prev""#));
    assert_eq!(by_link.next(&path("/x"), &linked, b"").unwrap(), None);

    let by_member = pages("style = 'link'\nmember = 'paging.next'");
    let body = br#"{"paging":{"next":"https://api.acme.example/v1/x?page=3"}}"#;
    assert_eq!(by_member.next(&path("/x"), &none, body).unwrap(), Some(third));
    assert_eq!(by_member.next(&path("/x"), &none, br#"{"paging":{"next":null}}"#).unwrap(), None);

    let by_cursor = pages("style = 'cursor'\nmember = 'meta.cursor'\nparam = 'after'");
    let body = br#"{"meta":{"cursor":"a b&c"}}"#;
    assert_eq!(
        by_cursor.next(&path("/x?limit=9&after=0"), &none, body).unwrap(),
        Some(path("/x?limit=9&after=a+b%26c"))
    );
    for end in
        ["{}", r#"{"meta":{"cursor":""}}"#, r#"{"meta":{"cursor":null}}"#, r#"{"meta":{"cursor":false}}"#]
    {
        assert_eq!(by_cursor.next(&path("/x"), &none, end.as_bytes()).unwrap(), None, "{end}");
    }

    let by_offset = pages("style = 'offset'\nmember = 'items'\nparam = 'offset'");
    assert_eq!(by_offset.next(&path("/x"), &none, br#"{"items":[1,2]}"#).unwrap(), Some(path("/x?offset=2")));
    assert_eq!(
        by_offset.next(&path("/x?offset=2"), &none, br#"{"items":[3]}"#).unwrap(),
        Some(path("/x?offset=3"))
    );
    assert_eq!(by_offset.next(&path("/x?offset=3"), &none, br#"{"items":[]}"#).unwrap(), None);
}

#[test]
fn a_page_that_cannot_be_followed_is_an_error_and_no_end() {
    let none = HeaderMap::new();
    let by_cursor = pages("style = 'cursor'\nmember = 'cursor'\nparam = 'after'");
    let kind = |result: Result<Option<Page>, trunkline_core::Error>| result.unwrap_err().kind();
    assert_eq!(kind(by_cursor.next(&path("/x"), &none, b"<html>")), ErrorKind::ResponseInvalid);
    // A service that names the same page for ever would keep the caller for ever.
    let same = by_cursor.next(&path("/x?after=1"), &none, br#"{"cursor":"1"}"#);
    assert_eq!(kind(same), ErrorKind::ResponseInvalid);
    assert_eq!(
        kind(by_cursor.next(&path("//evil.test/x"), &none, br#"{"cursor":"1"}"#)),
        ErrorKind::InvalidInput
    );
    let by_member = pages("style = 'link'\nmember = 'next'");
    assert_eq!(
        kind(by_member.next(&path("/x"), &none, br#"{"next":"/x?page=2"}"#)),
        ErrorKind::ResponseInvalid
    );
    let by_offset = pages("style = 'offset'\nmember = 'items'\nparam = 'offset'");
    assert_eq!(kind(by_offset.next(&path("/x"), &none, br#"{"items":{}}"#)), ErrorKind::ResponseInvalid);
    assert_eq!(
        kind(by_offset.next(&path("/x?offset=a"), &none, br#"{"items":[1]}"#)),
        ErrorKind::InvalidInput
    );
}
