//! What a token has to say about itself, besides its events (RFC 8417, 2.2).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::json::text;
use crate::{Refusal, RefusalCode, Transmitter};

/// The claims of a token whose signature is good.
#[derive(Debug)]
pub(crate) struct Claims<'a> {
    pub(crate) id: &'a str,
    pub(crate) issued_at: Timestamp,
    /// When what it tells of happened, if it says so.
    pub(crate) happened_at: Option<Timestamp>,
    pub(crate) audiences: Vec<&'a str>,
    pub(crate) events: &'a Map<String, Value>,
}

impl<'a> Claims<'a> {
    /// Checks that the token is for us, is of now, and tells of something.
    pub(crate) fn check(
        claims: &'a Map<String, Value>,
        transmitter: &Transmitter,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let audiences = audiences(claims)?;
        if !audiences.iter().any(|audience| transmitter.connectors(audience).next().is_some()) {
            return Err(Refusal::new(RefusalCode::InvalidAudience, "the token is for somebody else"));
        }
        let issued_at = date(claims, "iat")?.ok_or(Refusal::malformed("iat is missing"))?;
        let age = now.duration_since(issued_at);
        let skew = signed(transmitter.skew);
        if age < -skew {
            return Err(Refusal::malformed("iat lies in the future"));
        }
        if age > signed(transmitter.max_age) {
            return Err(Refusal::malformed("the token is stale"));
        }
        // Neither is asked for; what is there counts (RFC 7519, 4.1.4 and 4.1.5).
        let is_over = date(claims, "exp")?.is_some_and(|end| now.duration_since(end) >= skew);
        let is_early = date(claims, "nbf")?.is_some_and(|start| start.duration_since(now) > skew);
        if is_over || is_early {
            return Err(Refusal::malformed("the token is not valid now"));
        }
        let events = claims.get("events").and_then(Value::as_object).filter(|events| !events.is_empty());
        Ok(Self {
            id: text(claims, "jti").ok_or(Refusal::malformed("jti is missing"))?,
            issued_at,
            happened_at: date(claims, "toe")?,
            audiences,
            events: events.ok_or(Refusal::malformed("events is missing or empty"))?,
        })
    }

    /// When an event happened. A token cannot tell of what comes after it.
    pub(crate) fn time_of(&self, event: &Map<String, Value>) -> Result<Timestamp, Refusal> {
        let stated = date(event, "event_timestamp")?.or(self.happened_at);
        Ok(stated.map_or(self.issued_at, |stated| stated.min(self.issued_at)))
    }
}

fn audiences(claims: &Map<String, Value>) -> Result<Vec<&str>, Refusal> {
    let malformed = Refusal::malformed("aud is neither a text nor a list of texts");
    match claims.get("aud") {
        None => Err(Refusal::new(RefusalCode::InvalidAudience, "aud is missing")),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(several)) => several.iter().map(|one| one.as_str().ok_or(malformed)).collect(),
        Some(_) => Err(malformed),
    }
}

/// A NumericDate (RFC 7519, 2): seconds, perhaps with a fraction. What no calendar reaches is its end.
fn date(members: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let seconds = value.as_f64().ok_or(Refusal::malformed("a time is not a number of seconds since 1970"))?;
    let end = if seconds < 0.0 { Timestamp::MIN } else { Timestamp::MAX };
    let since = SignedDuration::try_from_secs_f64(seconds).ok();
    Ok(Some(since.and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok()).unwrap_or(end)))
}

fn signed(span: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}
