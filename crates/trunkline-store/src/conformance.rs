//! The rules that every store keeps, one function each.
//!
//! [`store_conformance!`](crate::store_conformance) makes a test of each rule, so that a report reads as
//! a list:
//!
//! ```ignore
//! trunkline_store::store_conformance!(MyBackend::empty());
//! ```
//!
//! The expression makes a new, empty [`Backend`] for each rule. The crate that uses the macro depends
//! on tokio with its features `macros` and `rt`. A rule that is broken panics, as an assertion does.

mod change;
mod consent;
mod query;
mod sample;

use std::sync::Arc;

use async_trait::async_trait;

pub use change::*;
pub use consent::*;
pub use query::*;

use crate::{Store, StoreError};

/// Where a store under test keeps its data.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Opens a store on the data: empty the first time, with what was written before from then on. An
    /// earlier store on the same data may still be open.
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError>;

    /// Whether a second store sees what the first one wrote. Rules about that are left out otherwise.
    fn is_shared(&self) -> bool;
}

/// Makes one `#[tokio::test]` of each rule in [`conformance`](crate::conformance) for the backend that
/// the expression makes.
#[macro_export]
macro_rules! store_conformance {
    ($backend:expr) => {
        $crate::store_conformance! { @ $backend;
            a_record_is_inserted_once
            a_second_insert_under_the_same_names_changes_nothing
            an_id_is_inserted_once
            labels_are_separate_connections
            a_lost_swap_changes_nothing_and_writes_no_event
            a_swap_that_expects_an_absent_record_conflicts
            a_swap_never_reaches_another_connection
            an_unchanged_swap_loses_to_any_event
            of_concurrent_swaps_exactly_one_wins
            of_concurrent_inserts_exactly_one_wins
            a_generation_that_does_not_follow_is_refused
            kept_secrets_still_open
            cleared_secrets_are_gone
            immutable_columns_stay
            every_column_reads_back
            every_state_and_event_reads_back
            events_are_numbered_per_connection_without_gaps
            events_are_read_in_pages
            a_list_is_paged_in_order
            a_list_shows_its_tenant_only
            the_other_holders_of_an_account_are_found
            unfinished_revocations_are_found
            key_ids_are_those_in_use
            a_missing_key_stops_the_start
            nothing_is_found_in_an_empty_store
            what_was_written_is_there_after_opening_again
            two_stores_on_the_same_data_have_one_winner
            a_consent_reads_back
            a_consent_is_taken_once_by_sixteen_takers
            an_expired_consent_is_not_taken
            a_foreign_browser_or_tenant_does_not_consume
            a_repeated_answer_gets_the_first_outcome
            the_first_outcome_of_a_consent_stays
            an_outcome_before_the_take_is_not_remembered
            a_state_is_used_once
            expired_consents_are_purged
        }
    };
    (@ $backend:expr; $($rule:ident)*) => {
        $(
            #[tokio::test]
            async fn $rule() -> ::std::result::Result<(), $crate::StoreError> {
                $crate::conformance::$rule(&$backend).await
            }
        )*
    };
}
