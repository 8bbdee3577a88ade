//! What SQLite's failures mean here.

use crate::StoreError;
use crate::sql::corrupt;

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>); extended codes hold them in
/// their lowest byte.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const NOT_A_DATABASE: i32 = 26;

pub(super) fn failed(error: sqlx::Error) -> StoreError {
    match primary_code(&error) {
        Some(CORRUPT) => corrupt("the file is truncated or altered"),
        Some(NOT_A_DATABASE) => StoreError::NotADatabase,
        _ => match error {
            // These quote what they could not decode.
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. } => corrupt("a column has another type"),
            // SQLite's own messages name tables and columns, never values.
            other => StoreError::Unavailable { reason: other.to_string() },
        },
    }
}

/// Whether another connection was in the way for the moment.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(BUSY | LOCKED))
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?.parse::<i32>().ok()?;
    Some(code & 0xff)
}
