//! Rules about what all processes know together.

use futures_util::future::join_all;
use jiff::Timestamp;
use trunkline_core::Cause;

use super::Backend;
use super::sample::*;
use crate::{Breaker, State, StoreError, Vault};

const CLIENT: [u8; 32] = [7; 32];

/// One vote for each tenant, counted by the time of its last one; topics do not mix.
pub async fn each_tenant_has_one_vote(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let marks = vault.marks();
    for (tenant, second) in [("a", 10), ("b", 20), ("a", 30), ("c", 5), ("c", 4), ("A", 40)] {
        marks.vote("c", b"invalid_client", tenant, at(second), at(1_000)).await?;
    }
    for (since, votes) in [(0, 4), (5, 4), (6, 3), (20, 3), (21, 2), (40, 1), (41, 0)] {
        assert_eq!(marks.votes("c", b"invalid_client", at(since)).await?, votes, "since {since}");
    }
    assert_eq!(marks.voters("c", b"invalid_client", at(20), 10).await?, ["A", "a", "b"]);
    assert_eq!(marks.voters("c", b"invalid_client", at(0), 2).await?, ["A", "a"]);
    marks.vote("other", b"invalid_client", "a", at(10), at(1_000)).await?;
    marks.vote("c", b"invalid_grant", "a", at(10), at(1_000)).await?;
    marks.take_back("c", b"invalid_client", "A").await?;
    marks.take_back("c", b"invalid_client", "nobody").await?;
    assert_eq!(marks.voters("c", b"invalid_client", Timestamp::MIN, 10).await?, ["a", "b", "c"]);
    assert_eq!(marks.withdraw("c", b"invalid_client").await?, 3);
    assert_eq!(marks.withdraw("c", b"invalid_client").await?, 0);
    let left =
        [("c", &b"invalid_client"[..], 0), ("other", b"invalid_client", 1), ("c", b"invalid_grant", 1)];
    for (connector, subject, votes) in left {
        assert_eq!(marks.votes(connector, subject, at(0)).await?, votes, "{connector}");
    }
    Ok(())
}

/// What was open stays open since then, with its newest reason, until it is closed; of several that open it at
/// once, one is told that it was closed.
pub async fn a_breaker_is_opened_once(backend: &impl Backend) -> Result<(), StoreError> {
    let first = vault(backend).await?;
    let second = if backend.is_shared() { vault(backend).await? } else { first.clone() };
    assert_eq!(first.marks().breaker("c", &CLIENT).await?, None);
    let why = diagnosis(Cause::ClientCredentialsInvalid);
    let openers = (0..8).map(|opener| {
        let (vault, why) = (if opener % 2 == 0 { &first } else { &second }, &why);
        async move { vault.marks().open_breaker("c", &CLIENT, why, at(10), at(60)).await }
    });
    let opened = join_all(openers).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(opened.iter().filter(|opened| **opened).count(), 1, "{opened:?}");
    let open = Breaker { since: at(10), diagnosis: why, look_at: at(60) };
    assert_eq!(second.marks().breaker("c", &CLIENT).await?, Some(open));
    let why = diagnosis(Cause::ConfigurationInvalid);
    assert!(!first.marks().open_breaker("c", &CLIENT, &why, at(70), at(130)).await?);
    let open = Breaker { since: at(10), diagnosis: why.clone(), look_at: at(130) };
    assert_eq!(second.marks().breaker("c", &CLIENT).await?, Some(open));
    assert_eq!(first.marks().breaker("c", &[8; 32]).await?, None, "another client");
    assert_eq!(first.marks().breaker("other", &CLIENT).await?, None, "another connector");
    assert!(second.marks().close_breaker("c", &CLIENT).await?);
    assert!(!first.marks().close_breaker("c", &CLIENT).await?);
    assert_eq!(first.marks().breaker("c", &CLIENT).await?, None);
    assert!(first.marks().open_breaker("c", &CLIENT, &why, at(200), at(260)).await?, "opened anew");
    assert_eq!(first.marks().breaker("c", &CLIENT).await?.map(|open| open.since), Some(at(200)));
    Ok(())
}

