//! Data calls: sessions, limits and records.
#![allow(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

mod common;

use std::time::Duration;

use common::salesforce::{ACME, Harness, refusal};
use common::{Tokens, answer, beside, text};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn versions_are_listed_without_a_token_and_count_as_no_call() {
    let harness = Harness::start().await;

    let (status, body) = answer(harness.http.get(harness.login("/services/data/"))).await;

    assert_eq!(status, 200);
    let newest = body.as_array().unwrap().last().unwrap();
    assert_eq!(newest, &json!({ "label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0" }));
    let tokens = harness.connect().await;
    let (_, limits) = harness.get(&tokens, "limits").await;
    assert_eq!(limits["DailyApiRequests"], json!({ "Max": 100_000, "Remaining": 99_999 }));
    let version = async |version: &str| {
        let url = harness.login(&format!("/services/data/{version}/limits"));
        refusal(&answer(harness.http.get(url).bearer_auth(&tokens.access)).await)
    };
    assert_eq!(version("v30.0").await, refused(410, "UNSUPPORTED_API_VERSION"));
    assert_eq!(version("v99.0").await, refused(404, "NOT_FOUND"));
    assert_eq!(version("latest").await, refused(404, "NOT_FOUND"));
}

#[tokio::test]
async fn a_session_slides_only_in_its_second_half() {
    let harness = Harness::start().await;
    let call = async |tokens: &Tokens, after_s: u64| {
        harness.control().advance_clock(Duration::from_secs(after_s));
        harness.get(tokens, "limits").await.0.as_u16()
    };

    let early = harness.connect().await;
    assert_eq!(call(&early, 3000).await, 200, "used early, not recorded");
    assert_eq!(call(&early, 4200).await, 401, "dead at its first end");
    let late = harness.connect().await;
    assert_eq!(call(&late, 3700).await, 200, "used late, recorded");
    assert_eq!(call(&late, 7100).await, 200, "alive beyond its first end");
    assert_eq!(call(&late, 7200).await, 401);
}

#[tokio::test]
async fn the_session_timeout_is_the_apps_the_profiles_or_the_orgs() {
    let harness = Harness::start().await;
    let lives_for = async |seconds: u64| {
        let tokens = harness.connect().await;
        harness.control().advance_clock(Duration::from_secs(seconds - 1));
        let before = harness.get(&tokens, "limits").await.0;
        let fresh = harness.connect().await;
        harness.control().advance_clock(Duration::from_secs(seconds));
        (before.as_u16(), harness.get(&fresh, "limits").await.0.as_u16())
    };

    harness.control().org(ACME, |org| org.session_timeout_s = 3000).unwrap();
    assert_eq!(lives_for(3000).await, (200, 401));
    harness.control().user(harness.sim.username(), |user| user.session_timeout_s = Some(2000)).unwrap();
    assert_eq!(lives_for(2000).await, (200, 401));
    harness.app(|app| app.session_timeout_s = Some(1000));
    assert_eq!(lives_for(1000).await, (200, 401));
}

#[tokio::test]
async fn a_stale_token_is_a_401_list_with_one_member() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    harness.control().end_sessions(harness.sim.username()).unwrap();

    let (status, body) = harness.get(&tokens, "sobjects/Account/describe").await;

    assert_eq!(status, 401);
    assert_eq!(body, json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }]));
    let bare = answer(harness.http.get(harness.login("/services/data/v65.0/limits"))).await;
    assert_eq!(refusal(&bare), refused(401, "INVALID_SESSION_ID"));
    let basic = harness.http.get(harness.login("/services/data/v65.0/limits")).basic_auth("a", Some("b"));
    assert_eq!(refusal(&answer(basic).await), refused(401, "INVALID_AUTH_HEADER"));
}

