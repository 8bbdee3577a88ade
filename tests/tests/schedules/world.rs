//! What the processes of one schedule share, and the books that are kept about them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use trunkline::{Incidents, KeyRing, MemoryStore, Record, Store as _, Timings};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{Clock, ConnectionId, ConnectionKey, Held, Ticks};
use trunkline_store::{Commit, EventKind, Expected, NewBody, Stored, Vault};
use trunkline_tests::Call;

use super::connector::{POLICIES, credential, number_of};
use super::process::Process;
use super::service::Service;

pub(crate) const KEY: [u8; 32] = [7; 32];

/// Short, so that few looks at a lease make up a takeover.
pub(crate) fn timings() -> Timings {
    let mut timings = Timings::default();
    timings.request_deadline = Duration::from_millis(400);
    timings.lease_slack = Duration::from_millis(50);
    timings.commit_budget = Duration::from_millis(100);
    timings.commit_grace = Duration::from_millis(150);
    timings
}

/// Two tenants are enough to doubt a refusal, which is believed after ten minutes of them.
pub(crate) fn incidents() -> Incidents {
    let mut incidents = Incidents::default();
    incidents.tenants = 2;
    incidents.confirm_after = Duration::from_secs(1);
    incidents.longest = Duration::from_secs(600);
    incidents
}

/// How long a lease must be seen unchanged, in milliseconds.
pub(crate) fn takeover() -> u64 {
    u64::try_from((timings().lease_ttl() + timings().commit_grace).as_millis()).unwrap()
}

/// tokio's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PausedClock(tokio::time::Instant);

impl PausedClock {
    fn elapsed_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

impl Clock for PausedClock {
    fn wall(&self) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + i64::try_from(self.elapsed_ms()).unwrap()).unwrap()
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(1_000 + self.elapsed_ms())
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: PausedClock,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) id: ConnectionId,
    pub(crate) policy: usize,
    /// Whether there is another tenant, so that a refusal is not believed at once; the service then refuses
    /// grants that live.
    pub(crate) doubts: bool,
    service: Mutex<Service>,
    random: AtomicU64,
    calm: AtomicBool,
    rows: Mutex<Rows>,
    told: Option<Mutex<Vec<String>>>,
    blamed: Mutex<Vec<String>>,
    losses: AtomicU64,
    asked_for_consent: AtomicBool,
}

/// What was seen in the row.
#[derive(Debug, Default)]
struct Rows {
    generation: u64,
    /// The numbers of the tokens that were stored, in order.
    stored: Vec<u64>,
    expires_at: Option<Timestamp>,
    epoch: u64,
    beat: u64,
    /// By epoch: when its holder last showed that it lives.
    signs: Vec<u64>,
}

impl World {
    pub(crate) async fn new(seed: u64, tells: bool) -> Arc<Self> {
        let clock = PausedClock(tokio::time::Instant::now());
        let store = Arc::new(MemoryStore::with_clock(Arc::new(clock)));
        let mut id = [0; 16];
        id[..8].copy_from_slice(&seed.to_le_bytes());
        let policy = usize::try_from(seed % 3).unwrap();
        let world = Self {
            clock,
            store,
            id: ConnectionId::from_bytes(id),
            policy,
            doubts: (seed / 3).is_multiple_of(4),
            service: Mutex::new(Service::new(POLICIES[policy])),
            random: AtomicU64::new(seed),
            calm: AtomicBool::new(false),
            rows: Mutex::default(),
            told: tells.then(Mutex::default),
            blamed: Mutex::default(),
            losses: AtomicU64::new(0),
            asked_for_consent: AtomicBool::new(false),
        };
        world.first_connection().await;
        Arc::new(world)
    }

    async fn first_connection(&self) {
        let now = self.clock.wall();
        let credential = credential(0, now);
        let key = ConnectionKey::new("acme", "light", "default").unwrap();
        let vault = Vault::open(self.store.clone(), KeyRing::new(KEY)).await.unwrap();
        if self.doubts {
            let other = ConnectionKey::new("other", "light", "default").unwrap();
            let (record, _) = Record::connected(ConnectionId::from_bytes([0xFF; 16]), other, "light", now);
            let body = NewBody::Replace(&Held::default());
            let stored = vault.commit(Expected::Absent, &record, body, Vec::new()).await.unwrap();
            assert!(matches!(stored, Commit::Done { .. }));
        }
        let (mut record, _) = Record::connected(self.id, key, "light", now);
        record.credential_at = Some(now);
        record.access_expires_at = credential.access_expires_at;
        let held = Held { credential, ..Held::default() };
        let body = NewBody::Replace(&held);
        let stored = vault.commit(Expected::Absent, &record, body, Vec::new()).await.unwrap();
        assert!(matches!(stored, Commit::Done { .. }));
        let mut rows = self.rows.lock().unwrap();
        (rows.generation, rows.expires_at) = (1, record.access_expires_at);
        rows.stored.push(0);
        rows.signs.push(0);
    }

