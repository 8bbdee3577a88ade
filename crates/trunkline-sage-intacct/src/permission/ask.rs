//! One question to the service, and what its answer means for a map.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_core::http::Method;
use trunkline_core::http::header::{CONTENT_TYPE, HeaderValue};
use trunkline_core::{Call, Cause, Cx, Diagnosis, Error, Exchange, Request, RequestBody, Session};

use super::layer::Layer;
use crate::diagnose::diagnose;
use crate::entity::{Entity, entity_header};
use crate::provider::CAPTURE_ENTITY;

/// How long one question may take, to the end of its answer.
const TIME: Duration = Duration::from_secs(30);

/// Most bytes of an answer: a catalogue of 4000 rows has some hundred thousand.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// Where questions go.
pub(super) struct Asker<'a> {
    pub(super) cx: &'a Cx,
    pub(super) session: &'a Session,
    /// Whether to ask in the connection's entity: an entity that is refused would hide what the user holds.
    pub(super) in_entity: bool,
}

pub(super) enum Answer {
    Given(Given),
    /// The user may not ask this, for this cause.
    Refused(Cause),
    /// The service does not know the object or record, or takes no such question about it.
    NotThere,
}

/// A successful answer.
pub(super) struct Given(Value);

impl Given {
    pub(super) fn result(&self) -> &Value {
        self.0.get("ia::result").unwrap_or(&Value::Null)
    }

    pub(super) fn rows(&self) -> &[Value] {
        self.result().as_array().map_or(&[], Vec::as_slice)
    }

    pub(super) fn has_more(&self) -> bool {
        self.0.get("ia::meta").and_then(|meta| meta.get("next")).is_some_and(|next| !next.is_null())
    }
}

impl Asker<'_> {
    pub(super) async fn get(&self, object: &str, key: &str) -> Result<Answer, Error> {
        self.ask(Method::GET, &format!("/objects/{object}/{key}"), None).await
    }

    /// A query with one filter, or with none for null.
    pub(super) async fn query(
        &self,
        object: &str,
        fields: &[&str],
        filter: &Value,
        size: usize,
    ) -> Result<Answer, Error> {
        let mut body = json!({ "object": object, "fields": fields, "size": size });
        if !filter.is_null() {
            body["filters"] = json!([filter]);
        }
        self.ask(Method::POST, "/services/core/query", Some(&body)).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Error> {
        let dated = |error: Error| {
            error.map_diagnosis(|diagnosis| {
                diagnosis.during(format!("{method} {path}"), self.cx.clock().wall())
            })
        };
        let mut request = Request::new(method.clone(), self.session.endpoint().join(path)?);
        request.timeout = Some(TIME);
        if let Some(body) = body {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.body = RequestBody::Bytes(body.to_string().into());
        }
        let entity = self.session.captures().get(CAPTURE_ENTITY).filter(|_| self.in_entity);
        if let Some(entity) = entity {
            request.headers.insert(entity_header(), Entity::parse(entity)?.header_value()?);
        }
        let (head, mut body) = self.session.send(request).await.map_err(dated)?.into_parts();
        body.look(MAX_BODY_BYTES).await;
        let body = body.seen(MAX_BODY_BYTES);
        if head.status.is_success()
            && let Ok(value) = serde_json::from_slice::<Value>(&body)
            && value.get("ia::result").is_some_and(|result| result.get("ia::error").is_none())
        {
            return Ok(Answer::Given(Given(value)));
        }
        let (status, headers) = (head.status, &head.headers);
        let body = body.get(..body.len().min(64 * 1024)).unwrap_or_default();
        let exchange = Exchange { call: Call::Api, method: &method, path, status, headers, body };
        let diagnosis = diagnose(&exchange, None)
            .unwrap_or_else(|| Diagnosis::new(Cause::ResponseInvalid).status(status));
        match diagnosis.cause() {
            // What comes before the object is refused for every object alike: no verdict on one of them.
            cause if Layer::of(cause).is_some_and(|layer| layer >= Layer::Module) => {
                Ok(Answer::Refused(cause))
            }
            Cause::NotFound | Cause::RequestInvalid => Ok(Answer::NotThere),
            _ => Err(dated(diagnosis.into())),
        }
    }
}
