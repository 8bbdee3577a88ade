//! Rules about connections that are due, by either of the times that say so.

use futures_util::future::join_all;
use jiff::Timestamp;
use trunkline_core::ConnectionId;

use super::Backend;
use super::sample::*;
use crate::{Record, Store, StoreError, Vault};

#[derive(Debug, Clone, Copy)]
enum By {
    Due,
    Probe,
}

impl By {
    const BOTH: [Self; 2] = [Self::Due, Self::Probe];

    fn time(self, record: &mut Record) -> &mut Option<Timestamp> {
        match self {
            Self::Due => &mut record.due_at,
            Self::Probe => &mut record.probe_at,
        }
    }

    async fn claim(
        self,
        store: &dyn Store,
        connector: &str,
        now: i64,
        until: i64,
        limit: u32,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        let mut claimed = match self {
            Self::Due => store.claim_due(connector, at(now), at(until), limit).await?,
            Self::Probe => store.claim_probes(connector, at(now), at(until), limit).await?,
        };
        claimed.sort_unstable();
        Ok(claimed)
    }
}

fn row(number: u8) -> Record {
    record(number, key("acme", "c", &format!("l{number}")))
}

/// Connections of the connector `c` with these times, for either claim, and one of another connector.
async fn due(backend: &impl Backend, seconds: &[Option<i64>]) -> Result<Vault, StoreError> {
    let vault = vault(backend).await?;
    for (number, due) in (1..).zip(seconds) {
        let mut row = row(number);
        (row.due_at, row.probe_at) = (due.map(at), due.map(at));
        insert(&vault, &row, "x").await?;
    }
    let mut other = record(99, key("acme", "other", "default"));
    (other.due_at, other.probe_at) = (Some(at(0)), Some(at(0)));
    insert(&vault, &other, "x").await?;
    Ok(vault)
}

/// Of more than the limit, the longest due are claimed; what is not due yet or never is not.
pub async fn the_longest_due_are_claimed(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = due(backend, &[Some(30), None, Some(10), Some(51), Some(20), Some(50)]).await?;
    let store = &**vault.store();
    for by in By::BOTH {
        assert_eq!(by.claim(store, "c", 9, 100, 10).await?, [], "{by:?}");
        assert_eq!(by.claim(store, "c", 50, 100, 0).await?, [], "{by:?}");
        assert_eq!(by.claim(store, "c", 50, 100, 2).await?, [id(3), id(5)], "{by:?}");
        let rest = by.claim(store, "c", 50, 100, 10).await?;
        assert_eq!(rest, [id(1), id(6)], "{by:?}: what is due at this very time is due");
        assert_eq!(by.claim(store, "c", 50, 100, 10).await?, [], "{by:?}");
    }
    Ok(())
}

/// A claim makes its connections due at the time it names, changes nothing else, not even the other time, and
/// leaves those of other connectors alone.
pub async fn a_claim_moves_its_time_only(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = due(backend, &[Some(10)]).await?;
    let store = &**vault.store();
    for by in By::BOTH {
        let (before, secrets) = stored(&vault, &row(1)).await?;
        assert_eq!(by.claim(store, "c", 10, 70, 10).await?, [id(1)], "{by:?}");
        let (mut after, kept) = stored(&vault, &row(1)).await?;
        assert_eq!(by.time(&mut after).take(), Some(at(70)), "{by:?}");
        *by.time(&mut after) = Some(at(10));
        assert_eq!((after, kept), (before, secrets), "{by:?}");
        assert_eq!(by.claim(store, "c", 69, 200, 10).await?, [], "{by:?}");
        assert_eq!(by.claim(store, "c", 70, 200, 10).await?, [id(1)], "{by:?}");
        assert_eq!(by.claim(store, "nobody", 1_000, 2_000, 10).await?, [], "{by:?}");
        let mut other = stored(&vault, &record(99, key("acme", "other", "default"))).await?.0;
        assert_eq!(*by.time(&mut other), Some(at(0)), "{by:?}");
    }
    Ok(())
}

/// Eight claimers at once, of one store or of two: nobody gets more than asked for, nothing is claimed
/// twice, and nothing is left.
pub async fn a_due_connection_is_claimed_once(backend: &impl Backend) -> Result<(), StoreError> {
    let first = due(backend, &[Some(1); 20]).await?;
    let second = if backend.is_shared() { vault(backend).await? } else { first.clone() };
    for by in By::BOTH {
        let claimers = (0..8).map(|claimer| {
            let vault = if claimer % 2 == 0 { &first } else { &second };
            async move {
                let mut claimed = Vec::new();
                loop {
                    let some = by.claim(&**vault.store(), "c", 10, 100, 3).await?;
                    assert!(some.len() <= 3, "{some:?}");
                    if some.is_empty() {
                        return Ok(claimed);
                    }
                    claimed.extend(some);
                }
            }
        });
        let claimed = join_all(claimers).await.into_iter().collect::<Result<Vec<_>, StoreError>>()?;
        let mut claimed: Vec<_> = claimed.into_iter().flatten().collect();
        // Who found only rows that another was just claiming has left; the next one finds what there is.
        loop {
            let some = by.claim(&**first.store(), "c", 10, 100, 3).await?;
            if some.is_empty() {
                break;
            }
            claimed.extend(some);
        }
        claimed.sort_unstable();
        assert_eq!(claimed, (1..=20).map(id).collect::<Vec<_>>(), "{by:?}");
    }
    Ok(())
}
