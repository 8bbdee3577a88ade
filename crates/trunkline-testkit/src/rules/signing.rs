//! Requests that are signed one by one: OAuth 1.0a.

use std::collections::HashSet;
use std::time::Duration;

use trunkline_core::bytes::Bytes;
use trunkline_core::http::header::{AUTHORIZATION, CONTENT_TYPE};
use trunkline_core::http::{HeaderValue, Method};
use trunkline_core::{Clock as _, Request, RequestBody};

use super::Played;
use crate::rule::{Failure, Verdict};
use crate::service::Received;
use crate::signing::Signing;
use crate::stage::{Connected, Op, Stage, ensure, failed};

const NOT_SIGNED: &str = "requests are not signed";

/// A call of an application, with this query and this body.
async fn call(
    stage: &Stage,
    connected: &Connected,
    query: Option<&str>,
    body: Option<(&'static str, &'static str)>,
    carries: Option<&HeaderValue>,
) -> Result<(u16, Received), Failure> {
    let url = connected.session.endpoint().join(&stage.profile.api_path);
    let mut url = url.map_err(|error| failed("a path of the API", &error))?;
    url.set_query(query);
    let mut request = Request::new(if body.is_some() { Method::POST } else { Method::GET }, url);
    if let Some((kind, body)) = body {
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        request.body = RequestBody::Bytes(Bytes::from_static(body.as_bytes()));
    }
    if let Some(carries) = carries {
        request.headers.insert(AUTHORIZATION, carries.clone());
    }
    let answer = connected.session.send(request).await.map_err(|error| failed("a call", &error))?;
    let sent = stage.service.received().pop().ok_or("nothing was sent")?;
    Ok((answer.status().as_u16(), sent))
}

/// Fails if the service refused what was signed.
fn ensure_signed(stage: &Stage, what: &str, status: u16) -> Result<(), Failure> {
    let refused = stage.service.unsigned();
    ensure!(stage, refused.is_empty(), "{what}: the service computes another signature, or {refused:?}");
    ensure!(stage, status == 200, "{what}: the service answers {status}");
    Ok(())
}

pub(super) async fn signature_covers_the_request(stage: &Stage) -> Played {
    if stage.profile.signing.is_none() {
        return Ok(Verdict::Inapplicable(NOT_SIGNED.to_owned()));
    }
    const FORM: &str = "application/x-www-form-urlencoded";
    let queries = [None, Some("b=2&a=1&a=0"), Some("q=%C3%A9%20%2B&empty=&c=x+y"), Some("a=%3D%253D&~=-._~")];
    let bodies = [None, Some((FORM, "z=1&a=x+y%26&z=0")), Some(("application/json", "{\"a\":1}"))];
    for method in stage.methods()? {
        let connected = stage.connected(method).await?;
        for query in queries {
            for body in bodies {
                let what = format!("{method}: a call with the query {query:?} and the body {body:?}");
                let (status, _) = call(stage, &connected, query, body, None).await?;
                ensure_signed(stage, &what, status)?;
            }
        }
        for op in Op::ALL.into_iter().filter(|op| stage.claims(*op)) {
            let attempt = stage.attempt(method, op, None).await?;
            ensure!(stage, attempt.result.is_ok(), "{}: {:?}", attempt.what, attempt.result);
            ensure_signed(stage, &attempt.what, 200)?;
        }
    }
    Ok(Verdict::Held)
}

/// A parameter of the protocol, as a request states it.
fn stated(sent: &Received, name: &str) -> String {
    let header = sent.sent.authorization.as_deref().unwrap_or_default();
    let found = header.split(name).nth(1).and_then(|rest| rest.strip_prefix("=\""));
    found.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}

pub(super) async fn signed_requests_come_once(stage: &Stage) -> Played {
    if stage.profile.signing.is_none() {
        return Ok(Verdict::Inapplicable(NOT_SIGNED.to_owned()));
    }
    for method in stage.methods()? {
        let connected = stage.connected(method).await?;
        let mut nonces = HashSet::new();
        let mut last: Option<HeaderValue> = None;
        for number in 0..4 {
            // One that is sent again brings the old signature along.
            let carries = last.as_ref().filter(|_| number > 1);
            let (status, sent) = call(stage, &connected, Some("page=1"), None, carries).await?;
            let what = format!("{method}: the same call, number {}", number + 1);
            ensure_signed(stage, &what, status)?;
            let time = stated(&sent, "oauth_timestamp");
            let now = stage.clock.wall().as_second();
            ensure!(stage, time == now.to_string(), "{what}: it is dated {time}, at {now}");
            ensure!(stage, nonces.insert(stated(&sent, "oauth_nonce")), "{what}: the nonce came before");
            last = sent.sent.headers.get(AUTHORIZATION).cloned();
            if number % 2 == 0 {
                stage.clock.advance(Duration::from_secs(600));
            }
        }
    }
    Ok(Verdict::Held)
}

/// The names under which the detector knows what signs.
fn signing_secrets(signing: &Signing) -> Vec<String> {
    let inputs = [&signing.token_inputs, &signing.client_inputs].into_iter().flatten();
    let inputs = inputs.map(|[_, secret]| format!("input {secret}"));
    let own = ["temporary secret", "token secret"].map(str::to_owned);
    let [_, setting] = &signing.client_settings;
    inputs.chain(own).chain([format!("setting {setting}")]).collect()
}

pub(super) async fn signing_secrets_are_never_sent(stage: &Stage) -> Played {
    let Some(signing) = &stage.profile.signing else {
        return Ok(Verdict::Inapplicable(NOT_SIGNED.to_owned()));
    };
    if signing.is_plain() {
        return Ok(Verdict::Inapplicable("PLAINTEXT is the secrets themselves".to_owned()));
    }
    let secrets = signing_secrets(signing);
    for method in stage.methods()? {
        let connected = stage.connected(method).await?;
        call(stage, &connected, Some("a=1"), Some(("application/json", "{}")), None).await?;
        for op in Op::ALL.into_iter().filter(|op| stage.claims(*op)) {
            // What was sent counts; what came of it is other rules' matter.
            let _attempt = stage.attempt(method, op, None).await?;
        }
    }
    for Received { sent, .. } in stage.service.received() {
        let leaks = stage.leaks.find(&sent.whole());
        let leak = leaks.iter().find(|leak| secrets.contains(&leak.name));
        ensure!(stage, leak.is_none(), "{sent:?}: {leak:?}, which only signs");
    }
    Ok(Verdict::Held)
}
