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
//! Where the backend may be missing on the machine, `store_conformance!(if there is MyBackend::find().await)`
//! takes an `Option` of it, and a rule without one passes.

mod change;
mod consent;
mod due;
mod feed;
mod fence;
mod lease;
mod mark;
#[cfg(feature = "postgres")]
pub mod postgres;
mod proof;
mod query;
mod reseal;
mod sample;

use std::sync::Arc;

use async_trait::async_trait;

pub use change::*;
pub use consent::*;
pub use due::*;
pub use feed::*;
pub use fence::*;
pub use lease::*;
pub use mark::*;
pub use proof::*;
pub use query::*;
pub use reseal::*;

use crate::{Store, StoreError};

/// Where a store under test keeps its data.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Opens a store on the data: empty the first time, with what was written before from then on. An
    /// earlier store on the same data may still be open.
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError>;

    /// Whether a second store sees what the first one wrote. Rules about that are left out otherwise.
    fn is_shared(&self) -> bool;

    /// Whether the store can tell how old an intent is, as long as nothing was restarted.
    fn tells_age(&self) -> bool {
        true
    }
}

/// Makes one `#[tokio::test]` of each rule in [`conformance`](crate::conformance) for the backend that
/// the expression makes.
#[macro_export]
macro_rules! store_conformance {
    (if there is $backend:expr) => {
        $crate::store_conformance! { @ $backend }
    };
    ($backend:expr) => {
        $crate::store_conformance! { @ ::std::option::Option::Some($backend) }
    };
    (@ $backend:expr) => {
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
            new_secrets_may_turn_the_state
            every_state_and_event_reads_back
            events_are_numbered_per_connection_without_gaps
            events_are_read_in_pages
            the_feed_shows_every_event
            a_position_stays
            a_cursor_misses_nothing
            old_events_are_purged_from_the_front
            a_list_is_paged_in_order
            a_list_shows_its_tenant_only
            all_connections_are_paged_in_order
            the_other_holders_of_an_account_are_found
            holders_are_found_by_user_company_or_both
            unfinished_revocations_are_found
            key_ids_are_those_in_use
            a_missing_key_stops_the_start
            nothing_is_found_in_an_empty_store
            what_was_written_is_there_after_opening_again
            two_stores_on_the_same_data_have_one_winner
            a_lease_names_its_owner_and_its_intent
            a_lease_is_granted_only_as_it_was_seen
            of_sixteen_askers_one_gets_the_lease
            a_takeover_needs_the_epoch_and_the_beat
            a_beat_is_the_owners_alone
            a_knock_moves_the_beat_it_saw
            an_intent_on_the_same_secret_goes_on
            a_settlement_needs_the_intents_epoch
            a_change_under_anothers_intent_changes_nothing
            a_fence_does_not_replace_the_generation
            a_change_settles_as_its_fence_says
            new_secrets_end_lease_and_intent
            kept_secrets_leave_the_lease_alone
            the_fence_is_the_intent_and_not_the_lease
            a_refused_intent_admits_every_answer
            secrets_of_a_later_generation_are_restored
            the_longest_due_are_claimed
            a_claim_moves_its_time_only
            a_due_connection_is_claimed_once
            a_proof_touches_nothing_else
            a_proof_never_goes_back
            a_proof_recovers_nothing
            each_tenant_has_one_vote
            a_breaker_is_opened_once
            a_thing_is_seen_for_the_first_time_once
            marks_are_purged_when_their_time_is_over
            tenants_are_counted_up_to_a_bound
            wrapped_keys_are_paged_in_order
            a_rewrap_swaps_by_generation_and_key
            after_a_reseal_the_old_key_is_not_needed
            a_broken_off_reseal_is_completed
            a_renewal_during_a_reseal_wins
            a_consent_reads_back
            a_look_at_a_consent_takes_nothing
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
                let ::std::option::Option::Some(backend) = $backend else {
                    return ::std::result::Result::Ok(());
                };
                $crate::conformance::$rule(&backend).await
            }
        )*
    };
}
