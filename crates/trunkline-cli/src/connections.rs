//! `trunkline connections`: a tenant's connections, page after page.

use trunkline_core::{ConnectionKey, DEFAULT_LABEL};

use crate::arguments::ConnectionsArguments;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::store::OpenStore;
use crate::table;
use crate::view::{self, View};

/// How many are read at once.
const PAGE: u32 = 200;

pub(crate) async fn run(arguments: &ConnectionsArguments, output: &mut Output) -> Result<Exit, Failure> {
    let tenant = &arguments.tenant;
    // The other two names only have to be some.
    ConnectionKey::new(tenant, "any", DEFAULT_LABEL)?;
    let store = OpenStore::existing(&arguments.store.store).await?;
    let mut head = Some(["CONNECTOR", "LABEL", "STATE", "SINCE", "ACCOUNT", "ACCESS UNTIL", "ID"]);
    let mut after: Option<(String, String)> = None;
    loop {
        let last = after.as_ref().map(|(connector, label)| (connector.as_str(), label.as_str()));
        let page = store.reader().list(tenant, last, PAGE).await?;
        if output.is_json() {
            for record in &page {
                output.json(&View::from(record))?;
            }
        } else if !page.is_empty() {
            let rows: Vec<_> = page
                .iter()
                .map(|record| {
                    [
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
            Some(record) if page.len() == PAGE as usize => {
                after = Some((record.key.connector().to_owned(), record.key.label().to_owned()));
            }
            _ => break,
        }
    }
    if head.is_some() && !output.is_json() {
        output.note(format_args!("tenant {tenant} has no connections"))?;
    }
    Ok(Exit::Done)
}