/// Of sixteen that see the same thing at once, one is the first; and nobody is later.
pub async fn a_thing_is_seen_for_the_first_time_once(backend: &impl Backend) -> Result<(), StoreError> {
    let first = vault(backend).await?;
    let second = if backend.is_shared() { vault(backend).await? } else { first.clone() };
    let once = async |vault: &Vault, what: u8| vault.marks().remember_once(&[what; 32], at(10), at(60)).await;
    let seers = (0..16).map(|seer| once(if seer % 2 == 0 { &first } else { &second }, 1));
    let seen = join_all(seers).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(seen.iter().filter(|first| **first).count(), 1, "{seen:?}");
    assert!(!once(&first, 1).await?);
    assert!(once(&first, 2).await?, "something else");
    let (marks, others) = (first.marks(), second.marks());
    for (times, holder, second) in [(1, "a", 20), (2, "a", 30), (1, "b", 10)] {
        assert_eq!(others.see("c", b"x", holder, at(second), at(60)).await?, times);
    }
    let seen = marks.seen("c", b"x", at(0), 10).await?;
    let seen: Vec<_> =
        seen.iter().map(|mark| (mark.holder.as_str(), mark.since, mark.at, mark.times)).collect();
    assert_eq!(seen, [("a", at(20), at(30), 2), ("b", at(10), at(10), 1)]);
    assert_eq!(
        [marks.count_seen("c", b"x", at(0)).await?, marks.count_seen("c", b"x", at(11)).await?],
        [2, 1]
    );
    marks.forget("c", b"x").await?;
    assert_eq!(others.seen("c", b"x", at(0), 10).await?, []);
    assert!(!once(&first, 1).await?, "another topic");
    Ok(())
}

/// What is over is purged, on every topic, by the time that was given last; the rest stays.
pub async fn marks_are_purged_when_their_time_is_over(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    let marks = vault.marks();
    marks.vote("c", b"x", "a", at(0), at(50)).await?;
    marks.vote("c", b"x", "b", at(0), at(20)).await?;
    marks.vote("c", b"x", "b", at(1), at(51)).await?;
    marks.vote("c", b"x", "c", at(0), at(49)).await?;
    let why = diagnosis(Cause::ClientCredentialsInvalid);
    assert!(marks.open_breaker("c", &CLIENT, &why, at(0), at(30)).await?);
    assert!(marks.remember_once(&CLIENT, at(0), at(50)).await?);
    assert_eq!(vault.store().purge_marks(at(50)).await?, 2);
    assert_eq!(marks.votes("c", b"x", at(0)).await?, 2);
    assert_eq!(marks.breaker("c", &CLIENT).await?, None);
    assert!(!marks.remember_once(&CLIENT, at(0), at(50)).await?);
    assert_eq!(vault.store().purge_marks(at(1_000)).await?, 3);
    assert!(marks.remember_once(&CLIENT, at(0), at(50)).await?);
    Ok(())
}

/// Each tenant once, however many connections it has, and only with one that is not disconnected; no further
/// than asked.
pub async fn tenants_are_counted_up_to_a_bound(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    assert_eq!(vault.store().count_tenants("c", 10).await?, 0);
    let rows = [
        (1, "a", "1", State::Active),
        (2, "a", "2", State::Active),
        (3, "b", "1", State::Disconnected),
        (4, "b", "2", State::NeedsConsent),
        (5, "d", "1", State::Disconnected),
        (6, "A", "1", State::Suspended),
        (7, "e", "1", State::Degraded),
    ];
    for (number, tenant, label, state) in rows {
        insert(&vault, &with_state(record(number, key(tenant, "c", label)), state), "x").await?;
    }
    insert(&vault, &record(8, key("f", "other", "1")), "x").await?;
    for (at_most, counted) in [(0, 0), (1, 1), (3, 3), (4, 4), (5, 4), (u32::MAX, 4)] {
        assert_eq!(vault.store().count_tenants("c", at_most).await?, counted, "at most {at_most}");
    }
    assert_eq!(vault.store().count_tenants("nobody", 10).await?, 0);
    Ok(())
}
