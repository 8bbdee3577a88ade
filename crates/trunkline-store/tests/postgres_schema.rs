//! What the PostgreSQL store does with its tables: versions, several openers, rows that were edited by hand.
#![cfg(feature = "postgres")]

mod common;

use std::sync::Arc;

use common::*;
use trunkline_store::conformance::postgres::TestSchema;
use trunkline_store::{PostgresOptions, PostgresStore, Store as _, StoreError, Vault};

async fn vault(schema: &TestSchema) -> Result<Vault, StoreError> {
    Vault::open(Arc::new(schema.store().await?), keys()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_openers_migrate_once() {
    let Some(schema) = TestSchema::find().await else { return };
    for before in [
        "DROP SCHEMA IF EXISTS {} CASCADE",
        "DROP SCHEMA {} CASCADE; CREATE SCHEMA {}",
        "DELETE FROM trunkline_migrations",
        "DROP TABLE trunkline_migrations",
    ] {
        schema.run(&before.replace("{}", schema.name())).await;
        let opening = (0..8).map(|_| schema.store());
        let stores = futures_util::future::join_all(opening).await;
        for store in stores {
            let store = store.unwrap();
            assert_eq!(store.get(&key("a")).await, Ok(None), "{before}");
            store.close().await;
        }
        let pool = schema.pool(&[]);
        let rows = sqlx::query("SELECT version FROM trunkline_migrations").fetch_all(&pool).await.unwrap();
        assert_eq!(rows.len(), 6, "{before}");
    }
}

/// Whoever was connected before the columns were there is looked at soon, and old events have their places.
#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_with_what_it_holds() {
    let Some(schema) = TestSchema::find().await else { return };
    schema.run(include_str!("../src/postgres/schema/0001.sql")).await;
    schema
        .run(
            "CREATE TABLE trunkline_migrations (version bigint PRIMARY KEY, applied_at bigint NOT NULL); \
             INSERT INTO trunkline_migrations VALUES (1, 0); \
             INSERT INTO trunkline_connections (id, tenant, connector, label, method, state, state_since, \
              generation, sequence, created_at, credential_at) \
             SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 'acme', 'c', 'l' || n, 'oauth2', \
              CASE n WHEN 1 THEN 'active' ELSE 'needs_consent' END, 0, 1, 1, 1000000, 2000000 \
             FROM generate_series(1, 2) AS n; \
             INSERT INTO trunkline_events (connection, sequence, kind, at) \
             SELECT id, 1, 'connected', 0 FROM trunkline_connections",
        )
        .await;
    check_brought_up_to_date(&schema.store().await.unwrap()).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let Some(schema) = TestSchema::find().await else { return };
    insert(&vault(&schema).await.unwrap(), 1, "token").await;
    schema.run("INSERT INTO trunkline_migrations VALUES (7, 0)").await;
    let expected = Some(StoreError::SchemaTooNew { found: 7, known: 6 });
    assert_eq!(schema.store().await.err(), expected);
    assert_eq!(PostgresStore::from_pool(schema.pool(&[])).await.err(), expected);
    schema.run("DELETE FROM trunkline_migrations WHERE version = 7").await;
    assert!(vault(&schema).await.unwrap().load(&record(1, 1).key).await.unwrap().is_some());
}

#[tokio::test]
async fn when_a_grant_was_given_is_read_from_the_events_of_an_older_schema() {
    let Some(schema) = TestSchema::find().await else { return };
    let store = vault(&schema).await.unwrap();
    insert(&store, 1, "token").await;
    insert(&store, 2, "token").await;
    for older in [
        "DROP INDEX trunkline_connections_company",
        "ALTER TABLE trunkline_connections DROP COLUMN granted_at",
        "DELETE FROM trunkline_migrations WHERE version > 3",
        "UPDATE trunkline_connections SET created_at = 3000000",
        "DELETE FROM trunkline_events",
        "INSERT INTO trunkline_events (connection, sequence, kind, at) \
         SELECT id, 2, 'reconnected', 5000000 FROM trunkline_connections WHERE label = 'label 1'",
        "INSERT INTO trunkline_events (connection, sequence, kind, at) \
         SELECT id, 3, 'degraded', 7000000 FROM trunkline_connections WHERE label = 'label 1'",
    ] {
        schema.run(older).await;
    }

    let migrated = vault(&schema).await.unwrap();

    for (number, granted) in [(1, at(5)), (2, at(3))] {
        let opened = migrated.load(&record(number, 1).key).await.unwrap().unwrap();
        assert_eq!(opened.record.granted_at, Some(granted));
    }
}

#[tokio::test]
async fn rows_that_make_no_sense_are_typed_errors() {
    let Some(schema) = TestSchema::find().await else { return };
    insert(&vault(&schema).await.unwrap(), 1, "token").await;
    schema.run("CREATE TABLE before AS SELECT * FROM trunkline_connections").await;
    for edit in [
        "state = 'canary'",
        "account = '{canary'",
        "scopes = '{canary'",
        "diagnosis = '[\"canary\"]'",
        "key_id = '\\x00'",
        "created_at = 9223372036854775807",
        "lease_epoch = -1",
        "lease_owner = '\\x00'",
        "intent_epoch = 1",
        "intent_epoch = 1, intent_fingerprint = '\\x00', intent_attempt = 1, intent_at = 0",
        "id = '\\x00'",
        "label = ''",
    ] {
        schema.run(&format!("UPDATE trunkline_connections SET {edit}")).await;
        let store = schema.store().await.unwrap();
        // Found by the id where its names were edited.
        let found = [store.get(&record(1, 1).key).await, store.get_by_id(record(1, 1).id).await];
        let error =
            found.into_iter().find_map(Result::err).unwrap_or_else(|| panic!("{edit} goes unnoticed"));
        assert!(matches!(error, StoreError::Corrupt { .. }), "{edit}: {error:?}");
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
        store.close().await;
        schema
            .run("DELETE FROM trunkline_connections; INSERT INTO trunkline_connections SELECT * FROM before")
            .await;
    }
    for edit in [
        "ALTER TABLE trunkline_connections ALTER COLUMN state_since TYPE text",
        "ALTER TABLE trunkline_connections DROP COLUMN lease_beat",
        "DROP TABLE trunkline_connections",
    ] {
        schema.run(edit).await;
        let store = schema.store().await.unwrap();
        let error = store.get(&record(1, 1).key).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{edit}: {error:?}");
    }
}

#[tokio::test]
async fn sealed_secrets_that_were_moved_do_not_open() {
    let Some(schema) = TestSchema::find().await else { return };
    let vault = vault(&schema).await.unwrap();
    insert(&vault, 1, "token").await;
    for column in ["tenant", "connector"] {
        schema.run(&format!("UPDATE trunkline_connections SET {column} = 'mallory'")).await;
        let opened = vault.load_by_id(record(1, 1).id).await;
        assert_eq!(opened, Err(StoreError::CannotOpen { id: record(1, 1).id }), "{column}");
    }
}

#[tokio::test]
async fn a_value_that_the_database_refuses_is_not_quoted() {
    let Some(schema) = TestSchema::find().await else { return };
    let vault = vault(&schema).await.unwrap();
    let mut nul = record(1, 1);
    nul.method = "canary\0".to_owned();
    let body = trunkline_store::NewBody::Clear;
    let refused = vault.commit(trunkline_store::Expected::Absent, &nul, body, Vec::new()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    assert!(!format!("{refused:?}{refused}").contains("canary"), "{refused:?}");
}

#[tokio::test]
async fn a_pool_that_does_not_wait_for_the_disk_is_refused() {
    let Some(schema) = TestSchema::find().await else { return };
    let lax = PostgresStore::from_pool(schema.pool(&[("synchronous_commit", "off")])).await;
    assert!(matches!(lax, Err(StoreError::Invalid { .. })), "{lax:?}");
    let store = schema.store().await.unwrap();
    let shown =
        "SELECT current_setting('synchronous_commit') || ', ' || current_setting('transaction_isolation')";
    let settings: String = sqlx::query_scalar(shown).fetch_one(store.pool()).await.unwrap();
    assert_eq!(settings, "on, read committed");
}

#[tokio::test]
async fn a_role_that_may_only_use_the_tables_can_open_them() {
    let Some(schema) = TestSchema::find().await else { return };
    drop(schema.store().await.unwrap());
    let role = schema.name();
    schema
        .run(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {role} TO {role}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {role} TO {role}"
        ))
        .await;
    let opened = PostgresStore::from_pool(schema.pool(&[("role", role)])).await;
    let found = match &opened {
        Ok(store) => store.get(&key("a")).await,
        Err(error) => Err(error.clone()),
    };
    drop(opened);
    schema.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    assert_eq!(found, Ok(None));
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_at_the_start_is_a_typed_error() {
    let options = |url: &str| PostgresOptions::parse(url).unwrap();
    let closed = options("postgres://u:canary@127.0.0.1:1/d?sslmode=disable");
    let error = PostgresStore::connect_with(closed).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");

    let Some(schema) = TestSchema::find().await else { return };
    let missing = format!("{}&dbname=trunkline_no_such_database", schema.url());
    let error = PostgresStore::connect_with(options(&missing)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { reason } if reason.contains("3D000")), "{error:?}");
}
