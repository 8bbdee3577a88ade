//! The PostgreSQL store keeps the rules of every store.
#![cfg(feature = "postgres")]

use trunkline_store::conformance::postgres::TestSchema;

trunkline_store::store_conformance!(if there is TestSchema::find().await);

/// On a pool of the application's that isolates more strictly than needed: then the database undoes
/// statements that meet, and asks for them again, as its relatives do by default.
mod serializable {
    use std::sync::Arc;

    use trunkline_store::conformance::Backend;
    use trunkline_store::conformance::postgres::TestSchema;
    use trunkline_store::{PostgresStore, Store, StoreError};

    struct Strict(TestSchema);

    impl Strict {
        async fn find() -> Option<Self> {
            TestSchema::find().await.map(Self)
        }
    }

    #[async_trait::async_trait]
    impl Backend for Strict {
        async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
            let pool = self.0.pool(&[("default_transaction_isolation", "serializable")]);
            Ok(Arc::new(PostgresStore::from_pool(pool).await?))
        }

        fn is_shared(&self) -> bool {
            true
        }
    }

    trunkline_store::store_conformance!(if there is Strict::find().await);
}
