//! Prepared misbehaviour: answers of the reference's fixture table and faults of the token endpoint.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exchange::{Call, Reply};

/// Which calls a [`Fixture`] answers; empty fields match everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// HTTP method in capitals.
    pub method: Option<String>,
    /// Text that the path must contain.
    pub path: Option<String>,
    /// `grant_type` of a token request.
    pub grant_type: Option<String>,
}

impl Matcher {
    /// Calls whose path contains `path`.
    #[must_use]
    pub fn path(path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..Self::default() }
    }

    pub(crate) fn matches(&self, call: &Call, grant_type: Option<&str>) -> bool {
        self.method.as_deref().is_none_or(|method| call.method == method)
            && self.path.as_deref().is_none_or(|path| call.path.contains(path))
            && (self.grant_type.is_none() || self.grant_type.as_deref() == grant_type)
    }
}

/// An answer that replaces the service's own for the next calls that match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// The calls it answers.
    #[serde(default)]
    pub matcher: Matcher,
    /// HTTP status.
    pub status: u16,
    /// Header names and values; `content-type: application/json` unless given.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Body, sent as it is.
    #[serde(default)]
    pub body: String,
    /// How many calls it answers before it is used up.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Fixture {
    /// One answer with a JSON body.
    #[must_use]
    pub fn json(matcher: Matcher, status: u16, body: &Value) -> Self {
        Self { matcher, status, headers: Vec::new(), body: body.to_string(), times: 1 }
    }

    /// The fixture `E1` to `E29` of the reference's table, answering once whatever the matcher picks.
    ///
    /// `None` for an unknown name and for `E13`, which is a redirect of the authorise endpoint: deny
    /// the consent instead. What the table leaves open is filled with the defaults of [`Knobs`].
    ///
    /// [`Knobs`]: super::Knobs
    #[must_use]
    pub fn named(name: &str, matcher: Matcher) -> Option<Self> {
        let (status, headers, body) = table(name)?;
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Some(Self { matcher, status, headers, body, times: 1 })
    }

    pub(crate) fn reply(&self) -> Reply {
        let mut reply = Reply::empty(self.status);
        reply.headers.clone_from(&self.headers);
        reply.body.clone_from(&self.body);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            reply = reply.with_header("content-type", "application/json");
        }
        reply
    }
}

