//! `trunkline diagnose`: what an answer means that somebody pasted. It needs no settings and sends nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;
use trunkline::SystemClock;
use trunkline_auth::oauth2;
use trunkline_core::http::header::{HeaderMap, HeaderName, HeaderValue};
use trunkline_core::http::{Method, StatusCode};
use trunkline_core::{Call, Clock, Diagnosis, Exchange, Registry, printable};
use url::{Url, form_urlencoded};

use crate::advice;
use crate::arguments::{DiagnoseArguments, Endpoint, GrantType};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use trunkline_core::diagnosis::Report;

/// The standards themselves, which need no provider to be linked.
const STANDARDS: &str = "oauth2";

/// Longest body, in bytes.
const MAX_BODY: u64 = 1024 * 1024;

/// What of a body a judge is shown, as for a live call.
const MAX_JUDGED: usize = 64 * 1024;

#[derive(Serialize)]
struct Judged<'a> {
    connector: &'a str,
    #[serde(flatten)]
    advice: Report<'a>,
}

pub(crate) fn run(arguments: &DiagnoseArguments, output: &mut Output) -> Result<Exit, Failure> {
    let connector = arguments.connector.as_str();
    let by_connector = match Registry::global().get(connector) {
        Some(registration) => registration.diagnose,
        None if connector == STANDARDS => |_: &Exchange<'_>, _: Option<&str>| None,
        None => return Err(unknown(connector)),
    };
    let answer = Answer::read(arguments)?;
    let exchange = answer.exchange();
    let method = match (arguments.endpoint, arguments.grant) {
        (Endpoint::Token, GrantType::ClientCredentials) => Some("client_credentials"),
        (Endpoint::Token, _) => Some("authorization_code"),
        _ => None,
    };
    let diagnosis = match by_connector(&exchange, method) {
        Some(diagnosis) => diagnosis,
        None => by_standards(&exchange)?,
    };
    if output.is_json() {
        output.json(&Judged { connector, advice: advice::advice(&diagnosis) })?;
    } else {
        advice::write(output.out(), &diagnosis)?;
    }
    Ok(Exit::Done)
}

fn unknown(connector: &str) -> Failure {
    match Registry::global().find(connector) {
        Err(error) => error.into(),
        // Cannot be: it was looked up just before.
        Ok(_) => Failure::usage(format!("no provider `{}` is linked", printable(connector))),
    }
}

/// The general rules. An answer that tells of no failure is not made one.
fn by_standards(exchange: &Exchange<'_>) -> Result<Diagnosis, Failure> {
    let diagnosis = oauth2::diagnose(exchange, SystemClock.wall());
    let evidence = diagnosis.evidence();
    if exchange.status.is_success() && evidence.codes.is_empty() && evidence.message.is_none() {
        return Err(Failure::new(
            Exit::Failed,
            format!("this answer ({}) tells of no failure", exchange.status),
        )
        .hint("Paste the answer of the call that failed, with --status and --body."));
    }
    Ok(diagnosis)
}

/// What was pasted.
struct Answer {
    call: Call,
    method: Method,
    path: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn read(arguments: &DiagnoseArguments) -> Result<Self, Failure> {
        let call = match (arguments.endpoint, arguments.grant) {
            (Endpoint::Api, _) => Call::Api,
            (Endpoint::Authorize, _) => Call::Authorize,
            (Endpoint::Revoke, _) => Call::Revoke,
            (Endpoint::Token, GrantType::RefreshToken) => Call::Refresh,
            (Endpoint::Token, _) => Call::Exchange,
        };
        let usual = if matches!(call, Call::Api | Call::Authorize) { "GET" } else { "POST" };
        let method = arguments.method.as_deref().unwrap_or(usual).to_ascii_uppercase();
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| Failure::usage("the method is no HTTP method").hint("Write it as --method POST."))?;
        let status = status(arguments.status.as_deref(), call)?;
        let headers = headers(&arguments.header)?;
        let body = arguments.body.as_deref().map(body).transpose()?.unwrap_or_default();
        let body = if call == Call::Authorize { callback(&body) } else { body };
        let path = arguments.path.split('?').next().unwrap_or("/").to_owned();
        Ok(Self { call, method, path, status, headers, body })
    }

    fn exchange(&self) -> Exchange<'_> {
        Exchange {
            call: self.call,
            method: &self.method,
            path: &self.path,
            status: self.status,
            headers: &self.headers,
            body: &self.body[..self.body.len().min(MAX_JUDGED)],
        }
    }
}

fn status(text: Option<&str>, call: Call) -> Result<StatusCode, Failure> {
    let Some(text) = text else {
        return match call {
            Call::Authorize => Ok(StatusCode::FOUND),
            _ => Err(Failure::usage("the status is missing").hint("Write it as --status 401.")),
        };
    };
    let number = text.parse().ok().filter(|number| (100..=599).contains(number));
    number.and_then(|number| StatusCode::from_u16(number).ok()).ok_or_else(|| {
        Failure::usage(format!("`{}` is no status of HTTP", printable(text)))
            .hint("A status is a number from 100 to 599.")
    })
}

fn headers(texts: &[String]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for text in texts {
        let header = text.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(value.trim().as_bytes()).ok()?))
        });
        // Not quoted: what was pasted may be a secret.
        let (name, value) = header.ok_or_else(|| {
            Failure::usage("a header is no header of HTTP")
                .hint("Write it with a colon, as --header 'retry-after: 60'.")
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn body(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = printable(&path.display().to_string());
    let mut body = Vec::new();
    let taken = if path == Path::new("-") {
        io::stdin().lock().take(MAX_BODY + 1).read_to_end(&mut body)
    } else {
        File::open(path).and_then(|file| file.take(MAX_BODY + 1).read_to_end(&mut body))
    };
    let length = taken.map_err(|error| {
        Failure::usage(format!("the body cannot be read from `{name}`: {error}"))
            .hint("Name a file; `-` is standard input.")
    })?;
    if length as u64 > MAX_BODY {
        return Err(Failure::usage(format!("the body in `{name}` is larger than {MAX_BODY} bytes"))
            .hint("An error's first kilobytes tell what it is: cut the rest off."));
    }
    if is_binary(&body) {
        return Err(Failure::usage(format!("the body in `{name}` is binary, and no text"))
            .hint("If it is compressed, save it uncompressed, as `curl --compressed` does."));
    }
    Ok(body)
}

/// Compressed bytes, an image, text of two bytes a character. Text in an old charset is none of these.
fn is_binary(body: &[u8]) -> bool {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    body.starts_with(GZIP)
        || body.contains(&0)
        || (std::str::from_utf8(body).is_err() && body.iter().any(is_control))
}

/// The query of a callback without its state, from the whole URL or from the query.
fn callback(pasted: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(pasted);
    let text = text.trim();
    let url = Url::parse(text).ok();
    let query = match &url {
        Some(url) => url.query().unwrap_or_default(),
        None => text.trim_start_matches('?'),
    };
    let told = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "state");
    form_urlencoded::Serializer::new(String::new()).extend_pairs(told).finish().into_bytes()
}
