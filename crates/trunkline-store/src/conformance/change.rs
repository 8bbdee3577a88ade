//! Rules about changes: compare-and-swap, secrets, events.

use futures_util::future::join_all;
use trunkline_core::{Account, Cause};

use super::Backend;
use super::sample::*;
use crate::{Commit, EventKind, Expected, Lease, NewBody, NewEvent, Opened, State, StoreError};

const CONFLICT_1: Commit = Commit::Conflict { generation: Some(1) };
const ABSENT: Commit = Commit::Conflict { generation: None };

/// An inserted record is found by its names and by its id, with its secrets.
pub async fn a_record_is_inserted_once(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    let mut expected = record.clone();
    expected.sequence = 1;
    let expected = Some(Opened { record: expected, held: Some(held("one")), lease: Lease::default() });
    assert_eq!(vault.load(&record.key).await?, expected);
    assert_eq!(vault.load_by_id(record.id).await?, expected);
    Ok(())
}

/// The second insert conflicts, names the stored generation and changes nothing.
pub async fn a_second_insert_under_the_same_names_changes_nothing(
    backend: &impl Backend,
) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    let before = stored(&vault, &record).await?;
    let connected = events(&[EventKind::Connected]);
    let second = held("two");
    let lost = vault.commit(Expected::Absent, &acme(2), NewBody::Replace(&second), connected).await?;
    assert_eq!(lost, CONFLICT_1);
    assert_eq!(stored(&vault, &record).await?, before);
    assert_eq!(vault.load_by_id(id(2)).await?, None);
    assert_eq!(vault.events(id(2), 0, 10).await?, []);
    Ok(())
}

/// An id that exists under other names is not inserted again.
pub async fn an_id_is_inserted_once(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    insert(&vault, &acme(1), "one").await?;
    let other = record(1, key("other", "sage_intacct", "default"));
    let secrets = held("two");
    let lost = vault.commit(Expected::Absent, &other, NewBody::Replace(&secrets), Vec::new()).await?;
    assert_eq!(lost, ABSENT);
    assert_eq!(vault.load(&other.key).await?, None);
    Ok(())
}

/// Connections that differ in label, connector or tenant only do not touch each other.
pub async fn labels_are_separate_connections(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let names = [("a", "b", "c"), ("a", "b", "d"), ("a", "c", "c"), ("b", "b", "c")];
    for (number, (tenant, connector, label)) in (1..).zip(names) {
        insert(&vault, &record(number, key(tenant, connector, label)), label).await?;
    }
    for (number, (tenant, connector, label)) in (1..).zip(names) {
        let (found, secrets) = stored(&vault, &record(number, key(tenant, connector, label))).await?;
        assert_eq!((found.id, secrets), (id(number), Some(held(label))));
    }
    Ok(())
}

/// A swap that expects another generation changes neither record nor secrets nor events.
pub async fn a_lost_swap_changes_nothing_and_writes_no_event(
    backend: &impl Backend,
) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    let before = stored(&vault, &record).await?;
    let late = with_generation(with_state(record.clone(), State::Suspended), 9);
    let renewed = events(&[EventKind::Renewed, EventKind::Recovered]);
    let secrets = held("late");
    let lost = vault.commit(Expected::Generation(8), &late, NewBody::Replace(&secrets), renewed).await?;
    assert_eq!(lost, CONFLICT_1);
    let late = with_generation(late, 8);
    let lost = vault.commit(Expected::Generation(8), &late, NewBody::Keep, Vec::new()).await?;
    assert_eq!(lost, CONFLICT_1);
    assert_eq!(stored(&vault, &record).await?, before);
    assert_eq!(vault.events(record.id, 0, 10).await?.len(), 1);
    Ok(())
}

