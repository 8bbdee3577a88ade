//! The life of a grant that a person gave, against the simulated service.

use std::collections::BTreeSet;

use super::rig::{Rig, inputs, told};
use trunkline_core::{Account, Cause, Grant, Inputs, Probe, Revoked, Verdict};
use trunkline_salesforce::{
    CAPTURE_INSTANCE_URL, CAPTURE_LOGIN_URL, CAPTURE_ORGANIZATION_ID, CAPTURE_USER_ID, INPUT_LOGIN_URL,
};
use trunkline_sim::salesforce::{AppKind, OrgStatus, Permitted, Salesforce, Violation};

fn origin(url: &trunkline_core::url::Url) -> &str {
    url.as_str().trim_end_matches('/')
}

#[tokio::test]
async fn a_consent_becomes_a_grant_of_an_org_and_a_user_that_the_service_confirms() {
    let rig = Rig::start().await;
    let (begun, url) = rig.begin(Inputs::default()).await;
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("response_type", "code"),
        ("scope", "api id refresh_token"),
        ("state", "st4te"),
        ("code_challenge_method", "S256"),
    ] {
        assert!(query.contains(&(name.to_owned(), value.to_owned())), "{name}");
    }
    let back = rig.simulator.approve(&url).await.unwrap();
    let grant = rig.complete(begun, &back).await.unwrap();

    let (org, user) = (rig.simulator.org_id(), rig.simulator.user_id());
    let home = rig.simulator.my_domain_url(org).unwrap();
    let captures: Vec<_> = grant.captures.iter().collect();
    let login = rig.simulator.url();
    assert_eq!(
        captures,
        [
            (CAPTURE_INSTANCE_URL, origin(&home)),
            (CAPTURE_LOGIN_URL, origin(&login)),
            (CAPTURE_ORGANIZATION_ID, org),
            (CAPTURE_USER_ID, user),
        ]
    );
    assert_eq!(grant.credential.access_expires_at, None, "nothing says how long it lives");
    assert!(grant.account.as_ref().unwrap().is_same(&Account::new(org, user)), "by the signed id");

    let account = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap();
    assert!(account.is_same(&Account::new(org, user)));
    assert_eq!(account.details["username"], rig.simulator.username());
    let endpoint = rig.connector.endpoint(&grant.captures).unwrap();
    assert_eq!(endpoint.base().as_str(), format!("{}services/data/v65.0", home));
    assert!(!endpoint.allows(&login), "no data call to a login host");
    assert!(rig.get(&grant, "/sobjects/Account").await.is_ok());

    let printed = format!("{grant:?}{account:?}{:?}{:?}", rig.connector, rig.auth);
    let credential = &grant.credential;
    for secret in [&credential.access_token, &credential.refresh_token].into_iter().flatten() {
        assert!(!printed.contains(secret.expose()));
    }
    assert!(!printed.contains(rig.simulator.client_secret()));
    assert_eq!(rig.simulator.control().violations(), []);
}

#[tokio::test]
async fn a_rotated_refresh_token_replaces_the_stored_one_and_an_absent_one_leaves_it() {
    let rig = Rig::start().await;
    let first = rig.consent().await;
    let second = rig.refresh(&first).await.unwrap();
    assert_ne!(second.credential.refresh_token, first.credential.refresh_token);
    assert_ne!(second.credential.access_token, first.credential.access_token);
    assert_eq!((&second.captures, &second.account), (&first.captures, &first.account));

    rig.simulator.control().app(rig.simulator.client_id(), |app| app.rotates = false).unwrap();
    rig.simulator.control().knobs(|knobs| knobs.scope_on_refresh = false);
    let third = rig.refresh(&second).await.unwrap();
    assert_eq!(third.credential.refresh_token, second.credential.refresh_token);
    assert_eq!(third.credential.scopes, first.credential.scopes, "an answer without scope changes none");
    assert!(rig.get(&third, "/sobjects/Account").await.is_ok());
    assert_eq!(rig.simulator.control().violations(), []);
}

#[tokio::test]
async fn a_spent_refresh_token_ends_the_grant_and_is_told_as_a_revocation() {
    let rig = Rig::start().await;
    let first = rig.consent().await;
    let second = rig.refresh(&first).await.unwrap();
    let dead = (Cause::GrantRevoked, "salesforce.reconnect".to_owned());
    assert_eq!(rig.refresh_refused(&first).await, dead);
    assert_eq!(rig.refresh_refused(&second).await, dead, "the whole family is gone");
}

