//! Running statements in SQLite.

use std::time::Duration;

use sqlx::sqlite::{Sqlite, SqliteRow};

use super::SqliteStore;
use super::boot::BootTime;
use super::failure::failed;
use super::job::{Job, Step};
use crate::sql::{
    Cells, Happened, Sql, Swap, Value, Words, as_expected, bound, by_id, by_key, cells, change, close,
    company_holders, corrupt, lease, plain_columns, record_columns, signed, stored_where,
};
use crate::{KeyId, Proof, Rewrap, StoreError};

/// A page of data keys in one statement, as JSON with bytes in hexadecimal: a statement for each would
/// hold the file for as long as the way to its thread takes so many times. The plus sign keeps SQLite from
/// the index of that key, which has every row that is still to be done.
const REWRAP: &str = "UPDATE trunkline_connections SET key_id = new.key_id, wrapped_key = new.wrapped_key \
     FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS generation, unhex(value ->> 2) AS key_id, \
           unhex(value ->> 3) AS wrapped_key FROM json_each($2)) AS new \
     WHERE trunkline_connections.id = new.id AND trunkline_connections.generation = new.generation \
     AND +trunkline_connections.key_id = $1 RETURNING number";

/// Proofs in one statement, as JSON like the data keys.
const PROVE: &str = "UPDATE trunkline_connections SET proved_at = new.at, probe_at = new.probe_at \
     FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS at, value ->> 2 AS probe_at FROM json_each($1)) AS new \
     WHERE trunkline_connections.id = new.id AND trunkline_connections.state IN ('active', 'degraded') \
     AND (trunkline_connections.proved_at IS NULL OR trunkline_connections.proved_at < new.at) RETURNING number";

/// New secrets under the same key, for the same account, in the same state. What a statement sets it also
/// writes into every index of that column, changed or not: a page for each, beside the row's own. Most renewals
/// change none of them, and the whole statement is for the others.
const RENEWAL: &str = concat!(
    "UPDATE trunkline_connections SET ",
    plain_columns!(),
    ", wrapped_key = $25, body = $26, ",
    close!(),
    " WHERE ",
    as_expected!(),
    " AND ($23 IS NULL OR intent_epoch = $23) \
     AND account_key IS $3 AND state = $4 AND key_id = $24 RETURNING sequence"
);

/// Where a change's statement has the connection's id among its values.
const ID: usize = 16;

/// Makes the longest due of a connector due later, by one of its times.
macro_rules! claim {
    ($time:literal) => {
        concat!(
            "UPDATE trunkline_connections SET ",
            $time,
            " = $3 WHERE number IN (SELECT number FROM trunkline_connections WHERE connector = $1 AND ",
            $time,
            " <= $2 ORDER BY ",
            $time,
            ", id LIMIT $4) RETURNING id"
        )
    };
}

/// Writers take turns, so an event has its place when it is written: its number.
const FEED: &str = "SELECT bounds.last, bounds.purged, e.number, e.connection, c.tenant, c.connector, c.label, \
     e.sequence, e.kind, e.at, e.detail \
     FROM (SELECT coalesce((SELECT max(number) FROM trunkline_events), 0) AS last, \
           coalesce((SELECT min(number) FROM trunkline_events), 1) - 1 AS purged) AS bounds \
     LEFT JOIN (SELECT * FROM trunkline_events WHERE number > $1 ORDER BY number LIMIT $2) AS e ON true \
     LEFT JOIN trunkline_connections AS c ON c.id = e.connection ORDER BY e.number";

/// The last event stays, whatever its age: the next number follows from it.
const PURGE_EVENTS: &str = "WITH head AS (SELECT number, at FROM trunkline_events ORDER BY number LIMIT $2) \
     DELETE FROM trunkline_events WHERE number IN ( \
         SELECT number FROM head WHERE number < coalesce((SELECT min(number) FROM head WHERE at >= $1), \
             (SELECT max(number) FROM trunkline_events)) \
     ) RETURNING number";

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
        claim_due: claim!("due_at"),
        claim_probes: claim!("probe_at"),
        place: None,
        feed: FEED,
        purge_events: PURGE_EVENTS,
        company_holders: company_holders!("account ->> '$.company'"),
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

    async fn prove(&self, proofs: &[Proof]) -> Result<u64, StoreError> {
        let new = |proof: &Proof| {
            let probe_at = proof.probe_at.map_or("null".to_owned(), |at| at.as_microsecond().to_string());
            format!(r#"["{}",{},{probe_at}]"#, hexadecimal(proof.id.as_bytes()), proof.at.as_microsecond())
        };
        let proofs: Vec<_> = proofs.iter().map(new).collect();
        let proofs = format!("[{}]", proofs.join(","));
        Ok(self.write(PROVE, &[proofs.as_str().into()]).await?.len() as u64)
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
