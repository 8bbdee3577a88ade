//! Rules about what an intent protects: changes and settlements under its epoch.

use super::Backend;
use super::lease::{ask, ask_after, connected, intent, lease_of};
use super::sample::*;
use crate::{
    Change, Commit, EventKind, Expected, Fence, Intent, Lease, LeaseOwner, NewBody, Settle, Store,
    StoreError, Vault,
};

const CONFLICT_1: Commit = Commit::Conflict { generation: Some(1) };

/// The lease of the owner 2 at epoch 2, who found the intent of epoch 1 open.
async fn taken_over(backend: &impl Backend) -> Result<Vault, StoreError> {
    let vault = connected(backend).await?;
    let store = vault.store();
    assert_eq!(store.lease(&ask(1)).await?, Some(1));
    let seen = lease_of(&**store).await?;
    assert_eq!(store.lease(&ask_after(2, &seen)).await?, Some(2));
    Ok(vault)
}

fn held_by_2(intent_epoch: u64) -> Lease {
    let owner = Some(LeaseOwner::from_bytes([2; 16]));
    Lease { owner, epoch: 2, beat: 0, intent: intent(intent_epoch, 2) }
}

/// What each settlement leaves behind.
fn settlements() -> [(Settle, Lease); 3] {
    let free = Lease { owner: None, ..held_by_2(1) };
    [
        (Settle::LeaveOpen { epoch: 1 }, free.clone()),
        (Settle::LeaveOpen { epoch: 2 }, Lease { intent: intent(2, 2), ..free.clone() }),
        (Settle::Close, Lease { intent: None, ..free }),
    ]
}

/// A change of the state, which keeps the secrets.
fn degraded(vault: &Vault, fence: Option<Fence>) -> Result<Change, StoreError> {
    let record = with_state(acme(1), crate::State::Degraded);
    vault.seal(GENERATION_1, fence, &record, NewBody::Keep, events(&[EventKind::Degraded]))
}

/// The next credential.
fn renewed(vault: &Vault, fence: Option<Fence>) -> Result<Change, StoreError> {
    let record = with_generation(acme(1), 2);
    vault.seal(GENERATION_1, fence, &record, NewBody::Replace(&held("two")), events(&[EventKind::Renewed]))
}

/// Each settlement does what it says, once, and only under the epoch of the intent.
pub async fn a_settlement_needs_the_intents_epoch(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = taken_over(backend).await?;
    let store = vault.store();
    for (then, left) in settlements() {
        let before = lease_of(&**store).await?;
        for epoch in [0, 1, 3] {
            assert!(!store.settle(id(1), &Fence { epoch, then }).await?, "{epoch} {then:?}");
        }
        assert!(!store.settle(id(2), &Fence { epoch: 2, then }).await?);
        assert_eq!(lease_of(&**store).await?, before, "a refused settlement changes nothing");
        assert!(store.settle(id(1), &Fence { epoch: 2, then }).await?);
        assert_eq!(lease_of(&**store).await?, left, "{then:?}");
        let reopen = Fence { epoch: 1, then: Settle::LeaveOpen { epoch: 2 } };
        let reopened = store.settle(id(1), &reopen).await?;
        assert_eq!(reopened, then == Settle::LeaveOpen { epoch: 1 }, "{then:?}");
    }
    assert!(!store.settle(id(1), &Fence::close(2)).await?, "a closed intent is nobody's");
    Ok(())
}

