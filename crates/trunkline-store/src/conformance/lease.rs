//! Rules about leases: who gets one, who keeps it, and what it tells about the attempt.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::Backend;
use super::sample::*;
use crate::{Fence, Intent, Lease, LeaseAsk, LeaseOwner, Seen, Settle, Store, StoreError, Vault};

/// A free row of generation 1 without an intent, asked for by the owner of this number.
pub(super) fn ask(owner: u8) -> LeaseAsk {
    LeaseAsk {
        id: id(1),
        generation: 1,
        seen: Seen::Free,
        intent: None,
        owner: LeaseOwner::from_bytes([owner; 16]),
        fingerprint: [7; 32],
    }
}

/// The same, with everything as `lease` shows it.
pub(super) fn ask_after(owner: u8, lease: &Lease) -> LeaseAsk {
    LeaseAsk { seen: lease.seen(), intent: lease.intent.as_ref().map(|intent| intent.epoch), ..ask(owner) }
}

/// A vault with one connection.
pub(super) async fn connected(backend: &impl Backend) -> Result<Vault, StoreError> {
    let vault = vault(backend).await?;
    insert(&vault, &acme(1), "one").await?;
    Ok(vault)
}

/// How the lease stands, without the age of its intent.
pub(super) async fn lease_of(store: &dyn Store) -> Result<Lease, StoreError> {
    Ok(ageless(aged_lease_of(store).await?))
}

async fn aged_lease_of(store: &dyn Store) -> Result<Lease, StoreError> {
    Ok(store.get(&acme(1).key).await?.unwrap_or_else(|| panic!("the connection is stored")).lease)
}

fn ageless(mut lease: Lease) -> Lease {
    if let Some(intent) = &mut lease.intent {
        intent.age = None;
    }
    lease
}

pub(super) fn intent(epoch: u64, attempt: u32) -> Option<Intent> {
    Some(Intent { epoch, fingerprint: [7; 32], attempt, age: None })
}

/// The row shows who holds the lease, since when it counts, and what is about to be spent.
pub async fn a_lease_names_its_owner_and_its_intent(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = connected(backend).await?;
    let store = vault.store();
    assert_eq!(lease_of(&**store).await?, Lease::default());
    assert_eq!(store.lease(&ask(1)).await?, Some(1));
    let owner = Some(LeaseOwner::from_bytes([1; 16]));
    let expected = Lease { owner, epoch: 1, beat: 0, intent: intent(1, 1) };
    assert_eq!(lease_of(&**store).await?, expected);
    let by_id = store.get_by_id(id(1)).await?.map(|stored| ageless(stored.lease));
    assert_eq!(by_id, Some(expected));
    assert_eq!(vault.load(&acme(1).key).await?.and_then(|opened| opened.held), Some(held("one")));
    Ok(())
}

/// One thing that is not as it was seen, and nothing is granted and nothing changes.
pub async fn a_lease_is_granted_only_as_it_was_seen(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = connected(backend).await?;
    let store = vault.store();
    let held_unseen = Seen::Held { epoch: 0, beat: 0 };
    let wrong = [
        LeaseAsk { id: id(2), ..ask(1) },
        LeaseAsk { generation: 2, ..ask(1) },
        LeaseAsk { generation: 0, ..ask(1) },
        LeaseAsk { seen: held_unseen, ..ask(1) },
        LeaseAsk { intent: Some(0), ..ask(1) },
        LeaseAsk { intent: Some(1), ..ask(1) },
    ];
    for ask in &wrong {
        assert_eq!(store.lease(ask).await?, None, "{ask:?}");
    }
    assert_eq!(lease_of(&**store).await?, Lease::default());

    assert_eq!(store.lease(&ask(1)).await?, Some(1));
    assert!(store.settle(id(1), &Fence { epoch: 1, then: Settle::LeaveOpen { epoch: 1 } }).await?);
    let open = lease_of(&**store).await?;
    assert_eq!(open, Lease { owner: None, epoch: 1, beat: 0, intent: intent(1, 1) });
    for unseen in [None, Some(0), Some(2)] {
        assert_eq!(store.lease(&LeaseAsk { intent: unseen, ..ask(2) }).await?, None, "{unseen:?}");
    }
    assert_eq!(lease_of(&**store).await?, open);
    assert_eq!(store.lease(&ask_after(2, &open)).await?, Some(2), "the intent that was seen is replaced");
    Ok(())
}

