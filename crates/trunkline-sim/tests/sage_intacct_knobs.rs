//! The knobs: each stands for something that public material leaves open.

mod common;

use std::time::Duration;

use common::{CALLBACK, Harness, Tokens, answer, parameter, text};
use serde_json::{Value, json};
use trunkline_sim::sage_intacct::{
    AccessDeath, ClientRefusal, ErrorNesting, ExpiredAnswer, Knobs, RetryAfterSpelling, SupersedeAt,
    SupersedeScope, ThrottleMode, UnknownFields,
};

async fn start(change: impl FnOnce(&mut Knobs)) -> (Harness, Tokens) {
    let harness = Harness::start().await;
    harness.sim.control().knobs(change);
    let tokens = harness.connect().await;
    (harness, tokens)
}

async fn session(harness: &Harness, tokens: &Tokens) -> (u16, Value) {
    let (status, body) = harness.get(tokens, "services/core/session/id").await;
    (status.as_u16(), body)
}

fn bearer(token: &str) -> Tokens {
    Tokens { access: token.to_owned(), refresh: String::new() }
}

#[tokio::test]
async fn every_status_that_is_unknown_can_be_chosen() {
    let (harness, tokens) = start(|knobs| {
        knobs.invalid_grant_status = 400;
        knobs.client_refusal_status = 400;
        knobs.malformed_token_status = 400;
        knobs.rejected_token_status = 400;
        knobs.entity_refusal_status = 404;
    })
    .await;

    let malformed = session(&harness, &bearer("x")).await;
    let request = harness.http.get(harness.api("services/core/session/id")).bearer_auth(&tokens.access);
    let entity = answer(request.header("X-IA-API-Param-Entity", "nowhere")).await;
    let client = answer(harness.http.post(harness.api("oauth2/token")).form(&[
        ("grant_type", "refresh_token"),
        ("client_id", "x"),
        ("refresh_token", "x"),
    ]))
    .await;
    harness.sim.control().revoke_grants("integration", "acme-corp");
    let rejected = session(&harness, &tokens).await;
    let grant = harness.refresh(&tokens.refresh).await;

    assert_eq!((malformed.0, &malformed.1["ia::error"]["code"]), (400, &json!("GW-0031")));
    assert_eq!(entity.0, 404);
    assert_eq!((client.0.as_u16(), &client.1["error"]), (400, &json!("invalid_client")));
    assert_eq!((rejected.0, &rejected.1["error"]["errorId"]), (400, &json!("REST-2102")));
    assert_eq!((grant.0.as_u16(), &grant.1["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn refused_clients_and_dead_grants_come_in_the_forms_that_were_seen() {
    let (harness, tokens) = start(|knobs| {
        knobs.client_refusal = ClientRefusal::Rest1216;
        knobs.dead_grant_as_invalid_client = true;
    })
    .await;
    harness.sim.control().set_client_secret(harness.sim.client_id(), "another");
    let (_, refused) = harness.refresh(&tokens.refresh).await;
    harness.sim.control().set_client_secret(harness.sim.client_id(), harness.sim.client_secret());
    harness.sim.control().revoke_grants("integration", "acme-corp");
    let (_, disguised) = harness.refresh(&tokens.refresh).await;

    assert_eq!(refused["ia::result"]["ia::error"]["errorId"], "REST-1216", "{refused}");
    assert_eq!(disguised, json!({ "error": "invalid_client" }));
}

#[tokio::test]
async fn errors_stand_inside_the_result_or_at_the_top() {
    let (harness, tokens) = start(|_| ()).await;
    let missing = async || harness.get(&tokens, "objects/accounts-payable/vendor/0").await.1;

    assert_eq!(missing().await["ia::result"]["ia::error"]["code"], "notFound");
    harness.sim.control().knobs(|knobs| knobs.error_nesting = ErrorNesting::Top);
    assert_eq!(missing().await["ia::error"]["code"], "notFound");
}

#[tokio::test]
async fn expiry_is_answered_in_the_one_chosen_way() {
    for (answer, status, path) in [
        (ExpiredAnswer::Gateway401, 401, "/ia::error/code"),
        (ExpiredAnswer::Api400, 400, "/ia::result/ia::error/errorId"),
    ] {
        let (harness, tokens) = start(|knobs| knobs.expired_answer = answer).await;
        harness.sim.control().advance_clock(Duration::from_secs(43_200));

        for _ in 0..2 {
            let (answered, body) = session(&harness, &tokens).await;
            assert_eq!(answered, status, "{body}");
            let code = if status == 401 { "GW-0040" } else { "REST-1206" };
            assert_eq!(body.pointer(path), Some(&json!(code)), "{body}");
        }
    }
}

#[tokio::test]
async fn token_answers_may_lack_expires_in_or_the_refresh_token_or_have_one_for_client_credentials() {
    let (harness, tokens) = start(|knobs| {
        knobs.send_expires_in = false;
        knobs.repeat_refresh_token = false;
        knobs.client_credentials_refresh_token = true;
        knobs.refresh_token_lifetime_s = Some(60);
    })
    .await;

    let (_, refreshed) = harness.refresh(&tokens.refresh).await;
    let username = harness.sim.username();
    let (_, minted) = harness.token(&[("grant_type", "client_credentials"), ("username", &username)]).await;
    let by_session = harness.get(&bearer(&text(&minted, "access_token")), "services/core/session/id").await.1;
    let session_id = by_session["ia::result"]["sessionId"].as_str().unwrap();
    let lent = harness.token(&[("grant_type", "client_credentials"), ("session_id", session_id)]).await;
    let renewed = harness.refresh(&text(&minted, "refresh_token")).await.0;
    harness.sim.control().advance_clock(Duration::from_secs(60));
    let late = harness.refresh(&text(&minted, "refresh_token")).await.0;

    assert_eq!((refreshed.get("expires_in"), refreshed.get("refresh_token")), (None, None), "{refreshed}");
    assert_eq!(lent.0, 200, "{}", lent.1);
    assert_eq!((renewed.as_u16(), late.as_u16()), (200, 401));
}

#[tokio::test]
async fn the_single_grant_rule_has_a_scope_a_moment_and_a_delay() {
    let (harness, first) = start(|knobs| {
        knobs.supersede_at = SupersedeAt::Approval;
        knobs.superseded_access = AccessDeath::AfterNextUse;
    })
    .await;
    let _code = harness.code_for("integration").await;
    let uses = [session(&harness, &first).await.0, session(&harness, &first).await.0];
    assert_eq!(uses, [200, 401]);
    assert_eq!(harness.refresh(&first.refresh).await.0, 401);

    for scope in [SupersedeScope::Off, SupersedeScope::SameClient] {
        let (harness, first) = start(|knobs| knobs.supersede_scope = scope).await;
        harness.sim.control().supersede_grants("integration", "acme-corp", "another client");
        assert_eq!(session(&harness, &first).await.0, 200, "{scope:?}");
    }
}

#[tokio::test]
async fn unknown_fields_are_taken_or_refused_with_their_place() {
    let (harness, tokens) = start(|_| ()).await;
    let create = async || {
        let vendor = json!({"name": "New", "favouriteColour": "blue"});
        answer(harness.post(&tokens, "objects/accounts-payable/vendor").json(&vendor)).await
    };

    assert_eq!(create().await.0, 201);
    harness.sim.control().knobs(|knobs| knobs.unknown_fields = UnknownFields::Refuse);
    let (status, body) = create().await;

    let error = &body["ia::result"]["ia::error"];
    assert_eq!((status.as_u16(), &error["errorId"]), (400, &json!("REST-1064")));
    assert_eq!(
        (&error["details"][0]["errorId"], &error["details"][0]["target"]),
        (&json!("REST-1043"), &json!("/favouriteColour"))
    );
}

#[tokio::test]
async fn throttle_headers_are_spelt_as_chosen_and_stay_away_below_the_limit_if_asked() {
    let (harness, tokens) = start(|knobs| knobs.throttle_retry_after_s = 7).await;
    let names = async || {
        let request = harness.http.get(harness.api("services/core/session/id")).bearer_auth(&tokens.access);
        let response = request.send().await.unwrap();
        ["limit", "limit-retryafter", "limit-retry-after"]
            .map(|name| response.headers().get(format!("x-ia-throttle-{name}")).cloned())
            .map(|value| value.map(|value| value.to_str().unwrap().to_owned()))
    };
    let value = |text: &str| Some(text.to_owned());

    assert_eq!(names().await, [value("6"), None, None]);
    harness.sim.control().knobs(|knobs| knobs.soft_limit_headers = false);
    assert_eq!(names().await, [None, None, None]);
    harness.sim.control().knobs(|knobs| {
        knobs.company_concurrency = Some(0);
        knobs.retry_after_spelling = RetryAfterSpelling::Joined;
    });
    assert_eq!(names().await, [value("6"), value("7"), None]);
    harness.sim.control().knobs(|knobs| knobs.retry_after_spelling = RetryAfterSpelling::Hyphenated);
    assert_eq!(names().await, [value("6"), None, value("7")]);
}

#[tokio::test]
async fn in_the_older_mode_a_call_over_the_limit_waits_its_turn() {
    let (harness, tokens) = start(|knobs| {
        knobs.application_concurrency = Some(1);
        knobs.api_latency_ms = 20;
        knobs.throttle_mode = ThrottleMode::HoldThenRefuse { hold_ms: 60_000 };
    })
    .await;

    let (first, second) = tokio::join!(session(&harness, &tokens), session(&harness, &tokens));

    assert_eq!((first.0, second.0), (200, 200));
}

#[tokio::test]
async fn consents_can_be_approved_without_a_person() {
    let harness = Harness::start().await;
    let page = harness.http.get(harness.authorize_url("")).send().await.unwrap().status();
    harness.sim.control().knobs(|knobs| knobs.auto_approve = true);

    let redirect = harness.http.get(harness.authorize_url("")).send().await.unwrap();

    let callback = redirect.headers()["location"].to_str().unwrap().parse().unwrap();
    assert_eq!((page.as_u16(), redirect.status().as_u16()), (200, 302));
    assert_eq!(harness.exchange(&parameter(&callback, "code").unwrap()).await.0, 200);
}

#[tokio::test]
async fn a_defective_consent_request_comes_back_with_its_error_and_the_state() {
    let harness = Harness::start().await;
    let consent = async |from: &str, to: &str| {
        let url = harness.authorize_url("offline_access").as_str().replace(from, to);
        let callback = harness.sim.approve(&url.parse().unwrap()).await.unwrap();
        assert!(callback.as_str().starts_with(CALLBACK), "{callback}");
        assert_eq!(parameter(&callback, "state").as_deref(), Some("st4te"));
        parameter(&callback, "error").unwrap_or_default()
    };

    assert_eq!(consent("response_type=code", "response_type=token").await, "unsupported_response_type");
    assert_eq!(consent("=S256", "=plain").await, "invalid_request");
    assert_eq!(consent("&code_challenge_method=S256", "").await, "invalid_request");
    // An application that is not for production cannot enter a production company.
    let sandbox = &harness.sim.nonproduction_app().client_id;
    assert_eq!(consent(harness.sim.client_id(), sandbox).await, "access_denied");
    assert_eq!(consent("", "").await, "");
}
