//! Captures: what a callback or a token answer holds, checked before it is kept.

use std::collections::BTreeMap;

use trunkline_auth::oauth2::{TokenResponse, id_token_claims};
use trunkline_core::{Callback, Captures, Cause, Diagnosis, Error};

use crate::format::{CaptureSource, Format};
use crate::identity::at;
use crate::values::good;

/// Longest value that is kept, in bytes.
const MAX_CAPTURE_BYTES: usize = 2048;

/// What of a token answer the manifest wants, by the captures' names; nothing of it is checked yet.
pub(crate) fn reader(
    format: &Format,
    client_id: &str,
) -> impl Fn(&TokenResponse) -> BTreeMap<String, String> + Send + Sync + use<> {
    let wanted = format.captures.iter().filter(|(_, capture)| capture.from.is_of_token_answer());
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
            .then(|| answer.member("id_token").and_then(|token| id_token_claims(&token, &client_id, None)))
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

/// What the callback brought, before the code is spent.
pub(super) fn of_callback(format: &Format, callback: &Callback) -> Result<Captures, Error> {
    let mut captures = Captures::default();
    // A refusal brings nothing, and has a reason of its own. That of OAuth 1.0a may have no word but no verifier.
    let is_unverified = format.oauth1.is_some() && callback.get("oauth_verifier").is_none();
    let is_refusal = callback.get("error").is_some() || is_unverified;
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
    let wanted = format.captures.iter().filter(|(_, capture)| capture.from.is_of_token_answer());
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
