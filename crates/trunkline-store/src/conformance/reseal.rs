//! Rules about putting a new sealing key in the place of an old one.

use super::Backend;
use super::sample::*;
use crate::vault::wrap_binding;
use crate::{Commit, KeyId, KeyRing, NewBody, Resealed, Rewrap, StoreError, Vault, Wrapped, seal};

const ROWS: u8 = 5;

fn row(number: u8) -> crate::Record {
    record(number, key("acme", "c", &format!("l{number}")))
}

fn old() -> KeyId {
    keys().current_id()
}

fn new_ring() -> KeyRing {
    KeyRing::new([8; 32])
}

/// A vault whose new key is current, over rows that are sealed under the old one. The last has no
/// secrets.
async fn rotated(backend: &impl Backend) -> Result<Vault, StoreError> {
    let vault = vault(backend).await?;
    for number in 1..=ROWS {
        insert(&vault, &row(number), &format!("secret {number}")).await?;
    }
    let empty = row(ROWS + 1);
    let done = vault.commit(crate::Expected::Absent, &empty, NewBody::Clear, Vec::new()).await?;
    assert_eq!(done, Commit::Done { sequence: 0 });
    Vault::open(vault.store().clone(), new_ring().with_retired([7; 32])).await
}

fn wrap_anew(vault: &Vault, row: &Wrapped) -> Rewrap {
    let wrapped = seal::rewrap(vault.keys(), &wrap_binding(row.id), old(), &row.wrapped_key);
    let (key_id, wrapped_key) = wrapped.unwrap_or_else(|_| panic!("the old key opens {row:?}"));
    Rewrap { id: row.id, generation: row.generation, key_id, wrapped_key }
}

/// Wrapped keys are found by their key, in pages in the order of ids, and counted.
pub async fn wrapped_keys_are_paged_in_order(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = rotated(backend).await?;
    let store = vault.store();
    let all: Vec<_> = (1..=ROWS).map(id).collect();
    for limit in [1, 2, 100] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.wrapped_under(old(), after, limit).await?;
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            seen.extend(page.iter().map(|row| row.id));
        }
        assert_eq!(seen, all, "pages of {limit}");
    }
    let stored = store.get_by_id(id(1)).await?.and_then(|stored| stored.body);
    let first = store.wrapped_under(old(), None, 1).await?.remove(0);
    assert_eq!((first.generation, Some(first.wrapped_key)), (1, stored.map(|sealed| sealed.wrapped_key)));
    assert_eq!(store.count_wrapped_under(old()).await?, u64::from(ROWS));
    let unused = new_ring().current_id();
    assert_eq!(store.wrapped_under(unused, None, 10).await?, []);
    assert_eq!(store.count_wrapped_under(unused).await?, 0);
    Ok(())
}

/// A data key is replaced only where generation and key are those it was read with.
pub async fn a_rewrap_swaps_by_generation_and_key(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = rotated(backend).await?;
    let store = vault.store();
    let read = store.wrapped_under(old(), None, 10).await?;
    let mut rows: Vec<_> = read.iter().map(|row| wrap_anew(&vault, row)).collect();
    let before = store.get_by_id(id(1)).await?;

    assert_eq!(store.rewrap(old(), &[]).await?, 0);
    assert_eq!(store.rewrap(new_ring().current_id(), &rows).await?, 0, "they are under another key");
    rows[0].generation = 2;
    rows[1].id = id(77);
    assert_eq!(store.rewrap(old(), &rows).await?, u64::from(ROWS) - 2);
    assert_eq!(store.get_by_id(id(1)).await?, before);
    assert_eq!(store.count_wrapped_under(old()).await?, 2);
    assert_eq!(store.rewrap(old(), &rows).await?, 0, "once is enough");
    for number in 1..=ROWS {
        let (found, secrets) = stored(&vault, &row(number)).await?;
        assert_eq!((found.generation, secrets), (1, Some(held(&format!("secret {number}")))));
    }
    Ok(())
}