/// Sixteen askers at once, of one store or of two: one gets the lease, free or held.
pub async fn of_sixteen_askers_one_gets_the_lease(backend: &impl Backend) -> Result<(), StoreError> {
    let first = connected(backend).await?;
    let second = if backend.is_shared() { vault(backend).await? } else { first.clone() };
    for round in 1..=3 {
        let seen = lease_of(&**first.store()).await?;
        let asks = (1..=16).map(|owner| {
            let vault = if owner % 2 == 0 { &first } else { &second };
            let ask = ask_after(owner, &seen);
            async move { Ok((owner, vault.store().lease(&ask).await?)) }
        });
        let answers = join_all(asks).await.into_iter().collect::<Result<Vec<_>, StoreError>>()?;
        let won: Vec<_> = answers.iter().filter_map(|(owner, epoch)| Some((*owner, (*epoch)?))).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        assert_eq!(won[0].1, round, "epochs count up");
        let owner = Some(LeaseOwner::from_bytes([won[0].0; 16]));
        assert_eq!(lease_of(&**second.store()).await?.owner, owner, "the row names the winner");
    }
    Ok(())
}

/// Who takes over must have seen the epoch and the beat that are stored.
pub async fn a_takeover_needs_the_epoch_and_the_beat(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = connected(backend).await?;
    let store = vault.store();
    let (one, owner) = (ask(1), LeaseOwner::from_bytes([1; 16]));
    assert_eq!(store.lease(&one).await?, Some(1));
    let seen = lease_of(&**store).await?;
    assert!(store.beat(id(1), owner, 1).await?);
    assert_eq!(store.lease(&ask_after(2, &seen)).await?, None, "a beat protects");
    let seen = lease_of(&**store).await?;
    assert_eq!((seen.epoch, seen.beat), (1, 1));
    let wrong = [
        Seen::Free,
        Seen::Held { epoch: 0, beat: 1 },
        Seen::Held { epoch: 2, beat: 1 },
        Seen::Held { epoch: 1, beat: 0 },
        Seen::Held { epoch: 1, beat: 2 },
    ];
    for wrong in wrong {
        assert_eq!(store.lease(&LeaseAsk { seen: wrong, ..ask_after(2, &seen) }).await?, None, "{wrong:?}");
    }
    assert_eq!(lease_of(&**store).await?, seen, "who was refused changed nothing");
    assert_eq!(store.lease(&ask_after(2, &seen)).await?, Some(2));
    let owner = Some(LeaseOwner::from_bytes([2; 16]));
    let taken = Lease { owner, epoch: 2, beat: 0, intent: intent(2, 2) };
    assert_eq!(lease_of(&**store).await?, taken, "the beat starts anew");
    Ok(())
}

/// Only the owner beats, and only under its epoch.
pub async fn a_beat_is_the_owners_alone(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = connected(backend).await?;
    let store = vault.store();
    let [one, two] = [1, 2].map(|owner| LeaseOwner::from_bytes([owner; 16]));
    assert!(!store.beat(id(1), one, 0).await?, "a free lease has no beat");
    assert_eq!(store.lease(&ask(1)).await?, Some(1));
    for (id, owner, epoch) in [(id(1), two, 1), (id(1), one, 0), (id(1), one, 2), (id(2), one, 1)] {
        assert!(!store.beat(id, owner, epoch).await?, "{owner:?} {epoch}");
    }
    assert_eq!(lease_of(&**store).await?.beat, 0);
    for beat in 1..=3 {
        assert!(store.beat(id(1), one, 1).await?);
        assert_eq!(lease_of(&**store).await?.beat, beat);
    }
    let seen = lease_of(&**store).await?;
    assert_eq!(store.lease(&ask_after(2, &seen)).await?, Some(2));
    assert!(!store.beat(id(1), one, 1).await?, "the lease is another's now");
    assert!(store.settle(id(1), &Fence::close(2)).await?);
    assert!(!store.beat(id(1), two, 2).await?, "the lease is free again");
    Ok(())
}

