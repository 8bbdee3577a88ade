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
//! documented, is left out, and bytes that are no UTF-8 cost no more than their characters. Texts are
//! cleaned and bounded, as are their numbers. Only a member that stands twice makes a body unreadable.

mod read;

use std::borrow::Cow;

use trunkline_core::ServiceText;

use read::{Lenient, Node, Operations, Outcome, Stated};

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
}

/// The errors of one answer, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorEnvelope {
    /// The shape they came in.
    pub shape: Shape,
    /// The errors, at most [`MAX_ERRORS`].
    pub errors: Vec<ServiceError>,
    /// How many operations of a batch did not fail.
    pub succeeded: usize,
}

impl ErrorEnvelope {
    /// Reads the errors of a body; `None` when there are none, and when it is no JSON.
    ///
    /// A batch of which a part succeeded (status 207) gives the errors of the other part.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        // The codes are ASCII in every charset that a gateway mistakes for UTF-8.
        let Lenient(body): Lenient<Outcome> = match String::from_utf8_lossy(body) {
            Cow::Borrowed(text) => serde_json::from_str(text),
            Cow::Owned(text) => serde_json::from_str(&text),
        }
        .ok()?;
        match body {
            Outcome::Object(node) => Self::of(*node),
            Outcome::List(operations) => Self::batch(operations),
            Outcome::Other => None,
        }
    }

    fn of(node: Node) -> Option<Self> {
        let top = node.error.0.into_errors();
        if !top.is_empty() {
            return Self::stated(Shape::Top, top);
        }
        match node.result.0 {
            Outcome::Object(inner) => {
                let nested = inner.error.0.into_errors();
                if !nested.is_empty() {
                    return Self::stated(Shape::Nested, nested);
                }
            }
            Outcome::List(operations) => return Self::batch(operations),
            Outcome::Other => {}
        }
        match node.bare.0 {
            Stated::Text(code) => {
                let message = node.error_description.0.0;
                let error = ServiceError { code: Some(code), message, ..ServiceError::default() };
                Self::stated(Shape::OAuth, vec![error])
            }
            bare => Self::stated(Shape::Bare, bare.into_errors()),
        }
    }

    fn stated(shape: Shape, errors: Vec<ServiceError>) -> Option<Self> {
        (!errors.is_empty()).then_some(Self { shape, errors, succeeded: 0 })
    }

    fn batch(Operations { failed, succeeded }: Operations) -> Option<Self> {
        let envelope = Self::stated(Shape::Batch, failed)?;
        Some(Self { succeeded, ..envelope })
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
    fn a_batch_counts_what_did_not_fail_and_a_bare_status_is_a_failure() {
        let entries = json!([
            { "ia::status": 200, "ia::result": [
                { "ia::status": 201, "ia::result": {} },
                { "ia::status": 404, "ia::error": { "code": "notFound" } },
            ]},
            { "ia::status": 500 },
            { "ia::result": { "key": "1" } },
            7,
        ]);
        let envelope = parse(&json!({ "ia::result": entries }));
        let found: Vec<_> = envelope.errors.iter().map(|error| (error.position, error.status)).collect();
        assert_eq!((found, envelope.succeeded), (vec![(Some(0), Some(404)), (Some(1), Some(500))], 2));
    }

    #[test]
    fn a_member_that_stands_twice_makes_the_body_unreadable() {
        for body in [
            r#"{"error":"invalid_grant","error":"temporarily_unavailable"}"#,
            r#"{"ia::error":{"code":"a","code":"GW-0040"}}"#,
            r#"{"ia::error":{"code":"a"},"ia::error":{"code":"b"}}"#,
        ] {
            assert_eq!(ErrorEnvelope::parse(body.as_bytes()), None, "{body}");
        }
        // What nobody looks at may stand there as often as it likes.
        let body = br#"{"ia::meta":1,"ia::meta":2,"ia::error":{"x":1,"x":2,"code":"a"}}"#;
        assert!(ErrorEnvelope::parse(body).unwrap().is("a"));
    }

    #[test]
    fn codes_are_read_whatever_the_charset_of_the_text() {
        for body in [
            &b"{\"ia::error\":{\"code\":\"GW-0040\",\"message\":\"Jeton expir\xe9\"}}"[..],
            b"\xef\xbb\xbf{\"error\":{\"code\":\"GW-0040\"}}",
        ] {
            assert!(ErrorEnvelope::parse(body).unwrap().is("GW-0040"));
        }
        let utf16: Vec<u8> =
            r#"{"error":"invalid_grant"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(ErrorEnvelope::parse(&utf16), None);
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
