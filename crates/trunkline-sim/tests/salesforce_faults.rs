//! Answers that are lost, prepared answers, the counts, and the control API over HTTP.
#![allow(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

mod common;

use std::time::Duration;

use common::salesforce::{Harness, oauth_refusal, refusal};
use common::{Tokens, answer, beside, parameter, status_of, text};
use reqwest::Method;
use serde_json::{Value, json};
use trunkline_sim::salesforce::{Ended, Fault, Fixture, Hosts, Matcher, Presented, Salesforce, Violation};

const DEAD: &str = "expired access/refresh token";

async fn start() -> (Harness, Tokens) {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    harness.control().clear_requests();
    (harness, tokens)
}

fn refresh_request(harness: &Harness, token: &str) -> reqwest::RequestBuilder {
    harness.token_request(&[("grant_type", "refresh_token"), ("refresh_token", token)])
}

#[tokio::test]
async fn an_answer_lost_after_a_rotation_makes_the_next_attempt_a_reuse() {
    for fault in [Fault::LoseAnswer, Fault::CutAnswer, Fault::HalfAnswer] {
        let (harness, tokens) = start().await;
        harness.control().fail_token_endpoint(&fault, 1);

        let lost = refresh_request(&harness, &tokens.refresh).send().await;
        let body = match lost {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        assert!(serde_json::from_str::<Value>(&body).is_err(), "{fault:?} left {body}");

        assert_eq!(oauth_refusal(&harness.refresh(&tokens.refresh).await).2, DEAD, "{fault:?}");
        assert_eq!(harness.control().families()[0].ended, Some(Ended::Reuse));
        let presented: Vec<_> =
            harness.control().token_exchanges().iter().filter_map(|exchange| exchange.presented).collect();
        assert_eq!(presented, [Presented::Current, Presented::Previous]);
    }
}

#[tokio::test]
async fn a_request_that_was_not_processed_rotates_nothing() {
    for fault in
        [Fault::Reset, Fault::Status(503), Fault::Html(502), Fault::Redirect("/elsewhere".to_owned())]
    {
        let (harness, tokens) = start().await;
        harness.control().fail_token_endpoint(&fault, 1);

        let met = refresh_request(&harness, &tokens.refresh).send().await;
        match (&fault, met) {
            (Fault::Reset, met) => assert!(met.is_err()),
            (Fault::Html(_), Ok(met)) => {
                assert_eq!(met.headers()["content-type"], "text/html; charset=utf-8");
            }
            (Fault::Status(_), Ok(met)) => assert_eq!(met.status(), 503),
            (_, met) => assert_eq!(met.unwrap().headers()["location"], "/elsewhere"),
        }

        assert_eq!(harness.refresh(&tokens.refresh).await.0, 200, "{fault:?}");
    }
}

#[tokio::test]
async fn a_late_answer_holds_no_lock() {
    let (harness, tokens) = start().await;
    harness.control().pause_token_answers();
    let late = beside(refresh_request(&harness, &tokens.refresh));
    harness.control().token_exchanges_reached(1).await;

    // The first is committed, though nobody heard of it.
    let second = beside(refresh_request(&harness, &tokens.refresh));
    harness.control().token_exchanges_reached(2).await;
    harness.control().resume_token_endpoint();

    assert_eq!(status_of(late).await, 200);
    assert_eq!(status_of(second).await, 400);
    assert_eq!(harness.control().families()[0].ended, Some(Ended::Reuse));
}

#[tokio::test]
async fn any_call_can_meet_a_fault_the_first_or_a_later_one() {
    let (harness, tokens) = start().await;
    let matcher = Matcher::path("/limits");
    harness.control().fail(&matcher, &Fault::Pass, 1);
    harness.control().fail(&matcher, &Fault::LoseAnswer, 1);
    harness.control().fail(&matcher, &Fault::Html(503), 1);

    assert_eq!(harness.get(&tokens, "limits").await.0, 200);
    assert_eq!(harness.get(&tokens, "sobjects").await.0, 200);
    assert!(harness.data(Method::GET, &tokens, "limits").send().await.is_err());
    assert_eq!(harness.get(&tokens, "limits").await.0, 503);
    assert_eq!(harness.get(&tokens, "limits").await.0, 200);
}

#[tokio::test]
async fn every_row_of_the_table_can_be_injected() {
    let (harness, tokens) = start().await;
    let rows = [("T", 36), ("R", 26), ("I", 4), ("V", 3)];
    let names = rows.iter().flat_map(|(kind, last)| (1..=*last).map(move |row| format!("{kind}{row:02}")));
    let mut answered = 0;
    for name in names {
        let Some(fixture) = Fixture::named(&name, Matcher::path("/limits")) else {
            assert_eq!(name, "T35", "the only row that is a success");
            continue;
        };
        let (status, body) = (fixture.status, fixture.body.clone());
        harness.control().inject(fixture);
        let met = harness.data(Method::GET, &tokens, "limits").send().await.unwrap();
        assert_eq!(met.status().as_u16(), status, "{name}");
        assert_eq!(met.text().await.unwrap(), body, "{name}");
        answered += 1;
    }
    assert_eq!(answered, 68);
    assert_eq!(harness.get(&tokens, "limits").await.0, 200);
}

#[tokio::test]
async fn a_fixture_can_throttle_with_retry_after() {
    let (harness, tokens) = start().await;
    let mut fixture = Fixture::json(Matcher::path("/services/data"), 429, &json!([]));
    fixture.headers.push(("Retry-After".to_owned(), "7".to_owned()));
    harness.control().inject(fixture);

    let met = harness.data(Method::GET, &tokens, "limits").send().await.unwrap();

    assert_eq!((met.status().as_u16(), met.headers()["retry-after"].to_str().unwrap()), (429, "7"));
}

#[tokio::test]
async fn the_journal_shows_what_the_invariants_are_about() {
    let (harness, tokens) = start().await;
    harness.get(&tokens, "limits").await;
    harness.refresh(&tokens.refresh).await;

    let requests = harness.control().requests();

    let shown: Vec<_> =
        requests.iter().map(|it| (it.path.as_str(), it.grant_type.as_deref(), it.status)).collect();
    assert_eq!(
        shown,
        [
            ("/services/data/v65.0/limits", None, Some(200)),
            ("/services/oauth2/token", Some("refresh_token"), Some(200)),
        ]
    );
    assert!(
        requests
            .iter()
            .all(|it| it.headers.contains_key("host") && !it.headers.contains_key("authorization"))
    );
    assert_eq!(harness.control().token_requests(), 1);
}

#[tokio::test]
async fn what_a_good_client_never_does_is_noticed() {
    let harness = Harness::with(Salesforce::builder().hosts(Hosts::Separate)).await;
    let tokens = harness.connect().await;
    assert_eq!(harness.control().violations(), []);
    let (_, renewed) = harness.refresh(&tokens.refresh).await;
    assert_eq!(harness.control().violations(), []);

    harness.get(&tokens, "limits").await;
    let revoke = harness.login("/services/oauth2/revoke");
    answer(harness.http.get(revoke).query(&[("token", &tokens.access)])).await;
    harness.refresh(&tokens.refresh).await;
    harness.refresh(&text(&renewed, "refresh_token")).await;

    let family = 1;
    assert_eq!(
        harness.control().violations(),
        [
            Violation::DataAtLoginHost { path: "/services/data/v65.0/limits".to_owned() },
            Violation::TokenInUrl { path: "/services/oauth2/revoke".to_owned() },
            Violation::RotatedTokenPresented { family },
            Violation::RefreshAfterTheEnd { family },
        ]
    );
}

#[tokio::test]
async fn the_control_api_answers_over_http() {
    let (harness, tokens) = start().await;
    let control = async |method: Method, route: &str, body: Value| {
        let url = harness.sim.control_url().join(route).unwrap();
        let request = harness.http.request(method, url);
        let request = if body.is_null() { request } else { request.json(&body) };
        let (status, body) = answer(request).await;
        (status.as_u16(), body)
    };
    let post = async |route: &str, body: Value| control(Method::POST, route, body).await;

    let url = harness.authorize_url(&[]);
    let (status, body) =
        post("approve", json!({ "authorize_url": url, "username": "sales@acme.example" })).await;
    assert_eq!(status, 200);
    let callback = url::Url::parse(&text(&body, "callback")).unwrap();
    assert!(parameter(&callback, "code").is_some());
    let username = harness.sim.username();
    assert_eq!(post("end-sessions", json!({ "username": username })).await.0, 200);
    assert_eq!(refusal(&harness.get(&tokens, "limits").await).0, 401);
    assert_eq!(post("revoke", json!({ "username": username })).await.0, 200);
    let (_, families) = control(Method::GET, "families", Value::Null).await;
    assert_eq!((&families[0]["ended"], &families[0]["user"]), (&json!("revoked"), &json!(username)));
    let (_, knobs) = control(Method::PATCH, "knobs", json!({ "refresh_lock": "app" })).await;
    assert_eq!(knobs["refresh_lock"], "app");
    let app = format!("apps/{}", harness.sim.client_id());
    let (_, changed) = control(Method::PATCH, &app, json!({ "refresh_policy": { "idle_s": 5 } })).await;
    assert_eq!(changed["refresh_policy"], json!({ "idle_s": 5 }));
    assert_eq!(control(Method::PATCH, "orgs/acme", json!({ "used_elsewhere": 100_000 })).await.0, 200);
    let user = format!("users/{username}");
    assert_eq!(control(Method::PATCH, &user, json!({ "frozen": true })).await.1["frozen"], true);
    let (_, made) =
        post("add-user", json!({ "org": "acme", "username": "x@acme.example", "profile": "Sales" })).await;
    assert!(text(&made, "id").starts_with("005"));
    let rights = json!({ "org": "acme", "permission_set": "Sales", "object": "Lead", "rights": ["read"] });
    assert_eq!(post("set-object-permissions", rights).await.0, 200);
    assert_eq!(post("inject", json!({ "named": "T28", "matcher": { "path": "/token" } })).await.0, 200);
    assert_eq!(harness.token(&[("grant_type", "client_credentials")]).await.1["error"], "unknown_error");

    for (method, route, body) in [
        (Method::PATCH, "knobs", json!({ "nonsense": 1 })),
        (Method::PATCH, "orgs/nowhere", json!({})),
        (Method::POST, "revoke", json!({ "username": "nobody" })),
        (Method::POST, "revoke", json!({ "nonsense": 1 })),
        (
            Method::POST,
            "set-object-permissions",
            json!({ "org": "acme", "permission_set": "Sales", "object": "Lead", "rights": ["fly"] }),
        ),
        (Method::POST, "inject", json!({ "named": "T99" })),
        (Method::POST, "nonsense", json!({})),
        (Method::GET, "nonsense", Value::Null),
    ] {
        let (status, body) = control(method, route, body).await;
        assert_eq!(status, 400, "{route}");
        assert!(body["error"].is_string(), "{route}");
    }
}

#[tokio::test]
async fn a_delayed_request_is_processed_after_its_time() {
    let (harness, tokens) = start().await;
    harness.control().hold_token_endpoint(Duration::from_millis(50));

    assert_eq!(harness.refresh(&tokens.refresh).await.0, 200);
}
