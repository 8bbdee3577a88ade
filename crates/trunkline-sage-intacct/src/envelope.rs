//! The four shapes in which Sage reports an error, and the answers that hold several.
//!
//! | shape | where it is seen |
//! | --- | --- |
//! | `{"ia::error": {…}}` | the gateway, and the API as its guide has it |
//! | `{"ia::result": {"ia::error": {…}}}` | the API as its schema has it |
//! | `{"error": {…}}` | some refused tokens |
//! | `{"error": "invalid_grant"}` | the token endpoint |
//!
//! Batch and composite answers hold a list with one entry per operation, each with an `ia::status` and
//! a result or an error. Everything here is tolerant: a member that is missing, or of another type than
//! documented, is left out. Texts are cleaned and bounded, as are their numbers.

use serde_json::{Map, Value};
use trunkline_core::ServiceText;

/// Most errors of one answer that are kept: the largest batch has 500 operations.
pub const MAX_ERRORS: usize = 500;

/// Most details of one error that are kept.
pub const MAX_DETAILS: usize = 20;

/// Which shape the errors had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// `ia::error` at the top.
    Top,
    /// `ia::error` inside `ia::result`.
    Nested,
    /// `ia::error` in the entries of a list.
    Batch,
    /// An object under `error`.
    Bare,
    /// A code under `error` (RFC 6749, 5.2).
    OAuth,
}

/// One error of the service, or one detail of it. Every member is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceError {
    /// Class: `invalidRequest`, `tokenInvalid`, `GW-0040`; of an OAuth error its code.
    pub code: Option<ServiceText>,
    /// What happened, for people.
    pub message: Option<ServiceText>,
    /// The number: `REST-1028`, `AR-0279`.
    pub error_id: Option<ServiceText>,
    /// The name of the message: `IA.TOKEN_IS_INVALID`.
    pub message_id: Option<ServiceText>,
    /// The field in question, as a JSON pointer.
    pub target: Option<ServiceText>,
    /// What to do about it, for people.
    pub correction: Option<ServiceText>,
    /// What Sage's support asks for; the gateway's `requestId` where there is no `supportId`.
    pub support_id: Option<ServiceText>,
    /// The operation's own status, in a batch.
    pub status: Option<u16>,
    /// Position of the operation in a batch, from 0.
    pub position: Option<usize>,
    /// What lies behind it, at most [`MAX_DETAILS`].
    pub details: Vec<Self>,
}

impl ServiceError {
    /// Whether `code` is the error's number, class or message name. Numbers are compared as they are
    /// written; Sage writes them in capitals.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        [&self.error_id, &self.code, &self.message_id].into_iter().flatten().any(|text| text.as_str() == code)
    }

    /// The error and its details, outermost first.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.details)
    }

    /// Number, class and message name, the most telling first.
    pub fn codes(&self) -> impl Iterator<Item = &ServiceText> {
        [&self.error_id, &self.code, &self.message_id].into_iter().flatten()
    }

    fn read(value: &Value) -> Option<Self> {
        let object = match value {
            Value::Object(object) => object,
            // Never seen, but a text is better kept than lost.
            Value::String(_) => return Some(Self { message: text(Some(value)), ..Self::default() }),
            _ => return None,
        };
        let mut error = Self::members(object);
        match object.get("details") {
            Some(Value::Array(details)) => {
                let objects = details.iter().take(MAX_DETAILS).filter_map(Value::as_object);
                error.details = objects.map(Self::members).collect();
            }
            // The gateway's details are an object that names the request.
            Some(Value::Object(details)) => {
                error.support_id = error.support_id.or_else(|| text(details.get("requestId")));
            }
            _ => {}
        }
        Some(error)
    }

    fn members(object: &Map<String, Value>) -> Self {
        let info = object.get("additionalInfo").and_then(Value::as_object);
        Self {
            code: text(object.get("code")),
            message: text(object.get("message")),
            error_id: text(object.get("errorId")),
            message_id: text(info.and_then(|info| info.get("messageId"))),
            target: text(object.get("target")),
            correction: text(object.get("correction")),
            support_id: text(object.get("supportId")),
            status: None,
            position: None,
            details: Vec::new(),
        }
    }
}

