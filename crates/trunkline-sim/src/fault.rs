//! Prepared misbehaviour: answers that replace the service's own, and faults of the network.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exchange::{Call, Reply};
use crate::{sage_intacct, salesforce};

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

    /// A fixture of the references' tables, answering once whatever the matcher picks: `E1` to `E29` of Sage
    /// Intacct's, `T01` to `T36`, `R01` to `R26`, `I01` to `I04` and `V01` to `V03` of Salesforce's.
    ///
    /// `None` for an unknown name and for the rows that are no error's answer: `E13`, a redirect (deny the
    /// consent instead), and `T35`, a success. What the tables leave open is filled with defaults.
    #[must_use]
    pub fn named(name: &str, matcher: Matcher) -> Option<Self> {
        let (status, headers, body) =
            sage_intacct::fixtures::row(name).or_else(|| salesforce::fixtures::row(name))?;
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

/// A row of a service's fixture table: status, headers, body.
pub(crate) type Row = (u16, &'static [(&'static str, &'static str)], String);

pub(crate) fn edge_page(title: &str) -> String {
    format!("<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>")
}

/// What befalls one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
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
    /// Answers this status with the service's own body for it and processes nothing.
    Status(u16),
    /// Answers this status with an HTML page of the edge and processes nothing.
    Html(u16),
    /// Answers 302 to this address and processes nothing.
    Redirect(String),
    /// Processes the request, then answers the first half of the body as if it were the whole.
    HalfAnswer,
}

impl Fault {
    /// A delay of real time.
    #[must_use]
    pub fn delay(by: Duration) -> Self {
        Self::DelayMs(u64::try_from(by.as_millis()).unwrap_or(u64::MAX))
    }
}
