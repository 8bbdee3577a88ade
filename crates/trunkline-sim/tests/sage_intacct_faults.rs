//! What tests of renewal need: rotation with every reuse policy, answers that are lost, and the counts.
#![allow(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

mod common;

use std::time::Duration;

use common::{Harness, Tokens, answer, text};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use trunkline_sim::sage_intacct::{Ended, Family, Knobs, Presented, Rotation, TokenFault};

async fn start(change: impl FnOnce(&mut Knobs)) -> (Harness, Tokens) {
    let harness = Harness::start().await;
    harness.sim.control().knobs(change);
    let tokens = harness.connect().await;
    (harness, tokens)
}

/// Refreshes, and gives back the status and the refresh token that came.
async fn spend(harness: &Harness, token: &str) -> (u16, String) {
    let (status, body) = harness.refresh(token).await;
    (status.as_u16(), text(&body, "refresh_token"))
}

fn refresh_request(harness: &Harness, token: &str) -> RequestBuilder {
    harness.http.post(harness.api("oauth2/token")).form(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", harness.sim.client_id()),
        ("client_secret", harness.sim.client_secret()),
    ])
}

fn family(harness: &Harness) -> Family {
    harness.sim.control().families().pop().unwrap()
}

/// Refreshed, reused, refused.
fn counts(harness: &Harness) -> [u64; 3] {
    let family = family(harness);
    [family.refreshed, family.reused, family.refused]
}

#[tokio::test]
async fn by_default_a_refresh_token_is_spent_as_often_as_one_likes() {
    let (harness, tokens) = start(|_| ()).await;

    for _ in 0..3 {
        assert_eq!(spend(&harness, &tokens.refresh).await, (200, tokens.refresh.clone()));
    }

    assert_eq!(counts(&harness), [3, 0, 0]);
}

#[tokio::test]
async fn reuse_with_detection_ends_the_family_and_is_counted() {
    let (harness, tokens) = start(|knobs| knobs.rotation = Rotation::OnWithReuseDetection).await;
    let (_, second) = spend(&harness, &tokens.refresh).await;

    let reuse = spend(&harness, &tokens.refresh).await.0;
    let heir = spend(&harness, &second).await.0;
    let access = harness.get(&tokens, "services/core/session/id").await.0;

    assert_eq!((reuse, heir, access.as_u16()), (401, 401, 401));
    assert_eq!(counts(&harness), [1, 1, 2]);
    assert_eq!(family(&harness).ended, Some(Ended::Reuse));
}

#[tokio::test]
async fn soft_rejection_refuses_the_old_token_and_leaves_the_new_one() {
    let (harness, tokens) = start(|knobs| knobs.rotation = Rotation::On).await;
    let (_, second) = spend(&harness, &tokens.refresh).await;

    assert_eq!(spend(&harness, &tokens.refresh).await.0, 401);
    assert_eq!(spend(&harness, &second).await.0, 200);
    assert_eq!(counts(&harness), [2, 1, 1]);
    assert_eq!(family(&harness).ended, None);
}

#[tokio::test]
async fn inside_the_grace_window_the_previous_token_works_and_no_older_one() {
    let (harness, first) = start(|knobs| {
        knobs.rotation = Rotation::On;
        knobs.rotation_grace_s = 60;
    })
    .await;
    let (_, second) = spend(&harness, &first.refresh).await;
    let (replayed, third) = spend(&harness, &first.refresh).await;

    assert_eq!(replayed, 200);
    assert!(third != second && third != first.refresh);
    // The first is two rotations old by now, the second is the previous one.
    assert_eq!(spend(&harness, &first.refresh).await.0, 401);
    assert_eq!(spend(&harness, &second).await.0, 200);
    assert_eq!(counts(&harness), [3, 3, 1]);
    let presented: Vec<_> =
        harness.sim.control().token_exchanges().iter().filter_map(|exchange| exchange.presented).collect();
    assert_eq!(presented, [Presented::Current, Presented::Previous, Presented::Older, Presented::Previous]);
}

#[tokio::test]
async fn a_grace_that_repeats_answers_the_current_token() {
    let (harness, first) = start(|knobs| {
        knobs.rotation = Rotation::OnWithReuseDetection;
        knobs.rotation_grace_s = 60;
        knobs.grace_repeats_token = true;
    })
    .await;
    let (_, second) = spend(&harness, &first.refresh).await;

    for _ in 0..2 {
        assert_eq!(spend(&harness, &first.refresh).await, (200, second.clone()));
    }
}