/// Looking changes nothing; after a pass everything opens without the old key, and nothing else changed.
pub async fn after_a_reseal_the_old_key_is_not_needed(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = rotated(backend).await?;
    let store = vault.store();
    let before = store.get_by_id(id(1)).await?;
    for _ in 0..2 {
        assert_eq!(vault.retired_in_use().await?, [(old(), u64::from(ROWS))]);
    }
    assert_eq!(store.get_by_id(id(1)).await?, before, "a look is no pass");

    let mut told = Vec::new();
    let total = vault.reseal(|progress| told.push(progress)).await?;
    let all = Resealed { seen: u64::from(ROWS), done: u64::from(ROWS) };
    assert_eq!((total, told.last()), (all, Some(&all)));
    assert_eq!(vault.retired_in_use().await?, []);
    assert_eq!(store.key_ids().await?, [new_ring().current_id()]);

    let alone = Vault::open(store.clone(), new_ring()).await?;
    for number in 1..=ROWS {
        let (found, secrets) = stored(&alone, &row(number)).await?;
        assert_eq!((found.generation, found.sequence), (1, 1));
        assert_eq!(secrets, Some(held(&format!("secret {number}"))));
    }
    let bodies = [before, store.get_by_id(id(1)).await?];
    let bodies = bodies.map(|stored| stored.and_then(|stored| stored.body).map(|sealed| sealed.body));
    assert_eq!(bodies[0], bodies[1], "what is sealed stays as it is");
    Ok(())
}

/// A pass that was broken off is completed by the next one, which looks only at the rest.
pub async fn a_broken_off_reseal_is_completed(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = rotated(backend).await?;
    let page = vault.store().wrapped_under(old(), None, 2).await?;
    let rows: Vec<_> = page.iter().map(|row| wrap_anew(&vault, row)).collect();
    assert_eq!(vault.store().rewrap(old(), &rows).await?, 2);

    assert_eq!(vault.retired_in_use().await?, [(old(), u64::from(ROWS) - 2)]);
    let rest = Resealed { seen: u64::from(ROWS) - 2, done: u64::from(ROWS) - 2 };
    assert_eq!(vault.reseal(|_| {}).await?, rest);
    assert_eq!(vault.reseal(|_| {}).await?, Resealed::default());
    assert_eq!(vault.retired_in_use().await?, []);
    Ok(())
}

/// A credential that is renewed between the look and the swap stays as the renewal wrote it.
pub async fn a_renewal_during_a_reseal_wins(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = rotated(backend).await?;
    let store = vault.store();
    let page = store.wrapped_under(old(), None, 10).await?;
    let rows: Vec<_> = page.iter().map(|row| wrap_anew(&vault, row)).collect();
    // One by a process that has the new key already, one by a process that has not.
    let behind = Vault::open(store.clone(), keys()).await?;
    for (number, renewing) in [(1, &vault), (2, &behind)] {
        let (next, secrets) = (with_generation(row(number), 2), held("renewed"));
        let done = renewing.commit(GENERATION_1, &next, NewBody::Replace(&secrets), Vec::new()).await?;
        assert_eq!(done, Commit::Done { sequence: 1 });
    }

    assert_eq!(store.rewrap(old(), &rows).await?, u64::from(ROWS) - 2);
    for number in 1..=2 {
        assert_eq!(stored(&vault, &row(number)).await?.1, Some(held("renewed")));
    }
    assert_eq!(vault.retired_in_use().await?, [(old(), 1)], "the one that lacked the new key");
    assert_eq!(vault.reseal(|_| {}).await?, Resealed { seen: 1, done: 1 });
    let alone = Vault::open(store.clone(), new_ring()).await?;
    assert_eq!(stored(&alone, &row(2)).await?.1, Some(held("renewed")));
    Ok(())
}