#[tokio::test]
async fn what_refreshing_cannot_help_is_told_apart() {
    let harness = Harness::start().await;
    let message = async |tokens: &Tokens| {
        let (status, body) = harness.get(tokens, "limits").await;
        (status.as_u16(), text(&body[0], "errorCode"), text(&body[0], "message"))
    };
    let unscoped = harness.connect_with(harness.sim.username(), "id refresh_token").await;
    let (status, code, text) = message(&unscoped).await;
    assert_eq!((status, code.as_str()), (401, "INVALID_SESSION_ID"));
    assert_eq!(text, "This session is not valid for use with the REST API");
    let full = harness.connect_with(harness.sim.username(), "full").await;
    assert_eq!((message(&full).await.0, full.refresh.as_str()), (200, ""), "full has no refresh_token");

    let no_api = harness.connect_as("noapi").await;
    assert_eq!(message(&no_api).await.1, "API_DISABLED_FOR_ORG");
    harness.control().org(ACME, |org| org.api_enabled = false).unwrap();
    assert_eq!(message(&full).await.1, "API_DISABLED_FOR_ORG");
    harness.control().org(ACME, |org| org.api_enabled = true).unwrap();
    harness.control().user(harness.sim.username(), |user| user.password_expired = true).unwrap();
    assert_eq!(message(&full).await.1, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD");
}

#[tokio::test]
async fn calls_are_counted_for_24_hours_and_then_refused() {
    let harness = Harness::start().await;
    harness.knobs(|knobs| knobs.per_app_limit = Some(250));
    let tokens = harness.connect_as("integration").await;
    let usage = async || {
        let answer = harness.data(Method::GET, &tokens, "limits").send().await.unwrap();
        let info = answer.headers()["sforce-limit-info"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), info)
    };

    assert_eq!(usage().await.1, "api-usage=1/100000; per-app-api-usage=1/250(appName=Trunkline)");
    harness.knobs(|knobs| knobs.per_app_first = true);
    assert_eq!(usage().await.1, "per-app-api-usage=2/250(appName=Trunkline); api-usage=2/100000");
    harness.knobs(|knobs| knobs.per_app_limit = None);
    harness.control().org(ACME, |org| org.daily_calls = 3).unwrap();
    assert_eq!(usage().await, (200, "api-usage=3/3".to_owned()));
    assert_eq!(usage().await, (403, "api-usage=3/3".to_owned()));
    let (_, body) = harness.get(&tokens, "limits").await;
    assert_eq!(body[0]["message"], "TotalRequests Limit exceeded.");
    harness.app(|app| app.session_timeout_s = Some(200_000));
    let later = harness.connect().await;
    harness.control().advance_clock(Duration::from_secs(86_400));
    assert_eq!(harness.get(&later, "limits").await.0, 200);
}

#[tokio::test]
async fn calls_at_once_are_limited_per_org() {
    let harness = Harness::start().await;
    harness.knobs(|knobs| knobs.max_concurrent = Some(1));
    let (tokens, other) = (harness.connect().await, harness.connect_as("reader").await);
    for _ in 0..2 {
        assert_eq!(harness.get(&tokens, "limits").await.0, 200, "the place is free again");
    }
    harness.knobs(|knobs| knobs.api_latency_ms = 600_000);
    let _running = beside(harness.data(Method::GET, &tokens, "limits"));

    // Whichever call comes first stays; who comes next is refused at once.
    let patience = Duration::from_millis(500);
    let refused = loop {
        let next = harness.data(Method::GET, &other, "limits").timeout(patience).send();
        if let Ok(answer) = next.await {
            break answer;
        }
    };

    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.unwrap().contains("ConcurrentPerOrgLongTxn Limit exceeded."));
}

