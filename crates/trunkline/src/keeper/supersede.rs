//! A newer consent for the same account may have ended an older connection's grant.

use std::sync::Arc;

use trunkline_core::{Account, Cause, ConnectionId, Error, NewConsent, Successor};
use trunkline_store::{Record, State};

use super::look::look_behind;
use crate::hub::Hub;
use crate::live::{Entry, Mounted};

/// Whether, at this connector, a consent by this method ends the earlier ones of its account.
pub(crate) fn ends_earlier(mounted: &Mounted, method: Option<&str>) -> Result<bool, Error> {
    Ok(mounted.auth(method)?.policy().new_consent == NewConsent::EndsEarlier)
}

/// Whether an account says whose it is: one whose user is not known may be anybody's.
pub(crate) fn is_known(account: &Account) -> bool {
    !account.user.is_empty()
}

/// The other connections of an account that still have a grant to lose, with their records.
pub(crate) async fn others(
    hub: &Hub,
    connector: &str,
    account: &Account,
    except: ConnectionId,
) -> Result<Vec<Record>, Error> {
    let mut others = Vec::new();
    for id in hub.vault.same_account(connector, &account.key(), except).await? {
        let stored = hub.vault.store().get_by_id(id).await?;
        others.extend(stored.map(|stored| stored.record).filter(holds));
    }
    Ok(others)
}

/// Whether there is a grant that could be lost.
pub(crate) fn holds(record: &Record) -> bool {
    !matches!(record.status().state(), State::NeedsConsent | State::Disconnected)
}

/// After a consent: looks once at each connection that it may have ended. None is dead by assumption.
pub(crate) async fn look_at_older(hub: &Arc<Hub>, mounted: &Arc<Mounted>, record: &Record) {
    let suspected = match (ends_earlier(mounted, Some(&record.method)), &record.account) {
        (Ok(true), Some(account)) if is_known(account) => {
            others(hub, &mounted.name, account, record.id).await
        }
        _ => return,
    };
    match suspected {
        Ok(suspected) if suspected.is_empty() => {}
        Ok(suspected) => look_behind(hub, mounted, suspected.into_iter().map(|other| other.id).collect()),
        Err(error) => {
            tracing::warn!(target: "trunkline", connector = %mounted.name, connection = %record.id, error = %error, "older connections of the account could not be looked at");
        }
    }
}

/// A refusal of a grant whose account has a newer consent in our own store has that as its cause.
pub(super) async fn explained(hub: &Hub, entry: &Entry, record: &Record, error: Error) -> Error {
    if !matches!(error.cause(), Some(Cause::GrantRevoked | Cause::GrantSuperseded)) {
        return error;
    }
    match successor(hub, &entry.mounted, record).await {
        Ok(Some(successor)) => {
            tracing::info!(target: "trunkline", connector = %entry.mounted.name, connection = %record.id, successor = %successor.connection, "superseded");
            error.map_diagnosis(|why| why.superseded_by(successor))
        }
        Ok(None) => error,
        Err(unread) => {
            tracing::warn!(target: "trunkline", connector = %entry.mounted.name, connection = %record.id, error = %unread, "newer connections of the account could not be looked for");
            error
        }
    }
}

/// The connection of the same account with the newest consent, if that is newer than this one's.
async fn successor(hub: &Hub, mounted: &Mounted, record: &Record) -> Result<Option<Successor>, Error> {
    let account = record.account.as_ref().filter(|account| is_known(account));
    let (true, Some(account)) = (ends_earlier(mounted, Some(&record.method))?, account) else {
        return Ok(None);
    };
    let others = others(hub, &mounted.name, account, record.id).await?;
    let serving = others.into_iter().filter(|other| other.status().state().serves());
    let newest = serving.max_by_key(Record::consented_at);
    let Some(newest) = newest.filter(|newest| newest.consented_at() > record.consented_at()) else {
        return Ok(None);
    };
    // Another tenant's names are not this one's to know.
    let label = (newest.key.tenant() == record.key.tenant()).then(|| newest.key.label().to_owned());
    Ok(Some(Successor::new(newest.id, label)))
}
