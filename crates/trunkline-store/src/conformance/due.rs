//! Rules about connections that are due.

use futures_util::future::join_all;

use super::Backend;
use super::sample::*;
use crate::{StoreError, Vault};

/// Connections of the connector `c` with these due times, and one of another connector.
async fn due(backend: &impl Backend, seconds: &[Option<i64>]) -> Result<Vault, StoreError> {
    let vault = vault(backend).await?;
    for (number, due) in (1..).zip(seconds) {
        let mut row = record(number, key("acme", "c", &format!("l{number}")));
        row.due_at = due.map(at);
        insert(&vault, &row, "x").await?;
    }
    let mut other = record(99, key("acme", "other", "default"));
    other.due_at = Some(at(0));
    insert(&vault, &other, "x").await?;
    Ok(vault)
}

/// Of more than the limit, the longest due are claimed; what is not due yet or never is not.
pub async fn the_longest_due_are_claimed(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = due(backend, &[Some(30), None, Some(10), Some(51), Some(20), Some(50)]).await?;
    let store = vault.store();
    assert_eq!(store.claim_due("c", at(9), at(100), 10).await?, []);
    assert_eq!(store.claim_due("c", at(50), at(100), 0).await?, []);
    let mut first = store.claim_due("c", at(50), at(100), 2).await?;
    first.sort_unstable();
    assert_eq!(first, [id(3), id(5)]);
    let mut rest = store.claim_due("c", at(50), at(100), 10).await?;
    rest.sort_unstable();
    assert_eq!(rest, [id(1), id(6)], "what is due at this very time is due");
    assert_eq!(store.claim_due("c", at(50), at(100), 10).await?, []);
    Ok(())
}

/// A claim makes its connections due at the time it names, changes nothing else, and leaves those of
/// other connectors alone.
pub async fn a_claim_moves_the_due_time_only(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = due(backend, &[Some(10)]).await?;
    let (store, row) = (vault.store(), record(1, key("acme", "c", "l1")));
    let (before, secrets) = stored(&vault, &row).await?;
    assert_eq!(store.claim_due("c", at(10), at(70), 10).await?, [id(1)]);
    let (after, kept) = stored(&vault, &row).await?;
    assert_eq!(after.due_at, Some(at(70)));
    assert_eq!((crate::Record { due_at: before.due_at, ..after }, kept), (before, secrets));
    assert_eq!(store.claim_due("c", at(69), at(200), 10).await?, []);
    assert_eq!(store.claim_due("c", at(70), at(200), 10).await?, [id(1)]);
    assert_eq!(store.claim_due("nobody", at(1_000), at(2_000), 10).await?, []);
    let other = stored(&vault, &record(99, key("acme", "other", "default"))).await?.0;
    assert_eq!(other.due_at, Some(at(0)));
    Ok(())
}

/// Eight claimers at once, of one store or of two: nobody gets more than asked for, nothing is claimed
/// twice, and nothing is left.
pub async fn a_due_connection_is_claimed_once(backend: &impl Backend) -> Result<(), StoreError> {
    let first = due(backend, &[Some(1); 20]).await?;
    let second = if backend.is_shared() { vault(backend).await? } else { first.clone() };
    let claimers = (0..8).map(|claimer| {
        let vault = if claimer % 2 == 0 { &first } else { &second };
        async move {
            let mut claimed = Vec::new();
            loop {
                let some = vault.store().claim_due("c", at(10), at(100), 3).await?;
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
        let some = first.store().claim_due("c", at(10), at(100), 3).await?;
        if some.is_empty() {
            break;
        }
        claimed.extend(some);
    }
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=20).map(id).collect::<Vec<_>>());
    Ok(())
}