/// What is not there cannot be swapped.
pub async fn a_swap_that_expects_an_absent_record_conflicts(
    backend: &impl Backend,
) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let degraded = events(&[EventKind::Degraded]);
    assert_eq!(vault.commit(GENERATION_1, &acme(1), NewBody::Keep, degraded).await?, ABSENT);
    assert_eq!(vault.load(&acme(1).key).await?, None);
    assert_eq!(vault.events(id(1), 0, 10).await?, []);
    Ok(())
}

/// A change whose id and names belong to different connections changes neither.
pub async fn a_swap_never_reaches_another_connection(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let (one, two) = (acme(1), record(2, key("other", "sage_intacct", "default")));
    insert(&vault, &one, "one").await?;
    insert(&vault, &two, "two").await?;
    let mixed = with_state(record(1, two.key.clone()), State::Disconnected);
    let lost = vault.commit(GENERATION_1, &mixed, NewBody::Clear, Vec::new()).await?;
    assert!(matches!(lost, Commit::Conflict { .. }), "{lost:?}");
    assert_eq!(stored(&vault, &one).await?.1, Some(held("one")));
    assert_eq!(stored(&vault, &two).await?.1, Some(held("two")));
    Ok(())
}

/// `Unchanged` also loses to a change that kept the generation.
pub async fn an_unchanged_swap_loses_to_any_event(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    let seen = Expected::Unchanged { generation: 1, sequence: 1 };
    let degraded = with_state(record.clone(), State::Degraded);
    let suspended = with_state(record.clone(), State::Suspended);
    let done = vault.commit(seen, &degraded, NewBody::Keep, events(&[EventKind::Degraded])).await?;
    assert_eq!(done, Commit::Done { sequence: 2 });
    let lost = vault.commit(seen, &suspended, NewBody::Keep, events(&[EventKind::Suspended])).await?;
    assert_eq!(lost, CONFLICT_1);
    assert_eq!(stored(&vault, &record).await?.0.status().state(), State::Degraded);
    Ok(())
}

/// Sixteen swaps of one generation: one is done, fifteen conflict, and the winner's secrets stay.
pub async fn of_concurrent_swaps_exactly_one_wins(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    let next = with_generation(record.clone(), 2);
    let swaps = (0..16).map(|number| {
        let (vault, next) = (&vault, &next);
        async move {
            let (renewed, secrets) = (events(&[EventKind::Renewed]), held(&format!("token {number}")));
            let commit = vault.commit(GENERATION_1, next, NewBody::Replace(&secrets), renewed).await;
            commit.map(|commit| matches!(commit, Commit::Done { .. }).then_some(secrets))
        }
    });
    let winners: Vec<_> = join_all(swaps).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let winners: Vec<_> = winners.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "exactly one swap wins");
    assert_eq!(stored(&vault, &record).await?.1.as_ref(), winners.first());
    assert_eq!(vault.events(record.id, 0, 100).await?.len(), 2);
    Ok(())
}

/// Sixteen inserts under the same names: one is done.
pub async fn of_concurrent_inserts_exactly_one_wins(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let inserts = (1..=16).map(|number| {
        let vault = &vault;
        async move {
            let (connected, secrets) = (events(&[EventKind::Connected]), held("x"));
            vault.commit(Expected::Absent, &acme(number), NewBody::Replace(&secrets), connected).await
        }
    });
    let commits = join_all(inserts).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let won = commits.iter().filter(|commit| matches!(commit, Commit::Done { .. })).count();
    assert_eq!(won, 1, "{commits:?}");
    Ok(())
}

/// A new record has generation 1, new secrets the next one, kept secrets the same.
pub async fn a_generation_that_does_not_follow_is_refused(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, record, secrets) = (vault(backend).await?, acme(1), held("one"));
    insert(&vault, &record, "one").await?;
    let replace = NewBody::Replace(&secrets);
    let wrong = [
        (Expected::Absent, 2, replace),
        (GENERATION_1, 1, replace),
        (GENERATION_1, 3, replace),
        (GENERATION_1, 2, NewBody::Keep),
        (GENERATION_1, 3, NewBody::Clear),
        (Expected::Generation(u64::MAX), 0, replace),
    ];
    for (expected, generation, body) in wrong {
        let change = with_generation(record.clone(), generation);
        let refused = vault.commit(expected, &change, body, Vec::new()).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{expected:?} {generation} {body:?}");
    }
    Ok(())
}

