//! Requests through a connection: one renewal, one replay, and hosts.

mod scripted;

use scripted::{Answer, Stage, chunks, json, token};
use std::time::Duration;
use trunkline::{Cause, Connect, ErrorKind, Retry, Revocation, State};
use trunkline_core::TransportError;
use trunkline_core::bytes::Bytes;

#[tokio::test]
async fn c_6750_03_a_rejected_token_is_renewed_once_and_the_request_sent_once_more() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(json(401, "{}"));
    stage.tokens.will(token("canary-a2", "canary-r2", 3600));
    stage.api.will(json(201, "{}"));

    let response = connection.post("/bills").json(&serde_json::json!({"a": 1})).send().await.unwrap();

    assert_eq!(response.status(), 201);
    let sent = stage.api.sent();
    assert_eq!(sent[1].authorization.as_deref(), Some("Bearer canary-a1"));
    assert_eq!(sent[2].authorization.as_deref(), Some("Bearer canary-a2"));
    assert_eq!((sent[1].body.as_str(), sent[2].body.as_str()), (r#"{"a":1}"#, r#"{"a":1}"#));

    // A fresh token that is rejected again goes to diagnosis, not to another renewal.
    stage.api.will(json(401, "{}"));
    let error = connection.get("/bills").send().await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::AccessTokenRejected));
    assert_eq!(stage.tokens.count(), 2);
}

#[tokio::test]
async fn an_answer_that_quotes_the_token_is_diagnosed_without_it() {
    for canary in ["canary-12345", "canary-0/1+2-3456-7890-abcd-ef012345"] {
        assert!([12, 36].contains(&canary.len()));
        let stage = Stage::new().await;
        let browser = trunkline::BrowserSession::random().unwrap();
        let query = stage.begin(&stage.request().await, &browser).await;
        stage.tokens.will(token(canary, "canary-r1", 3600));
        // Who we are is refused in the same words: that is logged, and said by nobody.
        let encoded = canary.replace('/', "%2F").replace('+', "%2B");
        let quoted = format!(r#"{{"error":"invalid","error_description":"no {canary} and no {encoded}"}}"#);
        stage.api.will(json(403, &quoted));
        let connection = stage.complete(&query, &browser).await.unwrap().connection;
        let challenge = format!(r#"Bearer error="invalid_request", error_description="bad {canary}""#);
        stage.api.will(Answer::Http(400, vec![("www-authenticate", challenge)], quoted.clone()));

        let response = connection.get("/bills").send().await.unwrap();

        let diagnosis = response.diagnosis().unwrap();
        let said =
            format!("{diagnosis} {diagnosis:?} {}", serde_json::to_string(&diagnosis.report()).unwrap());
        assert!(said.contains("[redacted]"), "it says what the service said: {said}");
        assert!(!said.contains("canary") && !said.contains(&encoded), "{said}");
        // The caller, whose token it is, has the answer as it came.
        assert_eq!(response.text().await.unwrap(), quoted);
    }
}

#[tokio::test]
async fn a_streamed_body_is_not_sent_twice() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(json(401, "{}"));
    stage.tokens.will(token("canary-a2", "canary-r2", 3600));
    let chunks = ["large ", "body"].map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())));

    let response =
        connection.put("/file").body_stream(futures_util::stream::iter(chunks)).send().await.unwrap();

    assert_eq!(response.status(), 401);
    assert_eq!(stage.api.sent()[1].body, "large body");
    assert_eq!(connection.token_now().unwrap().generation(), 2, "the next request has a new token");
}

#[tokio::test]
async fn c_6750_04_05_a_refusal_that_no_renewal_heals_starts_none() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    for (status, challenge, cause) in [
        (403, r#"Bearer error="insufficient_scope", scope="bills""#, Cause::ScopeMissing),
        (403, "Bearer", Cause::PermissionMissing),
        (400, r#"Bearer error="invalid_request""#, Cause::RequestInvalid),
    ] {
        stage.api.will(Answer::Http(
            status,
            vec![("www-authenticate", challenge.to_owned())],
            "{}".to_owned(),
        ));

        let response = connection.get("/bills").send().await.unwrap();

        assert_eq!(response.status(), status);
        assert_eq!(response.diagnosis().unwrap().cause(), cause, "{challenge}");
    }
    assert_eq!(stage.tokens.count(), 1, "the exchange alone");
    assert_eq!(stage.api.count(), 4, "nothing is sent twice");
}

#[tokio::test]
async fn c_6750_06_a_401_that_names_no_error_renews_once() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    let bare = || Answer::Http(401, vec![("www-authenticate", "Bearer".to_owned())], String::new());
    stage.api.will(bare());
    stage.tokens.will(token("canary-a2", "canary-r2", 3600));
    stage.api.will(bare());

    let response = connection.get("/bills").send().await.unwrap();

    assert_eq!(response.status(), 401, "the answer to the replay is handed on");
    assert_eq!((stage.tokens.count(), stage.api.count()), (2, 3));
}

