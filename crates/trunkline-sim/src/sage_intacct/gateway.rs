//! Routing.

use std::sync::Arc;

use super::authorize::{self, Consent};
use super::envelope::ApiError;
use super::idempotency::{self, Known};
use super::session::{self, Caller};
use super::state::World;
use super::token_request::Attributes;
use super::{
    API_ROOT, Inner, TOKEN_PATH, composite, control_http, objects, query, services, throttle, token, workflow,
};
use crate::exchange::{Call, Reply};
use crate::fault::edge_page;
use crate::front::{Front, Service};

impl Service for Inner {
    type Admission = ();

    fn front(&self) -> &Front {
        &self.front
    }

    fn is_token_request(call: &Call) -> bool {
        call.path == TOKEN_PATH
    }

    fn grant_type(call: &Call) -> Option<String> {
        Attributes::read(call).ok()?.get("grant_type").map(str::to_owned)
    }

    fn admit(&self, _call: &Call) -> Result<(), Reply> {
        Ok(())
    }

    async fn answer(self: &Arc<Self>, call: &Call) -> Reply {
        let beneath = |path: &&str| path.is_empty() || path.starts_with('/');
        let Some(path) = call.path.strip_prefix(API_ROOT).filter(beneath) else {
            return wrong_root(self, call);
        };
        match path.strip_prefix("/oauth2/") {
            Some(endpoint) => oauth(self, call, endpoint),
            None => api_call(self, call, path.trim_start_matches('/')).await,
        }
    }

    fn failing(&self, status: u16) -> Reply {
        ApiError::gateway(status, "GW-0001", "Cannot process the request").reply(&self.world().knobs)
    }

    fn control(self: &Arc<Self>, call: &Call, route: &str) -> Reply {
        control_http::answer(self, call, route)
    }
}

fn wrong_root(inner: &Inner, call: &Call) -> Reply {
    let text = if call.path.starts_with("/ia/api/") { "Version is not supported" } else { "Malformed URL" };
    ApiError::bad_request(text).reply(&inner.world().knobs)
}

fn oauth(inner: &Inner, call: &Call, endpoint: &str) -> Reply {
    let now_s = inner.front.clock.now_s();
    let mut world = inner.world();
    let result = match (call.method.as_str(), endpoint) {
        ("GET", "authorize") => Ok(authorise(&mut world, call, now_s)),
        ("POST", "token") => token::token(&mut world, &inner.front, call, now_s),
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
    let now_s = inner.front.clock.now_s();
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
    if !path.starts_with("objects/") && !path.starts_with("workflows/") {
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
    if let Some(rest) = path.strip_prefix("workflows/") {
        return workflow::answer(world, call, caller, rest);
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
