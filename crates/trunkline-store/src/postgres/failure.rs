//! What PostgreSQL's failures mean here.

use crate::StoreError;
use crate::sql::corrupt;

/// What may be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The database says that it has done nothing, and asks to be asked again.
    AskAgain,
    /// The connection is of no use any more, and what it was asked last may have been done.
    Reconnect,
    None,
}

/// The codes are in <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) fn remedy(error: &sqlx::Error) -> Remedy {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => Remedy::Reconnect,
        sqlx::Error::Database(said) => match said.code().as_deref() {
            // A serialization failure, a deadlock.
            Some("40001" | "40P01") => Remedy::AskAgain,
            // Shut down, crashed, starting; the connection exceptions.
            Some("57P01" | "57P02" | "57P03") => Remedy::Reconnect,
            Some(code) if code.starts_with("08") => Remedy::Reconnect,
            _ => Remedy::None,
        },
        _ => Remedy::None,
    }
}

/// Whether somebody else has just made what was to be made: a row, a table, a schema. Where two make one in
/// the same moment, it shows as a violated index of the catalogue, or as a table's row type that exists.
pub(super) fn is_taken(error: &sqlx::Error) -> bool {
    remedy(error) == Remedy::AskAgain || has_code(error, &["23505", "42P06", "42P07", "42710"])
}

pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    has_code(error, &["42P01"])
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(|said| said.code());
    code.is_some_and(|code| codes.contains(&code.as_ref()))
}

pub(super) fn unavailable(reason: impl Into<String>) -> StoreError {
    StoreError::Unavailable { reason: reason.into() }
}

/// A typed error without anything that is stored or was to be stored. The server's own words are passed
/// on only where they name roles, databases, tables and limits.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(said) => {
            let code = said.code().unwrap_or_default();
            match code.get(..2).unwrap_or_default() {
                "42" if matches!(&*code, "42P01" | "42703" | "42804" | "42883") => {
                    corrupt("a table or a column is missing or has another type")
                }
                "XX" if matches!(&*code, "XX001" | "XX002") => corrupt("the database's own files"),
                "22" | "23" => unavailable(format!("the database refused a value ({code})")),
                _ => unavailable(format!("{} ({code})", said.message())),
            }
        }
        // These quote what they could not decode.
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::ColumnIndexOutOfBounds { .. } => corrupt("a column has another type"),
        sqlx::Error::Io(error) => unavailable(format!("the connection failed: {error}")),
        sqlx::Error::Tls(error) => unavailable(format!("TLS failed: {error}")),
        sqlx::Error::PoolTimedOut => {
            unavailable("no connection came free in time: the database is away, or all are in use")
        }
        sqlx::Error::PoolClosed => unavailable("the store was closed"),
        // These may quote settings or what the server sent.
        sqlx::Error::Configuration(_) => StoreError::Invalid { what: "the settings of the database" },
        sqlx::Error::Protocol(_) => unavailable("the database's answer makes no sense"),
        _ => unavailable("the driver failed"),
    }
}
