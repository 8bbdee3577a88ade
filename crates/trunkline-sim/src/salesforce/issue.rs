//! Opens sessions and writes token answers.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::error::OauthError;
use super::family::Ended;
use super::knobs::AccessTokenForm;
use super::policy::{App, RefreshPolicy};
use super::state::{Grant, RefreshToken, Session, Who, World};
use crate::ledger::Counts;
use crate::random;

/// What a token answer states.
pub(crate) type TokenAnswer = Vec<(&'static str, String)>;

/// Scopes by which an approval lives on as a refresh token.
pub(crate) const OFFLINE: [&str; 2] = ["refresh_token", "offline_access"];

/// A new approval; its refresh token if the scopes ask for one and the policy lets it live. One approval
/// too many ends the oldest of the same user and app.
pub(crate) fn open_grant(world: &mut World, who: &Who, app: &App, scopes: &[String], now_s: i64) -> u64 {
    let id = world.grants.len() as u64 + 1;
    world.grants.push(Grant {
        id,
        who: who.clone(),
        client: app.client_id.clone(),
        scopes: scopes.to_vec(),
        refresh_token: None,
        rotations: 0,
        created_at_s: now_s,
        used_at_s: now_s,
        delete_token: random::text::<24>(),
        ended: None,
        counts: Counts::default(),
        raced: 0,
        told: false,
    });
    let offline = scopes.iter().any(|scope| OFFLINE.contains(&scope.as_str()));
    if offline && app.refresh_policy != RefreshPolicy::Immediately {
        rotate(world, id);
        evict(world, who, &app.client_id);
    }
    id
}

fn evict(world: &mut World, who: &Who, client: &str) {
    let approvals: Vec<u64> = world
        .grants
        .iter()
        .filter(|grant| grant.ended.is_none() && grant.refresh_token.is_some())
        .filter(|grant| grant.who == *who && grant.client == client)
        .map(|grant| grant.id)
        .collect();
    let surplus = approvals.len().saturating_sub(world.knobs.max_approvals);
    let oldest = approvals.get(..surplus).unwrap_or_default().to_vec();
    world.end_grants(Ended::Evicted, |grant| oldest.contains(&grant.id));
}

/// Puts a new refresh token in the place of the grant's.
pub(crate) fn rotate(world: &mut World, grant_id: u64) {
    let token = format!("5Aep861{}.{}_{}", random::text::<24>(), random::hex::<6>(), random::text::<12>());
    let Some(grant) = world.grant_mut(grant_id) else { return };
    grant.rotations += 1;
    grant.refresh_token = Some(token.clone());
    let issued = RefreshToken { grant: grant_id, rotation: grant.rotations };
    world.refresh_tokens.insert(token, issued);
}

/// Opens a session, and returns its access token.
pub(crate) fn open_session(
    world: &mut World,
    who: &Who,
    client: Option<&str>,
    grant: Option<u64>,
    scopes: &[String],
) -> String {
    let now_ms = world.clock.now_ms();
    if world.knobs.repeat_access_token
        && let Some((token, _)) = world.sessions.iter().find(|(_, session)| {
            session.is_live(now_ms) && session.who == *who && session.client.as_deref() == client
        })
    {
        return token.clone();
    }
    let timeout_ms = i64::try_from(timeout_s(world, who, client)).unwrap_or(i64::MAX).saturating_mul(1000);
    let token = match world.knobs.access_token_form {
        AccessTokenForm::Opaque => {
            let org = who.org.get(..15).unwrap_or_default();
            format!("{org}!AQ4AQ{}.{}_{}", random::text::<40>(), random::hex::<8>(), random::text::<18>())
        }
        AccessTokenForm::Jwt => jwt_like(who, now_ms),
    };
    let session = Session {
        who: who.clone(),
        client: client.map(str::to_owned),
        grant,
        scopes: scopes.to_vec(),
        issued_at_ms: now_ms,
        timeout_ms,
        touched_at_ms: now_ms,
        ended: false,
    };
    world.sessions.insert(token.clone(), session);
    token
}

/// Three parts like a JWT's, about 2 KiB; nothing in them means anything.
fn jwt_like(who: &Who, now_ms: i64) -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({ "alg": "RS256", "typ": "JWT" }));
    let claims = part(json!({
        "sub": who.user, "iat": now_ms.div_euclid(1000), "jti": random::text::<16>(),
        "pad": random::text::<1100>(),
    }));
    format!("{header}.{claims}.{}", random::text::<256>())
}

/// The first of the app's, the profile's and the org's.
fn timeout_s(world: &World, who: &Who, client: Option<&str>) -> u64 {
    let of_app = client.and_then(|client| world.app(client)).and_then(|app| app.session_timeout_s);
    let of_profile = world.user(who).and_then(|user| user.policy.session_timeout_s);
    let of_org = world.org(&who.org).map_or(7200, |org| org.policy.session_timeout_s);
    of_app.or(of_profile).unwrap_or(of_org)
}

/// The whole answer. There is no `expires_in`, and `issued_at` is text of milliseconds.
pub(crate) fn answer(
    world: &mut World,
    app: &App,
    who: &Who,
    grant: Option<u64>,
    scopes: &[String],
    state: &Stated<'_>,
) -> Result<TokenAnswer, OauthError> {
    let token = open_session(world, who, Some(&app.client_id), grant, scopes);
    let issued_at = world.sessions.get(&token).map_or(0, |session| session.issued_at_ms).to_string();
    let id = world.identity_url(who);
    let org = world.org(&who.org).ok_or_else(OauthError::dead_grant)?;
    let instance_url = world.knobs.instance_url.clone().unwrap_or_else(|| org.instance_url.clone());
    let mut fields = vec![("access_token", token)];
    if let Some(refresh_token) = state.refresh_token {
        fields.push(("refresh_token", refresh_token.to_owned()));
    }
    fields.push(("signature", signature(&app.client_secret, &id, &issued_at)));
    if state.scope {
        fields.push(("scope", in_app_order(app, scopes)));
    }
    fields.extend([
        ("instance_url", instance_url),
        ("id", id),
        ("token_type", "Bearer".to_owned()),
        ("issued_at", issued_at),
    ]);
    Ok(fields)
}

/// What an answer states only in some flows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stated<'a> {
    pub(crate) refresh_token: Option<&'a str>,
    pub(crate) scope: bool,
}

/// The order differs from that of the request.
fn in_app_order(app: &App, scopes: &[String]) -> String {
    let known = app.scopes.iter().filter(|scope| scopes.contains(scope));
    known.map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Proof that `id` and `issued_at` come from the service.
fn signature(secret: &str, id: &str, issued_at: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{id}{issued_at}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_matches_the_vector_of_the_reference() {
        let id = "https://login.salesforce.com/id/00Dxx0000001gEREAY/005xx000001SwiUAAS";

        let signature = signature("TESTSECRET-0123456789", id, "1767225600000");

        assert_eq!(signature, "EfjdC1PBK1xRaKSLuyuu5vp5E+seum4il/jYBJRY4zw=");
    }
}
