//! `POST /services/oauth2/token`: the grants.

use super::assertion;
use super::error::OauthError;
use super::family::Ended;
use super::gates;
use super::host::Host;
use super::issue::{self, Stated, TokenAnswer};
use super::oauth_request::{self as request, Client};
use super::policy::{App, RefreshPolicy};
use super::state::{Code, Who, World};
use super::violation::Violation;
use crate::exchange::{Call, Reply};
use crate::front::Front;
use crate::ledger::{Presented, TokenExchange};
use crate::random;

/// Scopes that client credentials never get.
const STRIPPED: [&str; 4] = ["full", "web", "refresh_token", "offline_access"];

/// Answers a token request and keeps a record of it.
pub(crate) fn token(world: &mut World, front: &Front, host: &Host, call: &Call) -> Reply {
    let grant_type = call.field("grant_type");
    let mut exchange = TokenExchange::new(world.clock.now_s(), grant_type.as_deref());
    let result = process(world, host, call, &mut exchange);
    exchange.status = result.as_ref().map_or_else(|error| error.status, |_| 200);
    if let (Some(presented), Some(id)) = (exchange.presented, exchange.family)
        && let Some(grant) = world.grant_mut(id)
    {
        grant.told |= result.is_err() && grant.ended.is_some();
        grant.counts.count(presented, result.is_ok());
    }
    front.record_exchange(exchange);
    match result {
        Ok(fields) => request::reply(call, 200, &fields),
        Err(error) => request::reply(call, error.status, &error.body()),
    }
}

fn process(
    world: &mut World,
    host: &Host,
    call: &Call,
    exchange: &mut TokenExchange,
) -> Result<TokenAnswer, OauthError> {
    match exchange.grant_type.as_deref() {
        Some("authorization_code") => exchange_code(world, host, call, exchange),
        Some("refresh_token") => refresh(world, host, call, exchange),
        Some("client_credentials") => client_credentials(world, host, call),
        Some(assertion::GRANT_TYPE) => jwt_bearer(world, host, call),
        Some("password") if world.knobs.password_grant => password(world, host, call),
        // Blocked by default, and the refusal does not say so.
        Some("password") => Err(OauthError::invalid_grant("authentication failure")),
        Some("device") => Err(flow_disabled()),
        Some(_) => Err(OauthError::new("unsupported_grant_type", "grant type not supported")),
        None => Err(OauthError::invalid_request("missing required parameter: grant_type")),
    }
}

fn flow_disabled() -> OauthError {
    OauthError::new("oauth_flow_disabled", "this flow is not enabled for the app")
}

fn exchange_code(
    world: &mut World,
    host: &Host,
    call: &Call,
    exchange: &mut TokenExchange,
) -> Result<TokenAnswer, OauthError> {
    let client = request::client(call)?;
    let app = known(world, &client, |app| app.secret_required)?;
    if !app.web_server {
        return Err(flow_disabled());
    }
    let text = request::required(call, "code")?;
    // Taken out before any check: a code is spent by its first use, right or wrong.
    let code = world.codes.remove(&text).filter(|code| code.client == app.client_id);
    let code = code.filter(|code| host.signs_in(world, &code.who.org));
    let Some(code) = code else { return Err(OauthError::invalid_grant("invalid authorization code")) };
    if exchange.at_s >= code.expires_at_s {
        return Err(OauthError::invalid_grant("expired authorization code"));
    }
    if call.field("redirect_uri").as_deref() != Some(&code.redirect_uri) {
        return Err(OauthError::new("redirect_uri_mismatch", "redirect_uri must match configuration"));
    }
    verify(&code, call.field("code_verifier").as_deref())?;
    gates::pass(world, &app, &code.who)?;
    gates::address(&app)?;
    let Code { who, scopes, .. } = code;
    let grant = issue::open_grant(world, &who, &app, &scopes, exchange.at_s);
    exchange.family = Some(grant);
    let refresh_token = world.grant(grant).and_then(|grant| grant.refresh_token.clone());
    let stated = Stated { refresh_token: refresh_token.as_deref(), scope: true };
    issue::answer(world, &app, &who, Some(grant), &scopes, &stated)
}

fn verify(code: &Code, verifier: Option<&str>) -> Result<(), OauthError> {
    let verified = match (&code.challenge, verifier) {
        (None, _) => true,
        // The service takes verifiers longer than RFC 7636's 128: jsforce's has 171.
        (Some(challenge), Some(verifier)) => {
            verifier.len() >= 43 && random::sha256(verifier.as_bytes()) == *challenge
        }
        (Some(_), None) => false,
    };
    if verified { Ok(()) } else { Err(OauthError::invalid_grant("invalid code verifier")) }
}