/// A change under an intent that is another's changes neither record nor secrets, events or lease.
pub async fn a_change_under_anothers_intent_changes_nothing(
    backend: &impl Backend,
) -> Result<(), StoreError> {
    let vault = taken_over(backend).await?;
    let (store, before) = (vault.store(), stored(&vault, &acme(1)).await?);
    let lease = lease_of(&**store).await?;
    for epoch in [0, 1, 3] {
        let late = Some(Fence::close(epoch));
        assert_eq!(store.commit(&renewed(&vault, late)?).await?, CONFLICT_1, "{epoch}");
        assert_eq!(store.commit(&degraded(&vault, late)?).await?, CONFLICT_1, "{epoch}");
        let restored = Change { record: with_generation(acme(1), 5), ..restored(&vault, late)? };
        assert_eq!(store.commit(&restored).await?, CONFLICT_1, "{epoch}");
    }
    assert_eq!(stored(&vault, &acme(1)).await?, before);
    assert_eq!(lease_of(&**store).await?, lease);
    assert_eq!(store.events(id(1), 0, 10).await?.len(), 1);
    assert!(store.settle(id(1), &Fence::close(2)).await?);
    assert_eq!(store.commit(&degraded(&vault, Some(Fence::close(2)))?).await?, CONFLICT_1, "it is closed");
    Ok(())
}

/// The right intent does not help where the generation is another one.
pub async fn a_fence_does_not_replace_the_generation(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = taken_over(backend).await?;
    let late = Change { expected: Expected::Generation(2), ..renewed(&vault, Some(Fence::close(2)))? };
    let late = Change { record: with_generation(acme(1), 3), ..late };
    assert_eq!(vault.store().commit(&late).await?, CONFLICT_1);
    assert_eq!(lease_of(&**vault.store()).await?, held_by_2(2));
    Ok(())
}

/// A change settles lease and intent as its fence says, with or without events.
pub async fn a_change_settles_as_its_fence_says(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = taken_over(backend).await?;
    let store = vault.store();
    let mut sequence = 1;
    for (then, left) in settlements() {
        for with_event in [true, false] {
            let epoch = reopened(&**store).await?;
            let mut change = degraded(&vault, Some(Fence { epoch, then }))?;
            if with_event {
                sequence += 1;
            } else {
                change.events.clear();
            }
            assert_eq!(store.commit(&change).await?, Commit::Done { sequence }, "{then:?}");
            assert_eq!(lease_of(&**store).await?, Lease { epoch, ..left.clone() }, "{then:?}");
            assert_eq!(stored(&vault, &acme(1)).await?.1, Some(held("one")), "the secrets stay");
        }
    }
    assert_eq!(store.events(id(1), 0, 10).await?.len() as u64, sequence);
    Ok(())
}

/// Opens the intent of the newest epoch again after a settlement, and answers that epoch.
async fn reopened(store: &dyn Store) -> Result<u64, StoreError> {
    let lease = lease_of(store).await?;
    match lease.intent {
        None => Ok(store.lease(&ask(2)).await?.unwrap_or_default()),
        Some(intent) if intent.epoch == lease.epoch => Ok(lease.epoch),
        Some(intent) => {
            let back = Fence { epoch: intent.epoch, then: Settle::LeaveOpen { epoch: lease.epoch } };
            assert!(store.settle(id(1), &back).await?);
            Ok(lease.epoch)
        }
    }
}

/// New secrets, restored ones and none end every lease and every intent, under a fence or without one.
pub async fn new_secrets_end_lease_and_intent(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = connected(backend).await?;
    let store = vault.store();
    let mut generation = 1;
    for fenced in [true, false] {
        for kind in 0..3 {
            let (owner, epoch) = (9, lease_of(&**store).await?.epoch + 1);
            assert_eq!(store.lease(&crate::LeaseAsk { generation, ..ask(owner) }).await?, Some(epoch));
            let fence = fenced.then_some(Fence::close(epoch));
            let step = if kind == 1 { 5 } else { 1 };
            let record = with_generation(acme(1), generation + step);
            let (expected, secrets) = (Expected::Generation(generation), held("new"));
            let body = if kind == 2 { NewBody::Clear } else { NewBody::Replace(&secrets) };
            let mut change = vault.seal(expected, fence, &record, body, Vec::new())?;
            if kind == 1 {
                change = as_restored(change);
            }
            assert_eq!(store.commit(&change).await?, Commit::Done { sequence: 1 }, "{change:?}");
            generation = record.generation;
            let left = Lease { epoch, ..Lease::default() };
            assert_eq!(lease_of(&**store).await?, left, "{fence:?} {kind}");
            assert_eq!(stored(&vault, &record).await?.1, (kind != 2).then_some(secrets), "{kind}");
        }
    }
    Ok(())
}

