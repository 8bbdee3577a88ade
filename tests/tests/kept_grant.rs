//! A new consent for a connection that is there: the grant is neither lost nor stored for an unknown account, whatever
//! fails between the exchange of its code and the write.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod scripted;

use std::sync::Arc;
use std::time::Duration;

use scripted::{Answer, PlayedClock, Stage, json, token};
use tokio::sync::Semaphore;
use trunkline::{BrowserSession, Callback, Cause, Connection, MemoryStore, Secret, Timings};
use trunkline_core::TransportError;
use trunkline_testkit::{Call, Crash, CrashPoints, Watched};

/// A stage whose connection has lost its grant, and the answer of a new consent for it.
struct Again {
    stage: Stage,
    first: Connection,
    browser: BrowserSession,
    query: String,
}

impl Again {
    async fn new() -> Self {
        Self::on(Stage::new().await).await
    }

    async fn on(stage: Stage) -> Self {
        let first = stage.connected().await;
        stage.clock.advance(Duration::from_secs(3600));
        stage.tokens.will(json(400, r#"{"error":"invalid_grant"}"#));
        let browser = BrowserSession::random().unwrap();
        let query = stage.begin(&stage.request().await, &browser).await;
        stage.tokens.will(token("canary-b1", "canary-s1", 3600));
        Self { stage, first, browser, query }
    }

    fn says(&self, user: &str) {
        self.stage.api.will(Answer::Http(200, vec![], user.to_owned()));
    }

    fn is_down(&self) {
        self.stage.api.will(Answer::Fail(TransportError::NotSent("down".to_owned())));
    }

    async fn complete(&self) -> Result<Connection, trunkline::Error> {
        self.stage.complete(&self.query, &self.browser).await.map(|completed| completed.connection)
    }

    async fn token(&self) -> Option<Secret> {
        let token = self.first.access_token().await.ok()?;
        token.expose().map(Secret::new)
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_answer_completes_a_consent_whose_account_could_not_be_asked_for() {
    let again = Again::new().await;
    again.is_down();
    let error = again.complete().await.unwrap_err();
    assert!(error.kind().is_retryable(), "{error:?}");
    assert!(error.hint_text().unwrap().contains("same answer"), "{error:?}");
    assert!(again.token().await.is_none(), "nobody knows whose it is");
    let asked = again.stage.tokens.count();

    again.is_down();
    again.complete().await.unwrap_err();
    again.says("ada");
    let repaired = again.complete().await.unwrap();

    assert_eq!(repaired.id(), again.first.id());
    assert_eq!(again.token().await, Some(Secret::new("canary-b1")));
    assert_eq!(again.stage.tokens.count(), asked, "a code is exchanged once");
    // And once more, as any browser may.
    assert_eq!(again.complete().await.unwrap().id(), repaired.id());
    assert_eq!(again.stage.api.count(), 4, "the first consent and three times this one");
}

#[tokio::test(start_paused = true)]
async fn a_kept_grant_of_another_account_is_refused_and_not_kept_any_longer() {
    let again = Again::new().await;
    again.is_down();
    again.complete().await.unwrap_err();
    again.says("bob");
    assert_eq!(again.complete().await.unwrap_err().cause(), Some(Cause::AccountMismatch));
    let asked = again.stage.api.count();
    assert_eq!(again.complete().await.unwrap_err().cause(), Some(Cause::AccountMismatch));
    assert_eq!(again.stage.api.count(), asked);
    assert!(again.token().await.is_none());
}

/// A process on a store, which may die.
async fn process(store: &Arc<MemoryStore>, points: &Arc<CrashPoints>, clock: &PlayedClock) -> Stage {
    Stage::with(Watched::new(store.clone(), points.clone()), clock.clone(), Timings::default()).await
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_between_exchange_and_write_leaves_the_grant_to_the_next_one() {
    // Of the calls about consents the first takes the answer, the second keeps the grant, the third takes it back.
    for (nth, crash) in [(2, Crash::DiesAfter), (3, Crash::DiesBefore)] {
        let (store, clock) = (Arc::new(MemoryStore::new()), PlayedClock::new());
        let points = Arc::new(CrashPoints::new());
        let again = Again::on(process(&store, &points, &clock).await).await;
        points.at(Call::Consent, points.count(Call::Consent) + nth, crash);
        again.says("ada");
        let given_up = tokio::time::timeout(Duration::from_secs(80), again.complete()).await;
        assert!(points.is_dead(), "{nth} {crash:?}: {given_up:?}");

        let next = process(&store, &Arc::new(CrashPoints::new()), &clock).await;
        next.api.will(Answer::Http(200, vec![], "ada".to_owned()));
        let repaired = next.complete(&again.query, &again.browser).await.unwrap().connection;
        assert_eq!(repaired.id(), again.first.id());
        assert_eq!(repaired.access_token().await.unwrap().expose(), Some("canary-b1"));
        assert_eq!(next.tokens.count(), 0, "a code is exchanged once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_to_keep_or_give_back_a_grant_does_not_cost_it() {
    for (nth, crash) in
        [(2, Crash::FailsBefore), (2, Crash::FailsAfter), (3, Crash::FailsBefore), (3, Crash::FailsAfter)]
    {
        let (store, points) = (Arc::new(MemoryStore::new()), Arc::new(CrashPoints::new()));
        let again = Again::on(process(&store, &points, &PlayedClock::new()).await).await;
        points.at(Call::Consent, points.count(Call::Consent) + nth, crash);
        again.says("ada");
        again.complete().await.unwrap();
        assert_eq!(again.token().await, Some(Secret::new("canary-b1")), "{nth} {crash:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_grant_is_written_once_and_never_over_what_it_was_renewed_to() {
    let again = Again::new().await;
    again.is_down();
    again.complete().await.unwrap_err();
    // The first of two asks for the account when the second has stored the grant, and it was renewed.
    let permit = Arc::new(Semaphore::new(0));
    let ada = Answer::Http(200, vec![], "ada".to_owned());
    again.stage.api.will(Answer::Hold(permit.clone(), Box::new(ada)));
    let slow = again.complete();
    tokio::pin!(slow);
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut slow).await.is_err());
    again.says("ada");
    again.complete().await.unwrap();
    again.stage.clock.advance(Duration::from_secs(3600 - 1));
    again.stage.tokens.will(token("canary-b2", "canary-s2", 3600));
    assert_eq!(again.token().await, Some(Secret::new("canary-b2")));

    permit.add_permits(1);
    assert_eq!(slow.await.unwrap().id(), again.first.id());
    assert_eq!(again.token().await, Some(Secret::new("canary-b2")));
}

#[tokio::test(start_paused = true)]
async fn a_kept_grant_is_given_to_no_other_browser_answer_or_state() {
    let again = Again::new().await;
    again.is_down();
    again.complete().await.unwrap_err();

    let other = BrowserSession::random().unwrap();
    let stage = &again.stage;
    let foreign = stage.complete(&again.query, &other).await.unwrap_err();
    assert_eq!(foreign.cause(), Some(Cause::ConsentInvalid));
    let another = again.query.replace("canary-code", "another-code");
    assert_eq!(
        stage.complete(&another, &again.browser).await.unwrap_err().cause(),
        Some(Cause::ConsentExpired)
    );
    let callback = Callback::from_query(&again.query).unwrap();
    let forged = format!("code=canary-code&state=granted%20{}", callback.state().unwrap().expose());
    assert_eq!(
        stage.complete(&forged, &again.browser).await.unwrap_err().cause(),
        Some(Cause::ConsentInvalid)
    );

    again.says("ada");
    again.complete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_kept_grant_is_let_go_after_an_hour() {
    let again = Again::new().await;
    again.is_down();
    again.complete().await.unwrap_err();
    again.stage.clock.advance(Duration::from_secs(3600));
    let asked = again.stage.api.count();
    again.complete().await.unwrap_err();
    assert_eq!(again.stage.api.count(), asked);
}
