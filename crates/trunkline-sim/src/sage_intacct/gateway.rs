//! The front door: logging, faults, routing.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};

use super::authorize::{self, Consent};
use super::envelope::ApiError;
use super::fault::{TokenFault, edge_page};
use super::idempotency::{self, Known};
use super::session::{self, Caller};
use super::simulator::Gate;
use super::state::World;
use super::token_request::Attributes;
use super::{
    API_ROOT, Inner, TOKEN_PATH, composite, control_http, objects, query, services, throttle, token,
};
use crate::exchange::{Call, Outcome, Reply};

/// Serves every request of the simulator.
pub(crate) async fn serve(State(inner): State<Arc<Inner>>, request: Request<Body>) -> Response<Body> {
    let Some(call) = Call::read(request).await else {
        // The edge refuses such bodies before the service sees them.
        return Outcome::Answer(Reply::html(413, edge_page("413 Payload Too Large"))).into_response();
    };
    if let Some(rest) = call.path.strip_prefix("/control/") {
        return Outcome::Answer(control_http::answer(&inner, &call, rest)).into_response();
    }
    let grant_type = grant_type(&call);
    let entry = inner.log_arrival(&call, grant_type.clone());
    let outcome = answer(&inner, &call, grant_type.as_deref()).await;
    inner.log_status(entry, outcome.status());
    outcome.into_response()
}

fn grant_type(call: &Call) -> Option<String> {
    if call.path != TOKEN_PATH {
        return None;
    }
    Attributes::read(call).ok()?.get("grant_type").map(str::to_owned)
}

async fn answer(inner: &Arc<Inner>, call: &Call, grant_type: Option<&str>) -> Outcome {
    if call.path == TOKEN_PATH {
        inner.token_gate(Gate::Requests).await;
    }
    if let Some(reply) = take_fixture(inner, call, grant_type) {
        return Outcome::Answer(reply);
    }
    let beneath = |path: &&str| path.is_empty() || path.starts_with('/');
    let Some(path) = call.path.strip_prefix(API_ROOT).filter(beneath) else {
        return Outcome::Answer(wrong_root(inner, call));
    };
    match path.strip_prefix("/oauth2/") {
        Some("token") => token_endpoint(inner, call).await,
        Some(endpoint) => Outcome::Answer(oauth(inner, call, endpoint)),
        None => Outcome::Answer(api_call(inner, call, path.trim_start_matches('/')).await),
    }
}

fn take_fixture(inner: &Inner, call: &Call, grant_type: Option<&str>) -> Option<Reply> {
    let mut world = inner.world();
    let index = world
        .fixtures
        .iter()
        .position(|fixture| fixture.times > 0 && fixture.matcher.matches(call, grant_type))?;
    let fixture = world.fixtures.get_mut(index)?;
    fixture.times -= 1;
    let reply = fixture.reply();
    world.fixtures.retain(|fixture| fixture.times > 0);
    Some(reply)
}

fn wrong_root(inner: &Inner, call: &Call) -> Reply {
    let text = if call.path.starts_with("/ia/api/") { "Version is not supported" } else { "Malformed URL" };
    ApiError::bad_request(text).reply(&inner.world().knobs)
}

