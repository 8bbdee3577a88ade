//! Rules about looking things up, opening again, and several stores on the same data.

use futures_util::future::join_all;
use trunkline_core::{Account, Cause, ConnectionKey};

use super::Backend;
use super::sample::*;
use crate::{Commit, EventKind, Expected, KeyRing, NewBody, State, StoreError, Turn};

/// Pages follow each other by connector and label, in byte order, without gap or repetition.
pub async fn a_list_is_paged_in_order(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let names = [("b", "a"), ("a", "\u{e9}"), ("a", "z"), ("a", "Z"), ("a b", "c"), ("b", "B")];
    for (number, (connector, label)) in (1..).zip(names) {
        insert(&vault, &record(number, key("acme", connector, label)), "x").await?;
    }
    let mut expected = names.to_vec();
    expected.sort_unstable();
    for limit in [1, 2, 4, 100] {
        let mut seen: Vec<(String, String)> = Vec::new();
        loop {
            let after = seen.last().map(|(connector, label)| (connector.as_str(), label.as_str()));
            let page = vault.list("acme", after, limit).await?;
            assert!(page.len() <= limit as usize, "{} of {limit}", page.len());
            if page.is_empty() {
                break;
            }
            seen.extend(
                page.iter().map(|record| (record.key.connector().to_owned(), record.key.label().to_owned())),
            );
        }
        let seen: Vec<_> =
            seen.iter().map(|(connector, label)| (connector.as_str(), label.as_str())).collect();
        assert_eq!(seen, expected, "pages of {limit}");
    }
    Ok(())
}

/// Another tenant's connections are never in a list, whatever the names look like.
pub async fn a_list_shows_its_tenant_only(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    for (number, tenant) in (1..).zip(["acme", "acme ", "Acme", "acm", "acmf", "%", "acme\u{301}"]) {
        insert(&vault, &record(number, key(tenant, "c", "default")), "x").await?;
    }
    let found = vault.list("acme", None, 100).await?;
    assert_eq!(found.iter().map(|record| record.id).collect::<Vec<_>>(), [id(1)]);
    assert_eq!(vault.list("%", None, 100).await?.len(), 1);
    assert_eq!(vault.list("nobody", None, 100).await?, []);
    Ok(())
}

/// Pages of everything follow each other by tenant, connector and label, without gap or repetition.
pub async fn all_connections_are_paged_in_order(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let mut keys = [
        ("b", "a", "a"),
        ("a", "b", "z"),
        ("a", "b", "Z"),
        ("a", "a", "z"),
        ("A", "z", "z"),
        ("a b", "a", "a"),
    ]
    .map(|(tenant, connector, label)| key(tenant, connector, label));
    for (number, key) in (1..).zip(&keys) {
        insert(&vault, &record(number, key.clone()), "x").await?;
    }
    keys.sort_unstable();
    for limit in [1, 4, 100] {
        let mut seen: Vec<ConnectionKey> = Vec::new();
        loop {
            let page = vault.list_all(seen.last(), limit).await?;
            assert!(page.len() <= limit as usize, "{} of {limit}", page.len());
            if page.is_empty() {
                break;
            }
            seen.extend(page.into_iter().map(|record| record.key));
        }
        assert_eq!(seen, keys, "pages of {limit}");
    }
    Ok(())
}

/// Found across tenants: the same connector, the same account, not disconnected, with secrets.
pub async fn the_other_holders_of_an_account_are_found(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let rows = [
        with_account(record(1, key("t1", "sage", "default")), "user"),
        with_account(record(2, key("t2", "sage", "default")), "user"),
        with_account(record(3, key("t3", "sage", "default")), "another user"),
        with_account(record(4, key("t4", "other connector", "default")), "user"),
        record(5, key("t5", "sage", "default")),
        with_state(with_account(record(6, key("t6", "sage", "default")), "user"), State::Disconnected),
        with_state(with_account(record(7, key("t7", "sage", "default")), "user"), State::Suspended),
    ];
    for row in &rows {
        insert(&vault, row, "x").await?;
    }
    let empty = with_account(record(8, key("t8", "sage", "default")), "user");
    let done = vault.commit(Expected::Absent, &empty, NewBody::Clear, Vec::new()).await?;
    assert_eq!(done, Commit::Done { sequence: 0 });
    let account = rows[0].account.as_ref().map(trunkline_core::Account::key).unwrap_or_default();
    assert_eq!(vault.same_account("sage", &account, id(1)).await?, [id(2), id(7)]);
    assert_eq!(vault.same_account("sage", &account, id(99)).await?, [id(1), id(2), id(7)]);
    Ok(())
}

