//! Running statements in SQLite: one writer at a time, and transactions that lock the file from their
//! start, so that none fails half way because another process wrote in between.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};

use super::SqliteStore;
use super::boot::BootTime;
use super::failure::failed;
use crate::sql::{
    Cells, Happened, Sql, Swap, Value, Words, bound, by_id, by_key, cells, change, corrupt, lease,
    record_columns, signed, stored_where,
};
use crate::{KeyId, Rewrap, StoreError};

const LOCKED: &str = "BEGIN IMMEDIATE";

const INSERT_EVENT: &str =
    "INSERT INTO trunkline_events (connection, sequence, kind, at, detail) VALUES ($1, $2, $3, $4, $5)";

const REWRAP: &str = "UPDATE trunkline_connections SET key_id = $1, wrapped_key = $2 \
     WHERE id = $3 AND generation = $4 AND key_id = $5 RETURNING id";

/// Where a change's statement has the connection's id among its values.
const ID: usize = 11;

cells!(SqliteRow, failed);

impl Sql for SqliteStore {
    type Row = SqliteRow;

    const WORDS: Words = Words {
        by_key: by_key!("intent_at, intent_boot"),
        by_id: by_id!("intent_at, intent_boot"),
        lease: lease!(
            "intent_at = CASE WHEN intent_fingerprint = $2 THEN intent_at ELSE $8 END, \
             intent_boot = CASE WHEN intent_fingerprint = $2 THEN intent_boot ELSE $9 END"
        ),
        claim_due: "UPDATE trunkline_connections SET due_at = $3 WHERE number IN ( \
                SELECT number FROM trunkline_connections WHERE connector = $1 AND due_at <= $2 \
                ORDER BY due_at, id LIMIT $4 \
            ) RETURNING id",
    };

    async fn read(
        &self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<SqliteRow>, StoreError> {
        bound::<Sqlite>(statement, values).fetch_all(&self.pool).await.map_err(failed)
    }

    async fn write(
        &self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let _turn = self.writing.lock().await;
        // All rows are asked for, although there is often one at most: a statement that is left after its
        // first row has not committed yet when that row arrives.
        bound::<Sqlite>(statement, values).fetch_all(&self.pool).await.map_err(failed)
    }

    async fn swap(
        &self,
        swap: Swap,
        values: &[Value<'_>],
        events: &[Happened],
    ) -> Result<Option<i64>, StoreError> {
        if events.is_empty() {
            return sequence(&self.write(change(swap), values).await?);
        }
        let _turn = self.writing.lock().await;
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let mut writing = connection.begin_with(LOCKED).await.map_err(failed)?;
        let Some(last) = sequence(&run(&mut writing, change(swap), values).await?)? else {
            writing.rollback().await.map_err(failed)?;
            return Ok(None);
        };
        for event in events {
            let detail = event.detail.as_deref();
            let of_event =
                [values[ID], (last + event.place).into(), event.kind.into(), event.at.into(), detail.into()];
            run(&mut writing, INSERT_EVENT, &of_event).await?;
        }
        writing.commit().await.map_err(failed)?;
        Ok(Some(last))
    }

    async fn rewrap(&self, from: KeyId, rows: &[Rewrap]) -> Result<u64, StoreError> {
        let _turn = self.writing.lock().await;
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        // One transaction for all rows: each commit costs a write to the disk.
        let mut writing = connection.begin_with(LOCKED).await.map_err(failed)?;
        let mut done = 0;
        for row in rows {
            let values = [
                row.key_id.as_bytes().into(),
                row.wrapped_key.as_slice().into(),
                row.id.as_bytes().into(),
                signed(row.generation)?.into(),
                from.as_bytes().into(),
            ];
            done += run(&mut writing, REWRAP, &values).await?.len() as u64;
        }
        writing.commit().await.map_err(failed)?;
        Ok(done)
    }

    fn stamp() -> Vec<Value<'static>> {
        let now = BootTime::now();
        vec![now.millis.into(), now.boot.into()]
    }

    fn age(row: &SqliteRow, first: usize) -> Result<Option<Duration>, StoreError> {
        let millis = row.integer(first)?.ok_or(corrupt("the time of an intent"))?;
        Ok(BootTime::now().since(&BootTime { millis, boot: row.text(first + 1)? }))
    }
}

async fn run(
    connection: &mut SqliteConnection,
    statement: &'static str,
    values: &[Value<'_>],
) -> Result<Vec<SqliteRow>, StoreError> {
    bound::<Sqlite>(statement, values).fetch_all(connection).await.map_err(failed)
}

fn sequence(rows: &[SqliteRow]) -> Result<Option<i64>, StoreError> {
    rows.first().map_or(Ok(None), |row| row.integer(0))
}
