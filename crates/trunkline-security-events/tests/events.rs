//! What each event type means, and whom it is about (C-SSF-04).
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod common;

use common::{AUDIENCE, CAEP, ISSUER, NOW, OAUTH, RISC, SSF, Stage, ada, claims};
use serde_json::{Value, json};
use trunkline::{Signal, SignalKind, SignalSubject};
use trunkline_core::jiff::Timestamp;
use trunkline_security_events::{HintKind, Notice, Rejected, Subject, TokenHint};

async fn read(stage: &Stage, claims: &Value) -> Result<Vec<Notice>, Rejected> {
    stage.receiver().read(stage.signer.sign(claims).as_bytes()).await
}

/// The signals of a token, which says nothing else.
async fn signals(stage: &Stage, claims: &Value) -> Vec<Signal> {
    let notices = read(stage, claims).await.unwrap();
    let signal = |notice| match notice {
        Notice::Signal(signal) => signal,
        other => panic!("{other:?}"),
    };
    notices.into_iter().map(signal).collect()
}

#[tokio::test]
async fn every_event_type_of_the_standards_means_what_it_does_to_a_grant() {
    use SignalKind::*;
    let stage = Stage::new().await;
    let table: [(&str, &str, Option<SignalKind>); 24] = [
        (CAEP, "session-revoked", Some(SessionRevoked)),
        (CAEP, "token-claims-change", Some(ClaimsChanged)),
        (CAEP, "credential-change", Some(CredentialChanged)),
        (CAEP, "assurance-level-change", None),
        (CAEP, "device-compliance-change", None),
        (CAEP, "session-established", None),
        (CAEP, "session-presented", None),
        (CAEP, "risk-level-change", None),
        (RISC, "account-credential-change-required", Some(CredentialChanged)),
        (RISC, "account-purged", Some(GrantRevoked)),
        (RISC, "account-disabled", Some(AccountDisabled)),
        (RISC, "account-enabled", Some(AccountEnabled)),
        (RISC, "identifier-changed", None),
        (RISC, "identifier-recycled", None),
        (RISC, "credential-compromise", None),
        (RISC, "opt-in", None),
        (RISC, "opt-out-initiated", None),
        (RISC, "opt-out-cancelled", None),
        (RISC, "opt-out-effective", None),
        (RISC, "recovery-activated", None),
        (RISC, "recovery-information-changed", None),
        (RISC, "sessions-revoked", Some(SessionRevoked)),
        (OAUTH, "tokens-revoked", Some(GrantRevoked)),
        // There is no such event of CAEP.
        (CAEP, "token-revoked", None),
    ];
    for (base, name, kind) in table {
        let signals = signals(&stage, &claims(&format!("{base}{name}"), &ada())).await;
        assert_eq!(signals.first().map(|signal| signal.kind), kind, "{name}");
        for signal in signals {
            assert_eq!(signal.subjects, [SignalSubject::user("ada")]);
            assert_eq!(signal.origin.event, format!("{base}{name}"));
            assert_eq!((signal.origin.issuer.as_str(), signal.connector.as_str()), (ISSUER, "service"));
            assert_eq!(signal.at, Timestamp::from_second(NOW).unwrap());
            assert_eq!(signal.forget_at, Timestamp::from_second(NOW + 3 * 24 * 60 * 60 + 60).unwrap());
        }
    }
}

#[tokio::test]
async fn an_event_that_nobody_knows_is_taken_and_asks_for_nothing() {
    let stage = Stage::new().await;
    for event in ["urn:example:event", "https://schemas.openid.net/secevent/risc/event-type/", RISC, "", CAEP]
    {
        assert_eq!(read(&stage, &claims(event, &ada())).await, Ok(vec![]), "{event}");
    }
}

