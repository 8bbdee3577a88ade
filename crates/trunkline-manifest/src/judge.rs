//! What a service means by statuses, codes and texts of its own, as the manifest says.

use std::time::Duration;

use serde_json::Value;
use trunkline_auth::{oauth1, oauth2};
use trunkline_core::http::HeaderMap;
use trunkline_core::http::header::{DATE, RETRY_AFTER};
use trunkline_core::jiff::{Timestamp, fmt::rfc2822};
use trunkline_core::{Call, Cause, Diagnosis, Evidence, Exchange, Remedy, Retry, Verdict};

use crate::format::{ErrorMatcher, Format, MatchedCall, RateLimit, ResetUnit};
use crate::identity::at;

/// A service that asks for more is asked again after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// Reads a failed exchange by the manifest's own words. `None` leaves it to the standards.
pub(crate) fn judge(format: &Format, exchange: &Exchange<'_>) -> Option<Diagnosis> {
    if format.errors.is_empty() && format.rate_limit.is_none() {
        return None;
    }
    let by_standard = by_standard(format, exchange);
    let found = matched(format, exchange, by_standard.evidence()).map(|(_, matcher)| matcher);
    let diagnosis = match (found, &format.rate_limit) {
        (Some(matcher), _) => of_matcher(format, matcher),
        (None, Some(limit)) if limits(limit, exchange) => Diagnosis::new(Cause::RateLimited),
        _ => return None,
    };
    let evidence = by_standard.evidence();
    let diagnosis = evidence.codes.iter().fold(diagnosis, |diagnosis, code| diagnosis.code(code.as_str()));
    let diagnosis =
        evidence.message.iter().fold(diagnosis, |diagnosis, text| diagnosis.message(text.as_str()));
    let diagnosis = diagnosis.status(exchange.status);
    if diagnosis.cause().verdict() != Verdict::Transient {
        return Some(diagnosis);
    }
    let told = match by_standard.retry() {
        Retry::After { after_s } if exchange.headers.contains_key(RETRY_AFTER) => {
            Some(Duration::from_secs(after_s))
        }
        _ => format.rate_limit.as_ref().and_then(|limit| pause(limit, exchange.headers)),
    };
    let usual = found.and_then(|matcher| matcher.retry_after_s.as_deref());
    let told = told.or(usual.map(|seconds| Duration::from_secs((*seconds).into())));
    Some(told.into_iter().fold(diagnosis, |diagnosis, pause| diagnosis.retry_after(pause.min(LONGEST_PAUSE))))
}

/// What an answer says by the standards. Among its codes are the word of OAuth 1.0a, where there is one, and those that
/// stand in members of the service's own.
pub(crate) fn by_standard(format: &Format, exchange: &Exchange<'_>) -> Diagnosis {
    let judged = oauth2::diagnose(exchange, Timestamp::UNIX_EPOCH);
    let problem = format.is_oauth1().then(|| oauth1::problem(exchange)).flatten();
    let codes = problem.into_iter().chain(own_codes(format, exchange));
    codes.fold(judged, |judged, code| judged.code(&code))
}

/// The first matcher that an answer fits, and its place.
pub(crate) fn matched<'f>(
    format: &'f Format,
    exchange: &Exchange<'_>,
    evidence: &Evidence,
) -> Option<(usize, &'f ErrorMatcher)> {
    let mut all = format.errors.iter().map(|matcher| &**matcher).enumerate();
    all.find(|(_, matcher)| matches(matcher, exchange, evidence))
}

/// The codes that stand in members of the service's own. What is too long, or has other characters than codes have, may
/// be a text or a secret, and is none.
fn own_codes(format: &Format, exchange: &Exchange<'_>) -> Vec<String> {
    const MAX_CODE_BYTES: usize = 36;
    let members = &format.api.error_code_members;
    if members.is_empty() {
        return Vec::new();
    }
    let Ok(body) = serde_json::from_slice::<Value>(exchange.body) else { return Vec::new() };
    let is_code = |code: &String| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        (1..=MAX_CODE_BYTES).contains(&code.len()) && code.bytes().all(is_plain)
    };
    members.iter().filter_map(|member| at(&body, member)).filter(is_code).collect()
}

fn of_matcher(format: &Format, matcher: &ErrorMatcher) -> Diagnosis {
    let diagnosis = Diagnosis::new(*matcher.cause);
    let diagnosis = matcher.actor.iter().fold(diagnosis, |diagnosis, actor| diagnosis.acted_by(*actor));
    if matcher.remedy.is_empty() {
        return diagnosis;
    }
    let remedy = Remedy::new(format!("{}.{}", *format.name, matcher.cause.code()));
    diagnosis.remedied(matcher.remedy.iter().fold(remedy, |remedy, step| remedy.step(step)))
}

fn matches(matcher: &ErrorMatcher, exchange: &Exchange<'_>, evidence: &Evidence) -> bool {
    let call = match exchange.call {
        Call::Authorize => MatchedCall::Callback,
        Call::Exchange => MatchedCall::Exchange,
        Call::Refresh => MatchedCall::Refresh,
        Call::Revoke => MatchedCall::Revoke,
        _ => MatchedCall::Api,
    };
    let says = |part: &String| {
        let message = evidence.message.as_ref().map(|text| text.as_str().to_lowercase());
        message.is_some_and(|message| message.contains(&part.to_lowercase()))
    };
    let has_code =
        || matcher.codes.iter().any(|code| evidence.codes.iter().any(|known| known.as_str() == code));
    (matcher.calls.is_empty() || matcher.calls.contains(&call))
        && (matcher.status.is_empty() || matcher.status.contains(&exchange.status.as_u16()))
        && (matcher.codes.is_empty() || has_code())
        && matcher.message.as_ref().is_none_or(says)
}

/// Whether the answer says that there were too many requests.
fn limits(limit: &RateLimit, exchange: &Exchange<'_>) -> bool {
    let status = exchange.status.as_u16();
    let none_left =
        limit.remaining_header.as_ref().is_none_or(|name| number(exchange.headers, name) == Some(0.0));
    limit.status.contains(&status) && (none_left || status == 429)
}

/// How long the service's own header says to wait. A point in time is measured from the answer's own date.
fn pause(limit: &RateLimit, headers: &HeaderMap) -> Option<Duration> {
    let told = number(headers, limit.reset_header.as_ref()?)?;
    let seconds = match limit.reset_unit {
        ResetUnit::Seconds => told,
        ResetUnit::Milliseconds => told / 1000.0,
        ResetUnit::EpochSeconds => told - now(headers)?,
        ResetUnit::EpochMilliseconds => told / 1000.0 - now(headers)?,
    };
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit into 53 bits")]
fn now(headers: &HeaderMap) -> Option<f64> {
    let date = headers.get(DATE)?.to_str().ok()?;
    Some(rfc2822::parse(date).ok()?.timestamp().as_second() as f64)
}
