//! Reads a token request: form or JSON, with the gateway's own complaints.

use serde_json::Value;

use super::envelope::ApiError;
use crate::exchange::Call;

/// The attributes of a token or revoke request.
#[derive(Debug, Default)]
pub(crate) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// Reads the body by its content type, and by its first byte where that is missing.
    pub(crate) fn read(call: &Call) -> Result<Self, ApiError> {
        if call.body.is_empty() {
            return Err(ApiError::gateway(400, "GW-0035", "The request has no body"));
        }
        let kind = call.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if kind.contains("xml") {
            return Err(ApiError::gateway(400, "GW-0014", "XML content is not accepted here"));
        }
        let looks_like_json = call.body.trim_ascii_start().starts_with(b"{");
        if kind.contains("json") || (kind.is_empty() && looks_like_json) {
            return Self::from_json(&call.body);
        }
        let pairs: Vec<_> = form_urlencoded::parse(&call.body).into_owned().collect();
        Ok(Self(pairs))
    }

    fn from_json(body: &[u8]) -> Result<Self, ApiError> {
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
            return Err(ApiError::gateway(400, "GW-0032", "The body is not attribute-value"));
        };
        let pairs = fields.into_iter().filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            Value::Null => None,
            other => Some((name, other.to_string())),
        });
        Ok(Self(pairs.collect()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The attribute, which must be there and not empty.
    pub(crate) fn require(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::gateway(400, "GW-0015", format!("The attribute {name} is missing")))
    }

    /// Refuses what the gateway refuses before it looks at the grant.
    pub(crate) fn check_gateway_rules(&self) -> Result<(), ApiError> {
        let refuse = |code, message: &str| Err(ApiError::gateway(400, code, message));
        let count = |name: &str| self.0.iter().filter(|(key, _)| key == name).count();
        if count("client_id") > 1 {
            return refuse("GW-0038", "There are several client_id values");
        }
        if count("username") > 1 {
            return refuse("GW-0039", "There are several username values");
        }
        let known = ["authorization_code", "refresh_token", "client_credentials"];
        if !self.get("grant_type").is_some_and(|grant| known.contains(&grant)) {
            return refuse("GW-0032", "The grant_type is invalid");
        }
        if self.get("client_id").is_none_or(str::is_empty) {
            return refuse("GW-0037", "The client_id is missing");
        }
        if self.get("username").is_some_and(str::is_empty) {
            return refuse("GW-0036", "The username is empty");
        }
        Ok(())
    }
}
