//! The JWT bearer flow: an assertion signed with the app's key.

use std::collections::HashSet;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

use super::error::OauthError;
use super::policy::App;
use super::state::{Who, World};

pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const PRODUCTION: &str = "https://login.salesforce.com";
const SANDBOX: &str = "https://test.salesforce.com";

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    /// A number, or text of one, as clients send it.
    exp: Value,
}

/// The app and the user that an assertion speaks for.
pub(crate) fn verify(world: &World, assertion: &str) -> Result<(App, Who), OauthError> {
    let invalid = || OauthError::invalid_grant("invalid assertion");
    let unverified = jsonwebtoken::dangerous::insecure_decode::<Claims>(assertion).map_err(|_| invalid())?;
    let app = world
        .app(&unverified.claims.iss)
        .ok_or_else(|| OauthError::new("invalid_client_id", "client identifier invalid"))?;
    if !app.jwt_bearer {
        return Err(OauthError::new("oauth_flow_disabled", "this flow is not enabled for the app"));
    }
    let key = app.certificate.as_deref().and_then(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()).ok());
    let claims = key.and_then(|key| signed_claims(&key, assertion)).ok_or_else(invalid)?;
    let who = world.by_username(&claims.sub).ok_or_else(invalid)?;
    let sandbox = world.org(&who.org).is_some_and(|org| org.policy.sandbox);
    if !audience_fits(world, &claims.aud, sandbox) {
        return Err(OauthError::invalid_grant("audience is invalid"));
    }
    let exp_s = expiry_s(&claims.exp).ok_or_else(invalid)?;
    let (now_s, ahead_s) =
        (world.clock.now_s(), i64::try_from(world.knobs.assertion_max_s).unwrap_or(i64::MAX));
    if exp_s <= now_s || is_in_ms(exp_s, now_s) {
        return Err(OauthError::invalid_grant("expired authorization code"));
    }
    if exp_s > now_s.saturating_add(ahead_s) {
        return Err(invalid());
    }
    Ok((app.clone(), who))
}

/// Expiry is not judged here: the caller has the simulated clock.
fn signed_claims(key: &DecodingKey, assertion: &str) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims = HashSet::new();
    jsonwebtoken::decode(assertion, key, &validation).ok().map(|data| data.claims)
}

/// The audience stays that of the login host even when the request goes to a My Domain.
fn audience_fits(world: &World, aud: &str, sandbox: bool) -> bool {
    let own = if sandbox { [SANDBOX, &world.test_url] } else { [PRODUCTION, &world.login_url] };
    own.contains(&aud) || world.knobs.assertion_audiences.iter().any(|other| other == aud)
}

fn expiry_s(exp: &Value) -> Option<i64> {
    exp.as_i64().or_else(|| exp.as_str()?.parse().ok())
}

/// Milliseconds, a common mistake, lie tens of thousands of years ahead.
fn is_in_ms(exp_s: i64, now_s: i64) -> bool {
    exp_s / 100 > now_s
}