/// Found by what is known of an account: across tenants, the same connector, not disconnected, with secrets.
pub async fn holders_are_found_by_user_company_or_both(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let of = |number: u8, connector: &str, company: &str, user: &str| {
        let mut row = record(number, key(&format!("t{number}"), connector, "default"));
        row.account = Some(Account::new(company, user));
        row
    };
    let rows = [
        of(1, "c", "acme", "ada"),
        of(2, "c", "globex", "ada"),
        of(3, "c", "", "ada"),
        of(4, "c", "acme", "ada@"),
        of(5, "c", "da@acme", "a"),
        of(6, "c", "acme", ""),
        of(7, "other", "acme", "ada"),
        of(8, "c", "acm\u{e9} 'quoted' \"twice\"", "\u{10ffff}"),
        record(9, key("t9", "c", "default")),
        with_state(of(10, "c", "acme", "ada"), State::Disconnected),
        with_state(of(11, "c", "acme", "bob"), State::Suspended),
    ];
    for row in &rows {
        insert(&vault, row, "x").await?;
    }
    let store = vault.store();
    let user = async |user: &str| store.holders("c", &Account::keys_of_user(user)).await;
    assert_eq!(user("ada").await?, [id(1), id(2), id(3)]);
    assert_eq!(user("ada@").await?, [id(4)]);
    assert_eq!(user("a").await?, [id(5)]);
    assert_eq!(user("\u{10ffff}").await?, [id(8)]);
    assert_eq!(user("nobody").await?, []);
    let company = async |company: &str| store.company_holders("c", company).await;
    assert_eq!(company("acme").await?, [id(1), id(4), id(6), id(11)]);
    assert_eq!(company("acm\u{e9} 'quoted' \"twice\"").await?, [id(8)]);
    assert_eq!(company("acm").await?, []);
    let both = Account::new("acme", "ada").key();
    assert_eq!(store.holders("c", &(both.clone()..=both)).await?, [id(1)]);
    Ok(())
}

/// Disconnected with secrets still there, the longest waiting first.
pub async fn unfinished_revocations_are_found(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    for (number, since) in [(1, 30), (2, 10), (3, 20)] {
        let mut row = record(number, key("acme", "c", &format!("l{number}")));
        drop(row.turn(Turn::Disconnected(diagnosis(Cause::Disconnected)), at(since)));
        insert(&vault, &row, "x").await?;
    }
    insert(&vault, &record(4, key("acme", "c", "active")), "x").await?;
    assert_eq!(vault.pending_revocations(2).await?, [id(2), id(3)]);
    let row = with_state(record(2, key("acme", "c", "l2")), State::Disconnected);
    let done = vault.commit(GENERATION_1, &row, NewBody::Clear, Vec::new()).await?;
    assert_eq!(done, Commit::Done { sequence: 1 });
    assert_eq!(vault.pending_revocations(10).await?, [id(3), id(1)]);
    Ok(())
}

/// Each wrapping key is named once, as long as something is sealed under it.
pub async fn key_ids_are_those_in_use(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    assert_eq!(vault.store().key_ids().await?, []);
    for number in 1..=3 {
        insert(&vault, &record(number, key("acme", "c", &format!("l{number}"))), "x").await?;
    }
    assert_eq!(vault.store().key_ids().await?, [keys().current_id()]);
    let newer =
        crate::Vault::open(vault.store().clone(), KeyRing::new([8; 32]).with_retired([7; 32])).await?;
    let next = with_generation(record(1, key("acme", "c", "l1")), 2);
    let done = newer.commit(GENERATION_1, &next, NewBody::Replace(&held("y")), Vec::new()).await?;
    assert_eq!(done, Commit::Done { sequence: 1 });
    let mut both = [keys().current_id(), KeyRing::new([8; 32]).current_id()];
    both.sort_unstable();
    let mut found = vault.store().key_ids().await?;
    found.sort_unstable();
    assert_eq!(found, both);
    assert_eq!(stored(&newer, &next).await?.1, Some(held("y")));
    let missing = Err(StoreError::KeyMissing { key_id: KeyRing::new([8; 32]).current_id() });
    assert_eq!(vault.load(&next.key).await, missing, "a key that another process began to use");
    Ok(())
}