/// Secrets survive a change of state, and open afterwards.
pub async fn kept_secrets_still_open(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    let degraded = with_state(record.clone(), State::Degraded);
    let done = vault.commit(GENERATION_1, &degraded, NewBody::Keep, Vec::new()).await?;
    assert_eq!(done, Commit::Done { sequence: 1 });
    let (found, secrets) = stored(&vault, &record).await?;
    assert_eq!((found.status(), secrets), (degraded.status(), Some(held("one"))));
    let next = with_generation(record.clone(), 2);
    let done = vault.commit(GENERATION_1, &next, NewBody::Replace(&held("two")), Vec::new()).await?;
    assert_eq!(done, Commit::Done { sequence: 1 });
    assert_eq!(stored(&vault, &record).await?.1, Some(held("two")));
    Ok(())
}

/// Clearing removes the sealed bytes; the record stays and can be connected again.
pub async fn cleared_secrets_are_gone(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    let gone = with_generation(with_state(record.clone(), State::Disconnected), 2);
    let disconnected = events(&[EventKind::Disconnected]);
    let done = vault.commit(GENERATION_1, &gone, NewBody::Clear, disconnected).await?;
    assert_eq!(done, Commit::Done { sequence: 2 });
    let row = vault.store().get(&record.key).await?;
    assert_eq!(row.map(|row| row.body), Some(None));
    assert_eq!(stored(&vault, &record).await?.1, None);
    let again = with_generation(record.clone(), 3);
    let reconnected = events(&[EventKind::Reconnected]);
    let secrets = held("two");
    let done = vault.commit(Expected::Generation(2), &again, NewBody::Replace(&secrets), reconnected).await?;
    assert_eq!(done, Commit::Done { sequence: 3 });
    assert_eq!(stored(&vault, &record).await?.1, Some(secrets));
    Ok(())
}

/// The time of creation is that of the insert, and the sequence is the store's own.
pub async fn immutable_columns_stay(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    let mut change = record.clone();
    change.created_at = at(999);
    change.sequence = 77;
    let done = vault.commit(GENERATION_1, &change, NewBody::Keep, Vec::new()).await?;
    assert_eq!(done, Commit::Done { sequence: 1 });
    let (found, _) = stored(&vault, &record).await?;
    assert_eq!((found.created_at, found.sequence), (at(0), 1));
    Ok(())
}

/// Every column keeps what a change puts into it, also `None` over a value.
pub async fn every_column_reads_back(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, plain) = (vault(backend).await?, acme(1));
    insert(&vault, &plain, "one").await?;
    let mut full = with_state(plain.clone(), State::NeedsConsent);
    full.method = "other method 'quoted'".to_owned();
    full.account = Some(Account { entity: Some("E".to_owned()), ..Account::new("c\u{e9}", "u@x") });
    full.granted_at = Some(at(-7));
    full.scopes.granted = Some(["api", "caf\u{e9}"].into_iter().collect());
    full.credential_at = Some(at(-5));
    full.access_expires_at = None;
    full.grant_expires_at = Some(at(9_000));
    full.due_at = Some(at(50));
    full.proved_at = Some(at(5));
    full.probe_at = Some(at(60));
    full.sequence = 1;
    let mut plain = plain;
    plain.sequence = 1;
    // No change takes a proof back.
    plain.proved_at = full.proved_at;
    for change in [full, plain] {
        let done = vault.commit(GENERATION_1, &change, NewBody::Keep, Vec::new()).await?;
        assert_eq!(done, Commit::Done { sequence: 1 });
        assert_eq!(stored(&vault, &change).await?.0, change);
    }
    Ok(())
}

