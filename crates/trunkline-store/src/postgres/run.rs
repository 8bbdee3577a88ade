//! Running statements in PostgreSQL: each operation is one statement and one round trip.
//!
//! A read whose connection turns out to be broken is sent again over another one, once. A write is not:
//! it may have been done, so its caller reads. What the database says it has undone itself (a
//! serialization failure, a deadlock) is sent again either way.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;

use super::PostgresStore;
use super::failure::{Remedy, failed, remedy};
use super::feed;
use crate::sql::{
    Cells, Happened, Sql, Swap, Value, Words, as_expected, bound, by_id, by_key, cells, change, close,
    company_holders, insert, lease, leave_open, plain_columns, record_columns, secrets, signed, stored_where,
    update,
};
use crate::{KeyId, Proof, Rewrap, StoreError};

/// How often a statement is sent that the database undoes, after pauses of up to 64 ms. Each time another one
/// was done, or at least is.
const MOST_TRIES: u32 = 40;

/// All rows in one statement. Two that meet may wait for each other; the database ends one, and it is sent
/// again.
const REWRAP: &str = "UPDATE trunkline_connections AS c SET key_id = new.key_id, wrapped_key = new.wrapped_key \
     FROM unnest($2::bytea[], $3::bigint[], $4::bytea[], $5::bytea[]) \
          AS new (id, generation, key_id, wrapped_key) \
     WHERE c.id = new.id AND c.generation = new.generation AND c.key_id = $1 RETURNING c.id";

/// Proofs in one statement, in the order of ids: two that meet then seldom wait for each other in a circle.
pub(super) const PROVE: &str = "UPDATE trunkline_connections AS c SET proved_at = new.at, probe_at = new.probe_at \
     FROM unnest($1::bytea[], $2::bigint[], $3::bigint[]) AS new (id, at, probe_at) \
     WHERE c.id = new.id AND c.state IN ('active', 'degraded') \
     AND (c.proved_at IS NULL OR c.proved_at < new.at) RETURNING c.id";

/// A change with its events as one statement: the events are written only if the row was, with its new
/// numbers. The arrays follow the other values.
macro_rules! with_events {
    ($change:expr, $places:literal, $kinds:literal, $times:literal, $details:literal) => {
        concat!(
            "WITH changed AS (",
            $change,
            "), happened AS ( \
                 INSERT INTO trunkline_events (connection, sequence, kind, at, detail) \
                 SELECT $17, changed.sequence + event.place, event.kind, event.at, event.detail \
                 FROM changed, unnest(",
            concat!($places, "::bigint[], ", $kinds, "::text[], ", $times, "::bigint[], ", $details),
            "::text[]) AS event (place, kind, at, detail)) SELECT sequence FROM changed"
        )
    };
}

const fn change_with_events(swap: Swap) -> &'static str {
    match swap {
        Swap::Insert => with_events!(insert!(), "$25", "$26", "$27", "$28"),
        Swap::Record => with_events!(update!(), "$24", "$25", "$26", "$27"),
        Swap::Close => with_events!(update!(close!()), "$24", "$25", "$26", "$27"),
        Swap::LeaveOpen => with_events!(update!(leave_open!("$24")), "$25", "$26", "$27", "$28"),
        Swap::Secrets => with_events!(update!(secrets!(), "intent_epoch = 0"), "$27", "$28", "$29", "$30"),
    }
}

/// Makes the longest due of a connector due later, by one of its times. Claimers at the same moment pass each
/// other's rows by. The array is there for the planner, which takes it for short: joined, any number of rows
/// would make it read the whole table.
macro_rules! claim {
    ($time:literal) => {
        concat!(
            "UPDATE trunkline_connections SET ",
            $time,
            " = $3 WHERE id = ANY (ARRAY(SELECT id FROM trunkline_connections WHERE connector = $1 AND ",
            concat!($time, " <= $2 ORDER BY ", $time),
            ", id LIMIT $4 FOR UPDATE SKIP LOCKED)) AND connector = $1 AND ",
            $time,
            " <= $2 RETURNING id"
        )
    };
}

/// The database's clock, in microseconds.
macro_rules! now {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    };
}

cells!(PgRow, failed);

impl Sql for PostgresStore {
    type Row = PgRow;

    const WORDS: Words = Words {
        by_key: by_key!(concat!(now!(), " - intent_at")),
        by_id: by_id!(concat!(now!(), " - intent_at")),
        lease: lease!(concat!(
            "intent_at = CASE WHEN intent_fingerprint = $2 THEN intent_at ELSE ",
            now!(),
            " END"
        )),
        claim_due: claim!("due_at"),
        claim_probes: claim!("probe_at"),
        place: Some(feed::PLACE),
        feed: feed::FEED,
        purge_events: feed::PURGE,
        company_holders: company_holders!("account::jsonb ->> 'company'"),
    };

