//! Answers that were seen, one a folder.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use trunkline_auth::oauth2;
use trunkline_core::http::{HeaderMap, HeaderName, Method, StatusCode};
use trunkline_core::permission::Operation;
use trunkline_core::{
    Actor, Call, Cause, Clock as _, Diagnosis, Exchange, Retry, Verdict as Concluded, nearest, printable,
};

use super::Played;
use crate::profile::{Ability, Case, Meant};
use crate::rule::{Failure, Verdict};
use crate::stage::{Stage, ensure};

/// `traffic.json`: what was answered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Traffic {
    /// Where it was seen: a page of the documentation, a log.
    source: String,
    call: CallName,
    /// How the grant is held; `None` where that makes no difference.
    #[serde(default)]
    grant: Option<String>,
    #[serde(default = "post")]
    method: String,
    #[serde(default)]
    path: String,
    /// The body of the request, where the operation is in it: a text, or JSON.
    #[serde(default)]
    request: Value,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// A text as it came, or JSON.
    #[serde(default)]
    body: Value,
}

fn post() -> String {
    "POST".to_owned()
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CallName {
    Api,
    Authorize,
    Exchange,
    Refresh,
    Revoke,
}

impl From<CallName> for Call {
    fn from(name: CallName) -> Self {
        match name {
            CallName::Api => Self::Api,
            CallName::Authorize => Self::Authorize,
            CallName::Exchange => Self::Exchange,
            CallName::Refresh => Self::Refresh,
            CallName::Revoke => Self::Revoke,
        }
    }
}

/// `expect.json`: what it must be taken for. What is left out may be anything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(deserialize_with = "cause")]
    cause: Cause,
    #[serde(default)]
    actor: Option<Actor>,
    #[serde(default)]
    retry: Option<Retry>,
    #[serde(default)]
    codes: Option<Vec<String>>,
    #[serde(default)]
    support_id: Option<String>,
    /// The operations that the service refused, as `create:invoices`.
    #[serde(default)]
    denies: Vec<Operation>,
    /// What the service answers to the reading of rights for a user who is refused so, by `GET /rights`.
    #[serde(default)]
    rights: BTreeMap<String, Value>,
}

/// A cause by its code; of a misspelt one, the one that is meant.
fn cause<'de, D: Deserializer<'de>>(input: D) -> Result<Cause, D::Error> {
    let told = String::deserialize(input)?;
    let known = Cause::ALL.iter().find(|cause| cause.code() == told);
    known.copied().ok_or_else(|| {
        let meant = nearest(&told, Cause::ALL.iter().map(|cause| cause.code()));
        let hint = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "docs/errors.md lists them".to_owned(),
        };
        D::Error::custom(format!("`{}` is no cause; {hint}", printable(&told)))
    })
}

/// A refusal for want of a permission that was seen.
pub(super) struct Denial {
    /// The folder's name.
    pub(super) name: String,
    pub(super) method: Method,
    /// The path, as it was asked for.
    pub(super) path: String,
    pub(super) request: String,
    pub(super) diagnosis: Diagnosis,
    pub(super) operations: Vec<Operation>,
    /// Method, end of the path, and body of the answers to the reading of rights.
    pub(super) rights: Vec<(String, String, String)>,
}

/// The refusals in the fixtures that say which operations they deny.
pub(super) fn denials(stage: &Stage) -> Result<Vec<Denial>, Failure> {
    let mut denials = Vec::new();
    for case in stage.profile.fixtures.as_deref().map(cases).transpose()?.unwrap_or_default() {
        let (name, traffic, expected) = load(&case)?;
        if expected.denies.is_empty() {
            continue;
        }
        let rights = expected.rights.iter().map(|(asked, body)| {
            let (method, path) = asked.split_once(' ').unwrap_or(("GET", asked));
            (method.to_owned(), path.to_owned(), text(body))
        });
        denials.push(Denial {
            rights: rights.collect(),
            method: traffic.method.parse().map_err(|_| format!("{name}: no HTTP method"))?,
            diagnosis: told(stage, &traffic).map_err(|why| format!("{name}: {why}"))?,
            request: text(&traffic.request),
            path: traffic.path,
            operations: expected.denies,
            name,
        });
    }
    Ok(denials)
}

