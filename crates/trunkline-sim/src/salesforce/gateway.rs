//! Routing, at each of the service's hosts.

use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::authorize;
use super::error::{OauthError, RestError};
use super::host::Host;
use super::knobs::{RaceBody, RefreshLock};
use super::oauth_request as request;
use super::simulator::Inner;
use super::state::World;
use super::violation::{self, Violation};
use super::{control_http, identity, rest, session, soap, token};
use crate::clock::http_date;
use crate::exchange::{Call, Reply};
use crate::fault::edge_page;
use crate::front::{Front, Service};
use crate::ledger::{Presented, TokenExchange};

/// One address of the simulator.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) inner: Arc<Inner>,
    pub(crate) host: Host,
}

/// What a refresh holds against another of the same token; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    inner: Arc<Inner>,
    key: String,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.inner.world().locks.remove(&self.key);
    }
}

impl Service for Door {
    type Admission = Option<Lock>;

    fn front(&self) -> &Front {
        &self.inner.front
    }

    fn is_token_request(call: &Call) -> bool {
        segments(&call.path) == ["services", "oauth2", "token"]
    }

    fn grant_type(call: &Call) -> Option<String> {
        call.field("grant_type")
    }

    /// Only one refresh of a token is processed at a time.
    fn admit(&self, call: &Call) -> Result<Option<Lock>, Reply> {
        if !Self::is_token_request(call) || Self::grant_type(call).as_deref() != Some("refresh_token") {
            return Ok(None);
        }
        let token = call.field("refresh_token").unwrap_or_default();
        let mut world = self.inner.world();
        let Some(known) = world.refresh_tokens.get(&token).copied() else { return Ok(None) };
        let key = match world.knobs.refresh_lock {
            RefreshLock::Token => token,
            RefreshLock::App => world.grant(known.grant).map(|it| it.client.clone()).unwrap_or_default(),
        };
        if world.locks.insert(key.clone()) {
            return Ok(Some(Lock { inner: Arc::clone(&self.inner), key }));
        }
        let error = OauthError::invalid_grant(match world.knobs.race_body {
            RaceBody::BeingProcessed => "token request is already being processed",
            RaceBody::ExpiredCode => "expired authorization code",
        });
        let mut exchange = TokenExchange::new(world.clock.now_s(), Some("refresh_token"));
        exchange.status = error.status;
        exchange.family = Some(known.grant);
        if let Some(grant) = world.grant_mut(known.grant) {
            grant.raced += 1;
            exchange.presented = Some(Presented::after(grant.rotations.saturating_sub(known.rotation)));
        }
        world.violations.push(Violation::ConcurrentRefresh { family: known.grant });
        drop(world);
        self.inner.front.record_exchange(exchange);
        self.inner.front.progressed();
        Err(request::reply(call, error.status, &error.body()))
    }

    async fn answer(self: &Arc<Self>, call: &Call) -> Reply {
        let path = segments(&call.path);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let is_data = matches!(path.as_slice(), ["services", "data", _, ..]);
        violation::notice(&mut self.inner.world(), &self.host, call, is_data);
        let reply = match path.as_slice() {
            ["services", "oauth2", endpoint] => self.oauth(call, endpoint).await,
            ["services", "data"] if call.method == "GET" => rest::versions(&self.inner.world()),
            ["services", "data", rest @ ..] => {
                let rest: Vec<String> = rest.iter().map(|part| (*part).to_owned()).collect();
                self.data(call, &rest).await
            }
            ["services", "Soap", "u" | "c", version, ..] if call.method == "POST" => {
                soap::answer(&mut self.inner.world(), &self.host, call, version)
            }
            ["id", org, user] if call.method == "GET" => {
                let path = format!("{org}/{user}");
                identity::identity(&mut self.inner.world(), &self.host, call, &path)
            }
            ["setup", "secur", "RemoteAccessErrorPage.apexp"] => authorize::remote_access_error(call),
            _ => Reply::html(404, edge_page("URL No Longer Exists")),
        };
        self.dated(reply)
    }