async fn token_endpoint(inner: &Inner, call: &Call) -> Outcome {
    let fault = inner.world().token_faults.pop_front();
    match &fault {
        Some(TokenFault::Reset) => return Outcome::HangUp,
        Some(TokenFault::Status(status)) => {
            let error = ApiError::gateway(*status, "GW-0001", "Cannot process the request");
            return Outcome::Answer(error.reply(&inner.world().knobs));
        }
        Some(TokenFault::Html(status)) => {
            return Outcome::Answer(Reply::html(*status, edge_page(&status.to_string())));
        }
        Some(TokenFault::Redirect(location)) => return Outcome::Answer(Reply::redirect(location)),
        Some(TokenFault::DelayMs(delay)) => {
            tokio::time::sleep(Duration::from_millis(*delay)).await;
        }
        _ => {}
    }
    let mut reply = oauth(inner, call, "token");
    inner.token_processed();
    if let Some(TokenFault::DelayAnswerMs(delay)) = fault {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    inner.token_gate(Gate::Answers).await;
    match fault {
        Some(TokenFault::LoseAnswer) => Outcome::HangUp,
        Some(TokenFault::CutAnswer) => Outcome::Cut(reply),
        Some(TokenFault::HalfAnswer) => {
            let half = reply.body.len() / 2;
            reply.body.truncate((0..=half).rev().find(|at| reply.body.is_char_boundary(*at)).unwrap_or(0));
            Outcome::Answer(reply)
        }
        _ => Outcome::Answer(reply),
    }
}

fn oauth(inner: &Inner, call: &Call, endpoint: &str) -> Reply {
    let now_s = inner.clock.now_s();
    let mut world = inner.world();
    let result = match (call.method.as_str(), endpoint) {
        ("GET", "authorize") => Ok(authorise(&mut world, call, now_s)),
        ("POST", "token") => token::token(&mut world, call, now_s),
        ("POST", "revoke") => token::revoke(&mut world, call),
        (_, "authorize" | "token" | "revoke") => Err(objects::method_not_allowed()),
        _ => Err(ApiError::gateway(400, "GW-0033", "Unknown OAuth endpoint")),
    };
    result.unwrap_or_else(|error| error.reply(&world.knobs))
}

fn authorise(world: &mut World, call: &Call, now_s: i64) -> Reply {
    match Consent::parse(world, &call.query) {
        Err(untrusted) => Reply::html(400, edge_page(untrusted.text())),
        Ok(consent) if world.knobs.auto_approve => {
            let (user, company) = world.default_user.clone();
            Reply::redirect(consent.approve(world, &user, &company, now_s).as_str())
        }
        Ok(_) => authorize::page(&call.query),
    }
}

async fn api_call(inner: &Arc<Inner>, call: &Call, path: &str) -> Reply {
    let slot = match throttle::enter(inner, call).await {
        Ok(slot) => slot,
        Err(error) => return error.reply(&inner.world().knobs),
    };
    let latency = inner.world().knobs.api_latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let now_s = inner.clock.now_s();
    let mut world = inner.world();
    let reply =
        authenticated(&mut world, call, path, now_s).unwrap_or_else(|error| error.reply(&world.knobs));
    let reply = match &slot {
        Some(slot) => slot.annotate(&world.knobs, &world, reply),
        None => reply,
    };
    // The slot's drop takes the same lock.
    drop(world);
    reply
}

fn authenticated(world: &mut World, call: &Call, path: &str, now_s: i64) -> Result<Reply, ApiError> {
    let caller = session::authenticate(world, call)?;
    if !path.starts_with("objects/") {
        // `query`, `model` and their kind do not know idempotency keys.
        return api(world, call, &caller, path);
    }
    match idempotency::look_up(world, call, &caller, now_s)? {
        Known::Repeat(reply) => Ok(reply),
        known => {
            let reply = api(world, call, &caller, path).unwrap_or_else(|error| error.reply(&world.knobs));
            idempotency::remember(world, known, &reply, now_s);
            Ok(reply)
        }
    }
}

/// An authenticated call; `path` is what follows the API root and its slash.
pub(crate) fn api(world: &mut World, call: &Call, caller: &Caller, path: &str) -> Result<Reply, ApiError> {
    if let Some(rest) = path.strip_prefix("objects/") {
        return objects::answer(world, call, caller, rest);
    }
    match (call.method.as_str(), path.trim_end_matches('/')) {
        ("GET", "services/core/session/id") => Ok(services::session_id(caller)),
        ("GET", "services/core/model") => Ok(services::model(call)),
        ("POST", "services/core/query") => query::answer(world, call, caller),
        ("POST", "services/core/allowed-operations/list") => {
            services::allowed_operations(world, call, caller)
        }
        ("POST", "services/core/composite") => composite::answer(world, call, caller),
        (
            _,
            "services/core/session/id"
            | "services/core/model"
            | "services/core/query"
            | "services/core/allowed-operations/list"
            | "services/core/composite",
        ) => Err(objects::method_not_allowed()),
        _ => Err(ApiError::bad_request("Malformed URL")),
    }
}