/// New secrets may come with another state and with the one there was, whichever these are.
pub async fn new_secrets_may_turn_the_state(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    let states = [State::Active, State::Active, State::NeedsConsent, State::NeedsConsent, State::Active];
    for (generation, state) in (1..).zip(states) {
        let next = with_generation(with_state(record.clone(), state), generation + 1);
        let expected = Expected::Generation(generation);
        let done = vault.commit(expected, &next, NewBody::Replace(&held("next")), Vec::new()).await?;
        assert_eq!(done, Commit::Done { sequence: 1 });
        assert_eq!(stored(&vault, &record).await?.0.status(), next.status(), "{generation}");
    }
    Ok(())
}

/// No code of a state or of an event is lost on the way.
pub async fn every_state_and_event_reads_back(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    for state in State::ALL {
        let change = with_state(record.clone(), *state);
        let done = vault.commit(GENERATION_1, &change, NewBody::Keep, Vec::new()).await?;
        assert_eq!(done, Commit::Done { sequence: 1 });
        assert_eq!(stored(&vault, &record).await?.0.status(), change.status());
    }
    let all: Vec<_> = EventKind::ALL
        .iter()
        .map(|kind| NewEvent::new(*kind, at(3)).because(diagnosis(Cause::RateLimited)))
        .collect();
    let done = vault.commit(GENERATION_1, &record, NewBody::Keep, all.clone()).await?;
    assert_eq!(done, Commit::Done { sequence: 1 + all.len() as u64 });
    let found = vault.events(record.id, 1, 100).await?;
    let found: Vec<_> = found
        .into_iter()
        .map(|event| NewEvent { kind: event.kind, at: event.at, detail: event.detail })
        .collect();
    assert_eq!(found, all);
    Ok(())
}

/// Events count from 1 in each connection, in the order of its changes, whatever others do.
pub async fn events_are_numbered_per_connection_without_gaps(
    backend: &impl Backend,
) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let (one, two) = (acme(1), record(2, key("other", "sage_intacct", "default")));
    insert(&vault, &one, "one").await?;
    insert(&vault, &two, "two").await?;
    for round in 0..3_u64 {
        for record in [&one, &two] {
            let both = events(&[EventKind::Degraded, EventKind::Recovered]);
            let done = vault.commit(GENERATION_1, record, NewBody::Keep, both).await?;
            assert_eq!(done, Commit::Done { sequence: 3 + 2 * round });
            let (late, suspended) = (with_generation(record.clone(), 5), events(&[EventKind::Suspended]));
            let lost = vault.commit(Expected::Generation(5), &late, NewBody::Keep, suspended).await?;
            assert_eq!(lost, CONFLICT_1);
        }
    }
    for record in [&one, &two] {
        let found = vault.events(record.id, 0, 100).await?;
        assert!(found.iter().all(|event| event.connection == record.id), "{found:?}");
        assert_eq!(found.iter().map(|event| event.sequence).collect::<Vec<_>>(), (1..=7).collect::<Vec<_>>());
        assert_eq!(stored(&vault, record).await?.0.sequence, 7);
    }
    Ok(())
}

/// A page holds at most its limit and starts after the given number.
pub async fn events_are_read_in_pages(backend: &impl Backend) -> Result<(), StoreError> {
    let (vault, record) = (vault(backend).await?, acme(1));
    insert(&vault, &record, "one").await?;
    let four = events(&[EventKind::Degraded, EventKind::Recovered, EventKind::Renewed, EventKind::Suspended]);
    let done = vault.commit(GENERATION_1, &record, NewBody::Keep, four).await?;
    assert_eq!(done, Commit::Done { sequence: 5 });
    for (after, limit, expected) in
        [(0, 2, vec![1, 2]), (2, 2, vec![3, 4]), (4, 2, vec![5]), (u64::MAX, 2, vec![])]
    {
        let page = vault.events(record.id, after, limit).await?;
        assert_eq!(page.iter().map(|event| event.sequence).collect::<Vec<_>>(), expected);
    }
    Ok(())
}
