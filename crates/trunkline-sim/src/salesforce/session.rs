//! The check of access tokens, and the gates of every data call.

use super::error::RestError;
use super::gates;
use super::host::Host;
use super::policy::OrgStatus;
use super::rights::Rights;
use super::state::{Session, Who, World};
use crate::exchange::Call;

/// Who makes a data call.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    pub(crate) client: Option<String>,
}

/// The access token of a request: `Bearer`, or `OAuth` as older clients write.
pub(crate) fn token(call: &Call) -> Option<&str> {
    let (scheme, token) = call.header("authorization")?.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth");
    known.then(|| token.trim())
}

/// The session of a token that is alive and whose user, app and org still are.
pub(crate) fn live<'w>(world: &'w World, token: &str) -> Option<&'w Session> {
    let session = world.sessions.get(token).filter(|session| session.is_live(world.clock.now_ms()))?;
    let user = &world.user(&session.who)?.policy;
    let app = session.client.as_deref().map(|client| world.app(client));
    let app_lives =
        app.is_none_or(|app| app.is_some_and(|app| gates::installed(app, &session.who.org).is_ok()));
    (user.active && !user.frozen && app_lives).then_some(session)
}

/// Records activity of a session.
pub(crate) fn touch(world: &mut World, token: &str) {
    let now_ms = world.clock.now_ms();
    if let Some(session) = world.sessions.get_mut(token) {
        session.touch(now_ms);
    }
}

/// The gates of a data call, the outermost first: token, host, org, scope, the user's right to the API.
pub(crate) fn authenticate(world: &mut World, host: &Host, call: &Call) -> Result<Caller, RestError> {
    let header = call.header("authorization");
    if header.is_some() && token(call).is_none() {
        return Err(RestError::new(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"));
    }
    let token = token(call).ok_or_else(RestError::session)?.to_owned();
    let session = live(world, &token).ok_or_else(RestError::session)?.clone();
    if !host.serves_data(world, &session.who.org) {
        return Err(RestError::session());
    }
    let org = world.org(&session.who.org).ok_or_else(RestError::session)?;
    match org.policy.status {
        OrgStatus::Active => {}
        OrgStatus::Locked => return Err(RestError::session()),
        OrgStatus::Maintenance => {
            return Err(RestError::new(503, "SERVER_UNAVAILABLE", "The server is in maintenance"));
        }
    }
    if !session.has_scope(&["api"]) {
        let message = "This session is not valid for use with the REST API";
        return Err(RestError::new(401, "INVALID_SESSION_ID", message));
    }
    let rights = Rights::of(org, &session.who.user, world.clock.now_s());
    if !org.policy.api_enabled || !rights.system("PermissionsApiEnabled") {
        let message = "The REST API is not enabled for this Organization.";
        return Err(RestError::new(403, "API_DISABLED_FOR_ORG", message));
    }
    if world.user(&session.who).is_some_and(|user| user.policy.password_expired) {
        let message = "The password of the user has expired";
        return Err(RestError::new(400, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", message));
    }
    touch(world, &token);
    Ok(Caller { who: session.who, client: session.client })
}
