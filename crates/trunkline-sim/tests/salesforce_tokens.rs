//! How tokens live: rotation, races, policies, revocation.
#![allow(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::salesforce::{ACME, Harness, invalid_grant, oauth_refusal, refusal};
use common::{answer, beside, status_of, text};
use reqwest::Method;
use serde_json::json;
use trunkline_sim::salesforce::{
    AccessTokenForm, Ended, Fault, InactiveUser, OrgStatus, Permitted, RaceBody, RefreshLock, RefreshPolicy,
    Violation,
};

const DEAD: &str = "expired access/refresh token";
const RACED: &str = "token request is already being processed";

/// What waits for nobody, with patience for a slow machine.
async fn answered_at_once<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), call).await.expect("it waits for the other one")
}

#[tokio::test]
async fn a_rotated_out_token_ends_its_family_and_no_other() {
    let harness = Harness::start().await;
    let first = harness.connect().await;
    let other = harness.connect_as("reader").await;
    let (_, renewed) = harness.refresh(&first.refresh).await;
    let second = text(&renewed, "refresh_token");
    assert!(!second.is_empty() && second != first.refresh);

    let reuse = harness.refresh(&first.refresh).await;

    assert_eq!(oauth_refusal(&reuse), invalid_grant(DEAD));
    assert_eq!(oauth_refusal(&harness.refresh(&second).await), invalid_grant(DEAD));
    assert_eq!(harness.get(&first, "limits").await.0, 401);
    assert_eq!(harness.refresh(&other.refresh).await.0, 200);
    let families = harness.control().families();
    assert_eq!(families[0].ended, Some(Ended::Reuse));
    assert_eq!((families[0].refreshed, families[0].reused, families[0].refused), (1, 1, 2));
    assert_eq!((families[1].refreshed, families[1].ended), (1, None));
}

#[tokio::test]
async fn without_rotation_the_answer_has_no_refresh_token_and_the_old_one_stays() {
    let harness = Harness::start().await;
    harness.app(|app| app.rotates = false);
    harness.knobs(|knobs| knobs.scope_on_refresh = false);
    let tokens = harness.connect().await;

    for _ in 0..3 {
        let (status, body) = harness.refresh(&tokens.refresh).await;
        assert_eq!(status, 200);
        assert_eq!((body.get("refresh_token"), body.get("scope")), (None, None));
    }
    assert_eq!(harness.get(&tokens, "limits").await.0, 200, "the first access token lives on");
}

#[tokio::test]
async fn a_refresh_that_meets_another_of_its_token_is_no_reuse() {
    for (lock, body, description) in [
        (RefreshLock::Token, RaceBody::BeingProcessed, RACED),
        (RefreshLock::Token, RaceBody::ExpiredCode, "expired authorization code"),
        (RefreshLock::App, RaceBody::BeingProcessed, RACED),
    ] {
        let harness = Harness::start().await;
        harness.knobs(|knobs| {
            knobs.refresh_lock = lock;
            knobs.race_body = body;
        });
        let (tokens, other) = (harness.connect().await, harness.connect_as("reader").await);
        harness.control().clear_requests();
        harness.control().pause_token_endpoint();

        let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
        let winner = beside(harness.token_request(&refresh));
        harness.control().token_requests_reached(1).await;
        let loser = answered_at_once(harness.refresh(&tokens.refresh)).await;
        if lock == RefreshLock::App {
            let other = answered_at_once(harness.refresh(&other.refresh)).await;
            assert_eq!(oauth_refusal(&other), invalid_grant(description));
        }
        harness.control().resume_token_endpoint();

        assert_eq!(oauth_refusal(&loser), invalid_grant(description));
        assert_eq!(status_of(winner).await, 200);
        let family = harness.control().families()[0].clone();
        assert_eq!((family.refreshed, family.raced, family.reused, family.ended), (1, 1, 0, None));
        assert_eq!(harness.control().violations()[0], Violation::ConcurrentRefresh { family: 1 });
    }
}

