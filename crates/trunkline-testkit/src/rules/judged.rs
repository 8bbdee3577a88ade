//! What a refusal is taken for.

use std::time::Duration;

use trunkline_core::{Cause, ConsentKind, Retry, Verdict as Concluded};

use super::Played;
use super::failure::asking;
use crate::profile::Ability;
use crate::rule::Verdict;
use crate::service::Fault;
use crate::stage::{Attempt, Op, Stage, ensure};

/// Whether the keeper goes on trying.
fn goes_on(attempt: &Attempt) -> bool {
    matches!(attempt.verdict(), Some(Concluded::Transient | Concluded::OutcomeUnknown))
}

fn inapplicable(why: &str) -> Played {
    Ok(Verdict::Inapplicable(why.to_owned()))
}

const NO_TOKEN: &str = "no token is asked for: what connects is given as it is";

pub(super) async fn refused_grant_is_not_retried(stage: &Stage) -> Played {
    let methods = match stage.methods_with_refresh_token()? {
        Ok(methods) => methods,
        Err(why) => return Ok(Verdict::Inapplicable(why)),
    };
    for method in methods {
        let connected = stage.connected(method).await?;
        stage.service.revokes_all();
        let attempt = stage.attempt_with(method, &connected, Op::Refresh, None).await?;
        let dead = attempt.verdict() == Some(Concluded::GrantDead);
        ensure!(stage, dead, "{}: the grant is revoked, and {:?} is told", attempt.what, attempt.result);
        ensure!(stage, attempt.requests.len() == 1, "{}: {} requests", attempt.what, attempt.requests.len());
    }
    Ok(Verdict::Held)
}

