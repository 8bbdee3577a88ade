//! `/services/data/…`: versions, limits, and the way to the resources.

use serde_json::{Value, json};

use super::error::RestError;
use super::host::Host;
use super::query;
use super::session::{self, Caller};
use super::state::World;
use super::{collections, sobjects};
use crate::exchange::{Call, Reply};

/// `GET /services/data/`: wants no token and counts as no call.
pub(crate) fn versions(world: &World) -> Reply {
    let (oldest, newest) = world.knobs.versions;
    let list: Vec<_> = (oldest..=newest)
        .map(|version| {
            json!({
                "label": label(version), "url": format!("/services/data/v{version}.0"),
                "version": format!("{version}.0"),
            })
        })
        .collect();
    Reply::json(200, &json!(list))
}

/// Three releases a year; 65 is Winter '26.
fn label(version: u32) -> String {
    let season = ["Spring", "Summer", "Winter"][usize::try_from(version % 3).unwrap_or_default()];
    let year = 26 + (i64::from(version) - 65).div_euclid(3);
    format!("{season} '{year:02}")
}

/// A data call; `path` is what follows `/services/data/`, its parts decoded.
pub(crate) fn answer(world: &mut World, host: &Host, call: &Call, path: &[String]) -> Reply {
    let mut caller = None;
    let result = admitted(world, host, call, path, &mut caller);
    let reply = result.unwrap_or_else(|error| {
        let load = matches!(error.status, 503) || error.code == "REQUEST_LIMIT_EXCEEDED";
        match world.knobs.retry_after_s.filter(|_| load) {
            Some(seconds) => error.reply().with_header("retry-after", seconds.to_string()),
            None => error.reply(),
        }
    });
    match caller {
        Some(caller) => with_usage(world, &caller, reply),
        None => reply,
    }
}

fn admitted(
    world: &mut World,
    host: &Host,
    call: &Call,
    path: &[String],
    caller: &mut Option<Caller>,
) -> Result<Reply, RestError> {
    let (version, rest) = path.split_first().ok_or_else(RestError::not_found)?;
    let version = known_version(world, version)?;
    let who = caller.insert(session::authenticate(world, host, call)?).clone();
    let now_s = world.clock.now_s();
    let org = world.org_mut(&who.who.org).ok_or_else(RestError::session)?;
    if !org.count_call(now_s) {
        return Err(RestError::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."));
    }
    if let Some(client) = &who.client {
        *world.app_calls.entry(client.clone()).or_default() += 1;
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    resource(world, &who, call, &version, &rest)
}

/// `v65.0` as `65.0`.
fn known_version(world: &World, text: &str) -> Result<String, RestError> {
    let number = text.strip_prefix('v').and_then(|text| text.strip_suffix(".0"));
    let number: u32 = number.and_then(|text| text.parse().ok()).ok_or_else(RestError::not_found)?;
    let (oldest, newest) = world.knobs.versions;
    if number < oldest {
        return Err(RestError::new(410, "UNSUPPORTED_API_VERSION", "This API version is retired"));
    }
    if number > newest {
        return Err(RestError::not_found());
    }
    Ok(format!("{number}.0"))
}

fn resource(
    world: &mut World,
    caller: &Caller,
    call: &Call,
    version: &str,
    path: &[&str],
) -> Result<Reply, RestError> {
    let ok = |body: Value| Ok(Reply::json(200, &body));
    match (call.method.as_str(), path) {
        ("GET", []) => ok(resources(world, caller, version)),
        ("GET", ["limits"]) => ok(limits(world, caller)),
        ("GET", ["query"]) => ok(query::start(world, caller, call, version, false)?),
        ("GET", ["queryAll"]) => ok(query::start(world, caller, call, version, true)?),
        ("GET", ["query" | "queryAll", locator]) => ok(query::next(world, caller, call, version, locator)?),
        (_, ["sobjects", rest @ ..]) => sobjects::answer(world, caller, call, version, rest),
        (_, ["composite", "sobjects", rest @ ..]) => collections::answer(world, caller, call, version, rest),
        (method, [] | ["limits" | "query" | "queryAll", ..]) => Err(RestError::method_not_allowed(method)),
        _ => Err(RestError::not_found()),
    }
}

fn resources(world: &World, caller: &Caller, version: &str) -> Value {
    let base = format!("/services/data/v{version}");
    json!({
        "identity": world.identity_url(&caller.who), "limits": format!("{base}/limits"),
        "query": format!("{base}/query"), "queryAll": format!("{base}/queryAll"),
        "sobjects": format!("{base}/sobjects"), "composite": format!("{base}/composite"),
    })
}

fn limits(world: &mut World, caller: &Caller) -> Value {
    let now_s = world.clock.now_s();
    let (used, limit) = world.org_mut(&caller.who.org).map_or((0, 0), |org| org.usage(now_s));
    json!({ "DailyApiRequests": { "Max": limit, "Remaining": limit.saturating_sub(used) } })
}

/// `Sforce-Limit-Info`.
fn with_usage(world: &mut World, caller: &Caller, reply: Reply) -> Reply {
    if !world.knobs.limit_header {
        return reply;
    }
    let now_s = world.clock.now_s();
    let Some((used, limit)) = world.org_mut(&caller.who.org).map(|org| org.usage(now_s)) else {
        return reply;
    };
    let org = format!("api-usage={used}/{limit}");
    let app = caller.client.as_deref().and_then(|client| {
        let limit = world.knobs.per_app_limit?;
        let calls = world.app_calls.get(client).copied().unwrap_or_default();
        Some(format!("per-app-api-usage={calls}/{limit}(appName={})", world.app(client)?.name))
    });
    let text = match app {
        None => org,
        Some(app) if world.knobs.per_app_first => format!("{app}; {org}"),
        Some(app) => format!("{org}; {app}"),
    };
    reply.with_header("sforce-limit-info", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_the_releases() {
        for (version, expected) in [
            (62, "Winter '25"),
            (64, "Summer '25"),
            (65, "Winter '26"),
            (66, "Spring '26"),
            (68, "Winter '27"),
        ] {
            assert_eq!(label(version), expected);
        }
    }
}
