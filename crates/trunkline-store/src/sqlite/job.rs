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
    One(Step),
    /// If the first answers with the number of the last event, the events of this connection follow.
    WithEvents {
        change: Step,
        connection: Vec<u8>,
        events: Vec<Happened>,
    },
    All(Vec<Step>),
}

impl Job {
    /// The statement, if it is a single one.
    pub(super) fn single(&self) -> Option<&Step> {
        match self {
            Self::One(step) => Some(step),
            Self::WithEvents { .. } | Self::All(_) => None,
        }
    }

    /// Runs it inside a transaction, and answers all rows.
    pub(super) async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
        match self {
            Self::One(step) => step.run(connection).await,
            Self::WithEvents { change, connection: id, events } => {
                let rows = change.run(connection).await?;
                if let Some(last) = rows.first().map(|row| row.integer(0)).transpose()?.flatten() {
                    for event in events {
                        insert(id, last, event)?.run(connection).await?;
                    }
                }
                Ok(rows)
            }
            Self::All(steps) => {
                let mut rows = Vec::new();
                for step in steps {
                    rows.append(&mut step.run(connection).await?);
                }
                Ok(rows)
            }
        }
    }
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

    /// Asks for all rows, although there is often one at most: a statement that is left after its first row
    /// has not committed yet when that row arrives.
    pub(super) async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
        let query = sqlx::query_with::<Sqlite, _>(self.statement, self.arguments.clone());
        query.fetch_all(connection).await.map_err(failed)
    }
}