#[tokio::test]
async fn beyond_the_grace_window_reuse_is_what_the_rotation_says() {
    for (rotation, survivor) in [(Rotation::On, 200), (Rotation::OnWithReuseDetection, 401)] {
        let (harness, first) = start(|knobs| {
            knobs.rotation = rotation;
            knobs.rotation_grace_s = 60;
        })
        .await;
        let (_, second) = spend(&harness, &first.refresh).await;
        harness.sim.control().advance_clock(Duration::from_secs(60));

        assert_eq!(spend(&harness, &first.refresh).await.0, 401, "{rotation:?}");
        assert_eq!(spend(&harness, &second).await.0, survivor, "{rotation:?}");
    }
}

#[tokio::test]
async fn a_cut_answer_has_a_good_head_and_half_a_body_and_has_spent_the_token() {
    let (harness, tokens) = start(|knobs| knobs.rotation = Rotation::On).await;
    harness.sim.control().fail_token_endpoint(&TokenFault::CutAnswer, 1);

    let response = refresh_request(&harness, &tokens.refresh).send().await.unwrap();
    let status = response.status();
    let body = response.bytes().await;

    assert_eq!(status, 200);
    assert!(body.is_err(), "{body:?}");
    assert_eq!(spend(&harness, &tokens.refresh).await.0, 401);
    assert_eq!(counts(&harness), [1, 1, 1]);
}

#[tokio::test]
async fn lost_requests_spend_nothing_and_faults_follow_their_script() {
    let (harness, tokens) = start(|knobs| knobs.rotation = Rotation::On).await;
    let control = harness.sim.control();
    for fault in [TokenFault::Pass, TokenFault::Reset, TokenFault::LoseAnswer, TokenFault::Reset] {
        control.fail_token_endpoint(&fault, 1);
    }

    let (passed, second) = spend(&harness, &tokens.refresh).await;
    let reset = refresh_request(&harness, &second).send().await;
    let after_reset = counts(&harness);
    let lost = refresh_request(&harness, &second).send().await;
    control.clear_token_faults();

    assert_eq!((passed, after_reset), (200, [1, 0, 0]));
    assert!(reset.is_err() && lost.is_err(), "{reset:?} {lost:?}");
    assert_eq!(spend(&harness, &second).await.0, 401);
    assert_eq!(counts(&harness), [2, 1, 1]);
}

#[tokio::test]
async fn a_delayed_answer_is_committed_before_it_is_sent() {
    let (harness, tokens) = start(|knobs| knobs.rotation = Rotation::On).await;
    let control = harness.sim.control();
    control.fail_token_endpoint(&TokenFault::DelayAnswerMs(3_600_000), 1);

    tokio::select! {
        answered = refresh_request(&harness, &tokens.refresh).send() => panic!("{answered:?}"),
        () = control.token_exchanges_reached(2) => {}
    }

    assert_eq!(counts(&harness), [1, 0, 0]);
}

#[tokio::test]
async fn paused_answers_are_committed_and_arrive_when_they_are_let_go() {
    let (harness, tokens) = start(|knobs| knobs.rotation = Rotation::On).await;
    let control = harness.sim.control();
    control.pause_token_answers();

    let (answered, committed) = tokio::join!(harness.refresh(&tokens.refresh), async {
        control.token_exchanges_reached(2).await;
        let counted = counts(&harness);
        control.resume_token_endpoint();
        counted
    });

    assert_eq!((answered.0.as_u16(), committed), (200, [1, 0, 0]));
}

#[tokio::test]
async fn a_request_whose_client_was_killed_is_processed_nevertheless() {
    let (harness, tokens) = start(|knobs| knobs.rotation = Rotation::On).await;
    let control = harness.sim.control();
    let request = refresh_request(&harness, &tokens.refresh).build().unwrap();
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n",
        request.url().path(),
        body.len(),
    );
    control.pause_token_endpoint();

    let address = ("127.0.0.1", request.url().port().unwrap());
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    control.token_requests_reached(2).await;
    drop(client);
    // An answered request gives the server time to see the end of the other connection.
    assert_eq!(harness.get(&tokens, "services/core/session/id").await.0, 200);
    control.resume_token_endpoint();
    control.token_exchanges_reached(2).await;

    assert_eq!(counts(&harness), [1, 0, 0]);
}

#[tokio::test]
async fn concurrent_spenders_of_one_token_are_told_apart_by_the_counts() {
    let (harness, tokens) = start(|knobs| knobs.rotation = Rotation::On).await;

    let spend = || spend(&harness, &tokens.refresh);
    let (a, b, c, d) = tokio::join!(spend(), spend(), spend(), spend());

    let winners = [a.0, b.0, c.0, d.0].iter().filter(|status| **status == 200).count();
    assert_eq!(winners, 1);
    assert_eq!(counts(&harness), [1, 3, 3]);
}

