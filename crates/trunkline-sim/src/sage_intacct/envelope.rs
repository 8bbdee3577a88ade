//! The service's four error shapes and its result envelope.

use serde_json::{Map, Value, json};

use super::knobs::{ErrorNesting, Knobs, Refusal};
use crate::exchange::Reply;
use crate::random;

/// An error before it is put into its envelope.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    shape: Shape,
    // Boxed, since it travels in the `Err` of nearly every function here.
    parts: Box<Parts>,
}

#[derive(Debug, Clone)]
struct Parts {
    code: String,
    message: String,
    error_id: Option<String>,
    message_id: Option<String>,
    placeholders: Map<String, Value>,
    details: Vec<Value>,
    headers: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `ia::error`, nested or not by knob, with `supportId` and a list of details.
    Api,
    /// `ia::error` with `details.requestId`.
    Gateway,
    /// A bare `error` object.
    Bare,
    /// `{"error":"<code>"}`.
    OAuth,
}

impl ApiError {
    fn new(status: u16, shape: Shape, code: &str, message: impl Into<String>) -> Self {
        let parts = Parts {
            code: code.to_owned(),
            message: message.into(),
            error_id: None,
            message_id: None,
            placeholders: Map::new(),
            details: Vec::new(),
            headers: Vec::new(),
        };
        Self { status, shape, parts: Box::new(parts) }
    }

    pub(crate) fn api(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self::new(status, Shape::Api, code, message)
    }

    pub(crate) fn gateway(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self::new(status, Shape::Gateway, code, message)
    }

    pub(crate) fn oauth(status: u16, code: &str) -> Self {
        Self::new(status, Shape::OAuth, code, "")
    }

    pub(crate) fn refusal(status: u16, refusal: &Refusal, fill: &[(&str, &str)]) -> Self {
        let message = fill
            .iter()
            .fold(refusal.message.clone(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        let mut error = Self::api(status, &refusal.code, message);
        error.parts.error_id.clone_from(&refusal.error_id);
        error.parts.message_id.clone_from(&refusal.message_id);
        error
    }

    /// `REST-2102`: revoked, superseded, or its session is gone.
    pub(crate) fn token_rejected(knobs: &Knobs) -> Self {
        let mut error =
            Self::new(knobs.rejected_token_status, Shape::Bare, "tokenInvalid", "Token is not valid");
        error.parts.error_id = Some("REST-2102".to_owned());
        error.parts.message_id = Some("IA.TOKEN_IS_INVALID".to_owned());
        error
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::api(400, "invalidRequest", message)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::api(404, "notFound", format!("{what} was not found"))
    }

    /// `REST-1028`: the operation needs a body.
    pub(crate) fn payload_missing(operation: &str) -> Self {
        Self::bad_request("The request requires a payload")
            .with_id("REST-1028", "IA.REQUEST_REQUIRES_A_PAYLOAD")
            .with_placeholder("OPERATION", operation)
    }

    /// `REST-1064` around one detail per offending field.
    pub(crate) fn payload_errors(details: Vec<Value>) -> Self {
        let mut error =
            Self::bad_request("Payload contains errors").with_id("REST-1064", "IA.PAYLOAD_CONTAINS_ERRORS");
        error.parts.details = details;
        error
    }

    /// `REST-7001` around module codes or plain texts.
    pub(crate) fn operation_failed(status: u16, operation: &str, object: &str, details: Vec<Value>) -> Self {
        let mut error = Self::api(status, "operationFailed", format!("{operation} on {object} failed"))
            .with_id("REST-7001", "IA.REQUEST_ON_OBJECT_FAILED")
            .with_placeholder("OPERATION", operation)
            .with_placeholder("RESOURCE_NAME", object);
        error.parts.details = details;
        error
    }

    pub(crate) fn with_id(mut self, error_id: &str, message_id: &str) -> Self {
        self.parts.error_id = Some(error_id.to_owned());
        self.parts.message_id = (!message_id.is_empty()).then(|| message_id.to_owned());
        self
    }

    pub(crate) fn with_placeholder(mut self, name: &str, value: &str) -> Self {
        self.parts.placeholders.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parts.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The error object itself, as batch and composite answers embed it.
    pub(crate) fn object(&self) -> Value {
        let mut object = Map::new();
        object.insert("code".into(), self.parts.code.as_str().into());
        object.insert("message".into(), self.parts.message.as_str().into());
        if self.shape == Shape::Gateway {
            let request_id = random::hex::<8>().to_uppercase();
            object.insert("details".into(), json!({ "requestId": request_id }));
            return object.into();
        }
        if let Some(id) = &self.parts.error_id {
            object.insert("errorId".into(), id.as_str().into());
        }
        if let Some(id) = &self.parts.message_id {
            let info = json!({ "messageId": id, "placeholders": self.parts.placeholders, "propertySet": {} });
            object.insert("additionalInfo".into(), info);
        }
        object.insert("supportId".into(), support_id().into());
        if self.shape == Shape::Api {
            object.insert("details".into(), self.parts.details.clone().into());
        }
        object.into()
    }

    pub(crate) fn reply(&self, knobs: &Knobs) -> Reply {
        let body = match self.shape {
            Shape::OAuth => json!({ "error": self.parts.code }),
            Shape::Bare => json!({ "error": self.object() }),
            Shape::Gateway => json!({ "ia::error": self.object() }),
            Shape::Api => {
                let meta = json!({ "totalCount": 1, "totalSuccess": 0, "totalError": 1 });
                match knobs.error_nesting {
                    ErrorNesting::Result => {
                        json!({ "ia::result": { "ia::error": self.object() }, "ia::meta": meta })
                    }
                    ErrorNesting::Top => json!({ "ia::error": self.object(), "ia::meta": meta }),
                }
            }
        };
        let mut reply = Reply::json(self.status, &body);
        reply.headers.extend(self.parts.headers.iter().cloned());
        reply
    }
}

/// One entry of an error's `details`.
pub(crate) fn detail(error_id: &str, message_id: &str, message: &str, target: &str) -> Value {
    json!({
        "code": "invalidRequest",
        "message": message,
        "errorId": error_id,
        "target": target,
        "additionalInfo": { "messageId": message_id, "placeholders": {}, "propertySet": {} },
    })
}

/// A detail for which no error id of the service is known.
pub(crate) fn plain_detail(message: &str, target: &str) -> Value {
    json!({ "code": "invalidRequest", "message": message, "target": target })
}

/// `{"ia::result":…,"ia::meta":…}` with the counts of a single success.
pub(crate) fn result(status: u16, result: &Value) -> Reply {
    with_meta(status, result, &json!({ "totalCount": 1, "totalSuccess": 1, "totalError": 0 }))
}

pub(crate) fn with_meta(status: u16, result: &Value, meta: &Value) -> Reply {
    Reply::json(status, &json!({ "ia::result": result, "ia::meta": meta }))
}

/// URL-encoded text like the service's own; `%7E` proves that clients keep it unchanged.
fn support_id() -> String {
    format!("{}%7E{}", random::text::<4>(), random::text::<20>())
}
