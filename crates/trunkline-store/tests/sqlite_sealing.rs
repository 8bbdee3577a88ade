//! What can be read from the SQLite file, and what becomes of what is altered in it.
#![cfg(feature = "sqlite")]

mod common;

use std::fs;

use common::*;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use trunkline_core::{Inputs, ScopeSet, Secret};
use trunkline_store::{Claim, Commit, Expected, KeyRing, NewBody, PendingConsent, StoreError, Taken, Vault};

async fn load(path: &std::path::Path, number: u8) -> Result<bool, StoreError> {
    let (store, vault) = open(path).await?;
    let opened = vault.load(&record(number, 1).key).await;
    store.close().await;
    opened.map(|opened| opened.is_some_and(|opened| opened.held.is_some()))
}

fn cannot_open(number: u8) -> Result<bool, StoreError> {
    Err(StoreError::CannotOpen { id: record(number, 1).id })
}

#[tokio::test]
async fn a_flipped_bit_in_the_secrets_is_found() {
    let (_folder, path) = folder();
    closed_store(&path, 1).await;
    let (store, vault) = open(&path).await.unwrap();
    let row = vault.store().get(&record(1, 1).key).await.unwrap().unwrap();
    store.close().await;
    let sealed = row.body.unwrap();
    let whole = fs::read(&path).unwrap();

    for part in [&sealed.body, &sealed.wrapped_key] {
        let start = whole.windows(32).position(|window| window == &part[..32]).unwrap();
        for offset in [0, 5, 20, 31] {
            let mut flipped = whole.clone();
            flipped[start + offset] ^= 0x10;
            std::io::Write::write_all(&mut fs::File::create(&path).unwrap(), &flipped).unwrap();
            assert_eq!(load(&path, 1).await, cannot_open(1), "byte {offset}");
        }
    }
    std::io::Write::write_all(&mut fs::File::create(&path).unwrap(), &whole).unwrap();
    assert_eq!(load(&path, 1).await, Ok(true));
}

#[tokio::test]
async fn secrets_that_were_moved_to_another_place_do_not_open() {
    const SWAP: &str = "CREATE TEMP TABLE c AS SELECT * FROM trunkline_connections; \
        UPDATE trunkline_connections AS t SET (wrapped_key, body) = \
        (SELECT wrapped_key, body FROM temp.c WHERE c.id <> t.id);";
    let moved = [
        SWAP,
        "UPDATE trunkline_connections SET generation = 2",
        "UPDATE trunkline_connections SET body = x'01'",
        "UPDATE trunkline_connections SET wrapped_key = x''",
        "UPDATE trunkline_connections SET id = CASE id \
         WHEN x'01010101010101010101010101010101' THEN x'0101010101010101010101010101010a' ELSE id END",
    ];
    for statement in moved {
        let (_folder, path) = folder();
        closed_store(&path, 2).await;
        tamper(&path, statement).await;
        let found = load(&path, 1).await;
        assert!(matches!(found, Err(StoreError::CannotOpen { .. })), "{statement}: {found:?}");
    }
}

#[tokio::test]
async fn secrets_that_were_moved_to_another_tenant_or_connector_do_not_open() {
    for column in ["tenant", "connector"] {
        let (_folder, path) = folder();
        closed_store(&path, 1).await;
        tamper(&path, &format!("UPDATE trunkline_connections SET {column} = 'mallory'")).await;
        let (_store, vault) = open(&path).await.unwrap();
        let opened = vault.load_by_id(record(1, 1).id).await;
        assert_eq!(opened, Err(StoreError::CannotOpen { id: record(1, 1).id }), "{column}");
    }
}

#[tokio::test]
async fn the_wrong_key_stops_the_start_and_names_the_right_one() {
    let (_folder, path) = folder();
    closed_store(&path, 1).await;
    let store = open(&path).await.unwrap().0;
    let error = Vault::open(store, KeyRing::new([8; 32])).await.err();
    assert_eq!(error, Some(StoreError::KeyMissing { key_id: keys().current_id() }));
    let error = trunkline_core::Error::from(error.unwrap());
    assert_eq!(error.kind(), trunkline_core::ErrorKind::ConfigInvalid);
    assert!(error.hint_text().unwrap().contains(&keys().current_id().to_string()), "{error:?}");
}

#[tokio::test]
async fn columns_that_make_no_sense_are_typed_errors() {
    for statement in [
        "UPDATE trunkline_connections SET state = 'canary'",
        "UPDATE trunkline_connections SET account = '{canary'",
        "UPDATE trunkline_connections SET scopes = '{canary'",
        "UPDATE trunkline_connections SET diagnosis = '[]'",
        "UPDATE trunkline_connections SET key_id = x'00'",
        "UPDATE trunkline_connections SET created_at = 9223372036854775807",
        "PRAGMA ignore_check_constraints = on; UPDATE trunkline_connections SET sequence = -1",
    ] {
        let (_folder, path) = folder();
        closed_store(&path, 1).await;
        tamper(&path, statement).await;
        let error = load(&path, 1).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{statement}: {error:?}");
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
    }
}