/// A knock moves the beat where everything is as it was seen, held or free, and so makes every other observer
/// of a held lease start again.
pub async fn a_knock_moves_the_beat_it_saw(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = connected(backend).await?;
    let store = vault.store();
    assert_eq!(store.lease(&ask(1)).await?, Some(1));
    let held = Seen::Held { epoch: 1, beat: 0 };
    let wrong = [
        (Seen::Free, Some(1)),
        (held, None),
        (held, Some(0)),
        (Seen::Held { epoch: 1, beat: 1 }, Some(1)),
        (Seen::Held { epoch: 0, beat: 0 }, Some(1)),
    ];
    for (seen, intent) in wrong {
        assert_eq!(store.knock(id(1), seen, intent).await?, None, "{seen:?} {intent:?}");
    }
    assert_eq!(store.knock(id(2), held, Some(1)).await?, None);
    assert_eq!(store.knock(id(1), held, Some(1)).await?, Some(1));
    assert_eq!(store.knock(id(1), held, Some(1)).await?, None, "it moved");
    let seen = lease_of(&**store).await?;
    assert_eq!((seen.owner, seen.beat), (Some(LeaseOwner::from_bytes([1; 16])), 1));

    let refused = Settle::LeaveOpen { epoch: Intent::REFUSED };
    assert!(store.settle(id(1), &Fence { epoch: 1, then: refused }).await?);
    for beat in 2..4 {
        assert_eq!(store.knock(id(1), Seen::Free, Some(Intent::REFUSED)).await?, Some(beat));
    }
    assert_eq!(store.knock(id(1), Seen::Free, None).await?, None);
    Ok(())
}

/// The attempts on one secret count up and its age goes on; another secret starts anew.
pub async fn an_intent_on_the_same_secret_goes_on(backend: &impl Backend) -> Result<(), StoreError> {
    const PAUSE: Duration = Duration::from_millis(60);
    let vault = connected(backend).await?;
    let store = vault.store();
    for attempt in 1..=3 {
        let seen = lease_of(&**store).await?;
        assert_eq!(store.lease(&ask_after(1, &seen)).await?, Some(u64::from(attempt)));
        assert_eq!(lease_of(&**store).await?.intent, intent(u64::from(attempt), attempt));
        sleep(PAUSE).await;
    }
    let age = |lease: Lease| lease.intent.and_then(|intent| intent.age);
    let seen = aged_lease_of(&**store).await?;
    let old = age(seen.clone());
    assert!(old.is_some() || !backend.tells_age(), "the age is known");
    assert!(old.is_none_or(|old| old >= 2 * PAUSE), "{old:?}: the age is that of the first attempt");

    let before = Instant::now();
    let other = LeaseAsk { fingerprint: [8; 32], ..ask_after(1, &seen) };
    assert_eq!(store.lease(&other).await?, Some(4));
    let anew = aged_lease_of(&**store).await?;
    let young = age(anew.clone());
    let attempt = anew.intent.map(|intent| (intent.attempt, intent.fingerprint));
    assert_eq!(attempt, Some((1, [8; 32])));
    assert_eq!(young.is_some(), old.is_some());
    // A clock may count whole milliseconds.
    let most = before.elapsed() + Duration::from_millis(5);
    assert!(young.is_none_or(|young| young <= most), "{young:?} is more than {most:?}");

    assert!(store.settle(id(1), &Fence::close(4)).await?);
    assert_eq!(store.lease(&LeaseAsk { fingerprint: [8; 32], ..ask(1) }).await?, Some(5));
    let attempt = lease_of(&**store).await?.intent.map(|intent| intent.attempt);
    assert_eq!(attempt, Some(1), "a closed intent is forgotten");
    Ok(())
}