/// A body as it goes over the wire.
fn text(body: &Value) -> String {
    match body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        json => json.to_string(),
    }
}

/// A folder's name, and its two files.
fn load(case: &Path) -> Result<(String, Traffic, Expected), Failure> {
    let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, read(&case.join("traffic.json"))?, read(&case.join("expect.json"))?))
}

pub(super) async fn fixtures_are_diagnosed_as_expected(stage: &Stage) -> Played {
    let mut wrong = Vec::new();
    let mut causes = Vec::new();
    for case in &stage.profile.cases {
        stage.count_check();
        match made(stage, case) {
            Ok(cause) => causes.push(cause),
            Err(why) => wrong.push(format!("{}: {why}", case.name)),
        }
    }
    match &stage.profile.fixtures {
        Some(folder) => seen(stage, folder, &mut causes, &mut wrong)?,
        None if stage.profile.cases.is_empty() => {
            return Err("the profile names no folder of fixtures".into());
        }
        None => {}
    }
    ensure!(stage, wrong.is_empty(), "{} fixtures: {}", wrong.len(), wrong.join("; "));
    // Those that were made have one of each kind.
    if !stage.profile.cases.is_empty() {
        return Ok(Verdict::Held);
    }
    let renews = stage.profile.lack(Ability::Renewal).is_none();
    let classes = [
        ("an access token that no longer serves", renews, &[Concluded::RenewAccessToken][..]),
        ("a grant that is gone or suspended", true, &[Concluded::GrantDead, Concluded::Suspended]),
        // An answer that nobody understands has an unknown outcome, and that is no outage.
        ("a pause or an outage", true, &[Concluded::Transient]),
    ];
    for (what, is_needed, verdicts) in classes {
        let is_there = causes.iter().any(|cause| verdicts.contains(&cause.verdict()));
        ensure!(stage, is_there || !is_needed, "no fixture is of {what}");
    }
    Ok(Verdict::Held)
}

/// The answers of a folder.
fn seen(
    stage: &Stage,
    folder: &Path,
    causes: &mut Vec<Cause>,
    wrong: &mut Vec<String>,
) -> Result<(), Failure> {
    for case in cases(folder)? {
        let (name, traffic, expected) = load(&case)?;
        stage.count_check();
        if traffic.source.trim().is_empty() {
            return Err(format!("{name}: traffic.json does not say where it was seen").into());
        }
        causes.push(expected.cause);
        if let Err(why) = judge(stage, &traffic, &expected) {
            wrong.push(format!("{name}: {why}"));
        }
    }
    Ok(())
}

/// What an answer that was made is taken for.
fn made(stage: &Stage, case: &Case) -> Result<Cause, String> {
    let status = StatusCode::from_u16(case.status).map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::new();
    for (name, value) in &case.headers {
        let value = value.parse().map_err(|_| format!("{value} is no header's value"))?;
        headers
            .append(HeaderName::try_from(name.as_str()).map_err(|_| format!("{name} is no header"))?, value);
    }
    let (method, body) = (Method::POST, case.body.as_bytes());
    let exchange = Exchange { call: case.call, method: &method, path: "/", status, headers: &headers, body };
    let told = stage.connector.diagnose(&exchange);
    let told = told.unwrap_or_else(|| oauth2::diagnose(&exchange, stage.clock.wall()));
    let cause = told.cause();
    let wrong = match case.expected {
        Meant::Cause(meant, _) if meant != cause => Some(format!("not for {meant}")),
        Meant::Cause(_, Some(actor)) if actor != told.actor() => {
            Some(format!("and {} acts, not {actor}", told.actor()))
        }
        Meant::Verdict(verdict) if verdict != cause.verdict() => Some(format!("not for {verdict:?}")),
        Meant::Limit(_) if cause != Cause::RateLimited => Some("not for a limit".to_owned()),
        Meant::Limit(Some(after_s)) if told.retry() != (Retry::After { after_s }) => {
            Some(format!("with {:?}, not after {after_s} s", told.retry()))
        }
        _ => None,
    };
    match wrong {
        Some(wrong) => Err(format!("{} {} is taken for {cause}, {wrong}", case.status, case.body)),
        None => Ok(cause),
    }
}

