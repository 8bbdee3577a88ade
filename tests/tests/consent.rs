//! Consent, from `begin` to the stored grant.

mod scripted;

use scripted::{Answer, Stage, chunks, json, token};
use std::time::Duration;
use tracing_subscriber::util::SubscriberInitExt;
use trunkline::{BrowserSession, Callback, Cause, Connect, ConsentStep, Error, Inputs, Secret};
use trunkline_core::TransportError;

async fn refused(stage: &Stage, query: &str, browser: &BrowserSession) -> Cause {
    let asked = stage.tokens.count();
    let error: Error = stage.complete(query, browser).await.expect_err("refused");
    assert_eq!(stage.tokens.count(), asked, "refused before any token request (C-6749-03)");
    error.cause().expect("a diagnosis")
}

#[tokio::test]
async fn c_6749_03_a_state_that_is_missing_forged_or_of_another_browser_or_tenant_is_refused() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let query = stage.begin(&stage.request().await, &browser).await;

    assert_eq!(refused(&stage, "code=x", &browser).await, Cause::ConsentInvalid);
    assert_eq!(refused(&stage, "code=x&state=forged", &browser).await, Cause::ConsentInvalid);
    let other = BrowserSession::random().unwrap();
    assert_eq!(refused(&stage, &query, &other).await, Cause::ConsentInvalid);
    let callback = Callback::from_query(&query).unwrap();
    let foreign = stage.trunkline.tenant("globex").complete(callback, &browser).await.unwrap_err();
    assert_eq!(foreign.cause(), Some(Cause::ConsentInvalid));
    // None of that used the consent up.
    stage.tokens.will(token("canary-a1", "canary-r1", 3600));
    stage.api.will(Answer::Http(200, vec![], "ada".to_owned()));
    stage.complete(&query, &browser).await.unwrap();
}

#[tokio::test]
async fn c_6749_03_each_consent_has_a_state_and_a_challenge_of_its_own() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let request = stage.request().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..32 {
        let ConsentStep::Redirect { url } = request.begin(&browser).await.unwrap() else {
            panic!("a redirect")
        };
        for name in ["state", "code_challenge"] {
            let value = url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
            assert_eq!(value.len(), 43, "256 bits in base64: {name}");
            assert!(seen.insert(value), "{name}");
        }
    }
}

#[tokio::test]
async fn c_6749_03_an_expired_or_used_state_is_refused() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let query = stage.begin(&stage.request().await, &browser).await;
    stage.clock.advance(Duration::from_secs(16 * 60));
    assert_eq!(refused(&stage, &query, &browser).await, Cause::ConsentExpired);

    let query = stage.begin(&stage.request().await, &browser).await;
    stage.tokens.will(token("canary-a1", "canary-r1", 3600));
    stage.api.will(Answer::Http(200, vec![], "ada".to_owned()));
    stage.complete(&query, &browser).await.unwrap();
    let again = query.replace("canary-code", "another-code");
    assert_eq!(refused(&stage, &again, &browser).await, Cause::ConsentExpired);
}

#[tokio::test]
async fn c_6749_05_a_callback_with_code_and_error_or_a_repeated_parameter_is_refused() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let query = stage.begin(&stage.request().await, &browser).await;

    assert_eq!(
        refused(&stage, &format!("{query}&error=access_denied"), &browser).await,
        Cause::ConsentInvalid
    );
    assert_eq!(refused(&stage, &format!("{query}&code=two"), &browser).await, Cause::ConsentInvalid);
    let denied = query.replace("code=canary-code", "error=access_denied");
    assert_eq!(refused(&stage, &denied, &browser).await, Cause::ConsentDenied);
}

#[tokio::test]
async fn a_callback_that_comes_twice_at_once_is_exchanged_once_and_answered_twice() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let query = stage.begin(&stage.request().await, &browser).await;
    stage.tokens.will(token("canary-a1", "canary-r1", 3600));
    stage.api.will(Answer::Http(200, vec![], "ada".to_owned()));

    let (one, two) = tokio::join!(stage.complete(&query, &browser), stage.complete(&query, &browser));

    assert_eq!(one.unwrap().connection.id(), two.unwrap().connection.id());
    assert_eq!(stage.tokens.count(), 1);
}