/// A text or a number, cleaned and bounded; nothing if that leaves nothing.
fn text(value: Option<&Value>) -> Option<ServiceText> {
    let text = match value? {
        Value::String(text) => ServiceText::new(text),
        Value::Number(number) => ServiceText::new(&number.to_string()),
        _ => return None,
    };
    (!text.as_str().is_empty()).then_some(text)
}

/// The errors of one answer, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorEnvelope {
    /// The shape they came in.
    pub shape: Shape,
    /// The errors, at most [`MAX_ERRORS`].
    pub errors: Vec<ServiceError>,
}

impl ErrorEnvelope {
    /// Reads the errors of a body; `None` when there are none, and when it is no JSON.
    ///
    /// A batch of which a part succeeded (status 207) gives the errors of the other part.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        Self::of(&serde_json::from_slice(body).ok()?)
    }

    /// As [`parse`](Self::parse), of a body that was parsed before.
    #[must_use]
    pub fn of(body: &Value) -> Option<Self> {
        if let Value::Array(entries) = body {
            return Self::batch(entries);
        }
        let body = body.as_object()?;
        if let Some(error) = body.get("ia::error") {
            return Self::one_or_more(Shape::Top, error);
        }
        match body.get("ia::result") {
            Some(Value::Object(result)) => {
                if let Some(error) = result.get("ia::error") {
                    return Self::one_or_more(Shape::Nested, error);
                }
            }
            Some(Value::Array(entries)) => return Self::batch(entries),
            _ => {}
        }
        match body.get("error")? {
            Value::String(code) => {
                let mut error =
                    ServiceError { code: Some(ServiceText::new(code)), ..ServiceError::default() };
                error.message = text(body.get("error_description"));
                Some(Self { shape: Shape::OAuth, errors: vec![error] })
            }
            error => Self::one_or_more(Shape::Bare, error),
        }
    }

    fn one_or_more(shape: Shape, error: &Value) -> Option<Self> {
        let one = std::slice::from_ref(error);
        let all = error.as_array().map_or(one, Vec::as_slice);
        let errors: Vec<_> = all.iter().take(MAX_ERRORS).filter_map(ServiceError::read).collect();
        (!errors.is_empty()).then_some(Self { shape, errors })
    }

    fn batch(entries: &[Value]) -> Option<Self> {
        let failed = entries.iter().take(MAX_ERRORS).enumerate().filter_map(|(position, entry)| {
            let entry = entry.as_object()?;
            let nested = || entry.get("ia::result")?.as_object()?.get("ia::error");
            let error = ServiceError::read(entry.get("ia::error").or_else(nested)?)?;
            let status = entry.get("ia::status").and_then(status);
            Some(ServiceError { status, position: Some(position), ..error })
        });
        let errors: Vec<_> = failed.collect();
        (!errors.is_empty()).then_some(Self { shape: Shape::Batch, errors })
    }

    /// Every error and every detail, outermost first.
    pub fn all(&self) -> impl Iterator<Item = &ServiceError> {
        self.errors.iter().flat_map(ServiceError::chain)
    }

    /// Whether one of the errors themselves, not of their details, has this number, class or message
    /// name.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.errors.iter().any(|error| error.is(code))
    }
}

