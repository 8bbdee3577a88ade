//! The memory store keeps the rules of every store.

use std::sync::Arc;

use trunkline_store::conformance::Backend;
use trunkline_store::{MemoryStore, Store, StoreError};

struct Memory;

#[async_trait::async_trait]
impl Backend for Memory {
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(MemoryStore::new()))
    }

    fn is_shared(&self) -> bool {
        false
    }
}

trunkline_store::store_conformance!(Memory);
