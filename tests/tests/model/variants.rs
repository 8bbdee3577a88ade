//! Wrong variants of the protocol, each of which the checker must refute: that shows that the check can fail.

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

use super::action::Flaw;
use super::invariants::{COMMITTED, KEPT, ONE_WRITER, SPENT_ONCE, SUCCEEDS, TRUE_DEATH};
use super::protocol::Protocol;
use super::service::Policy;
use super::{GRACE, late, protocol};

/// Finds the shortest trace that breaks the invariant. The depth grows step by step, for the checker itself goes on
/// for a while after it has found something, and may report a longer one.
#[expect(clippy::print_stdout, reason = "the trace is what a reader of the test wants to see")]
fn refuted(flaw: impl Into<Option<Flaw>>, invariant: &'static str, sound: Protocol) {
    let always = [SPENT_ONCE, KEPT, COMMITTED, TRUE_DEATH, ONE_WRITER, SUCCEEDS];
    let wrong = Protocol { flaw: flaw.into(), ..sound };
    for depth in 2..100 {
        let any = HasDiscoveries::AnyOf(BTreeSet::from(always));
        let checker = wrong.clone().checker().finish_when(any).target_max_depth(depth).spawn_bfs().join();
        let broken: Vec<_> = always.into_iter().filter(|name| checker.discovery(name).is_some()).collect();
        if let Some(trace) = checker.discovery(invariant) {
            let trace = trace.into_actions();
            println!("{:?}: not \"{invariant}\", after {} steps: {trace:?}", wrong.flaw, trace.len());
            return;
        }
        assert!(broken.is_empty(), "{:?} should break \"{invariant}\", and broke {broken:?}", wrong.flaw);
    }
    panic!("{:?} should break \"{invariant}\", and breaks nothing", wrong.flaw);
}

#[test]
fn without_the_re_read_a_token_is_spent_that_was_spent_before() {
    refuted(Flaw::NoReRead, SPENT_ONCE, protocol(Policy::KillsFamily, 0));
}

#[test]
fn without_the_compare_and_swap_an_unconfirmed_commit_overwrites_its_successor() {
    refuted(Flaw::NoCompareAndSwap, ONE_WRITER, protocol(Policy::KillsFamily, 1));
}

#[test]
fn a_credential_published_before_its_commit_is_served_and_may_never_be_stored() {
    refuted(Flaw::PublishBeforeCommit, COMMITTED, protocol(Policy::KillsFamily, 0));
}

#[test]
fn a_commit_fenced_by_the_lease_shuts_out_the_holder_of_the_live_token() {
    refuted(Flaw::FenceOnTheLease, SPENT_ONCE, protocol(Policy::KillsFamily, 0));
}

#[test]
fn without_the_commit_grace_a_token_is_spent_under_a_slow_holder() {
    refuted(Flaw::NoCommitGrace, SPENT_ONCE, protocol(Policy::KillsFamily, 0));
}

#[test]
fn a_transparent_retry_kills_the_family() {
    refuted(Flaw::TransparentRetry, SPENT_ONCE, protocol(Policy::KillsFamily, 1));
}

#[test]
fn a_credential_dropped_at_a_failed_commit_is_a_live_token_lost() {
    refuted(Flaw::DeleteOnFailure, KEPT, protocol(Policy::KillsFamily, 1));
}

#[test]
fn a_pause_beyond_the_bound_spends_a_token_that_the_successor_spent() {
    refuted(Flaw::PauseBeyondTheBound, SPENT_ONCE, protocol(Policy::KillsFamily, 0));
}

#[test]
fn a_replay_without_the_observation_is_sent_while_the_holder_may_still_answer() {
    refuted(Flaw::NoObservation, SPENT_ONCE, protocol(Policy::KillsFamily, 0));
}

#[test]
fn a_verdict_right_after_a_refused_replay_kills_what_a_late_holder_has() {
    refuted(Flaw::DeathAtOnce, TRUE_DEATH, late(Some(3), 0));
}

#[test]
fn an_intent_closed_by_an_unsent_replay_shuts_out_its_holder() {
    refuted(Flaw::UnsentReplayCloses, TRUE_DEATH, late(Some(3), 0));
}

#[test]
fn without_the_knock_an_outage_counts_as_the_silence_of_the_holder() {
    refuted(Flaw::NoKnock, SPENT_ONCE, protocol(Policy::KillsFamily, 1));
}

#[test]
fn without_the_knock_an_outage_counts_as_the_wait_before_a_verdict() {
    refuted(Flaw::NoKnock, TRUE_DEATH, late(Some(3), 1));
}

#[test]
fn a_replay_at_once_meets_the_request_that_was_given_up() {
    refuted(Flaw::ReplayAtOnce, SPENT_ONCE, protocol(Policy::KillsFamily, 1));
}

#[test]
fn a_replay_at_once_uses_up_the_window() {
    refuted(Flaw::ReplayAtOnce, SPENT_ONCE, protocol(GRACE, 1));
}

#[test]
fn an_end_written_without_a_fence_frees_the_lease_of_the_successor() {
    refuted(Flaw::ReleaseUnfenced, SPENT_ONCE, protocol(Policy::KillsFamily, 0));
}

#[test]
fn an_intent_only_given_back_by_a_refused_replay_shuts_out_an_earlier_holder() {
    refuted(Flaw::RefusedReplayGivesBack, TRUE_DEATH, late(None, 1));
}

#[test]
fn a_second_replay_within_the_window_kills_a_family_that_still_serves() {
    refuted(Flaw::ReplayInTheWindowAgain, SPENT_ONCE, protocol(GRACE, 2));
}

#[test]
fn a_holder_silent_beyond_the_bound_loses_its_family_where_a_reuse_kills() {
    refuted(None, SPENT_ONCE, Protocol { hold: None, ..protocol(Policy::KillsFamily, 0) });
}
