//! Readers during a renewal of a token that still serves.

use std::hint::black_box;
use std::time::Duration;

use futures_util::FutureExt as _;
use trunkline::Connection;
use trunkline_core::jiff::SignedDuration;

use crate::Row;
use crate::common::{self, TokenEndpoint, store::NoStore};
use crate::measure::{thread_cpu, time, turns};
use crate::place::Place;

const READS: u32 = 200_000;
const TURNS: usize = 31;
/// Longer than the measurement.
const DELAY: Duration = Duration::from_secs(25);
/// The token serves as long, and is so old that it is to be renewed.
const LIFE: SignedDuration = SignedDuration::from_secs(40);
const AGE: SignedDuration = SignedDuration::from_hours(12);
/// Such a token is looked at once a second.
const LOOK: Duration = Duration::from_millis(1_200);

pub(crate) fn figure() -> Vec<Row> {
    let runtime = common::runtime();
    let quiet = runtime.block_on(common::hub(NoStore, TokenEndpoint::default(), false));
    let quiet = runtime.block_on(common::connect(&quiet, "acme"));

    let (place, endpoint) = (Place::file(), TokenEndpoint::after(DELAY));
    let config = common::first_token(common::base(), LIFE, AGE);
    let hub = runtime.block_on(place.hub(endpoint.clone(), config));
    let renewing = runtime.block_on(common::connect(&hub, "acme"));
    runtime.block_on(async {
        tokio::time::sleep(LOOK).await;
        drop(renewing.token_now());
        tokio::time::sleep(LOOK).await;
    });
    assert_eq!(endpoint.requests(), 1, "the renewal waits for its answer");

    let mut waited = 0.0;
    let mut read = |held: &Connection| {
        for _ in 0..READS {
            match black_box(held.access_token()).now_or_never() {
                Some(token) => drop(black_box(token.expect("a token"))),
                None => waited += 1.0,
            }
        }
    };
    let read = std::cell::RefCell::new(&mut read);
    let per_read = |total: f64| total / f64::from(READS);
    let pair = turns(
        TURNS,
        || per_read(time(thread_cpu, || read.borrow_mut()(&quiet))),
        || per_read(time(thread_cpu, || read.borrow_mut()(&renewing))),
    );
    let generation = renewing.token_now().map(|token| token.generation());
    assert_eq!((generation, endpoint.requests()), (Some(1), 1), "the renewal is still under way");
    vec![
        Row::new("callers that wait during the renewal of a token that serves")
            .at_most(waited, 0.0, "in all"),
        Row::new("a read during that renewal")
            .reference(format!("a read without one, {:.1} ns", pair.reference))
            .ours(format!("{:.1} ns", pair.ours))
            .ratio(&pair, 1.1),
    ]
}