    fn failing(&self, status: u16) -> Reply {
        RestError::new(status, "SERVER_UNAVAILABLE", "The server is unavailable").reply()
    }

    fn control(self: &Arc<Self>, call: &Call, route: &str) -> Reply {
        control_http::answer(self, call, route)
    }
}

impl Door {
    async fn oauth(self: &Arc<Self>, call: &Call, endpoint: &str) -> Reply {
        if endpoint == "token" && Self::grant_type(call).as_deref() == Some("refresh_token") {
            let latency_ms = self.inner.world().knobs.refresh_latency_ms;
            if latency_ms > 0 {
                tokio::time::sleep(Duration::from_millis(latency_ms)).await;
            }
        }
        let hangs = endpoint == "authorize" && call.parameter("_decide").as_deref() == Some("hang");
        if hangs && self.inner.world().knobs.auto_approve {
            // The task ends with the server.
            std::future::pending::<()>().await;
        }
        let mut world = self.inner.world();
        let world: &mut World = &mut world;
        let result = match (call.method.as_str(), endpoint) {
            ("GET", "authorize") => {
                let who = self.inner.default_user(world);
                Ok(authorize::answer(world, &self.host, call, who.as_ref()))
            }
            ("POST", "token") => Ok(token::token(world, &self.inner.front, &self.host, call)),
            ("POST" | "GET", "revoke") => identity::revoke(world, call),
            ("POST", "introspect") => identity::introspect(world, call),
            ("GET" | "POST", "userinfo") => Ok(identity::userinfo(world, call)),
            (method, "authorize" | "token" | "introspect" | "userinfo" | "revoke") => {
                return RestError::method_not_allowed(method).reply();
            }
            _ => return Reply::html(404, edge_page("URL No Longer Exists")),
        };
        result.unwrap_or_else(|error| request::reply(call, error.status, &error.body()))
    }

    async fn data(self: &Arc<Self>, call: &Call, path: &[String]) -> Reply {
        let Ok(_place) = self.enter(call) else {
            let message = "ConcurrentPerOrgLongTxn Limit exceeded.";
            let reply = RestError::new(403, "REQUEST_LIMIT_EXCEEDED", message).reply();
            return match self.inner.world().knobs.retry_after_s {
                Some(seconds) => reply.with_header("retry-after", seconds.to_string()),
                None => reply,
            };
        };
        let latency_ms = self.inner.world().knobs.api_latency_ms;
        if latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        }
        rest::answer(&mut self.inner.world(), &self.host, call, path)
    }

    /// Takes a place among the org's calls; `None` for a token that is not alive, which fails later anyway.
    fn enter(&self, call: &Call) -> Result<Option<Place>, TooMany> {
        let mut world = self.inner.world();
        let session = session::token(call).and_then(|token| session::live(&world, token));
        let Some(org) = session.map(|session| session.who.org.clone()) else { return Ok(None) };
        let limit = world.knobs.max_concurrent.unwrap_or(u32::MAX);
        let running = world.in_flight.entry(org.clone()).or_default();
        if *running >= limit {
            return Err(TooMany);
        }
        *running += 1;
        Ok(Some(Place { inner: Arc::clone(&self.inner), org }))
    }

    fn dated(&self, reply: Reply) -> Reply {
        let world = self.inner.world();
        match world.knobs.date_offset_s {
            Some(offset_s) => {
                let date = http_date(world.clock.now_s().saturating_add(offset_s));
                reply.with_header("date", date)
            }
            None => reply,
        }
    }
}

/// A data call in flight; gives its place back when dropped.
#[derive(Debug)]
struct Place {
    inner: Arc<Inner>,
    org: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(running) = self.inner.world().in_flight.get_mut(&self.org) {
            *running = running.saturating_sub(1);
        }
    }
}

#[derive(Debug)]
struct TooMany;

/// The parts of a path, decoded; empty ones do not count, so that a slash more or at the end is no error.
fn segments(path: &str) -> Vec<String> {
    let parts = path.split('/').filter(|part| !part.is_empty());
    parts.map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect()
}
