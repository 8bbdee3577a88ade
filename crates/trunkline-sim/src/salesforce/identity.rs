//! Introspection, revocation, `userinfo` and the identity URL.

use serde_json::{Value, json};

use super::error::{OauthError, word};
use super::family::Ended;
use super::host::Host;
use super::id;
use super::oauth_request::{self as request, required};
use super::rights::Rights;
use super::session;
use super::state::{Session, Who, World};
use crate::clock::{rfc3339, service_time};
use crate::exchange::{Call, Reply};

/// Scopes that open a user's own identity, each with a scope for more than that.
const IDENTITY: [&str; 8] = ["id", "profile", "email", "address", "phone", "openid", "api", "web"];

/// `POST introspect`: a dead token is no error.
pub(crate) fn introspect(world: &mut World, call: &Call) -> Result<Reply, OauthError> {
    let client = request::client(call)?;
    let app_id = client.authenticate(world, true)?.client_id.clone();
    let token = required(call, "token")?;
    let mut body = json!({ "active": false });
    if let Some(session) = session::live(world, &token).filter(|it| it.client.as_ref() == Some(&app_id)) {
        let issued_s = session.issued_at_ms.div_euclid(1000);
        body = facts(world, &session.who, &app_id, &session.scopes);
        body["token_type"] = "access_token".into();
        body["exp"] = session.expires_at_ms().div_euclid(1000).into();
        body["iat"] = issued_s.into();
        body["nbf"] = issued_s.into();
        if world.knobs.introspect_touches {
            session::touch(world, &token);
        }
    } else if let Some(known) = world.refresh_tokens.get(&token)
        && let Some(grant) = world.grant(known.grant)
        && grant.ended.is_none()
        && grant.refresh_token.as_ref() == Some(&token)
        && grant.client == app_id
    {
        body = facts(world, &grant.who, &app_id, &grant.scopes);
        body["token_type"] = "refresh_token".into();
        body["iat"] = grant.created_at_s.into();
        body["nbf"] = grant.created_at_s.into();
    }
    Ok(Reply::json(200, &body))
}

fn facts(world: &World, who: &Who, client: &str, scopes: &[String]) -> Value {
    json!({
        "active": true, "scope": scopes.join(" "), "client_id": client,
        "username": world.user(who).map(|user| user.username.clone()), "sub": world.identity_url(who),
    })
}

/// `POST` or `GET revoke`. An access token ends alone, a refresh token with its access tokens; what is
/// unknown is an error here, not a success.
pub(crate) fn revoke(world: &mut World, call: &Call) -> Result<Reply, OauthError> {
    let hint = call.field("token_type_hint");
    if hint.is_some_and(|hint| !["access_token", "refresh_token"].contains(&hint.as_str())) {
        return Err(OauthError::new("unsupported_token_type", "this token type is not supported"));
    }
    let token = call.field("token").or_else(|| call.parameter("token")).unwrap_or_default();
    let now_ms = world.clock.now_ms();
    if let Some(session) = world.sessions.get_mut(&token).filter(|session| session.is_live(now_ms)) {
        session.ended = true;
        return Ok(Reply::empty(200));
    }
    let grant = world.grants.iter().find(|grant| {
        grant.ended.is_none() && (grant.refresh_token.as_ref() == Some(&token) || grant.delete_token == token)
    });
    let id = grant.ok_or_else(|| OauthError::new("invalid_token", "invalid token: token"))?.id;
    world.end_grants(Ended::Revoked, |grant| grant.id == id);
    Ok(Reply::empty(200))
}

/// `GET /services/oauth2/userinfo`.
pub(crate) fn userinfo(world: &mut World, call: &Call) -> Reply {
    let session = match identified(world, call) {
        Ok(session) => session,
        Err(refusal) => return refusal,
    };
    if !session.has_scope(&["id", "openid", "profile"]) {
        return word(403, &world.knobs.identity_refusal);
    }
    let mut body = person(world, &session.who);
    let url = world.identity_url(&session.who);
    body["sub"] = url.into();
    body["email_verified"] = true.into();
    body["zoneinfo"] = "America/Los_Angeles".into();
    body["name"] = body["display_name"].take();
    body["preferred_username"] = body["username"].take();
    body["nickname"] = body["nick_name"].take();
    body["updated_at"] = rfc3339(session.issued_at_ms.div_euclid(1000)).into();
    if let Value::Object(members) = &mut body {
        for stale in ["display_name", "username", "nick_name"] {
            members.remove(stale);
        }
    }
    Reply::json(200, &body)
}

