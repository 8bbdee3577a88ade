//! The PostgreSQL store keeps the rules of every store.
#![cfg(feature = "postgres")]

use trunkline_store::conformance::postgres::TestSchema;

trunkline_store::store_conformance!(if there is TestSchema::find().await);
