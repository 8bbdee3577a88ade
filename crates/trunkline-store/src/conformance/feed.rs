//! Rules about the events of all connections.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};

use super::Backend;
use super::sample::*;
use crate::{Commit, EventKind, NewBody, NewEvent, Placed, Record, Store, StoreError, Vault};

fn row(number: u8) -> Record {
    record(number, key(&format!("tenant {number}"), "c", "l"))
}

/// Adds one event to a connection.
async fn happen(vault: &Vault, number: u8, second: i64) -> Result<(), StoreError> {
    let event = vec![NewEvent::new(EventKind::Renewed, at(second))];
    let done = vault.commit(GENERATION_1, &row(number), NewBody::Keep, event).await?;
    assert!(matches!(done, Commit::Done { .. }), "{done:?}");
    Ok(())
}

/// Everything after a position, in pages.
async fn follow(store: &dyn Store, mut after: u64, limit: u32) -> Result<Vec<Placed>, StoreError> {
    let mut seen: Vec<Placed> = Vec::new();
    loop {
        let page = store.feed(after, limit).await?;
        assert!(page.events.len() <= limit as usize, "{} of {limit}", page.events.len());
        let Some(last) = page.events.last() else { return Ok(seen) };
        assert!(last.position <= page.last, "{page:?}");
        after = last.position;
        seen.extend(page.events);
    }
}

fn numbers(events: &[Placed]) -> Vec<(u8, u64)> {
    events.iter().map(|placed| (placed.event.connection.as_bytes()[0], placed.event.sequence)).collect()
}

/// Positions count up, and the events of each connection are in their order: none is missing, none is twice.
fn check_order(events: &[Placed]) {
    assert!(events.windows(2).all(|two| two[0].position < two[1].position), "{events:?}");
    let mut last = BTreeMap::new();
    for Placed { event, .. } in events {
        let before = last.insert(event.connection, event.sequence).unwrap_or(0);
        assert_eq!(event.sequence, before + 1, "{event:?}");
    }
}

/// Every event is there once, with what it says and the names of its connection, whatever the size of a page.
pub async fn the_feed_shows_every_event(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let empty = vault.store().feed(0, 10).await?;
    assert_eq!((empty.purged, empty.last, empty.events), (0, 0, Vec::new()));
    for number in [3, 1, 2] {
        insert(&vault, &row(number), "x").await?;
    }
    let why = diagnosis(trunkline_core::Cause::RateLimited);
    let two = vec![
        NewEvent::new(EventKind::Degraded, at(7)).because(why.clone()),
        NewEvent::new(EventKind::Recovered, at(8)),
    ];
    let done = vault.commit(GENERATION_1, &row(2), NewBody::Keep, two).await?;
    assert_eq!(done, Commit::Done { sequence: 3 });
    let all = follow(&**vault.store(), 0, 100).await?;
    check_order(&all);
    let mut found = numbers(&all);
    found.sort_unstable();
    assert_eq!(found, [(1, 1), (2, 1), (2, 2), (2, 3), (3, 1)]);
    for placed in &all {
        let number = placed.event.connection.as_bytes()[0];
        assert_eq!(placed.key, row(number).key);
        let stored = vault.events(placed.event.connection, placed.event.sequence - 1, 1).await?;
        assert_eq!(stored, std::slice::from_ref(&placed.event));
    }
    let degraded = all.iter().find(|placed| placed.event.kind == EventKind::Degraded);
    assert_eq!(degraded.and_then(|placed| placed.event.detail.as_ref()), Some(&why));
    for limit in [1, 2, 4] {
        assert_eq!(follow(&**vault.store(), 0, limit).await?, all, "pages of {limit}");
    }
    assert_eq!(vault.store().feed(0, 0).await?.events, []);
    Ok(())
}

