//! `trunkline connections`: the connections of a tenant, or of all, page after page.

use trunkline_core::{ConnectionKey, DEFAULT_LABEL, Error};
use trunkline_store::{Record, Store};

use crate::arguments::ConnectionsArguments;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::store::OpenStore;
use crate::table;
use crate::view::{self, View};

/// How many are read at once.
const PAGE: u32 = 200;

pub(crate) async fn run(arguments: &ConnectionsArguments, output: &mut Output) -> Result<Exit, Failure> {
    let tenant = arguments.tenant.as_deref();
    if let Some(tenant) = tenant {
        // The other two names only have to be some.
        ConnectionKey::new(tenant, "any", DEFAULT_LABEL)?;
    }
    let store = OpenStore::existing(&arguments.store.store).await?;
    let mut head = Some(["TENANT", "CONNECTOR", "LABEL", "STATE", "SINCE", "ACCOUNT", "ACCESS UNTIL", "ID"]);
    let mut after: Option<ConnectionKey> = None;
    loop {
        let page = page(store.reader(), tenant, after.as_ref()).await?;
        if output.is_json() {
            for record in &page {
                output.json(&View::from(record))?;
            }
        } else if !page.is_empty() {
            let rows: Vec<_> = page
                .iter()
                .map(|record| {
                    [
                        record.key.tenant().into(),
                        record.key.connector().into(),
                        record.key.label().into(),
                        view::state(record.status().state()),
                        view::time(record.status().since()).into(),
                        view::account(record.account.as_ref()).into(),
                        view::maybe(record.access_expires_at).into(),
                        record.id.to_string().into(),
                    ]
                })
                .collect();
            table::write(output.out(), head.take(), &rows)?;
        }
        match page.last() {
            Some(record) if page.len() == PAGE as usize => after = Some(record.key.clone()),
            _ => break,
        }
    }
    if head.is_some() && !output.is_json() {
        match tenant {
            Some(tenant) => output.note(format_args!("tenant {tenant} has no connections"))?,
            None => output.note("there are no connections")?,
        }
    }
    Ok(Exit::Done)
}

async fn page(
    store: &dyn Store,
    tenant: Option<&str>,
    after: Option<&ConnectionKey>,
) -> Result<Vec<Record>, Error> {
    Ok(match tenant {
        Some(tenant) => store.list(tenant, after.map(|key| (key.connector(), key.label())), PAGE).await?,
        None => store.list_all(after, PAGE).await?,
    })
}