#[tokio::test]
async fn a_record_is_created_read_updated_and_deleted() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let id = harness.create(&tokens, "Account", &json!({ "Name": "New", "Industry": "Retail" })).await;
    let path = format!("sobjects/Account/{id}");

    let (status, read) = harness.get(&tokens, &format!("{path}?fields=Name,Industry,OwnerId")).await;
    assert_eq!(status, 200);
    assert_eq!((&read["Industry"], &read["OwnerId"]), (&json!("Retail"), &json!(harness.sim.user_id())));
    assert_eq!(read["attributes"]["url"], format!("/services/data/v65.0/{path}"));
    let (status, _) = harness.send(Method::PATCH, &tokens, &path, &json!({ "industry": null })).await;
    assert_eq!(status, 204);
    assert_eq!(
        harness.get(&tokens, &format!("sobjects/account/{}", &id[..15])).await.1["Industry"],
        Value::Null
    );
    assert_eq!(harness.send(Method::DELETE, &tokens, &path, &Value::Null).await.0, 204);
    assert_eq!(refusal(&harness.get(&tokens, &path).await), refused(404, "NOT_FOUND"));
    let again = harness.send(Method::DELETE, &tokens, &path, &Value::Null).await;
    assert_eq!(refusal(&again), refused(400, "ENTITY_IS_DELETED"));
    let deleted = harness.data(Method::GET, &tokens, "queryAll");
    let soql = "SELECT Id FROM Account WHERE IsDeleted = true";
    assert_eq!(answer(deleted.query(&[("q", soql)])).await.1["totalSize"], 1);
    assert_eq!(harness.query(&tokens, soql).await.1["totalSize"], 0);
}

#[tokio::test]
async fn a_body_that_is_wrong_is_refused_with_its_fields() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    for (object, body, status, code, fields) in [
        ("Contact", json!({ "FirstName": "Ada" }), 400, "REQUIRED_FIELD_MISSING", json!(["LastName"])),
        ("Account", json!({ "Name": "A", "Nonsense": 1 }), 400, "INVALID_FIELD", Value::Null),
        (
            "Account",
            json!({ "Name": "A", "CreatedDate": "2026-01-01T00:00:00Z" }),
            400,
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            json!(["CreatedDate"]),
        ),
        ("Account", json!({ "Name": "A", "AnnualRevenue": "much" }), 400, "JSON_PARSER_ERROR", Value::Null),
        ("Contact", json!({ "LastName": "A", "AccountId": "x" }), 400, "MALFORMED_ID", json!(["AccountId"])),
        (
            "Contact",
            json!({ "LastName": "A", "AccountId": "001xx000003DGb2" }),
            400,
            "INVALID_CROSS_REFERENCE_KEY",
            Value::Null,
        ),
        ("Account", json!([1]), 400, "JSON_PARSER_ERROR", Value::Null),
        ("Nonsense", json!({}), 404, "NOT_FOUND", Value::Null),
    ] {
        let outcome = harness.send(Method::POST, &tokens, &format!("sobjects/{object}"), &body).await;
        assert_eq!(refusal(&outcome), refused(status, code), "{body}");
        assert_eq!(outcome.1[0].get("fields").cloned().unwrap_or_default(), fields, "{body}");
    }
}

#[tokio::test]
async fn an_external_id_creates_updates_or_finds_several() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let upsert = async |key: &str, body: Value| {
        harness.send(Method::PATCH, &tokens, &format!("sobjects/Account/{key}"), &body).await
    };

    let (created, first) = upsert("Customer_Key__c/K%201", json!({ "Name": "One" })).await;
    let (updated, second) = upsert("Customer_Key__c/K%201", json!({ "Name": "Two" })).await;

    assert_eq!((created.as_u16(), &first["created"]), (201, &json!(true)));
    assert_eq!((updated.as_u16(), &second["created"]), (200, &json!(false)));
    assert_eq!(first["id"], second["id"]);
    let (_, read) = harness.get(&tokens, "sobjects/Account/Customer_Key__c/K%201").await;
    assert_eq!((&read["Name"], &read["Customer_Key__c"]), (&json!("Two"), &json!("K 1")));
    harness.create(&tokens, "Account", &json!({ "Name": "Twin", "Customer_Key__c": "K 1" })).await;
    let (several, urls) = harness.get(&tokens, "sobjects/Account/Customer_Key__c/K%201").await;
    assert_eq!((several.as_u16(), urls.as_array().unwrap().len()), (300, 2));
    assert_eq!(refusal(&upsert("Name/x", json!({})).await), refused(404, "NOT_FOUND"));
    assert_eq!(
        refusal(&upsert("Customer_Key__c/new", json!({})).await),
        refused(400, "REQUIRED_FIELD_MISSING")
    );
}