    /// A number below `below`, by the schedule's seed.
    pub(crate) fn random(&self, below: u64) -> u64 {
        let seed = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }

    /// Lets some time pass, less than `below`.
    pub(crate) async fn passes(&self, below: Duration) {
        if !self.is_calm() {
            let below = u64::try_from(below.as_millis()).unwrap();
            tokio::time::sleep(Duration::from_millis(self.random(below))).await;
        }
    }

    /// Runs beside everything else, at most until the schedule ends.
    #[expect(clippy::disallowed_methods, reason = "the runtime of the schedule ends it")]
    pub(crate) fn lets_run<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) {
        drop(tokio::spawn(task));
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.elapsed_ms()
    }

    /// From now on nothing fails.
    pub(crate) fn calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub(crate) fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap()
    }

    /// Takes notice of what a call of `by` did to the row. Answers the epoch of a new lease.
    pub(crate) fn observe(&self, call: Call, row: &Stored, by: &Process) -> Option<u64> {
        let now = self.now();
        let mut rows = self.rows.lock().unwrap();
        if row.record.generation != rows.generation {
            let (number, before) = (number_of(&row.record), *rows.stored.last().unwrap());
            self.note(|| format!("{by:?} stores {number} as generation {}", row.record.generation));
            if number <= before || row.record.generation < rows.generation {
                self.blame(format!("{number} was stored over {before}"));
            }
            rows.stored.push(number);
            (rows.generation, rows.expires_at) = (row.record.generation, row.record.access_expires_at);
        }
        if row.lease.epoch != rows.epoch {
            self.note(|| format!("{by:?} gets lease {}", row.lease.epoch));
            (rows.epoch, rows.beat) = (row.lease.epoch, 0);
            rows.signs.push(now);
            return Some(row.lease.epoch);
        }
        // A knock moves the beat too, and is no sign of the holder's.
        if call == Call::Beat && row.lease.beat != rows.beat {
            rows.signs[usize::try_from(row.lease.epoch).unwrap()] = now;
        }
        rows.beat = row.lease.beat;
        None
    }

    pub(crate) fn was_stored(&self, number: u64) -> bool {
        self.rows.lock().unwrap().stored.contains(&number)
    }

    pub(crate) fn stored_serves(&self) -> bool {
        self.rows.lock().unwrap().expires_at > Some(self.clock.wall())
    }

    /// When the holder of a lease last showed that it lives.
    pub(crate) fn last_sign(&self, epoch: u64) -> u64 {
        self.rows.lock().unwrap().signs[usize::try_from(epoch).unwrap()]
    }

    /// A caller was told that only a new consent helps.
    pub(crate) fn asks_for_consent(&self) {
        self.asked_for_consent.store(true, Ordering::Relaxed);
    }

    /// Whether someone was told so without a verdict.
    pub(crate) async fn cried_wolf(&self) -> bool {
        let events = self.store.events(self.id, 0, 1_000).await.unwrap();
        let judged = events.iter().any(|event| event.kind == EventKind::NeedsConsent);
        self.asked_for_consent.load(Ordering::Relaxed) && !judged
    }

    /// A grant was lost as the protocol allows.
    pub(crate) fn count_loss(&self) {
        self.losses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    /// A line of the story, where someone wants to read it.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        if let Some(told) = &self.told {
            let line = format!("{:>7} ms: {}", self.now(), line());
            told.lock().unwrap().push(line);
        }
    }

    pub(crate) fn blame(&self, what: String) {
        self.note(|| format!("BLAMED: {what}"));
        self.blamed.lock().unwrap().push(what);
    }

    pub(crate) fn blamed(&self) -> Vec<String> {
        self.blamed.lock().unwrap().clone()
    }

    pub(crate) fn story(&self) -> String {
        self.told.as_ref().map(|told| told.lock().unwrap().join("\n")).unwrap_or_default()
    }
}
