//! What a provider must not do by itself: repeat, and wait.

use std::time::Duration;

use super::Played;
use crate::rule::Verdict;
use crate::service::{Fault, Line, Received};
use crate::stage::{Op, Stage, ensure};
use crate::world::World;

/// Failures that invite to try again.
fn tempting() -> Vec<Fault> {
    vec![
        Fault::json(503, "").header("retry-after", "1"),
        Fault::json(429, "").header("retry-after", "1"),
        Fault::json(500, ""),
        Fault::json(408, ""),
        Fault::json(401, ""),
        Fault::json(400, r#"{"error":"temporarily_unavailable"}"#),
        Fault::json(400, r#"{"error":"invalid_grant"}"#),
        Fault::page(502),
        Fault::Cut { share: 50, is_clean: false },
        Fault::NotSent,
        Fault::LostRequest,
        Fault::LostAnswer,
    ]
}

/// Whether two requests ask for the same.
fn is_same(one: &Received, other: &Received) -> bool {
    let (one, other) = (&one.sent, &other.sent);
    one.method == other.method
        && one.url == other.url
        && one.headers == other.headers
        && one.body == other.body
}

fn repeated(requests: &[Received]) -> bool {
    requests.iter().enumerate().any(|(at, one)| requests[at + 1..].iter().any(|other| is_same(one, other)))
}

pub(super) async fn one_request_per_call(stage: &Stage) -> Played {
    for (method, op) in stage.asking(&Op::ALL).await? {
        for fault in [None].into_iter().chain(tempting().into_iter().map(Some)) {
            let attempt = stage.attempt(method, op, fault.as_ref()).await?;
            let count = attempt.requests.len();
            ensure!(stage, !repeated(&attempt.requests), "{}: a request is sent twice", attempt.what);
            let most = match op {
                Op::Complete | Op::Refresh | Op::Capture | Op::Probe => 1,
                // RFC 7009, 2.2.1: the other token, where the service cannot revoke the first.
                Op::Revoke => 2,
                // A second question, or the same in another part of the account.
                Op::Identify => 4,
            };
            ensure!(stage, count <= most, "{}: {count} requests where {most} are meant", attempt.what);
        }
    }
    // Where nothing is asked, nothing is repeated.
    stage.count_check();
    Ok(Verdict::Held)
}

pub(super) async fn write_is_not_repeated_when_outcome_unknown(stage: &Stage) -> Played {
    for (method, op) in stage.asking(&Op::OF_TOKENS).await? {
        for fault in [Fault::LostRequest, Fault::LostAnswer] {
            let attempt = stage.attempt(method, op, Some(&fault)).await?;
            let count = attempt.requests.len();
            ensure!(stage, count == 1, "{}: {count} requests", attempt.what);
        }
    }
    let world = World::new(stage).await?;
    let connection = world.connect("acme").await?;
    for fault in [Fault::LostRequest, Fault::LostAnswer, Fault::json(503, "")] {
        let before = stage.service.count(Line::Api);
        stage.service.will(Line::Api, fault.clone());
        let answer = connection.post(world.path()).body("x").send().await;
        let failed = answer.map_or(true, |response| response.status().is_server_error());
        ensure!(stage, failed, "a POST that met {fault:?} went well");
        let count = stage.service.count(Line::Api) - before;
        ensure!(stage, count == 1, "a POST that met {fault:?} was sent {count} times");
        stage.service.recovers();
    }
    Ok(Verdict::Held)
}

pub(super) async fn provider_never_sleeps(stage: &Stage) -> Played {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for method in stage.methods()? {
        for op in Op::ALL.into_iter().filter(|op| stage.claims(*op)) {
            for fault in [None].into_iter().chain(tempting().into_iter().map(Some)) {
                let attempt = stage.attempt(method, op, fault.as_ref()).await?;
                let waited = attempt.took > Duration::ZERO;
                ensure!(stage, !waited, "{}: it waited for {:?}", attempt.what, attempt.took);
            }
        }
    }
    let left = tasks().saturating_sub(before);
    ensure!(stage, left == 0, "{left} tasks are left running");
    Ok(Verdict::Held)
}
