//! Server sessions and the check of the access tokens that wrap them.

use super::envelope::ApiError;
use super::jwt;
use super::knobs::ExpiredAnswer;
use super::state::{Life, Session, World};
use crate::exchange::Call;
use crate::random;

/// Who makes an API call, and in which entity.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) company: String,
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) session_id: String,
    /// The entity the call is scoped to, or `None` for the top level.
    pub(crate) entity: Option<String>,
    /// The only entities the user may see, or `None` if unrestricted.
    pub(crate) allowed_entities: Option<Vec<String>>,
}

/// Opens a session of a grant; returns its access token and the grant's refresh token.
pub(crate) fn open(
    world: &mut World,
    grant_id: u64,
    entity: Option<String>,
    lifetime_s: u64,
) -> (String, Option<String>) {
    let Some(grant) = world.grant(grant_id) else {
        return (String::new(), None);
    };
    let now_ms = world.clock.now_ms();
    let lifetime_s = i64::try_from(lifetime_s).unwrap_or(i64::MAX);
    let now_s = now_ms.div_euclid(1000);
    let session_id = random::text::<18>();
    let claims = jwt::Claims {
        client_id: grant.client.clone(),
        cny_id: grant.company.clone(),
        user_id: grant.user.clone(),
        session_id: session_id.clone(),
        iat: now_s,
        exp: Some(now_s.saturating_add(lifetime_s)),
    };
    let session = Session {
        grant: grant_id,
        company: grant.company.clone(),
        user: grant.user.clone(),
        client: grant.client.clone(),
        entity,
        expires_at_ms: now_ms.saturating_add(lifetime_s.saturating_mul(1000)),
        life: Life::Alive,
    };
    let refresh = grant.refresh_token.clone();
    let access = jwt::sign(&world.signing_key, &claims);
    world.sessions.insert(session_id, session);
    (access, refresh)
}

/// The application and company of a token that is ours, whatever its state: what a call is counted under.
pub(crate) fn counted_under(world: &World, call: &Call) -> Option<(String, String)> {
    let token = call.header("authorization")?.strip_prefix("Bearer ")?;
    let claims = jwt::claims(&world.signing_key, token)?;
    Some((claims.client_id, claims.cny_id))
}

/// Layers 1 to 5 of the permission model, then the entity.
pub(crate) fn authenticate(world: &mut World, call: &Call) -> Result<Caller, ApiError> {
    let (session_id, session) = live_session(world, call)?;
    check_company(world, &session)?;
    let usable = world
        .companies
        .get(&session.company)
        .and_then(|company| company.user(&session.user))
        .is_some_and(|user| user.text("status") == "active" && web_services_enabled(user));
    if !usable {
        return Err(ApiError::token_rejected(&world.knobs));
    }
    if !world.companies.get(&session.company).is_some_and(|company| company.address_admitted) {
        return Err(ApiError::refusal(403, &world.knobs.address_refusal, &[]));
    }
    let (entity, allowed_entities) = super::entity::scope(world, &session, call)?;
    let Session { company, user, client, .. } = session;
    Ok(Caller { company, user, client, session_id, entity, allowed_entities })
}

/// The caller again, in the entity that a call inside another names.
pub(crate) fn rescope(world: &World, caller: &Caller, call: &Call) -> Result<Caller, ApiError> {
    let session =
        world.sessions.get(&caller.session_id).ok_or_else(|| ApiError::token_rejected(&world.knobs))?;
    let (entity, allowed_entities) = super::entity::scope(world, session, call)?;
    Ok(Caller { entity, allowed_entities, ..caller.clone() })
}

fn web_services_enabled(user: &super::record::Record) -> bool {
    let enabled = user.fields.get("webServices").and_then(|services| services.get("isEnabled"));
    enabled.and_then(serde_json::Value::as_bool) != Some(false)
}

fn live_session(world: &mut World, call: &Call) -> Result<(String, Session), ApiError> {
    let now_ms = world.clock.now_ms();
    let malformed = world.knobs.malformed_token_status;
    let Some(token) = call.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) else {
        let text = "Authorization header does not start with Bearer";
        return Err(ApiError::gateway(malformed, "GW-0034", text));
    };
    if !jwt::is_well_formed(token) {
        return Err(ApiError::gateway(malformed, "GW-0031", "Invalid Token"));
    }
    let Some(claims) = jwt::claims(&world.signing_key, token) else {
        return Err(ApiError::token_rejected(&world.knobs));
    };
    match world.sessions.get_mut(&claims.session_id) {
        Some(session) if session.life == Life::Dead => Err(ApiError::token_rejected(&world.knobs)),
        Some(session) if now_ms >= session.expires_at_ms => Err(expired(world)),
        Some(session) => {
            if session.life == Life::LastUse {
                session.life = Life::Dead;
            }
            let session = session.clone();
            Ok((claims.session_id, session))
        }
        None => Err(ApiError::token_rejected(&world.knobs)),
    }
}

fn expired(world: &mut World) -> ApiError {
    let nth = world.expired_answers;
    world.expired_answers += 1;
    match world.knobs.expired_answer {
        ExpiredAnswer::Api400 => api_expired(),
        ExpiredAnswer::Alternating if nth % 2 == 1 => api_expired(),
        ExpiredAnswer::Gateway401 | ExpiredAnswer::Alternating => {
            ApiError::gateway(401, "GW-0040", "Expired token")
        }
    }
}

fn api_expired() -> ApiError {
    ApiError::bad_request("The token is not valid").with_id("REST-1206", "")
}

fn check_company(world: &World, session: &Session) -> Result<(), ApiError> {
    let invalid = || ApiError::gateway(400, "GW-0011", "Invalid Request");
    let company = world.companies.get(&session.company).ok_or_else(invalid)?;
    if !company.active || company.demo_expired || !company.sender_authorised {
        return Err(invalid());
    }
    if company.maintenance {
        let retry_after = world.knobs.maintenance_retry_after_s.to_string();
        return Err(ApiError::gateway(503, "GW-0001", "Cannot process the request")
            .with_header("retry-after", retry_after));
    }
    if !company.subscriptions.contains("webServices") {
        let refusal = &world.knobs.subscription_refusal;
        return Err(ApiError::refusal(403, refusal, &[("module", "webServices")]));
    }
    if !company.clients.get(&session.client).is_some_and(|client| client.active) {
        return Err(ApiError::refusal(403, &world.knobs.client_app_refusal, &[]));
    }
    Ok(())
}
