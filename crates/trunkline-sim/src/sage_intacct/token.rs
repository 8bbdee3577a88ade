//! `POST /oauth2/token`: three grants, and `POST /oauth2/revoke`.

use serde_json::json;

use super::envelope::ApiError;
use super::jwt;
use super::knobs::{AccessDeath, ClientRefusal, Rotation};
use super::state::{App, Code, Grant, World};
use super::supersede;
use super::token_request::Attributes;
use crate::exchange::{Call, Reply};
use crate::random;

/// Answers a token request.
pub(crate) fn token(world: &mut World, call: &Call, now_s: i64) -> Result<Reply, ApiError> {
    let attributes = Attributes::read(call)?;
    attributes.check_gateway_rules()?;
    let client = authenticate(world, &attributes)?.client_id.clone();
    match attributes.get("grant_type") {
        Some("authorization_code") => exchange_code(world, &attributes, &client, now_s),
        Some("refresh_token") => refresh(world, &attributes, &client, now_s),
        _ => client_credentials(world, &attributes, &client, now_s),
    }
}

/// Ends the pool of the token's user and company; RFC 7009 answers 200 for unknown tokens too.
pub(crate) fn revoke(world: &mut World, call: &Call) -> Result<Reply, ApiError> {
    let attributes = Attributes::read(call)?;
    authenticate(world, &attributes)?;
    let token = attributes.require("token")?;
    let by_session = jwt::claims(&world.signing_key, token)
        .and_then(|claims| world.sessions.get(&claims.session_id))
        .map(|session| (session.user.clone(), session.company.clone()));
    let by_refresh = world
        .grants
        .iter()
        .find(|grant| grant.refresh_token.as_deref() == Some(token))
        .map(|grant| (grant.user.clone(), grant.company.clone()));
    if let Some((user, company)) = by_session.or(by_refresh) {
        world.end_pool(&user, &company);
    }
    Ok(Reply::empty(200))
}

/// Client id and secret from the body; the service knows no HTTP Basic.
fn authenticate<'w>(world: &'w World, attributes: &Attributes) -> Result<&'w App, ApiError> {
    let id = attributes.get("client_id").unwrap_or_default();
    let secret = attributes.get("client_secret").unwrap_or_default();
    world.app(id).filter(|app| app.client_secret == secret).ok_or_else(|| client_refused(world))
}

fn client_refused(world: &World) -> ApiError {
    match world.knobs.client_refusal {
        ClientRefusal::InvalidClient => ApiError::oauth(world.knobs.client_refusal_status, "invalid_client"),
        ClientRefusal::Rest1216 => not_authorised(world),
    }
}

/// `REST-1216`: wrong client, or a company that does not list it.
fn not_authorised(world: &World) -> ApiError {
    let text = "Client ID, Client Secret, and/or third-party application is incorrect";
    ApiError::api(world.knobs.client_refusal_status, "invalidRequest", text).with_id("REST-1216", "")
}

fn invalid_grant(world: &World) -> ApiError {
    ApiError::oauth(world.knobs.invalid_grant_status, "invalid_grant")
}

fn exchange_code(
    world: &mut World,
    attributes: &Attributes,
    client: &str,
    now_s: i64,
) -> Result<Reply, ApiError> {
    let text = attributes.require("code")?;
    // Taken out before any check: a code is spent by its first use, right or wrong.
    let Some(code) = world.codes.remove(text) else { return Err(invalid_grant(world)) };
    let verified = code.challenge.as_deref().is_none_or(|challenge| {
        attributes
            .get("code_verifier")
            .is_some_and(|verifier| random::sha256(verifier.as_bytes()) == challenge)
    });
    let matches = code.client == client && attributes.get("redirect_uri") == Some(&code.redirect_uri);
    if !matches || !verified || now_s >= code.expires_at_s {
        return Err(invalid_grant(world));
    }
    supersede(world, &code.user, &code.company, client);
    let Code { company, user, offline, .. } = code;
    let grant = open_grant(world, (&user, &company), client, true, offline, now_s);
    Ok(mint(world, grant, None, true, now_s))
}

fn refresh(world: &mut World, attributes: &Attributes, client: &str, now_s: i64) -> Result<Reply, ApiError> {
    let token = attributes.require("refresh_token")?;
    let position = world.grants.iter().position(|grant| {
        grant.client == client
            && (grant.refresh_token.as_deref() == Some(token)
                || grant.spent_refresh_tokens.iter().any(|spent| spent == token))
    });
    let Some(grant) = position.and_then(|at| world.grants.get(at)).cloned() else {
        return Err(invalid_grant(world));
    };
    if grant.refresh_token.as_deref() != Some(token) {
        if world.knobs.rotation == Rotation::OnWithReuseDetection {
            world.end_grants(AccessDeath::AtOnce, |other| other.id == grant.id);
        }
        return Err(invalid_grant(world));
    }
    let expired = grant.refresh_expires_at_s.is_some_and(|at| now_s >= at);
    if grant.ended || expired || !user_is_active(world, &grant.user, &grant.company) {
        if world.knobs.dead_grant_as_invalid_client {
            return Err(ApiError::oauth(world.knobs.client_refusal_status, "invalid_client"));
        }
        return Err(invalid_grant(world));
    }
    let rotated = world.knobs.rotation != Rotation::Off;
    if rotated {
        rotate(world, grant.id, now_s);
    }
    let entity = attributes.get("entity_id").filter(|id| !id.is_empty()).map(str::to_owned);
    let send_refresh = rotated || world.knobs.repeat_refresh_token;
    Ok(mint(world, grant.id, entity, send_refresh, now_s))
}

