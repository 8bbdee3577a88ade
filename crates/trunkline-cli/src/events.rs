//! `trunkline events`: what happened to all connections, and what happens from now on.

use std::io::Write;
use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use trunkline::ConnectionId;
use trunkline_core::diagnosis::Report;
use trunkline_store::{EventKind, Feed, Placed};

use crate::advice;
use crate::arguments::{EventsArguments, From};
use crate::exit::{Exit, Failure};
use crate::output::{Output, plain};
use crate::store::OpenStore;
use crate::table::{self, Cell};
use crate::view;

/// How many are read at once.
const PAGE: u32 = 200;
/// How often a store is asked for what is new.
const POLL: Duration = Duration::from_secs(1);

/// An event for programs. The names of its fields are stable.
#[derive(Serialize)]
struct View<'a> {
    /// Equal for the same event, however often it is read.
    id: String,
    /// What `--after` takes to go on behind this one.
    cursor: u64,
    tenant: &'a str,
    connector: &'a str,
    label: &'a str,
    connection: ConnectionId,
    kind: EventKind,
    at: Timestamp,
    diagnosis: Option<Report<'a>>,
}

impl<'a> std::convert::From<&'a Placed> for View<'a> {
    fn from(Placed { position, key, event }: &'a Placed) -> Self {
        Self {
            id: format!("{}-{}", event.connection, event.sequence),
            cursor: *position,
            tenant: key.tenant(),
            connector: key.connector(),
            label: key.label(),
            connection: event.connection,
            kind: event.kind,
            at: event.at,
            diagnosis: event.detail.as_ref().map(advice::advice),
        }
    }
}

pub(crate) async fn run(arguments: &EventsArguments, output: &mut Output) -> Result<Exit, Failure> {
    let store = OpenStore::existing(&arguments.store.store).await?;
    let store = store.reader();
    let mut head = Some(["CURSOR", "AT", "TENANT", "CONNECTOR", "LABEL", "KIND", "WHY"]);
    let mut after = match arguments.after {
        From::Oldest => 0,
        From::Newest => store.feed(u64::MAX, 1).await?.last,
        From::After(position) => position,
    };
    let mut may_be_purged = !matches!(arguments.after, From::After(_));
    // One for all pauses: an interrupt that comes while the store is read counts in the next one.
    let mut interrupt = pin!(tokio::signal::ctrl_c());
    loop {
        let Feed { purged, last, events } = store.feed(after, PAGE).await?;
        if !may_be_purged && after < purged {
            return Err(cannot_follow("events after the cursor were purged"));
        }
        if after > last {
            return Err(cannot_follow("the cursor is ahead of the store, which went back or is another one"));
        }
        may_be_purged = false;
        let is_full = events.len() == PAGE as usize;
        after = events.last().map_or(after.max(purged), |placed| placed.position);
        let tenant = arguments.tenant.as_deref();
        let shown: Vec<_> = events
            .iter()
            .filter(|placed| tenant.is_none_or(|tenant| placed.key.tenant() == tenant))
            .collect();
        write(output, &mut head, &shown)?;
        if !is_full {
            if !arguments.follow {
                return Ok(Exit::Done);
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                stopped = &mut interrupt => {
                    stopped?;
                    return Ok(Exit::Done);
                }
            }
        }
    }
}

fn write(output: &mut Output, head: &mut Option<[&str; 7]>, events: &[&Placed]) -> Result<(), Failure> {
    if output.is_json() {
        return events.iter().try_for_each(|placed| output.json(&View::from(*placed)));
    }
    if events.is_empty() {
        return Ok(());
    }
    let rows: Vec<[Cell; 7]> = events
        .iter()
        .map(|Placed { position, key, event }| {
            let why = event.detail.as_ref().map_or_else(String::new, |why| plain(&why.to_string()));
            [
                position.to_string().into(),
                view::time(event.at).into(),
                key.tenant().into(),
                key.connector().into(),
                key.label().into(),
                event.kind.code().into(),
                why.into(),
            ]
        })
        .collect();
    let out = output.out();
    table::write(out, head.take(), &rows)?;
    Ok(out.flush()?)
}

fn cannot_follow(why: &str) -> Failure {
    Failure::usage(why).hint("Read from `--after oldest`, and compare with `trunkline connections`.")
}
