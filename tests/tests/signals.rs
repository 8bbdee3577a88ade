//! What a service says by itself, in virtual time: with stores that fail, processes that die, and renewals under
//! way at the same moment.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use scripted::{Fate, Faults, HOUR, Process, When, World, asking, settled};
use trunkline::{
    Cause, Connect, Connection, Cursor, HintKind, Probes, Retry, Signal, SignalKind, SignalOrigin,
    SignalSubject, Signalled, State, TokenHint, Upkeep,
};
use trunkline_core::{Clock as _, Reuse, Secret};
use trunkline_store::EventKind;
use trunkline_tests::Call;

const MINUTE: Duration = Duration::from_secs(60);
const APPLIED: Signalled = Signalled::Applied { meant: 1, changed: 1 };

/// A signal about `ada` that happened now.
fn signal(world: &World, kind: SignalKind, id: &str) -> Signal {
    let at = world.clock.wall();
    let (issuer, id, event) = ("issuer".to_owned(), id.to_owned(), format!("urn:{kind:?}"));
    Signal {
        connector: "played".to_owned(),
        subjects: vec![SignalSubject::user("ada")],
        kind,
        at,
        origin: SignalOrigin { issuer, id, event },
        forget_at: at + Duration::from_secs(100_000),
    }
}

/// A world with a connection that is ten minutes old.
async fn world(watch: Arc<Faults>) -> (World, Process, Connection) {
    let world = World::new(Reuse::KillsFamily);
    let process = world.watched(watch).await;
    let connection = process.connected().await;
    tokio::time::sleep(10 * MINUTE).await;
    (world, process, connection)
}

async fn state(connection: &Connection) -> State {
    connection.status().await.unwrap().state()
}

