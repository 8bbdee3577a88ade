//! The life of a grant against the simulated service.

mod common;

use std::time::Duration;

use common::{NOW, Rig, inputs};
use trunkline_core::{Account, Cause, Grant, Inputs, Probe, Revoked, Secret};
use trunkline_sage_intacct::{CAPTURE_COMPANY, CAPTURE_ENTITY, INPUT_ENTITY, INPUT_USERNAME};
use trunkline_sim::sage_intacct::{Fixture, Matcher, Rotation};

const CODE: &str = "authorization_code";
const UNATTENDED: &str = "client_credentials";

fn secrets(grant: &Grant) -> Vec<Secret> {
    let credential = &grant.credential;
    [&credential.access_token, &credential.refresh_token].into_iter().flatten().cloned().collect()
}

#[tokio::test]
async fn a_consent_becomes_a_grant_with_an_account_that_a_real_call_confirms() {
    let rig = Rig::start(CODE, |config| config).await;
    let (begun, url) = rig.begin(Inputs::default()).await;
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("response_type", "code"),
        ("scope", "offline_access"),
        ("state", "st4te"),
        ("code_challenge_method", "S256"),
        ("redirect_uri", "https://app.example.com/connect/callback"),
    ] {
        assert!(query.contains(&(name.to_owned(), value.to_owned())), "{name}");
    }

    let back = rig.simulator.approve(&url).await.unwrap();
    let grant = rig.complete(begun, &back, Inputs::default()).await.unwrap();
    assert_eq!(grant.captures.get(CAPTURE_COMPANY), Some("acme-corp"));
    assert_eq!(grant.credential.lifetime(), Some(Duration::from_secs(43_200)));

    let account = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap();
    assert_eq!(account, Account::new("acme-corp", "integration"));
    let paths: Vec<_> = rig.simulator.control().requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/ia/api/v1/oauth2/token", "/ia/api/v1/services/core/session/id"]);

    let printed = format!("{grant:?}{account:?}{:?}", rig.connector);
    for secret in secrets(&grant) {
        assert!(!printed.contains(secret.expose()));
    }
    assert!(!printed.contains(rig.simulator.client_secret()));
}

#[tokio::test]
async fn a_grant_from_the_store_is_identified_without_a_hint() {
    let rig = Rig::start(CODE, |config| config).await;
    let grant = Grant { account: None, ..rig.consent().await };
    let account = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap();
    assert_eq!(account, Account::new("acme-corp", "integration"));
}

#[tokio::test]
async fn a_probe_tells_a_living_grant_from_a_revoked_one_and_touches_no_object() {
    let rig = Rig::start(CODE, |config| config).await;
    let grant = rig.consent().await;
    let session = rig.session(&grant);
    assert_eq!(rig.connector.probe(&rig.cx, &session).await.unwrap(), Probe::Alive);

    rig.auth.revoke(&rig.cx, &Rig::held(&grant)).await.unwrap();
    let error = rig.connector.probe(&rig.cx, &session).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::AccessTokenRejected));
    let requests = rig.simulator.control().requests();
    assert!(requests.iter().all(|request| !request.path.contains("/objects/")));
}

#[tokio::test]
async fn a_denied_consent_and_a_spent_code_are_told_apart() {
    let rig = Rig::start(CODE, |config| config).await;
    let (begun, url) = rig.begin(Inputs::default()).await;
    let denied = rig.simulator.deny(&url).await.unwrap();
    let error = rig.complete(begun.clone(), &denied, Inputs::default()).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ConsentDenied));

    let back = rig.simulator.approve(&url).await.unwrap();
    rig.complete(begun.clone(), &back, Inputs::default()).await.unwrap();
    let error = rig.complete(begun, &back, Inputs::default()).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ConsentExpired));
}

#[tokio::test]
async fn a_renewal_keeps_an_unrepeated_refresh_token_and_takes_a_rotated_one() {
    let rig = Rig::start(CODE, |config| config).await;
    let first = rig.consent().await;
    rig.simulator.control().knobs(|knobs| knobs.repeat_refresh_token = false);
    let second = rig.auth.refresh(&rig.cx, &Rig::held(&first)).await.unwrap();
    assert_eq!(second.credential.refresh_token, first.credential.refresh_token);
    assert_ne!(second.credential.access_token, first.credential.access_token);
    assert_eq!((&second.captures, &second.account), (&first.captures, &first.account));

    rig.simulator.control().knobs(|knobs| knobs.rotation = Rotation::On);
    let third = rig.auth.refresh(&rig.cx, &Rig::held(&second)).await.unwrap();
    assert_ne!(third.credential.refresh_token, second.credential.refresh_token);
    assert!(rig.get(&third, "/objects/accounts-payable/vendor").await.is_ok());
}

