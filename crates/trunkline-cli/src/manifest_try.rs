//! `trunkline manifest try`: a connector that is written as data, against a service that follows its manifest.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use trunkline_testkit::{End, Exchanged, Outcome, Profile, Report, Step, Walk};

use crate::exit::{Exit, Failure};
use crate::output::{BOLD, DIM, GREEN, Output, RED, plain};

#[derive(Serialize)]
struct Tried<'a> {
    name: &'a str,
    method: &'a str,
    steps: Vec<ShownStep<'a>>,
    rules: Rules<'a>,
}

#[derive(Serialize)]
struct ShownStep<'a> {
    step: &'a str,
    outcome: &'static str,
    detail: &'a str,
    exchanges: Vec<ShownExchange<'a>>,
}

#[derive(Serialize)]
struct ShownExchange<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a str,
    status: u16,
    answer: &'a str,
}

#[derive(Serialize)]
struct Rules<'a> {
    kept: usize,
    not_applicable: Vec<RuleRow<'a>>,
    broken: Vec<RuleRow<'a>>,
}

#[derive(Serialize)]
struct RuleRow<'a> {
    rule: &'a str,
    why: &'a str,
}

pub(crate) fn run(file: &Path, method: Option<&str>, output: &mut Output) -> Result<Exit, Failure> {
    let mut profiles = Profile::of_manifest_file(file)
        .map_err(|error| Failure::from(error).hint("`trunkline manifest check` says all that is wrong."))?;
    let known: Vec<String> = profiles.iter().map(|profile| method_of(profile).to_owned()).collect();
    if let Some(method) = method {
        profiles.retain(|profile| method_of(profile) == method);
    }
    if profiles.is_empty() {
        let method = plain(method.unwrap_or_default());
        return Err(Failure::usage(format!("the manifest has no method `{method}`"))
            .hint(format!("It has: {}.", known.join(", "))));
    }
    let profile = profiles.swap_remove(0);
    let progress = output.progress("Trying");
    // The kit has runtimes of its own, whose time stands still.
    let played = std::thread::scope(|scope| {
        scope.spawn(|| Walk::of(&profile).map(|walk| (walk, Report::of(&profile)))).join()
    });
    drop(progress);
    let (walk, report) = played
        .map_err(|_| Failure::new(Exit::Failed, "the kit broke off"))?
        .map_err(|why| Failure::new(Exit::Failed, why))?;
    match output.is_json() {
        true => output.json(&json(&profile, &walk, &report))?,
        false => show(&profile, &walk, &report, output)?,
    }
    let failed = walk.failure().is_some() || report.broken().next().is_some();
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// `acme (authorization_code)` is the kit's name for a way to hold a grant.
fn method_of(profile: &Profile) -> &str {
    parts(profile).1
}

fn parts(profile: &Profile) -> (&str, &str) {
    let parts = profile.name().split_once(" (");
    parts.map_or((profile.name(), ""), |(name, method)| (name, method.trim_end_matches(')')))
}

fn json<'a>(profile: &'a Profile, walk: &'a Walk, report: &'a Report) -> Tried<'a> {
    let (name, method) = parts(profile);
    let steps = walk.steps.iter().map(|Step { name, exchanges, end }| {
        let (outcome, detail) = match end {
            End::Done(what) => ("done", what),
            End::Skipped(why) => ("skipped", why),
            End::Failed(why) => ("failed", why),
        };
        ShownStep { step: name, outcome, detail, exchanges: exchanges.iter().map(exchange).collect() }
    });
    let rows = |is_meant: fn(&Outcome) -> Option<&String>| {
        let rows = report.rows.iter().filter_map(|(rule, outcome)| Some((*rule, is_meant(outcome)?)));
        rows.map(|(rule, why)| RuleRow { rule, why }).collect()
    };
    let rules = Rules {
        kept: kept(report),
        not_applicable: rows(|outcome| match outcome {
            Outcome::DoesNotApply(why) => Some(why),
            _ => None,
        }),
        broken: rows(|outcome| match outcome {
            Outcome::Broken(why) => Some(why),
            _ => None,
        }),
    };
    Tried { name, method, steps: steps.collect(), rules }
}

fn exchange(exchanged: &Exchanged) -> ShownExchange<'_> {
    let Exchanged { method, url, headers, body, status, answer } = exchanged;
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    ShownExchange { method, url, headers, body, status: *status, answer }
}

fn kept(report: &Report) -> usize {
    report.rows.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Kept(_))).count()
}

fn show(profile: &Profile, walk: &Walk, report: &Report, output: &mut Output) -> Result<(), Failure> {
    let out = output.out();
    writeln!(out, "{BOLD}{}{BOLD:#}", plain(profile.name()))?;
    for Step { name, exchanges, end } in &walk.steps {
        writeln!(out, "\n{BOLD}{name}{BOLD:#}: {}", plain(&end.to_string()))?;
        for Exchanged { method, url, headers, body, status, answer } in exchanges {
            writeln!(out, "  > {method} {}", plain(url))?;
            for (name, value) in headers {
                writeln!(out, "  > {DIM}{}: {}{DIM:#}", plain(name), plain(value))?;
            }
            if !body.is_empty() {
                writeln!(out, "  > {}", plain(body))?;
            }
            writeln!(out, "  < {status} {}", plain(answer))?;
        }
    }
    let broken: Vec<_> =
        report.rows.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Broken(_))).collect();
    let others = report.rows.len() - kept(report) - broken.len();
    writeln!(out, "\n{} of {} rules are kept, {others} do not apply.", kept(report), report.rows.len())?;
    for (rule, outcome) in &broken {
        writeln!(out, "{RED}{rule}{RED:#}: {}", plain(&outcome.to_string()))?;
    }
    if broken.is_empty() && walk.failure().is_none() {
        writeln!(out, "{GREEN}Nothing is broken.{GREEN:#}")?;
    }
    Ok(())
}