#[tokio::test]
async fn c_6750_07_the_token_goes_to_the_connections_hosts_only() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    let foreign: trunkline_core::url::Url = "https://evil.test/v1/x".parse().unwrap();
    let refused = connection.get(foreign).send().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert_eq!(stage.api.count(), 1, "only identify was sent");

    stage.api.will(Answer::Http(302, vec![("location", "https://files.test/a".to_owned())], String::new()));
    stage.api.will(json(200, "{}"));
    let response = connection.get("/file").header("cookie", "canary").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let sent = stage.api.sent();
    assert_eq!(sent[2].url.host_str(), Some("files.test"));
    assert!(sent[2].authorization.is_none() && !sent[2].headers.contains_key("cookie"));

    stage.api.will(Answer::Http(307, vec![("location", "/v1/moved".to_owned())], String::new()));
    stage.api.will(json(200, "{}"));
    connection.post("/bills").body("again").send().await.unwrap();
    let last = stage.api.sent().pop().unwrap();
    assert_eq!((last.url.path(), last.body.as_str(), last.method.as_str()), ("/v1/moved", "again", "POST"));
    // The endpoint stays on the public Internet, and so does what follows a redirect from it.
    assert!(stage.api.sent().iter().skip(1).all(|sent| sent.public_only));
    assert!(last.authorization.is_some());
}

#[tokio::test]
async fn a_redirect_is_not_followed_to_plain_http_nor_turns_a_post_into_a_get_nor_runs_in_circles() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    let to = |status, url: &str| Answer::Http(status, vec![("location", url.to_owned())], String::new());
    stage.api.will(to(302, "http://api.played.test/v1/x"));
    assert_eq!(connection.get("/x").send().await.unwrap().status(), 302);
    stage.api.will(to(302, "/v1/other"));
    assert_eq!(connection.post("/x").body("b").send().await.unwrap().status(), 302);
    let before = stage.api.count();
    for _ in 0..6 {
        stage.api.will(to(302, "/v1/x"));
    }
    assert_eq!(connection.get("/x").send().await.unwrap().status(), 302);
    assert_eq!(stage.api.count() - before, 6, "the request and five redirects");
}

#[tokio::test]
async fn what_was_not_sent_differs_from_what_may_have_been_carried_out() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(Answer::Fail(TransportError::NotSent("dns".to_owned())));
    assert_eq!(connection.post("/x").send().await.unwrap_err().kind(), ErrorKind::NotSent);
    stage.api.will(Answer::Fail(TransportError::Unknown("reset".to_owned())));
    assert_eq!(connection.post("/x").send().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(stage.api.count(), 3, "nothing is repeated");
}

