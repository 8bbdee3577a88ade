//! The contract of a store, kept by whatever runs the statements.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey};

use super::{Sql, Value, change, row, signed, text};
use crate::{
    Change, Commit, ConsentOutcome, Event, Feed, Fence, KeyId, LeaseAsk, LeaseOwner, Mark, NewMark, Proof,
    Record, Rewrap, SealedConsent, Seen, Settle, Store, StoreError, Stored, Take, Taken, Topic, Wrapped,
};

/// No epoch, where one is compared: none is negative.
const NONE: i64 = -1;

/// How many events are placed in one commit.
const PLACED_AT_ONCE: i64 = 1_000;

#[async_trait]
impl<S: Sql> Store for S {
    async fn get(&self, key: &ConnectionKey) -> Result<Option<Stored>, StoreError> {
        let found = self.read(S::WORDS.by_key, &change::key_values(key)).await?;
        found.first().map(row::stored::<S>).transpose()
    }

    async fn get_by_id(&self, id: ConnectionId) -> Result<Option<Stored>, StoreError> {
        let found = self.read(S::WORDS.by_id, &[id.as_bytes().into()]).await?;
        found.first().map(row::stored::<S>).transpose()
    }

    async fn list(
        &self,
        tenant: &str,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        // No name is empty, so every pair comes after this one.
        let (connector, label) = after.unwrap_or(("", ""));
        let values = [tenant.into(), connector.into(), label.into(), i64::from(limit).into()];
        self.read(text::PAGE, &values).await?.iter().map(row::record).collect()
    }

    async fn list_all(&self, after: Option<&ConnectionKey>, limit: u32) -> Result<Vec<Record>, StoreError> {
        // No name is empty, so every key comes after this one.
        let [tenant, connector, label] = after.map_or([Value::from(""); 3], change::key_values);
        self.read(text::PAGE_OF_ALL, &[tenant, connector, label, i64::from(limit).into()])
            .await?
            .iter()
            .map(row::record)
            .collect()
    }

    async fn same_account(
        &self,
        connector: &str,
        account_key: &str,
        except: ConnectionId,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        let values = [connector.into(), account_key.into(), except.as_bytes().into()];
        ids(&self.read(text::SAME_ACCOUNT, &values).await?)
    }

    async fn holders(
        &self,
        connector: &str,
        account_keys: &RangeInclusive<String>,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        let (first, last) = (account_keys.start().as_str(), account_keys.end().as_str());
        ids(&self.read(text::HOLDERS, &[connector.into(), first.into(), last.into()]).await?)
    }

    async fn company_holders(&self, connector: &str, company: &str) -> Result<Vec<ConnectionId>, StoreError> {
        ids(&self.read(S::WORDS.company_holders, &[connector.into(), company.into()]).await?)
    }

    async fn commit(&self, change: &Change) -> Result<Commit, StoreError> {
        change.check()?;
        change::commit(self, change).await
    }

