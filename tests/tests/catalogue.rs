//! Every manifest of the catalogue against the kit: whatever is in the folder is played, and `docs/catalogue.md` is what
//! came of it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use trunkline_manifest::Manifest;
use trunkline_testkit::{Outcome, Profile, Report};

const HEAD: &str = "\
# The catalogue

Providers that are [written as data](guides/write-a-manifest.md) and come with Trunkline, in
`crates/trunkline-manifest/catalogue/`. `provider = \"manifest\"` with `name = \"github\"` is all that a connector of one needs.

Each was written from the vendor's own public pages, on the day that is named, and is held in every run of the tests against
[the rules of the kit](guides/test-a-connector.md#the-rules): how many of them each way to hold a grant keeps, and how many made
answers it takes for what they are, is told below. The other rules do not apply to it;
`trunkline manifest try FILE` says why. The hostile service behind the kit follows the manifest, so that a fact which is wrong in
the manifest is wrong there, too: **none was tried at the live service.** Facts that were found in public client code only are marked
in the file.

This page is written by `UPDATE_CATALOGUE=1 cargo test -p trunkline-tests --test catalogue`.

| service | name | kept | from | read on |
| --- | --- | --- | --- | --- |
";

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
    is_the_page(&page(&files, &profiles, &reports));
}

/// `UPDATE_CATALOGUE=1 cargo test -p trunkline-tests --test catalogue` writes it anew.
#[expect(clippy::disallowed_methods, reason = "whether to write is said from outside")]
fn is_the_page(text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/catalogue.md");
    if std::env::var("UPDATE_CATALOGUE").is_ok() {
        fs::write(&file, text).expect("the page is written");
    }
    let page = fs::read_to_string(file).unwrap_or_default();
    assert!(page == text, "docs/catalogue.md is not what the catalogue is: run with UPDATE_CATALOGUE=1");
}

/// The page of the catalogue.
fn page(files: &[PathBuf], profiles: &[Profile], reports: &[Report]) -> String {
    let mut text = String::from(HEAD);
    for file in files {
        let manifest = Manifest::load(file).unwrap_or_else(|error| panic!("{error}"));
        let mut ways = Vec::new();
        for method in manifest.methods() {
            let name = format!("{} ({method})", manifest.name());
            let played = profiles.iter().zip(reports).find(|(profile, _)| profile.name() == name);
            let (_, report) = played.unwrap_or_else(|| panic!("{name} was not played"));
            let kept = report.rows.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Kept(_))).count();
            ways.push(format!("`{method}`: {kept} rules, {}", answers(report)));
        }
        let sources: Vec<_> =
            manifest.sources().enumerate().map(|(at, url)| format!("[{}]({url})", at + 1)).collect();
        let (name, title, docs) = (manifest.name(), manifest.title(), manifest.docs());
        let (ways, sources, checked) = (ways.join("<br>"), sources.join(" "), manifest.checked());
        writeln!(text, "| [{title}]({docs}) | `{name}` | {ways} | {sources} | {checked} |").expect("it fits");
    }
    text
}

/// How many answers the manifest was asked about.
fn answers(report: &Report) -> String {
    let judged = report.rows.iter().find(|(name, _)| *name == "fixtures_are_diagnosed_as_expected");
    match judged {
        Some((_, Outcome::Kept(count))) => format!("{count} answers"),
        _ => "no answer".to_owned(),
    }
}