/// A change of the state without a fence is nobody's business who renews.
pub async fn kept_secrets_leave_the_lease_alone(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = taken_over(backend).await?;
    let store = vault.store();
    assert!(store.beat(id(1), LeaseOwner::from_bytes([2; 16]), 2).await?);
    let before = lease_of(&**store).await?;
    assert_eq!(store.commit(&degraded(&vault, None)?).await?, Commit::Done { sequence: 2 });
    assert_eq!(lease_of(&**store).await?, before);
    Ok(())
}

/// Who holds an answer may write it while its intent stands, though the lease is free; not after a
/// successor's intent, and again when that one was given back.
pub async fn the_fence_is_the_intent_and_not_the_lease(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = connected(backend).await?;
    let store = vault.store();
    assert_eq!(store.lease(&ask(1)).await?, Some(1));
    assert!(store.settle(id(1), &Fence { epoch: 1, then: Settle::LeaveOpen { epoch: 1 } }).await?);
    let seen = lease_of(&**store).await?;
    assert_eq!(store.lease(&ask_after(2, &seen)).await?, Some(2));
    let answer = renewed(&vault, Some(Fence::close(1)))?;
    assert_eq!(store.commit(&answer).await?, CONFLICT_1);
    assert!(store.settle(id(1), &Fence { epoch: 2, then: Settle::LeaveOpen { epoch: 1 } }).await?);
    assert_eq!(store.commit(&answer).await?, Commit::Done { sequence: 2 });
    assert_eq!(stored(&vault, &with_generation(acme(1), 2)).await?.1, Some(held("two")));
    assert_eq!(lease_of(&**store).await?, Lease { epoch: 2, ..Lease::default() });
    Ok(())
}

/// An intent that was refused is nobody's to settle by its old epochs, and admits the answer of every holder.
pub async fn a_refused_intent_admits_every_answer(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = taken_over(backend).await?;
    let store = vault.store();
    let refused = Settle::LeaveOpen { epoch: Intent::REFUSED };
    assert!(store.settle(id(1), &Fence { epoch: 2, then: refused }).await?);
    for epoch in [1, 2] {
        assert!(!store.settle(id(1), &Fence::close(epoch)).await?, "{epoch}");
        assert_eq!(store.commit(&degraded(&vault, Some(Fence::close(epoch)))?).await?, CONFLICT_1);
    }
    let verdict = degraded(&vault, Some(Fence { epoch: Intent::REFUSED, then: refused }))?;
    assert_eq!(store.commit(&verdict).await?, Commit::Done { sequence: 2 });
    assert!(lease_of(&**store).await?.intent.is_some_and(|intent| intent.is_refused()), "it outlives that");
    let late = renewed(&vault, Some(Fence::close(1)))?;
    assert_eq!(store.commit(&late).await?, Commit::Done { sequence: 3 });
    assert_eq!(lease_of(&**store).await?, Lease { epoch: 2, ..Lease::default() });
    Ok(())
}

/// Secrets of a later generation are written back over what is stored, and open.
pub async fn secrets_of_a_later_generation_are_restored(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = connected(backend).await?;
    let change = restored(&vault, None)?;
    assert_eq!(vault.store().commit(&change).await?, Commit::Done { sequence: 1 });
    let (record, secrets) = stored(&vault, &acme(1)).await?;
    assert_eq!((record.generation, secrets), (5, Some(held("later"))));
    let again = vault.store().commit(&change).await?;
    assert_eq!(again, Commit::Conflict { generation: Some(5) });
    Ok(())
}

fn restored(vault: &Vault, fence: Option<Fence>) -> Result<Change, StoreError> {
    let record = with_generation(acme(1), 5);
    let change = vault.seal(GENERATION_1, fence, &record, NewBody::Replace(&held("later")), Vec::new())?;
    Ok(as_restored(change))
}

fn as_restored(mut change: Change) -> Change {
    if let crate::Body::Replace(sealed) = change.body {
        change.body = crate::Body::Restore(sealed);
    }
    change
}
