//! Renewal: once, stored before it is used, and never a verdict too many.

mod scripted;

use scripted::{Answer, PlayedClock, Stage, chunks, json, token};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use trunkline::{Cause, Connect, ErrorKind, MemoryStore, State, Timings};
use trunkline_core::TransportError;
use trunkline_tests::{Watch, Watched};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_token_in_its_renewal_window_serves_while_one_renewal_runs_behind_it() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    let gate = Arc::new(Semaphore::new(0));
    stage.tokens.will(Answer::Hold(gate.clone(), Box::new(token("canary-a2", "canary-r2", 3600))));
    stage.clock.advance(HOUR - Duration::from_secs(20));

    for _ in 0..100 {
        assert_eq!(connection.token_now().unwrap().expose(), Some("canary-a1"));
        assert_eq!(connection.access_token().await.unwrap().generation(), 1);
    }
    gate.add_permits(1);
    stage.trunkline.shutdown(Duration::from_secs(10)).await.unwrap();

    assert_eq!(stage.tokens.count(), 2, "the exchange and one renewal");
    assert_eq!(connection.token_now().unwrap().expose(), Some("canary-a2"));
}

#[tokio::test]
async fn a_thousand_callers_of_an_expired_token_share_one_renewal_and_a_cancelled_one_ends_nothing() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.clock.advance(HOUR);
    assert!(connection.token_now().is_none());
    let gate = Arc::new(Semaphore::new(0));
    stage.tokens.will(Answer::Hold(gate.clone(), Box::new(token("canary-a2", "canary-r2", 3600))));
    {
        let mut first = std::pin::pin!(connection.access_token());
        assert!(futures_util::poll!(first.as_mut()).is_pending());
    }
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let connection = connection.clone();
        callers.spawn(async move { connection.access_token().await.unwrap().generation() });
    }
    tokio::task::yield_now().await;
    gate.add_permits(1);

    assert!(callers.join_all().await.iter().all(|generation| *generation == 2));
    assert_eq!(stage.tokens.count(), 2);
    assert!(stage.tokens.sent()[1].body.contains("canary-r1"), "spent once");
}

