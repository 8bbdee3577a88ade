//! Every manifest of the catalogue against the kit: whatever is in the folder is played.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use trunkline_testkit::{Outcome, Profile, Report};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/trunkline-manifest/catalogue")
}

/// The manifests of the catalogue, by name.
fn files() -> Vec<PathBuf> {
    let listed = fs::read_dir(folder()).expect("the catalogue is a folder");
    let files = listed.map(|entry| entry.expect("it is read").path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "toml")).collect();
    files.sort_unstable();
    files
}

/// What became of each way to hold a grant, in the order of the profiles.
fn played(profiles: &[Profile]) -> Vec<Report> {
    let jobs: Mutex<VecDeque<_>> = Mutex::new(profiles.iter().enumerate().collect());
    let reports = Mutex::new(Vec::new());
    let next = || jobs.lock().expect("no job panics").pop_front();
    let count = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                while let Some((at, profile)) = next() {
                    let report = Report::of(profile);
                    reports.lock().expect("no job panics").push((at, report));
                }
            });
        }
    });
    let mut reports = reports.into_inner().expect("no job panics");
    reports.sort_by_key(|(at, _)| *at);
    reports.into_iter().map(|(_, report)| report).collect()
}

#[test]
fn every_manifest_keeps_every_rule() {
    let files = files();
    assert!(files.len() >= 20, "{files:?}");
    let profiles: Vec<Profile> = files
        .iter()
        .flat_map(|file| Profile::of_manifest_file(file).unwrap_or_else(|error| panic!("{error}")))
        .collect();
    let reports = played(&profiles);
    let mut broken = Vec::new();
    for (profile, report) in profiles.iter().zip(&reports) {
        let kept = report.rows.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Kept(_))).count();
        println!("{}: {kept} of {} rules kept", profile.name(), report.rows.len());
        for (name, outcome) in &report.rows {
            match outcome {
                Outcome::Kept(_) => {}
                Outcome::DoesNotApply(why) => println!("    {name} does not apply: {why}"),
                Outcome::Broken(why) => broken.push(format!("{} breaks {name}: {why}", profile.name())),
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
