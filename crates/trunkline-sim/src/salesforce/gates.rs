//! What stands between a valid request and a token: the app's and the org's policies, and the user's state.

use super::error::OauthError;
use super::knobs::InactiveUser;
use super::policy::{App, AppKind, OrgStatus, Permitted};
use super::rights::Rights;
use super::state::{Who, World};

const HOUR_S: i64 = 3600;

/// The gates that every flow has.
pub(crate) fn pass(world: &World, app: &App, who: &Who) -> Result<(), OauthError> {
    org(world, who)?;
    installed(app, &who.org)?;
    user(world, who)?;
    permitted(world, app, who)
}

fn org(world: &World, who: &Who) -> Result<(), OauthError> {
    match world.org(&who.org).map(|org| org.policy.status) {
        Some(OrgStatus::Active) => Ok(()),
        Some(OrgStatus::Maintenance) => Err(OauthError::unavailable()),
        Some(OrgStatus::Locked) | None => {
            Err(OauthError::new("inactive_org", "organization is locked, closed, or suspended"))
        }
    }
}

/// Blocked, or not installed in the org.
pub(crate) fn installed(app: &App, org: &str) -> Result<(), OauthError> {
    if app.blocked {
        return Err(OauthError::new("app_blocked", "fail_close_app_blocked"));
    }
    match app.kind {
        _ if !app.uninstalled_in.contains(org) => Ok(()),
        AppKind::ExternalClientApp => {
            Err(OauthError::new("app_not_found", "External client app is not installed in this org"))
        }
        AppKind::ConnectedApp => Err(OauthError::new("invalid_client", "app must be installed into org")),
    }
}

fn user(world: &World, who: &Who) -> Result<(), OauthError> {
    let policy = world.user(who).map(|user| &user.policy);
    let Some(policy) = policy.filter(|policy| policy.active) else {
        return Err(match world.knobs.inactive_user {
            InactiveUser::InvalidGrant => OauthError::invalid_grant("inactive user"),
            InactiveUser::InactiveUser => OauthError::new("inactive_user", "user is inactive"),
        });
    };
    if policy.frozen {
        return Err(OauthError::invalid_grant(&world.knobs.frozen_description));
    }
    if !policy.login_allowed {
        return Err(OauthError::invalid_grant("ip restricted or invalid login hours"));
    }
    Ok(())
}

fn permitted(world: &World, app: &App, who: &Who) -> Result<(), OauthError> {
    let Permitted::AdminApproved(names) = &app.permitted else { return Ok(()) };
    let now_s = world.clock.now_s();
    let held = world.org(&who.org).map(|org| Rights::of(org, &who.user, now_s).names()).unwrap_or_default();
    if held.is_disjoint(names) {
        return Err(OauthError::new("invalid_app_access", "user is not admin approved to access this app"));
    }
    Ok(())
}

/// The allowlist of addresses for code exchange and refresh. The exact body is not known; this is the
/// closest one that is.
pub(crate) fn address(app: &App) -> Result<(), OauthError> {
    if app.address_refused {
        return Err(OauthError::invalid_grant("ip restricted or invalid login hours"));
    }
    Ok(())
}

/// Without a person, a self-authorising user must have approved the app before.
pub(crate) fn approved_before(world: &World, app: &App, who: &Who) -> Result<(), OauthError> {
    let approved = world
        .grants
        .iter()
        .any(|grant| grant.ended.is_none() && grant.who == *who && grant.client == app.client_id);
    if app.permitted == Permitted::SelfAuthorize && !approved {
        return Err(OauthError::invalid_grant("user hasn't approved this consumer"));
    }
    Ok(())
}

/// Counts a sign-in without a person.
pub(crate) fn login_rate(world: &mut World, who: &Who) -> Result<(), OauthError> {
    let (now_s, limit) = (world.clock.now_s(), world.knobs.logins_per_hour);
    let user = world.org_mut(&who.org).and_then(|org| org.user_mut(&who.user));
    let Some(user) = user else { return Ok(()) };
    while user.logins.front().is_some_and(|at| at.saturating_add(HOUR_S) <= now_s) {
        user.logins.pop_front();
    }
    if user.logins.len() >= limit {
        return Err(OauthError::new("rate_limit_exceeded", "login rate exceeded"));
    }
    user.logins.push_back(now_s);
    Ok(())
}

/// Who signs in with this name and password, the security token appended where it is wanted.
pub(crate) fn password(world: &World, username: &str, given: &str) -> Option<Who> {
    let who = world.by_username(username)?;
    let user = world.user(&who)?;
    let with_token = format!("{}{}", user.password, user.security_token);
    let right = given == with_token || (world.knobs.trusted_network && given == user.password);
    right.then_some(who)
}

/// The scopes of a request, or all of the app's where it names none.
pub(crate) fn scopes(app: &App, asked: Option<&str>) -> Result<Vec<String>, OauthError> {
    let Some(asked) = asked.filter(|asked| !asked.trim().is_empty()) else { return Ok(app.scopes.clone()) };
    let asked: Vec<String> = asked.split_whitespace().map(str::to_owned).collect();
    if asked.iter().any(|scope| !app.scopes.contains(scope)) {
        return Err(OauthError::new("invalid_scope", "the requested scope is not allowed"));
    }
    Ok(asked)
}