#[tokio::test]
async fn an_error_body_can_be_read_after_its_diagnosis_and_json_errors_quote_nothing() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(json(404, r#"{"why":"no such bill"}"#));
    let response = connection.get("/bills/1").send().await.unwrap();
    assert_eq!(response.diagnosis().unwrap().cause(), Cause::NotFound);
    assert_eq!(response.text().await.unwrap(), r#"{"why":"no such bill"}"#);

    stage.api.will(json(200, r#"{"n":"canary-value"}"#));
    let error = connection.get("/x").send().await.unwrap().json::<Vec<u8>>().await.unwrap_err();
    assert!(!format!("{error:?}{error}").contains("canary-value"));
}

#[tokio::test]
async fn c_7009_05_a_service_that_is_down_keeps_a_sealed_revocation_that_is_finished_later() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.tokens.will(json(503, "{}"));

    let outcome = connection.disconnect().await.unwrap();
    assert!(matches!(outcome, Revocation::Pending(_)), "{outcome:?}");
    assert!(connection.token_now().is_none(), "disconnected all the same");
    assert_eq!(connection.access_token().await.unwrap_err().cause(), Some(Cause::Disconnected));

    stage.tokens.will(json(200, ""));
    assert_eq!(stage.trunkline.retry_revocations().await.unwrap(), (1, 0));
    assert_eq!(stage.trunkline.retry_revocations().await.unwrap(), (0, 0), "done is done");
    assert!(stage.tokens.sent().last().unwrap().body.contains("canary-r1"));
}

#[tokio::test]
async fn c_7009_03_a_revocation_waits_as_long_as_the_service_asked() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.tokens.will(Answer::Http(503, vec![("retry-after", "90".to_owned())], String::new()));
    assert!(matches!(connection.disconnect().await.unwrap(), Revocation::Pending(_)));

    stage.clock.advance(Duration::from_secs(89));
    assert_eq!(stage.trunkline.retry_revocations().await.unwrap(), (0, 1));
    assert_eq!(stage.tokens.count(), 2, "the exchange and one attempt");

    stage.clock.advance(Duration::from_secs(2));
    stage.tokens.will(json(200, ""));
    assert_eq!(stage.trunkline.retry_revocations().await.unwrap(), (1, 0));
}

#[tokio::test]
async fn a_disconnect_says_what_became_of_the_grant() {
    let refuses = Stage::new().await;
    let connection = refuses.connected().await;
    refuses.tokens.will(json(401, r#"{"error":"invalid_client"}"#));
    let outcome = connection.disconnect().await.unwrap();
    assert!(matches!(outcome, Revocation::Refused(_)), "{outcome:?}");
    assert!(matches!(connection.disconnect().await.unwrap(), Revocation::Nothing));
    assert_eq!(refuses.trunkline.retry_revocations().await.unwrap(), (0, 0));

    let unable = Stage::new().await;
    unable.tokens.will(json(200, r#"{"access_token":"canary-a1","expires_in":3600}"#));
    unable.api.will(Answer::Http(200, vec![], "ada".to_owned()));
    let connect = unable.trunkline.tenant("acme").connect("played").method("client_credentials");
    let Connect::Ready(connection) = connect.input("company", "c").input("user", "ada").await.unwrap() else {
        panic!("nobody has to be asked")
    };
    assert!(matches!(connection.disconnect().await.unwrap(), Revocation::NotSupported));
    assert!(connection.token_now().is_none());
}

#[tokio::test]
async fn a_large_body_streams_through_and_is_collected_only_up_to_the_limit() {
    static CHUNK: [u8; 1 << 20] = [b'x'; 1 << 20];
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(chunks(200, vec![&CHUNK[..]; 40]));
    let mut response = connection.get("/export").send().await.unwrap();
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert_eq!(length, 40 << 20);

    stage.api.will(chunks(200, vec![&CHUNK[..]; 40]));
    let error = connection.get("/export").send().await.unwrap().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseInvalid);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_an_api_asks_for_is_told_in_seconds_and_as_a_date() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    // The played clock starts at 2027-01-15T08:00:00Z.
    for (text, expected) in [
        ("120", Retry::After { after_s: 120 }),
        ("Fri, 15 Jan 2027 08:02:00 GMT", Retry::After { after_s: 120 }),
        ("Fri, 15 Jan 2027 07:00:00 GMT", Retry::After { after_s: 0 }),
        ("99999999999", Retry::After { after_s: 24 * 60 * 60 }),
        ("soon", Cause::RateLimited.retry()),
    ] {
        stage.api.will(Answer::Http(429, vec![("retry-after", text.to_owned())], String::new()));
        let response = connection.get("/x").send().await.unwrap();
        assert_eq!(response.diagnosis().unwrap().retry(), expected, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_under_way_cannot_bring_a_disconnected_connection_back() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.clock.advance(Duration::from_secs(3600));
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    stage.tokens.will(Answer::Hold(gate.clone(), Box::new(token("canary-a2", "canary-r2", 3600))));
    let waiting = connection.clone();
    let mut renewal = tokio::task::JoinSet::new();
    renewal.spawn(async move { waiting.access_token().await.map(|token| token.generation()) });
    while stage.tokens.count() < 2 {
        tokio::task::yield_now().await;
    }
    stage.tokens.will(json(200, ""));
    assert!(matches!(connection.disconnect().await.unwrap(), Revocation::Pending(_)));
    assert_eq!(connection.status().await.unwrap().state(), State::Disconnected);
    gate.add_permits(1);

    let renewed = renewal.join_next().await.unwrap().unwrap();
    assert_eq!(renewed.unwrap_err().cause(), Some(Cause::Disconnected));
    assert!(connection.token_now().is_none());
    stage.trunkline.shutdown(Duration::from_secs(60)).await.unwrap();
    assert!(stage.tokens.sent()[2].body.contains("canary-r2"), "what is revoked is the newest");
}

#[tokio::test(start_paused = true)]
async fn an_error_body_that_drips_holds_nobody_up_and_what_came_can_be_read() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(Answer::Drip(409, "half a "));

    let mut response = connection.get("/x").send().await.unwrap();

    assert_eq!(response.diagnosis().unwrap().cause(), Cause::Conflict);
    assert_eq!(response.chunk().await.unwrap().unwrap(), "half a ");
}
