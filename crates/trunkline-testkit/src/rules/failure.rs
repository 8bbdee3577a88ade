//! Answers that are none.

use std::panic::{AssertUnwindSafe, catch_unwind};

use trunkline_core::http::{HeaderMap, Method, StatusCode};
use trunkline_core::{Call, Cause, ErrorKind, Exchange, Verdict as Concluded};

use super::Played;
use crate::profile::Ability;
use crate::rule::{Failure, Verdict};
use crate::service::{Fault, Line};
use crate::stage::{Attempt, Fruit, Op, Stage, ensure};

/// Most bytes of an answer that anybody has a reason to read; token answers have a few thousand.
const MOST_BYTES: u64 = 4 << 20;

/// Whether a failure says nothing against the grant or the client.
fn is_harmless(attempt: &Attempt) -> bool {
    !matches!(attempt.verdict(), Some(Concluded::GrantDead | Concluded::Suspended | Concluded::ClientBroken))
}

/// Every call that asks the service for something, or why there is none.
pub(super) async fn asking(stage: &Stage) -> Result<Result<Vec<(&'static str, Op)>, Verdict>, Failure> {
    let asking = stage.asking(&Op::ALL).await?;
    Ok(if asking.is_empty() { Err(Verdict::Inapplicable(ASKS_NOTHING.to_owned())) } else { Ok(asking) })
}

/// A key that is carried as it is, at a service that nobody asks who we are.
const ASKS_NOTHING: &str = "the provider itself asks the service nothing";