#[tokio::test]
async fn a_caller_who_goes_away_during_the_exchange_does_not_lose_the_grant() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let query = stage.begin(&stage.request().await, &browser).await;
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    stage.tokens.will(Answer::Hold(gate.clone(), Box::new(token("canary-a1", "canary-r1", 3600))));
    stage.api.will(Answer::Http(200, vec![], "ada".to_owned()));
    {
        let mut complete = std::pin::pin!(stage.complete(&query, &browser));
        while stage.tokens.count() == 0 {
            let polled = futures_util::poll!(complete.as_mut());
            assert!(polled.is_pending());
            tokio::task::yield_now().await;
        }
    }
    gate.add_permits(1);
    stage.trunkline.shutdown(Duration::from_secs(10)).await.unwrap();

    let connect = stage.trunkline.tenant("acme").connect("played").await.unwrap();
    assert!(matches!(connect, Connect::Ready(_)), "{connect:?}");
}

#[tokio::test]
async fn c_6749_20_a_lost_exchange_is_told_as_such_and_the_code_is_not_sent_again() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let query = stage.begin(&stage.request().await, &browser).await;
    stage.tokens.will(Answer::Fail(TransportError::Unknown("reset".to_owned())));

    let lost = stage.complete(&query, &browser).await.unwrap_err();

    assert_eq!(lost.cause(), Some(Cause::ConsentOutcomeUnknown));
    let again = stage.complete(&query, &browser).await.unwrap_err();
    assert_eq!(again.cause(), Some(Cause::ConsentOutcomeUnknown), "the same callback, the same answer");
    assert_eq!(stage.tokens.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_hangs_or_drips_holds_neither_of_two_callbacks_up_for_ever() {
    for answer in [Answer::Hang, Answer::Drip(200, r#"{"access_token":"#)] {
        let stage = Stage::new().await;
        let browser = BrowserSession::random().unwrap();
        let query = stage.begin(&stage.request().await, &browser).await;
        stage.tokens.will(answer);

        let (one, two) = tokio::join!(stage.complete(&query, &browser), stage.complete(&query, &browser));

        for result in [one, two] {
            assert_eq!(result.unwrap_err().cause(), Some(Cause::ConsentOutcomeUnknown));
        }
        assert_eq!(stage.tokens.count(), 1);
    }
}

#[tokio::test]
async fn c_9207_03_an_answer_at_another_redirect_uri_is_refused_before_the_code_is_spent() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let query = stage.begin(&stage.request().await, &browser).await;
    let arrived =
        |path: &str| Callback::from_url(&format!("https://app.test{path}?{query}").parse().unwrap()).unwrap();

    let refused = stage.trunkline.complete(arrived("/other"), &browser).await.unwrap_err();

    assert_eq!(refused.cause(), Some(Cause::ConsentInvalid));
    assert_eq!(stage.tokens.count(), 0);
    let query = stage.begin(&stage.request().await, &browser).await;
    stage.tokens.will(token("canary-a1", "canary-r1", 3600));
    stage.api.will(Answer::Http(200, vec![], "ada".to_owned()));
    let url = format!("https://app.test/callback?{query}").parse().unwrap();
    stage.trunkline.complete(Callback::from_url(&url).unwrap(), &browser).await.unwrap();
}

/// A token answer at the exchange that is none, or breaks off.
fn no_tokens() -> Vec<Answer> {
    let huge: &'static str = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(10 << 20)).leak();
    let broken = vec![
        Ok(trunkline_core::bytes::Bytes::from_static(br#"{"access_token":"canary"#)),
        Err(TransportError::Unknown("reset".to_owned())),
    ];
    vec![
        Answer::Fail(TransportError::NotSent("refused".to_owned())),
        Answer::Fail(TransportError::Unknown("reset".to_owned())),
        Answer::Chunks(200, broken, std::sync::Arc::default()),
        chunks(200, [huge.as_bytes()]),
        chunks(200, [&b"{\"access_token\":\"\xff\"}"[..]]),
        json(200, ""),
        json(200, "{}"),
        json(200, r#"{"ok":false,"error":"odd"}"#),
        Answer::Http(200, vec![], "<html>canary</html>".to_owned()),
        Answer::Http(302, vec![("location", "https://elsewhere.test/".to_owned())], String::new()),
        json(500, "{}"),
    ]
}

#[tokio::test]
async fn a_bad_answer_to_a_first_exchange_stores_nothing_and_the_next_consent_succeeds() {
    for (number, answer) in no_tokens().into_iter().enumerate() {
        let stage = Stage::new().await;
        let browser = BrowserSession::random().unwrap();
        let query = stage.begin(&stage.request().await, &browser).await;
        stage.tokens.will(answer);

        let error = stage.complete(&query, &browser).await.unwrap_err();

        assert!(error.diagnosis().is_some(), "{number}: {error:?}");
        assert_eq!(stage.tokens.count(), 1, "{number}: the code is sent once, and nowhere else");
        assert!(!format!("{error:?}{error}").contains("canary"), "{number}: {error:?}");
        let stored = stage.trunkline.tenant("acme").connections(None, 10).await.unwrap();
        assert!(stored.is_empty(), "{number}: {stored:?}");
        stage.connected().await;
    }
}

#[tokio::test]
async fn a_bad_answer_to_a_reconnect_leaves_the_connection_as_it_was() {
    for (number, answer) in no_tokens().into_iter().enumerate() {
        let stage = Stage::new().await;
        let connection = stage.connected().await;
        let browser = BrowserSession::random().unwrap();
        stage.tokens.will(json(200, ""));
        connection.disconnect().await.unwrap();
        let query = stage.begin(&stage.request().await, &browser).await;
        let before = stage.trunkline.tenant("acme").connections(None, 10).await.unwrap();
        stage.tokens.will(answer);

        stage.complete(&query, &browser).await.unwrap_err();

        assert_eq!(stage.trunkline.tenant("acme").connections(None, 10).await.unwrap(), before, "{number}");
    }
}

#[tokio::test]
async fn two_people_who_connect_one_name_at_once_do_not_end_on_each_others_account() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let request = stage.request().await;
    let queries = [stage.begin(&request, &browser).await, stage.begin(&request, &browser).await];
    // Ada's grant is stored first, but the service is slow to say that it is hers.
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    stage.tokens.will(token("canary-a1", "canary-r1", 3600));
    let ada = Box::new(Answer::Http(200, vec![], "ada".to_owned()));
    stage.api.will(Answer::Hold(gate.clone(), ada));
    let mut first = std::pin::pin!(stage.complete(&queries[0], &browser));
    while stage.api.count() == 0 {
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    stage.tokens.will(token("canary-b1", "canary-s1", 3600));
    stage.api.will(Answer::Http(200, vec![], "bob".to_owned()));
    let bobs = stage.complete(&queries[1], &browser).await.unwrap().connection;
    gate.add_permits(1);

    assert_eq!(first.await.unwrap_err().cause(), Some(Cause::AccountMismatch));
    assert_eq!(bobs.account().await.unwrap().unwrap().user, "bob");
    assert_eq!(bobs.token_now().unwrap().expose(), Some("canary-b1"));
}

#[tokio::test]
async fn a_form_gives_what_is_missing_and_cannot_change_what_the_application_gave() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let connect = stage.trunkline.tenant("acme").connect("played").method("client_credentials");
    let Connect::NeedsConsent(request) = connect.input("company", "globex").await.unwrap() else {
        panic!("the user is not named")
    };
    let ConsentStep::Form { state, inputs: asked } = request.begin(&browser).await.unwrap() else {
        panic!("a form")
    };
    assert_eq!(asked.iter().map(|input| input.name).collect::<Vec<_>>(), ["user"]);
    let mut given = Inputs::default();
    given.insert("user", Secret::new("ada"));
    given.insert("company", Secret::new("initech"));
    given.insert("grant_type", Secret::new("password"));
    stage.tokens.will(json(200, r#"{"access_token":"canary-a1","expires_in":3600}"#));
    stage.api.will(Answer::Http(200, vec![], "ada".to_owned()));

    let callback = Callback::from_form(&state, &given);
    stage.trunkline.complete(callback, &browser).await.unwrap();

    let body = &stage.tokens.sent()[0].body;
    assert!(body.contains("company=globex") && body.contains("user=ada"), "{body}");
    assert!(!body.contains("initech") && !body.contains("password"), "{body}");
}

#[tokio::test]
async fn c_6749_13_a_grant_of_fewer_scopes_serves_and_the_log_names_the_missing_ones() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.reopen().unwrap()).finish();
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let connect = stage.trunkline.tenant("acme").connect("played").scopes(["bills", "vendors"]);
    let Connect::NeedsConsent(request) = connect.await.unwrap() else { panic!("nothing is connected") };
    let query = stage.begin(&request, &browser).await;
    stage.tokens.will(json(200, r#"{"access_token":"canary-a1","expires_in":3600,"scope":"bills"}"#));
    stage.api.will(Answer::Http(200, vec![], "ada".to_owned()));

    let guard = subscriber.set_default();
    let connection = stage.complete(&query, &browser).await.unwrap().connection;
    drop(guard);

    assert!(connection.token_now().is_some());
    let log = std::fs::read_to_string(log.path()).unwrap();
    let line = log.lines().find(|line| line.contains("scopes narrowed")).unwrap();
    assert!(line.contains("missing=vendors"), "{line}");
}

#[tokio::test]
async fn another_account_than_the_pinned_one_needs_approval_and_the_old_grant_serves_on() {
    let stage = Stage::new().await;
    let first = stage.connected().await;
    let browser = BrowserSession::random().unwrap();
    // Connected already, so the consent is asked for under the same names through a lost grant.
    stage.clock.advance(Duration::from_secs(3600));
    stage.tokens.will(json(400, r#"{"error":"invalid_grant"}"#));
    let request = stage.request().await;
    assert_eq!(request.diagnosis().unwrap().cause(), Cause::GrantRevoked);

    let query = stage.begin(&request, &browser).await;
    stage.tokens.will(token("canary-b1", "canary-s1", 3600));
    stage.api.will(Answer::Http(200, vec![], "bob".to_owned()));
    let other = stage.complete(&query, &browser).await.unwrap_err();
    assert_eq!(other.cause(), Some(Cause::AccountMismatch));
    assert_eq!(first.account().await.unwrap().unwrap().user, "ada");

    let Connect::NeedsConsent(request) =
        stage.trunkline.tenant("acme").connect("played").replace_account().await.unwrap()
    else {
        panic!("still lost")
    };
    let query = stage.begin(&request, &browser).await;
    stage.tokens.will(token("canary-b1", "canary-s1", 3600));
    stage.api.will(Answer::Http(200, vec![], "bob".to_owned()));
    let replaced = stage.complete(&query, &browser).await.unwrap().connection;
    assert_eq!(replaced.id(), first.id());
    assert_eq!(first.account().await.unwrap().unwrap().user, "bob");
}

#[tokio::test]
async fn c_9700_03_a_page_to_return_to_must_be_of_an_allowed_origin() {
    let stage = Stage::new().await;
    let builder = stage.trunkline.tenant("acme").connect("played");
    let Connect::NeedsConsent(request) =
        builder.return_to("https://evil.test/".parse().unwrap()).await.unwrap()
    else {
        panic!("nothing is connected")
    };
    let refused = request.begin(&BrowserSession::random().unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), trunkline::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_service_that_cannot_say_who_we_are_does_not_cost_a_first_grant() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let query = stage.begin(&stage.request().await, &browser).await;
    stage.tokens.will(token("canary-a1", "canary-r1", 3600));
    stage.api.will(Answer::Fail(TransportError::NotSent("down".to_owned())));

    let completed = stage.complete(&query, &browser).await.unwrap();

    assert!(completed.connection.account().await.unwrap().is_none());
    assert!(completed.connection.token_now().is_some());
}

#[tokio::test]
async fn a_first_grant_that_leads_nowhere_is_refused_and_leaves_nothing_behind() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let query = stage.begin(&stage.request().await, &browser).await;
    let astray =
        r#"{"access_token":"canary-a1","refresh_token":"canary-r1","expires_in":3600,"region":"xx"}"#;
    stage.tokens.will(json(200, astray));

    let error = stage.complete(&query, &browser).await.unwrap_err();

    assert_eq!(error.cause(), Some(Cause::ResponseInvalid));
    assert_eq!(stage.api.count(), 0);
    stage.connected().await;
}
