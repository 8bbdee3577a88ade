//! Captures: what a callback or a token answer holds, checked before it is kept.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use trunkline_auth::oauth2::TokenResponse;
use trunkline_core::{Callback, Captures, Cause, Diagnosis, Error, Secret};

use crate::format::{CaptureSource, Format};
use crate::identity::at;
use crate::values::good;

/// Longest id token that is looked into, in bytes.
const MAX_TOKEN_BYTES: usize = 32 * 1024;
/// Longest value that is kept, in bytes.
const MAX_CAPTURE_BYTES: usize = 2048;

/// What of a token answer the manifest wants, by the captures' names; nothing of it is checked yet.
pub(crate) fn reader(
    format: &Format,
    client_id: &str,
) -> impl Fn(&TokenResponse) -> BTreeMap<String, String> + Send + Sync + use<> {
    let wanted = format.captures.iter().filter(|(_, capture)| *capture.from != CaptureSource::Callback);
    let wanted: Vec<(String, String, bool)> = wanted
        .map(|(name, capture)| {
            let member = capture.member.as_ref().map_or(name.as_str(), |member| member);
            (name.clone(), member.to_owned(), *capture.from == CaptureSource::IdToken)
        })
        .collect();
    let client_id = client_id.to_owned();
    move |answer| {
        let of_id_token = wanted.iter().any(|(_, _, of_id_token)| *of_id_token);
        let claims = of_id_token
            .then(|| answer.member("id_token").and_then(|token| claims(&token, &client_id)))
            .flatten();
        let value = |(name, member, of_id_token): &(String, String, bool)| {
            let value = match of_id_token {
                true => at(claims.as_ref()?, member)?,
                false => answer.member(member)?.expose().to_owned(),
            };
            (value.len() <= MAX_CAPTURE_BYTES).then(|| (name.clone(), value))
        };
        wanted.iter().filter_map(value).collect()
    }
}

/// The claims of an id token that is meant for this client. It came straight from the token endpoint, so TLS vouches
/// for it (OpenID Connect Core, 3.1.3.7).
fn claims(id_token: &Secret, client_id: &str) -> Option<Value> {
    let token = id_token.expose();
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let is_ours = match claims.get("aud")? {
        Value::String(audience) => audience == client_id,
        Value::Array(audiences) => audiences.iter().any(|audience| audience.as_str() == Some(client_id)),
        _ => false,
    };
    is_ours.then_some(claims)
}

/// What the callback brought, before the code is spent.
pub(super) fn of_callback(format: &Format, callback: &Callback) -> Result<Captures, Error> {
    let mut captures = Captures::default();
    // A refusal brings nothing, and has a reason of its own.
    let is_refusal = callback.get("error").is_some();
    let wanted = format.captures.iter().filter(|(_, capture)| *capture.from == CaptureSource::Callback);
    for (name, capture) in wanted {
        let member = capture.member.as_ref().map_or(name.as_str(), |member| member);
        match callback.get(member).and_then(|value| good(capture, value.expose())) {
            Some(value) => captures.insert(name, value),
            None if capture.required && !is_refusal => {
                let why = format!("the answer has no usable `{member}`");
                return Err(Diagnosis::new(Cause::ConsentInvalid).message(&why).into());
            }
            None => {}
        }
    }
    Ok(captures)
}

/// Adds what a token answer held. At a renewal, a value that is missing or no good one leaves what was known: a
/// renewal is not thrown away over it.
pub(super) fn of_answer(
    format: &Format,
    read: &BTreeMap<String, String>,
    is_first: bool,
    captures: &mut Captures,
) -> Result<(), Error> {
    let wanted = format.captures.iter().filter(|(_, capture)| *capture.from != CaptureSource::Callback);
    for (name, capture) in wanted {
        match read.get(name).and_then(|value| good(capture, value)) {
            Some(value) => captures.insert(name, value),
            None if capture.required && is_first => {
                let why = format!("the token answer has no usable `{name}`");
                return Err(Diagnosis::new(Cause::ResponseInvalid).message(&why).into());
            }
            None => {}
        }
    }
    Ok(())
}
