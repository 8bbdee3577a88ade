//! `trunkline status`: how one connection stands, since when, why, and what happened to it.

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;
use trunkline::{Record, State};
use trunkline_core::ConnectionKey;
use trunkline_store::{Event, EventKind};

use crate::advice;
use crate::arguments::{ConnectionName, StatusArguments};
use crate::exit::{Exit, Failure};
use crate::output::{BOLD, Output, plain};
use crate::store::OpenStore;
use crate::table::{self, Cell};
use crate::view::{self, View};
use trunkline_core::diagnosis::Report;

/// How many of the last events are shown.
const EVENTS: u32 = 10;

#[derive(Serialize)]
struct Status<'a> {
    #[serde(flatten)]
    connection: View<'a>,
    /// The last ones, the newest last.
    events: Vec<Happened<'a>>,
}

#[derive(Serialize)]
struct Happened<'a> {
    sequence: u64,
    kind: EventKind,
    at: Timestamp,
    diagnosis: Option<Report<'a>>,
}

impl<'a> From<&'a Event> for Happened<'a> {
    fn from(event: &'a Event) -> Self {
        let diagnosis = event.detail.as_ref().map(advice::advice);
        Self { sequence: event.sequence, kind: event.kind, at: event.at, diagnosis }
    }
}

pub(crate) async fn run(arguments: &StatusArguments, output: &mut Output) -> Result<Exit, Failure> {
    let name = &arguments.name;
    let key = ConnectionKey::new(&name.tenant, &name.connector, &name.label)?;
    let store = OpenStore::existing(&arguments.store.store).await?;
    let record = store.reader().get(&key).await?.ok_or_else(|| not_found(name))?.record;
    let after = record.sequence.saturating_sub(u64::from(EVENTS));
    let events = store.reader().events(record.id, after, EVENTS).await?;
    if output.is_json() {
        let events = events.iter().map(Happened::from).collect();
        output.json(&Status { connection: View::from(&record), events })?;
    } else {
        write(output.out(), &record, &events)?;
    }
    Ok(match record.status().state() {
        State::Active | State::Degraded => Exit::Done,
        State::NeedsConsent | State::Disconnected => Exit::NeedsConsent,
        State::Suspended => Exit::Suspended,
    })
}

pub(crate) fn not_found(name: &ConnectionName) -> Failure {
    let ConnectionName { tenant, connector, label } = name;
    let message = format!("tenant {tenant} has no connection through {connector} with the label {label}");
    Failure::new(Exit::NotFound, message)
        .hint(format!("`trunkline connections --tenant {tenant}` lists them."))
}

fn write(out: &mut impl Write, record: &Record, events: &[Event]) -> Result<(), Failure> {
    let (key, status) = (&record.key, record.status());
    let (bold, state) = (BOLD, view::style(status.state()));
    writeln!(out, "{bold}{} of {}, label {}{bold:#}", key.connector(), key.tenant(), key.label())?;
    writeln!(out, "state     {state}{}{state:#} since {}", status.state(), view::time(status.since()))?;
    writeln!(out, "account   {}", view::account(record.account.as_ref()))?;
    writeln!(out, "method    {}", plain(&record.method))?;
    writeln!(out, "id        {}", record.id)?;
    writeln!(out, "access    until {}", view::maybe(record.access_expires_at))?;
    writeln!(out, "grant     until {}", view::maybe(record.grant_expires_at))?;
    writeln!(
        out,
        "alive     proved {}, probed {}",
        view::maybe(record.proved_at),
        view::maybe(record.probe_at)
    )?;
    writeln!(out, "upkeep    due {}", view::maybe(record.due_at))?;
    writeln!(out, "stored    {}", view::maybe(record.credential_at))?;
    writeln!(out, "connected {}", view::time(record.created_at))?;
    if let Some(diagnosis) = status.diagnosis() {
        writeln!(out)?;
        advice::write(out, diagnosis)?;
    }
    let rows: Vec<[Cell; 4]> = events
        .iter()
        .map(|event| {
            let why = event.detail.as_ref().map_or_else(String::new, |why| plain(&why.to_string()));
            [
                event.sequence.to_string().into(),
                view::time(event.at).into(),
                event.kind.code().into(),
                why.into(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        writeln!(out)?;
        table::write(out, Some(["EVENT", "AT", "KIND", "WHY"]), &rows)?;
    }
    Ok(())
}
