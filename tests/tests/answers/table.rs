//! The table of answers: one line each, in `tests/answers/*.txt`, whose heads explain the columns.

use trunkline_core::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use trunkline_core::{Call, Diagnosis, Exchange, Retry};

/// An answer, and what it must be taken for.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) connector: String,
    pub(crate) call: Call,
    pub(crate) method: Method,
    /// The way the grant is held, where a token is asked for.
    pub(crate) grant: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Cause, family, actor, retry and remedy, as they stand in the line.
    pub(crate) expected: Vec<String>,
}

impl Row {
    /// The answer as the hub shows it to a connector: the start of its body.
    pub(crate) fn exchange(&self) -> Exchange<'_> {
        const SHOWN_BYTES: usize = 64 * 1024;
        Exchange {
            call: self.call,
            method: &self.method,
            path: "/objects/accounts-payable/bill",
            status: self.status,
            headers: &self.headers,
            body: &self.body[..self.body.len().min(SHOWN_BYTES)],
        }
    }
}

/// What was made of an answer, in the words of the table.
pub(crate) fn told(diagnosis: &Diagnosis) -> Vec<String> {
    let word = |value: serde_json::Value| value.as_str().unwrap_or("?").to_owned();
    let retry = match diagnosis.retry() {
        Retry::Never => "never".to_owned(),
        Retry::AfterRenewal => "renewal".to_owned(),
        Retry::After { after_s } => format!("{after_s}s"),
        _ => "?".to_owned(),
    };
    let key = diagnosis.remedy().key();
    let remedy = if key == diagnosis.cause().code() { "usual" } else { key };
    let family = serde_json::to_value(diagnosis.family()).map(word).unwrap_or_default();
    let actor = serde_json::to_value(diagnosis.actor()).map(word).unwrap_or_default();
    vec![diagnosis.cause().code().to_owned(), family, actor, retry, remedy.to_owned()]
}

/// Reads a table.
///
/// # Panics
///
/// If a line is malformed, naming it.
pub(crate) fn read(text: &str) -> Vec<Row> {
    let mut named: Vec<(String, String)> = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('$').and_then(|line| line.split_once(" = ")) {
            Some((name, value)) => named.push((format!("${name}"), expand(value, &named))),
            None => rows.push(row(line, &named).unwrap_or_else(|| panic!("no row: {line}"))),
        }
    }
    for (at, row) in rows.iter().enumerate() {
        assert!(rows[..at].iter().all(|before| before.id != row.id), "two rows are called {}", row.id);
    }
    rows
}

fn row(line: &str, named: &[(String, String)]) -> Option<Row> {
    let mut columns = line.splitn(12, '|').map(str::trim);
    let mut next = || columns.next();
    let (id, connector, call, grant) = (next()?, next()?, next()?, next()?);
    let (status, headers) = (next()?, next()?);
    let expected = (0..5).map(|_| next().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
    let body = next()?;
    let (call, method) = call.split_once(' ').unwrap_or((call, "POST"));
    let text = expand(body, named);
    Some(Row {
        id: id.to_owned(),
        connector: connector.to_owned(),
        call: match call {
            "api" => Call::Api,
            "authorize" => Call::Authorize,
            "exchange" => Call::Exchange,
            "refresh" => Call::Refresh,
            "revoke" => Call::Revoke,
            _ => return None,
        },
        method: method.parse().ok()?,
        grant: grant.to_owned(),
        status: StatusCode::from_u16(status.parse().ok()?).ok()?,
        headers: headers_of(headers)?,
        body: bytes(&text)?,
        expected,
    })
}

fn expand(text: &str, named: &[(String, String)]) -> String {
    named.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name.as_str(), value))
}

fn headers_of(text: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for header in text.split(" ~ ").filter(|header| !matches!(*header, "-" | "")) {
        let (name, value) = header.split_once(": ")?;
        headers.append(name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(&bytes(value)?).ok()?);
    }
    Some(headers)
}

/// Reads `\xNN`, `\n`, `\r`, `\t`, `\\`, and `{{N * text}}`, which repeats. `-` is nothing.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = if text == "-" { "" } else { text };
    while let Some(at) = rest.find(['\\', '{']) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        if let Some((times, tail)) = rest.strip_prefix("{{").and_then(|tail| tail.split_once(" * ")) {
            let (what, tail) = tail.split_once("}}")?;
            out.extend(bytes(what)?.repeat(times.parse().ok()?));
            rest = tail;
            continue;
        }
        let escaped = if rest.starts_with('\\') { rest.as_bytes().get(1).copied() } else { None };
        let (byte, length) = match escaped {
            None => (b'{', 1),
            Some(b'n') => (b'\n', 2),
            Some(b'r') => (b'\r', 2),
            Some(b't') => (b'\t', 2),
            Some(b'\\') => (b'\\', 2),
            Some(b'x') => (u8::from_str_radix(rest.get(2..4)?, 16).ok()?, 4),
            Some(_) => return None,
        };
        out.push(byte);
        rest = &rest[length..];
    }
    out.extend_from_slice(rest.as_bytes());
    Some(out)
}
