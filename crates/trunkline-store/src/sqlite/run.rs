//! Running statements in SQLite.

use std::time::Duration;

use sqlx::sqlite::{Sqlite, SqliteRow};

use super::SqliteStore;
use super::boot::BootTime;
use super::failure::failed;
use super::job::{Job, Step};
use crate::sql::{
    Cells, Happened, Sql, Swap, Value, Words, bound, by_id, by_key, cells, change, close, corrupt, lease,
    record_columns, signed, stored_where,
};
use crate::{KeyId, Rewrap, StoreError};

/// A page of data keys in one statement, as JSON with bytes in hexadecimal: a statement for each would
/// hold the file for as long as the way to its thread takes so many times. The plus sign keeps SQLite from
/// the index of that key, which has every row that is still to be done.
const REWRAP: &str = "UPDATE trunkline_connections SET key_id = new.key_id, wrapped_key = new.wrapped_key \
     FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS generation, unhex(value ->> 2) AS key_id, \
           unhex(value ->> 3) AS wrapped_key FROM json_each($2)) AS new \
     WHERE trunkline_connections.id = new.id AND trunkline_connections.generation = new.generation \
     AND +trunkline_connections.key_id = $1 RETURNING number";

/// New secrets under the same key, for the same account. What a statement sets it also writes into every
/// index of that column, changed or not: a page for each, beside the row's own. Most renewals change neither,
/// and the whole statement is for the others.
const RENEWAL: &str = concat!(
    "UPDATE trunkline_connections SET method = $1, account = $2, state = $4, state_since = $5, diagnosis = $6, \
     generation = $7, sequence = sequence + $8, credential_at = $9, access_expires_at = $10, due_at = $11, \
     wrapped_key = $20, body = $21, ",
    close!(),
    " WHERE id = $12 AND tenant = $13 AND connector = $14 AND label = $15 AND generation = $16 \
     AND ($17 IS NULL OR sequence = $17) AND ($18 IS NULL OR intent_epoch = $18) \
     AND account_key IS $3 AND key_id = $19 RETURNING sequence"
);

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
        self.turns.write(Job::Either(vec![Step::new(statement, values)?])).await
    }

    async fn swap(
        &self,
        swap: Swap,
        values: &[Value<'_>],
        events: &[Happened],
    ) -> Result<Option<i64>, StoreError> {
        let whole = Step::new(change(swap), values)?;
        let change = match swap {
            Swap::Secrets => vec![whole.instead(RENEWAL), whole],
            _ => vec![whole],
        };
        let job = match values.get(ID) {
            Some(Value::Bytes(Some(id))) if !events.is_empty() => {
                Job::WithEvents { change, connection: id.to_vec(), events: events.to_vec() }
            }
            _ => Job::Either(change),
        };
        let rows = self.turns.write(job).await?;
        rows.first().map_or(Ok(None), |row| row.integer(0))
    }

    async fn rewrap(&self, from: KeyId, rows: &[Rewrap]) -> Result<u64, StoreError> {
        let new = |row: &Rewrap| {
            let generation = signed(row.generation)?;
            let [id, key_id, wrapped] =
                [&row.id.as_bytes()[..], &row.key_id.as_bytes()[..], &row.wrapped_key].map(hexadecimal);
            Ok(format!(r#"["{id}",{generation},"{key_id}","{wrapped}"]"#))
        };
        let rows: Vec<_> = rows.iter().map(new).collect::<Result<_, StoreError>>()?;
        let rows = format!("[{}]", rows.join(","));
        let values = [from.as_bytes().into(), rows.as_str().into()];
        Ok(self.write(REWRAP, &values).await?.len() as u64)
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

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
        text
    })
}