fn status(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> ErrorEnvelope {
        ErrorEnvelope::parse(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn all_four_shapes_are_read() {
        let error = json!({
            "code": "invalidRequest", "message": "Payload contains errors", "errorId": "REST-1064",
            "additionalInfo": { "messageId": "IA.PAYLOAD_CONTAINS_ERRORS", "placeholders": {} },
            "supportId": "Kxi78%7EZuyXBDEGVHD2UmO1phYXDQAAAAo",
            "details": [{ "errorId": "REST-1043", "target": "/x", "correction": "Remove it" }],
        });
        for (shape, body) in [
            (Shape::Top, json!({ "ia::error": error, "ia::meta": { "totalError": 1 } })),
            (Shape::Nested, json!({ "ia::result": { "ia::error": error }, "ia::meta": {} })),
            (Shape::Bare, json!({ "error": error })),
        ] {
            let envelope = parse(&body);
            assert_eq!(envelope.shape, shape);
            let read = &envelope.errors[0];
            assert!(
                read.is("REST-1064") && read.is("invalidRequest") && read.is("IA.PAYLOAD_CONTAINS_ERRORS")
            );
            assert_eq!(read.support_id.as_ref().unwrap().as_str(), "Kxi78%7EZuyXBDEGVHD2UmO1phYXDQAAAAo");
            assert_eq!(read.details[0].target.as_ref().unwrap().as_str(), "/x");
            assert!(!envelope.is("REST-1043") && envelope.all().any(|error| error.is("REST-1043")));
        }
        let oauth = parse(&json!({ "error": "invalid_grant", "error_description": "gone" }));
        assert_eq!(oauth.shape, Shape::OAuth);
        assert!(oauth.is("invalid_grant"));
    }

    #[test]
    fn details_of_the_gateway_are_an_object_that_names_the_request() {
        let body = json!({ "ia::error": {
            "code": "GW-0011", "message": "Invalid Request", "details": { "requestId": "AC47" },
        }});
        assert_eq!(parse(&body).errors[0].support_id.as_ref().unwrap().as_str(), "AC47");
    }

    #[test]
    fn a_batch_gives_the_entries_that_failed_with_their_place_and_status() {
        let entries = json!([
            { "ia::status": 201, "ia::result": { "key": "1" } },
            { "ia::status": 422, "ia::error": { "code": "unprocessed" } },
            { "ia::status": "400", "ia::result": { "ia::error": { "code": "invalidRequest" } } },
        ]);
        for body in [json!({ "ia::result": entries }), entries] {
            let envelope = parse(&body);
            assert_eq!(envelope.shape, Shape::Batch);
            let places: Vec<_> = envelope.errors.iter().map(|error| (error.position, error.status)).collect();
            assert_eq!(places, [(Some(1), Some(422)), (Some(2), Some(400))]);
        }
    }

    #[test]
    fn what_holds_no_error_gives_none() {
        for body in [
            "",
            "{",
            "null",
            "[]",
            "{}",
            "17",
            "<html></html>",
            "\u{feff}",
            r#"{"ia::result":{"key":"1"}}"#,
            r#"{"ia::result":[{"ia::status":200,"ia::result":{}}]}"#,
            r#"{"error":null}"#,
            r#"{"ia::error":7}"#,
        ] {
            assert_eq!(ErrorEnvelope::parse(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn odd_types_and_sizes_are_survived() {
        let long = "x".repeat(10_000);
        let body = json!({ "ia::error": {
            "code": 42, "message": ["no text"], "errorId": long, "details": vec![json!({ "code": "a" }); 400],
            "additionalInfo": "none", "supportId": { "a": 1 },
        }});
        let envelope = parse(&body);
        let error = &envelope.errors[0];
        assert!(error.is("42") && error.message.is_none() && error.support_id.is_none());
        assert_eq!(
            error.error_id.as_ref().unwrap().as_str().chars().count(),
            trunkline_core::MAX_SERVICE_TEXT
        );
        assert_eq!(error.details.len(), MAX_DETAILS);

        let many = json!({ "ia::result": vec![json!({ "ia::error": { "code": "a" } }); 2_000] });
        assert_eq!(parse(&many).errors.len(), MAX_ERRORS);
        let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
        assert_eq!(ErrorEnvelope::parse(deep.as_bytes()), None);
    }

    #[test]
    fn no_prefix_and_no_changed_byte_of_a_body_panics() {
        let body = json!({ "ia::result": { "ia::error": { "code": "x", "details": [{ "errorId": "é" }] } } });
        let body = body.to_string().into_bytes();
        for at in 0..body.len() {
            let _prefix = ErrorEnvelope::parse(&body[..at]);
            for byte in [0, b'"', b'{', b'\\', 0xff] {
                let mut changed = body.clone();
                changed[at] = byte;
                let _changed = ErrorEnvelope::parse(&changed);
            }
        }
    }
}
