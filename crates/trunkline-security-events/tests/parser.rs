//! No input makes the parser panic, hang or believe.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod common;

use std::sync::LazyLock;

use common::{AUDIENCE, CAEP, ISSUER, NOW, OAUTH, RISC, SSF, Signer, Stage, ada, base64url, claims};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;
use trunkline_security_events::{Keys, Receiver, Rejected, Transmitter};

struct Fixture {
    runtime: Runtime,
    signer: Signer,
    receiver: Receiver,
    stage: Stage,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::new());
    let signer = Signer::ed25519("key-1");
    let keys = Keys::from_document(&signer.key_set().to_string()).unwrap();
    let receiver = stage.receiver_of(Transmitter::new(ISSUER, keys).audience(AUDIENCE, "service"));
    Fixture { runtime, signer, receiver, stage }
});

fn read(token: &[u8]) -> Result<usize, Rejected> {
    FIXTURE.runtime.block_on(FIXTURE.receiver.read(token)).map(|notices| notices.len())
}

fn good() -> String {
    FIXTURE.signer.sign(&claims(&format!("{RISC}account-disabled"), &ada()))
}

/// JSON with the names that mean something, in any place.
fn value() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        prop::sample::select(vec![
            "iss",
            "sub",
            "aud",
            "iat",
            "jti",
            "toe",
            "exp",
            "nbf",
            "sub_id",
            "events",
            "subject",
            "format",
            "subject_type",
            "identifiers",
            "user",
            "tenant",
            "id",
            "email",
            "uri",
            "token_type",
            "token_subject",
            "token_identifier_alg",
            "token",
            "event_timestamp",
            "state",
            "status",
            "reason",
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec![
            (CAEP, "session-revoked"),
            (RISC, "account-disabled"),
            (OAUTH, "token-revoked"),
            (OAUTH, "tokens-revoked"),
            (SSF, "verification"),
            (SSF, "stream-updated")
        ])
        .prop_map(|(base, name)| format!("{base}{name}")),
    ];
    let texts = prop_oneof![
        prop::sample::select(vec![
            "iss_sub",
            "iss-sub",
            "opaque",
            "aliases",
            "complex",
            "email",
            "account",
            "oauth_token",
            "id_token_claims",
            "refresh_token",
            "prefix",
            "plain",
            ISSUER,
            AUDIENCE,
            "ada",
            ""
        ])
        .prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        4 => texts,
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(matches!(read(&bytes), Err(Rejected::Refused(_))));
    }

    #[test]
    fn any_three_parts_are_refused(header in ".{0,200}", payload in ".{0,200}", signature in any::<[u8; 64]>()) {
        let token = format!("{}.{}.{}", base64url(header), base64url(payload), base64url(signature));
        prop_assert!(matches!(read(token.as_bytes()), Err(Rejected::Refused(_))));
    }

    #[test]
    fn one_byte_that_was_changed_is_noticed(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut token = good().into_bytes();
        let place = place.index(token.len());
        prop_assume!(token[place] != byte);
        token[place] = byte;
        prop_assert!(matches!(read(&token), Err(Rejected::Refused(_))));
    }

    /// What a transmitter signs may be anything all the same.
    #[test]
    fn signed_nonsense_does_no_harm(mut claims in value(), events in value(), subject in value()) {
        if let Value::Object(claims) = &mut claims {
            claims.insert("iss".to_owned(), ISSUER.into());
            claims.insert("aud".to_owned(), AUDIENCE.into());
            claims.insert("iat".to_owned(), NOW.into());
            claims.insert("jti".to_owned(), "1".into());
            claims.insert("events".to_owned(), events);
            claims.insert("sub_id".to_owned(), subject);
        }
        prop_assert!(!matches!(read(FIXTURE.signer.sign(&claims).as_bytes()), Err(Rejected::NotNow)));
    }

    #[test]
    fn any_nesting_is_bounded(depth in 1_usize..20_000, open in prop::sample::select(vec!["[", r#"{"a":"#])) {
        let claims = format!(r#"{{"iss":"{ISSUER}","x":{}"#, open.repeat(depth));
        let token = FIXTURE.signer.sign_text(&FIXTURE.signer.header().to_string(), &claims);
        prop_assert!(matches!(read(token.as_bytes()), Err(Rejected::Refused(_))));
    }
}

#[test]
fn the_good_token_of_this_test_is_taken() {
    assert_eq!(read(good().as_bytes()), Ok(1));
    assert_eq!(FIXTURE.stage.network.renewals(), 0);
}
