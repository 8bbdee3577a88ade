//! The record of requests, so that tests can count calls.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::exchange::Call;

/// One request that reached the simulator, control requests excepted.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// HTTP method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// `grant_type`, for calls of the token endpoint.
    pub grant_type: Option<String>,
    /// Status answered; `None` while the call runs and when the connection was closed instead.
    pub status: Option<u16>,
    /// Headers by lower-case name, without `authorization` and `cookie`.
    pub headers: BTreeMap<String, String>,
    #[serde(skip)]
    token_request: bool,
}

impl LoggedRequest {
    pub(crate) fn new(call: &Call, token_request: bool, grant_type: Option<String>) -> Self {
        let headers = call
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "authorization" | "cookie"))
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Self {
            method: call.method.to_string(),
            path: call.path.clone(),
            grant_type,
            status: None,
            headers,
            token_request,
        }
    }

    /// Whether this was a call of the token endpoint.
    #[must_use]
    pub fn is_token_request(&self) -> bool {
        self.token_request
    }
}
