//! Two hubs follow the events of one PostgreSQL database while others write, some of them late.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{join, join_all};
use trunkline::{Cursor, Event, KeyRing, Trunkline};
use trunkline_core::{ConnectionId, ConnectionKey, Held};
use trunkline_store::conformance::postgres::TestSchema;
use trunkline_store::{Commit, EventKind, Expected, NewBody, NewEvent, Record, Vault};

const WRITERS: u8 = 6;
const EACH: usize = 40;

fn keys() -> KeyRing {
    KeyRing::new([7; 32])
}

async fn hub(schema: &TestSchema) -> Trunkline {
    Trunkline::builder()
        .store(schema.store().await.unwrap())
        .keys(keys())
        .upkeep(None)
        .poll_events(Duration::from_millis(1))
        .build()
        .await
        .unwrap()
}

fn record(number: u8) -> Record {
    let key = ConnectionKey::new(&format!("tenant {number}"), "c", "default").unwrap();
    Record::connected(ConnectionId::from_bytes([number; 16]), key, "oauth2", now()).0
}

fn now() -> trunkline_core::jiff::Timestamp {
    trunkline_core::jiff::Timestamp::UNIX_EPOCH
}

/// One connection, changed again and again; each third time its row and event are committed late, by somebody else's
/// client, while the other writers go on.
async fn write(vault: &Vault, schema: &TestSchema, number: u8) {
    let pool = schema.pool(&[]);
    let mut record = record(number);
    let event = |kind| vec![NewEvent::new(kind, now())];
    let first = NewBody::Replace(&Held::default());
    let done = vault.commit(Expected::Absent, &record, first, event(EventKind::Connected)).await.unwrap();
    assert_eq!(done, Commit::Done { sequence: 1 });
    for round in 1..EACH {
        if round % 3 == 0 {
            let mut late = pool.begin().await.unwrap();
            let statement = "WITH changed AS (UPDATE trunkline_connections SET sequence = sequence + 1 WHERE id = $1 \
                 RETURNING id, sequence) INSERT INTO trunkline_events (connection, sequence, kind, at) \
                 SELECT id, sequence, 'renewed', 0 FROM changed";
            let id = record.id.as_bytes().as_slice();
            sqlx::query(statement).bind(id).execute(&mut *late).await.unwrap();
            sqlx::query("SELECT pg_sleep(0.01)").execute(&mut *late).await.unwrap();
            late.commit().await.unwrap();
        } else {
            record.due_at = Some(now());
            let expected = Expected::Generation(1);
            let done =
                vault.commit(expected, &record, NewBody::Keep, event(EventKind::Renewed)).await.unwrap();
            assert!(matches!(done, Commit::Done { .. }));
        }
    }
    pool.close().await;
}

/// Follows, and begins again from its last cursor every few events, as after a restart.
async fn follow(hub: &Trunkline) -> Vec<Event> {
    let wanted = usize::from(WRITERS) * EACH;
    let mut seen: Vec<Event> = Vec::new();
    while seen.len() < wanted {
        let from = seen.last().map_or(Cursor::OLDEST, |event| event.cursor);
        let some = hub.events(from).take(17.min(wanted - seen.len()));
        seen.extend(some.map(Result::unwrap).collect::<Vec<_>>().await);
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_event_is_missed_however_late_it_is_committed() {
    let Some(schema) = TestSchema::find().await else { return };
    let hubs = [hub(&schema).await, hub(&schema).await];
    let vault = Vault::open(Arc::new(schema.store().await.unwrap()), keys()).await.unwrap();
    let writing = join_all((1..=WRITERS).map(|number| write(&vault, &schema, number)));
    let reading = tokio::time::timeout(Duration::from_secs(60), join_all(hubs.iter().map(follow)));

    let (_, read) = join(writing, reading).await;

    let read = read.unwrap();
    assert_eq!(read[0], read[1], "the same order for everybody");
    let ids: BTreeSet<_> = read[0].iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), usize::from(WRITERS) * EACH, "each once");
    let mut of: BTreeMap<_, Vec<String>> = BTreeMap::new();
    read[0].iter().for_each(|event| of.entry(event.connection).or_default().push(event.id.clone()));
    for (connection, ids) in of {
        let in_order: Vec<_> = (1..=EACH).map(|number| format!("{connection}-{number}")).collect();
        assert_eq!(ids, in_order);
    }
}