#[tokio::test]
async fn two_renewals_at_once_are_a_race_and_no_revocation() {
    use trunkline_sim::salesforce::RaceBody;
    for body in [RaceBody::BeingProcessed, RaceBody::ExpiredCode] {
        let rig = Rig::start().await;
        let grant = rig.consent().await;
        rig.simulator.control().knobs(|knobs| {
            knobs.race_body = body;
            knobs.refresh_latency_ms = 300;
        });
        let (one, two) = tokio::join!(rig.refresh(&grant), rig.refresh(&grant));
        let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
        let lost = lost.unwrap_err();
        assert_eq!(told(&lost), (Cause::RateLimited, "salesforce.race".to_owned()), "{body:?}");
        assert_eq!(lost.cause().unwrap().verdict(), Verdict::Transient);
        rig.simulator.control().knobs(|knobs| knobs.refresh_latency_ms = 0);
        rig.refresh(&won.unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn an_ended_session_is_renewed_and_its_grant_lives() {
    let rig = Rig::start().await;
    let grant = rig.consent().await;
    rig.simulator.control().end_sessions(rig.simulator.username()).unwrap();
    assert_eq!(rig.refused(&grant).await, Cause::AccessTokenExpired);
    let session = rig.session(&grant);
    let error = rig.connector.identify(&rig.cx, &session, &grant).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::AccessTokenExpired), "in the identity service's own word");

    let renewed = rig.refresh(&grant).await.unwrap();
    assert!(rig.get(&renewed, "/sobjects/Account").await.is_ok());
}

#[tokio::test]
async fn an_org_that_moved_is_followed_at_the_next_renewal() {
    let rig = Rig::start().await;
    let grant = rig.consent().await;
    rig.simulator.control().rename_my_domain(rig.simulator.org_id()).unwrap();
    assert_eq!(rig.refused(&grant).await, Cause::AccessTokenExpired);

    let renewed = rig.refresh(&grant).await.unwrap();
    let moved = rig.simulator.my_domain_url(rig.simulator.org_id()).unwrap();
    assert_eq!(renewed.captures.get(CAPTURE_INSTANCE_URL), Some(origin(&moved)));
    assert!(rig.get(&renewed, "/sobjects/Account").await.is_ok());
}

#[tokio::test]
async fn an_address_that_is_not_salesforces_is_not_believed_and_costs_no_grant() {
    let rig = Rig::start().await;
    let grant = rig.consent().await;
    rig.simulator.control().knobs(|knobs| knobs.instance_url = Some("https://evil.test".to_owned()));
    let renewed = rig.refresh(&grant).await.unwrap();
    assert_eq!(renewed.captures, grant.captures);
    assert_ne!(renewed.credential.refresh_token, grant.credential.refresh_token, "the new token is kept");

    let (begun, url) = rig.begin(Inputs::default()).await;
    let back = rig.simulator.approve(&url).await.unwrap();
    let error = rig.complete(begun, &back).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ResponseInvalid), "without any address there is no connection");

    let mut forged = grant.captures.clone();
    forged.insert(CAPTURE_INSTANCE_URL, "https://evil.test");
    assert!(rig.connector.endpoint(&forged).is_err());
}

#[tokio::test]
async fn a_revocation_ends_the_grant_and_a_second_one_finds_it_ended() {
    let rig = Rig::start().await;
    let (grant, other) = (rig.consent().await, rig.consent().await);
    let revoke = || async { rig.auth.revoke(&rig.cx, &Rig::held(&grant)).await.unwrap() };
    assert_eq!((revoke().await, rig.refused(&grant).await), (Revoked::Done, Cause::AccessTokenExpired));
    assert_eq!(rig.refresh_refused(&grant).await.0, Cause::GrantRevoked);
    let without = Grant { account: None, ..grant.clone() };
    assert_eq!(rig.auth.revoke(&rig.cx, &Rig::held(&without)).await.unwrap(), Revoked::Done);
    assert!(rig.get(&other, "/sobjects/Account").await.is_ok(), "no other grant of the user ends");
    let violations = rig.simulator.control().violations();
    let in_url = |violation: &Violation| matches!(violation, Violation::TokenInUrl { .. });
    assert!(!violations.iter().any(in_url), "{violations:?}");
}

