//! Rules about proofs that a grant lives.

use super::Backend;
use super::sample::*;
use crate::{
    Commit, EventKind, Expected, LeaseAsk, LeaseOwner, NewBody, Proof, Record, Seen, State, StoreError,
};

fn row(number: u8) -> Record {
    record(number, key("acme", "c", &format!("l{number}")))
}

fn proof(number: u8, second: i64, probe: Option<i64>) -> Proof {
    Proof { id: id(number), at: at(second), probe_at: probe.map(at) }
}

/// A batch writes two times into each row and nothing else: who holds the lease still does, and a change that
/// expects what was read before is still made.
pub async fn a_proof_touches_nothing_else(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    for number in 1..=3 {
        insert(&vault, &row(number), "x").await?;
    }
    let (owner, fingerprint) = (LeaseOwner::from_bytes([5; 16]), [6; 32]);
    let ask = LeaseAsk { id: id(1), generation: 1, seen: Seen::Free, intent: None, owner, fingerprint };
    assert!(vault.store().lease(&ask).await?.is_some());
    let mut before = Vec::new();
    for number in 1..=3 {
        before.push(vault.load_by_id(id(number)).await?);
    }
    let proofs = [proof(1, 20, Some(80)), proof(3, 21, None), proof(77, 22, None)];
    assert_eq!(vault.store().prove(&proofs).await?, 2, "one of them is of nobody");
    assert_eq!(vault.store().prove(&[]).await?, 0);
    for (number, before) in (1..=3).zip(&mut before) {
        let after = vault.load_by_id(id(number)).await?;
        if let (Some(before), Some(after)) = (before.as_mut(), &after) {
            let times = [(Some(at(20)), Some(at(80))), (None, None), (Some(at(21)), None)];
            (before.record.proved_at, before.record.probe_at) = times[usize::from(number) - 1];
            // The age of an intent goes on by itself.
            before.lease.intent.iter_mut().zip(&after.lease.intent).for_each(|(was, is)| was.age = is.age);
        }
        assert_eq!(&after, before, "{number}");
    }
    let unchanged = Expected::Unchanged { generation: 1, sequence: 1 };
    let degraded = with_state(row(3), State::Degraded);
    let done = vault.commit(unchanged, &degraded, NewBody::Keep, events(&[EventKind::Degraded])).await?;
    assert_eq!(done, Commit::Done { sequence: 2 });
    Ok(())
}

/// The latest proof counts, with the time that came with it, in one batch and between batches; and a change
/// made from an older reading does not take it back.
pub async fn a_proof_never_goes_back(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    insert(&vault, &row(1), "x").await?;
    let times = async || stored(&vault, &row(1)).await.map(|(row, _)| (row.proved_at, row.probe_at));
    let batch = [proof(1, 20, Some(80)), proof(1, 30, Some(90)), proof(1, 10, Some(70))];
    assert_eq!(vault.store().prove(&batch).await?, 1);
    assert_eq!(times().await?, (Some(at(30)), Some(at(90))));
    assert_eq!(vault.store().prove(&[proof(1, 29, Some(100)), proof(1, 30, None)]).await?, 0);
    assert_eq!(times().await?, (Some(at(30)), Some(at(90))));
    for older in [None, Some(at(5))] {
        let mut change = with_generation(row(1), 1);
        (change.proved_at, change.probe_at) = (older, Some(at(40)));
        let done = vault.commit(GENERATION_1, &change, NewBody::Keep, Vec::new()).await?;
        assert_eq!(done, Commit::Done { sequence: 1 });
        assert_eq!(times().await?, (Some(at(30)), Some(at(40))));
    }
    let mut renewed = with_generation(row(1), 2);
    renewed.proved_at = Some(at(31));
    let done = vault.commit(GENERATION_1, &renewed, NewBody::Replace(&held("y")), Vec::new()).await?;
    assert_eq!(done, Commit::Done { sequence: 1 });
    assert_eq!(times().await?, (Some(at(31)), None));
    Ok(())
}

/// Where the state says that the grant does not serve, a proof would be a recovery, which is a change.
pub async fn a_proof_recovers_nothing(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = vault(backend).await?;
    for (number, state) in (1..).zip(State::ALL) {
        insert(&vault, &with_state(row(number), *state), "x").await?;
    }
    let proofs: Vec<_> = (1..=5).map(|number| proof(number, 20, Some(80))).collect();
    assert_eq!(vault.store().prove(&proofs).await?, 2);
    for (number, state) in (1..).zip(State::ALL) {
        let (found, _) = stored(&vault, &row(number)).await?;
        assert_eq!((found.status().state(), found.proved_at.is_some()), (*state, state.serves()), "{state}");
        assert_eq!(found.probe_at.is_some(), state.serves(), "{state}");
    }
    Ok(())
}
