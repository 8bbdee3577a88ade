//! A connection as it is printed.

use anstyle::Style;
use jiff::Timestamp;
use serde::Serialize;
use trunkline::{Account, ConnectionId, Record, State};

use crate::advice::advice;
use crate::output::{DIM, GREEN, RED, YELLOW, short};
use crate::table::Cell;
use trunkline_core::diagnosis::Report;

/// A connection for programs. The names of its fields are stable; times are in UTC.
#[derive(Debug, Serialize)]
pub(crate) struct View<'a> {
    tenant: &'a str,
    connector: &'a str,
    label: &'a str,
    id: ConnectionId,
    method: &'a str,
    account: Option<&'a Account>,
    state: State,
    since: Timestamp,
    diagnosis: Option<Report<'a>>,
    /// When the access token stops serving.
    access_expires_at: Option<Timestamp>,
    /// When something is done about it even if nobody uses it.
    due_at: Option<Timestamp>,
    /// When the whole grant ends, whatever is done.
    grant_expires_at: Option<Timestamp>,
    /// When an answer of the service last proved that the grant lives.
    proved_at: Option<Timestamp>,
    /// When to look whether it still lives even if nobody uses it.
    probe_at: Option<Timestamp>,
    created_at: Timestamp,
    /// When the credential was stored.
    credential_at: Option<Timestamp>,
}

impl<'a> From<&'a Record> for View<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            tenant: record.key.tenant(),
            connector: record.key.connector(),
            label: record.key.label(),
            id: record.id,
            method: &record.method,
            account: record.account.as_ref(),
            state: record.status().state(),
            since: record.status().since(),
            diagnosis: record.status().diagnosis().map(advice),
            access_expires_at: record.access_expires_at,
            due_at: record.due_at,
            grant_expires_at: record.grant_expires_at,
            proved_at: record.proved_at,
            probe_at: record.probe_at,
            created_at: record.created_at,
            credential_at: record.credential_at,
        }
    }
}

/// How a state is shown.
pub(crate) fn state(state: State) -> Cell {
    Cell::styled(state.code(), style(state))
}

pub(crate) fn style(state: State) -> Style {
    match state {
        State::Active => GREEN,
        State::Degraded => YELLOW,
        State::NeedsConsent | State::Suspended => RED,
        State::Disconnected => DIM,
    }
}

/// Who the service says we are; the names are the service's own.
pub(crate) fn account(account: Option<&Account>) -> String {
    account.map_or_else(|| "-".to_owned(), |account| short(&account.to_string()))
}

pub(crate) fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}

pub(crate) fn maybe(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), time)
}