fn cases(folder: &Path) -> Result<Vec<std::path::PathBuf>, Failure> {
    let listed = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut cases: Vec<_> =
        listed.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    cases.sort_unstable();
    Ok(cases)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| Failure(format!("{}: {error}", path.display())))
}

fn judge(stage: &Stage, traffic: &Traffic, expected: &Expected) -> Result<(), String> {
    compare(&told(stage, traffic)?, expected)
}

/// What an answer that was seen is taken for.
fn told(stage: &Stage, traffic: &Traffic) -> Result<Diagnosis, String> {
    let status = StatusCode::from_u16(traffic.status).map_err(|error| error.to_string())?;
    let method: Method = traffic.method.parse().map_err(|_| "no HTTP method")?;
    let mut headers = HeaderMap::new();
    for (name, value) in &traffic.headers {
        let name: HeaderName = name.parse().map_err(|_| format!("{name} is no header"))?;
        headers.append(name, value.parse().map_err(|_| format!("{value} is no header's value"))?);
    }
    let body = text(&traffic.body);
    let call = Call::from(traffic.call);
    let exchange = Exchange {
        call,
        method: &method,
        path: &traffic.path,
        status,
        headers: &headers,
        body: body.as_bytes(),
    };
    // At its own endpoints a way to hold a grant may judge in another way than the API.
    let with_grant = |judge: fn(&Exchange<'_>, Option<&str>) -> Option<Diagnosis>| {
        judge(&exchange, traffic.grant.as_deref())
    };
    let by_type = stage.profile.judge.and_then(with_grant);
    let by_connector = stage.connector.diagnose(&exchange);
    if let (Some(one), Some(other)) = (&by_type, &by_connector)
        && traffic.grant.is_none()
        && one.cause() != other.cause()
    {
        return Err(format!("with settings it is {}, without {}", other.cause(), one.cause()));
    }
    let special = if traffic.grant.is_some() { by_type.or(by_connector) } else { by_connector.or(by_type) };
    Ok(special.unwrap_or_else(|| oauth2::diagnose(&exchange, stage.clock.wall())))
}

fn compare(told: &Diagnosis, expected: &Expected) -> Result<(), String> {
    if told.cause() != expected.cause {
        return Err(format!("it is taken for {}, and not for {}", told.cause(), expected.cause));
    }
    if let Some(actor) = expected.actor.filter(|actor| *actor != told.actor()) {
        return Err(format!("{} acts, and not {actor}", told.actor()));
    }
    if let Some(retry) = expected.retry.filter(|retry| *retry != told.retry()) {
        return Err(format!("the advice is {:?}, and not {retry:?}", told.retry()));
    }
    let codes: Vec<_> = told.evidence().codes.iter().map(|code| code.as_str().to_owned()).collect();
    if let Some(expected) = expected.codes.as_ref().filter(|expected| **expected != codes) {
        return Err(format!("its codes are {codes:?}, and not {expected:?}"));
    }
    let support_id = told.evidence().support_id.as_ref().map(|id| id.as_str().to_owned());
    if let Some(expected) = expected.support_id.as_ref().filter(|id| Some(*id) != support_id.as_ref()) {
        return Err(format!("the support id is {support_id:?}, and not {expected:?}"));
    }
    Ok(())
}