#[tokio::test]
async fn an_expired_token_is_recognised_as_401_and_as_400_and_a_renewal_heals_both() {
    let rig = Rig::start(CODE, |config| config).await;
    let grant = rig.consent().await;
    rig.simulator.control().advance_clock(Duration::from_secs(43_201));
    assert_eq!(rig.refused(&grant).await, (Cause::AccessTokenExpired, Some(401)));
    assert_eq!(rig.refused(&grant).await, (Cause::AccessTokenRejected, Some(400)));

    let renewed = rig.auth.refresh(&rig.cx, &Rig::held(&grant)).await.unwrap();
    assert!(rig.get(&renewed, "/objects/accounts-payable/vendor").await.is_ok());
}

#[tokio::test]
async fn a_second_consent_kills_the_first_grant_and_both_answers_are_recognised() {
    let rig = Rig::start(CODE, |config| config).await;
    let first = rig.consent().await;
    let second = rig.consent().await;
    assert_eq!(rig.refused(&first).await, (Cause::AccessTokenRejected, Some(401)));
    let error = rig.auth.refresh(&rig.cx, &Rig::held(&first)).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::GrantRevoked));
    assert!(rig.get(&second, "/objects/accounts-payable/vendor").await.is_ok());
}

#[tokio::test]
async fn a_dead_grant_in_the_guise_of_a_bad_client_is_not_declared_dead() {
    let rig = Rig::start(CODE, |config| config).await;
    let grant = rig.consent().await;
    rig.simulator.control().knobs(|knobs| knobs.dead_grant_as_invalid_client = true);
    rig.simulator.control().revoke_grants("integration", "acme-corp");
    let error = rig.auth.refresh(&rig.cx, &Rig::held(&grant)).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ClientCredentialsInvalid));
    assert!(error.diagnosis().unwrap().remedy().key() == "sage_intacct.client_at_renewal");
}

#[tokio::test]
async fn a_revocation_ends_the_grant_and_a_second_one_finds_it_ended() {
    let rig = Rig::start(CODE, |config| config).await;
    let grant = rig.consent().await;
    assert_eq!(rig.auth.revoke(&rig.cx, &Rig::held(&grant)).await.unwrap(), Revoked::Done);
    assert_eq!(rig.refused(&grant).await, (Cause::AccessTokenRejected, Some(401)));
    assert_eq!(rig.auth.revoke(&rig.cx, &Rig::held(&grant)).await.unwrap(), Revoked::Done);
}

#[tokio::test]
async fn a_token_without_expires_in_ends_when_its_claims_say() {
    let rig = Rig::start(CODE, |config| config).await;
    rig.simulator.control().knobs(|knobs| {
        knobs.send_expires_in = false;
        knobs.expires_in_s = 1_800;
    });
    let grant = rig.consent().await;
    assert_eq!(grant.credential.access_expires_at, Some(NOW + Duration::from_secs(1_800)));
}

#[tokio::test]
async fn client_credentials_name_the_account_and_mint_anew() {
    let rig = Rig::start(UNATTENDED, |config| config).await;
    let username = inputs(&[(INPUT_USERNAME, &rig.simulator.username())]);
    let grant = rig.mint(&username).await.unwrap();
    assert_eq!(grant.credential.refresh_token, None);
    let account = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap();
    assert_eq!(account, Account::new("acme-corp", "integration"));

    let mut held = Rig::held(&grant);
    held.inputs = username;
    let again = rig.auth.refresh(&rig.cx, &held).await.unwrap();
    assert_ne!(again.credential.access_token, grant.credential.access_token);
    assert_eq!(again.account, grant.account);
}

#[tokio::test]
async fn an_entity_of_the_username_scopes_the_connection() {
    let rig = Rig::start(UNATTENDED, |config| config).await;
    let scoped = inputs(&[(INPUT_USERNAME, "integration@acme-corp|E100")]);
    let grant = rig.mint(&scoped).await.unwrap();
    assert_eq!(grant.captures.get(CAPTURE_ENTITY), Some("E100"));
    let account = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap();
    assert_eq!(account.to_string(), "integration@acme-corp|E100");
}