/// A ring without a key that is in use opens nothing, and the error names the key.
pub async fn a_missing_key_stops_the_start(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    insert(&vault, &acme(1), "one").await?;
    let opened = crate::Vault::open(vault.store().clone(), KeyRing::new([9; 32])).await;
    assert_eq!(opened.err(), Some(StoreError::KeyMissing { key_id: keys().current_id() }));
    Ok(())
}

/// An empty store answers with nothing rather than with an error.
pub async fn nothing_is_found_in_an_empty_store(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    assert_eq!(vault.load(&acme(1).key).await?, None);
    assert_eq!(vault.load_by_id(id(1)).await?, None);
    assert_eq!(vault.list("acme", Some(("a", "b")), 10).await?, []);
    assert_eq!(vault.same_account("c", "k", id(1)).await?, []);
    assert_eq!(vault.events(id(1), 0, 10).await?, []);
    assert_eq!(vault.pending_revocations(10).await?, []);
    assert_eq!(vault.purge_consents(at(0)).await?, 0);
    Ok(())
}

/// Record, secrets, events and consents are there when the data is opened again.
pub async fn what_was_written_is_there_after_opening_again(backend: &impl Backend) -> Result<(), StoreError> {
    if !backend.is_shared() {
        return Ok(());
    }
    let (first, state) = (vault(backend).await?, trunkline_core::Secret::new("state"));
    insert(&first, &acme(1), "one").await?;
    first.begin_consent(&state, &consent(at(600))).await?;
    let before = stored(&first, &acme(1)).await?;
    drop(first);
    let second = vault(backend).await?;
    assert_eq!(stored(&second, &acme(1)).await?, before);
    assert_eq!(second.events(id(1), 0, 10).await?.len(), 1);
    let wrong = vault_with(backend, KeyRing::new([9; 32])).await;
    assert_eq!(wrong.err(), Some(StoreError::KeyMissing { key_id: keys().current_id() }));
    let browser = trunkline_core::Secret::new("browser");
    let claim = crate::Claim { browser: &browser, tenant: None, answer: [0; 32] };
    let taken = second.take_consent(&state, &claim, at(0)).await?;
    assert_eq!(taken, crate::Taken::Fresh(Box::new(consent(at(600)))));
    Ok(())
}

/// Two stores race for each generation: exactly one wins each round, and both see the same.
pub async fn two_stores_on_the_same_data_have_one_winner(backend: &impl Backend) -> Result<(), StoreError> {
    if !backend.is_shared() {
        return Ok(());
    }
    let vaults = [vault(backend).await?, vault(backend).await?];
    insert(&vaults[0], &acme(1), "one").await?;
    for generation in 1..=10 {
        let next = with_generation(acme(1), generation + 1);
        let swaps = vaults.iter().zip(["left", "right"]).map(|(vault, token)| {
            let next = &next;
            async move {
                let (renewed, secrets) = (events(&[EventKind::Renewed]), held(token));
                let expected = Expected::Generation(generation);
                vault.commit(expected, next, NewBody::Replace(&secrets), renewed).await
            }
        });
        let commits = join_all(swaps).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let won =
            commits.iter().filter(|commit| **commit == Commit::Done { sequence: generation + 1 }).count();
        let lost = Commit::Conflict { generation: Some(generation + 1) };
        assert_eq!((won, commits.contains(&lost)), (1, true), "{commits:?}");
        assert_eq!(stored(&vaults[0], &next).await?, stored(&vaults[1], &next).await?);
    }
    Ok(())
}
