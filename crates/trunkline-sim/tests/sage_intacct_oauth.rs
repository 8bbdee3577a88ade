//! Consent, tokens, and the ways they end.

mod common;

use std::time::Duration;

use common::{CALLBACK, Harness, answer, parameter, text};
use serde_json::json;
use trunkline_sim::sage_intacct::{ExpiredAnswer, Fixture, Matcher, Rotation, TokenFault};

#[tokio::test]
async fn a_consent_leads_to_tokens_that_work() {
    let harness = Harness::start().await;

    let tokens = harness.connect().await;

    let (status, body) = harness.get(&tokens, "services/core/session/id").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["ia::result"]["expiresIn"], 21_600, "{body}");
}

#[tokio::test]
async fn a_code_works_once_and_for_a_minute() {
    let harness = Harness::start().await;
    let (used, late) = (harness.code_for("integration").await, harness.code_for("integration").await);

    let first = harness.exchange(&used).await;
    let second = harness.exchange(&used).await;
    harness.sim.control().advance_clock(Duration::from_secs(61));
    let expired = harness.exchange(&late).await;

    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(second, (401.try_into().unwrap(), json!({ "error": "invalid_grant" })));
    assert_eq!(expired.1, json!({ "error": "invalid_grant" }));
}

#[tokio::test]
async fn a_wrong_verifier_is_refused() {
    let harness = Harness::start().await;
    let code = harness.code_for("integration").await;

    let (_, body) = harness
        .token(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", "another"),
        ])
        .await;

    assert_eq!(body, json!({ "error": "invalid_grant" }));
}

#[tokio::test]
async fn an_unregistered_redirect_uri_is_never_redirected_to() {
    let harness = Harness::start().await;
    let sent = |uri: &str| {
        let text = harness
            .authorize_url("")
            .as_str()
            .replace("https%3A%2F%2Fapp.example.com%2Fconnect%2Fcallback", uri);
        url::Url::parse(&text).unwrap()
    };

    let near = harness.sim.approve(&sent("https%3A%2F%2Fapp.example.com%2Fconnect%2Fcallback%2F")).await;
    let port = harness.sim.approve(&sent("http%3A%2F%2F127.0.0.1%3A4711%2Fconnect%2Fcallback")).await;
    let page = harness.http.get(sent("https%3A%2F%2Fevil.example%2F")).send().await.unwrap();

    assert!(near.is_err(), "{near:?}");
    assert!(port.is_ok(), "{port:?}");
    assert_eq!(page.status(), 400);
}

#[tokio::test]
async fn denial_returns_access_denied_with_the_state() {
    let harness = Harness::start().await;

    let callback = harness.sim.deny(&harness.authorize_url("")).await.unwrap();

    assert_eq!(parameter(&callback, "error").as_deref(), Some("access_denied"), "{callback}");
    assert_eq!(parameter(&callback, "state").as_deref(), Some("st4te"), "{callback}");
}

#[tokio::test]
async fn a_refresh_token_needs_offline_access() {
    let harness = Harness::start().await;
    let callback = harness.sim.approve(&harness.authorize_url("openid")).await.unwrap();

    let (status, body) = harness.exchange(&parameter(&callback, "code").unwrap()).await;

    assert_eq!(status, 200, "{body}");
    assert_eq!(body.get("refresh_token"), None, "{body}");
}

#[tokio::test]
async fn second_consent_kills_the_first_grant() {
    let harness = Harness::start().await;
    let first = harness.connect().await;

    let second = harness.connect().await;

    let (status, body) = harness.get(&first, "services/core/session/id").await;
    assert_eq!((status.as_u16(), &body["error"]["errorId"]), (401, &json!("REST-2102")), "{body}");
    assert_eq!(harness.refresh(&first.refresh).await.1, json!({ "error": "invalid_grant" }));
    assert_eq!(harness.get(&second, "services/core/session/id").await.0, 200);
}

#[tokio::test]
async fn consents_of_different_users_live_side_by_side() {
    let harness = Harness::start().await;
    let first = harness.connect().await;

    let _second = harness.connect_as("clerk").await;

    assert_eq!(harness.get(&first, "services/core/session/id").await.0, 200);
}

#[tokio::test]
async fn expired_tokens_are_answered_in_both_ways_in_turn() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    harness.sim.control().advance_clock(Duration::from_secs(43_200));

    let first = harness.get(&tokens, "services/core/session/id").await;
    let second = harness.get(&tokens, "services/core/session/id").await;

    assert_eq!((first.0.as_u16(), &first.1["ia::error"]["code"]), (401, &json!("GW-0040")));
    assert_eq!(second.0, 400);
    assert_eq!(second.1["ia::result"]["ia::error"]["errorId"], "REST-1206", "{}", second.1);
    assert_eq!(harness.refresh(&tokens.refresh).await.0, 200);
}