#[tokio::test]
async fn the_entity_header_scopes_requests_and_its_name_is_the_one_that_counts() {
    let rig = Rig::start(UNATTENDED, |config| config.entity("E200")).await;
    let name = rig.connector.endpoint(&Grant::default().captures).unwrap();
    assert_eq!(name.entity_header_name().unwrap(), "x-ia-api-param-entity");

    // The setting is the default; the connection's own input wins.
    let username = rig.simulator.username();
    let by_setting = rig.mint(&inputs(&[(INPUT_USERNAME, &username)])).await.unwrap();
    let own = rig.mint(&inputs(&[(INPUT_USERNAME, &username), (INPUT_ENTITY, "E100")])).await.unwrap();
    let total = |body: String| {
        let start = body.split("\"totalCount\":").nth(1).unwrap().to_owned();
        start.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse::<u32>().unwrap()
    };
    let mut top_level = own.clone();
    top_level.captures = trunkline_core::Captures::default();
    for (grant, expected) in [(&by_setting, 253), (&own, 253), (&top_level, 250)] {
        let body = rig.get(grant, "/objects/accounts-payable/vendor").await.unwrap();
        assert_eq!(total(body), expected);
    }
    for (grant, entity) in [(&by_setting, "E200"), (&own, "E100")] {
        let account = rig.connector.identify(&rig.cx, &rig.session(grant), grant).await.unwrap();
        assert_eq!(account.entity.as_deref(), Some(entity));
    }
}

#[tokio::test]
async fn an_entity_that_the_user_may_not_enter_is_found_out_at_once() {
    let rig = Rig::start(UNATTENDED, |config| config).await;
    let username = rig.simulator.username();
    let grant = rig.mint(&inputs(&[(INPUT_USERNAME, &username), (INPUT_ENTITY, "E999")])).await.unwrap();
    for status in [403, 404] {
        rig.simulator.control().knobs(|knobs| knobs.entity_refusal_status = status);
        let error = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::EntityForbidden), "{status}");
        let evidence = error.diagnosis().unwrap().evidence();
        assert_eq!(evidence.call.as_deref(), Some("GET /services/core/session/id"));
        assert_eq!((evidence.status, evidence.at), (Some(status), Some(NOW)));
    }
}

#[tokio::test]
async fn a_username_without_its_company_never_leaves() {
    let rig = Rig::start(UNATTENDED, |config| config).await;
    for (given, cause) in [
        (inputs(&[(INPUT_USERNAME, "integration")]), Cause::UserCredentialsInvalid),
        (Inputs::default(), Cause::InputMissing),
    ] {
        assert_eq!(rig.mint(&given).await.unwrap_err().cause(), Some(cause));
    }
    assert_eq!(rig.simulator.control().token_requests(), 0);
}

#[tokio::test]
async fn a_company_that_does_not_list_the_client_is_an_administrators_matter() {
    let rig = Rig::start(UNATTENDED, |config| config).await;
    let username = inputs(&[(INPUT_USERNAME, &rig.simulator.username())]);
    let grant = rig.mint(&username).await.unwrap();
    let control = rig.simulator.control();
    control.deauthorise_client("acme-corp", rig.simulator.client_id());
    // A call that needs no permission is refused: it is the application that is not let in.
    let error = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ClientNotAuthorized));
    assert_eq!(rig.mint(&username).await.unwrap_err().cause(), Some(Cause::ClientNotAuthorized));
    control.set_company_active("acme-corp", false);
    assert_eq!(rig.mint(&username).await.unwrap_err().cause(), Some(Cause::CompanyInactive));
}

#[tokio::test]
async fn an_answer_that_is_no_session_proves_nothing() {
    let rig = Rig::start(CODE, |config| config).await;
    let grant = rig.consent().await;
    for (body, cause) in [
        ("<html>Sign in</html>", Cause::ResponseInvalid),
        ("", Cause::ResponseInvalid),
        (r#"{"ia::result":{"sessionId":""}}"#, Cause::ResponseInvalid),
        (r#"{"error":{"code":"tokenInvalid","errorId":"REST-2102"}}"#, Cause::AccessTokenRejected),
    ] {
        let fixture = Fixture {
            matcher: Matcher::path("/services/core/session/id"),
            status: 200,
            headers: Vec::new(),
            body: body.to_owned(),
            times: 1,
        };
        rig.simulator.control().inject(fixture);
        let error = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause), "{body}");
    }
}

#[tokio::test]
async fn every_fixture_that_the_simulator_serves_is_diagnosed() {
    let rig = Rig::start(CODE, |config| config).await;
    let grant = rig.consent().await;
    for number in (1..=29).filter(|number| ![4, 5, 8, 10, 11, 13, 28].contains(number)) {
        let name = format!("E{number}");
        let matcher = Matcher::path("/objects/accounts-payable/vendor");
        rig.simulator.control().inject(Fixture::named(&name, matcher).unwrap());
        let diagnosis = rig.get(&grant, "/objects/accounts-payable/vendor").await.unwrap_err();
        assert!(diagnosis.remedy().steps().len() > 0, "{name}");
    }
}