#[tokio::test]
async fn a_collection_answers_200_with_an_error_for_each_that_failed() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let contact = |name: &str| json!({ "attributes": { "type": "Contact" }, "LastName": name });
    let post = async |all_or_none: bool| {
        let body = json!({ "allOrNone": all_or_none, "records": [contact("One"), contact("")] });
        harness.send(Method::POST, &tokens, "composite/sobjects", &body).await
    };
    let count = async || harness.query(&tokens, "SELECT COUNT() FROM Contact").await.1["totalSize"].clone();

    let (status, results) = post(false).await;
    assert_eq!((status.as_u16(), &results[0]["success"]), (200, &json!(true)));
    assert_eq!(results[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    assert_eq!(count().await, 11);
    let (_, results) = post(true).await;
    assert_eq!(results[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(count().await, 11, "nothing of it stays");
    let many = json!({ "records": vec![contact("x"); 201] });
    let outcome = harness.send(Method::POST, &tokens, "composite/sobjects", &many).await;
    assert_eq!(refusal(&outcome), refused(400, "EXCEEDED_ID_LIMIT"));
}

#[tokio::test]
async fn describe_has_a_tag_and_answers_304_to_it() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let describe = || harness.data(Method::GET, &tokens, "sobjects/Account/describe");
    let first = describe().send().await.unwrap();
    let tag = first.headers()["etag"].clone();

    let second = describe().header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(second.status(), 304);

    harness.control().add_field(ACME, "Account", "Tier__c", "picklist").unwrap();
    harness.control().set_field_permissions(ACME, "Integration", "Account.Tier__c", &["edit"]).unwrap();
    let third = describe().header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(third.status(), 200);
    assert!(third.text().await.unwrap().contains("Tier__c"));
}

#[tokio::test]
async fn slashes_too_many_and_chunked_bodies_are_accepted() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    for path in ["limits/", "sobjects/", "sobjects/Account/", "sobjects/Account/describe/", "/limits"] {
        assert_eq!(harness.get(&tokens, path).await.0, 200, "{path}");
    }
    let token_url = harness.sim.url().join("/services/oauth2/token/").unwrap();
    let client = [("client_id", harness.sim.client_id()), ("client_secret", harness.sim.client_secret())];
    let form = [("grant_type", "client_credentials"), client[0], client[1]];
    assert_eq!(answer(harness.http.post(token_url).form(&form)).await.0, 200);

    let address = harness.sim.url().authority().to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST //services/data/v65.0/sobjects/Account/ HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         authorization: OAuth {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
         7\r\n{{\"Name\"\r\n9\r\n:\"Pieces\"\r\n1\r\n}}\r\n0\r\n\r\n",
        tokens.access,
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[tokio::test]
async fn the_date_header_can_be_off() {
    let harness = Harness::start().await;
    harness.knobs(|knobs| knobs.date_offset_s = Some(-3600));

    let answer = harness.http.get(harness.login("/services/data/")).send().await.unwrap();

    let date = answer.headers()["date"].to_str().unwrap();
    let at = jiff::fmt::rfc2822::parse(date).unwrap().timestamp().as_second();
    let off = jiff::Timestamp::now().as_second() - at;
    assert!((3590..3660).contains(&off), "{off}");
}
