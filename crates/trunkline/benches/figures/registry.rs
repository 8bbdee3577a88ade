//! A registry of 1,000 connectors, in a process that did not use it before.

use std::collections::HashMap;
use std::hint::black_box;
use std::process::Command;

use trunkline::Registry;
use trunkline_core::__private::inventory;
use trunkline_core::Registration;

use crate::Row;
use crate::common::registry::names;
use crate::measure::{pair, thread_cpu, time};

const TURNS: usize = 21;
const PASSES: u32 = 300;

pub(crate) fn figure() -> Vec<Row> {
    let taken: Vec<_> = (0..TURNS).map(|_| (child("child-walk"), child("child-registry"))).collect();
    let first: Vec<_> = taken.iter().map(|(reference, ours)| (reference.0, ours.0)).collect();
    let looks: Vec<_> = taken.iter().map(|(reference, ours)| (reference.1, ours.1)).collect();
    let (first, look) = (pair(&first), pair(&looks));
    vec![
        Row::new("registry of 1,000 connectors, first use in a cold process")
            .reference(format!("inventory into a `HashMap`, {:.0} us", first.reference / 1e3))
            .ours(format!("{:.0} us", first.ours / 1e3))
            .at_most(first.ours / 1e3, 100.0, "us"),
        Row::new("look-up among 1,000 connectors")
            .reference(format!("`HashMap`, {:.1} ns", look.reference))
            .ours(format!("{:.1} ns", look.ours))
            .at_most(look.ours, 40.0, "ns"),
    ]
}

/// Runs this program again; answers its two numbers: first use, one look-up, in nanoseconds.
fn child(which: &str) -> (f64, f64) {
    let program = std::env::current_exe().expect("a path");
    let output = Command::new(program).arg(which).output().expect("a child");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut numbers = text.split_whitespace().map(|number| number.parse().expect("a number"));
    (numbers.next().expect("two numbers"), numbers.next().expect("two numbers"))
}

pub(crate) fn cold() {
    let first = time(thread_cpu, || assert!(black_box(Registry::global().get("connector_500")).is_some()));
    report(first, |name| Registry::global().get(name).is_some());
}

pub(crate) fn cold_reference() {
    let mut map = HashMap::new();
    let first = time(thread_cpu, || {
        map.extend(inventory::iter::<Registration>.into_iter().map(|item| (item.name, item)));
        black_box(map.get("connector_500"));
    });
    report(first, |name| map.contains_key(name));
}

fn report(first: f64, find: impl Fn(&str) -> bool) {
    let names = names();
    let looks = time(thread_cpu, || {
        for _ in 0..PASSES {
            assert!(names.iter().all(|name| black_box(find(name))), "a name is missing");
        }
    });
    println!("{first} {}", looks / f64::from(PASSES * 1_000));
}
