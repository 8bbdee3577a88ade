//! One process: a hub whose store is slow, fails, or is no longer answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use trunkline::{Config, Connect, Incidents, KeyRing, Store as _, Trunkline};
use trunkline_core::async_trait;
use trunkline_store::StoreError;
use trunkline_tests::{Call, Watch, Watched};

use super::connector::Light;
use super::service::Line;
use super::world::{KEY, World, incidents, takeover, timings};

/// Its identity, and whether it lives.
pub(crate) struct Process {
    name: u64,
    dead: AtomicBool,
    epoch: AtomicU64,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {}", self.name)
    }
}

impl Process {
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Nothing that it waits for comes back any more.
    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    pub(crate) async fn lives(&self) {
        if self.is_dead() {
            std::future::pending().await
        }
    }

    /// The epoch of the lease that it was granted last.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }
}

/// A process that runs.
pub(crate) struct Running {
    pub(crate) process: Arc<Process>,
    trunkline: Trunkline,
    world: Arc<World>,
}

impl Running {
    pub(crate) async fn start(world: &Arc<World>, name: u64) -> Self {
        let process = Arc::new(Process { name, dead: AtomicBool::new(false), epoch: AtomicU64::new(0) });
        let started = Arc::new(AtomicBool::new(false));
        let faults = Faults { world: world.clone(), process: process.clone(), started: started.clone() };
        let line = || Line { world: world.clone(), process: process.clone() };
        let trunkline = Trunkline::builder()
            .config(Config::new().connector("light", Light::of(world.policy)).unwrap())
            .store(Watched::new(world.store.clone(), Arc::new(faults)))
            .keys(KeyRing::new(KEY))
            .clock(world.clock)
            .transport(line())
            .token_transport(line())
            .timings(timings())
            .incidents(if world.doubts { incidents() } else { Incidents::default() })
            .upkeep(None)
            .probes(None)
            .build()
            .await
            .unwrap();
        started.store(true, Ordering::Relaxed);
        Self { process, trunkline, world: world.clone() }
    }

    /// Asks for the connection, and if it is there calls the API. Answers whether that was served.
    pub(crate) fn reads(&self) -> impl Future<Output = Result<bool, trunkline::Error>> + Send + 'static {
        let (trunkline, world) = (self.trunkline.clone(), self.world.clone());
        async move {
            match trunkline.tenant("acme").connect("light").await? {
                Connect::Ready(connection) => Ok(connection.get("/x").send().await?.status().is_success()),
                _ => {
                    world.note(|| "a caller is asked for a new consent".to_owned());
                    world.asks_for_consent();
                    Ok(false)
                }
            }
        }
    }
}

struct Faults {
    world: Arc<World>,
    process: Arc<Process>,
    started: Arc<AtomicBool>,
}

impl Faults {
    /// Nothing, a failure, a short delay, or a pause longer than any bound.
    async fn may_fail(&self, call: Call) -> Result<(), StoreError> {
        let world = &self.world;
        if world.is_calm() || !self.started.load(Ordering::Relaxed) {
            return Ok(());
        }
        match world.random(200) {
            0..10 => {
                world.note(|| format!("{:?}: {call:?} fails", self.process));
                return Err(StoreError::Unavailable { reason: "played".into() });
            }
            10..40 => world.passes(Duration::from_millis(70)).await,
            40..42 => {
                world.note(|| format!("{:?}: {call:?} pauses", self.process));
                world.passes(Duration::from_secs(2)).await;
            }
            // About as long as a successor waits, so that both come to write at the same time.
            42..52 if call == Call::Commit => {
                world.note(|| format!("{:?}: {call:?} hangs", self.process));
                tokio::time::sleep(Duration::from_millis(takeover())).await;
                world.passes(timings().request_deadline * 2).await;
            }
            _ => {}
        }
        Ok(())
    }
}

#[async_trait]
impl Watch for Faults {
    async fn before(&self, call: Call) -> Result<(), StoreError> {
        self.process.lives().await;
        let outcome = self.may_fail(call).await;
        self.process.lives().await;
        outcome
    }

    /// Between the call and this nothing else runs: what is seen here is what the call did.
    async fn after(&self, call: Call) -> Result<(), StoreError> {
        if call != Call::Read {
            let row = self.world.store.get_by_id(self.world.id).await?;
            if let Some(epoch) = self.world.observe(call, &row.unwrap(), &self.process) {
                self.process.epoch.store(epoch, Ordering::Relaxed);
            }
        }
        let outcome = self.may_fail(call).await;
        self.process.lives().await;
        outcome
    }
}
