//! What the stores in SQL databases have in common: the statements, their values, and how rows are read.
//!
//! A database implements [`Sql`]: how a statement is run there, and the few that it needs in words of
//! its own. Everything else is written once. Statements are single ones and rely on nothing but a
//! `WHERE` that is checked on the row as it is when it is written, which every database keeps.

mod change;
mod row;
mod store;
mod text;

use std::fmt;
use std::time::Duration;

use sqlx::query::Query;
use sqlx::{Database, Encode, Type};

pub(crate) use self::change::{Happened, Swap};
pub(crate) use self::row::{Cells, cells};
pub(crate) use self::text::*;
use crate::{KeyId, Proof, Rewrap, StoreError};

/// A database that keeps the tables.
pub(crate) trait Sql: fmt::Debug + Send + Sync {
    type Row: Cells + Send + Sync;

    const WORDS: Words;

    /// Reads rows. Whether that is tried again is the database's affair: it changes nothing.
    fn read(&self, statement: &'static str, values: &[Value<'_>]) -> impl Rows<Self::Row>;

    /// Runs one statement that writes, and answers when it is durable.
    fn write(&self, statement: &'static str, values: &[Value<'_>]) -> impl Rows<Self::Row>;

    /// Writes the row of a connection if it is as expected, and its events with it, in one step.
    /// Answers the number of its last event.
    fn swap(
        &self,
        swap: Swap,
        values: &[Value<'_>],
        events: &[Happened],
    ) -> impl Future<Output = Result<Option<i64>, StoreError>> + Send;

    /// Puts newly wrapped data keys in the place of others, all in one commit.
    fn rewrap(&self, from: KeyId, rows: &[Rewrap]) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Writes proofs down, all in one commit: each connection is there once, in the order of ids.
    fn prove(&self, proofs: &[Proof]) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// What a lease puts into the row to tell its age by; follows the other values of
    /// [`Words::lease`].
    fn stamp() -> Vec<Value<'static>>;

    /// The age of an intent, from the columns that [`Words::by_key`] reads last.
    fn age(row: &Self::Row, first: usize) -> Result<Option<Duration>, StoreError>;
}

/// Shorthand for what a statement answers.
pub(crate) trait Rows<R>: Future<Output = Result<Vec<R>, StoreError>> + Send {}
impl<R, F: Future<Output = Result<Vec<R>, StoreError>> + Send> Rows<R> for F {}

/// The statements that each database says in words of its own.
pub(crate) struct Words {
    pub(crate) by_key: &'static str,
    pub(crate) by_id: &'static str,
    pub(crate) lease: &'static str,
    pub(crate) claim_due: &'static str,
    pub(crate) claim_probes: &'static str,
    /// Places events that are committed and have no place, at most as many as its value says; answers a row if
    /// there were any. `None` where they have one from the start.
    pub(crate) place: Option<&'static str>,
    pub(crate) feed: &'static str,
    pub(crate) purge_events: &'static str,
    pub(crate) company_holders: &'static str,
}

/// What a statement is given: the three types that all databases have.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

macro_rules! value_from {
    ($($of:ty: $variant:ident,)*) => {
        $(
            impl<'a> From<$of> for Value<'a> {
                fn from(value: $of) -> Self {
                    Self::$variant(Some(value))
                }
            }
            impl<'a> From<Option<$of>> for Value<'a> {
                fn from(value: Option<$of>) -> Self {
                    Self::$variant(value)
                }
            }
        )*
    };
}

value_from! {
    i64: Integer,
    &'a str: Text,
    &'a [u8]: Bytes,
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(Some(value))
    }
}

/// A statement with its values.
pub(crate) fn bound<'q, DB: Database>(
    statement: &'static str,
    values: &[Value<'q>],
) -> Query<'q, DB, DB::Arguments>
where
    Option<i64>: Encode<'q, DB> + Type<DB>,
    Option<&'q str>: Encode<'q, DB> + Type<DB>,
    Option<&'q [u8]>: Encode<'q, DB> + Type<DB>,
{
    values.iter().fold(sqlx::query(statement), |query, value| match *value {
        Value::Integer(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

pub(crate) const fn corrupt(what: &'static str) -> StoreError {
    StoreError::Corrupt { what }
}

pub(crate) fn signed(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| StoreError::Invalid { what: "a count is too large" })
}

pub(crate) fn unsigned(count: i64) -> Result<u64, StoreError> {
    u64::try_from(count).map_err(|_| corrupt("a count"))
}