/// `GET /id/{org}/{user}`.
pub(crate) fn identity(world: &mut World, host: &Host, call: &Call, path: &str) -> Reply {
    let session = match identified(world, call) {
        Ok(session) => session,
        Err(refusal) => return refusal,
    };
    let (org, user) = path.trim_end_matches('/').split_once('/').unwrap_or((path, ""));
    let (Some(org), Some(user)) = (id::long(org), id::long(user)) else { return word(404, "Bad_Id") };
    if org != session.who.org || !host.signs_in(world, &org) {
        return word(403, "Wrong_Org");
    }
    let asked = Who { org, user };
    let Some(found) = world.user(&asked) else { return word(404, "Bad_Id") };
    if !found.policy.active {
        return word(403, "Inactive");
    }
    if !session.has_scope(&IDENTITY) {
        return word(403, &world.knobs.identity_refusal);
    }
    if asked.user != session.who.user && !may_read_others(world, &session) {
        return word(403, "No_Access");
    }
    let mut body = person(world, &asked);
    let url = world.identity_url(&asked);
    body["id"] = url.into();
    body["asserted_user"] = (asked.user == session.who.user).into();
    body["timezone"] = "America/Los_Angeles".into();
    body["last_modified_date"] = service_time(session.issued_at_ms.div_euclid(1000)).into();
    if call.parameter("version").as_deref() == Some("latest") {
        let latest = format!("{}.0", world.knobs.versions.1);
        let urls = body["urls"].to_string().replace("{version}", &latest);
        body["urls"] = serde_json::from_str(&urls).unwrap_or_default();
    }
    Reply::json(200, &body)
}

/// Another user's identity takes `full` or `api`, and the rights of an administrator.
fn may_read_others(world: &World, session: &Session) -> bool {
    let org = world.org(&session.who.org);
    let administrator = org.is_some_and(|org| {
        Rights::of(org, &session.who.user, world.clock.now_s()).system("PermissionsManageUsers")
    });
    session.has_scope(&["api"]) && administrator
}

/// The session behind an identity call; its refusals are words, not JSON.
fn identified(world: &mut World, call: &Call) -> Result<Session, Reply> {
    let Some(token) = session::token(call).map(str::to_owned) else {
        return Err(word(403, "Missing_OAuth_Token"));
    };
    let live = session::live(world, &token).cloned();
    let session = live.ok_or_else(|| word(403, "Bad_OAuth_Token"))?;
    session::touch(world, &token);
    Ok(session)
}

fn person(world: &World, who: &Who) -> Value {
    let org = world.org(&who.org);
    let record = org.and_then(|org| org.find("User", &who.user));
    let text = |name: &str| record.map(|record| record.text(name)).unwrap_or_default();
    let instance = org.map(|org| org.instance_url.clone()).unwrap_or_default();
    json!({
        "user_id": who.user, "organization_id": who.org,
        "username": text("Username"), "nick_name": text("FirstName"), "display_name": text("Name"),
        "email": text("Email"), "first_name": text("FirstName"), "last_name": text("LastName"),
        "user_type": "STANDARD", "language": "en_US", "locale": "en_US", "utcOffset": -28_800_000,
        "active": world.user(who).is_some_and(|user| user.policy.active),
        "is_app_installed": true,
        "photos": {
            "picture": format!("{instance}/profilephoto/005/F"),
            "thumbnail": format!("{instance}/profilephoto/005/T"),
        },
        "urls": {
            "rest": format!("{instance}/services/data/v{{version}}/"),
            "sobjects": format!("{instance}/services/data/v{{version}}/sobjects/"),
            "query": format!("{instance}/services/data/v{{version}}/query/"),
            "partner": format!("{instance}/services/Soap/u/{{version}}/{}", who.org),
        },
    })
}