pub(super) async fn half_response_is_unavailable_not_panic(stage: &Stage) -> Played {
    let asking = match asking(stage).await? {
        Ok(asking) => asking,
        Err(why) => return Ok(why),
    };
    for (method, op) in asking {
        for share in [0, 1, 10, 30, 50, 70, 90, 99] {
            for is_clean in [false, true] {
                if is_clean && op == Op::Complete && stage.profile.signing.is_some() {
                    // A form has no end of its own: what ends early is a shorter secret, which signs nothing.
                    continue;
                }
                let fault = Fault::Cut { share, is_clean };
                let attempt = stage.attempt(method, op, Some(&fault)).await?;
                let harmless = is_harmless(&attempt);
                ensure!(stage, harmless, "{}: {:?}", attempt.what, attempt.result);
                match op {
                    Op::Complete => {
                        ensure!(stage, attempt.result.is_err(), "{} makes a grant", attempt.what);
                    }
                    Op::Refresh => {
                        let spends = stage.gives_refresh_token(method)?;
                        let unknown = match attempt.verdict() {
                            Some(Concluded::OutcomeUnknown) => true,
                            // Nothing was spent: it is asked for again.
                            Some(Concluded::Transient) => !spends,
                            _ => false,
                        };
                        ensure!(
                            stage,
                            unknown,
                            "{} has no unknown outcome: {:?}",
                            attempt.what,
                            attempt.result
                        );
                    }
                    // What breaks off names nobody; what merely ends early may look like a shorter name.
                    Op::Identify
                        if !is_clean && share < 99 && stage.profile.lack(Ability::Account).is_none() =>
                    {
                        ensure!(stage, attempt.result.is_err(), "{} names an account", attempt.what);
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(Verdict::Held)
}

/// Bodies that somebody would not have thought of.
fn hostile_bodies() -> Vec<String> {
    let plain = [
        "",
        " ",
        "null",
        "true",
        "0",
        "-1",
        "\"\"",
        "[]",
        "{}",
        "[[]]",
        "{\"a\":",
        "\u{0}",
        "\u{feff}{}",
        "{\"error\":null}",
        "{\"error\":[]}",
        "{\"error\":{}}",
        "{\"error\":{\"code\":[]}}",
        "{\"error\":7}",
        "{\"errors\":[null]}",
        "[{\"errorCode\":null}]",
        "[null]",
        "{\"ia::result\":null}",
        "{\"ia::result\":{\"ia::error\":[]}}",
        "error=&error_description=%",
        "<",
        "<?xml",
        "<html>",
        "\u{202e}\u{2028}\r\n",
        "{\"access_token\":\"a\\nb\"}",
        "{\"access_token\":\"a\",\"expires_in\":-1}",
        "{\"access_token\":\"a\",\"expires_in\":1e300}",
        "{\"access_token\":\"a\",\"expires_in\":\"soon\"}",
        "{\"access_token\":\"a\",\"expires_in\":9223372036854775807}",
        "{\"access_token\":\"\u{e9}\"}",
        "{\"access_token\":\"a\",\"scope\":{}}",
        "{\"access_token\":\"a\",\"refresh_token\":[]}",
        "{\"access_token\":\"a.b.c\"}",
        "{\"access_token\":\"eyJhbGciOiJub25lIn0.eyJleHAiOjFlMzAwfQ.\"}",
        "ada@",
        "@",
        "a@b@c",
    ];
    let nested = ["[".repeat(20_000), "{\"a\":".repeat(20_000), format!("\"{}\"", "x".repeat(200_000))];
    plain.into_iter().map(str::to_owned).chain(nested).collect()
}

pub(super) async fn hostile_bodies_do_not_panic(stage: &Stage) -> Played {
    let bodies = hostile_bodies();
    for (method, op) in stage.asking(&Op::ALL).await? {
        // The service does nothing for these requests: the grant is the same after each.
        let connected = stage.connected(method).await?;
        for body in &bodies {
            for status in [200, 400] {
                let fault = Fault::json(status, body);
                let attempt = match op {
                    Op::Complete => stage.attempt(method, op, Some(&fault)).await?,
                    op => stage.attempt_with(method, &connected, op, Some(&fault)).await?,
                };
                stage.count_check();
                // What is believed all the same must be fit to be put on requests, or refused.
                if let Ok(Fruit::Grant(grant)) = &attempt.result {
                    let auth = stage.auth(method)?;
                    let prepared =
                        catch_unwind(AssertUnwindSafe(|| auth.prepare(&grant.credential).map(drop)));
                    ensure!(stage, prepared.is_ok(), "{}: `prepare` panics on what it brought", attempt.what);
                }
            }
        }
    }
    let raw = bodies.iter().map(|body| body.as_bytes().to_vec());
    let bytes = [vec![0xff; 100], vec![b'{', 0xc3, 0x28, b'}'], (0..=255).collect()];
    for body in raw.chain(bytes) {
        for call in [Call::Api, Call::Authorize, Call::Exchange, Call::Refresh, Call::Revoke] {
            for status in [200, 302, 400, 401, 403, 404, 429, 500, 503] {
                let Ok(status) = StatusCode::from_u16(status) else { continue };
                let headers = HeaderMap::new();
                let exchange = Exchange {
                    call,
                    method: &Method::POST,
                    path: "/",
                    status,
                    headers: &headers,
                    body: &body,
                };
                let judged = catch_unwind(AssertUnwindSafe(|| stage.connector.diagnose(&exchange)));
                let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
                ensure!(stage, judged.is_ok(), "diagnose panics on {call:?} {status} {start:?}");
            }
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn bodies_are_bounded(stage: &Stage) -> Played {
    let asking = match asking(stage).await? {
        Ok(asking) => asking,
        Err(why) => return Ok(why),
    };
    for (method, op) in asking {
        for status in [200, 400, 500] {
            let before = stage.service.swallowed();
            let attempt = stage.attempt(method, op, Some(&Fault::Endless { status })).await?;
            let read = stage.service.swallowed() - before;
            ensure!(stage, read <= MOST_BYTES, "{}: {read} bytes were read", attempt.what);
            let harmless = is_harmless(&attempt);
            ensure!(stage, harmless, "{}: {:?}", attempt.what, attempt.result);
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn lie_with_200_is_no_success(stage: &Stage) -> Played {
    let lies = [
        r#"{"error":"invalid_grant"}"#,
        r#"{"error":"server_error","error_description":"later"}"#,
        r#"{"ok":false,"error":"trunkline_testkit"}"#,
        r#"{"access_token":null}"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":42}"#,
        r#"{"access_token":["a"]}"#,
        "{}",
        "[]",
        "null",
        "",
    ];
    let page = Fault::page(200);
    if let Err(why) = asking(stage).await? {
        return Ok(why);
    }
    for (method, op) in stage.asking(&[Op::Complete, Op::Refresh]).await? {
        for lie in lies.iter().map(|body| Fault::json(200, body)).chain([page.clone()]) {
            let attempt = stage.attempt(method, op, Some(&lie)).await?;
            let failed = attempt.result.is_err();
            ensure!(stage, failed, "{} is taken for a success: {:?}", attempt.what, attempt.result);
        }
    }
    for (method, op) in stage.asking(&Op::OF_THE_API).await? {
        let attempt = stage.attempt(method, op, Some(&page)).await?;
        let failed = attempt.result.is_err();
        ensure!(stage, failed, "{} is taken for a success: {:?}", attempt.what, attempt.result);
        let harmless = is_harmless(&attempt);
        ensure!(stage, harmless, "{}: {:?}", attempt.what, attempt.result);
        if op == Op::Identify && stage.profile.lack(Ability::Account).is_none() {
            for lie in ["{}", "[]", "null", ""] {
                let attempt = stage.attempt(method, op, Some(&Fault::json(200, lie))).await?;
                let failed = attempt.result.is_err();
                ensure!(stage, failed, "{} names an account: {:?}", attempt.what, attempt.result);
            }
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn unsent_request_is_told_from_a_lost_one(stage: &Stage) -> Played {
    let asking = match asking(stage).await? {
        Ok(asking) => asking,
        Err(why) => return Ok(why),
    };
    for (method, op) in asking {
        let unsent = stage.attempt(method, op, Some(&Fault::NotSent)).await?;
        let told = unsent.cause() == Some(Cause::ServiceUnreachable);
        ensure!(stage, told, "{}: {:?}", unsent.what, unsent.result);
        let lost = stage.attempt(method, op, Some(&Fault::LostRequest)).await?;
        let error = lost.error()?;
        let told = error.kind() != ErrorKind::NotSent && error.diagnosis().is_some();
        ensure!(stage, told, "{}: it may have been carried out: {error:?}", lost.what);
        if op.line() == Line::Api {
            // Introspection changes nothing: there it is an outage.
            let told = matches!(lost.cause(), Some(Cause::OutcomeUnknown | Cause::ServiceUnavailable));
            ensure!(stage, told, "{}: {error:?}", lost.what);
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn every_failure_is_diagnosed(stage: &Stage) -> Played {
    let faults = [
        Fault::json(400, r#"{"error":"trunkline_testkit"}"#),
        Fault::json(403, "{}"),
        Fault::json(404, "{}"),
        Fault::json(503, ""),
        Fault::page(502),
        Fault::Cut { share: 50, is_clean: true },
        Fault::NotSent,
        Fault::LostRequest,
    ];
    let asking = match asking(stage).await? {
        Ok(asking) => asking,
        Err(why) => return Ok(why),
    };
    for (method, op) in asking {
        for fault in &faults {
            let attempt = stage.attempt(method, op, Some(fault)).await?;
            let Err(error) = &attempt.result else {
                // Half an answer may be enough for a probe or a revocation, and who we are may be asked in a second way;
                // an answer of failure alone is not enough.
                let more = matches!(fault, Fault::Cut { .. }) || attempt.requests.len() > 1;
                ensure!(stage, more, "{} went well: {:?}", attempt.what, attempt.result);
                continue;
            };
            let Some(diagnosis) = error.diagnosis() else {
                return Err(format!("{} has no diagnosis: {error}", attempt.what).into());
            };
            ensure!(stage, diagnosis.remedy().steps().next().is_some(), "{} has no remedy", attempt.what);
            if let Fault::Answer { status, .. } = fault {
                let told = diagnosis.evidence().status == Some(*status);
                ensure!(stage, told, "{}: the status is not in the evidence: {diagnosis:?}", attempt.what);
            }
        }
    }
    Ok(Verdict::Held)
}
