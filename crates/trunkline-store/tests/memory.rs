//! The memory store keeps the rules of every store.

use std::sync::Arc;

use trunkline_core::{Clock, Ticks};
use trunkline_store::conformance::Backend;
use trunkline_store::{MemoryStore, Store, StoreError};

/// The time since this value was made.
#[derive(Debug)]
struct Elapsed(tokio::time::Instant);

impl Clock for Elapsed {
    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(0).plus(self.0.elapsed())
    }
}

struct Memory;

#[async_trait::async_trait]
impl Backend for Memory {
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(MemoryStore::with_clock(Arc::new(Elapsed(tokio::time::Instant::now())))))
    }

    fn is_shared(&self) -> bool {
        false
    }
}

trunkline_store::store_conformance!(Memory);
