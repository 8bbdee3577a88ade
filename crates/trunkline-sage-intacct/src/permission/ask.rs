//! One question to the service, and what its answer means for a map.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_core::http::Method;
use trunkline_core::http::header::{CONTENT_TYPE, HeaderValue};
use trunkline_core::permission::Action;
use trunkline_core::{Call, Cause, Cx, Diagnosis, Error, Exchange, Request, RequestBody, Session};

use super::layer::Layer;
use crate::connector::SESSION_PATH;
use crate::diagnose::diagnose;
use crate::entity::entity_header;
use crate::envelope::ErrorEnvelope;

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
    /// The user may not ask this, for this reason.
    Refused(Box<Diagnosis>),
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
        self.ask(Method::GET, &format!("/objects/{object}/{key}"), None, Value::is_object).await
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
        self.ask(Method::POST, "/services/core/query", Some(&body), Value::is_array).await
    }

    /// What the caller may do to one of these records. An action that is not among them may yet be open on
    /// others, so that this can only permit.
    pub(super) async fn allowed(&self, object: &str, keys: &[String]) -> Result<Vec<Action>, Error> {
        const TOLD: [(&str, Action); 3] =
            [("canView", Action::READ), ("canEdit", Action::UPDATE), ("canDelete", Action::DELETE)];
        let body =
            json!({ "object": object, "keys": keys, "operations": TOLD.each_ref().map(|(name, _)| name) });
        let path = "/services/core/allowed-operations/list";
        let Answer::Given(answer) = self.ask(Method::POST, path, Some(&body), Value::is_array).await? else {
            return Ok(Vec::new());
        };
        let says = |name: &str| {
            let of = |row: &Value| Some(row.get("operations")?.as_array()?.iter().any(|it| it == name));
            answer.rows().iter().any(|row| of(row) == Some(true))
        };
        Ok(TOLD.into_iter().filter(|(name, _)| says(name)).map(|(_, action)| action).collect())
    }

    /// Asks for the session behind the token, which needs no permission; answers the refusal, if it is one. The
    /// session id is a credential: a good answer is dropped unread.
    pub(super) async fn session(&self) -> Result<Option<Box<Diagnosis>>, Error> {
        let answered = self.send(Method::GET, SESSION_PATH, None, is_good).await?;
        match answered {
            Ok(()) => Ok(None),
            Err(diagnosis) if is_refusal(&diagnosis) || diagnosis.cause() == Cause::NotFound => {
                Ok(Some(diagnosis))
            }
            Err(diagnosis) => Err(Error::from(*diagnosis)),
        }
    }

    /// `fits` tells whether a result is of the form that was asked for: what is not must not count as empty.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        fits: fn(&Value) -> bool,
    ) -> Result<Answer, Error> {
        let read = |body: &[u8]| {
            let value = serde_json::from_slice::<Value>(body).ok()?;
            let whole = value.get("ia::result").is_some_and(|it| fits(it) && it.get("ia::error").is_none());
            whole.then_some(value)
        };
        Ok(match self.send(method, path, body, read).await? {
            Ok(value) => Answer::Given(Given(value)),
            // What comes before the object is refused for every object alike: no verdict on one of them.
            Err(diagnosis) if is_refusal(&diagnosis) => Answer::Refused(diagnosis),
            Err(diagnosis) if matches!(diagnosis.cause(), Cause::NotFound | Cause::RequestInvalid) => {
                Answer::NotThere
            }
            Err(diagnosis) => return Err(Error::from(*diagnosis)),
        })
    }

    /// Sends a question; answers what `read` makes of a success, or why there is none.
    async fn send<T>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Result<T, Box<Diagnosis>>, Error> {
        let call = || (format!("{method} {path}"), self.cx.clock().wall());
        let mut request = Request::new(method.clone(), self.session.endpoint().join(path)?);
        request.timeout = Some(TIME);
        if let Some(body) = body {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.body = RequestBody::Bytes(body.to_string().into());
        }
        if let Some(entity) = self.session.endpoint().entity().filter(|_| self.in_entity) {
            request.headers.insert(entity_header(), entity.clone());
        }
        let sent = self.session.send(request).await.map_err(|error| {
            let (call, at) = call();
            error.map_diagnosis(|diagnosis| diagnosis.during(call, at))
        });
        let (head, mut body) = sent?.into_parts();
        body.look(MAX_BODY_BYTES).await;
        let body = body.seen(MAX_BODY_BYTES);
        let (status, headers) = (head.status, &head.headers);
        let seen = body.get(..body.len().min(64 * 1024)).unwrap_or_default();
        let exchange = Exchange { call: Call::Api, method: &method, path, status, headers, body: seen };
        let diagnosis = if status.is_success() {
            match read(&body) {
                Some(value) => return Ok(Ok(value)),
                None => diagnose(&exchange, None),
            }
        } else {
            diagnose(&exchange, None)
        };
        let diagnosis = diagnosis.unwrap_or_else(|| Diagnosis::new(Cause::ResponseInvalid).status(status));
        let (call, at) = call();
        Ok(Err(Box::new(diagnosis.during(call, at))))
    }
}

/// Whether a body holds no error.
fn is_good(body: &[u8]) -> Option<()> {
    ErrorEnvelope::parse(body).is_none().then_some(())
}

/// Whether it is one thing that was refused, and not the caller as such.
fn is_refusal(diagnosis: &Diagnosis) -> bool {
    Layer::of(diagnosis.cause()).is_some_and(|layer| layer >= Layer::Module)
}