type Row = (u16, &'static [(&'static str, &'static str)], String);

const NO_HEADERS: &[(&str, &str)] = &[];
const HTML: &[(&str, &str)] = &[("content-type", "text/html")];
const THROTTLED: &[(&str, &str)] = &[
    ("X-IA-Throttle-Limit", "6"),
    ("X-IA-Throttle-Limit-Remaining", "-1"),
    ("X-IA-Throttle-Limit-Retry-After", "60"),
];
const SUPPORT_ID: &str = "Kxi78%7EZuyXBDEGVHD2UmO1phYXDQAAAAo";

fn table(name: &str) -> Option<Row> {
    Some(match name {
        "E1" => gateway(401, "GW-0040", "Expired token"),
        "E2" => api(400, "invalidRequest", "The token is not valid", Some("REST-1206"), &json!([])),
        "E3" => (401, NO_HEADERS, token_invalid().to_string()),
        "E4" => oauth("invalid_grant"),
        "E5" | "E8" => oauth("invalid_client"),
        "E6" => gateway(401, "GW-0031", "Invalid Token"),
        "E7" => gateway(401, "GW-0034", "Authorization header does not start with Bearer"),
        "E9" => {
            let text = "Client ID, Client Secret, and/or third-party application is incorrect";
            api(401, "invalidRequest", text, Some("REST-1216"), &json!([]))
        }
        "E10" => gateway(400, "GW-0012", "The username format is invalid, expected user@company"),
        "E11" => gateway(400, "GW-0032", "Invalid grant_type"),
        "E12" => gateway(400, "GW-0011", "Invalid Request"),
        "E14" => api(403, "permissionDenied", "No permission for this operation", None, &json!([])),
        "E15" => api(403, "permissionDenied", "The module is not subscribed", None, &json!([])),
        "E16" => api(403, "permissionDenied", "The client application is not authorized", None, &json!([])),
        "E17" => api(403, "permissionDenied", "The entity cannot be used", None, &json!([])),
        "E18" => {
            let text = "This needs configuration changes or user permissions";
            let details = json!([{ "errorId": "AR-0279", "message": text }]);
            api(422, "operationFailed", text, None, &details)
        }
        "E19" => {
            let details = json!([{ "errorId": "GL-0951" }, { "errorId": "GL-1009" }]);
            api(422, "operationFailed", "The operation failed", Some("REST-7001"), &details)
        }
        "E20" => {
            let details = json!([{ "errorId": "REST-1043", "target": "/field" }]);
            api(400, "invalidRequest", "Payload contains errors", Some("REST-1064"), &details)
        }
        "E21" => api(400, "invalidRequest", "The request requires a payload", Some("REST-1028"), &json!([])),
        "E22" => api(404, "notFound", "Not found", None, &json!([])),
        "E23" => (429, THROTTLED, gateway(429, "GW-0010", "API rate limit exceeded").2),
        "E24" => (503, &[("retry-after", "120")], gateway(503, "GW-0001", "Cannot process the request").2),
        "E25" => (502, HTML, edge_page("502 Bad Gateway")),
        "E26" => (524, HTML, edge_page("524 A timeout occurred")),
        "E27" => api(409, "invalidRequest", "The idempotency key was used", None, &json!([])),
        "E28" => (207, NO_HEADERS, partial().to_string()),
        "E29" => {
            let error =
                json!({ "code": "operationFailed", "message": "Internal error", "supportId": SUPPORT_ID });
            (500, NO_HEADERS, json!({ "ia::error": error }).to_string())
        }
        _ => return None,
    })
}

fn gateway(status: u16, code: &str, message: &str) -> Row {
    let details = json!({ "requestId": "AC47E9D03B5F1286" });
    let body = json!({ "ia::error": { "code": code, "message": message, "details": details } });
    (status, NO_HEADERS, body.to_string())
}

fn api(status: u16, code: &str, message: &str, error_id: Option<&str>, details: &Value) -> Row {
    let mut error = json!({
        "code": code, "message": message, "supportId": SUPPORT_ID, "details": details,
    });
    if let Some(error_id) = error_id {
        error["errorId"] = error_id.into();
    }
    (status, NO_HEADERS, json!({ "ia::result": { "ia::error": error } }).to_string())
}

fn oauth(code: &str) -> Row {
    (401, NO_HEADERS, json!({ "error": code }).to_string())
}

fn token_invalid() -> Value {
    let info = json!({ "messageId": "IA.TOKEN_IS_INVALID", "placeholders": {}, "propertySet": {} });
    json!({ "error": {
        "code": "tokenInvalid", "message": "Token is not valid", "errorId": "REST-2102",
        "additionalInfo": info, "supportId": SUPPORT_ID,
    }})
}

fn partial() -> Value {
    let done = json!({ "key": "1", "id": "1", "href": "/objects/accounts-payable/vendor/1" });
    let skipped = json!({ "code": "unprocessed", "message": "Not processed", "supportId": SUPPORT_ID });
    json!({
        "ia::result": [
            { "ia::status": 201, "ia::result": done },
            { "ia::status": 422, "ia::error": skipped },
        ],
        "ia::meta": { "totalCount": 2, "totalSuccess": 1, "totalError": 1 },
    })
}

pub(crate) fn edge_page(title: &str) -> String {
    format!("<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>")
}

/// A fault of the token endpoint, used up by one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFault {
    /// None: lets a request pass, in a script of faults.
    Pass,
    /// Waits in real time before the request is processed.
    DelayMs(u64),
    /// Processes the request, then waits in real time before it answers.
    DelayAnswerMs(u64),
    /// Closes the connection; nothing was processed.
    Reset,
    /// Processes the request, then closes the connection before the first byte of an answer: the client
    /// cannot know the outcome.
    LoseAnswer,
    /// Processes the request, then closes the connection in the middle of the answer's body.
    CutAnswer,
    /// Answers this status with `GW-0001` and processes nothing.
    Status(u16),
    /// Answers this status with an HTML page of the edge and processes nothing.
    Html(u16),
    /// Answers 302 to this address and processes nothing.
    Redirect(String),
    /// Processes the request, then answers the first half of the body as if it were the whole.
    HalfAnswer,
}

impl TokenFault {
    /// A delay of real time.
    #[must_use]
    pub fn delay(by: Duration) -> Self {
        Self::DelayMs(u64::try_from(by.as_millis()).unwrap_or(u64::MAX))
    }
}
