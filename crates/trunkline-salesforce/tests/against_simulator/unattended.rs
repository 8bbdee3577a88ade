//! Grants without a person, against the simulated service.
#![expect(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

use super::rig::{Rig, inputs, told};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trunkline_core::{Account, Cause, Inputs, Secret, Verdict};
use trunkline_salesforce::{CAPTURE_USER_ID, GrantMethod, INPUT_LOGIN_URL, INPUT_USERNAME, SalesforceConfig};
use trunkline_sim::salesforce::{Permitted, Salesforce};

const JWT: &str = "jwt_bearer";
const CLIENT: &str = "client_credentials";

/// A private key and its public one, as PEM.
fn pair() -> (String, String) {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    let pem = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    };
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref()))
}

async fn asserting(
    certificate: &str,
    key: &str,
    more: impl FnOnce(SalesforceConfig, &Salesforce) -> SalesforceConfig,
) -> Rig {
    let builder = Salesforce::builder().certificate(certificate);
    let rig = Rig::with(JWT, builder, |config, simulator| {
        more(config.private_key(Secret::new(key)).grant(GrantMethod::JwtBearer), simulator)
    });
    let rig = rig.await;
    let approved = Permitted::AdminApproved(["Integration".to_owned()].into());
    rig.simulator.control().app(rig.simulator.client_id(), |app| app.permitted = approved).unwrap();
    rig
}

#[tokio::test]
async fn an_assertion_speaks_for_a_user_and_each_renewal_makes_a_new_one() {
    let (key, certificate) = pair();
    let rig = asserting(&certificate, &key, |config, _| config).await;
    let username = inputs(&[(INPUT_USERNAME, rig.simulator.username())]);
    let grant = rig.mint(&username).await.unwrap();
    assert_eq!(grant.credential.refresh_token, None);
    let account = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap();
    assert!(account.is_same(&Account::new(rig.simulator.org_id(), rig.simulator.user_id())));

    let mut held = Rig::held(&grant);
    held.inputs = username;
    let again = rig.auth.refresh(&rig.cx, &held).await.unwrap();
    assert_ne!(again.credential.access_token, grant.credential.access_token);
    assert!(rig.get(&again, "/sobjects/Account").await.is_ok());
    for body in rig.sent() {
        let names: Vec<_> = body.split('&').filter_map(|pair| pair.split('=').next()).collect();
        assert_eq!(names, ["grant_type", "assertion"], "neither key nor secret leaves");
    }
    let printed = format!("{:?}{:?}", rig.connector, rig.auth);
    assert!(!printed.contains(&key[40..80]) && !printed.contains("BEGIN"), "the key is not shown");
}

#[tokio::test]
async fn what_is_wrong_with_an_assertion_is_told_apart() {
    let ((key, certificate), (stranger, _)) = (pair(), pair());
    let rig = asserting(&certificate, &key, |config, _| config).await;
    let of = |username: &str| inputs(&[(INPUT_USERNAME, username)]);
    let seeded = of(rig.simulator.username());
    let refused = async |rig: &Rig, inputs: &Inputs| told(&rig.mint(inputs).await.unwrap_err());

    assert_eq!(refused(&rig, &Inputs::default()).await.0, Cause::InputMissing);
    let other = of("reader@acme.example");
    let not_approved = (Cause::ClientNotAuthorized, "salesforce.app_not_approved".to_owned());
    assert_eq!(refused(&rig, &other).await, not_approved);
    let client = rig.simulator.client_id();
    rig.simulator.control().app(client, |app| app.permitted = Permitted::SelfAuthorize).unwrap();
    let never_approved = (Cause::ClientNotAuthorized, "salesforce.user_not_approved".to_owned());
    assert_eq!(refused(&rig, &seeded).await, never_approved);

    rig.simulator.control().advance_clock(std::time::Duration::from_secs(600));
    let late = (Cause::ClientCredentialsInvalid, "salesforce.assertion_time".to_owned());
    assert_eq!(refused(&rig, &seeded).await, late);

    let rig = asserting(&certificate, &stranger, |config, _| config).await;
    let wrong_key = (Cause::ClientCredentialsInvalid, "salesforce.assertion".to_owned());
    assert_eq!(refused(&rig, &of(rig.simulator.username())).await, wrong_key);

    let rig = asserting(&certificate, &key, |mut config, _| {
        config.audience = Some(trunkline_salesforce::Audience::Sandbox);
        config
    })
    .await;
    let audience = (Cause::ClientCredentialsInvalid, "salesforce.audience".to_owned());
    assert_eq!(refused(&rig, &of(rig.simulator.username())).await, audience);
}

