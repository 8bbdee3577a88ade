//! The simulation behind the figures of detection, in small.

#[path = "../../crates/trunkline/benches/detection/simulation.rs"]
mod simulation;

use std::time::Duration;

use simulation::{Scene, play};
use trunkline::Probes;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test(start_paused = true)]
async fn every_revocation_among_a_thousand_idle_connections_is_found_within_the_bound() {
    let probes = Probes::default();
    let scene =
        Scene { connections: 1_000, span: HOUR * 12, revocations: 200, outages: Vec::new(), probes, seed: 7 };

    let outcome = play(&scene).await;

    assert_eq!((outcome.latencies.len(), outcome.unfound, outcome.false_verdicts), (200, 0, 0));
    let [half, most, worst] = [0.5, 0.95, 1.0].map(|part| outcome.quantile(part));
    assert!(worst <= probes.within && half < most, "{half:?} {most:?} {worst:?}");
    assert!(half > HOUR / 12 && half < HOUR / 7, "as chance has it, half the pause: {half:?}");
    assert!((96.0..125.0).contains(&outcome.probes_per_day), "{}", outcome.probes_per_day);
    assert!(outcome.renewals_per_day < 3.0, "{}", outcome.renewals_per_day);
}

#[tokio::test(start_paused = true)]
async fn outages_of_ten_minutes_and_six_hours_lead_to_no_false_verdict() {
    let probes = Probes::default();
    let outages = vec![(HOUR, HOUR / 6), (HOUR * 3, HOUR * 6)];
    let scene = Scene { connections: 1_000, span: HOUR * 12, revocations: 100, outages, probes, seed: 11 };

    let outcome = play(&scene).await;

    assert_eq!((outcome.latencies.len() + outcome.unfound, outcome.false_verdicts), (100, 0));
    // Where the access token ended in the outage, a refusal has no second word. It is believed after three, and those
    // few may look like an incident, until enough others are renewed.
    assert_eq!(outcome.unfound, 0, "three hours after the outage");
    let most = outcome.quantile(0.8);
    assert!(most <= probes.within, "counted from the end of the outage that hid it: {most:?}");
}
