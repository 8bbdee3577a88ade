//! Replacing a sealing key while everything goes on.

use trunkline_core::Error;
use trunkline_store::{KeyId, Resealed};

use crate::hub::Trunkline;

impl Trunkline {
    /// The keys other than the current one under which connections are still sealed, and how many each. When
    /// it is empty, no connection needs another key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreFailed`](crate::ErrorKind) when the store cannot be read.
    pub async fn retired_keys_in_use(&self) -> Result<Vec<(KeyId, u64)>, Error> {
        Ok(self.0.vault.retired_in_use().await?)
    }

    /// Seals every connection anew that is not sealed under the current key, and tells after each page how
    /// far it is. Nothing else waits for it; one that was broken off is resumed by the next.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`](crate::ErrorKind) when the ring lacks a key,
    /// [`ErrorKind::StoreFailed`](crate::ErrorKind) when the store fails or is damaged; what was done
    /// before stays done.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has done whole pages.
    pub async fn reseal(&self, progress: impl FnMut(Resealed)) -> Result<Resealed, Error> {
        Ok(self.0.vault.reseal(progress).await?)
    }
}