#[tokio::test]
async fn a_lock_is_free_again_after_its_request_was_lost() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    harness.control().fail_token_endpoint(&Fault::Reset, 1);

    let lost = harness.token_request(&[("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh)]);
    assert!(lost.send().await.is_err());

    assert_eq!(harness.refresh(&tokens.refresh).await.0, 200);
}

#[tokio::test]
async fn one_approval_too_many_ends_the_oldest_silently() {
    let harness = Harness::start().await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(harness.connect().await);
    }
    assert_eq!(harness.refresh(&all[1].refresh).await.0, 200);

    harness.connect().await;

    assert_eq!(oauth_refusal(&harness.refresh(&all[0].refresh).await), invalid_grant(DEAD));
    assert_eq!(refusal(&harness.get(&all[0], "limits").await), (401, "INVALID_SESSION_ID".to_owned()));
    assert_eq!(harness.get(&all[2], "limits").await.0, 200);
    assert_eq!(harness.control().families()[0].ended, Some(Ended::Evicted));
}

#[tokio::test]
async fn refresh_tokens_live_as_long_as_the_policy_says() {
    const DAY: Duration = Duration::from_secs(86_400);
    for (policy, survives_in_use) in
        [(RefreshPolicy::IdleS(30 * 86_400), true), (RefreshPolicy::AfterS(30 * 86_400), false)]
    {
        let harness = Harness::start().await;
        harness.app(|app| {
            app.refresh_policy = policy;
            app.rotates = false;
        });
        let (used, unused) = (harness.connect().await, harness.connect_as("reader").await);
        for _ in 0..2 {
            harness.control().advance_clock(DAY * 20);
            let outcome = harness.refresh(&used.refresh).await;
            if harness.control().token_exchanges().len() == 3 || survives_in_use {
                assert_eq!(outcome.0, 200);
            } else {
                assert_eq!(oauth_refusal(&outcome), invalid_grant(DEAD));
            }
        }
        assert_eq!(oauth_refusal(&harness.refresh(&unused.refresh).await), invalid_grant(DEAD));
        assert_eq!(harness.control().families()[1].ended, Some(Ended::Expired));
    }
    let harness = Harness::start().await;
    harness.app(|app| app.refresh_policy = RefreshPolicy::Immediately);
    assert_eq!(harness.connect().await.refresh, "");
}

#[tokio::test]
async fn what_administrators_do_shows_in_data_calls_and_in_refreshes() {
    type Change = fn(&Harness);
    let cases: &[(Change, u16, (&str, &str))] = &[
        (
            |it| it.control().user(it.sim.username(), |user| user.active = false).unwrap(),
            401,
            ("invalid_grant", "inactive user"),
        ),
        (
            |it| {
                it.knobs(|knobs| knobs.inactive_user = InactiveUser::InactiveUser);
                it.control().user(it.sim.username(), |user| user.active = false).unwrap();
            },
            401,
            ("inactive_user", "user is inactive"),
        ),
        (
            |it| it.control().user(it.sim.username(), |user| user.login_allowed = false).unwrap(),
            200,
            ("invalid_grant", "ip restricted or invalid login hours"),
        ),
        (
            |it| it.app(|app| app.address_refused = true),
            200,
            ("invalid_grant", "ip restricted or invalid login hours"),
        ),
        (|it| it.app(|app| app.blocked = true), 401, ("app_blocked", "fail_close_app_blocked")),
        (
            |it| it.app(|app| app.permitted = Permitted::AdminApproved(BTreeSet::from(["Sales".to_owned()]))),
            200,
            ("invalid_app_access", "user is not admin approved to access this app"),
        ),
        (
            |it| it.control().org(ACME, |org| org.status = OrgStatus::Locked).unwrap(),
            401,
            ("inactive_org", "organization is locked, closed, or suspended"),
        ),
        (|it| it.control().revoke_grants(it.sim.username()).unwrap(), 401, ("invalid_grant", DEAD)),
        (
            |it| it.control().set_client_secret(it.sim.client_id(), "NEXT").unwrap(),
            401,
            ("invalid_client", "invalid client credentials"),
        ),
    ];
    for (number, (change, data, (error, description))) in cases.iter().enumerate() {
        let harness = Harness::start().await;
        let tokens = harness.connect().await;

        change(&harness);

        assert_eq!(harness.get(&tokens, "limits").await.0.as_u16(), *data, "case {number}");
        let refused = oauth_refusal(&harness.refresh(&tokens.refresh).await);
        assert_eq!((refused.1.as_str(), refused.2.as_str()), (*error, *description), "case {number}");
    }
}

#[tokio::test]
async fn maintenance_is_503_everywhere_and_ends_nothing() {
    let harness = Harness::start().await;
    harness.knobs(|knobs| knobs.retry_after_s = Some(120));
    let tokens = harness.connect().await;
    harness.control().org(ACME, |org| org.status = OrgStatus::Maintenance).unwrap();

    assert_eq!(refusal(&harness.get(&tokens, "limits").await), (503, "SERVER_UNAVAILABLE".to_owned()));
    assert_eq!(oauth_refusal(&harness.refresh(&tokens.refresh).await).0, 503);

    harness.control().org(ACME, |org| org.status = OrgStatus::Active).unwrap();
    assert_eq!(harness.refresh(&tokens.refresh).await.0, 200);
}

#[tokio::test]
async fn introspection_tells_what_lives_and_does_not_touch_it() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let introspect = async |token: &str| {
        let client = [("client_id", harness.sim.client_id()), ("client_secret", harness.sim.client_secret())];
        let form = [client[0], client[1], ("token", token)];
        answer(harness.http.post(harness.login("/services/oauth2/introspect")).form(&form)).await
    };

    let (status, body) = introspect(&tokens.access).await;
    assert_eq!(status, 200);
    assert_eq!((&body["active"], &body["token_type"]), (&json!(true), &json!("access_token")));
    assert_eq!(body["username"], harness.sim.username());
    assert_eq!(body["exp"].as_i64().unwrap() - body["iat"].as_i64().unwrap(), 7200);
    assert_eq!(introspect(&tokens.refresh).await.1["token_type"], "refresh_token");
    harness.control().advance_clock(Duration::from_secs(7000));
    assert_eq!(introspect(&tokens.access).await.1["active"], true);
    harness.control().advance_clock(Duration::from_secs(200));
    assert_eq!(introspect(&tokens.access).await, (200.try_into().unwrap(), json!({ "active": false })));
}

