//! One question to the service, and what its answer means for a map.

use std::time::Duration;

use trunkline_core::bytes::Bytes;
use trunkline_core::http::Method;
use trunkline_core::url::form_urlencoded;
use trunkline_core::{
    Call, Cause, CollectError, Cx, Diagnosis, Error, Exchange, Request, Session, transport_failure,
};

use crate::diagnose::diagnose;

/// How long one question may take, to the end of its answer.
const TIME: Duration = Duration::from_secs(30);

/// Most bytes of an answer. The longest descriptions, of some thousand fields with their picklists, have a few
/// million.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Most bytes of a refusal that are looked at.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

/// Where questions go.
pub(super) struct Asker<'a> {
    pub(super) cx: &'a Cx,
    pub(super) session: &'a Session,
}

pub(super) enum Answer {
    Given(Bytes),
    Refused(Box<Diagnosis>),
    TooLong,
}

impl Asker<'_> {
    pub(super) async fn describe(&self, object: &str) -> Result<Answer, Error> {
        self.get(&format!("/sobjects/{object}/describe")).await
    }

    pub(super) async fn query(&self, soql: &str) -> Result<Answer, Error> {
        let parameters: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("q", soql).finish();
        self.get(&format!("/query?{parameters}")).await
    }

    /// A GET, which changes nothing.
    async fn get(&self, path: &str) -> Result<Answer, Error> {
        let method = Method::GET;
        // The query is left out of what is told.
        let resource = path.split('?').next().unwrap_or_default();
        let dated = |error: Error| {
            let call = format!("GET {resource}");
            error.map_diagnosis(|diagnosis| diagnosis.during(call, self.cx.clock().wall()))
        };
        let mut request = Request::new(method.clone(), self.session.endpoint().join(path)?);
        request.timeout = Some(TIME);
        let (head, mut body) = self.session.send(request).await.map_err(dated)?.into_parts();
        let (status, headers) = (head.status, &head.headers);
        if status.is_success() {
            return match body.collect(MAX_BODY_BYTES).await {
                Ok(body) if body.trim_ascii_start().starts_with(b"{") => Ok(Answer::Given(body)),
                // A page of somebody else.
                Ok(_) => Err(dated(Diagnosis::new(Cause::ResponseInvalid).status(status).into())),
                Err(CollectError::TooLarge { .. }) => Ok(Answer::TooLong),
                Err(CollectError::Transport(error)) => Err(dated(transport_failure(&error))),
            };
        }
        body.look(MAX_REFUSAL_BYTES).await;
        let body = body.seen(MAX_REFUSAL_BYTES);
        let exchange =
            Exchange { call: Call::Api, method: &method, path: resource, status, headers, body: &body };
        let diagnosis = diagnose(&exchange, None)
            .unwrap_or_else(|| trunkline_auth::oauth2::diagnose(&exchange, self.cx.clock().wall()));
        match diagnosis.cause() {
            // What concerns the token, the load or the network says nothing of rights.
            Cause::ScopeMissing
            | Cause::PermissionMissing
            | Cause::FeatureDenied
            | Cause::NotFound
            | Cause::RequestInvalid => Ok(Answer::Refused(Box::new(diagnosis))),
            _ => Err(dated(diagnosis.into())),
        }
    }
}