#[tokio::test(start_paused = true)]
async fn what_fails_between_the_change_and_the_memory_of_it_is_repeated_without_harm() {
    use EventKind::{Connected, NeedsConsent};
    // Where the store fails, and whether the change is made the first time.
    for (call, when, is_changed) in [
        (Call::Read, When::Before, false),
        (Call::Commit, When::Before, false),
        (Call::Commit, When::After, true),
    ] {
        let faults = Faults::new();
        let (world, process, connection) = world(faults.clone()).await;
        let revoked = signal(&world, SignalKind::GrantRevoked, "1");
        faults.fail(call, when, 1);

        assert!(process.trunkline.signal(&revoked).await.is_err(), "{call:?} {when:?}");
        assert_eq!(state(&connection).await == State::NeedsConsent, is_changed, "{call:?} {when:?}");

        let expected = Signalled::Applied { meant: 1, changed: usize::from(!is_changed) };
        assert_eq!(process.trunkline.signal(&revoked).await.unwrap(), expected);
        assert_eq!(process.trunkline.signal(&revoked).await.unwrap(), Signalled::Repeated);
        assert_eq!(world.store_events(&connection).await, [Connected, NeedsConsent], "{call:?} {when:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_whose_memory_was_lost_is_applied_again_without_harm() {
    use EventKind::{Connected, NeedsConsent, Reconnected};
    for when in [When::Before, When::After] {
        let faults = Faults::new();
        let (world, process, connection) = world(faults.clone()).await;
        let revoked = signal(&world, SignalKind::GrantRevoked, "1");
        // The first mark is a look whether it is known; the process dies at the second.
        let dying = world.watched(Arc::new(SecondMark(when, Default::default()))).await;
        assert!(dying.trunkline.signal(&revoked).await.is_err());
        assert_eq!(state(&connection).await, State::NeedsConsent);

        // The tenant consents again before the service repeats what it said.
        tokio::time::sleep(10 * MINUTE).await;
        world.process().await.consents("acme").await.unwrap();
        let repeated = process.trunkline.signal(&revoked).await.unwrap();
        let forgotten = Signalled::Applied { meant: 1, changed: 0 };
        assert_eq!(repeated, if when == When::After { Signalled::Repeated } else { forgotten });
        assert_eq!(world.store_events(&connection).await, [Connected, NeedsConsent, Reconnected]);
    }
}

/// Fails the second call about marks.
struct SecondMark(When, std::sync::atomic::AtomicUsize);

#[trunkline_core::async_trait]
impl trunkline_tests::Watch for SecondMark {
    async fn before(&self, call: Call) -> Result<(), trunkline_store::StoreError> {
        let is_second = call == Call::Mark && self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1;
        self.fail(is_second && self.0 == When::Before)
    }

    async fn after(&self, call: Call) -> Result<(), trunkline_store::StoreError> {
        let is_second = call == Call::Mark && self.1.load(std::sync::atomic::Ordering::SeqCst) == 2;
        self.fail(is_second && self.0 == When::After)
    }
}

impl SecondMark {
    fn fail(&self, fails: bool) -> Result<(), trunkline_store::StoreError> {
        match fails {
            true => Err(trunkline_store::StoreError::Unavailable { reason: "played".into() }),
            false => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_its_process_did_not_live_to_see_is_taken_up_by_another() {
    let faults = Faults::new();
    let (world, process, connection) = world(faults.clone()).await;
    // The look gets no lease: the process is dead by then.
    faults.fail(Call::Lease, When::Never, 1);
    let revoked = signal(&world, SignalKind::SessionRevoked, "1");
    assert_eq!(process.trunkline.signal(&revoked).await.unwrap(), APPLIED);
    settled().await;
    faults.kill();
    assert_eq!(world.service.spent().len(), 0);

    let keeper =
        world.process_with(Faults::new(), |builder| builder.upkeep(Upkeep::default())).await.unwrap();
    tokio::time::sleep(3 * MINUTE).await;

    assert_eq!(keeper.line.asked(), 1);
    let row = world.row(&connection).await.record;
    assert_eq!((row.generation, row.status().state()), (2, State::Active));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_access_token_is_dropped_for_every_process_that_reads_the_row() {
    let (world, process, connection) = world(Faults::new()).await;
    process.line.will(Fate::NotSent);
    process.trunkline.signal(&signal(&world, SignalKind::SessionRevoked, "1")).await.unwrap();
    settled().await;

    // Another process renews before it serves anything, and the next one need not.
    let next = [world.process().await, world.process().await];
    for process in &next {
        assert_eq!(process.finds().await.access_token().await.unwrap().generation(), 2);
    }
    assert_eq!(next.map(|process| process.line.asked()), [1, 0]);
    assert_eq!(state(&connection).await, State::Active);
}

/// Where the API takes the tokens of others, one that it rejects confirms a refused grant; not so one that it was told
/// to reject.
#[tokio::test(start_paused = true)]
async fn a_dropped_access_token_is_no_witness_against_its_grant() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    let connections = process.tenants(20).await;
    tokio::time::sleep(10 * MINUTE).await;
    let mut one = signal(&world, SignalKind::SessionRevoked, "1");
    let refresh_token = TokenHint::new(HintKind::Plain, Secret::new("canary-r-0-0"));
    one.subjects = vec![SignalSubject::user("ada").with_token(refresh_token)];
    process.line.will(Fate::NotSent);
    let applied = process.trunkline.signal(&one).await.unwrap();
    assert_eq!(applied, Signalled::Applied { meant: 20, changed: 1 });
    settled().await;
    world.service.rejects("canary-a-0-0");
    world.service.refuses(0, Some("invalid_grant"));
    // Another process, which has seen that the service takes what others have.
    let next = world.process().await;
    world.service.rejects("canary-a-1-0");
    let Connect::Ready(other) = next.trunkline.tenant("tenant-1").connect("played").await.unwrap() else {
        panic!("connected")
    };
    assert_eq!(other.get("/me").send().await.unwrap().status(), 200);

    let found = next.trunkline.tenant("tenant-0").connect("played").await;

    assert_eq!(found.unwrap_err().cause(), Some(Cause::ServiceUnavailable));
    assert_eq!(state(&connections[0]).await, State::Degraded);
    world.service.refuses(0, None);
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(connections[0].access_token().await.unwrap().generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_in_an_outage_is_made_again_and_kills_nobody() {
    let (world, process, connection) = world(Faults::new()).await;
    let keeper =
        world.process_with(Faults::new(), |builder| builder.upkeep(Upkeep::default())).await.unwrap();
    process.line.will(Fate::NotSent);
    keeper.line.will(Fate::Refused(503, vec![], ""));
    let changed = signal(&world, SignalKind::CredentialChanged, "1");
    process.trunkline.signal(&changed).await.unwrap();

    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(state(&connection).await, State::Degraded);
    assert_eq!((process.line.asked(), keeper.line.asked()), (1, 1));
    tokio::time::sleep(15 * MINUTE).await;

    assert_eq!(state(&connection).await, State::Active);
    assert_eq!(keeper.line.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_suspension_is_looked_at_until_a_renewal_says_that_it_is_over() {
    let (world, process, connection) = world(Faults::new()).await;
    let keeper =
        world.process_with(Faults::new(), |builder| builder.probes(Probes::default())).await.unwrap();
    let disabled = signal(&world, SignalKind::AccountDisabled, "1");
    assert_eq!(process.trunkline.signal(&disabled).await.unwrap(), APPLIED);
    let Connect::Suspended(why) = keeper.trunkline.tenant("acme").connect("played").await.unwrap() else {
        panic!("not suspended")
    };
    assert_eq!(why.retry(), Retry::After { after_s: 300 }, "and connect says so");

    // The first look is lost on the way to the service. The access token, which still serves there, proves nothing.
    keeper.line.will(Fate::NotSent);
    tokio::time::sleep(4 * MINUTE).await;
    assert_eq!(keeper.line.asked(), 0);
    tokio::time::sleep(2 * MINUTE).await;
    assert_eq!((keeper.line.asked(), state(&connection).await), (1, State::Suspended));
    tokio::time::sleep(20 * MINUTE).await;

    assert_eq!((keeper.line.asked(), state(&connection).await), (2, State::Active));
    use EventKind::{Connected, Recovered, Suspended};
    assert_eq!(world.store_events(&connection).await, [Connected, Suspended, Recovered]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_grant_is_looked_at_once_when_the_account_is_enabled() {
    let (world, process, connection) = world(Faults::new()).await;
    let keeper =
        world.process_with(Faults::new(), |builder| builder.upkeep(Upkeep::default())).await.unwrap();
    process.trunkline.signal(&signal(&world, SignalKind::GrantRevoked, "1")).await.unwrap();
    for _ in 0..2 {
        process.line.will(Fate::Refused(400, vec![], r#"{"error":"invalid_grant"}"#));
        keeper.line.will(Fate::Refused(400, vec![], r#"{"error":"invalid_grant"}"#));
    }

    assert_eq!(
        process.trunkline.signal(&signal(&world, SignalKind::AccountEnabled, "2")).await.unwrap(),
        APPLIED
    );
    tokio::time::sleep(24 * HOUR).await;

    assert_eq!((process.line.asked(), keeper.line.asked()), (1, 0));
    let row = world.row(&connection).await;
    assert_eq!((row.record.status().state(), row.record.due_at), (State::NeedsConsent, None));
    assert_eq!(row.lease.owner, None, "and no lease is left behind");
    assert_eq!(world.store_events(&connection).await, [EventKind::Connected, EventKind::NeedsConsent]);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_was_under_way_when_the_grant_was_revoked_is_the_last() {
    let (world, process, connection) = world(Faults::new()).await;
    tokio::time::sleep(HOUR).await;
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    process.line.will(Fate::Held(gate.clone()));
    let asking = asking(&connection).await;

    let revoked = signal(&world, SignalKind::GrantRevoked, "1");
    assert_eq!(process.trunkline.signal(&revoked).await.unwrap(), APPLIED);
    assert_eq!(state(&connection).await, State::NeedsConsent);
    gate.add_permits(1);

    // The service did renew it: its own answer counts more, until the next one.
    assert_eq!(asking.await.unwrap().unwrap(), 2);
    assert_eq!(state(&connection).await, State::Active);
}

#[tokio::test(start_paused = true)]
async fn the_evidence_names_the_event_and_when_it_happened() {
    let (world, process, connection) = world(Faults::new()).await;
    let revoked = signal(&world, SignalKind::GrantRevoked, "1");
    tokio::time::sleep(5 * MINUTE).await;
    process.trunkline.signal(&revoked).await.unwrap();
    let status = connection.status().await.unwrap();
    let why = status.diagnosis().unwrap();
    assert_eq!((why.cause(), why.evidence().codes[0].as_str()), (Cause::GrantRevoked, "urn:GrantRevoked"));
    assert_eq!(why.evidence().at, Some(revoked.at));
    assert_eq!(status.since(), revoked.at + 5 * MINUTE);
}

#[tokio::test(start_paused = true)]
async fn what_a_signal_does_is_told_in_the_stream_of_events_at_once() {
    let (world, process, connection) = world(Faults::new()).await;
    let mut events = process.trunkline.events(Cursor::NEWEST);
    assert!(events.next().now_or_never().is_none());
    let waiting = tokio::time::Instant::now();
    process.trunkline.signal(&signal(&world, SignalKind::ClaimsChanged, "1")).await.unwrap();
    let told = events.next().await.unwrap().unwrap();
    assert_eq!((told.connection, told.kind), (connection.id(), EventKind::PermissionsChanged));
    assert_eq!(waiting.elapsed(), Duration::ZERO, "nothing was waited for");
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_is_not_configured_is_an_error() {
    let (world, process, _) = world(Faults::new()).await;
    let mut foreign = signal(&world, SignalKind::GrantRevoked, "1");
    foreign.connector = "playd".to_owned();
    let error = process.trunkline.signal(&foreign).await.unwrap_err();
    assert_eq!(error.kind(), trunkline::ErrorKind::NotConfigured);
}

#[tokio::test(start_paused = true)]
async fn a_signal_about_nobody_here_is_taken_and_changes_nothing() {
    let (world, process, connection) = world(Faults::new()).await;
    for subject in [SignalSubject::user("bob"), SignalSubject::user(""), SignalSubject::company("globex")] {
        let mut other = signal(&world, SignalKind::GrantRevoked, &format!("{subject:?}"));
        other.subjects = vec![subject];
        assert_eq!(
            process.trunkline.signal(&other).await.unwrap(),
            Signalled::Applied { meant: 0, changed: 0 }
        );
    }
    assert_eq!(state(&connection).await, State::Active);
}