    async fn read(&self, statement: &'static str, values: &[Value<'_>]) -> Result<Vec<PgRow>, StoreError> {
        self.ask(Kind::Read, || bound(statement, values)).await
    }

    async fn write(&self, statement: &'static str, values: &[Value<'_>]) -> Result<Vec<PgRow>, StoreError> {
        self.ask(Kind::Write, || bound(statement, values)).await
    }

    async fn swap(
        &self,
        swap: Swap,
        values: &[Value<'_>],
        events: &[Happened],
    ) -> Result<Option<i64>, StoreError> {
        let places: Vec<_> = events.iter().map(|event| event.place).collect();
        let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
        let times: Vec<_> = events.iter().map(|event| event.at).collect();
        let details: Vec<_> = events.iter().map(|event| event.detail.as_deref()).collect();
        let query = || {
            if events.is_empty() {
                return bound(change(swap), values);
            }
            let query = bound(change_with_events(swap), values);
            query.bind(&places[..]).bind(&kinds[..]).bind(&times[..]).bind(&details[..])
        };
        let done = self.ask(Kind::Write, query).await?;
        done.first().map_or(Ok(None), |done| done.integer(0))
    }

    async fn rewrap(&self, from: KeyId, rows: &[Rewrap]) -> Result<u64, StoreError> {
        let ids: Vec<_> = rows.iter().map(|row| row.id.as_bytes().as_slice()).collect();
        let generations: Vec<_> = rows.iter().map(|row| signed(row.generation)).collect::<Result<_, _>>()?;
        let key_ids: Vec<_> = rows.iter().map(|row| row.key_id.as_bytes().as_slice()).collect();
        let wrapped: Vec<_> = rows.iter().map(|row| row.wrapped_key.as_slice()).collect();
        let query = || {
            let query = bound(REWRAP, &[from.as_bytes().into()]);
            query.bind(&ids[..]).bind(&generations[..]).bind(&key_ids[..]).bind(&wrapped[..])
        };
        Ok(self.ask(Kind::Write, query).await?.len() as u64)
    }

    async fn prove(&self, proofs: &[Proof]) -> Result<u64, StoreError> {
        let ids: Vec<_> = proofs.iter().map(|proof| proof.id.as_bytes().as_slice()).collect();
        let times: Vec<_> = proofs.iter().map(|proof| proof.at.as_microsecond()).collect();
        let probes: Vec<_> =
            proofs.iter().map(|proof| proof.probe_at.map(Timestamp::as_microsecond)).collect();
        let query = || bound(PROVE, &[]).bind(&ids[..]).bind(&times[..]).bind(&probes[..]);
        Ok(self.ask(Kind::Write, query).await?.len() as u64)
    }

    /// The database reads its own clock.
    fn stamp() -> Vec<Value<'static>> {
        Vec::new()
    }

    /// Unknown if the database's clock was put back since.
    fn age(row: &PgRow, first: usize) -> Result<Option<Duration>, StoreError> {
        let micros = row.integer(first)?.and_then(|micros| u64::try_from(micros).ok());
        Ok(micros.map(Duration::from_micros))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
}

impl PostgresStore {
    async fn ask<'q>(
        &self,
        kind: Kind,
        query: impl Fn() -> Query<'q, Postgres, PgArguments> + Send + Sync,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut reconnected = kind == Kind::Write;
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.once(query()).await {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            match remedy(&error) {
                Remedy::AskAgain if tries < MOST_TRIES => tokio::time::sleep(pause(tries)).await,
                Remedy::Reconnect if !reconnected => reconnected = true,
                _ => return Err(failed(error)),
            }
        }
    }

    async fn once(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let answer = bounded(self.statement_bound, &mut connection, query).await;
        if answer.as_ref().is_err_and(|error| remedy(error) == Remedy::Reconnect) {
            self.suspicion.note();
            // Closed at once: the pool would first ask it whether it works, and may wait for that.
            drop(connection.detach());
        }
        answer
    }
}

/// Random, so that those who met do not meet again, and of a bound that doubles: 2 ms, 4 ms, up to 64 ms.
fn pause(tries: u32) -> Duration {
    let mut random = [0];
    // Without randomness they may meet more often; no more than that.
    let drawn = aws_lc_rs::rand::fill(&mut random).map_or(u64::from(u8::MAX), |()| u64::from(random[0]));
    Duration::from_micros((1_000 << tries.min(6)) * drawn / 255)
}

/// A server that vanished without a word shows only by its silence.
async fn bounded(
    bound: Duration,
    connection: &mut PgConnection,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(bound, query.fetch_all(connection)).await.map_err(late)?
}