#[tokio::test(start_paused = true)]
async fn no_answer_but_a_terminal_one_ends_a_grant() {
    let huge: &'static str = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(10 << 20)).leak();
    let broken = vec![
        Ok(trunkline_core::bytes::Bytes::from_static(br#"{"access_token":"ca"#)),
        Err(TransportError::Unknown("reset".to_owned())),
    ];
    let answers = [
        Answer::Fail(TransportError::NotSent("refused".to_owned())),
        Answer::Fail(TransportError::Unknown("reset".to_owned())),
        json(500, "{}"),
        json(429, "{}"),
        json(503, r#"{"error":"temporarily_unavailable"}"#),
        json(200, r#"{"ok":false,"error":"ratelimited"}"#),
        json(200, r#"{"token_type":"Bearer"}"#),
        json(200, ""),
        json(200, r#"{"access_token":"ca"#),
        chunks(200, [huge.as_bytes()]),
        Answer::Chunks(200, broken, Arc::default()),
        chunks(200, [&b"{\"access_token\":\"\xff\"}"[..]]),
        Answer::Http(200, vec![("content-type", "text/html".to_owned())], "<html>sign in</html>".to_owned()),
        Answer::Http(302, vec![("location", "https://elsewhere.test/".to_owned())], String::new()),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let stage = Stage::new().await;
        let connection = stage.connected().await;
        stage.clock.advance(HOUR);
        stage.tokens.will(answer);

        let error = connection.access_token().await.unwrap_err();
        assert_eq!(stage.tokens.count(), 2, "{number}: one request, no second attempt, no redirect");
        assert_ne!(error.kind(), ErrorKind::Unauthenticated, "{number}: {error:?}");
        assert_ne!(connection.status().await.unwrap().state(), State::NeedsConsent, "{number}");

        stage.tokens.will(token("canary-a2", "canary-r2", 3600));
        assert_eq!(connection.access_token().await.unwrap().generation(), 2, "{number}: it recovers");
        assert_eq!(connection.status().await.unwrap().state(), State::Active, "{number}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.clock.advance(HOUR);
    static CHUNK: [u8; 64 * 1024] = [b' '; 64 * 1024];
    let read = Arc::new(AtomicU64::new(0));
    let endless = vec![Ok(trunkline_core::bytes::Bytes::from_static(&CHUNK)); 10_000];
    stage.tokens.will(Answer::Chunks(200, endless, read.clone()));

    assert_eq!(connection.access_token().await.unwrap_err().cause(), Some(Cause::RefreshOutcomeUnknown));

    assert!(read.load(Ordering::SeqCst) <= 17, "a little more than 1 MiB");
}

#[tokio::test]
async fn c_6749_16_a_broken_client_is_nobodys_lost_grant() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.clock.advance(HOUR);
    stage.tokens.will(json(401, r#"{"error":"invalid_client"}"#));

    let error = connection.access_token().await.unwrap_err();

    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::ClientBroken, Some(Cause::ClientCredentialsInvalid))
    );
    assert_eq!(connection.status().await.unwrap().state(), State::Active);
}

#[tokio::test]
async fn a_refused_grant_is_told_once_stored_and_not_retried() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.clock.advance(HOUR);
    stage.tokens.will(json(400, r#"{"error":"invalid_grant","error_description":"revoked by\r\nadmin"}"#));

    let error = connection.access_token().await.unwrap_err();

    assert_eq!(error.cause(), Some(Cause::GrantRevoked));
    let status = connection.status().await.unwrap();
    assert_eq!(status.state(), State::NeedsConsent);
    assert_eq!(status.diagnosis().unwrap().cause(), Cause::GrantRevoked);
    for _ in 0..3 {
        assert_eq!(connection.access_token().await.unwrap_err().cause(), Some(Cause::GrantRevoked));
        let connect = stage.trunkline.tenant("acme").connect("played").await.unwrap();
        assert!(matches!(connect, Connect::NeedsConsent(_)));
    }
    assert_eq!(stage.tokens.count(), 2);
}

#[tokio::test]
async fn clocks_that_jump_neither_prolong_a_token_nor_hide_a_suspended_machine() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    // The wall clock is set back by ten minutes: an hour of ticks ends the token all the same.
    stage.clock.set_wall(-600_000);
    stage.clock.advance(HOUR);
    assert!(connection.token_now().is_none());

    stage.tokens.will(token("canary-a2", "canary-r2", 3600));
    connection.access_token().await.unwrap();
    // The machine slept for two hours: the ticks stood, and ten seconds later it is noticed.
    stage.clock.set_wall(7_200_000);
    stage.clock.advance_ticks(Duration::from_secs(10));
    assert!(connection.token_now().is_none());
}

#[tokio::test]
async fn a_service_clock_five_minutes_off_changes_nothing() {
    for minutes in [-5_i64, 5] {
        let stage = Stage::new().await;
        let connection = stage.connected().await;
        stage.clock.set_wall(minutes * 60_000);
        stage.clock.advance_ticks(Duration::from_secs(1));
        assert!(connection.token_now().is_some(), "{minutes}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_hangs_or_drips_holds_nobody_up_for_ever() {
    for answer in [Answer::Hang, Answer::Drip(200, r#"{"access_token":"#)] {
        let stage = Stage::new().await;
        let connection = stage.connected().await;
        stage.clock.advance(HOUR);
        stage.tokens.will(answer);

        let error = connection.access_token().await.unwrap_err();

        assert!(error.kind().is_retryable(), "{error:?}");
        assert_ne!(connection.status().await.unwrap().state(), State::NeedsConsent);
    }
}

/// Makes a store that two hubs can share.
struct Unwatched;

impl Watch for Unwatched {}

#[tokio::test]
async fn a_token_that_another_process_brought_serves_while_that_one_renews_it_already() {
    let store = Watched::new(Arc::new(MemoryStore::new()), Arc::new(Unwatched));
    let clock = PlayedClock::new();
    let renewing = Stage::with(store.clone(), clock.clone(), Timings::default()).await;
    let connection = renewing.connected().await;
    let late = Stage::with(store, clock.clone(), Timings::default()).await;
    let Connect::Ready(waiting) = late.trunkline.tenant("acme").connect("played").await.unwrap() else {
        panic!("it is stored")
    };
    clock.advance(HOUR);
    renewing.tokens.will(token("canary-a2", "canary-r2", 3600));
    assert_eq!(connection.access_token().await.unwrap().generation(), 2);
    // The second token is in its renewal window, its renewal is under way, and the late process knows the
    // first one only.
    clock.advance(HOUR - Duration::from_secs(20));
    let gate = Arc::new(Semaphore::new(0));
    renewing.tokens.will(Answer::Hold(gate.clone(), Box::new(token("canary-a3", "canary-r3", 3600))));
    assert_eq!(connection.token_now().unwrap().generation(), 2);
    while renewing.tokens.count() < 3 {
        tokio::task::yield_now().await;
    }
    assert!(waiting.token_now().is_none());

    assert_eq!(waiting.access_token().await.unwrap().expose(), Some("canary-a2"));

    gate.add_permits(1);
    renewing.trunkline.shutdown(Duration::from_secs(10)).await.unwrap();
    assert_eq!(late.tokens.count(), 0);
}

#[tokio::test]
async fn a_renewal_whose_captures_lead_nowhere_leaves_the_connection_where_it_was() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    for (number, region) in ["eu", "xx"].into_iter().enumerate() {
        stage.clock.advance(Duration::from_secs(3600));
        let fresh = format!("canary-b{number}");
        let told = format!(
            r#"{{"access_token":"{fresh}","refresh_token":"canary-s{number}","expires_in":3600,"region":"{region}"}}"#
        );
        stage.tokens.will(json(200, &told));
        assert_eq!(connection.access_token().await.unwrap().expose(), Some(fresh.as_str()), "{region}");
    }
    // Nor is the next process led astray.
    stage.clock.advance(Duration::from_secs(3600));
    stage.tokens.will(token("canary-c1", "canary-t1", 3600));
    connection.access_token().await.unwrap();
    assert!(stage.tokens.sent().last().unwrap().body.contains("canary-s1"), "the newest was stored");
}