#[tokio::test]
async fn two_clients_are_told_apart_by_their_keys() {
    let ((one, certificate), (two, _)) = (pair(), pair());
    let first = asserting(&certificate, &one, |config, _| config).await.auth.client_identity().unwrap();
    let second = asserting(&certificate, &two, |config, _| config).await.auth.client_identity().unwrap();
    let tail = |secret: &Secret| secret.expose().split("BEGIN").last().unwrap().to_owned();
    assert_ne!(tail(&first), tail(&second));
}

#[tokio::test]
async fn client_credentials_act_as_the_apps_user_at_a_my_domain() {
    let rig = Rig::with(CLIENT, Salesforce::builder(), |config, simulator| {
        config.login_url(simulator.my_domain_url("acme").unwrap()).grant(GrantMethod::ClientCredentials)
    })
    .await;
    assert_eq!(rig.auth.inputs(), []);
    let grant = rig.mint(&Inputs::default()).await.unwrap();
    assert_eq!(grant.credential.refresh_token, None);
    let account = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap();
    assert_eq!(account.user, rig.simulator.user_id());
    let again = rig.refresh(&grant).await.unwrap();
    assert!(rig.get(&again, "/sobjects/Account").await.is_ok());

    rig.simulator.control().app(rig.simulator.client_id(), |app| app.run_as = None).unwrap();
    let refused = (Cause::ClientNotAuthorized, "salesforce.run_as".to_owned());
    assert_eq!(rig.refresh_refused(&grant).await, refused);
    assert_eq!(refused.0.verdict(), Verdict::Suspended);
    rig.simulator.control().app(rig.simulator.client_id(), |app| app.client_credentials = false).unwrap();
    let flow = (Cause::ClientNotPermitted, "salesforce.flow".to_owned());
    assert_eq!(rig.refresh_refused(&grant).await, flow);
}

#[tokio::test]
async fn each_connection_may_name_a_my_domain_of_its_own() {
    let rig = Rig::with(CLIENT, Salesforce::builder(), |config, _| config).await;
    let globex = rig.simulator.my_domain_url("globex").unwrap();
    let run_as = "integration@globex.example".to_owned();
    rig.simulator.control().app(rig.simulator.client_id(), |app| app.run_as = Some(run_as)).unwrap();
    let grant = rig.mint(&inputs(&[(INPUT_LOGIN_URL, globex.as_str())])).await.unwrap();
    assert!(grant.account.as_ref().is_some_and(|account| account.company != rig.simulator.org_id()));
    assert!(rig.get(&grant, "/sobjects/Account").await.is_ok());
}

#[tokio::test]
async fn client_credentials_are_not_sent_to_a_host_that_refuses_them() {
    use trunkline_core::{BuildConnector as _, ConsentAnswer};
    let rig = Rig::with(CLIENT, Salesforce::builder(), |config, _| config).await;
    let config = SalesforceConfig::new("key").client_secret(Secret::new("s3cr3t"));
    let connector = config.grant(GrantMethod::ClientCredentials).build("salesforce").unwrap();
    let auth = connector.auth(None).unwrap();
    assert_eq!(auth.inputs()[0].name, INPUT_LOGIN_URL);
    for host in [None, Some("https://test.salesforce.com")] {
        let named: Vec<_> = host.into_iter().map(|host| (INPUT_LOGIN_URL, host)).collect();
        let answer = ConsentAnswer { inputs: inputs(&named), ..ConsentAnswer::default() };
        let error = auth.complete(&rig.cx, &answer).await.unwrap_err();
        assert_eq!(told(&error), (Cause::InputMissing, "salesforce.my_domain".to_owned()), "{host:?}");
    }
}

#[tokio::test]
async fn a_signature_that_does_not_fit_costs_the_hint_and_not_the_grant() {
    let (key, certificate) = pair();
    // An assertion needs no secret, so a wrong one is noticed by the signature alone.
    let wrong = |config: SalesforceConfig, _: &Salesforce| config.client_secret(Secret::new("replaced"));
    let rig = asserting(&certificate, &key, wrong).await;
    let grant = rig.mint(&inputs(&[(INPUT_USERNAME, rig.simulator.username())])).await.unwrap();
    assert_eq!((grant.account.as_ref(), grant.captures.get(CAPTURE_USER_ID)), (None, None));
    let account = rig.connector.identify(&rig.cx, &rig.session(&grant), &grant).await.unwrap();
    assert_eq!(account.user, rig.simulator.user_id(), "the service itself is asked");
}