    async fn lease(&self, ask: &LeaseAsk) -> Result<Option<u64>, StoreError> {
        let (epoch, beat) = seen(ask.seen)?;
        let mut values: Vec<Value<'_>> = vec![
            ask.owner.as_bytes().into(),
            (&ask.fingerprint).into(),
            ask.id.as_bytes().into(),
            signed(ask.generation)?.into(),
            epoch.into(),
            beat.into(),
            ask.intent.map_or(Ok(NONE), signed)?.into(),
        ];
        values.extend(S::stamp());
        let done = self.write(S::WORDS.lease, &values).await?;
        done.first().map(|done| row::count(done, 0)).transpose()
    }

    async fn knock(
        &self,
        id: ConnectionId,
        seen: Seen,
        intent: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let (epoch, beat) = self::seen(seen)?;
        let intent = intent.map_or(Ok(NONE), signed)?;
        let values = [id.as_bytes().into(), epoch.into(), beat.into(), intent.into()];
        let done = self.write(text::KNOCK, &values).await?;
        done.first().map(|done| row::count(done, 0)).transpose()
    }

    async fn beat(&self, id: ConnectionId, owner: LeaseOwner, epoch: u64) -> Result<bool, StoreError> {
        let values = [id.as_bytes().into(), owner.as_bytes().into(), signed(epoch)?.into()];
        Ok(!self.write(text::BEAT, &values).await?.is_empty())
    }

    async fn settle(&self, id: ConnectionId, fence: &Fence) -> Result<bool, StoreError> {
        let mut values = vec![id.as_bytes().into(), signed(fence.epoch)?.into()];
        let statement = match fence.then {
            Settle::Close => text::SETTLE_CLOSE,
            Settle::LeaveOpen { epoch } => {
                values.push(signed(epoch)?.into());
                text::SETTLE_LEAVE_OPEN
            }
        };
        Ok(!self.write(statement, &values).await?.is_empty())
    }

    async fn claim_due(
        &self,
        connector: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        claim(self, S::WORDS.claim_due, connector, [now, until], limit).await
    }

    async fn claim_probes(
        &self,
        connector: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        claim(self, S::WORDS.claim_probes, connector, [now, until], limit).await
    }

    async fn prove(&self, proofs: &[Proof]) -> Result<u64, StoreError> {
        let proofs: Vec<_> = Proof::latest(proofs).collect();
        if proofs.is_empty() { Ok(0) } else { Sql::prove(self, &proofs).await }
    }

    async fn count_tenants(&self, connector: &str, at_most: u32) -> Result<u64, StoreError> {
        let found = self.read(text::COUNT_TENANTS, &[connector.into(), i64::from(at_most).into()]).await?;
        found.first().map_or(Ok(0), |found| row::count(found, 0))
    }

    async fn events(
        &self,
        id: ConnectionId,
        after_sequence: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        // No number is beyond what the column can hold.
        let after = i64::try_from(after_sequence).unwrap_or(i64::MAX);
        let values = [id.as_bytes().into(), after.into(), i64::from(limit).into()];
        let found = self.read(text::EVENTS, &values).await?;
        found.iter().map(|found| row::event(found, id, 0)).collect()
    }

    async fn feed(&self, after: u64, limit: u32) -> Result<Feed, StoreError> {
        let values = [i64::try_from(after).unwrap_or(i64::MAX).into(), i64::from(limit).into()];
        loop {
            let page = row::feed(&self.read(S::WORDS.feed, &values).await?)?;
            // A whole page needs no more; else what has no place yet may belong to it.
            if page.events.len() as u64 >= u64::from(limit) || !place(self).await? {
                return Ok(page);
            }
        }
    }

    async fn purge_events(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        while place(self).await? {}
        let values = [before.as_microsecond().into(), i64::from(limit).into()];
        Ok(self.write(S::WORDS.purge_events, &values).await?.len() as u64)
    }

    async fn key_ids(&self) -> Result<Vec<KeyId>, StoreError> {
        self.read(text::KEY_IDS, &[]).await?.iter().map(|found| row::key_id(found, 0)).collect()
    }

    async fn wrapped_under(
        &self,
        key_id: KeyId,
        after: Option<ConnectionId>,
        limit: u32,
    ) -> Result<Vec<Wrapped>, StoreError> {
        // Every id comes after no bytes at all.
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes().as_slice());
        let values = [key_id.as_bytes().into(), after.into(), i64::from(limit).into()];
        self.read(text::WRAPPED_UNDER, &values).await?.iter().map(row::wrapped).collect()
    }

    async fn count_wrapped_under(&self, key_id: KeyId) -> Result<u64, StoreError> {
        let found = self.read(text::COUNT_WRAPPED_UNDER, &[key_id.as_bytes().into()]).await?;
        found.first().map_or(Ok(0), |found| row::count(found, 0))
    }

    async fn rewrap(&self, from: KeyId, rows: &[Rewrap]) -> Result<u64, StoreError> {
        Sql::rewrap(self, from, rows).await
    }

    async fn pending_revocations(&self, limit: u32) -> Result<Vec<ConnectionId>, StoreError> {
        ids(&self.read(text::PENDING_REVOCATIONS, &[i64::from(limit).into()]).await?)
    }

    async fn mark(&self, topic: Topic<'_>, mark: &NewMark<'_>) -> Result<u64, StoreError> {
        let why = mark.why.map(change::json).transpose()?;
        let [kind, connector, subject] = topic_values(topic);
        let times = [mark.at, mark.until].map(|time| time.as_microsecond().into());
        let values =
            [kind, connector, subject, mark.holder.into(), times[0], times[1], why.as_deref().into()];
        let made = self.write(text::MARK, &values).await?;
        made.first().map_or(Err(super::corrupt("a mark")), |made| row::count(made, 0))
    }

    async fn marks(&self, topic: Topic<'_>, since: Timestamp, limit: u32) -> Result<Vec<Mark>, StoreError> {
        let [kind, connector, subject] = topic_values(topic);
        let values = [kind, connector, subject, since.as_microsecond().into(), i64::from(limit).into()];
        self.read(text::MARKS, &values).await?.iter().map(row::mark).collect()
    }

    async fn count_marks(&self, topic: Topic<'_>, since: Timestamp) -> Result<u64, StoreError> {
        let [kind, connector, subject] = topic_values(topic);
        let values = [kind, connector, subject, since.as_microsecond().into()];
        let found = self.read(text::COUNT_MARKS, &values).await?;
        found.first().map_or(Ok(0), |found| row::count(found, 0))
    }

    async fn unmark(&self, topic: Topic<'_>) -> Result<u64, StoreError> {
        Ok(self.write(text::UNMARK, &topic_values(topic)).await?.len() as u64)
    }

    async fn purge_marks(&self, before: Timestamp) -> Result<u64, StoreError> {
        let gone = self.write(text::PURGE_MARKS, &[before.as_microsecond().into()]).await?;
        Ok(gone.len() as u64)
    }

    async fn put_consent(&self, consent: &SealedConsent) -> Result<(), StoreError> {
        let mut values = vec![(&consent.state).into(), (&consent.browser).into()];
        values.extend(change::key_values(&consent.key));
        values.push(consent.expires_at.as_microsecond().into());
        values.extend(change::sealed_values(Some(&consent.sealed)));
        match self.write(text::PUT_CONSENT, &values).await?.is_empty() {
            true => Err(StoreError::Invalid { what: "a consent with this state exists" }),
            false => Ok(()),
        }
    }

    async fn peek_consent(
        &self,
        take: &Take<'_>,
        now: Timestamp,
    ) -> Result<Taken<SealedConsent>, StoreError> {
        let found = self.read(text::CONSENT, &[take.state.into()]).await?;
        Ok(crate::decide(found.first().map(row::consent).transpose()?, take, now))
    }

    async fn take_consent(
        &self,
        take: &Take<'_>,
        now: Timestamp,
    ) -> Result<Taken<SealedConsent>, StoreError> {
        loop {
            // A flood of made-up states only reads, and is in no writer's way.
            let taken = self.peek_consent(take, now).await?;
            let Taken::Fresh(fresh) = &taken else { return Ok(taken) };
            let values = [take.answer.into(), take.state.into(), fresh.sealed.wrapped_key.as_slice().into()];
            if !self.write(text::TAKE_CONSENT, &values).await?.is_empty() {
                return Ok(taken);
            }
            // Another taker was faster, and what it left is fresh to nobody.
        }
    }

    async fn finish_consent(&self, state: &[u8; 32], outcome: &ConsentOutcome) -> Result<(), StoreError> {
        let (connection, diagnosis) = match outcome {
            ConsentOutcome::Connected(id) => (Some(id.as_bytes().as_slice()), None),
            ConsentOutcome::Failed(diagnosis) => (None, Some(change::json(diagnosis)?)),
        };
        let values = [connection.into(), diagnosis.as_deref().into(), state.into()];
        self.write(text::FINISH_CONSENT, &values).await.map(drop)
    }

    async fn purge_consents(&self, before: Timestamp) -> Result<u64, StoreError> {
        let gone = self.write(text::PURGE_CONSENTS, &[before.as_microsecond().into()]).await?;
        Ok(gone.len() as u64)
    }
}