fn client_credentials(
    world: &mut World,
    attributes: &Attributes,
    client: &str,
    now_s: i64,
) -> Result<Reply, ApiError> {
    let (user, company, entity) = principal(world, attributes, now_s)?;
    let Some(found) = world.companies.get(&company).filter(|company| company.active) else {
        return Err(ApiError::gateway(400, "GW-0011", "Invalid Request"));
    };
    let listed = found
        .clients
        .get(client)
        .is_some_and(|entry| entry.active && entry.ws_user.as_deref() == Some(user.as_str()));
    if !listed || !user_is_active(world, &user, &company) {
        return Err(not_authorised(world));
    }
    let offline = world.knobs.client_credentials_refresh_token;
    let grant = open_grant(world, (&user, &company), client, false, offline, now_s);
    Ok(mint(world, grant, entity, true, now_s))
}

/// Who a client-credentials request speaks for: `user@company[|entity]`, or a live session.
fn principal(
    world: &World,
    attributes: &Attributes,
    now_s: i64,
) -> Result<(String, String, Option<String>), ApiError> {
    if let Some(username) = attributes.get("username") {
        let (login, entity) = match username.split_once('|') {
            Some((login, entity)) => (login, Some(entity.to_owned())),
            None => (username, None),
        };
        return match login.rsplit_once('@') {
            Some((user, company)) if !user.is_empty() && !company.is_empty() => {
                Ok((user.to_owned(), company.to_owned(), entity))
            }
            _ => {
                let text = "The username format is invalid, expected user@company";
                Err(ApiError::gateway(400, "GW-0012", text))
            }
        };
    }
    let session = attributes.require("session_id")?;
    match world.sessions.get(session) {
        Some(session) if session.life != super::state::Life::Dead && now_s < session.expires_at_s => {
            Ok((session.user.clone(), session.company.clone(), session.entity.clone()))
        }
        _ => Err(invalid_grant(world)),
    }
}

fn user_is_active(world: &World, user: &str, company: &str) -> bool {
    let company = world.companies.get(company);
    company.and_then(|company| company.user(user)).is_some_and(|user| user.text("status") == "active")
}

fn open_grant(
    world: &mut World,
    (user, company): (&str, &str),
    client: &str,
    from_consent: bool,
    offline: bool,
    now_s: i64,
) -> u64 {
    let id = world.grants.len() as u64 + 1;
    world.grants.push(Grant {
        id,
        company: company.to_owned(),
        user: user.to_owned(),
        client: client.to_owned(),
        from_consent,
        refresh_token: None,
        spent_refresh_tokens: Vec::new(),
        refresh_expires_at_s: None,
        ended: false,
    });
    if offline {
        rotate(world, id, now_s);
    }
    id
}

fn rotate(world: &mut World, grant_id: u64, now_s: i64) {
    let lifetime_s = world.knobs.refresh_token_lifetime_s;
    let expires_at_s =
        lifetime_s.map(|lifetime| now_s.saturating_add(i64::try_from(lifetime).unwrap_or(i64::MAX)));
    let key = world.signing_key.clone();
    let Some(grant) = world.grants.iter_mut().find(|grant| grant.id == grant_id) else { return };
    let claims = jwt::Claims {
        client_id: grant.client.clone(),
        cny_id: grant.company.clone(),
        user_id: grant.user.clone(),
        session_id: random::text::<18>(),
        iat: now_s,
        exp: expires_at_s,
    };
    grant.refresh_expires_at_s = expires_at_s;
    grant.spent_refresh_tokens.extend(grant.refresh_token.replace(jwt::sign(&key, &claims)));
}

fn mint(world: &mut World, grant_id: u64, entity: Option<String>, send_refresh: bool, now_s: i64) -> Reply {
    let lifetime_s = world.knobs.expires_in_s;
    let expires_at_s = now_s.saturating_add(i64::try_from(lifetime_s).unwrap_or(i64::MAX));
    let (access, refresh) = super::session::open(world, grant_id, entity, now_s, expires_at_s);
    let mut body = json!({ "token_type": "Bearer", "access_token": access });
    if world.knobs.send_expires_in {
        body["expires_in"] = lifetime_s.into();
    }
    if let Some(refresh) = refresh.filter(|_| send_refresh) {
        body["refresh_token"] = refresh.into();
    }
    Reply::json(200, &body).with_header("cache-control", "no-store")
}
