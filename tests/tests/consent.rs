//! Consent, from `begin` to the stored grant.

mod scripted;

use scripted::{Answer, Stage, token};
use std::time::Duration;
use trunkline::{BrowserSession, Cause, Connect, Error};
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
    let callback = trunkline::Callback::from_query(&query).unwrap();
    let foreign = stage.trunkline.tenant("globex").complete(callback, &browser).await.unwrap_err();
    assert_eq!(foreign.cause(), Some(Cause::ConsentInvalid));
    // None of that used the consent up.
    stage.tokens.will(token("canary-a1", "canary-r1", 3600));
    stage.api.will(Answer::Http(200, vec![], "ada".to_owned()));
    stage.complete(&query, &browser).await.unwrap();
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
    assert_eq!(stage.tokens.count(), 1);
}

#[tokio::test]
async fn another_account_than_the_pinned_one_needs_approval_and_the_old_grant_serves_on() {
    let stage = Stage::new().await;
    let first = stage.connected().await;
    let browser = BrowserSession::random().unwrap();
    // Connected already, so the consent is asked for under the same names through a lost grant.
    stage.clock.advance(Duration::from_secs(3600));
    stage.tokens.will(scripted::json(400, r#"{"error":"invalid_grant"}"#));
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
