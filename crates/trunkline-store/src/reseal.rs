//! A new key takes over from an old one, while everything goes on.
//!
//! Only data keys are wrapped anew; what they seal stays as it is, and so does its generation. Each row is
//! replaced by compare-and-swap, so a renewal that comes in between wins, and seals under the new key
//! itself. A pass that is broken off has done what it has done: the next one finds the rest.

use trunkline_core::ConnectionId;

use crate::seal::{self, OpenError};
use crate::vault::wrap_binding;
use crate::{KeyId, Rewrap, StoreError, Vault, Wrapped};

/// How many rows are read, and written in one commit, at a time: few, since a long commit holds the cores that
/// readers need, and renewals wait for it.
const PAGE: u32 = 20;

/// How far a pass has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resealed {
    /// How many data keys it has looked at.
    pub seen: u64,
    /// How many of them are now wrapped under the current key. The others were replaced meanwhile, by a
    /// renewal for instance.
    pub done: u64,
}

impl Vault {
    /// The keys other than the current one under which secrets are sealed, and how many each: what a
    /// pass would do. When it is empty, no other key is needed for stored connections any more.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn retired_in_use(&self) -> Result<Vec<(KeyId, u64)>, StoreError> {
        let mut found = Vec::new();
        for key_id in self.store().key_ids().await? {
            if key_id != self.keys().current_id() {
                found.push((key_id, self.store().count_wrapped_under(key_id).await?));
            }
        }
        Ok(found)
    }

    /// Wraps every data key anew that is not under the current key, in pages, and tells after each how
    /// far it is. Renewals and readers go on meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyMissing`] and [`StoreError::CannotOpen`], which name what stands in the way; what
    /// was done before stays done.
    ///
    /// # Cancel safety
    ///
    /// A pass that is dropped has done whole pages. The next one does the rest.
    pub async fn reseal(&self, mut progress: impl FnMut(Resealed)) -> Result<Resealed, StoreError> {
        let mut total = Resealed::default();
        for (from, _) in self.retired_in_use().await? {
            let mut after = None;
            loop {
                let page = self.store().wrapped_under(from, after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                let rows: Vec<_> =
                    page.iter().map(|row| self.wrap_anew(from, row)).collect::<Result<_, _>>()?;
                total.done += self.store().rewrap(from, &rows).await?;
                total.seen += rows.len() as u64;
                progress(total);
            }
        }
        Ok(total)
    }

    fn wrap_anew(&self, from: KeyId, row: &Wrapped) -> Result<Rewrap, StoreError> {
        let binding = wrap_binding(row.id);
        let (key_id, wrapped_key) = seal::rewrap(self.keys(), &binding, from, &row.wrapped_key)
            .map_err(|why| failure(&why, from, row.id))?;
        Ok(Rewrap { id: row.id, generation: row.generation, key_id, wrapped_key })
    }
}

fn failure(why: &OpenError, key_id: KeyId, id: ConnectionId) -> StoreError {
    match why {
        OpenError::KeyMissing => StoreError::KeyMissing { key_id },
        OpenError::Altered => StoreError::CannotOpen { id },
    }
}
