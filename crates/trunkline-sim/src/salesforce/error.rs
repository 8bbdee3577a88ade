//! The shapes of the service's errors: a list for data calls, an object for tokens, a word for identity.

use serde_json::{Value, json};

use super::knobs::Refusal;
use crate::exchange::Reply;

/// An error of a data call: one member of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RestError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) fields: Vec<String>,
}

impl RestError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), fields: Vec::new() }
    }

    pub(crate) fn refusal(refusal: &Refusal) -> Self {
        Self::new(refusal.status, &refusal.code, refusal.message.clone())
    }

    /// R01: expired, revoked, or of another instance; the service does not tell.
    pub(crate) fn session() -> Self {
        Self::new(401, "INVALID_SESSION_ID", "Session expired or invalid")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    /// R12: a typo, or a field that the user may not read.
    pub(crate) fn no_such_column(field: &str, object: &str) -> Self {
        let message = format!(
            "No such column '{field}' on entity '{object}'. If you are attempting to use a custom field, \
             be sure to append the '__c' after the custom field name. Please reference your WSDL or the \
             describe call for the appropriate names."
        );
        Self::new(400, "INVALID_FIELD", message)
    }

    /// R13: not writable, for this user or for anybody.
    pub(crate) fn not_writable(fields: Vec<String>) -> Self {
        let message = format!(
            "Unable to create/update fields: {}. Please check the security settings of this field and \
             verify that it is read/write for your profile or permission set.",
            fields.join(", ")
        );
        Self { fields, ..Self::new(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message) }
    }

    /// R14: a typo, or an object that the user may not read.
    pub(crate) fn no_such_type(object: &str) -> Self {
        Self::new(400, "INVALID_TYPE", format!("sObject type '{object}' is not supported."))
    }

    pub(crate) fn malformed_query(message: impl Into<String>) -> Self {
        Self::new(400, "MALFORMED_QUERY", message)
    }

    pub(crate) fn method_not_allowed(method: &str) -> Self {
        let message = format!("HTTP Method '{method}' not allowed.");
        Self::new(405, "METHOD_NOT_ALLOWED", message)
    }

    pub(crate) fn with_fields(mut self, fields: &[&str]) -> Self {
        self.fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self
    }

    pub(crate) fn reply(&self) -> Reply {
        let mut error = json!({ "message": self.message, "errorCode": self.code });
        if !self.fields.is_empty() {
            error["fields"] = self.fields.clone().into();
        }
        Reply::json(self.status, &json!([error]))
    }

    /// The form inside a collection's answer, where the code has another name.
    pub(crate) fn inner(&self) -> Value {
        json!({ "statusCode": self.code, "message": self.message, "fields": self.fields })
    }
}

/// An error of the OAuth endpoints; nearly always 400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OauthError {
    pub(crate) status: u16,
    pub(crate) error: String,
    pub(crate) description: String,
}

impl OauthError {
    pub(crate) fn new(error: &str, description: impl Into<String>) -> Self {
        Self { status: 400, error: error.to_owned(), description: description.into() }
    }

    pub(crate) fn invalid_grant(description: &str) -> Self {
        Self::new("invalid_grant", description)
    }

    /// T01: rotated out, revoked, evicted, idle too long, expired; the service does not tell.
    pub(crate) fn dead_grant() -> Self {
        Self::invalid_grant("expired access/refresh token")
    }

    pub(crate) fn invalid_client() -> Self {
        Self::new("invalid_client", "invalid client credentials")
    }

    pub(crate) fn invalid_request(description: &str) -> Self {
        Self::new("invalid_request", description)
    }

    /// T32: with the words of the same table.
    pub(crate) fn unavailable() -> Self {
        Self { status: 503, ..Self::new("service_unavailable", "the service is unavailable") }
    }

    pub(crate) fn body(&self) -> Vec<(&'static str, String)> {
        vec![("error", self.error.clone()), ("error_description", self.description.clone())]
    }
}

/// A plain-text word, as the identity service answers.
pub(crate) fn word(status: u16, text: &str) -> Reply {
    let mut reply = Reply::empty(status).with_header("content-type", "text/plain;charset=UTF-8");
    text.clone_into(&mut reply.body);
    reply
}