#[tokio::test]
async fn a_token_lives_until_the_second_of_its_expiry() {
    let harness = Harness::start().await;
    harness.sim.control().knobs(|knobs| {
        knobs.expires_in_s = 1000;
        knobs.expired_answer = ExpiredAnswer::Gateway401;
    });
    let tokens = harness.connect().await;

    harness.sim.control().advance_clock(Duration::from_secs(900));
    let before = harness.get(&tokens, "services/core/session/id").await.0;
    harness.sim.control().advance_clock(Duration::from_secs(100));
    let after = harness.get(&tokens, "services/core/session/id").await.0;

    assert_eq!((before.as_u16(), after.as_u16()), (200, 401));
}

#[tokio::test]
async fn reuse_of_a_rotated_token_ends_the_grant_only_with_detection() {
    for (rotation, survives) in [(Rotation::On, true), (Rotation::OnWithReuseDetection, false)] {
        let harness = Harness::start().await;
        harness.sim.control().knobs(|knobs| knobs.rotation = rotation);
        let tokens = harness.connect().await;
        let (_, renewed) = harness.refresh(&tokens.refresh).await;

        let reuse = harness.refresh(&tokens.refresh).await;
        let (status, _) = harness.refresh(&text(&renewed, "refresh_token")).await;

        assert_eq!(reuse.1, json!({ "error": "invalid_grant" }), "{rotation:?}");
        assert_eq!(status == 200, survives, "{rotation:?}");
    }
}

#[tokio::test]
async fn revoking_one_token_ends_the_pool_of_user_and_company() {
    let harness = Harness::start().await;
    let consent = harness.connect().await;
    let other = harness.connect_as("clerk").await;
    let credentials = [("grant_type", "client_credentials"), ("username", "integration@acme-corp")];
    let (_, minted) = harness.token(&credentials).await;

    let form = [
        ("client_id", harness.sim.client_id()),
        ("client_secret", harness.sim.client_secret()),
        ("token", &text(&minted, "access_token")),
    ];
    let (status, _) = answer(harness.http.post(harness.api("oauth2/revoke")).form(&form)).await;

    assert_eq!(status, 200);
    assert_eq!(harness.get(&consent, "services/core/session/id").await.0, 401);
    assert_eq!(harness.refresh(&consent.refresh).await.0, 401);
    assert_eq!(harness.get(&other, "services/core/session/id").await.0, 200);
}

#[tokio::test]
async fn what_a_revocation_answers_is_a_knob() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let revoke = async |token: &str| {
        let form = [
            ("client_id", harness.sim.client_id()),
            ("client_secret", harness.sim.client_secret()),
            ("token", token),
        ];
        answer(harness.http.post(harness.api("oauth2/revoke")).form(&form)).await.0.as_u16()
    };

    let unknown = revoke("unknown").await;
    harness.sim.control().knobs(|knobs| (knobs.revoke_status, knobs.revoke_unknown_status) = (204, 400));

    assert_eq!([unknown, revoke("unknown").await, revoke(&tokens.refresh).await], [200, 400, 204]);
    assert_eq!(harness.refresh(&tokens.refresh).await.0, 401);
}

#[tokio::test]
async fn a_ui_login_ends_access_tokens_and_leaves_the_refresh() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;

    harness.sim.control().ui_login("integration", "acme-corp");

    let (_, body) = harness.get(&tokens, "services/core/session/id").await;
    assert_eq!(body["error"]["errorId"], "REST-2102", "{body}");
    assert_eq!(harness.refresh(&tokens.refresh).await.0, 200);
}

#[tokio::test]
async fn client_credentials_take_only_the_listed_user_of_a_named_company() {
    let harness = Harness::start().await;
    let mint = async |username: &str| {
        harness.token(&[("grant_type", "client_credentials"), ("username", username)]).await
    };

    assert_eq!(mint("integration@acme-corp").await.0, 200);
    assert_eq!(mint("integration@acme-corp|E100").await.0, 200);
    assert_eq!(mint("integration").await.0, 400);
    for refused in ["Integration@acme-corp", "admin@acme-corp"] {
        let (_, body) = mint(refused).await;
        assert_eq!(body["ia::result"]["ia::error"]["errorId"], "REST-1216", "{refused}: {body}");
    }
}

