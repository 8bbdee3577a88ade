//! The SQLite store keeps the rules of every store.
#![cfg(feature = "sqlite")]

use std::sync::Arc;

use tempfile::TempDir;
use trunkline_store::conformance::Backend;
use trunkline_store::{SqliteStore, Store, StoreError};

struct File(TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for the store"))
    }
}

#[async_trait::async_trait]
impl Backend for File {
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(SqliteStore::open(self.0.path().join("store.db")).await?))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn tells_age(&self) -> bool {
        // Elsewhere a boot has no name.
        cfg!(target_os = "linux")
    }
}

trunkline_store::store_conformance!(File::new());
