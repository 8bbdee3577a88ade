//! What is to be written: statements with their values, which anybody may run, and again.

use sqlx::Execute as _;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqliteRow};

use super::failure::failed;
use crate::StoreError;
use crate::sql::{Cells as _, Happened, Value, bound};

const INSERT_EVENT: &str =
    "INSERT INTO trunkline_events (connection, sequence, kind, at, detail) VALUES ($1, $2, $3, $4, $5)";

/// All of it is done, or nothing.
pub(super) enum Job {
    /// The first of these that finds its row.
    Either(Vec<Step>),
    /// If a change answers with the number of the last event, the events of this connection follow.
    WithEvents { change: Vec<Step>, connection: Vec<u8>, events: Vec<Happened> },
}

impl Job {
    /// Whether at most one statement of it writes: without BEGIN and COMMIT it is its own transaction.
    pub(super) const fn is_single(&self) -> bool {
        matches!(self, Self::Either(_))
    }

    /// Runs it, and answers all rows.
    pub(super) async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
        match self {
            Self::Either(steps) => either(steps, connection).await,
            Self::WithEvents { change, connection: id, events } => {
                let rows = either(change, connection).await?;
                if let Some(last) = rows.first().map(|row| row.integer(0)).transpose()?.flatten() {
                    for event in events {
                        insert(id, last, event)?.run(connection).await?;
                    }
                }
                Ok(rows)
            }
        }
    }
}

async fn either(steps: &[Step], connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
    for step in steps {
        let rows = step.run(connection).await?;
        if !rows.is_empty() {
            return Ok(rows);
        }
    }
    Ok(Vec::new())
}

fn insert(id: &[u8], last: i64, event: &Happened) -> Result<Step, StoreError> {
    let place = last + event.place;
    let detail = event.detail.as_deref();
    Step::new(INSERT_EVENT, &[id.into(), place.into(), event.kind.into(), event.at.into(), detail.into()])
}

/// One statement.
pub(super) struct Step {
    statement: &'static str,
    arguments: SqliteArguments,
}

impl Step {
    pub(super) fn new(statement: &'static str, values: &[Value<'_>]) -> Result<Self, StoreError> {
        let unusable = |_| StoreError::Invalid { what: "a value" };
        let arguments = bound::<Sqlite>(statement, values).take_arguments().map_err(unusable)?;
        Ok(Self { statement, arguments: arguments.unwrap_or_default() })
    }

    /// Another statement with the same values.
    pub(super) fn instead(&self, statement: &'static str) -> Self {
        Self { statement, arguments: self.arguments.clone() }
    }

    /// Asks for all rows, although there is often one at most: a statement that is left after its first row
    /// has not committed yet when that row arrives.
    pub(super) async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
        let query = sqlx::query_with::<Sqlite, _>(self.statement, self.arguments.clone());
        query.fetch_all(connection).await.map_err(failed)
    }
}
