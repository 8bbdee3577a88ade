//! The renewal protocol of `docs/how-a-grant-is-kept.md` as a model, checked in every state that it can reach.

mod action;
mod invariants;
mod process;
mod protocol;
mod row;
mod service;
mod state;
mod steps;
mod time;
mod variants;

use std::sync::{Arc, Mutex};

use protocol::Protocol;
use service::Policy;
use stateright::{Checker, Model};
use time::COMMIT_BUDGET;

/// A window in whose half there is time for a takeover and more.
const GRACE: Policy = Policy::Grace { window: 14 };

/// Two processes, two renewals, holders that show themselves in time.
fn protocol(policy: Policy, faults: u8) -> Protocol {
    Protocol {
        policy,
        processes: 2,
        generations: 2,
        faults,
        hold: Some(COMMIT_BUDGET),
        flaw: None,
        succeeds: Arc::new(Mutex::default()),
    }
}

/// As `protocol`, where a reuse is only refused and holders may be silent for longer than a successor waits.
fn late(hold: Option<u8>, faults: u8) -> Protocol {
    Protocol { hold, ..protocol(Policy::RejectSoft, faults) }
}

/// Looks at every state, and says how many there are.
#[expect(clippy::print_stdout, reason = "the numbers of states belong to the result")]
fn check(protocol: Protocol) {
    let what = format!(
        "{:?}, {} processes, {} faults, holders silent for {:?}",
        protocol.policy, protocol.processes, protocol.faults, protocol.hold
    );
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    println!(
        "{what}: {} states, {} steps, depth {}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth()
    );
}

#[test]
fn holds_where_a_reuse_kills_the_family() {
    check(protocol(Policy::KillsFamily, 4));
}

#[test]
fn holds_where_a_reuse_is_only_refused() {
    check(protocol(Policy::RejectSoft, 4));
}

#[test]
fn holds_where_a_late_holder_comes_back_before_the_verdict() {
    check(late(Some(3), 4));
}

#[test]
fn holds_where_a_holder_is_late_without_bound() {
    check(late(None, 4));
}

#[test]
fn holds_where_the_service_has_a_window() {
    check(protocol(GRACE, 2));
}

#[test]
fn holds_for_three_processes() {
    check(Protocol { processes: 3, ..protocol(Policy::KillsFamily, 2) });
}

/// More faults, more renewals, a third process: minutes, so only where it is asked for.
#[test]
fn holds_within_wider_bounds() {
    if std::env::var_os("TRUNKLINE_LONG_TESTS").is_none_or(|wanted| wanted != "1") {
        return;
    }
    for policy in [Policy::KillsFamily, Policy::RejectSoft] {
        check(Protocol { generations: 3, ..protocol(policy, 7) });
        check(Protocol { processes: 3, ..protocol(policy, 3) });
    }
    for hold in [Some(3), None] {
        check(Protocol { generations: 3, ..late(hold, 7) });
        check(Protocol { processes: 3, ..late(hold, 3) });
    }
    check(protocol(GRACE, 4));
}