#[tokio::test]
async fn revocation_of_an_access_token_ends_it_alone_and_of_a_refresh_token_all() {
    let harness = Harness::start().await;
    let revoke = async |token: &str| {
        let request = harness.http.post(harness.login("/services/oauth2/revoke"));
        answer(request.form(&[("token", token)])).await
    };
    let first = harness.connect().await;
    let (_, renewed) = harness.refresh(&first.refresh).await;
    let second = text(&renewed, "refresh_token");

    assert_eq!(revoke(&first.access).await.0, 200);
    assert_eq!(harness.get(&first, "limits").await.0, 401);
    let mut live = harness.connect().await;
    live.access = text(&renewed, "access_token");
    assert_eq!(harness.get(&live, "limits").await.0, 200);
    assert_eq!(revoke(&second).await.0, 200);
    assert_eq!(harness.get(&live, "limits").await.0, 401);
    assert_eq!(oauth_refusal(&revoke(&second).await).1, "invalid_token");
    let hint = [("token", "x"), ("token_type_hint", "id_token")];
    let hinted = harness.http.post(harness.login("/services/oauth2/revoke")).form(&hint);
    assert_eq!(oauth_refusal(&answer(hinted).await).1, "unsupported_token_type");
}

#[tokio::test]
async fn approvals_can_be_read_and_deleted_by_their_delete_token() {
    let harness = Harness::start().await;
    let (mine, _theirs) = (harness.connect().await, harness.connect_as("reader").await);

    let (_, body) = harness.query(&mine, "SELECT AppName, DeleteToken, UseCount FROM OauthToken").await;

    assert_eq!(body["totalSize"], 1);
    let token = text(&body["records"][0], "DeleteToken");
    let revoke = harness.http.post(harness.login("/services/oauth2/revoke")).form(&[("token", &token)]);
    assert_eq!(answer(revoke).await.0, 200);
    assert_eq!(harness.control().families()[0].ended, Some(Ended::Revoked));
    let admin = harness.connect_as("admin").await;
    assert_eq!(harness.query(&admin, "SELECT AppName FROM OauthToken").await.1["totalSize"], 2);
}

#[tokio::test]
async fn token_forms_are_switches() {
    let harness = Harness::start().await;
    harness.knobs(|knobs| {
        knobs.access_token_form = AccessTokenForm::Jwt;
        knobs.instance_url = Some("https://attacker.example".to_owned());
    });
    let tokens = harness.connect().await;
    assert_eq!(tokens.access.split('.').count(), 3);
    assert!(tokens.access.len() > 1500);
    assert_eq!(harness.get(&tokens, "limits").await.0, 200);
    let (_, body) = harness.refresh(&tokens.refresh).await;
    assert_eq!(text(&body, "instance_url"), "https://attacker.example");

    harness.knobs(|knobs| knobs.repeat_access_token = true);
    let again = harness.connect().await;
    assert!(again.access == tokens.access || again.access == text(&body, "access_token"));
}

#[tokio::test]
async fn a_narrowed_grant_keeps_working_within_its_scopes() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    harness.control().narrow_family(1, &["id", "refresh_token"]).unwrap();

    let (status, body) = harness.refresh(&tokens.refresh).await;

    assert_eq!((status.as_u16(), text(&body, "scope")), (200, "id refresh_token".to_owned()));
    let narrowed = common::Tokens { access: text(&body, "access_token"), refresh: String::new() };
    let (status, body) = harness.get(&narrowed, "limits").await;
    assert_eq!(status, 401);
    assert_eq!(body[0]["message"], "This session is not valid for use with the REST API");
    let userinfo = harness.http.get(harness.login("/services/oauth2/userinfo")).bearer_auth(&narrowed.access);
    assert_eq!(answer(userinfo).await.0, 200);
    let method = harness.data(Method::PUT, &tokens, "limits");
    assert_eq!(refusal(&answer(method).await), (405, "METHOD_NOT_ALLOWED".to_owned()));
}