#[tokio::test]
async fn who_must_act_is_told_apart_where_a_renewal_is_refused() {
    let rig = Rig::start().await;
    let grant = rig.consent().await;
    let (control, org) = (rig.simulator.control(), rig.simulator.org_id());
    let (client, user) = (rig.simulator.client_id(), rig.simulator.username());
    let expect = async |cause, key: &str, verdict| {
        assert_eq!(rig.refresh_refused(&grant).await, (cause, key.to_owned()));
        assert_eq!(cause.verdict(), verdict);
    };
    control.user(user, |user| user.active = false).unwrap();
    expect(Cause::UserDisabled, "salesforce.user_inactive", Verdict::Suspended).await;
    control.knobs(|knobs| knobs.inactive_user = trunkline_sim::salesforce::InactiveUser::InactiveUser);
    expect(Cause::UserDisabled, "salesforce.user_inactive", Verdict::Suspended).await;
    control.user(user, |user| (user.active, user.login_allowed) = (true, false)).unwrap();
    expect(Cause::IpAddressDenied, "salesforce.address", Verdict::Suspended).await;
    control.user(user, |user| user.login_allowed = true).unwrap();

    for kind in [AppKind::ExternalClientApp, AppKind::ConnectedApp] {
        control.app(client, |app| (app.kind, app.uninstalled_in) = (kind, [org.to_owned()].into())).unwrap();
        expect(Cause::ClientNotAuthorized, "salesforce.app_not_installed", Verdict::Suspended).await;
    }
    control.app(client, |app| (app.uninstalled_in, app.blocked) = (BTreeSet::new(), true)).unwrap();
    expect(Cause::ClientNotAuthorized, "salesforce.app_blocked", Verdict::Suspended).await;
    let nobody = Permitted::AdminApproved(["Nobody".to_owned()].into());
    control.app(client, |app| (app.blocked, app.permitted) = (false, nobody)).unwrap();
    expect(Cause::ClientNotAuthorized, "salesforce.app_not_approved", Verdict::Suspended).await;
    control.app(client, |app| app.permitted = Permitted::SelfAuthorize).unwrap();

    control.org(org, |org| org.status = OrgStatus::Locked).unwrap();
    expect(Cause::CompanyInactive, "salesforce.org_inactive", Verdict::Suspended).await;
    control.org(org, |org| org.status = OrgStatus::Maintenance).unwrap();
    expect(Cause::ServiceUnavailable, "service_unavailable", Verdict::Transient).await;
    control.org(org, |org| org.status = OrgStatus::Active).unwrap();
    assert!(rig.refresh(&grant).await.is_ok(), "and none of it ended the grant");

    control.set_client_secret(client, "another").unwrap();
    expect(Cause::ClientCredentialsInvalid, "salesforce.client", Verdict::ClientBroken).await;
}

#[tokio::test]
async fn a_denied_consent_and_a_spent_code_are_told_apart() {
    let rig = Rig::start().await;
    let (begun, url) = rig.begin(Inputs::default()).await;
    for denial in ["access-denied", "access_denied"] {
        rig.simulator.control().knobs(|knobs| knobs.denial = denial.to_owned());
        let denied = rig.simulator.deny(&url).await.unwrap();
        let error = rig.complete(begun.clone(), &denied).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ConsentDenied), "{denial}");
    }
    let back = rig.simulator.approve(&url).await.unwrap();
    rig.complete(begun.clone(), &back).await.unwrap();
    let error = rig.complete(begun, &back).await.unwrap_err();
    assert_eq!(told(&error), (Cause::ConsentExpired, "salesforce.code_spent".to_owned()));
}

#[tokio::test]
async fn a_sandbox_is_renewed_at_the_host_where_it_was_connected() {
    let rig = Rig::start().await;
    let test = inputs(&[(INPUT_LOGIN_URL, rig.simulator.test_url().as_str())]);
    let grant = rig.consent_of("integration@acme.example.dev", test).await;
    assert_eq!(grant.captures.get(CAPTURE_LOGIN_URL), Some(origin(&rig.simulator.test_url())));
    // Neither the inputs nor the settings name the host any more.
    let renewed = rig.refresh(&grant).await.unwrap();
    assert!(rig.get(&renewed, "/sobjects/Account").await.is_ok());
    assert_eq!(rig.auth.revoke(&rig.cx, &Rig::held(&renewed)).await.unwrap(), Revoked::Done);
    assert_eq!(rig.refresh_refused(&renewed).await.0, Cause::GrantRevoked);
}