/// Places some events that have no place yet; answers whether there were any, be they placed now by this one or
/// by another.
async fn place<S: Sql>(store: &S) -> Result<bool, StoreError> {
    let Some(statement) = S::WORDS.place else { return Ok(false) };
    Ok(!store.write(statement, &[PLACED_AT_ONCE.into()]).await?.is_empty())
}

async fn claim<S: Sql>(
    store: &S,
    statement: &'static str,
    connector: &str,
    [now, until]: [Timestamp; 2],
    limit: u32,
) -> Result<Vec<ConnectionId>, StoreError> {
    let [now, until] = [now, until].map(|time| time.as_microsecond().into());
    ids(&store.write(statement, &[connector.into(), now, until, i64::from(limit).into()]).await?)
}

fn topic_values<'a>(topic: Topic<'a>) -> [Value<'a>; 3] {
    [topic.kind.code().into(), topic.connector.into(), topic.subject.into()]
}

/// Epoch and beat as they are compared.
fn seen(seen: Seen) -> Result<(i64, i64), StoreError> {
    Ok(match seen {
        Seen::Free => (NONE, NONE),
        Seen::Held { epoch, beat } => (signed(epoch)?, signed(beat)?),
    })
}

fn ids(rows: &[impl super::Cells]) -> Result<Vec<ConnectionId>, StoreError> {
    rows.iter().map(|found| row::id(found, 0)).collect()
}