fn refresh(
    world: &mut World,
    host: &Host,
    call: &Call,
    exchange: &mut TokenExchange,
) -> Result<TokenAnswer, OauthError> {
    let client = request::client(call)?;
    let app = known(world, &client, |app| app.secret_required)?;
    let text = request::required(call, "refresh_token")?;
    let known = world.refresh_tokens.get(&text).copied();
    let grant =
        known.and_then(|token| world.grant(token.grant)).filter(|grant| grant.client == app.client_id);
    let (Some(token), Some(grant)) = (known, grant.cloned()) else { return Err(OauthError::dead_grant()) };
    // Another host does not know the token, so it changes nothing there either.
    if !host.signs_in(world, &grant.who.org) {
        return Err(OauthError::dead_grant());
    }
    let presented = Presented::after(grant.rotations.saturating_sub(token.rotation));
    exchange.family = Some(grant.id);
    exchange.presented = Some(presented);
    if grant.told {
        world.violations.push(Violation::RefreshAfterTheEnd { family: grant.id });
    }
    if presented != Presented::Current {
        world.violations.push(Violation::RotatedTokenPresented { family: grant.id });
        world.end_grants(Ended::Reuse, |other| other.id == grant.id);
        return Err(OauthError::dead_grant());
    }
    if grant.ended.is_none()
        && is_over(app.refresh_policy, grant.created_at_s, grant.used_at_s, exchange.at_s)
    {
        world.end_grants(Ended::Expired, |other| other.id == grant.id);
    }
    gates::pass(world, &app, &grant.who)?;
    gates::address(&app)?;
    if world.grant(grant.id).is_none_or(|grant| grant.ended.is_some()) {
        return Err(OauthError::dead_grant());
    }
    if app.rotates {
        issue::rotate(world, grant.id);
    }
    let (mut sent, mut scopes) = (None, Vec::new());
    if let Some(grant) = world.grant_mut(grant.id) {
        grant.used_at_s = exchange.at_s;
        // Without rotation the answer has none: the old one stays.
        sent = grant.refresh_token.clone().filter(|_| app.rotates);
        scopes.clone_from(&grant.scopes);
    }
    let stated = Stated { refresh_token: sent.as_deref(), scope: world.knobs.scope_on_refresh };
    issue::answer(world, &app, &grant.who, Some(grant.id), &scopes, &stated)
}

fn is_over(policy: RefreshPolicy, created_at_s: i64, used_at_s: i64, now_s: i64) -> bool {
    let passed = |since_s: i64, limit_s: u64| {
        now_s.saturating_sub(since_s) >= i64::try_from(limit_s).unwrap_or(i64::MAX)
    };
    match policy {
        RefreshPolicy::UntilRevoked => false,
        RefreshPolicy::Immediately => true,
        RefreshPolicy::IdleS(limit_s) => passed(used_at_s, limit_s),
        RefreshPolicy::AfterS(limit_s) => passed(created_at_s, limit_s),
    }
}

fn client_credentials(world: &mut World, host: &Host, call: &Call) -> Result<TokenAnswer, OauthError> {
    let client = request::client(call)?;
    let app = known(world, &client, |_| true)?;
    if matches!(host, Host::Login | Host::Test) {
        return Err(OauthError::invalid_grant("request not supported on this domain"));
    }
    if !app.client_credentials {
        return Err(flow_disabled());
    }
    let run_as = app.run_as.as_deref().and_then(|username| world.by_username(username));
    let Some(who) = run_as.filter(|who| host.signs_in(world, &who.org)) else {
        return Err(OauthError::invalid_grant("no client credentials user enabled"));
    };
    gates::pass(world, &app, &who)?;
    unattended(world, &app, &who, call)
}

fn jwt_bearer(world: &mut World, host: &Host, call: &Call) -> Result<TokenAnswer, OauthError> {
    let (app, who) = assertion::verify(world, &request::required(call, "assertion")?)?;
    if !host.signs_in(world, &who.org) {
        return Err(OauthError::invalid_grant("audience is invalid"));
    }
    gates::pass(world, &app, &who)?;
    gates::approved_before(world, &app, &who)?;
    unattended(world, &app, &who, call)
}

fn password(world: &mut World, host: &Host, call: &Call) -> Result<TokenAnswer, OauthError> {
    let client = request::client(call)?;
    let app = known(world, &client, |_| true)?;
    let refused = || OauthError::invalid_grant("authentication failure");
    let username = request::required(call, "username")?;
    let given = request::required(call, "password")?;
    let who = gates::password(world, &username, &given).ok_or_else(refused)?;
    if !host.signs_in(world, &who.org) {
        return Err(refused());
    }
    gates::pass(world, &app, &who)?;
    unattended(world, &app, &who, call)
}

/// The answer to an app that asks without a person: what it asks for, or all it may, less what never comes
/// this way.
fn unattended(world: &mut World, app: &App, who: &Who, call: &Call) -> Result<TokenAnswer, OauthError> {
    gates::login_rate(world, who)?;
    let mut scopes = gates::scopes(app, call.field("scope").as_deref())?;
    scopes.retain(|scope| !STRIPPED.contains(&scope.as_str()));
    issue::answer(world, app, who, None, &scopes, &Stated { refresh_token: None, scope: true })
}

fn known(world: &World, client: &Client, secret: impl Fn(&App) -> bool) -> Result<App, OauthError> {
    let required = world.app(&client.id).is_some_and(secret);
    client.authenticate(world, required).cloned()
}
