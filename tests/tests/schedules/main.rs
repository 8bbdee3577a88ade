//! Random schedules in virtual time: two or three processes on one store and at one service, which lose
//! requests and answers, fail, pause, crash and come back. When the faults stop, each connection serves, or
//! its grant is lost in a way that the protocol states: no false death, and no grant lost besides.
//!
//! `TRUNKLINE_SCHEDULES=n` runs more than usual; `TRUNKLINE_SEED=n` plays one again and tells its story.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod connector;
mod process;
mod service;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use process::Running;
use service::{Answered, LIFE};
use trunkline::{State, Store as _};
use world::World;

/// How many schedules a usual run plays.
const USUAL: u64 = 100_000;
/// How often each process asks in the end, at most, until it is served; half a minute apart. The longest
/// pause that the keeper grants a service is a quarter of an hour.
const MOST_ASKED: u32 = 40;

#[derive(Debug, Default)]
struct Totals {
    played: AtomicU64,
    renewed: AtomicU64,
    lost: AtomicU64,
}

#[test]
fn no_schedule_ends_with_a_false_death_or_a_lost_grant() {
    if let Some(seed) = number("TRUNKLINE_SEED") {
        play(seed, true, &Totals::default()).unwrap();
        return;
    }
    let count = number("TRUNKLINE_SCHEDULES").unwrap_or(USUAL);
    let totals = Totals::default();
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= count {
                    return failures;
                }
                if let Err(failure) = play(seed, false, &totals) {
                    next.store(count, Ordering::Relaxed);
                    failures.push(failure);
                }
            }
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|running| running.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // The dice must fall so that there is something to see.
    let [played, renewed, lost] =
        [&totals.played, &totals.renewed, &totals.lost].map(|total| total.load(Ordering::Relaxed));
    assert!(renewed > played && lost > 0 && lost < played / 2, "{totals:?}");
}

/// A number that is asked for in the environment.
#[expect(clippy::disallowed_methods, reason = "whoever runs the test says how long")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Plays one schedule. The error names the seed and what went wrong.
fn play(seed: u64, tells: bool, totals: &Totals) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (world, problem) = runtime.block_on(async {
        let world = World::new(seed, tells).await;
        let problem = schedule(&world).await.err();
        (world, problem)
    });
    let mut problems = world.blamed();
    problems.extend(problem);
    totals.played.fetch_add(1, Ordering::Relaxed);
    totals.lost.fetch_add(world.losses(), Ordering::Relaxed);
    totals.renewed.fetch_add(world.service().family.live(), Ordering::Relaxed);
    match problems.as_slice() {
        [] => Ok(()),
        problems => Err(format!("TRUNKLINE_SEED={seed}: {}\n{}", problems.join("; "), world.story())),
    }
}

async fn schedule(world: &Arc<World>) -> Result<(), String> {
    let mut processes = Vec::new();
    for name in 0..2 + world.random(2) {
        processes.push(Running::start(world, name).await);
    }
    let mut names = 10;
    let early = if world.random(2) == 0 { LIFE / 12 } else { Duration::ZERO };
    tokio::time::sleep(LIFE - early).await;
    for _ in 0..3 + world.random(5) {
        let place = usize::try_from(world.random(processes.len() as u64)).unwrap();
        match world.random(20) {
            0..12 => world.lets_run(processes[place].reads()),
            12..15 => {
                processes[place].process.kill();
                world.note(|| format!("{:?} crashes", processes[place].process));
                names += 1;
                processes[place] = Running::start(world, names).await;
            }
            15..17 => {
                let row = world.store.get_by_id(world.id).await.unwrap().unwrap();
                let number = connector::number_of(&row.record);
                world.note(|| format!("the service rejects access token {number}"));
                world.service().reject(number);
            }
            17 => world.passes(LIFE).await,
            _ => world.passes(LIFE / 20).await,
        }
        world.passes(Duration::from_millis(500)).await;
    }
    world.calm();
    world.note(|| "calm".to_owned());
    // Nobody is served by what was given before the calm.
    tokio::time::sleep(LIFE).await;
    if ends_well(world, &processes).await? {
        // And it goes on: the stored refresh token is the live one.
        tokio::time::sleep(LIFE).await;
        if !ends_well(world, &processes[..1]).await? {
            return Err("lost in the calm".to_owned());
        }
        if world.cried_wolf().await {
            return Err("a caller was asked for a new consent without a verdict".to_owned());
        }
    }
    Ok(())
}

/// Asks until every process is served, or the grant is truly lost. Answers whether they are.
async fn ends_well(world: &Arc<World>, processes: &[Running]) -> Result<bool, String> {
    for running in processes {
        let mut asked = 0;
        while !matches!(running.reads().await, Ok(true)) {
            asked += 1;
            let row = world.store.get_by_id(world.id).await.unwrap().unwrap();
            if row.record.status().state() == State::NeedsConsent {
                // Whoever holds an answer has had time to write it.
                tokio::time::sleep(Duration::from_secs(30)).await;
                let row = world.store.get_by_id(world.id).await.unwrap().unwrap();
                if row.record.status().state() == State::NeedsConsent {
                    return truly_lost(world, &row.record).map(|()| false);
                }
            }
            if asked > MOST_ASKED {
                return Err(format!("{:?} is not served: {:?}", running.process, row.record.status()));
            }
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
    }
    Ok(true)
}

/// A dead grant is one that the service ended, or whose live token nobody has.
fn truly_lost(world: &World, record: &trunkline::Record) -> Result<(), String> {
    let stored = connector::number_of(record);
    let service = world.service();
    world.note(|| format!("needs consent; stored is {stored}"));
    // Where the service ended it, the replay that made it do so was judged when it came.
    if !service.family.is_alive() {
        return Ok(());
    }
    if service.family.live() == stored {
        return Err(format!("false death: {stored} is stored and lives"));
    }
    let held = |rotation: &&service::Rotation| {
        rotation.brought > stored && rotation.answered == Answered::Given && !rotation.by.is_dead()
    };
    if let Some(rotation) = service.rotations.iter().find(held) {
        return Err(format!("lost grant: {:?} had the answer to {}", rotation.by, rotation.spent));
    }
    world.count_loss();
    Ok(())
}
