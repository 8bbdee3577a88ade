//! What all processes know together that belongs to no single connection: votes, breakers, what was seen once.
//!
//! A mark stands on a topic, one for each holder, until it is taken away or its time is over. Stores keep
//! marks without knowing what they mean; [`Marks`] says it.

use jiff::Timestamp;
use trunkline_core::Diagnosis;

use crate::{Store, StoreError};

coded! {
    /// What a mark says.
    MarkKind {
        /// A tenant met this trouble.
        Vote "vote",
        /// Calls with this client are held back.
        Breaker "breaker",
        /// This was seen.
        Seen "seen",
    }
}

/// What marks stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Topic<'a> {
    /// What they say.
    pub kind: MarkKind,
    /// Of which connector; may be empty.
    pub connector: &'a str,
    /// About what: the bytes of a name, or a digest.
    pub subject: &'a [u8],
}

/// A mark to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewMark<'a> {
    /// Whose it is: each holder has one on a topic. May be empty.
    pub holder: &'a str,
    /// When it is made.
    pub at: Timestamp,
    /// When it may be purged.
    pub until: Timestamp,
    /// Why.
    pub why: Option<&'a Diagnosis>,
}

/// A mark as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Whose it is.
    pub holder: String,
    /// When it was made first.
    pub since: Timestamp,
    /// When it was made last.
    pub at: Timestamp,
    /// The `until` that was given last.
    pub until: Timestamp,
    /// How often it was made.
    pub times: u64,
    /// The reason that was given last.
    pub why: Option<Diagnosis>,
}

/// Why calls with a client of the application's are held back, for all its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub diagnosis: Diagnosis,
    /// When one call may look whether the client works again.
    pub look_at: Timestamp,
}

/// The marks in a store, by what they mean: [`Vault::marks`](crate::Vault::marks).
///
/// Every method fails as the store does, and is cancel safe as a write of the store is: once or not at all.
#[derive(Debug, Clone, Copy)]
pub struct Marks<'s>(&'s dyn Store);

impl<'s> Marks<'s> {
    pub(crate) const fn new(store: &'s dyn Store) -> Self {
        Self(store)
    }

    /// A tenant's vote on what `subject` names: one for each tenant, whose time is that of its last. It may be
    /// purged from `until` on.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn vote(
        &self,
        connector: &str,
        subject: &[u8],
        tenant: &str,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let mark = NewMark { holder: tenant, at, until, why: None };
        self.0.mark(topic(MarkKind::Vote, connector, subject), &mark).await.map(drop)
    }

    /// How many tenants have voted since then, that time included.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn votes(&self, connector: &str, subject: &[u8], since: Timestamp) -> Result<u64, StoreError> {
        self.0.count_marks(topic(MarkKind::Vote, connector, subject), since).await
    }

    /// Who has voted since then, that time included; at most `limit`, by their names.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn voters(
        &self,
        connector: &str,
        subject: &[u8],
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let votes = self.0.marks(topic(MarkKind::Vote, connector, subject), since, limit).await?;
        Ok(votes.into_iter().map(|vote| vote.holder).collect())
    }

    /// Takes one tenant's vote back, if there is one.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn take_back(&self, connector: &str, subject: &[u8], tenant: &str) -> Result<(), StoreError> {
        // Its last time stays, so that nobody counts it meanwhile who did not, and its end is before all others.
        let ended = NewMark { holder: tenant, at: Timestamp::MIN, until: Timestamp::MIN, why: None };
        self.0.mark(topic(MarkKind::Vote, connector, subject), &ended).await?;
        self.0.purge_marks(Timestamp::UNIX_EPOCH).await.map(drop)
    }

    /// Takes all votes away. Answers how many there were.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn withdraw(&self, connector: &str, subject: &[u8]) -> Result<u64, StoreError> {
        self.0.unmark(topic(MarkKind::Vote, connector, subject)).await
    }

    /// The open breaker of a client; `client` is a digest of its id and secret.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn breaker(&self, connector: &str, client: &[u8; 32]) -> Result<Option<Breaker>, StoreError> {
        let found = self.0.marks(topic(MarkKind::Breaker, connector, client), Timestamp::MIN, 1).await?;
        let Some(Mark { since, until, why, .. }) = found.into_iter().next() else { return Ok(None) };
        let diagnosis = why.ok_or(StoreError::Corrupt { what: "a breaker" })?;
        Ok(Some(Breaker { since, diagnosis, look_at: until }))
    }

    /// Opens the breaker of a client, or says of an open one why it stays so and when to look again. Answers
    /// whether it was closed before: of several that open it at once, one is told so.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn open_breaker(
        &self,
        connector: &str,
        client: &[u8; 32],
        diagnosis: &Diagnosis,
        at: Timestamp,
        look_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mark = NewMark { holder: "", at, until: look_at, why: Some(diagnosis) };
        Ok(self.0.mark(topic(MarkKind::Breaker, connector, client), &mark).await? == 1)
    }

    /// Closes the breaker of a client. Answers whether it was open.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn close_breaker(&self, connector: &str, client: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.0.unmark(topic(MarkKind::Breaker, connector, client)).await? > 0)
    }

    /// Whether it was [remembered](Self::remember_once) and not forgotten.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn is_remembered(&self, what: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(!self.0.marks(topic(MarkKind::Seen, "", what), Timestamp::MIN, 1).await?.is_empty())
    }

    /// Writes down that `subject` was seen, by `holder`; what was seen before stays the same mark. Answers how often
    /// it was seen, by any number of processes. It may be purged from `until` on.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn see(
        &self,
        connector: &str,
        subject: &[u8],
        holder: &str,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<u64, StoreError> {
        let mark = NewMark { holder, at, until, why: None };
        self.0.mark(topic(MarkKind::Seen, connector, subject), &mark).await
    }

    /// Who has seen `subject` since then, that time included, and when; at most `limit`, by their names.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn seen(
        &self,
        connector: &str,
        subject: &[u8],
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Mark>, StoreError> {
        self.0.marks(topic(MarkKind::Seen, connector, subject), since, limit).await
    }

    /// How many have seen `subject` since then, that time included.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn count_seen(
        &self,
        connector: &str,
        subject: &[u8],
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        self.0.count_marks(topic(MarkKind::Seen, connector, subject), since).await
    }

    /// Forgets that `subject` was seen.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn forget(&self, connector: &str, subject: &[u8]) -> Result<(), StoreError> {
        self.0.unmark(topic(MarkKind::Seen, connector, subject)).await.map(drop)
    }

    /// Whether this is the first time: of any number of callers, in any number of processes, one is told so.
    /// It is remembered until `until` at least.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn remember_once(
        &self,
        what: &[u8; 32],
        at: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mark = NewMark { holder: "", at, until, why: None };
        Ok(self.0.mark(topic(MarkKind::Seen, "", what), &mark).await? == 1)
    }
}

const fn topic<'a>(kind: MarkKind, connector: &'a str, subject: &'a [u8]) -> Topic<'a> {
    Topic { kind, connector, subject }
}