/// A position is given once, and what happens later comes later, also for another store on the same data.
pub async fn a_position_stays(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    for number in [5, 4] {
        insert(&vault, &row(number), "x").await?;
    }
    let before = follow(&**vault.store(), 0, 100).await?;
    let last = before.last().map_or(0, |placed| placed.position);
    for number in [1, 9] {
        insert(&vault, &row(number), "x").await?;
    }
    happen(&vault, 4, 1).await?;
    let other = if backend.is_shared() { super::sample::vault(backend).await? } else { vault.clone() };
    let later = follow(&**other.store(), last, 100).await?;
    let mut found = numbers(&later);
    found.sort_unstable();
    assert_eq!(found, [(1, 1), (4, 2), (9, 1)]);
    let all = follow(&**vault.store(), 0, 100).await?;
    assert_eq!(all, [before, later].concat());
    let end = vault.store().feed(u64::MAX, 10).await?;
    assert_eq!((end.events.len(), end.last), (0, all.last().map_or(0, |placed| placed.position)));
    Ok(())
}

/// While eight write, two readers follow with a cursor each: both get every event once, in the same order, and
/// those of a connection in theirs.
pub async fn a_cursor_misses_nothing(backend: &impl Backend) -> Result<(), StoreError> {
    const EACH: u64 = 12;
    let first = vault(backend).await?;
    let second = if backend.is_shared() { vault(backend).await? } else { first.clone() };
    for number in 1..=4 {
        insert(&first, &row(number), "x").await?;
    }
    let writers = (0..8_u8).map(|writer| {
        let vault = if writer % 2 == 0 { &first } else { &second };
        async move {
            for round in 0..EACH {
                let second = i64::try_from(round).unwrap_or(0);
                happen(vault, 1 + (writer + u8::try_from(round).unwrap_or(0)) % 4, second).await?;
            }
            Ok::<_, StoreError>(())
        }
    });
    let wanted = 4 + 8 * usize::try_from(EACH).unwrap_or(0);
    let readers = [&first, &second].map(|vault| async move {
        let mut seen = Vec::new();
        while seen.len() < wanted {
            let after = seen.last().map_or(0, |placed: &Placed| placed.position);
            seen.extend(vault.store().feed(after, 5).await?.events);
            tokio::task::yield_now().await;
        }
        Ok::<_, StoreError>(seen)
    });
    let (written, read) = join(join_all(writers), join_all(readers)).await;
    written.into_iter().collect::<Result<(), _>>()?;
    let read = read.into_iter().collect::<Result<Vec<_>, _>>()?;
    check_order(&read[0]);
    assert_eq!(read[0].len(), wanted);
    assert_eq!(read[0], read[1]);
    assert_eq!(follow(&**first.store(), 0, 100).await?, read[0], "and it stays so");
    Ok(())
}

/// What is old goes from the front, a little at a time, and the feed says up to where; what comes afterwards has
/// later positions, even if everything else is gone.
pub async fn old_events_are_purged_from_the_front(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let store = &**vault.store();
    assert_eq!(store.purge_events(at(100), 10).await?, 0);
    insert(&vault, &row(1), "x").await?;
    for second in [2, 3, 50, 4, 60] {
        happen(&vault, 1, second).await?;
    }
    let all = follow(store, 0, 100).await?;
    let kept = |events: &[Placed]| numbers(events).into_iter().map(|(_, number)| number).collect::<Vec<_>>();
    assert_eq!(store.purge_events(at(1), 10).await?, 0);
    assert_eq!(store.purge_events(at(50), 2).await?, 2, "no more than asked for");
    assert_eq!(store.feed(0, 100).await?.purged, all[1].position);
    assert_eq!(store.purge_events(at(50), 10).await?, 1, "an old one behind a young one waits for it");
    let left = store.feed(0, 100).await?;
    assert_eq!((left.purged, left.last), (all[2].position, all[5].position));
    assert_eq!(left.events, all[3..]);
    assert_eq!(kept(&follow(store, left.purged, 1).await?), [4, 5, 6]);
    assert_eq!(vault.events(id(1), 0, 10).await?.len(), 3);
    assert!([2, 3].contains(&store.purge_events(at(1_000), 10).await?), "the very last may stay");
    assert_eq!(store.purge_events(at(1_000), 10).await?, 0);
    assert_eq!(store.feed(0, 100).await?.last, all[5].position);
    happen(&vault, 1, 70).await?;
    let after = store.feed(all[5].position, 100).await?;
    assert_eq!((kept(&after.events), after.last > all[5].position), (vec![7], true));
    assert_eq!(stored(&vault, &row(1)).await?.0.sequence, 7);
    Ok(())
}