#[tokio::test]
async fn a_page_of_the_user_interface_is_no_place_to_sign_in() {
    let rig = Rig::start().await;
    for host in ["acme.lightning.force.com", "https://acme.my.salesforce-setup.com", "https://evil.test"] {
        let ask = trunkline_core::ConsentAsk {
            state: trunkline_core::Secret::new("s"),
            scopes: trunkline_core::ScopeSet::default(),
            inputs: inputs(&[(INPUT_LOGIN_URL, host)]),
            loopback_port: None,
        };
        let error = rig.auth.begin(&rig.cx, &ask).await.unwrap_err();
        assert_eq!(told(&error), (Cause::InputMissing, "salesforce.login_url".to_owned()), "{host}");
    }
}

#[tokio::test]
async fn a_probe_tells_what_the_connections_calls_will_meet() {
    let rig = Rig::start().await;
    let grant = rig.consent().await;
    assert_eq!(rig.connector.probe(&rig.cx, &rig.session(&grant)).await.unwrap(), Probe::Alive);
    let refused =
        async |grant: &Grant| told(&rig.connector.probe(&rig.cx, &rig.session(grant)).await.unwrap_err());
    let no_api = rig.consent_of("noapi@acme.example", Inputs::default()).await;
    let api = (Cause::PermissionMissing, "salesforce.api_enabled".to_owned());
    assert_eq!(refused(&no_api).await, api);
    rig.simulator.control().org("acme", |org| org.used_elsewhere = org.daily_calls).unwrap();
    assert_eq!(refused(&grant).await, (Cause::RateLimited, "salesforce.daily_limit".to_owned()));
    rig.simulator.control().end_sessions(rig.simulator.username()).unwrap();
    assert_eq!(refused(&grant).await.0, Cause::AccessTokenExpired);
    let requests = rig.simulator.control().requests();
    assert!(requests.iter().all(|request| !request.path.contains("/sobjects/")));
}

#[tokio::test]
async fn a_missing_api_scope_is_no_expired_token_however_it_is_called() {
    let rig = Rig::with(super::rig::CODE, Salesforce::builder(), |mut config, _| {
        config.scopes = vec!["id".to_owned(), "refresh_token".to_owned()];
        config
    })
    .await;
    let grant = rig.consent().await;
    let diagnosis = rig.get(&grant, "/sobjects/Account").await.unwrap_err();
    assert_eq!((diagnosis.cause(), diagnosis.evidence().status), (Cause::ScopeMissing, Some(401)));
    assert_eq!(diagnosis.cause().verdict(), Verdict::CallOnly, "no endless renewals");
    assert!(rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.is_ok());
}

#[tokio::test]
async fn without_the_identity_scope_the_ids_of_the_token_answer_count() {
    let rig = Rig::with(super::rig::CODE, Salesforce::builder(), |mut config, _| {
        config.scopes = vec!["api".to_owned(), "refresh_token".to_owned()];
        config
    })
    .await;
    let grant = rig.consent().await;
    let account = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap();
    assert_eq!(account, Account::new(rig.simulator.org_id(), rig.simulator.user_id()));
    // As a grant from the store: without a hint.
    let stored = Grant { account: None, ..grant.clone() };
    let again = rig.connector.identify(&rig.cx, &rig.session(&stored), &stored).await.unwrap();
    assert_eq!(again, account);
    let no_api = rig.consent_of("noapi@acme.example", Inputs::default()).await;
    let error = rig.connector.identify(&rig.cx, &rig.session(&no_api), &no_api).await.unwrap_err();
    assert_eq!(told(&error).1, "salesforce.api_enabled", "and a real call proves the token");
}

#[tokio::test]
async fn a_life_that_is_configured_counts_from_the_issue() {
    let rig = Rig::with(super::rig::CODE, Salesforce::builder(), |mut config, _| {
        config.default_lifetime_s = Some(900);
        config
    })
    .await;
    let first = rig.consent().await;
    let second = rig.refresh(&first).await.unwrap();
    for grant in [&first, &second] {
        let life = grant.credential.lifetime().unwrap().as_secs();
        assert!((880..=900).contains(&life), "{life}");
    }
    // One of the two once more: its life began when it was made.
    rig.simulator.control().knobs(|knobs| knobs.repeat_access_token = true);
    rig.wait(600);
    let third = rig.refresh(&second).await.unwrap();
    assert!([first, second].iter().any(|old| old.credential.access_token == third.credential.access_token));
    let life = third.credential.lifetime().unwrap().as_secs();
    assert!((280..=300).contains(&life), "{life}");
}