#[tokio::test]
async fn an_access_token_is_rejected_on_demand_and_its_grant_lives() {
    let (harness, tokens) = start(|knobs| knobs.ui_login_kills_refresh = true).await;
    let control = harness.sim.control();
    let (_, renewed) = harness.refresh(&tokens.refresh).await;
    let renewed = Tokens { access: text(&renewed, "access_token"), refresh: tokens.refresh.clone() };
    let status = async |tokens: &Tokens| harness.get(tokens, "services/core/session/id").await.0.as_u16();

    control.reject_access_token(&tokens.access).unwrap();
    let (rejected, spared) = (status(&tokens).await, status(&renewed).await);
    control.reject_access_tokens("integration", "acme-corp");
    let all = status(&renewed).await;

    assert_eq!((rejected, spared, all), (401, 200, 401));
    assert_eq!(spend(&harness, &tokens.refresh).await.0, 200);
    assert!(control.reject_access_token("a.b.c").is_err());
}

#[tokio::test]
async fn one_family_can_be_ended_beside_others_of_its_user() {
    let (harness, first) =
        start(|knobs| knobs.supersede_scope = trunkline_sim::sage_intacct::SupersedeScope::Off).await;
    let second = harness.connect().await;
    let control = harness.sim.control();

    control.end_family(1).unwrap();

    assert_eq!(spend(&harness, &first.refresh).await.0, 401);
    assert_eq!(spend(&harness, &second.refresh).await.0, 200);
    assert!(control.end_family(0).is_err() && control.end_family(3).is_err());
}

#[tokio::test]
async fn a_token_that_lives_a_second_is_served_at_once() {
    // Whatever part of the machine's current second has passed.
    for _ in 0..5 {
        let (harness, tokens) = start(|knobs| knobs.expires_in_s = 1).await;
        assert_eq!(harness.get(&tokens, "services/core/session/id").await.0, 200);
        harness.sim.control().advance_clock(Duration::from_secs(1));
        assert_ne!(harness.get(&tokens, "services/core/session/id").await.0, 200);
    }
}

#[tokio::test]
async fn another_process_can_do_all_of_it_over_http() {
    let (harness, tokens) = start(|_| ()).await;
    let control = |route: &str| harness.sim.control_url().join(route).unwrap();
    let post = async |route: &str, body: Value| answer(harness.http.post(control(route)).json(&body)).await.0;
    let read = async |route: &str| answer(harness.http.get(control(route))).await.1;

    let knobs = json!({"rotation": "on_with_reuse_detection", "rotation_grace_s": 0, "expires_in_s": 2});
    let patched = answer(harness.http.patch(control("knobs")).json(&knobs)).await.0;
    let fault = post("fail-token-endpoint", json!({"fault": "cut_answer"})).await;
    let delay = post("fail-token-endpoint", json!({"fault": {"delay_answer_ms": 0}})).await;
    let _cut = refresh_request(&harness, &tokens.refresh).send().await;
    let reused = spend(&harness, &tokens.refresh).await.0;
    let rejected = post("reject-access-token", json!({"token": tokens.access})).await;

    assert_eq!([patched, fault, delay, rejected].map(|status| status.as_u16()), [200; 4]);
    assert_eq!(reused, 401);
    let families = read("families").await;
    assert_eq!(
        families,
        json!([{
            "id": 1, "user": "integration", "company": "acme-corp", "client_id": harness.sim.client_id(),
            "refreshed": 1, "reused": 1, "refused": 1, "ended": "reuse",
        }])
    );
    let last = read("token-exchanges").await.as_array().unwrap().last().cloned().unwrap();
    assert_eq!(
        (&last["family"], &last["presented"], &last["status"]),
        (&json!(1), &json!("previous"), &json!(401))
    );
    for route in ["pause-token-answers", "resume-token-endpoint", "clear-token-faults", "clear-requests"] {
        assert_eq!(post(route, json!({})).await, 200, "{route}");
    }
    assert_eq!(read("token-exchanges").await, json!([]));
}

#[tokio::test]
async fn a_control_command_that_names_nothing_is_refused() {
    let harness = Harness::start().await;
    let post = async |route: &str, body: Value| {
        let url = harness.sim.control_url().join(route).unwrap();
        answer(harness.http.post(url).json(&body)).await.0.as_u16()
    };

    for (route, body) in [
        ("revoke", json!({"user": "nobody", "company": "acme-corp"})),
        ("ui-login", json!({})),
        ("unsubscribe", json!({"company": "acme", "module": "accountsPayable"})),
        ("end-family", json!({"family": 1})),
        ("set-client-secret", json!({"client_id": "x", "secret": "y"})),
        ("authorise-client", json!({"company": "acme-corp", "client_id": "x", "user": "nobody"})),
    ] {
        assert_eq!(post(route, body.clone()).await, 400, "{route} {body}");
    }
}