#[tokio::test]
async fn an_event_happened_when_it_says_but_not_after_its_token_was_issued() {
    let stage = Stage::new().await;
    let event = format!("{CAEP}session-revoked");
    let at = async |timestamp: Value, toe: Value| {
        let mut claims = claims(&event, &ada());
        if !timestamp.is_null() {
            claims["events"][&event]["event_timestamp"] = timestamp;
        }
        if !toe.is_null() {
            claims["toe"] = toe;
        }
        read(&stage, &claims).await.map(|notices| match &notices[0] {
            Notice::Signal(signal) => signal.at.as_millisecond() - NOW * 1_000,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(at(json!(NOW - 100), json!(null)).await, Ok(-100_000));
    assert_eq!(at(json!(NOW as f64 - 0.5), json!(null)).await, Ok(-500));
    assert_eq!(at(json!(null), json!(NOW - 7)).await, Ok(-7_000));
    assert_eq!(at(json!(NOW - 100), json!(NOW - 7)).await, Ok(-100_000));
    assert_eq!(at(json!(NOW + 50), json!(null)).await, Ok(0));
    assert_eq!(at(json!(NOW * 1_000), json!(null)).await, Ok(0), "milliseconds by mistake");
    assert!(at(json!("yesterday"), json!(null)).await.is_err());
}

#[tokio::test]
async fn c_ssf_04_each_format_of_a_subject_is_read() {
    let stage = Stage::new().await;
    let user = |name| vec![SignalSubject::user(name)];
    let table = [
        (json!({ "format": "iss_sub", "iss": ISSUER, "sub": "ada" }), user("ada")),
        (json!({ "format": "opaque", "id": "17" }), user("17")),
        (json!({ "format": "email", "email": "ada@example.com" }), vec![]),
        (json!({ "format": "account", "uri": "acct:ada@example.com" }), vec![]),
        (
            json!({ "format": "aliases", "identifiers": [
                { "format": "email", "email": "ada@example.com" }, { "format": "opaque", "id": "17" } ] }),
            user("17"),
        ),
        (
            json!({ "format": "complex", "user": { "format": "opaque", "id": "ada" },
                "tenant": { "format": "opaque", "id": "acme" } }),
            vec![SignalSubject::account("acme", "ada")],
        ),
        (json!({ "subject_type": "iss-sub", "iss": ISSUER, "sub": "ada" }), user("ada")),
        (
            json!({ "subject_type": "id_token_claims", "iss": ISSUER, "sub": "ada", "email": "x@y.z" }),
            user("ada"),
        ),
    ];
    for (subject, expected) in table {
        // As SSF has it, and as Google has it.
        let event = format!("{RISC}account-disabled");
        let modern = claims(&event, &subject);
        let mut old = modern.clone();
        old.as_object_mut().unwrap().remove("sub_id");
        old["events"][&event] = json!({ "subject": subject, "reason": "hijacking" });
        for claims in [modern, old] {
            let found: Vec<_> =
                signals(&stage, &claims).await.into_iter().flat_map(|signal| signal.subjects).collect();
            assert_eq!(found, expected, "{subject}");
        }
    }
    // And as RFC 8417 allows it.
    let mut plain = claims(&format!("{RISC}account-disabled"), &ada());
    plain.as_object_mut().unwrap().remove("sub_id");
    plain["sub"] = json!("ada");
    assert_eq!(signals(&stage, &plain).await[0].subjects, user("ada"));
}

#[tokio::test]
async fn the_application_can_say_which_account_a_subject_is() {
    let stage = Stage::new().await;
    let receiver = stage.receiver_of(stage.transmitter().accounts(|subject| match subject {
        Subject::Email(address) => {
            let (user, company) = address.split_once('@').unwrap();
            vec![SignalSubject::account(company, user)]
        }
        _ => vec![],
    }));
    let claims =
        claims(&format!("{RISC}account-disabled"), &json!({ "format": "email", "email": "ada@acme" }));
    let notices = receiver.read(stage.signer.sign(&claims).as_bytes()).await.unwrap();
    let Notice::Signal(signal) = &notices[0] else { panic!() };
    assert_eq!(signal.subjects, [SignalSubject::account("acme", "ada")]);
}

#[tokio::test]
async fn a_revoked_token_is_named_by_a_hint_and_found_by_its_owner() {
    let stage = Stage::new().await;
    let event = format!("{OAUTH}token-revoked");
    let of = |token_type: &str, alg: &str, owner: Value| {
        let mut claims = claims(&event, &ada());
        claims.as_object_mut().unwrap().remove("sub_id");
        claims["events"][&event]["subject"] = json!({ "subject_type": "oauth_token", "token_type": token_type,
            "token_identifier_alg": alg, "token": "1//0gAbCdEfGhIjK" });
        if !owner.is_null() {
            claims["events"][&event]["token_subject"] = owner;
        }
        claims
    };
    let owner = json!({ "subject_type": "iss-sub", "iss": ISSUER, "sub": "ada" });
    for (alg, kind) in [
        ("prefix", HintKind::Prefix),
        ("plain", HintKind::Plain),
        ("hash_base64_sha512_sha512", HintKind::DoubleSha512),
    ] {
        let signals = signals(&stage, &of("refresh_token", alg, owner.clone())).await;
        let hint = TokenHint::new(kind, trunkline::Secret::new("1//0gAbCdEfGhIjK"));
        assert_eq!(signals[0].subjects, [SignalSubject::user("ada").with_token(hint)]);
        assert_eq!(signals[0].kind, SignalKind::GrantRevoked);
    }
    // Not known to be the one that is held: one renewal tells.
    for claims in [
        of("refresh_token", "hash_md5", owner.clone()),
        of("access_token", "plain", owner.clone()),
        common::claims(&event, &ada()),
    ] {
        let signals = signals(&stage, &claims).await;
        assert_eq!((signals.len(), signals[0].kind), (1, SignalKind::SessionRevoked));
        assert_eq!(signals[0].subjects, [SignalSubject::user("ada")]);
    }
    assert_eq!(signals(&stage, &of("authorization_code", "plain", owner)).await, []);
    assert_eq!(
        signals(&stage, &of("refresh_token", "prefix", json!(null))).await,
        [],
        "of nobody that is named"
    );
}

#[tokio::test]
async fn each_audience_is_a_connector_of_its_own() {
    let stage = Stage::new().await;
    let receiver = stage.receiver_of(stage.transmitter().audience("other-client", "service"));
    let mut claims = claims(&format!("{RISC}account-disabled"), &ada());
    claims["aud"] = json!(["other-client", AUDIENCE, "nobody"]);
    let notices = receiver.read(stage.signer.sign(&claims).as_bytes()).await.unwrap();
    assert_eq!(notices.len(), 1, "one signal for one connector");
    claims["aud"] = json!("other-client");
    assert_eq!(receiver.read(stage.signer.sign(&claims).as_bytes()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn c_ssf_05_verifications_and_updates_of_a_stream_are_about_no_account() {
    let stage = Stage::new().await;
    let stream = json!({ "format": "opaque", "id": "f67e39a0a4d34d56b3aa1bc4cff0069f" });
    for base in [SSF, RISC] {
        let event = format!("{base}verification");
        let mut claims = claims(&event, &stream);
        assert_eq!(read(&stage, &claims).await, Ok(vec![Notice::Verification { state: None }]));
        claims["events"][&event]["state"] = json!("VGhpcyBpcyBh");
        let state = Some("VGhpcyBpcyBh".to_owned());
        assert_eq!(read(&stage, &claims).await, Ok(vec![Notice::Verification { state }]));
    }
    let event = format!("{SSF}stream-updated");
    let mut claims = claims(&event, &stream);
    assert!(read(&stage, &claims).await.is_err(), "without a status");
    claims["events"][&event] = json!({ "status": "paused", "reason": "Internal\u{1b}[31m error" });
    let notices = read(&stage, &claims).await.unwrap();
    let [Notice::StreamUpdated(update)] = &notices[..] else { panic!("{notices:?}") };
    assert_eq!((update.issuer.as_str(), update.status.as_str()), (ISSUER, "paused"));
    assert_eq!(update.reason.as_ref().unwrap().as_str(), "Internal [31m error");
}