#[tokio::test]
async fn token_requests_may_be_json_or_chunked() {
    let harness = Harness::start().await;
    let body = json!({
        "grant_type": "client_credentials", "username": harness.sim.username(),
        "client_id": harness.sim.client_id(), "client_secret": harness.sim.client_secret(),
    });
    let chunked = || reqwest::Body::wrap_stream(OneChunk(Some(body.to_string())));

    let plain = answer(harness.http.post(harness.api("oauth2/token")).json(&body)).await;
    let request = harness.http.post(harness.api("oauth2/token")).header("content-type", "application/json");
    let streamed = answer(request.body(chunked())).await;

    assert_eq!(plain.0, 200, "{}", plain.1);
    assert_eq!(streamed.0, 200, "{}", streamed.1);
    let last = harness.sim.control().requests().pop().unwrap();
    assert_eq!(last.headers.get("content-length"), None, "{last:?}");
    assert_eq!(last.headers.get("transfer-encoding").map(String::as_str), Some("chunked"));
}

/// A stream, so that the client cannot know the length.
struct OneChunk(Option<String>);

impl futures_core::Stream for OneChunk {
    type Item = Result<String, std::convert::Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.take().map(Ok))
    }
}

#[tokio::test]
async fn the_gateway_complains_in_its_own_codes() {
    let harness = Harness::start().await;
    let post = async |path: &str, body: &'static str| {
        let request = harness.http.post(harness.api(path));
        answer(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    };

    for (path, body, code) in [
        ("oauth2/token", "", "GW-0035"),
        ("oauth2/token", "nonsense", "GW-0032"),
        ("oauth2/token", "grant_type=password", "GW-0032"),
        ("oauth2/token", "grant_type=refresh_token", "GW-0037"),
        ("oauth2/token", "grant_type=refresh_token&client_id=a&client_id=b", "GW-0038"),
        ("oauth2/token", "grant_type=client_credentials&client_id=a&username=", "GW-0036"),
        ("oauth2/token", "grant_type=client_credentials&client_id=a&username=b&username=c", "GW-0039"),
        ("oauth2/introspect", "token=a", "GW-0033"),
        ("objects/accounts-payable/vendor", "{}", "GW-0034"),
    ] {
        let (_, answer) = post(path, body).await;
        assert_eq!(answer["ia::error"]["code"], code, "{path} {body}: {answer}");
        assert!(answer["ia::error"]["details"]["requestId"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn a_secret_with_a_newline_is_an_invalid_client() {
    let harness = Harness::start().await;
    let secret = format!("{}\n", harness.sim.client_secret());
    let form = [
        ("grant_type", "client_credentials"),
        ("username", "integration@acme-corp"),
        ("client_id", harness.sim.client_id()),
        ("client_secret", &secret),
    ];

    let (status, body) = answer(harness.http.post(harness.api("oauth2/token")).form(&form)).await;

    assert_eq!((status.as_u16(), body), (401, json!({ "error": "invalid_client" })));
}

#[tokio::test]
async fn a_lost_answer_has_spent_the_refresh_token_and_a_reset_has_not() {
    let harness = Harness::start().await;
    let control = harness.sim.control();
    control.knobs(|knobs| knobs.rotation = Rotation::On);
    let tokens = harness.connect().await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &tokens.refresh),
        ("client_id", harness.sim.client_id()),
        ("client_secret", harness.sim.client_secret()),
    ];
    let attempt = || harness.http.post(harness.api("oauth2/token")).form(&form).send();

    control.fail_token_endpoint(&TokenFault::Reset, 1);
    let reset = attempt().await;
    control.fail_token_endpoint(&TokenFault::LoseAnswer, 1);
    let lost = attempt().await;
    let after = attempt().await.unwrap();

    assert!(reset.is_err() && lost.is_err(), "{reset:?} {lost:?}");
    assert_eq!(after.status(), 401);
}

#[tokio::test]
async fn paused_token_requests_are_counted_and_served_later() {
    let harness = Harness::start().await;
    let control = harness.sim.control();
    control.pause_token_endpoint();
    let username = harness.sim.username();
    let fields = [("grant_type", "client_credentials"), ("username", username.as_str())];

    let (minted, ()) = tokio::join!(harness.token(&fields), async {
        control.token_requests_reached(1).await;
        assert_eq!(control.requests().last().and_then(|request| request.status), None);
        control.resume_token_endpoint();
    });

    assert_eq!(minted.0, 200, "{}", minted.1);
    assert_eq!(control.requests().last().and_then(|request| request.status), Some(200));
}

#[tokio::test]
async fn every_named_fixture_is_answered_as_listed() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;

    for number in (1..=29).filter(|number| *number != 13) {
        let fixture = Fixture::named(&format!("E{number}"), Matcher::path("/objects/")).unwrap();
        let status = fixture.status;
        harness.sim.control().inject(fixture);

        let answered = harness.get(&tokens, "objects/accounts-payable/vendor").await.0;

        assert_eq!(answered.as_u16(), status, "E{number}");
    }
    assert_eq!(harness.get(&tokens, "objects/accounts-payable/vendor").await.0, 200);
}