pub(super) async fn refused_client_ends_no_grant(stage: &Stage) -> Played {
    let asking = stage.asking(&[Op::Complete, Op::Refresh]).await?;
    if asking.is_empty() {
        return inapplicable(NO_TOKEN);
    }
    for (method, op) in asking {
        for status in [400, 401] {
            let fault = match stage.profile.signing {
                Some(_) => Fault::json(status, "oauth_problem=consumer_key_unknown"),
                None => Fault::json(status, r#"{"error":"invalid_client"}"#),
            };
            let attempt = stage.attempt(method, op, Some(&fault)).await?;
            let blamed = attempt.verdict() == Some(Concluded::ClientBroken);
            ensure!(stage, blamed, "{}: {:?}", attempt.what, attempt.result);
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn outage_is_no_verdict_of_death(stage: &Stage) -> Played {
    if let Err(why) = asking(stage).await? {
        return Ok(why);
    }
    let statuses = [408, 425, 500, 501, 502, 503, 504, 520, 599];
    let outages = statuses.map(|status| Fault::json(status, "")).into_iter().chain([
        Fault::page(502),
        Fault::page(503),
        Fault::json(500, r#"{"error":"server_error"}"#),
        Fault::json(503, r#"{"message":"maintenance"}"#),
    ]);
    let outages: Vec<_> = outages.collect();
    // What stands before a service answers as it likes.
    let gates = [Fault::page(200), Fault::page(401), Fault::page(403), Fault::page(404), Fault::page(511)];
    for (method, op) in
        stage.asking(&[Op::Complete, Op::Refresh, Op::Capture, Op::Identify, Op::Probe]).await?
    {
        for outage in &outages {
            let attempt = stage.attempt(method, op, Some(outage)).await?;
            match op {
                Op::Complete => {
                    let harmless = !matches!(
                        attempt.verdict(),
                        None | Some(Concluded::GrantDead | Concluded::Suspended | Concluded::ClientBroken)
                    );
                    ensure!(stage, harmless, "{}: {:?}", attempt.what, attempt.result);
                }
                _ => ensure!(stage, goes_on(&attempt), "{}: {:?}", attempt.what, attempt.result),
            }
        }
        if op == Op::Refresh {
            for gate in &gates {
                let attempt = stage.attempt(method, op, Some(gate)).await?;
                ensure!(stage, goes_on(&attempt), "{}: {:?}", attempt.what, attempt.result);
            }
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn lost_answer_is_no_verdict_of_death(stage: &Stage) -> Played {
    let asking = stage.asking(&[Op::Refresh]).await?;
    if asking.is_empty() {
        return Ok(Verdict::Inapplicable(
            stage.profile.lack(Ability::Renewal).unwrap_or(NO_TOKEN.to_owned()),
        ));
    }
    for (method, op) in asking {
        for fault in [Fault::LostRequest, Fault::LostAnswer, Fault::Cut { share: 40, is_clean: false }] {
            let attempt = stage.attempt(method, op, Some(&fault)).await?;
            let unknown = match stage.gives_refresh_token(method)? {
                true => attempt.verdict() == Some(Concluded::OutcomeUnknown),
                // Nothing was spent: it is asked for again.
                false => goes_on(&attempt),
            };
            ensure!(stage, unknown, "{}: {:?}", attempt.what, attempt.result);
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn lost_exchange_has_an_unknown_outcome(stage: &Stage) -> Played {
    let asking = stage.asking(&[Op::Complete]).await?;
    if asking.is_empty() {
        return inapplicable(NO_TOKEN);
    }
    for (method, op) in asking {
        let has_code = matches!(stage.auth(method)?.consent(), ConsentKind::Redirect | ConsentKind::Device);
        for fault in [Fault::LostRequest, Fault::LostAnswer, Fault::Cut { share: 40, is_clean: false }] {
            let attempt = stage.attempt(method, op, Some(&fault)).await?;
            let unknown = match has_code {
                // The code may have been spent: only a new consent helps.
                true => attempt.cause() == Some(Cause::ConsentOutcomeUnknown),
                // Nothing was spent; it is asked for again.
                false => goes_on(&attempt) || attempt.cause() == Some(Cause::ConsentOutcomeUnknown),
            };
            ensure!(stage, unknown, "{}: {:?}", attempt.what, attempt.result);
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn rate_limit_honours_retry_after(stage: &Stage) -> Played {
    if let Err(why) = asking(stage).await? {
        return Ok(why);
    }
    let asking = stage.asking(&[Op::Refresh, Op::Capture, Op::Identify, Op::Probe]).await?;
    for (method, op) in asking {
        for (status, pause_s) in [(429, 17), (503, 19)] {
            let fault = Fault::json(status, "{}").header("retry-after", &pause_s.to_string());
            let attempt = stage.attempt(method, op, Some(&fault)).await?;
            let error = attempt.error()?;
            let Some(diagnosis) = error.diagnosis() else {
                return Err(format!("{} has no diagnosis: {error}", attempt.what).into());
            };
            if status == 429 {
                let limited = diagnosis.cause() == Cause::RateLimited;
                ensure!(stage, limited, "{}: {diagnosis}", attempt.what);
            }
            let told = diagnosis.retry() == Retry::After { after_s: pause_s };
            ensure!(stage, told, "{}: {pause_s} s were asked for: {:?}", attempt.what, diagnosis.retry());
            ensure!(stage, attempt.took == Duration::ZERO, "{}: it waited by itself", attempt.what);
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn unauthorized_without_a_word_is_no_death(stage: &Stage) -> Played {
    let lack = stage.profile.lack(Ability::Renewal);
    // One status for a wrong clock, a wrong signature and a wrong token (RFC 5849, 3.2): it is no word at all.
    let signs = stage.profile.signing.is_some();
    if let Some(why) = lack.filter(|_| !signs) {
        return Ok(Verdict::Inapplicable(format!("{why}; a 401 is the one word that there is")));
    }
    let faults = [
        Fault::json(401, ""),
        Fault::json(401, "{}"),
        Fault::json(401, r#"{"message":"Unauthorized"}"#),
        Fault::page(401),
        Fault::page(403),
        Fault::json(403, "{}"),
    ];
    let asking = stage.asking(&Op::OF_THE_API).await?;
    if asking.is_empty() {
        return inapplicable("the provider itself asks the API nothing");
    }
    for (method, op) in asking {
        for fault in &faults {
            let attempt = stage.attempt(method, op, Some(fault)).await?;
            // A renewal that cannot be is the end.
            let renews = signs && attempt.verdict() == Some(Concluded::RenewAccessToken);
            let dead = renews || attempt.verdict() == Some(Concluded::GrantDead);
            ensure!(stage, !dead, "{} ends the grant: {:?}", attempt.what, attempt.result);
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn failed_revocation_is_not_done(stage: &Stage) -> Played {
    if let Some(why) = stage.profile.lack(Ability::Revocation) {
        return Ok(Verdict::Inapplicable(why));
    }
    let asking = stage.asking(&[Op::Revoke]).await?;
    let faults = [
        Fault::json(500, ""),
        Fault::json(503, ""),
        Fault::json(401, r#"{"error":"invalid_client"}"#),
        Fault::page(502),
        Fault::NotSent,
        Fault::LostRequest,
    ];
    for (method, op) in asking {
        for fault in &faults {
            let attempt = stage.attempt(method, op, Some(fault)).await?;
            let failed = attempt.result.is_err();
            ensure!(stage, failed, "{}: {:?}", attempt.what, attempt.result);
        }
        for fault in [Fault::json(503, ""), Fault::NotSent] {
            let attempt = stage.attempt(method, op, Some(&fault)).await?;
            ensure!(stage, goes_on(&attempt), "{} should be tried again: {:?}", attempt.what, attempt.result);
        }
    }
    Ok(Verdict::Held)
}
