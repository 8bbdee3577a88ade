//! `POST /oauth2/token`: three grants, and `POST /oauth2/revoke`.

use serde_json::json;

use super::envelope::ApiError;
use super::family::Ended;
use super::jwt;
use super::knobs::{AccessDeath, ClientRefusal, Rotation};
use super::state::{App, Code, Grant, RefreshToken, World};
use super::supersede;
use super::token_request::Attributes;
use crate::exchange::{Call, Reply};
use crate::front::Front;
use crate::ledger::{Counts, Presented, TokenExchange};
use crate::random;

/// Answers a token request and keeps a record of it.
pub(crate) fn token(world: &mut World, front: &Front, call: &Call, now_s: i64) -> Result<Reply, ApiError> {
    let attributes = Attributes::read(call).unwrap_or_default();
    let mut exchange = TokenExchange::new(now_s, attributes.get("grant_type"));
    let result = process(world, call, &mut exchange);
    exchange.status = result.as_ref().map_or_else(|error| error.status, |reply| reply.status);
    if let (Some(presented), Some(id)) = (exchange.presented, exchange.family)
        && let Some(grant) = world.grant_mut(id)
    {
        grant.counts.count(presented, result.is_ok());
    }
    front.record_exchange(exchange);
    result
}

fn process(world: &mut World, call: &Call, exchange: &mut TokenExchange) -> Result<Reply, ApiError> {
    let attributes = Attributes::read(call)?;
    attributes.check_gateway_rules()?;
    let client = authenticate(world, &attributes)?.client_id.clone();
    match attributes.get("grant_type") {
        Some("authorization_code") => exchange_code(world, &attributes, &client, exchange),
        Some("refresh_token") => refresh(world, &attributes, &client, exchange),
        _ => client_credentials(world, &attributes, &client, exchange),
    }
}

/// Ends the pool of the token's user and company.
pub(crate) fn revoke(world: &mut World, call: &Call) -> Result<Reply, ApiError> {
    let attributes = Attributes::read(call)?;
    authenticate(world, &attributes)?;
    let token = attributes.require("token")?;
    let by_session = jwt::claims(&world.signing_key, token)
        .and_then(|claims| world.sessions.get(&claims.session_id))
        .map(|session| (session.user.clone(), session.company.clone()));
    let by_refresh = world
        .refresh_tokens
        .get(token)
        .and_then(|known| world.grant(known.grant))
        .filter(|grant| grant.refresh_token.as_deref() == Some(token))
        .map(|grant| (grant.user.clone(), grant.company.clone()));
    let Some((user, company)) = by_session.or(by_refresh) else {
        return Ok(Reply::empty(world.knobs.revoke_unknown_status));
    };
    world.end_pool(Ended::Revoked, &user, &company);
    Ok(Reply::empty(world.knobs.revoke_status))
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
    exchange: &mut TokenExchange,
) -> Result<Reply, ApiError> {
    let now_s = exchange.at_s;
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
    exchange.family = Some(grant);
    Ok(mint(world, grant, None, true))
}

fn refresh(
    world: &mut World,
    attributes: &Attributes,
    client: &str,
    exchange: &mut TokenExchange,
) -> Result<Reply, ApiError> {
    let now_s = exchange.at_s;
    let text = attributes.require("refresh_token")?;
    let known = world.refresh_tokens.get(text).copied();
    let grant = known.and_then(|token| world.grant(token.grant)).filter(|grant| grant.client == client);
    let (Some(token), Some(grant)) = (known, grant.cloned()) else { return Err(invalid_grant(world)) };
    let presented = Presented::after(grant.rotations.saturating_sub(token.rotation));
    exchange.family = Some(grant.id);
    exchange.presented = Some(presented);

    let in_grace = presented == Presented::Previous && spared(world, &token, now_s);
    if presented != Presented::Current && !in_grace {
        if world.knobs.rotation == Rotation::OnWithReuseDetection {
            world.end_grants(Ended::Reuse, AccessDeath::AtOnce, |other| other.id == grant.id);
        }
        return Err(invalid_grant(world));
    }
    let expired = grant.refresh_expires_at_s.is_some_and(|at| now_s >= at);
    if grant.ended.is_some() || expired || !user_is_active(world, &grant.user, &grant.company) {
        if world.knobs.dead_grant_as_invalid_client {
            return Err(ApiError::oauth(world.knobs.client_refusal_status, "invalid_client"));
        }
        return Err(invalid_grant(world));
    }
    let rotates = world.knobs.rotation != Rotation::Off;
    if rotates && !(in_grace && world.knobs.grace_repeats_token) {
        rotate(world, grant.id, now_s);
    }
    let entity = attributes.get("entity_id").filter(|id| !id.is_empty()).map(str::to_owned);
    let send_refresh = rotates || in_grace || world.knobs.repeat_refresh_token;
    Ok(mint(world, grant.id, entity, send_refresh))
}

/// Whether a spent token is still inside its grace window.
fn spared(world: &World, token: &RefreshToken, now_s: i64) -> bool {
    let grace_s = i64::try_from(world.knobs.rotation_grace_s).unwrap_or(i64::MAX);
    token.spent_at_s.is_some_and(|spent_at_s| now_s.saturating_sub(spent_at_s) < grace_s)
}

fn client_credentials(
    world: &mut World,
    attributes: &Attributes,
    client: &str,
    exchange: &mut TokenExchange,
) -> Result<Reply, ApiError> {
    let (user, company, entity) = principal(world, attributes)?;
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
    let grant = open_grant(world, (&user, &company), client, false, offline, exchange.at_s);
    exchange.family = Some(grant);
    Ok(mint(world, grant, entity, true))
}

/// Who a client-credentials request speaks for: `user@company[|entity]`, or a live session.
fn principal(world: &World, attributes: &Attributes) -> Result<(String, String, Option<String>), ApiError> {
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
        Some(session)
            if session.life != super::state::Life::Dead && world.clock.now_ms() < session.expires_at_ms =>
        {
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
        rotations: 0,
        refresh_expires_at_s: None,
        ended: None,
        counts: Counts::default(),
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
    let Some(grant) = world.grant_mut(grant_id) else { return };
    let claims = jwt::Claims {
        client_id: grant.client.clone(),
        cny_id: grant.company.clone(),
        user_id: grant.user.clone(),
        session_id: random::text::<18>(),
        iat: now_s,
        exp: expires_at_s,
    };
    let token = jwt::sign(&key, &claims);
    let spent = grant.refresh_token.replace(token.clone());
    grant.refresh_expires_at_s = expires_at_s;
    grant.rotations += 1;
    let issued = RefreshToken { grant: grant_id, rotation: grant.rotations, spent_at_s: None };
    if let Some(spent) = spent.and_then(|spent| world.refresh_tokens.get_mut(&spent)) {
        spent.spent_at_s = Some(now_s);
    }
    world.refresh_tokens.insert(token, issued);
}

fn mint(world: &mut World, grant_id: u64, entity: Option<String>, send_refresh: bool) -> Reply {
    let lifetime_s = world.knobs.expires_in_s;
    let (access, refresh) = super::session::open(world, grant_id, entity, lifetime_s);
    let mut body = json!({ "token_type": "Bearer", "access_token": access });
    if world.knobs.send_expires_in {
        body["expires_in"] = lifetime_s.into();
    }
    if let Some(refresh) = refresh.filter(|_| send_refresh) {
        body["refresh_token"] = refresh.into();
    }
    Reply::json(200, &body).with_header("cache-control", "no-store")
}