fn consent() -> PendingConsent {
    let mut inputs = Inputs::default();
    inputs.insert("api_key", Secret::new("canary-input"));
    PendingConsent {
        key: key("label 1"),
        method: "oauth2".into(),
        browser: Secret::new("canary-browser"),
        inputs,
        pending: [("verifier".to_owned(), Secret::new("canary-verifier"))].into(),
        requested: ScopeSet::default(),
        return_to: None,
        replace_account: false,
        granted: None,
        expires_at: at(600),
    }
}

#[tokio::test]
async fn a_consent_that_was_turned_to_somebody_else_does_not_open() {
    let mallory = Secret::new("mallory");
    for statement in [
        "UPDATE trunkline_consents SET tenant = 'mallory'",
        "UPDATE trunkline_consents SET connector = 'other'",
        "UPDATE trunkline_consents SET label = 'other'",
        "UPDATE trunkline_consents SET expires_at = expires_at + 1",
        "UPDATE trunkline_consents SET body = x'00'",
        "UPDATE trunkline_consents SET browser = (SELECT browser FROM temp.other)",
    ] {
        let (_folder, path) = folder();
        let (store, vault) = open(&path).await.unwrap();
        vault.begin_consent(&Secret::new("state"), &consent()).await.unwrap();
        let own = PendingConsent { browser: mallory.clone(), ..consent() };
        vault.begin_consent(&Secret::new("own"), &own).await.unwrap();
        store.close().await;
        // The digest of another browser, as its own consent shows it.
        let other = "CREATE TEMP TABLE other AS SELECT browser FROM trunkline_consents ORDER BY number DESC \
            LIMIT 1; ";
        tamper(&path, &format!("{other}{statement}")).await;

        let (_store, vault) = open(&path).await.unwrap();
        let browser = if statement.contains("SET browser") { mallory.clone() } else { consent().browser };
        let claim = Claim { browser: &browser, tenant: None, answer: [0; 32] };
        let taken = vault.take_consent(&Secret::new("state"), &claim, at(1)).await;
        assert_eq!(taken, Err(StoreError::ConsentCannotOpen), "{statement}");
    }
}

#[tokio::test]
async fn c_7636_05_the_verifier_is_deleted_when_its_consent_is_taken() {
    let (_folder, path) = folder();
    let (store, vault) = open(&path).await.unwrap();
    let state = Secret::new("state");
    vault.begin_consent(&state, &consent()).await.unwrap();
    let sealed = async || {
        let options = SqliteConnectOptions::new().filename(&path);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let count =
            "SELECT count(*) FROM trunkline_consents WHERE body IS NOT NULL OR wrapped_key IS NOT NULL";
        sqlx::query_scalar::<_, i64>(count).fetch_one(&mut connection).await.unwrap()
    };
    assert_eq!(sealed().await, 1);

    let browser = consent().browser;
    let claim = Claim { browser: &browser, tenant: None, answer: [0; 32] };
    assert!(matches!(vault.take_consent(&state, &claim, at(1)).await, Ok(Taken::Fresh(_))));

    assert_eq!(sealed().await, 0, "what stays is a tombstone");
    store.close().await;
}

#[tokio::test]
async fn no_secret_is_in_the_bytes_of_the_files() {
    let (_folder, path) = folder();
    let (_store, vault) = open(&path).await.unwrap();
    insert(&vault, 1, "canary-first").await;
    let mut second = held("canary-second");
    second.credential.refresh_token = Some(Secret::new("canary-refresh"));
    second.inputs.insert("api_key", Secret::new("canary-input"));
    let done = vault
        .commit(Expected::Generation(1), &record(1, 2), NewBody::Replace(&second), Vec::new())
        .await
        .unwrap();
    assert_eq!(done, Commit::Done { sequence: 1 });
    let state = Secret::new("canary-state");
    vault.begin_consent(&state, &consent()).await.unwrap();
    vault.begin_consent(&Secret::new("canary-other"), &consent()).await.unwrap();
    let browser = consent().browser;
    let claim = Claim { browser: &browser, tenant: None, answer: [0; 32] };
    let taken = vault.take_consent(&state, &claim, at(1)).await.unwrap();
    assert_eq!(taken, Taken::Fresh(Box::new(consent())));

    let mut searched = 0;
    for suffix in ["", "-wal", "-shm"] {
        let bytes = fs::read(companion(&path, suffix)).unwrap();
        searched += bytes.len();
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "a secret is in {suffix:?}");
        assert!(
            !bytes.windows(7).any(|window| window == b"\x07\x07\x07\x07\x07\x07\x07"),
            "the key is in it"
        );
    }
    assert!(searched > 10_000, "{searched}");
    let shown = format!("{vault:?} {:?}", vault.load(&record(1, 1).key).await.unwrap());
    assert!(!shown.contains("canary"), "{shown}");
}
